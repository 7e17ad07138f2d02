# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""VFs of static PFs: sets that come and go, who they are, their traffic, their representors."""

import contextlib
import json
import time

from vfu import bench, driver
from vnt import core, frames, proc, program, victim
from vnt.core import check, check_eq, test

SERIAL = program.SERIAL
SUCCESS = {"errno": 0, "errstr": "Success"}
GONE = {"Error": "Device doesn't exist"}
SF_POOL_CREATING, SF_CREATE, NOT_SUPPORTED = -1044, -1047, -1046


def launch(t, pfs=2, vfs=4, conf=None, msix=6, **more):
    """The program with room for @vfs VFs of each of @pfs PFs."""
    cap = program.capacity(pfs, 8, VIRTIO_NET_EMULATION_NUM_VF=vfs,
                           VIRTIO_NET_EMULATION_NUM_VF_MSIX=msix, **more)
    return program.Program(t, conf={"transport": "vfio-user", **(conf or {})}, capacity=cap).start()


def sriov(p, pf, n):
    return p.ask("/virtnet/sriov," + json.dumps({"pf": pf, "num_vfs": n}))


def sriov_ok(p, pf, n):
    check_eq(sriov(p, pf, n), SUCCESS, f"sriov of PF {pf}, {n} VFs")


def refused(p, pf, n, error, words):
    a = sriov(p, pf, n)
    check_eq(a["errno"], error, f"sriov of PF {pf}, {n} VFs: {a}")
    text = a["errstr"] + " " + a.get("detail", "")
    check(words in text, f"{text!r} does not say {words!r}")
    check("\n" not in text, f"more than one line: {text!r}")


def vfs(p, pf=0):
    """What list says about the VFs of a PF."""
    return [d for d in p.devices() if d.get("parent_pf_id") == pf]


def links(p):
    """Netdevs of devices: name -> (ifindex, administratively up)."""
    return {x["ifname"]: (x["ifindex"], "UP" in x["flags"])
            for x in json.loads(p.ns.ip("-j", "link", "show")) if x["ifname"].startswith("en3f")}


def vf_driver(vf):
    return driver.Driver(vf["socket"], timeout=30).probe()


def exchange(p, d, vf, count=20):
    """@count frames each way through a running VF, checked."""
    rep = vf["sf_rep_net_device"]
    p.ns.ip("link", "set", rep, "up")
    core.wait_for(lambda: int(vfs(p, vf["parent_pf_id"])[vf["vf_id"]]["enabled_queues"]) >= 2, 30,
                  "the VF's queues run")
    link = frames.Link(p.ns, rep)
    try:
        d.rx(0).fill()
        want = [victim.body(i) for i in range(count)]
        for f in want:
            check(d.tx(0).send(f), "the TX ring is full")
        d.tx(0).flush(timeout=30)
        seen = []

        def arrived():
            while (f := link.recv()) is not None:
                if victim.number_of(f) is not None:
                    seen.append(f)
            return len(seen) >= count

        core.wait_for(arrived, 30, "frames at the representor")
        check_eq(seen, want, "frames at the representor")
        for f in want:
            core.wait_for(lambda f=f: link.send(f), 30, "room in the representor's queue")
        got = []

        def received():
            got.extend(f for _, f in d.rx(0).receive() if victim.number_of(f) is not None)
            return len(got) >= count

        core.wait_for(received, 30, "frames in the RX ring")
        check_eq(got, want, "frames in the RX ring")
    finally:
        link.close()


