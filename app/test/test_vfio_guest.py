# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Linux guests with the stock virtio drivers on whole PCI functions over vfio-user."""

import os
import re
import struct
import sys
import time

from vnt import core, frames, functions, guest, pings
from vnt.core import check, check_eq, test, variants

# Feature bits by the names of virtio 1.2, 5.1.3.
CTRL_VQ, CTRL_RX, CTRL_VLAN, MQ, CTRL_MAC_ADDR, MTU = 17, 18, 19, 22, 23, 3
DEVICE_STATS, VQ_NOTF_COAL, NOTF_COAL, HASH_REPORT, RSS = 50, 52, 53, 57, 60
VERSION_1, ACCESS_PLATFORM, RING_PACKED, IN_ORDER = 32, 33, 34, 35

# What each kernel's driver must have taken; and what it is offered besides the default.
EVERY = {0, 1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 16, 17, 18, 19, 21, 22, 23, 28, 29, 32, 33, 40, 63}
MORE = {"bookworm": {7, 8, 9},  # whole segments without mergeable buffers
        "trixie": {15, 36, 38, HASH_REPORT}}
TAKEN = {"bookworm": EVERY | {NOTF_COAL, RSS},
         "trixie": EVERY | MORE["trixie"] | {RING_PACKED, 54, 55, 56, VQ_NOTF_COAL, NOTF_COAL, RSS, DEVICE_STATS}}

FOREIGN = "0c:c4:7a:ff:99:99"


class Linux:
    """One function in one guest, and what is tried with it."""

    def __init__(self, t, suite, pairs=4):
        self.t = t
        self.suite = suite
        # One of the kernels has packed rings, the other split ones.
        packed = int(suite == "trixie")
        self.b = functions.backend(t, conf={"mrg_rxbuf": 1, "packed_vq": packed}).start()
        more = sum(1 << bit for bit in MORE[suite])
        self.f = self.b.make("-f", hex(more), mtu=9000, pairs=pairs)
        self.g = self.b.guest("a", cpus=2, suite=suite)
        self.b.attach(self.g, self.f)
        self.iperf = guest.IperfServer(t, self.b.ns)
        self.g.start()
        self.dev = self.f.guest_up(self.g)
        self.bits = self.g.features(self.dev)
        self.link = frames.Link(self.b.ns, self.f.rep)
        t.cleanup(self.link.close)

    def has(self, bit):
        """The driver has the feature. Only the reference may lack one of TAKEN."""
        return bit in self.bits

    def ip(self, *args):
        return self.b.ns.ip(*args)

    def sh(self, command):
        return self.g.sh(command.replace("DEV", self.dev))

    def run(self, steps):
        """All of them, also when one fails: a boot is dear."""
        failed = []
        for step in steps:
            begin = time.monotonic()
            try:
                step(self)
            except Exception as e:  # an error of the test is a failure too
                failed.append(f"{step.__name__}: {type(e).__name__}: {e}")
            if self.t.options.verbose:
                print(f"  {step.__name__} {time.monotonic() - begin:.1f} s", flush=True)
        check(not failed, "\n".join(failed))

    def combined(self, n):
        """Use @n queue pairs (which fails when they are used already)."""
        def seen():
            return [int(v) for v in re.findall(r"Combined:\s+(\d+)", self.sh("ethtool -l DEV"))]
        if seen()[1] != n:
            self.sh(f"ethtool -L DEV combined {n}")
        check_eq(seen(), [self.f.pairs, n], "ethtool -l")

    def both_ways(self, options=""):
        there = self.g.iperf(self.f.host, options, 1)
        back = self.g.iperf(self.f.host, options + " -R", 1)
        return f"{there:.0f}/{back:.0f}"

    def frame(self, mac, vlan=None, number=0):
        """A frame to @mac of a protocol that nobody answers."""
        head = bytes.fromhex(mac.replace(":", "")) + b"\x02\0\0\0\0\1"
        if vlan is not None:
            head += struct.pack(">HH", 0x8100, vlan)
        return head + frames.make(number * 3 + 2, 90, 0)

    def send(self, mac, count, vlan=None):
        for n in range(count):
            frame = self.frame(mac, vlan, n)
            core.wait_for(lambda f=frame: self.link.send(f), 30, "room in the representor's queue")

    def tagged(self, vlan):
        """Is there one with this tag among the frames that have come?"""
        while self.link.recv() is not None:
            if self.link.tag == vlan:
                return True
        return False

    def no_arp(self):
        """Each end knows the other's address for good: the kernels have nothing to ask, at any time.
        """
        near = self.b.ns.link(self.f.rep)["address"]
        self.ip("neigh", "replace", self.f.guest, "lladdr", self.f.mac, "nud", "permanent", "dev",
                self.f.rep)
        self.sh(f"ip neigh replace {self.f.host} lladdr {near} nud permanent dev DEV")

    def arrive(self, n, mac, what, vlan=None, own=None):
        """20 frames to @mac are sent, and @n of them come in. 5 to the own MAC follow, and come."""
        def received():
            return self.g.counters(self.dev)["rx_packets"] - before
        before = 0
        before = received()
        self.send(mac, 20, vlan)
        self.send(own or self.f.mac, 5)
        try:
            core.wait_for(lambda: received() >= n + 5, 30, "all frames")
        except core.Fail:
            pass
        # More than there should be may be a bit later.
        self.sh("ethtool -S DEV")
        check_eq(received(), n + 5, f"frames {what}, and 5 that follow")


