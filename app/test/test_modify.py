# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""modify: what a driver sees of it and when, and what is refused meanwhile."""

import json

from vfu import bench, control as ctl, driver, net, pci
from vfu.net import Net, plain
from vnt import core, program, ring, victim, virtio
from vnt.core import check, check_eq, test
from vnt.virtio import bit

LOADED = (-1004, "Failed - Virtio driver should not be loaded")
OTHER = bytes.fromhex("02aabbccdd01")


def modify(p, *args, pf=0, vf=None, error=0):
    """The CLI; it must end with errno @error. @return the answer."""
    sel = ["-p", str(pf)] + (["-v", str(vf)] if vf is not None else [])
    status, out, err = p.cli("modify", *sel, *map(str, args))
    check_eq(err, "", f"modify {args}")
    answer = json.loads(out.split("\n", 1)[1])
    check_eq(answer.get("errno"), error, f"modify {args}: {answer}")
    check_eq(status, 0 if error == 0 else 1, f"exit status of modify {args}")
    return answer


def config_interrupt(d):
    """The driver is told of a change of the configuration."""
    check(ring.event_wait(d.vectors[0], 30), "no config-change interrupt")
    ring.event_read(d.vectors[0])


def again(p, d, pf=0, **kw):
    """The driver is bound again."""
    d.restart(**kw)
    for i in range(d.pairs):
        d.rx(i).fill()
    bench.ready(p, d, pf)


