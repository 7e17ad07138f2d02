# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The embedded switch: devices of the ring-level client that talk to each other, and an uplink."""

import contextlib
import os
import struct
import time

import vhost_user_client as vuc
from vnt import core, frames, program, virtio
from vnt.core import check, check_eq, test

ALL = "ff:ff:ff:ff:ff:ff"
NEEDS_CSUM, TCPV4 = 1, 1
# What a driver offers that takes frames with the work undone, and one that takes nothing.
WITH = virtio.bit(virtio.F_GUEST_CSUM, virtio.F_GUEST_TSO4, virtio.F_CSUM, virtio.F_HOST_TSO4)


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def frame(dst, src, number=0, vlan=None, size=64):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    head = octets(dst) + octets(src) + tag + struct.pack("!HI", 0x88B5, number)
    return head.ljust(size, b"\x5a")


class Net:
    """A program with devices on the switch, and a client at each."""

    def __init__(self, t, stack, n=2, pollers=1, features=None, eal=(), static_pf=None,
                 **switch):
        pf_conf = {"port": "switch", **(static_pf or {})}
        self.p = program.Program(t, conf={"static_pf": pf_conf, "switch": switch},
                                 capacity=program.capacity(n, 4))
        # However few processors there are: the main lcore and pollers share them.
        cpu = sorted(os.sched_getaffinity(0))
        lcores = ",".join(f"{i}@{cpu[i % len(cpu)]}" for i in range(pollers + 1))
        self.p.eal = [*self.p.no_huge()[:-2], "--lcores", lcores, *eal]
        self.p.start()
        self.mac = [d["mac"] for d in sorted(self.p.devices(), key=lambda d: d["pf_id"])]
        self.c = []
        for pf in range(n):
            c = stack.enter_context(vuc.VhostUserClient(self.p.socket(pf)))
            c.setup(features=features[pf] if features else None)
            c.rx(0).fill()
            self.c.append(c)
            self.p.wait_enabled(2, pf)

    def send(self, i, data, header=None):
        check(self.c[i].tx(0).send(data, header), "the ring is full")
        self.c[i].tx(0).flush()

    def expect(self, i, *frames):
        """Device @i gets these, and nothing before them."""
        seen = [f for _, f in self.c[i].rx(0).wait(len(frames))]
        check_eq(seen, list(frames), f"frames at device {i}")

    def show(self):
        return self.p.ask("/virtnet/debug,section=switch")["switch"]


@contextlib.contextmanager
def net(t, *args, **kwargs):
    with contextlib.ExitStack() as stack:
        n = Net(t, stack, *args, **kwargs)
        yield n
    n.p.stop()


@core.variants(("one_poller", 1), ("two_pollers", 2))
def forwarding(t, pollers):
    """Three devices: unicast, broadcast, VLANs; what is not for a device does not come."""
    with net(t, 3, pollers) as n:
        a, b, c = n.mac
        for i in range(t.count(50, 2000)):
            n.send(0, frame(b, a, i))
            n.expect(1, frame(b, a, i))
            n.send(1, frame(a, b, i, size=1514))
            n.expect(0, frame(a, b, i, size=1514))
        n.send(0, frame(b, a, 7, vlan=9))
        n.expect(1, frame(b, a, 7, vlan=9))
        n.send(0, frame(ALL, a, 8))
        n.expect(1, frame(ALL, a, 8))
        # Nothing of all that was for the third, and unknown addresses are not either.
        n.send(0, frame("02:00:00:00:00:99", a))
        n.send(0, frame(ALL, a, 9))
        n.expect(2, frame(ALL, a, 8), frame(ALL, a, 9))
        n.expect(1, frame(ALL, a, 9))
        # A guest of the guest is learnt, in its VLAN.
        inner = "02:00:00:00:00:aa"
        n.send(2, frame(a, inner, 10, vlan=5))
        n.expect(0, frame(a, inner, 10, vlan=5))
        n.send(0, frame(inner, a, 11, vlan=5))
        n.send(0, frame(inner, a, 12))
        n.send(0, frame(c, a, 13))
        n.expect(2, frame(inner, a, 11, vlan=5), frame(c, a, 13))
        shown = n.show()
        check_eq(shown["ports"], 3, "ports")
        check_eq(shown["counters"]["unknown"], 2, "frames for nobody")
        if pollers == 1:
            check(shown["counters"]["direct"] > 90, f"frames by one copy: {shown['counters']}")
        learnt = [e for e in shown["table"] if e["learnt"]]
        check_eq([(e["mac"], e["vlan"]) for e in learnt], [(inner, 5)], "learnt addresses")


