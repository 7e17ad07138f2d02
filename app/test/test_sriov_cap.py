# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The SR-IOV capability of a PF, as a client uses it that passes it to its guest."""

import contextlib
import types

from vfu import bench, driver
from vfu.pci import Function
from vnt import core, program, victim
from vnt.core import check, check_eq, test

TOTAL = 3
ARI, SRIOV = 0x0E, 0x10  # ids of extended capabilities

# Registers of the SR-IOV capability.
(CAPS, CTRL, INITIAL, TOTAL_VFS, NUM, LINK, OFFSET, STRIDE, DEVICE_ID, SUPPORTED, PAGE, BARS) = (
    4, 8, 0x0C, 0x0E, 0x10, 0x12, 0x14, 0x16, 0x1A, 0x1C, 0x20, 0x24)
VF_ENABLE, VF_MSE = 1, 8


class Capability:
    """The capability of a connected function."""

    def __init__(self, fn):
        self.fn = fn
        self.caps = extended(fn)
        self.at = self.caps[SRIOV]

    def read(self, register, size=2):
        return self.fn.read(self.at + register, size)

    def write(self, register, value, size=2):
        self.fn.write(self.at + register, size, value)

    def enable(self, n):
        """As Linux does it."""
        self.write(NUM, n)
        self.write(CTRL, VF_ENABLE | VF_MSE)

    def disable(self):
        self.write(CTRL, 0)

    def state(self):
        """(VF Enable, NumVFs)."""
        return self.read(CTRL) & VF_ENABLE, self.read(NUM)

    def bar_size(self, n):
        at = BARS + 4 * n
        self.write(at, 0xFFFFFFFF, 4)
        mask = self.read(at, 4) & ~0xF
        self.write(at, 0, 4)
        return -mask & 0xFFFFFFFF if mask else 0


def extended(fn):
    """Extended capabilities: id -> where."""
    found, at = {}, 0x100
    while at:
        header = fn.read(at, 4)
        if header == 0:
            break
        check(header & 0xFFFF not in found and header >> 16 & 0xF == 1, f"{header:#x} at {at:#x}")
        found[header & 0xFFFF] = at
        at = header >> 20
    return found


def launch(t, vfs=TOTAL):
    return program.Program(t, conf={"transport": "vfio-user"}, capacity=program.capacity(
        1, 4, VIRTIO_NET_EMULATION_NUM_VF=vfs, VIRTIO_NET_EMULATION_NUM_VF_MSIX=4,
        SRIOV_EN=int(vfs > 0))).start()


@contextlib.contextmanager
def capability(p):
    """A client of the PF."""
    with driver.Driver(p.socket()) as d:
        d.probe()
        cap = Capability(d.fn)
        cap.driver = d
        yield cap


def vfs(p):
    """What list shows of the VFs, by number."""
    return {d["vf_id"]: d for d in p.devices() if "vf_id" in d}


def wait_vfs(p, n):
    """The client is answered at once; they come and go in their time."""
    core.wait_for(lambda: len(vfs(p)) == n and int(p.device()["enabled_vfs"]) == n, 30, f"{n} VFs")


def vf_works(t, p, vf):
    """A driver of the VF, and frames both ways between it and its representor."""
    d = vfs(p)[vf]
    p.ns.ip("link", "set", d["sf_rep_net_device"], "up")
    with driver.Driver(d["socket"]) as x:
        x.probe()
        x.start()
        x.rx(0).fill()
        core.wait_for(lambda: int(vfs(p)[vf]["enabled_queues"]) >= 2, 30, f"VF {vf} runs")
        end = types.SimpleNamespace(ns=p.ns, rep=lambda _: d["sf_rep_net_device"])
        victim.both_ways(end, x.rx(0), x.tx(0), 5)
    t.note(f"VF {vf}")


@test
def registers(t):
    """What the capability says, and that it is only there where VFs are possible."""
    p = launch(t)
    with capability(p) as cap:
        check_eq(sorted(cap.caps), [ARI, SRIOV], "extended capabilities")
        check_eq([cap.read(r) for r in (INITIAL, TOTAL_VFS, NUM, CTRL, STRIDE, DEVICE_ID)],
                 [TOTAL, TOTAL, 0, 0, 1, 0x1041], "InitialVFs ... VF Device ID")
        pf_bdf = bdf(p.device()["pci_bdf"])
        offset = cap.read(OFFSET)
        cap.enable(TOTAL)
        wait_vfs(p, TOTAL)
        for n, d in vfs(p).items():
            check_eq(bdf(d["pci_bdf"]), pf_bdf + offset + n, f"address of VF {n}")
        with bench.VfioUserClient(vfs(p)[0]["socket"]) as c:
            c.version()
            vf = Function(c)
            vf.walk()
            check_eq([cap.bar_size(n) for n in range(5)], [vf.bar_size(n)[0] for n in range(5)],
                     "sizes of the VF's BARs")
            check_eq(extended(vf), {}, "extended capabilities of a VF")
        cap.disable()
        wait_vfs(p, 0)
    p.stop()
    p = launch(t, vfs=0)
    with driver.Driver(p.socket()) as d:
        d.probe()
        check_eq(extended(d.fn), {}, "extended capabilities of a PF that owns no VFs")
    p.stop()


