# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What doc/representors.md says about bridges, Open vSwitch, jumbo frames and bonds.

The commands are taken from the document and run as they stand there, in a network namespace in
which eth0 and eth1 are veth pairs: the uplinks.
"""

import contextlib
import os
import random
import select
import shlex
import shutil
import struct
import time

from vfu import bench, driver
from vnt import core, frames, program, virtio
from vnt.core import check, check_eq, test

DOCUMENT = "doc/representors.md"
EXPERIMENTAL = 0x88B5
MAGIC = b"vntb"
STRANGER = b"\x02\0\0\0\0\x77"  # somebody beyond the uplink
UPLINKS = ("eth0", "eth1")
# A Linux guest takes these as well, so its TCP segments and checksums are for others to complete.
OFFLOADS = driver.WANTED | virtio.bit(virtio.F_CSUM, virtio.F_GUEST_CSUM, virtio.F_HOST_TSO4,
                                      virtio.F_GUEST_TSO4)
NEEDS_CSUM, GSO_TCPV4 = 1, 1  # in the virtio-net header


def commands(t, title):
    """The lines of the first block of commands below the heading @title, without comments."""
    with open(os.path.join(t.options.source, DOCUMENT), encoding="utf-8") as f:
        text = f.read().split(f"\n### {title}\n")
    check_eq(len(text), 2, f"headings {title!r} in {DOCUMENT}")
    block = []
    for line in text[1].splitlines():
        if line.startswith("    "):
            block.append(line.split("#")[0].strip())
        elif block or line.startswith("#"):
            break
    check(block, f"no commands below {title!r} in {DOCUMENT}")
    return [line for line in block if line]


class Site:
    """The program in a namespace, and two wires beyond its uplinks in another one."""

    def __init__(self, t, pfs=2, **conf):
        """@conf: of virtnet.conf."""
        self.t = t
        self.p = program.Program(t, conf={"transport": "vfio-user", **conf}, capacity=program.capacity(
            pfs, 4, PCI_SWITCH_EMULATION_ENABLE=1, PCI_SWITCH_EMULATION_NUM_PORT=4)).start()
        self.ns = self.p.ns
        self.beyond = t.new_netns()
        for n, uplink in enumerate(UPLINKS):
            self.ns.ip("link", "add", uplink, "type", "veth", "peer", "name", f"wire{n}", "netns",
                       self.beyond.name)
            self.ns.ip("link", "set", uplink, "up")
            self.beyond.ip("link", "set", f"wire{n}", "up")
        self.env = {"OVS_RUNDIR": os.path.join(t.tmp, "ovs")}

    def run(self, title):
        """The commands of the document."""
        for line in commands(self.t, title):
            if line.startswith("virtnet "):
                rc, out, err = self.p.cli(*shlex.split(line)[1:])
                check(rc == 0, f"{line}: exit status {rc}: {out}{err}")
            else:
                self.t.run_ok(["sh", "-c", line], ns=self.ns, env=self.env)

    def open_vswitch(self):
        """Its two daemons, which end with the test. Nothing of this machine's own is touched."""
        if shutil.which("ovs-vswitchd") is None:
            raise core.Skip("no Open vSwitch: devtools/install-packages test")
        run = self.env["OVS_RUNDIR"]
        os.mkdir(run)
        env = {**self.env, "OVS_LOGDIR": run, "OVS_DBDIR": run}
        db = os.path.join(run, "conf.db")
        self.t.run_ok(["ovsdb-tool", "create", db, "/usr/share/openvswitch/vswitch.ovsschema"])
        server = self.t.spawn(["ovsdb-server", db, f"--remote=punix:{run}/db.sock"], ns=self.ns,
                              env=env)
        core.wait_for(lambda: os.path.exists(f"{run}/db.sock") or not server.alive(), 30,
                      "ovsdb-server listens")
        self.t.run_ok(["ovs-vsctl", "--no-wait", "init"], ns=self.ns, env=env)
        # As the document says: before the daemon starts, which reads it then.
        self.run("Offloads through Open vSwitch in user space")
        self.t.spawn(["ovs-vswitchd", f"unix:{run}/db.sock"], ns=self.ns, env=env)

    def vsctl(self, *args):
        return self.t.run_ok(["ovs-vsctl", *args], ns=self.ns, env=self.env)

    @contextlib.contextmanager
    def drivers(self, *pfs, buf_size=2048, features=driver.WANTED):
        """A driver of each PF, running, with receive buffers of @buf_size bytes."""
        with contextlib.ExitStack() as stack:
            out = []
            for pf in pfs:
                d = stack.enter_context(driver.Driver(self.p.socket(pf)))
                d.probe()
                d.start(features=features, buf_size=buf_size)
                d.rx(0).fill()
                self.p.wait_enabled(3, pf)
                out.append(Nic(d))
            yield out

    @contextlib.contextmanager
    def wires(self):
        """The ends of the uplinks."""
        links = [Wire(frames.Link(self.beyond, f"wire{n}")) for n in range(len(UPLINKS))]
        try:
            yield links
        finally:
            for w in links:
                w.link.close()