@test
def at_once(t):
    """Link and speed with an interrupt; moderation of receive queues, under the driver's own."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0) as d:
        ring.event_read(d.vectors[0])
        modify(p, "device", "-l", 0)
        config_interrupt(d)
        check_eq(d.config(6, 2) & 1, 0, "link in the configuration")
        check_eq(p.device(0)["link_status"], "0", "link in list")
        modify(p, "device", "-l", 1, "-e", 25000)
        config_interrupt(d)
        check_eq((d.config(6, 2) & 1, d.config(12, 4)), (1, 25000), "link and speed")
        modify(p, "device", "-e", 12345, error=-1051)
        modify(p, "queue", "-e", "cqe", "-n", 10, "-c", 30)
        q = p.query(0)["enabled-queues-info"]
        keys = ("rq_cq_period_mode", "rq_cq_period", "rq_cq_max_count")
        check_eq(tuple(q[0][k] for k in keys), ("2", "10", "30"), "moderation of the RX queue")
        check_eq(tuple(q[1][k] for k in keys), ("1", "0", "0"), "moderation of the TX queue")
        bench.exchange(p, d, 20, pf=0)
        # A driver is refused nothing of this, and an operator much.
        for args in (("-m", "0C:C4:7A:FF:22:93"), ("-t", 9000), ("-f", "0x1"), ("-q", 512),
                     ("-qp", 1), ("-dim", "enable"), ("-netdim", "enable"),
                     ("-l", 0, "-t", 9000)):
            answer = modify(p, "device", *args, error=LOADED[0])
            check_eq(answer["errstr"], LOADED[1], f"modify {args}")
        check_eq(p.device(0)["link_status"], "1", "link after a change that was refused")
        # The operator asks the driver for a reset.
        modify(p, "device", "-s", 64)
        config_interrupt(d)
        check(d.status & 64, "DEVICE_NEEDS_RESET is not shown")
        again(p, d)
        bench.exchange(p, d, 5, pf=0)
    p.stop()


@test
def moderation_by_load(t):
    """-dim: interrupts wait by load, unless driver or operator say how long, queue by queue."""
    p = bench.launch(t, 1)
    p.up(0)
    features = driver.WANTED | bit(virtio.F_VQ_NOTF_COAL)

    def by_load():
        rings = p.ask("/virtnet/debug")["devices"][0]["rings"]
        return [r["dim"] is not None for r in rings]

    with bench.running(p, 0, features=features) as d:
        check_eq(by_load(), [False] * 3, "by load, before it is enabled")
        d.reset()
        modify(p, "device", "-dim", "enable")
        again(p, d, features=features)
        check_eq(by_load(), [True, True, False], "by load, RX, TX and control")
        bench.exchange(p, d, 200, pf=0)
        d.coalesce_vq(1, 10, 30)
        core.wait_for(lambda: by_load() == [True, False, False], 30, "the driver sets TX")
        modify(p, "queue", "-e", "event", "-n", 10, "-c", 30)
        core.wait_for(lambda: by_load() == [False] * 3, 30, "the operator sets RX")
        q = p.query(0)["enabled-queues-info"]
        check_eq([q[i]["rq_cq_period"] for i in (0, 1)], ["10", "30"], "periods")
        modify(p, "queue", "-e", "event", "-n", 0, "-c", 0)
        core.wait_for(lambda: by_load() == [True, False, False], 30, "the operator gives RX back")
        bench.exchange(p, d, 20, pf=0)
    p.stop()


@test
def next_driver(t):
    """MAC, MTU, features, depth, RSS: on the same connection, when the driver comes again."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0, features=driver.WANTED | bit(virtio.F_RSS)) as d:
        d.reset()
        modify(p, "device", "-m", "0C:C4:7A:FF:22:93", "-t", 9000, "-q", 512, "-o", "0x3f",
               "-k", 40, "-dim", "enable", "-aarfs", "enable")
        again(p, d, features=driver.WANTED | bit(virtio.F_RSS), size=1024)
        check_eq(d.mac, bytes.fromhex("0cc47aff2293"), "MAC")
        check_eq(d.config(10, 2), 9000, "MTU")
        check_eq(d.rx(0).size, 512, "depth")
        check_eq((d.config(17, 1), d.config(20, 4)), (40, 0x3f), "RSS")
        listed = p.device(0)
        for key, value in (("mac", "0C:C4:7A:FF:22:93"), ("mtu", "9000"), ("dim", "enabled"),
                           ("max_queue_size", "512"), ("supported_hash_types", "0x3f"),
                           ("aarfs", "enabled")):
            check_eq(listed[key], value, key)
        core.wait_for(lambda: p.ns.link(p.rep(0))["mtu"] == 9000, 30,
                      "the representor's MTU is raised")
        bench.exchange(p, d, 10, pf=0)
        d.reset()
        modify(p, "device", "-f", hex(bit(virtio.F_MAC, virtio.F_CTRL_VQ, virtio.F_STATUS)))
        again(p, d)
        check(not d.offered & bit(virtio.F_MTU, virtio.F_MQ), f"offered: {d.offered:#x}")
        check(d.has(virtio.F_MAC, virtio.F_CTRL_VQ), f"features: {d.features:#x}")
        bench.exchange(p, d, 5, pf=0)
    modify(p, "device", "-f", hex(bit(41)), error=-1000)
    modify(p, "device", "-d", "0x50", error=-1045)
    modify(p, "device", "-b", 4, error=-1046)
    modify(p, "device", "-n", 4, error=-1046)
    p.stop()