def bdf(text):
    bus, _, rest = text.partition(":")
    dev, _, fn = rest.partition(".")
    return int(bus, 16) << 8 | int(dev, 16) << 3 | int(fn, 16)


@test
def enabled_by_the_client(t):
    """VFs come, work, and go: by VF Enable 0, by a reset of any kind, by the end of the client."""
    p = launch(t)
    with capability(p) as cap:
        cap.enable(TOTAL)
        check_eq(cap.state(), (1, TOTAL), "VF Enable and NumVFs")
        wait_vfs(p, TOTAL)
        vf_works(t, p, 0)
        vf_works(t, p, TOTAL - 1)
        cap.write(NUM, 1)
        check_eq(cap.state(), (1, TOTAL), "NumVFs while VF Enable is 1")
        cap.disable()
        check_eq(cap.state(), (0, TOTAL), "VF Enable and NumVFs")
        wait_vfs(p, 0)
        for reset in (cap.fn.flr, cap.driver.c.reset):
            cap.enable(2)
            wait_vfs(p, 2)
            reset()
            check_eq(cap.state(), (0, 0), "VF Enable and NumVFs after a reset")
            wait_vfs(p, 0)
        # The last word counts.
        cap.enable(2)
        cap.disable()
        cap.enable(1)
        wait_vfs(p, 1)
        check_eq(cap.state(), (1, 1), "VF Enable and NumVFs")
        vf_works(t, p, 0)
    wait_vfs(p, 0)
    with capability(p) as cap:
        check_eq(cap.state(), (0, 0), "VF Enable and NumVFs for the next client")
    p.stop()


@test
def after_a_crash(t):
    """Recovery makes VFs anew; those of a client that is gone go when the next one resets the PF."""
    p = launch(t)
    with capability(p) as cap:
        cap.enable(2)
        p.process.wait_output(b"Load (2) VFs finished")  # and saved
        p.kill()
    p.start()
    wait_vfs(p, 2)
    with capability(p) as cap:
        check_eq(cap.state(), (0, 0), "VF Enable and NumVFs")
        wait_vfs(p, 0)
    sriov(p, 2)
    p.kill()
    p.start()
    with capability(p) as cap:
        check_eq(cap.state(), (1, 2), "VF Enable and NumVFs")
        check_eq(len(vfs(p)), 2, "VFs")
    p.stop()


@test
def not_possible(t):
    """What cannot be shows as VF Enable 0, and a line in the log says why."""
    p = launch(t)
    with capability(p) as cap:
        for n in (0, TOTAL + 1, 0xFFFF):
            cap.enable(n)
            check_eq(cap.state(), (0, n), "VF Enable and NumVFs")
        check(b"1 to %d are possible" % TOTAL in p.process.read(), "no line in the log")
        # Somebody else has the name of a representor.
        p.ns.ip("link", "add", "en3f0pf0sf3001", "type", "bridge")
        cap.enable(2)
        core.wait_for(lambda: cap.state() == (0, 2), 30, "VF Enable is 0 again")
        wait_vfs(p, 0)
        p.process.wait_output(b"asked for 2 VFs by the SR-IOV capability, which failed")
        check(b"en3f0pf0sf3001" in p.process.read(), "the log does not name the netdev")
        p.ns.ip("link", "del", "en3f0pf0sf3001")
        cap.enable(2)
        wait_vfs(p, 2)
        check_eq(cap.state(), (1, 2), "VF Enable and NumVFs")
    p.stop()


@test
def enabled_by_the_operator(t):
    """VFs of "virtnet sriov" are shown, and neither a client nor a reset removes them."""
    p = launch(t)
    with capability(p) as cap:
        sriov(p, 2)
        check_eq(cap.state(), (1, 2), "VF Enable and NumVFs")
        cap.write(NUM, 1)
        cap.disable()
        cap.fn.flr()
        cap.driver.c.reset()
        check_eq(cap.state(), (1, 2), "VF Enable and NumVFs")
        check_eq(len(vfs(p)), 2, "VFs")
    with capability(p) as cap:
        check_eq(cap.state(), (1, 2), "VF Enable and NumVFs for the next client")
        check_eq(len(vfs(p)), 2, "VFs")
        vf_works(t, p, 1)
        sriov(p, 0)
        check_eq(cap.state(), (0, 0), "VF Enable and NumVFs")
        # What the client has enabled, the operator can remove.
        cap.enable(3)
        wait_vfs(p, 3)
        sriov(p, 0)
        check_eq(cap.state(), (0, 3), "VF Enable and NumVFs")
        check_eq(len(vfs(p)), 0, "VFs")
    p.stop()


def sriov(p, n):
    """The operator's command."""
    rc, out, err = p.cli("sriov", "-p", "0", "-n", str(n))
    check(rc == 0, f"virtnet sriov -n {n}: exit status {rc}: {out}{err}")