def probe(x):
    """What the driver says about the function."""
    info = x.sh("ethtool -i DEV")
    check("driver: virtio_net" in info, f"ethtool -i: {info}")
    bdf = x.g.bdf(x.dev)
    check(f"bus-info: {bdf}" in info, f"ethtool -i: not {bdf}: {info}")
    ids = x.sh(f"lspci -n -s {bdf}")
    check("1af4:1041" in ids, f"lspci: {ids}")
    if not x.b.reference:
        check_eq(TAKEN[x.suite] - x.bits, set(), f"features that {x.suite} has not taken")
        offered, accepted = x.b.features(x.f)
        check_eq(accepted, x.bits, "driver_feature against the guest's sysfs")
        check(accepted <= offered, f"accepted {accepted - offered} that are not offered")
    x.t.note(f"{x.suite}: {len(x.bits)} features")


def traffic(x):
    x.f.ping(x.t, x.g)
    x.t.note(f"{x.both_ways()} Mbit/s")
    stats = x.g.counters(x.dev)
    check_eq((stats["rx_errors"], stats["tx_errors"]), (0, 0), "errors in the guest")


def channels(x):
    """ethtool -l and -L."""
    for n in (1, 2, x.f.pairs):
        x.combined(n)
        x.f.ping(x.t, x.g, 2)
    x.both_ways("-P 4")


def rx_interrupts(x):
    """Interrupts by receive queue: ethtool -S counts packets by queue in 6.1 only."""
    device = x.sh("basename $(readlink /sys/class/net/DEV/device)").strip()
    found = {}
    for line in x.sh("cat /proc/interrupts").splitlines():
        m = re.search(rf"{device}-input\.(\d+)$", line.strip())
        if m:
            found[int(m[1])] = sum(int(w) for w in line.split()[1:] if w.isdigit())
    return [found[i] for i in sorted(found)]


def spread(x):
    """ethtool -x, -X, -N rx-flow-hash: receive side scaling, and that it is done."""
    if not x.has(RSS):
        return
    x.combined(x.f.pairs)
    for equal in (x.f.pairs, 2):
        x.sh(f"ethtool -X DEV equal {equal}")
        table = x.sh("ethtool -x DEV")
        entries = [int(w) for line in table.splitlines() if line.strip()[:1].isdigit()
                   for w in line.split(":", 1)[1].split() if w.isdigit()]
        check_eq(set(entries), set(range(equal)), f"ethtool -x after -X equal {equal}")
    if x.b.reference:
        return  # its flows stop when all go to one queue
    # All to queue 1: the others stand still.
    x.sh("ethtool -X DEV weight 0 1")
    x.sh("ethtool -N DEV rx-flow-hash tcp4 sdfn")
    check("L4 bytes 0 & 1" in x.sh("ethtool -n DEV rx-flow-hash tcp4"), "tcp4 hashes the ports")
    before = rx_interrupts(x)
    x.g.iperf(x.f.host, "-R -P 4", 1)
    moved = [b - a for a, b in zip(before, rx_interrupts(x))]
    check(moved[1] > 10 and sum(moved) - moved[1] <= 3, f"interrupts, all to queue 1: {moved}")
    # Evenly: many flows, each queue gets some.
    x.sh("ethtool -X DEV equal 4" if x.f.pairs >= 4 else "ethtool -X DEV default")
    before = rx_interrupts(x)
    x.g.iperf(x.f.host, "-R -P 16", 1)
    moved = [b - a for a, b in zip(before, rx_interrupts(x))]
    check(sum(1 for m in moved if m > 3) > 1, f"16 flows over {x.f.pairs} queues: {moved}")
    key = ":".join(f"{i:02x}" for i in range(1, 41))
    x.sh(f"ethtool -X DEV hkey {key}")
    check(key in x.sh("ethtool -x DEV"), "the key set by ethtool -X")
    x.both_ways("-P 4")