@test
def vf_queues(t):
    """Vectors and queue pairs move from one VF to another that a driver has, unbound."""
    cap = program.capacity(1, 4, VIRTIO_NET_EMULATION_NUM_VF=2, SRIOV_EN=1,
                           VIRTIO_NET_EMULATION_NUM_VF_MSIX=8)
    p = program.Program(t, capacity=cap, conf={"transport": "vfio-user"}).start()
    check_eq(p.ask("/virtnet/sriov,pf=0,num_vfs=2").get("errno"), 0, "sriov")

    def pools():
        d = p.device(0)
        return d["msix_num_pool_size"], d["qp_pool_size"]

    def vf(n):
        return next(d for d in p.devices() if d.get("vf_id") == n)

    check_eq(pools(), (0, 0), "pools at the start")
    modify(p, "device", "-n", 10, vf=0, error=-1009)
    with driver.Driver(vf(0)["socket"]) as d:
        d.probe()
        d.negotiate(driver.WANTED)
        check_eq((d.config(8, 2), d.fn.common("num_queues")), (3, 7), "queues at the start")
        modify(p, "device", "-n", 4, vf=1)
        check_eq(pools(), (4, 2), "pools when VF 1 has given")
        modify(p, "device", "-n", 12, vf=0, error=-1004)
        d.reset()
        modify(p, "device", "-n", 12, vf=0)
        check_eq((pools(), vf(0)["num_msix"], vf(0)["max_queue_pairs"]), ((0, 0), "12", "5"),
                 "VF 0 has them")
        # The connection is the same, and so is the table that the host has read.
        check_eq(d.fn.msix_size(), 256, "MSI-X table")
        d.start(5)
        check_eq((d.config(8, 2), d.fn.common("num_queues")), (5, 11), "queues of the next driver")
        check_eq(d.set_vector(0, 12), virtio.NO_VECTOR, "a vector beyond the quota")
        core.wait_for(lambda: int(vf(0)["enabled_queues"]) == 11, 30, "11 queues run")
        d.reset()
        answer = modify(p, "device", "-qp", 0, vf=0)
        check_eq(answer.get("warning"),
                 "Warning - Device will not work with this setting, do not probe it", "warning")
        check_eq(d.fn.common("num_queues"), 0, "queues of a VF without")
        modify(p, "device", "-qp", 2, vf=0)
        d.mem.rewind()
        d.forget_vectors()
        d.start(2)
        core.wait_for(lambda: int(vf(0)["enabled_queues"]) == 5, 30, "5 queues run")
    check_eq(pools(), (6, 3), "pools at the end")
    # Both VFs at once, and the pool has enough for one; the other is named.
    answer = p.ask('/virtnet/modify/device,{"pf": 0, "vfs": "0-1", "msix_num": 10}')
    check_eq((answer["errno"], answer["changed"], [f["errno"] for f in answer["failed"]]),
             (-1009, 1, [-1009]), f"both to 10 vectors: {answer}")
    check(answer["failed"][0]["vf_id"] in (0, 1), f"who failed: {answer}")
    # All of it outlives the program.
    modify(p, "device", "-l", 0, "-e", 40000, vf=1)
    before = [{k: vf(n)[k] for k in ("num_msix", "num_queues", "max_queue_pairs", "link_status",
                                     "speed")} for n in (0, 1)], pools()
    p.stop()
    p.start()
    core.wait_for(lambda: len(p.devices()) == 3, 30, "the VFs are there again")
    after = [{k: vf(n)[k] for k in before[0][n]} for n in (0, 1)], pools()
    check_eq(after, before, "vectors, queues and pools after a restart")
    p.stop()


@test
def counters(t):
    """Size classes and the drop counter: while a driver is loaded, and as long as they are on."""
    p = bench.launch(t, 1)
    p.up(0)
    modify(p, "device", "-pkt_cnt", "enable", error=-1003)
    modify(p, "device", "-dc", "enable", error=-1003)
    check("num_desc_drop_pkts" not in p.query(0), "a drop counter nobody asked for")
    with bench.running(p, 0, features=driver.WANTED & ~bit(virtio.F_MRG_RXBUF), fill=False) as d, \
            Net(p, 0) as n:
        rx = d.rx(0)
        modify(p, "device", "-pkt_cnt", "enable", "-dc", "enable")
        check_eq(p.query(0)["num_desc_drop_pkts"], "0", "drops")
        check_eq(p.stats(0)["packet_counters"], "Enabled", "packet_counters")
        # A frame for which the buffer is too small goes nowhere, and is counted.
        rx.fill(length=80, count=1)
        n.send(plain(d.mac, n.next(), size=500))
        core.wait_for(lambda: p.query(0)["num_desc_drop_pkts"] == "1", 30, "a drop is counted")
        rx.fill()
        sizes = (60, 100, 100, 600)
        want = {n.next(): s for s in sizes}
        for number, size in want.items():
            n.send(plain(d.mac, number, size=size))
        net.take(d, [0], set(want))

        def classes():
            q = p.stats(0)["queues-stats"][0]
            return [q[f"rx_{c}_octet_packets"] for c in ("64_or_less", "65_to_127", "512_to_1023")]

        check_eq(classes(), [1, 2, 1], "size classes")
        modify(p, "device", "-pkt_cnt", "disable", "-dc", "disable")
        check_eq(p.stats(0)["packet_counters"], "Disabled", "packet_counters")
        check_eq(classes(), [1, 2, 1], "size classes are kept")
        check("num_desc_drop_pkts" not in p.query(0), "the drop counter is off")
        modify(p, "device", "-pkt_cnt", "enable", "-dc", "enable")
        core.wait_for(lambda: classes() == [0, 0, 0], 30, "size classes begin anew")
        check_eq(p.query(0)["num_desc_drop_pkts"], "0", "drops begin anew")
    p.stop()