def frame(dst, src, number, size):
    head = dst + src + struct.pack(">H4sI", EXPERIMENTAL, MAGIC, number)
    return head + random.Random(number).randbytes(size - len(head))


def number_of(data):
    return struct.unpack_from(">I", data, 18)[0] if data[14:18] == MAGIC else None


class Nic:
    """A device with its driver."""

    def __init__(self, d):
        self.driver = d
        self.mac = d.mac
        self.header = b""  # of the frame that was taken last

    def send(self, data):
        check(self.driver.tx(0).send(data), "the transmit ring is full")
        self.driver.tx(0).flush()

    def take(self, seconds):
        out = self.driver.rx(0).wait(1, timeout=seconds)
        if out:
            self.header = out[-1][0]
        return [data for _, data in out]


class Wire:
    """The far end of an uplink; the address is somebody's beyond it."""

    def __init__(self, link):
        self.link = link
        self.mac = STRANGER

    def send(self, data):
        check(self.link.send(data), "no room in the queue of the uplink")

    def take(self, seconds):
        select.select([self.link.sock], [], [], seconds)
        out = []
        while (data := self.link.recv()) is not None:
            out.append(data)
        return out


class Traffic:
    """Numbered frames between stations."""

    def __init__(self):
        self.number = 0

    def one(self, src, dst, size=1514):
        self.number += 1
        data = frame(dst.mac, src.mac, self.number, size)
        src.send(data)
        return data

    def arrives(self, data, at, seconds=30):
        """The very frame; others are looked over."""
        number = number_of(data)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for seen in at.take(0.05):
                if number_of(seen) == number:
                    check(seen == data, f"frame {number} of {len(data)} bytes arrived changed "
                          f"({len(seen)} bytes)")
                    return True
        return False

    def settle(self, src, dst):
        """Send until one arrives: netdevs, bridges and bonds need a moment to begin."""
        end = time.monotonic() + 30
        while not self.arrives(self.one(src, dst), dst, 0.2):
            check(time.monotonic() < end, "no frame gets through within 30 s")

    def both_ways(self, a, b, sizes=(60, 590, 1514), what="bridge"):
        for src, dst in ((a, b), (b, a)):
            self.settle(src, dst)
        for size in sizes:
            for src, dst in ((a, b), (b, a)):
                check(self.arrives(self.one(src, dst, size), dst),
                      f"{what}: a frame of {size} bytes did not arrive")


def everybody(site, bridge):
    """Device to device, and both to the world beyond eth0."""
    traffic = Traffic()
    with site.drivers(0, 1) as (a, b), site.wires() as (wire, _):
        traffic.both_ways(a, b, what=f"{bridge}, device to device")
        traffic.both_ways(a, wire, what=f"{bridge}, first device and uplink")
        traffic.both_ways(b, wire, what=f"{bridge}, second device and uplink")


def segment(dst, src, size):
    """@size bytes of TCP in one frame, its checksum begun only. @return (header, frame)."""
    a, b = bytes((198, 18, 0, 1)), bytes((198, 18, 0, 2))
    pseudo = a + b + struct.pack(">HH", 6, 20 + size)
    begun = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    begun = (begun & 0xFFFF) + (begun >> 16)
    tcp = struct.pack(">HHIIBBHHH", 1024, 80, 1, 1, 0x50, 0x10, 1000, begun, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + size, 0, 0x4000, 64, 6, 0, a, b)
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~total & 0xFFFF) + ip[12:]
    frame_ = dst + src + b"\x08\x00" + ip + tcp + random.Random(size).randbytes(size)
    kind, mss = (GSO_TCPV4, 1448) if size > 1448 else (0, 0)
    return struct.pack("<BBHHHHH", NEEDS_CSUM, kind, 54, mss, 34, 16, 0), frame_