OFF_ON = (("rx", "rx-checksum"), ("tx", "tx-checksum-ip-generic"),
          ("tso", "tcp-segmentation-offload"), ("lro", "large-receive-offload"),
          ("rx-gro-hw", "rx-gro-hw"))


def offloads(x):
    """ethtool -k and -K at run time."""
    now = x.g.offloads(x.dev)
    fixed = {line.split(":")[0].strip() for line in x.sh("ethtool -k DEV").splitlines()
             if "[fixed]" in line}
    tried = [(k, long) for k, long in OFF_ON if now.get(long) and long not in fixed]
    for short, _ in tried:
        x.sh(f"ethtool -K DEV {short} off")
    x.f.ping(x.t, x.g, 2)
    off = x.both_ways()
    for short, _ in tried:
        x.sh(f"ethtool -K DEV {short} on")
    check_eq([x.g.offloads(x.dev)[long] for _, long in tried], [True] * len(tried), "on again")
    x.t.note(f"{'/'.join(k for k, _ in tried)} off: {off}")
    x.f.ping(x.t, x.g, 2)


def coalescing(x):
    """ethtool -C: what is set is shown, and traffic goes on."""
    if not x.has(NOTF_COAL):
        return
    x.sh("ethtool -C DEV rx-usecs 100 rx-frames 16 tx-usecs 50 tx-frames 8")
    text = x.sh("ethtool -c DEV").replace("\t", " ")
    for word in ("rx-usecs: 100", "rx-frames: 16", "tx-usecs: 50", "tx-frames: 8"):
        check(word in " ".join(text.split()), f"no {word}: {text}")
    x.both_ways()
    if x.has(VQ_NOTF_COAL):
        x.sh("ethtool -Q DEV queue_mask 1 --coalesce rx-usecs 20 rx-frames 4")
        x.f.ping(x.t, x.g, 2)
    # The driver refuses 0 transmit frames while it is up.
    x.sh("ethtool -C DEV rx-usecs 0 rx-frames 1 tx-usecs 0 tx-frames 1")


def statistics(x):
    """ethtool -S: the driver's, and the device's own where both have them."""
    stats = x.g.ethtool_stats(x.dev)
    check(any(k.endswith("_kicks") for k in stats), f"no kicks in {sorted(stats)}")
    check_eq({k: v for k, v in stats.items() if v and ("timeout" in k or "csum_bad" in k)}, {},
             "in ethtool -S")
    hw = [k for k in stats if "hw_" in k]
    check(bool(hw) == x.has(DEVICE_STATS), f"device statistics {x.has(DEVICE_STATS)}, seen {hw}")