@test
def anti_spoof(t):
    """A device sends from its own address only; modify gives it another one."""
    with net(t, anti_spoof=1) as n:
        a, b = n.mac
        n.send(0, frame(b, "02:00:00:00:00:99", 1))
        n.send(0, frame(b, b, 2))
        n.send(0, frame(b, a, 3))
        n.expect(1, frame(b, a, 3))
        check_eq(n.show()["counters"]["spoofed"], 2, "spoofed frames")


@test
def isolated(t):
    """Devices do not reach each other."""
    with net(t, isolated=1) as n:
        a, b = n.mac
        n.send(0, frame(b, a))
        n.send(0, frame(ALL, a))
        check_eq(n.c[1].rx(0).receive(), [], "frames at the other device")
        check_eq(n.show()["counters"]["filtered"], 1, "filtered")


@test
def rules_of_devices(t):
    """A rule of a device beats that of its kind, which beats the switch's; debug shows them."""
    rules = [{"pf": 1, "anti_spoof": 0}, {"pf": 2, "isolated": 1}]
    with net(t, 4, anti_spoof=0, static_pf={"anti_spoof": 1}, devices=rules) as n:
        a, b, c, d = n.mac
        other = "02:00:00:00:00:99"
        n.send(0, frame(b, other, 1))
        n.send(0, frame(b, a, 2))
        n.expect(1, frame(b, a, 2))
        n.send(1, frame(a, other, 3))
        n.expect(0, frame(a, other, 3))
        n.send(0, frame(ALL, a, 10))
        n.send(0, frame(c, a, 11))
        n.send(2, frame(ALL, c, 20))
        n.send(2, frame(d, c, 21))
        n.expect(3, frame(ALL, a, 10))
        core.wait_for(lambda: n.show()["counters"]["filtered"] == 2, 30, "the last frames' fate")
        for i in (2, 3):
            check_eq(n.c[i].rx(0).receive(), [], f"frames at device {i}")
        shown = n.show()
        check_eq({k: shown["counters"][k] for k in ("spoofed", "filtered")},
                 {"spoofed": 1, "filtered": 2}, "counters")
        own = {e["mac"].upper(): (e["anti_spoof"], e["isolated"]) for e in shown["table"]
               if not e["learnt"]}
        check_eq(own, {a: (True, False), b: (False, False), c: (True, True), d: (True, False)},
                 "rules in the switch's table")
        port = n.p.ask("/virtnet/debug,section=devices")["devices"][2]["port"]
        check_eq((port["anti_spoof"], port["isolated"]), (True, True), "rules of the port of PF 2")


def tcp_frame(dst, src, payload):
    """With the sum of the pseudo header where the checksum is to be."""
    l4 = 20 + payload
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + l4, 1, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
    pseudo = 0x0A00 + 1 + 0x0A00 + 2 + 6 + l4
    pseudo = (pseudo & 0xffff) + (pseudo >> 16)
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 0x50, 0x10, 8192, pseudo, 0)
    data = bytes(i % 251 for i in range(payload))
    return octets(dst) + octets(src) + struct.pack("!H", 0x0800) + ip + tcp + data


def ones_sum(data):
    s = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    s += data[-1] << 8 if len(data) % 2 else 0
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s


def check_tcp(d):
    """Both checksums of a frame."""
    check_eq(ones_sum(d[14:34]), 0xffff, "IP checksum")
    check_eq(ones_sum(d[26:34] + struct.pack("!HH", 6, len(d) - 34) + d[34:]), 0xffff,
             "TCP checksum")