def offloads(site, bridge):
    """What a guest leaves to the host arrives as it was, and still says what is left to do."""
    traffic = Traffic()
    with site.drivers(0, 1, features=OFFLOADS) as (a, b), site.wires() as (wire, _):
        traffic.both_ways(a, b)
        for size in (100, 1448, 20000):
            for dst in (b, wire):
                header, data = segment(dst.mac, a.mac, size)
                check(a.driver.tx(0).send(data, header=header), "the transmit ring is full")
                a.driver.tx(0).flush()
                what = f"{bridge}: a TCP segment of {size} bytes"
                core.wait_for(lambda d=dst, x=data: x in d.take(0.05), 30, f"{what} arrives")
                if dst is b:
                    flags, kind = struct.unpack_from("<BB", b.header)
                    check_eq((flags & NEEDS_CSUM, kind), (NEEDS_CSUM, header[1]),
                             f"{what}: flags and gso_type")


@test
def linux_bridge(t):
    """Two devices and an uplink on a Linux bridge."""
    site = Site(t, **bench.CONF)
    site.run("Linux bridge")
    everybody(site, "Linux bridge")
    offloads(site, "Linux bridge")
    site.p.stop()


@test
def open_vswitch(t):
    """Two devices and an uplink on Open vSwitch (its datapath in user space)."""
    site = Site(t, **bench.CONF)
    site.open_vswitch()
    site.run("Open vSwitch")
    everybody(site, "Open vSwitch")
    offloads(site, "Open vSwitch")
    # What the operator put there is there after a restart, with the same ports.
    before = site.vsctl("list-ports", "br0")
    site.p.stop()
    site.p.start()
    for pf in (0, 1):
        check("UP" in site.ns.link(site.p.rep(pf))["flags"], "the representor is down")
    check_eq(site.vsctl("list-ports", "br0"), before, "ports of br0")
    everybody(site, "Open vSwitch after a restart")
    site.p.stop()


def jumbo_pair(site):
    """9000 bytes of payload from device to device, and to the wire and back."""
    for n in range(len(UPLINKS)):
        site.beyond.ip("link", "set", f"wire{n}", "mtu", "9000")
    traffic = Traffic()
    # Without mergeable buffers a driver's have to hold the largest frame.
    with site.drivers(0, 1, buf_size=9216) as (a, b), site.wires() as (wire, _):
        for nic in (a, b):
            check_eq(nic.driver.config(10, 2), 9000, "MTU in the device's configuration")
        traffic.both_ways(a, b, (60, 1515, 8192, 9013, 9014), "device to device")
        traffic.both_ways(a, wire, (1515, 9014), "device and uplink")


@test
def jumbo_frames(t):
    """9000-byte frames from device to device over a Linux bridge, and to the uplink."""
    site = Site(t, pfs=0)
    site.run("Jumbo frames")
    for rep in ("en3f0pf0sf2000", "en3f0pf0sf2001", "br0", "eth0"):
        check_eq(site.ns.link(rep)["mtu"], 9000, f"MTU of {rep}")
    jumbo_pair(site)
    site.p.stop()


@test
def kernel_bond(t):
    """Two uplinks in a bond of the kernel, the bond in a Linux bridge: one cable is pulled."""
    probe = t.new_netns()
    for kind in ("bond", "team"):
        try:
            probe.ip("link", "add", "b0", "type", kind)
            break
        except RuntimeError as e:
            t.note(f"type {kind}: {e}")
    else:
        raise core.Skip("this kernel has neither bonding nor team: " + "; ".join(t.notes))
    if kind != "bond":
        raise core.Skip("this kernel has team, but no bonding")
    site = Site(t)
    site.run("Two uplinks in a bond")
    failover(site)
    site.p.stop()


@test
def open_vswitch_bond(t):
    """Two uplinks in a bond of Open vSwitch: one cable is pulled, and frames go over the other."""
    site = Site(t)
    site.open_vswitch()
    site.run("Two uplinks in a bond of Open vSwitch")
    failover(site)
    site.p.stop()


def failover(site):
    """Which uplink is in use shows by where frames come out."""
    traffic = Traffic()
    with site.drivers(0) as (a,), site.wires() as wires:
        used = None
        end = time.monotonic() + 30
        while used is None:
            check(time.monotonic() < end, "no frame comes out of either uplink")
            data = traffic.one(a, wires[0])
            used = next((n for n in (0, 1) if traffic.arrives(data, wires[n], 0.2)), None)
        traffic.both_ways(a, wires[used], what="bond")
        site.beyond.ip("link", "set", f"wire{used}", "down")
        traffic.both_ways(a, wires[1 - used], what="bond with one uplink")