def vlans(x):
    """A VLAN netdev in the guest; what is tagged otherwise is not seen."""
    x.no_arp()
    x.sh("load 8021q; ip link add link DEV name DEV.5 type vlan id 5; ip address add "
         "198.18.205.2/24 dev DEV.5; ip link set DEV.5 up")
    x.arrive(20, x.f.mac, "of VLAN 5, which is added", vlan=5)
    check_eq(int(x.sh("cat /sys/class/net/DEV.5/statistics/rx_packets")), 20,
             "frames of the VLAN's netdev")
    # The guest asks for an address in the VLAN: the tag is seen here.
    x.link.tags = True
    x.sh("ping -c 1 -W 1 198.18.205.1 >/dev/null 2>&1 & true")
    core.wait_for(lambda: x.tagged(5), 30, "a frame with VLAN tag 5")
    filters = x.has(CTRL_VLAN) and not x.b.reference
    if filters:
        x.arrive(0, x.f.mac, "of VLAN 6, which is not added", vlan=6)
    x.sh("ip link del DEV.5")
    if filters:
        x.arrive(0, x.f.mac, "of VLAN 5, which is removed", vlan=5)


def addresses(x):
    """Foreign unicast is not seen unless asked for: promiscuous, or a second address."""
    x.no_arp()
    x.arrive(0, FOREIGN, "to a foreign address")
    x.sh("ip link set DEV promisc on")
    x.arrive(20, FOREIGN, "to a foreign address, promiscuous")
    x.sh("ip link set DEV promisc off")
    x.arrive(0, FOREIGN, "to a foreign address, promiscuous no more")
    x.sh(f"load macvlan; ip link add link DEV name mv type macvlan mode bridge; "
         f"ip link set mv address {FOREIGN} up")
    x.arrive(20, FOREIGN, "to the address of a macvlan")
    x.sh("ip link del mv")
    x.arrive(0, FOREIGN, "to the address of a macvlan that is gone")
    group = "01:00:5e:7f:00:09"
    x.arrive(0, group, "to a multicast group")
    x.sh(f"ip maddr add {group} dev DEV")
    x.arrive(20, group, "to a multicast group that was joined")
    x.sh(f"ip maddr del {group} dev DEV; ip link set DEV allmulticast on")
    x.arrive(20, group, "to a multicast group, allmulticast")
    x.sh("ip link set DEV allmulticast off")
    # The MAC itself, changed by the driver.
    x.sh(f"ip link set DEV address {FOREIGN}")
    x.arrive(20, FOREIGN, "to the new MAC", own=FOREIGN)
    x.sh(f"ip link set DEV address {x.f.mac}")
    x.f.ping(x.t, x.g, 2)


def jumbo(x):
    """MTU 9000 from end to end."""
    check_eq(x.b.ns.link(x.f.rep)["mtu"], 9000, "MTU of the representor")
    top = int(x.sh("cat /sys/class/net/DEV/mtu"))
    check_eq(top, 9000 if x.has(MTU) else 1500, "MTU of the netdev")
    x.g.sh(f"ping -c 3 -i 0.1 -W 5 -s 8000 {x.f.host}")
    pings.here(x.t, x.b.ns, x.f.guest, options=("-s", "8000", "-M", "do"))
    x.both_ways()
    x.sh("ip link set DEV mtu 1500")
    x.g.iperf(x.f.host, "-R", 1)
    x.sh("ip link set DEV mtu 9000")


def modified(x):
    """virtnet modify: the link goes and comes at once; another MTU with the driver unbound."""
    if x.b.reference:
        return

    def modify(*args):
        return x.b.program.cli("modify", "-p", str(x.f.pf), "device", *map(str, args))

    def carrier(want):
        core.wait_for(lambda: x.sh("cat /sys/class/net/DEV/carrier").strip() == want, 30,
                      f"carrier {want} in the guest", interval=0.2)

    for link in (0, 1):
        status, out, err = modify("-l", link)
        check_eq((status, err), (0, ""), f"modify -l {link}: {out}")
        carrier(str(link))
    x.g.ping(x.f.host, 2)
    status, out, _ = modify("-t", 8000)
    check(status == 1 and "-1004" in out, f"modify -t with a driver: {status} {out}")
    bdf = x.g.bdf(x.dev)
    x.g.sh(f"echo {bdf} > /sys/bus/pci/drivers/virtio-pci/unbind")
    status, out, _ = modify("-t", 8000)
    check_eq(status, 0, f"modify -t: {out}")
    x.g.sh(f"echo {bdf} > /sys/bus/pci/drivers/virtio-pci/bind")
    x.dev = x.f.guest_up(x.g)
    if x.has(MTU):
        check_eq(x.sh("cat /sys/class/net/DEV/mtu").strip(), "8000", "MTU of the netdev")
    x.f.ping(x.t, x.g, 2)