@test
def rules(t):
    """0 -> n -> 0 only; every refusal says why and changes nothing."""
    p = launch(t)
    refused(p, 0, 5, -34, "VIRTIO_NET_EMULATION_NUM_VF is 4")
    refused(p, 0, 65535, -34, "not 65535")
    sriov_ok(p, 0, 0)
    sriov_ok(p, 0, 2)
    before = (p.devices(), links(p))
    sriov_ok(p, 0, 2)
    refused(p, 0, 3, -16, "2 VFs are enabled")
    refused(p, 0, 1, -16, "disabled first")
    check_eq(p.ask(f"/virtnet/sriov,vuid={SERIAL}VNETS0D0F2VF1,num_vfs=1")["errno"],
             NOT_SUPPORTED, "VFs of a VF")
    check_eq((p.devices(), links(p)), before, "after refusals")
    a = p.ask("/virtnet/hotplug," + json.dumps(
        {"ib_device": "mlx5_0", "mac": "0C:C4:7A:FF:22:93", "mtu": 1500, "max_queue_pairs": 1,
         "max_queue_size": 256}))
    refused(p, a["id"], 1, NOT_SUPPORTED, "hotplug PF")
    check_eq(p.ask("/virtnet/sriov,pf=7,num_vfs=1"), GONE, "no such PF")
    # By the command: the answer, then the line that operators wait for, then nobody.
    rc, out, err = p.cli("sriov", "-p", "0", "-n", "0")
    check_eq((rc, json.loads(out), err), (0, SUCCESS, ""), "virtnet sriov -n 0")
    p.process.wait_output(b"static PF[0], Unload (2) VFs finished\n")
    check_eq(p.ask("/virtnet/query,pf=0,vf=1"), GONE, "the last VF")
    rc, out, err = p.cli("sriov", "-u", SERIAL + "VNETS0D0F3", "--num_vfs", "9")
    check(rc == 1 and json.loads(out)["errno"] == -34, out + err)
    p.stop()
    p = launch(t, SRIOV_EN=0, vfs=0)
    refused(p, 0, 1, NOT_SUPPORTED, "SRIOV_EN is 0")
    p.stop()


@test
def identities(t):
    """Who VFs are: list and query, VUIDs, addresses, SF numbers, MACs, sizes."""
    p = launch(t, conf={"vf": {"mac_base": "06:11:22:33:44:fe", "vfs_per_pf": 3,
                               "features": "0x230047082b", "max_queue_pairs": 1,
                               "max_queue_size": 1024}})
    sriov_ok(p, 1, 4)
    sriov_ok(p, 0, 2)
    devices = p.devices()
    check_eq([(d.get("pf_id"), d.get("parent_pf_id"), d.get("vf_id")) for d in devices],
             [(0, None, None), (None, 0, 0), (None, 0, 1), (1, None, None)]
             + [(None, 1, i) for i in range(4)], "the order of list")
    check_eq([(d["pci_max_vfs"], d["enabled_vfs"]) for d in devices if "pf_id" in d],
             [("4", "2"), ("4", "4")], "VFs of the PFs")
    for d in vfs(p, 1):
        n = 4 + d["vf_id"]
        check_eq((d["function_type"], d["vuid"], d["pci_bdf"], d["sf_num"],
                  d["sf_rep_net_device"]),
                 ("VF", f"{SERIAL}VNETS0D0F3VF{d['vf_id'] + 1}", f"e4:00.{n}", 3000 + n,
                  f"en3f0pf0sf{3000 + n}"), "identity")
        check_eq((d["num_msix"], d["num_queues"], d["max_queue_pairs"], d["max_queue_size"],
                  d["pci_max_vfs"], d["enabled_vfs"]), ("6", "3", "1", "1024", "0", "0"), "sizes")
        check(d["sf_rep_net_ifindex"] > 0, f"no representor: {d}")
        check("msix_num_pool_size" not in d, "a VF has no pools")
    check_eq([d["mac"] for d in vfs(p, 0) + vfs(p, 1)],
             [f"06:11:22:33:{x}" for x in ("44:FE", "44:FF", "45:01", "45:02", "45:03", "45:04")],
             "MACs count over vfs_per_pf")
    q = p.ask("/virtnet/query,pf=1,vf=3")["devices"][0]
    check_eq((q["vf_id"], q["vuid"]), (3, SERIAL + "VNETS0D0F3VF4"), "query")
    check_eq(int(q["device_feature"]["value"], 16) & ~(0x230047082b | 1 << 27 | 3 << 28), 0,
             "features beyond the mask")
    check(int(q["device_feature"]["value"], 16) & 1 << 5, "the mask's feature MAC")
    check_eq(p.ask(f"/virtnet/query,vuid={SERIAL}VNETS0D0F3VF4")["devices"][0]["vf_id"], 3,
             "query by VUID")
    rc, out, _ = p.cli("query", "-p", "1", "-v", "3", "-b")
    check(rc == 0 and sum("sf_rep_net_device" in x for x in out.splitlines()) == 1, out)
    rc, out, _ = p.cli("attach", "-p", "1", "-v", "3", "--print", "qemu")
    check(rc == 0 and q["vuid"] + ".sock" in out, out)
    check_eq(p.ask("/virtnet/detach,pf=1,vf=3")["errno"], -19, "detach of one in no VM")
    p.stop()


