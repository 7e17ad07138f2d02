# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Numbered, checksummed frames: sent into a netdev, checked when they come back.

A frame is Ethernet and, by turns, IPv4/UDP of some flow, IPv6/UDP or a local experimental
ethertype; then magic, number, and pseudo-random bytes that depend on the number, and the CRC of all
of it. What comes back must be one of those sent, byte for byte behind the MAC addresses.
"""

import random
import select
import socket
import struct
import time
import zlib

from . import core

MAGIC = b"vnt1"
ETH_P_ALL = 3
PACKET_OUTGOING = 4
MIN_FRAME = 60
EXPERIMENTAL = 0x88B5  # IEEE 802 local experimental ethertype 1


def _checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ipv4(payload, flow):
    udp = struct.pack(">HHHH", 1024 + flow, 4789, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), flow, 0x4000, 64, 17, 0,
                       bytes((198, 18, 0, 1)), bytes((198, 18, 1, flow & 0xFF)))
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


def _ipv6(payload, flow):
    udp = struct.pack(">HHHH", 1024 + flow, 4789, 8 + len(payload), 0) + payload
    src = bytes.fromhex("20010002") + bytes(11) + b"\1"
    dst = bytes.fromhex("20010002") + bytes(11) + bytes([flow & 0xFF])
    return struct.pack(">IHBB", 0x60000000, len(udp), 17, 64) + src + dst + udp


# How a payload is wrapped: ethertype, bytes of header, function.
KINDS = ((0x0800, 28, _ipv4), (0x86DD, 48, _ipv6), (EXPERIMENTAL, 0, lambda p, flow: p))


def make(number, size, flow, seed=0):
    """Frame @number of @size bytes, but for the MAC addresses: what follows them."""
    # The smallest sizes are the experimental ethertype's: IP headers leave no room.
    kind = KINDS[number % 3] if size >= 96 else KINDS[2]
    room = size - 14 - kind[1]
    head = MAGIC + struct.pack(">IH", number, seed & 0xFFFF)
    filler = random.Random(number ^ seed << 32).randbytes(room - len(head) - 4)
    body = head + filler
    body += struct.pack(">I", zlib.crc32(body))
    return struct.pack(">H", kind[0]) + kind[2](body, flow)


class Link:
    """A raw socket on a netdev: sees whole frames, both ways."""

    def __init__(self, ns, ifname, rcvbuf=8 << 20):
        self.ifname = ifname
        self.tags = False  # when set, tag says which VLAN tag the last frame had, or None
        self.tag = None
        with ns.entered():
            # Protocol 0: nothing of other interfaces comes in before the bind.
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, 33, rcvbuf)  # SO_RCVBUFFORCE
            self.sock.bind((ifname, ETH_P_ALL))
            # PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC: frames to any address are ours
            self.sock.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex(ifname), 1, 0,
                                                     b""))
            self.sock.setsockopt(263, 8, 1)  # PACKET_AUXDATA: the kernel takes tags out of frames
        self.sock.setblocking(False)

    def send(self, frame):
        """@return False when the queue is full now."""
        try:
            self.sock.send(frame)
            return True
        except BlockingIOError:
            return False
        except OSError as e:
            if e.errno == 105:  # ENOBUFS: the device's queue is full
                return False
            raise

    def recv(self):
        """The next frame that came from the device, or None."""
        while True:
            try:
                if self.tags:
                    data, more, _, addr = self.sock.recvmsg(65536 + 64, 64)
                    self.tag = self._tag(more)
                else:
                    data, addr = self.sock.recvfrom(65536 + 64)
            except BlockingIOError:
                return None
            if addr[2] != PACKET_OUTGOING:
                return data

    @staticmethod
    def _tag(more):
        """From struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid."""
        for level, kind, data in more:
            if (level, kind) == (263, 8):
                status, tci = struct.unpack_from("I", data)[0], struct.unpack_from("H", data, 16)[0]
                return tci & 0xFFF if status & 0x10 else None  # TP_STATUS_VLAN_VALID
        return None

    def close(self):
        self.sock.close()


class Loop:
    """Sends frames into the device of a representor whose driver sends them back."""

    def __init__(self, ns, ifname, max_frame=1514, window=None, seed=1, flows=16):
        self.link = Link(ns, ifname)
        qlen = ns.link(ifname).get("txqlen") or 16
        # Fewer in flight than any queue on the way holds: then nothing may be lost.
        self.window = window or max(1, min(32, qlen // 2))
        self.random = random.Random(seed)
        self.seed = seed
        self.flows = flows
        self.max_frame = max_frame
        self.number = 0
        self.flying = {}     # number -> what follows the MAC addresses
        self.forgiven = set()  # numbers sent before the path was there, see settle()
        self.repeated = 0
        self.returned = 0
        self.bytes = 0
        self.strangers = 0   # frames that are not ours (the kernel's own)

    def _next(self):
        edge = (MIN_FRAME, MIN_FRAME + 1, 127, 128, 129, 1024, self.max_frame - 1, self.max_frame)
        n = self.number
        size = edge[n % 16] if n % 16 < len(edge) else self.random.randint(MIN_FRAME,
                                                                          self.max_frame)
        body = make(n, size, self.random.randrange(self.flows), self.seed)
        return n, struct.pack(">6s6s", b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2") + body

    def send_one(self):
        """@return False when the netdev's queue is full now."""
        n, frame = self._next()
        if not self.link.send(frame):
            return False
        self.flying[n] = frame[12:]
        self.number += 1
        return True

    def take(self):
        """Check all frames that are there."""
        while (frame := self.link.recv()) is not None:
            at = frame.find(MAGIC, 14, 14 + 48 + len(MAGIC))
            if at < 0:
                self.strangers += 1
                continue
            (number, seed) = struct.unpack_from(">IH", frame, at + 4)
            if seed != self.seed & 0xFFFF:
                self.strangers += 1
                continue
            sent = self.flying.pop(number, None)
            if sent is None and number in self.forgiven:
                self.forgiven.remove(number)
                self.repeated += 1
                continue
            core.check(sent is not None,
                       f"frame {number} came back twice, or was never sent "
                       f"({self.number} sent, {self.returned} back)")
            core.check(frame[12:] == sent, f"frame {number} ({12 + len(sent)} bytes) came back "
                       f"changed ({len(frame)} bytes)")
            self.returned += 1
            self.bytes += len(frame)

    def run(self, count=None, until=None, patience=30):
        """Send @count frames (or until @until() is true) and see all of them come back."""
        target = None if count is None else self.number + count
        deadline = time.monotonic() + patience
        last = self.returned
        while True:
            more = self.number < target if target is not None else not until()
            while more and len(self.flying) < self.window and (
                    target is None or self.number < target):
                if not self.send_one():
                    break
            if not more and not self.flying:
                return
            select.select([self.link.sock], [], [], 0.05)
            self.take()
            if self.returned != last:
                last = self.returned
                deadline = time.monotonic() + patience
            elif time.monotonic() > deadline:
                raise core.Fail(
                    f"{len(self.flying)} of {self.number} frames lost on {self.link.ifname}: "
                    f"numbers {sorted(self.flying)[:10]} did not come back within {patience} s")

    def may_repeat(self, n=64):
        """The device's process was killed: up to @n of the last frames may be sent once more."""
        self.forgiven.update(range(max(0, self.number - n), self.number))

    def settle(self, seconds=30):
        """See one frame go round before the counting begins: the path may still be building.

        @return how many frames were sent for it.
        """
        before = self.number
        end = time.monotonic() + seconds
        while True:
            self.send_one()
            select.select([self.link.sock], [], [], 0.05)
            self.take()
            if self.returned:
                break
            if time.monotonic() > end:
                raise core.Fail(f"no frame came back on {self.link.ifname} within {seconds} s")
        # Those sent before the path was there may be lost, or still come; later ones must come.
        self.forgiven.update(self.flying)
        self.flying.clear()
        self.returned = self.bytes = 0
        return self.number - before

    def close(self):
        self.link.close()