def reload(x):
    """The driver goes and comes back; each time it works."""
    for i in range(x.t.count(4, 100)):
        if i % 2 == 0:
            x.sh("ping -f -c 100000 " + x.f.host + " >/dev/null 2>&1 & "
                 "d=$(basename $(readlink /sys/class/net/DEV/device)); "
                 "cd /sys/bus/virtio/drivers/virtio_net && echo $d > unbind && echo $d > bind; "
                 "kill $! 2>/dev/null; true")
        else:
            x.sh("rmmod virtio_net && load virtio_net")
        x.dev = x.f.guest_up(x.g)
        x.g.ping(x.f.host, 2)
    x.both_ways()


def reboot(x):
    """The guest starts again, under traffic."""
    for _ in range(x.t.count(1, 5)):
        x.sh("ping -f -c 1000000 " + x.f.host + " >/dev/null 2>&1 & true")
        x.g.reboot()
        x.dev = x.f.guest_up(x.g)
        x.f.ping(x.t, x.g, 2)
    x.both_ways()


def linux(t, suite):
    """All that the stock driver can do with one function, in one guest."""
    x = Linux(t, suite)
    # In the older kernel, what its driver does otherwise; filters and a restart are ours in both.
    steps = [probe, traffic, channels, offloads, statistics, modified, reload]
    if t.options.long or suite == guest.SUITES[-1]:
        steps = [probe, traffic, channels, spread, offloads, coalescing, statistics, vlans,
                 addresses, jumbo, modified, reload, reboot]
    else:
        t.note("spread, coalescing, vlans, addresses, jumbo, reboot: only with --long")
    x.run(steps)
    x.g.check_console()


@test
def linux_6_1(t):
    """Linux 6.1: all that the stock driver can do with one function."""
    linux(t, "bookworm")


@test
def linux_6_12(t):
    """Linux 6.12: all that the stock driver can do with one function."""
    linux(t, "trixie")


def of_default_or_long(t, suite):
    if suite != guest.SUITES[-1] and not t.options.long:
        raise core.Skip("boots a guest of an older kernel: only with --long")


# What a function can look like: name, options of hotplug, what make() is told.
SHAPES = (
    ("transitional", ("-l",), {}),
    ("intx", ("--no-msix",), {"pairs": 2}),
    ("page", ("--doorbell", "page"), {}),
    ("ring_4", (), {"size": 4}),
    ("ring_32768", ("-f", "0x8000"), {"size": 32768}),
    ("pairs_31", ("-f", "0x8000"), {"pairs": 31}),
    ("pairs_127", ("-f", "0x8000"), {"pairs": 127}),
)


def vectors(g, dev):
    """How many interrupts of its own the device has in the guest, and the lines about them."""
    device = g.sh(f"basename $(readlink /sys/class/net/{dev}/device)").strip()
    lines = [x for x in g.sh("cat /proc/interrupts").splitlines()
             if re.search(rf"\b{device}\b", x)]
    return len(lines), lines


@variants(("6_12", "trixie"), ("6_1", "bookworm"))
def shapes(t, suite):
    """One guest with seven functions: transitional with force_legacy, INTx, ring sizes, pairs."""
    of_default_or_long(t, suite)
    b = functions.backend(t, conf={"mrg_rxbuf": 1}, msix=256).start()
    made = {name: b.make(*options, **kw) for name, options, kw in SHAPES
            if not b.reference or "pairs" not in name}
    g = b.guest("a", cpus=2, mem=1024, words="virtio_pci.force_legacy=1", suite=suite)
    for f in made.values():
        b.attach(g, f)
    guest.IperfServer(t, b.ns)
    g.start()
    failed = []
    for name, f in made.items():
        begin = time.monotonic()
        try:
            shape(t, b, g, name, f)
        except Exception as e:  # the others can be tried all the same
            failed.append(f"{name}: {type(e).__name__}: {e}")
        if t.options.verbose:
            print(f"  {name} {time.monotonic() - begin:.1f} s", flush=True)
    check(not failed, "\n".join(failed))
    g.check_console(besides=f" {g.dev(made['ring_4'].mac)}: ")


