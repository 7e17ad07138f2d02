# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Frames for the tests of what a device receives, the network's end, and the hash of RSS."""

import select
import socket
import struct
import time

from vnt import core, frames

BROADCAST = b"\xff" * 6
PEER = b"\x02\0\0\0\0\x01"
EXPERIMENTAL = 0x88B5

# Hash types (virtio 1.2, 5.1.6.4.3.1) and what is reported for them (5.1.6.4.3.3).
IPV4, TCPV4, UDPV4, IPV6, TCPV6, UDPV6 = 1, 2, 4, 8, 16, 32
REPORT = {0: 0, IPV4: 1, TCPV4: 2, UDPV4: 3, IPV6: 4, TCPV6: 5, UDPV6: 6}

# The key of Microsoft's verification suite, which NICs and drivers use as well.
KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                    "6a42b73bbeac01fa")


def toeplitz(key, data):
    """The Toeplitz hash: 32 bits of the key, from bit n on, for each bit n that is set."""
    k = int.from_bytes(key, "big")
    bits = len(key) * 8
    out = 0
    for i in range(len(data) * 8):
        if data[i // 8] & 0x80 >> i % 8:
            out ^= k >> bits - 32 - i & 0xFFFFFFFF
    return out


class Flow:
    """An IP flow: its frames, and their hash."""

    def __init__(self, kind, n, dst=b"\x02\0\0\0\0\x02"):
        """@kind "udp4", "tcp4", "icmp4", "udp6", "tcp6", "icmp6"; @n: addresses and ports."""
        self.kind = kind
        self.dst = dst
        self.v6 = kind.endswith("6")
        self.proto = kind[:-1]
        ports = struct.pack(">HH", 1024 + n, 53 + n % 7)
        if self.v6:
            base = bytes.fromhex("20010002") + bytes(10)
            self.addresses = base + struct.pack(">H", n) + base + struct.pack(">H", 3 * n + 1)
        else:
            self.addresses = struct.pack(">IHH", 0xC6120000 + n, 0xC613, 7 * n & 0xFFFF)
        self.ports = ports if self.proto != "icmp" else b""

    def hash_type(self, types):
        """Which of @types is this flow's."""
        exact = {"udp4": UDPV4, "tcp4": TCPV4, "udp6": UDPV6, "tcp6": TCPV6}.get(self.kind, 0)
        if exact & types:
            return exact
        return (IPV6 if self.v6 else IPV4) & types

    def hash(self, key, types):
        kind = self.hash_type(types)
        if not kind:
            return 0
        return toeplitz(key, self.addresses + (self.ports if kind not in (IPV4, IPV6) else b""))

    def frame(self, number):
        payload = b"vntq" + struct.pack(">I", number) + bytes(26)
        if self.proto == "udp":
            l4 = self.ports + struct.pack(">HH", 8 + len(payload), 0) + payload
        elif self.proto == "tcp":
            l4 = self.ports + struct.pack(">IIBBHHH", number, 0, 0x50, 0x10, 1000, 0, 0) + payload
        else:
            l4 = struct.pack(">BBHHH", 8, 0, 0, number & 0xFFFF, 1) + payload
        n = {"udp": 17, "tcp": 6, "icmp": 58 if self.v6 else 1}[self.proto]
        if self.v6:
            ip = struct.pack(">IHBB", 0x60000000, len(l4), n, 64) + self.addresses
        else:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(l4), number & 0xFFFF, 0x4000, 64, n,
                               0) + self.addresses
            ip = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        return self.dst + PEER + struct.pack(">H", 0x86DD if self.v6 else 0x0800) + ip + l4


def checksum(data):
    """The Internet checksum."""
    data = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def plain(dst, number, vlan=None, size=60):
    """A frame of a local experimental ethertype."""
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    body = dst + PEER + tag + struct.pack(">H4sI", EXPERIMENTAL, b"vntq", number)
    return body.ljust(size, b"\0")


def number_of(frame):
    """The number in a frame of ours, or None."""
    at = frame.find(b"vntq", 14, 90)
    return struct.unpack_from(">I", frame, at + 4)[0] if at >= 0 else None


class Net:
    """The network's end of a device."""

    def __init__(self, p, pf):
        self.link = frames.Link(p.ns, p.up(pf))
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.link.close()

    def next(self):
        self.number += 1
        return self.number

    def send(self, frame, seconds=30):
        """One frame, when the netdev's queue has room."""
        end = time.monotonic() + seconds
        while not self.link.send(frame):
            core.check(time.monotonic() < end, "no room in the representor's queue")
            time.sleep(0.001)

    def collect(self, count, number=None, seconds=30):
        """@count frames of ours that came from the device; @number: function that knows them."""
        got = []
        end = time.monotonic() + seconds
        while len(got) < count and time.monotonic() < end:
            select.select([self.link.sock], [], [], 0.05)
            while (f := self.link.recv()) is not None:
                if (number or number_of)(f) is not None:
                    got.append(f)
        return got


def take(d, pairs, want, seconds=30):
    """Receive on @pairs until the numbers @want were seen. @return {number: (pair, hdr, frame)}."""
    got = {}
    end = time.monotonic() + seconds
    while not want <= set(got):
        if time.monotonic() > end:
            raise core.Fail(f"frames {sorted(want - set(got))[:10]} of {len(want)} did not arrive")
        for i in pairs:
            for header, frame in d.rx(i).wait(1, timeout=0.005):
                n = number_of(frame)
                if n is not None:
                    core.check(n not in got, f"frame {n} arrived twice")
                    got[n] = (i, header, frame)
    return got


def passes(d, net, sent, marker, pair=0):
    """Which of the frames @sent (name -> frame maker) arrive, by a @marker that surely does."""
    names = {}
    for name, make in sent.items():
        n = net.next()
        names[n] = name
        net.send(make(n))
    last = net.next()
    net.send(marker(last))
    got = take(d, [pair], {last})
    return {names[n] for n in got if n in names}


def vnet_socket(p, rep):
    """A packet socket whose frames have a virtio-net header (PACKET_VNET_HDR)."""
    with p.ns.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        s.setsockopt(263, 15, 1)
        s.bind((rep, 3))
    return s