@test
def traffic_and_removal(t):
    """Frames through VFs; a PF's driver may go; all clients are cut off when VFs are disabled."""
    p = launch(t, pfs=1)
    sriov_ok(p, 0, 3)
    fds = p.process.fds()
    first, _, last = vfs(p)
    a, b = vf_driver(first), vf_driver(last)
    try:
        for d, vf in ((a, first), (b, last)):
            d.start(1)
            exchange(p, d, vf)
        # The PF's driver comes and goes, with resets: the operator's VFs live in other VMs.
        with bench.running(p, 0) as pf:
            pf.reset()
            pf.c.reset()
        exchange(p, a, first)
        check_eq(p.device(0)["enabled_vfs"], "3", "after the PF's driver went")
        sriov_ok(p, 0, 0)
        for d in (a, b):
            core.wait_for(lambda d=d: not d.c.alive(), 30, "the client's connection ends")
    finally:
        a.close()
        b.close()
    check_eq(p.sockets(), [f"{SERIAL}VNETS0D0F2.sock", "dpdk_telemetry.v2"], "sockets")
    core.wait_for(lambda: p.process.fds() < fds, 30, "their descriptors")
    # And again, on the same representors.
    sriov_ok(p, 0, 3)
    a = vf_driver(vfs(p)[0])
    try:
        a.start(1)
        exchange(p, a, vfs(p)[0])
    finally:
        a.close()
    p.stop()


@test
def representors_kept(t):
    """Representors outlive their VFs and the program, with ifindex and bridge; pool ports too."""
    p = launch(t, pfs=1, vfs=4, conf={"sf_pool_percent": 50})
    # 2 of 4 beforehand, down.
    pool = b"SF pool: 2 ports"
    p.process.wait_output(pool)
    made = links(p)
    check_eq({n: up for n, (_, up) in made.items()},
             {"en3f0pf0sf1000": False, "en3f0pf0sf3000": False, "en3f0pf0sf3001": False}, "pool")
    p.ns.ip("link", "add", "br9", "type", "bridge")
    p.ns.ip("link", "set", "en3f0pf0sf3000", "master", "br9", "up")
    sriov_ok(p, 0, 3)
    check_eq([v["sf_rep_net_ifindex"] for v in vfs(p)][:2],
             [made["en3f0pf0sf3000"][0], made["en3f0pf0sf3001"][0]], "ports of the pool are used")
    all_three = links(p)
    sriov_ok(p, 0, 0)
    check_eq(links(p), all_three, "after disabling")
    sriov_ok(p, 0, 4)
    check_eq({n: links(p)[n] for n in all_three}, all_three, "after enabling again")
    before = links(p)
    p.stop()
    check_eq(links(p), before, "after the stop")
    p.start()
    p.process.wait_output(pool)
    check_eq({n: links(p)[n] for n in before}, before, "after the next start")
    check_eq(p.ns.link("en3f0pf0sf3000").get("master"), "br9", "the bridge")
    p.stop()