def one_way(t, b, g, f, dev):
    """Linux stops its transmit queue when less than 19 are free: in a ring of 4 after one frame."""
    link = frames.Link(b.ns, f.rep)
    t.cleanup(link.close)
    before = g.counters(dev)["rx_packets"]
    head = bytes.fromhex(f.mac.replace(":", "")) + b"\x02\0\0\0\0\1"
    for n in range(40):
        frame = head + frames.make(3 * n + 2, 90, 0)
        core.wait_for(lambda x=frame: link.send(x), 30, "room in the representor's queue")
        if n % 4 == 3:
            core.wait_for(lambda k=n: g.counters(dev)["rx_packets"] > before + k, 30, f"frame {n}")
    core.wait_for(lambda: g.counters(dev)["tx_packets"] > 0, 30, "a frame was sent")
    g.sh(f"ip link set {dev} down")  # or its watchdog barks


def shape(t, b, g, name, f):
    dev = f.guest_up(g)
    taken = g.features(dev)
    ids = g.sh(f"lspci -n -s {g.bdf(dev)}")
    check(("1af4:1000" if name == "transitional" else "1af4:1041") in ids, f"lspci: {ids}")
    check_eq(VERSION_1 in taken, name != "transitional", "VERSION_1")
    if "ring" in name and not b.reference:
        size = name.split("_")[1]
        check_eq(re.findall(r"RX:\t+(\d+)", g.sh(f"ethtool -g {dev}")), [size] * 2, "ethtool -g")
    if name == "ring_4" and not b.reference:
        one_way(t, b, g, f, dev)
        return
    f.ping(t, g)
    if f.pairs > 2:
        # As many as there are processors at first; all of them work.
        g.sh(f"ethtool -L {dev} combined {f.pairs}")
        f.ping(t, g)
    own, lines = vectors(g, dev)
    if name == "intx":
        check("IO-APIC" in lines[0] and own == 1, f"INTx: {lines}")
    elif name == "pairs_127":
        check(own >= 2 * 127, f"{own} vectors for 127 pairs")
        t.note(f"{own} vectors")
    else:
        check(not any("IO-APIC" in x for x in lines), f"MSI-X: {lines}")
    if not b.reference:
        check_eq(int(b.program.device(f.pf)["enabled_queues"]) >= 2 * f.pairs, True,
                 "enabled_queues in list")
    options = "-P 8" if f.pairs > 2 else ""
    there, back = g.iperf(f.host, options, 1), g.iperf(f.host, options + " -R", 1)
    t.note(f"{name} {there:.0f}/{back:.0f}")


@variants(("6_12", "trixie"), ("6_1", "bookworm"))
def virtual_iommu(t, suite):
    """A virtual IOMMU that is used: the function's memory comes and goes page by page."""
    of_default_or_long(t, suite)
    b = functions.backend(t, conf={"mrg_rxbuf": 1}).start()
    f = b.make("-f", "0x8000")
    g = b.guest("a", iommu=True, suite=suite)
    b.attach(g, f)
    guest.IperfServer(t, b.ns)
    g.start()
    dev = f.guest_up(g)
    if not b.reference:
        check(ACCESS_PLATFORM in g.features(dev), "ACCESS_PLATFORM is not taken")
    group = g.sh(f"readlink /sys/bus/pci/devices/{g.bdf(dev)}/iommu_group").strip()
    check("iommu_groups" in group, f"not behind the IOMMU: {group}")
    f.ping(t, g, 10)
    t.note(f"{g.iperf(f.host, '', 1):.0f}/{g.iperf(f.host, '-R', 1):.0f} Mbit/s")
    g.sh(f"d=$(basename $(readlink /sys/class/net/{dev}/device)); "
         "cd /sys/bus/virtio/drivers/virtio_net && echo $d > unbind && echo $d > bind")
    f.guest_up(g)
    f.ping(t, g)
    g.check_console()


