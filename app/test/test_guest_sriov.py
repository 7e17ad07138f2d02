# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A guest that writes sriov_numvfs: QEMU composes the PF and its VFs of vhost-user devices."""

from vnt import core, guest, pings, program
from vnt.core import check, check_eq, test

VFS = 2


class Device:
    """One of ours: PF (number 0) or VF (1, 2), and its end in the guest."""

    def __init__(self, ns, shown, number):
        self.ns = ns
        self.number = number
        self.mac = shown["mac"].lower()
        self.rep = shown["sf_rep_net_device"]
        self.socket = shown["socket"]
        self.host, self.guest = f"198.18.{number}.1", f"198.18.{number}.2"
        ns.ip("address", "add", f"{self.host}/24", "dev", self.rep)
        ns.ip("link", "set", self.rep, "up")

    def qemu(self):
        """As doc/sriov-recipes.md has it: VFs name their PF, and it comes last."""
        n = self.number
        pf = "id=pf0" if n == 0 else "sriov-pf=pf0"
        return ["-chardev", f"socket,id=c{n},path={self.socket},reconnect-ms=200",
                "-netdev", f"vhost-user,id=n{n},chardev=c{n}",
                "-device", f"virtio-net-pci,bus=rp0,addr=0x0.0x{n},netdev=n{n},mac={self.mac},{pf}"]

    def ping(self, t, g, new=True):
        """Both ways. @new: the netdev has no address yet."""
        if new:
            g.address(f"{self.guest}/24", g.dev(self.mac))
        g.ping(self.host, 3)
        pings.here(t, self.ns, self.guest)


def sriov(p, n):
    """The operator's command."""
    rc, out, err = p.cli("sriov", "-p", "0", "-n", str(n))
    check(rc == 0, f"virtnet sriov -n {n}: exit status {rc}: {out}{err}")


def launch(t, name, ns, **conf):
    return program.Program(t, name=name, ns=ns, conf=conf, eal=[
        "--no-huge", "-m", "256", "--no-pci", "--file-prefix", f"{t.mark}{name}", "-l", "0,1"],
        capacity=program.capacity(1, 4, VIRTIO_NET_EMULATION_NUM_VF=VFS,
                                  VIRTIO_NET_EMULATION_NUM_VF_MSIX=4, SRIOV_EN=1)).start()


@test
def numvfs(t):
    """echo 2 > sriov_numvfs: VFs probe and ping through representors of their own; twice.

    The same guest has a vfio-user PF, whose SR-IOV capability QEMU keeps to itself.
    """
    p = launch(t, "rings", t.ns, transport="vhost-user")
    other = launch(t, "full", t.new_netns(), transport="vfio-user",
                   static_pf={"mac_base": "02:00:00:00:77:00"})
    sriov(p, VFS)
    devices = p.devices()
    check_eq([d.get("vf_id") for d in devices], [None, 0, 1], "PF and VFs")
    ours = [Device(p.ns, d, n) for n, d in enumerate(devices)]
    g = guest.Guest(t, "a", ports=1)
    for d in reversed(ours):
        g.args += d.qemu()
    hidden = Device(other.ns, other.device(), VFS + 1)
    g.add_vfio(hidden.socket)
    g.start()
    hidden.ping(t, g)
    check_eq(g.sh(f"cat /sys/bus/pci/devices/{g.bdf(g.dev(hidden.mac))}/sriov_totalvfs "
                  "2>/dev/null || echo none").strip(), "none", "sriov_totalvfs of the vfio-user PF")
    g.sh(f"ip link set {g.dev(hidden.mac)} down")
    pf = g.dev(ours[0].mac)
    bdf = g.bdf(pf)
    sysfs = f"/sys/bus/pci/devices/{bdf}"
    check_eq(g.sh(f"cat {sysfs}/sriov_totalvfs").strip(), str(VFS), "sriov_totalvfs")
    ours[0].ping(t, g)
    there = sorted((ours[0].mac, hidden.mac))
    check_eq(sorted(g.netdevs()), there, "netdevs before")
    for again in (False, True):
        g.sh(f"echo {VFS} > {sysfs}/sriov_numvfs")
        for vf in ours[1:]:
            vf.ping(t, g)
        if not again:
            g.sh(f"echo 0 > {sysfs}/sriov_numvfs")
            core.wait_for(lambda: sorted(g.netdevs()) == there, 30, "the VFs are gone")
    # The operator takes them away under the guest, and brings them back.
    sriov(p, 0)
    sriov(p, VFS)
    for vf in ours[1:]:
        vf.ping(t, g, new=False)
    g.sh(f"echo 0 > {sysfs}/sriov_numvfs")
    ours[0].ping(t, g, new=False)
    g.check_console()
    g.end()
    p.stop()
    other.stop()
