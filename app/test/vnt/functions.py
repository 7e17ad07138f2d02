# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Whole PCI functions for a guest: made by "virtnet hotplug", shown over vfio-user.

With run.py --reference the guest gets QEMU's own virtio-net functions instead: what fails there as
well is a fault of the test or of the driver.
"""

import json

from . import core, guest, pings, program

# Vectors of a function, and so its pairs. Linux fills the receive ring of every pair when the netdev
# comes up: 17 MB each without mergeable buffers.
MSIX = 10
MAX_PLUGGED = 16


class Function:
    """One function and its two ends: the representor here, the netdev in the guest.

    Function number n has the subnet 198.18.n.0/24: .1 here, .2 in the guest.
    """

    def __init__(self, ns, number, mac, rep, pairs=1):
        self.ns = ns
        self.number = number
        self.mac = mac
        self.rep = rep
        self.pairs = pairs
        self.host = f"198.18.{number}.1"
        self.guest = f"198.18.{number}.2"
        self.answer = {}  # of hotplug
        self.socket = None

    @property
    def pf(self):
        return self.answer["id"]

    def host_up(self):
        """Address and link of the representor."""
        self.ns.ip("address", "add", f"{self.host}/24", "dev", self.rep)
        self.ns.ip("link", "set", self.rep, "up")

    def guest_up(self, g):
        """Wait for the netdev in the guest and give it its address. @return its name."""
        dev = g.dev(self.mac)
        g.address(f"{self.guest}/24", dev)
        return dev

    def ping(self, t, g, count=3):
        """Both ways; all answers must come."""
        g.ping(self.host, count)
        pings.here(t, self.ns, self.guest, count)

    def __str__(self):
        return f"function {self.number} ({self.mac})"


class Ours:
    """dpdk-virtnet, and functions that "virtnet hotplug" makes."""

    reference = False

    def __init__(self, t, hosts=(), conf=None, static=0, msix=MSIX, **kw):
        """@hosts: of virtnet.conf, see host()."""
        self.t = t
        self.functions = []
        content = {"transport": "vfio-user", **(conf or {})}
        if hosts:
            content["hosts"] = list(hosts)
        settings = program.capacity(static, msix, PCI_SWITCH_EMULATION_ENABLE=1,
                                    PCI_SWITCH_EMULATION_NUM_PORT=MAX_PLUGGED)
        self.program = program.Program(t, conf=content, capacity=settings, mbufs=None,
                                       **kw)
        self.ns = self.program.ns

    def start(self):
        self.program.start()
        return self

    def hotplug(self, *options, mac, mtu=1500, pairs=1, size=256):
        """The command. @return (exit status, answer or None, all that was printed)."""
        rc, out, err = self.program.cli(
            "hotplug", "-i", "mlx5_0", "-m", mac, "-t", str(mtu), "-qp", str(pairs), "-s",
            str(size), *options, timeout=60)
        return rc, document(out), out + err

    def make(self, *options, vm="none", mtu=1500, pairs=1, size=256):
        """A function, plugged into a VM or waiting on its socket for whoever attaches it."""
        n = len(self.functions)
        mac = f"0c:c4:7a:ff:22:{n + 1:02x}"
        rc, answer, text = self.hotplug("--vm", vm, *options, mac=mac, mtu=mtu, pairs=pairs,
                                        size=size)
        core.check(rc == 0 and answer, f"virtnet hotplug: status {rc}: {text}")
        f = Function(self.ns, n, mac, answer["sf_rep_net_device"], pairs)
        f.answer = answer
        f.socket = self.program.socket(answer["id"])
        self.functions.append(f)
        f.host_up()
        return f

    def static(self, pf=0):
        """A static PF."""
        d = self.program.device(pf)
        f = Function(self.ns, len(self.functions), d["mac"], d["sf_rep_net_device"])
        f.answer = {"id": pf}
        f.socket = d["socket"]
        self.functions.append(f)
        f.host_up()
        return f

    def hosts(self):
        """What debug says about the VMs, by name."""
        return {h["name"]: h for h in self.program.ask("/virtnet/debug,section=hosts")["hosts"]}

    def wait_host(self, name, connected=True, seconds=30):
        core.wait_for(lambda: bool(self.hosts()[name]["connected"]) == connected, seconds,
                      f"the monitor of {name}: connected {connected}")

    def unplug(self, f):
        """@return (exit status, all that was printed)."""
        rc, out, err = self.program.cli("unplug", "-p", str(f.pf), timeout=60)
        return rc, out + err

    def remove(self, f):
        """Unplug it; must succeed."""
        rc, text = self.unplug(f)
        core.check(rc == 0, f"virtnet unplug: status {rc}: {text}")

    def attach(self, g, f):
        """Give it to a guest that is not started yet."""
        g.add_vfio(f.socket)

    def guest(self, name, **kw):
        return guest.Guest(self.t, name, **kw)

    def wait_running(self, f, seconds=30):
        """The driver has said DRIVER_OK."""
        core.wait_for(lambda: int(self.program.query(f.pf)["status"]["value"], 16) & 4, seconds,
                      f"DRIVER_OK on {f}")

    def features(self, f):
        """(offered, accepted by the driver): sets of bit numbers."""
        d = self.program.query(f.pf)
        return tuple(bits(int(d[k]["value"], 16)) for k in ("device_feature", "driver_feature"))


class Qemus:
    """QEMU's own virtio-net functions, on TAPs in the namespace of the test."""

    reference = True

    def __init__(self, t, **_unused):
        self.t = t
        self.ns = t.ns
        self.functions = []
        self.props = {}

    def start(self):
        return self

    def make(self, *options, mtu=1500, pairs=1, size=256):
        n = len(self.functions)
        f = Function(self.ns, n, f"0c:c4:7a:ff:22:{n + 1:02x}", f"own{n}", pairs)
        words = ["multi_queue"] if pairs > 1 else []
        self.ns.ip("tuntap", "add", "dev", f.rep, "mode", "tap", "vnet_hdr", *words)
        self.ns.ip("link", "set", f.rep, "mtu", str(mtu))
        props = f"host_mtu={mtu},tx_queue_size=256,rx_queue_size={min(1024, max(256, size))}"
        if pairs > 1:
            props += ",rss=on,hash=on"
        if "-l" in options:
            props += ",disable-legacy=off,disable-modern=off"
        if "--no-msix" in options:
            props += ",vectors=0"
        self.props[n] = props
        self.functions.append(f)
        f.host_up()
        return f

    def attach(self, g, f):
        g.add_own(f.rep, f.mac, f.pairs, props=self.props[f.number])

    def guest(self, name, **kw):
        return guest.Guest(self.t, name, ns=self.ns, **kw)

    def wait_running(self, f, seconds=30):
        del f, seconds


def backend(t, **kw):
    """What the options ask for."""
    return (Qemus if t.options.reference else Ours)(t, **kw)


def host(name, g, qmp=None):
    """An element of "hosts" in virtnet.conf: guest @g and all its root ports."""
    return {"name": name, "qmp": qmp or g.program_qmp, "ports": [f"rp{i}" for i in range(g.ports)]}


def only_ours(t):
    if t.options.reference:
        raise core.Skip("not with the reference")


def bits(value):
    return {i for i in range(64) if value >> i & 1}


def document(text):
    """The JSON object in what the CLI prints, behind the request line; or None."""
    lines = text.splitlines()
    try:
        return json.loads("\n".join(lines[lines.index("{"):]))
    except ValueError:
        return None