@test
def receive_mode(t):
    """The operator's receive mode is in force whatever the driver sets, until it is taken back."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0) as d, Net(p, 0) as n:
        kinds = {"own": d.mac, "other": OTHER, "group": bytes.fromhex("01005e000005"),
                 "broadcast": net.BROADCAST}
        sent = {k: lambda i, m=m: plain(m, i) for k, m in kinds.items()}

        def through(expected, what):
            check_eq(net.passes(d, n, sent, lambda i: plain(d.mac, i)), expected, what)

        through(set(kinds), "promiscuous, as after a reset")
        modify(p, "device", "-r", "0x20")
        through({"own"}, "no broadcast")
        d.rx_mode(ctl.PROMISC, 1)
        through({"own"}, "... whatever the driver wants")
        modify(p, "device", "-r", "0x2")
        through({"own", "group", "broadcast"}, "all multicast")
        again(p, d)
        through({"own", "group", "broadcast"}, "after a reset")
        modify(p, "device", "-r", "0")
        through(set(kinds), "the driver's choice")
    p.stop()


@test
def vhost_user(t):
    """What is the VMM's is refused; a guest that sends as somebody else is noticed."""
    p = program.Program(t, capacity=program.capacity(2, 4)).start()
    p.up(victim.VICTIM)
    for args in (("-l", 0), ("-e", 25000), ("-s", 0), ("-r", "0x1"), ("-q", 512), ("-k", 40)):
        modify(p, "device", *args, pf=victim.VICTIM, error=-1046)
    modify(p, "device", "-m", "0C:C4:7A:FF:22:93", "-t", 9000, pf=victim.VICTIM)
    # A published mask, of which the VMM has some bits: as in virtnet.conf they are left out.
    answer = modify(p, "device", "-f", "0x2300471829", pf=victim.VICTIM)
    check_eq(answer.get("warning"), "0x2200000000 of features left out: over vhost-user the VMM "
             "has them", "warning")
    check("warning" not in modify(p, "device", "-f", "0x100471829", pf=victim.VICTIM), "warning")
    modify(p, "device", "-f", "0x20100471829", pf=victim.VICTIM, error=-1000)
    modify(p, "queue", "-e", "event", "-n", 10, "-c", 30, pf=victim.VICTIM)
    modify(p, "device", "-dc", "enable", pf=victim.VICTIM, error=-1003)
    with victim.client(p) as c:
        c.setup()
        victim.exchange(p, c)
        modify(p, "device", "-m", "0C:C4:7A:FF:22:94", pf=victim.VICTIM, error=LOADED[0])
        q = p.query(victim.VICTIM)["enabled-queues-info"][0]
        check_eq((q["rq_cq_period"], q["rq_cq_max_count"]), ("10", "30"), "moderation")

        def guest():
            devices = p.ask("/virtnet/debug,section=devices")["devices"]
            vuid = p.device(victim.VICTIM)["vuid"]
            return next(d["guest_mac"] for d in devices if d["vuid"] == vuid)

        core.wait_for(lambda: guest() != "00:00:00:00:00:00", 30, "the guest's MAC is known")
    check(b"its driver sends as" in p.process.read(), "no warning about the guest's MAC")
    p.stop()