@test
def pool_destroyed(t):
    """sf_pool_force_destroy: ports of VFs go at the stop, and others stay; a full pool is made."""
    p = launch(t, pfs=2, vfs=20, conf={"sf_pool_percent": 100, "sf_pool_force_destroy": 1})
    p.process.wait_output(b"SF pool: 40 ports")
    check_eq(len(links(p)), 42, "ports")
    sriov_ok(p, 1, 20)
    p.ns.ip("tuntap", "add", "en3f0pf0sf3999", "mode", "tap")
    p.stop()
    p.process.wait_output(b"SF pool: 40 ports removed")
    check_eq(sorted(links(p)), ["en3f0pf0sf1000", "en3f0pf0sf1001", "en3f0pf0sf3999"],
             "after the stop")
    # VFs while the pool is being made: refused until it is there.
    p.start()
    seen = set()
    end = time.monotonic() + 30
    while (a := sriov(p, 0, 1))["errno"] != 0 and time.monotonic() < end:
        seen.add((a["errno"], a["errstr"]))
    check_eq(a, SUCCESS, "sriov in the end")
    check(seen <= {(SF_POOL_CREATING, "SF pool is being created, try again later")}, f"{seen}")
    t.note("refused while the pool was being made" if seen else "the pool was there at once")
    p.stop()
    # PF_TOTAL_SF: 2 static PFs, and 3 more.
    p = launch(t, PER_PF_NUM_SF=1, PF_TOTAL_SF=5)
    refused(p, 0, 4, SF_CREATE, "PF_TOTAL_SF is 5: 2 SFs of mlx5_0 are in use, and 4 more")
    sriov_ok(p, 0, 3)
    refused(p, 1, 1, SF_CREATE, "Failed to create SF")
    p.stop()


@test
def limits(t):
    """"limits": what the card could not have is refused, at validate, start, hotplug; or warned of.
    """
    p = launch(t, pfs=2, vfs=126, msix=4, NUM_OF_VFS=0)
    p.process.wait_output(b"a BlueField-3 could not be set up so: 256 PCIe functions in all")
    p.stop()
    p = launch(t, pfs=2, vfs=125, msix=4, NUM_OF_VFS=0, conf={"limits": "bluefield3"})
    check_eq(p.ask("/virtnet/list")["controller"]["max_hotplug_devices"], "1", "hotplug devices")
    p.stop()
    cap = program.capacity(2, 8, VIRTIO_NET_EMULATION_NUM_VF=126, NUM_OF_VFS=0)
    p = program.Program(t, conf={"limits": "bluefield3"}, capacity=cap).launch()
    check_eq(p.process.wait(), 1, "exit status")
    check(b'"limits": "bluefield3": 256 PCIe functions in all' in p.process.err(), p.process.err())
    conf = {"limits": "bluefield3", "vf": {"vfs_per_pf": 253}}
    rc, out, _ = t.run([p.binary, "--validate", p._write("bad.conf", conf)])
    check(rc == 1 and "vf.vfs_per_pf: is 253" in out and "at most 252" in out, out)


@test
def many(t):
    """As many VFs as there can be, of all PFs at once, while others are served; a clean stop."""
    n = t.count(40, 252)
    p = launch(t, pfs=4, vfs=n, msix=4, conf={"sf_pool_force_destroy": 1})
    served = []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(p.control(120)) for _ in range(4)]
        other = stack.enter_context(p.control(120))

        def everywhere(num):
            for i, c in enumerate(clients):
                c.send("/virtnet/sriov," + json.dumps({"pf": i, "num_vfs": num}))
            while not all(proc.readable(c.sock.fileno(), 0) for c in clients):
                before = time.monotonic()
                check_eq(len(other.ask("/virtnet/query,pf=3,brief")["/virtnet/query"]["devices"]),
                         1, "the answer to another client")
                served.append(time.monotonic() - before)
            for c in clients:
                check_eq(c.recv(), {"/virtnet/sriov": SUCCESS}, f"{num} VFs")
            check_eq(int(p.query(3)["enabled_vfs"]), num, "VFs of the last PF")

        for _ in range(t.count(1, 3)):
            everywhere(n)
            everywhere(0)
        everywhere(n)
    t.note(f"{len(served)} other requests answered, {max(served, default=0) * 1000:.0f} ms at most")
    p.stop(60)
    check_eq(len(links(p)), 4, "representors left")