@test
def two_guests(t):
    """Two guests with a static PF each, their representors in one Linux bridge."""
    if not t.options.long:
        raise core.Skip("boots two guests: only with --long")
    functions.only_ours(t)
    b = functions.Ours(t, static=2).start()
    b.ns.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0")
    b.ns.ip("link", "set", "br0", "up")
    guests = []
    for pf, suite in enumerate(guest.SUITES):
        f = b.static(pf)
        b.ns.ip("link", "set", f.rep, "master", "br0")
        guests.append(b.guest(suite[0], suite=suite))
        b.attach(guests[-1], f)
        guests[-1].start(wait=False)
    for n, g in enumerate(guests):
        g.wait_up()
        g.address(f"198.19.0.{n + 1}/24")
    one, two = guests
    one.ping("198.19.0.2")
    two.ping("198.19.0.1")
    guest.IperfServer(t, g=two)
    t.note(f"{one.iperf('198.19.0.2', '', 1):.0f}/{one.iperf('198.19.0.2', '-R', 1):.0f} Mbit/s")


# Without IN_ORDER; of the rest what DPDK's driver can use.
SPLIT = sum(1 << bit for bit in (0, 1, MTU, 5, 16, CTRL_VQ, CTRL_RX, VERSION_1))


@test
def dpdk_driver(t):
    """DPDK's virtio driver in the guest sends every frame back, in order and not."""
    more = guest.script(t, "mk-testpmd")
    b = functions.backend(t, static=1, conf={"static_pf": {"features": hex(SPLIT)}}).start()
    made = [("in order", b.make())]
    if not b.reference:
        made.append(("split", b.static(0)))
    g = b.guest("a", mem=768, more=more)
    for _, f in made:
        b.attach(g, f)
    g.start()
    bdfs = [g.bdf(g.dev(f.mac)) for _, f in made]
    g.sh("echo 96 > /proc/sys/vm/nr_hugepages; mkdir -p /dev/hugepages; "
         "mount -t hugetlbfs nodev /dev/hugepages; load uio_pci_generic")
    for (name, f), bdf in zip(made, bdfs):
        g.sh(f"cd /sys/bus/pci/devices/{bdf}; echo {bdf} > driver/unbind; "
             f"echo uio_pci_generic > driver_override; echo {bdf} > /sys/bus/pci/drivers_probe")
        g.sh("cd /lib/x86_64-linux-gnu; (tail -f /dev/null | stdbuf -o0 dpdk-testpmd "
             f"-d $PWD/librte_net_virtio.so.?? -d $PWD/librte_mempool_ring.so.?? "
             f"--lcores 0@0,1@0 -a {bdf} "
             "--log-level=pmd.net.virtio.*:debug --no-telemetry -m 64 "
             "-- --no-mlockall --total-num-mbufs=4096 --forward-mode=macswap --auto-start "
             "--stats-period=0 --nb-cores=1 > /tmp/testpmd.log 2>&1) >/dev/null 2>&1 & true")
        core.wait_for(lambda: "Press enter" in g.sh("cat /tmp/testpmd.log"), 60,
                      f"testpmd: {g.sh('cat /tmp/testpmd.log')[-800:]}", interval=0.5)
        log = g.sh("cat /tmp/testpmd.log")
        if not b.reference:
            check_eq("using inorder" in log.lower(), name == "in order", f"path of {name}: {log}")
        loop = frames.Loop(b.ns, f.rep, window=8)
        loop.settle()
        loop.run(count=t.count(2000, 50000), patience=30)
        loop.close()
        t.note(f"{name}: {loop.returned} frames")
        g.sh("killall dpdk-testpmd; killall tail; true")
        core.wait_for(lambda: "dpdk-testpmd" not in g.sh("ps"), 30, "testpmd ends", interval=0.5)


@test
def moderation_benchmark(t):
    """app/perf/moderation.py with one short round: what it looks for is there. No figure counts."""
    if not t.options.long:
        raise core.Skip("boots a guest of its own, half a minute: only with --long")
    functions.only_ours(t)
    script = os.path.join(t.options.source, "app/perf/moderation.py")
    status, out, err = t.run([sys.executable, script, "--quick", "--build", t.options.build],
                             timeout=400)
    check_eq(status, 0, f"exit status of the benchmark\n{out}{err}")
    for what in ("to the guest: interrupts per GB", "idle ping", "DIM on"):
        check(what in out, f"the table lacks {what!r}:\n{out}")