@test
def offloads(t):
    """A TSO frame comes whole to who takes it, and in right pieces to who does not."""
    plain = virtio.bit(virtio.F_VERSION_1, virtio.F_MRG_RXBUF)
    with net(t, 3, features=[plain | WITH, plain | WITH, plain]) as n:
        a, b, c = n.mac
        header = struct.pack("<BBHHHHH", NEEDS_CSUM, TCPV4, 54, 1448, 34, 16, 0)
        whole = tcp_frame(b, a, 5000)
        n.send(0, whole, header)
        (seen, data), = n.c[1].rx(0).wait(1)
        check(data == whole, "the frame has changed")
        check_eq(seen[:10], header[:10], "its header")
        n.send(0, tcp_frame(c, a, 5000), header)
        pieces = n.c[2].rx(0).wait(4)
        check_eq([len(d) for _, d in pieces], [54 + 1448] * 3 + [54 + 656], "lengths of pieces")
        for h, d in pieces:
            check_eq(h[:2], b"\0\0", "flags of a piece")
            check_tcp(d)
        check(b"".join(d[54:] for _, d in pieces) == whole[54:], "the payload has changed")
        check_eq(n.show()["counters"]["segmented"], 1, "segmented")


def frames_of(link, count):
    """The next frames that come out of a netdev."""
    seen = []

    def look():
        data = link.recv()
        if data is not None:
            seen.append(data)
        return len(seen) == count

    core.wait_for(look, 30, f"{count} frames at {link.ifname}", 0.0005)
    return seen


@core.variants(("one_poller", 1), ("two_pollers", 2))
def uplink(t, pollers):
    """A TAP of DPDK as the uplink: frames out and in, a poller that sleeps, offloads finished."""
    plain = virtio.bit(virtio.F_VERSION_1, virtio.F_MRG_RXBUF)
    with net(t, 2, pollers, features=[plain | WITH, plain], eal=["--vdev=net_tap0,iface=up0"],
             uplinks=["net_tap0"]) as n:
        a, b = n.mac
        n.p.ns.ip("link", "set", "up0", "up")
        outside = "02:00:00:00:00:77"
        with contextlib.closing(frames.Link(n.p.ns, "up0")) as wire:
            for i in range(t.count(20, 500)):
                n.send(0, frame(outside, a, i))
                check_eq(frames_of(wire, 1), [frame(outside, a, i)], "frames at the uplink")
                # By then the pollers sleep, now and then: the uplink's descriptor wakes them.
                time.sleep(0.002)
                wire.send(frame(b, outside, i))
                n.expect(1, frame(b, outside, i))
            wire.send(frame(ALL, outside, 1))
            n.expect(0, frame(ALL, outside, 1))
            n.expect(1, frame(ALL, outside, 1))
            # Between devices: not outside. For nobody here: only outside.
            n.send(0, frame(b, a, 2))
            n.expect(1, frame(b, a, 2))
            n.send(0, frame("02:00:00:00:00:99", a, 3, vlan=4))
            wire.tags = True  # the kernel takes them out of the frames
            seen, = frames_of(wire, 1)
            check_eq((wire.tag, seen[:12]), (4, octets("02:00:00:00:00:99") + octets(a)),
                     "tag and addresses of a frame at the uplink")
            header = struct.pack("<BBHHHHH", NEEDS_CSUM, TCPV4, 54, 1448, 34, 16, 0)
            n.send(0, tcp_frame(outside, a, 5000), header)
            pieces = frames_of(wire, 4)
            check_eq([len(d) for d in pieces], [54 + 1448] * 3 + [54 + 656], "lengths of pieces")
            for d in pieces:
                check_tcp(d)
        shown = n.show()
        check_eq((shown["uplinks"], shown["counters"]["unknown"]), (1, 0), "uplinks, unknown")
        check([e for e in shown["table"] if (e["mac"], e["port"]) == (outside, "net_tap0")],
              f"{outside} is not in the table: {shown['table']}")


@test
def uplink_missing(t):
    """An uplink that is not there: one line that says what to do."""
    p = program.Program(t, conf={"switch": {"uplinks": ["net_tap0"]}})
    p.launch()
    check_eq(p.process.wait(30), 1, "exit status")
    said = p.process.err().decode()
    check('switch.uplinks: there is no DPDK port "net_tap0"' in said, said)
