# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A Linux guest with the stock virtio_net driver."""

import os

import test_lifecycle
from vnt import core, guest, pings, program, reference, virtio
from vnt.core import check, check_eq, test, variants

HOST, GUEST, GUEST2 = "198.18.0.1", "198.18.0.2", "198.18.0.3"
BR = "br0"

# ethtool's name of an offload -> the virtio feature it stands on.
OFFLOADS = (
    ("tx-checksum-ip-generic", 0), ("tx-tcp-segmentation", 11), ("tx-tcp6-segmentation", 12),
    ("tx-udp-segmentation", 56),
)


def backend(t, queue_pairs=1, pfs=1, **kw):
    if t.options.reference:
        if pfs > 1 or kw:
            raise core.Skip("not with the reference")
        return reference.Reference(t, queue_pairs=queue_pairs).start()
    return program.Program(t, capacity=program.capacity(pfs, max(4, 2 * queue_pairs + 2)),
                           mbufs=None, **kw).start()


def host_side(t, p, bridge=False):
    """The representor (or a bridge it is in) gets the host's address; iperf3 listens there."""
    rep = p.up()
    dev = rep
    if bridge:
        dev = BR
        p.ns.ip("link", "add", BR, "type", "bridge", "forward_delay", "0")
        p.ns.ip("link", "set", rep, "master", BR)
        p.ns.ip("link", "set", BR, "up")
    p.ns.ip("address", "add", f"{HOST}/24", "dev", dev)
    guest.IperfServer(t, p.ns)
    return rep


def both_ways(t, p, g, options="", what=""):
    g.ping(HOST)
    pings.here(t, p.ns, GUEST)
    there, back = g.iperf(HOST, options), g.iperf(HOST, options + " -R")
    t.note(f"{what}{there:.0f}/{back:.0f} Mbit/s")


def tx_offloads_off(t, p, g, rep):
    """By ethtool, on both sides, at run time."""
    off = "tx off sg off tso off gso off gro off"
    g.sh(f"ethtool -K eth0 {off}")
    t.run_ok(["ethtool", "-K", rep, *off.split()], ns=p.ns)


@test
def offloads_on_then_off(t):
    """Probe, ping, iperf3 with all offloads, then without them; ethtool and stats agree."""
    p = backend(t)
    rep = host_side(t, p)
    g = guest.Guest(t, "a").add(p.socket()).start()
    check("virtio_net" in g.sh("ethtool -i eth0"), "eth0 is not driven by virtio_net")
    g.address(f"{GUEST}/24")
    both_ways(t, p, g, what="on ")
    bits = g.features()
    offloads = g.offloads()
    for name, bit in OFFLOADS:
        if name in offloads:
            check_eq(offloads[name], bit in bits, f"{name} with feature bit {bit}")
    check({0, 1, 7, 8, 11, 12} <= bits, f"not all of CSUM, TSO4/6 both ways: {sorted(bits)}")
    if not t.options.reference:
        check_features(p, bits)
        check_counters(p, g)
    tx_offloads_off(t, p, g, rep)
    both_ways(t, p, g, what="off ")
    if not t.options.reference:
        check_counters(p, g)
        p.stop()


def check_features(p, bits):
    """driver_feature is what the driver says it has (but for what QEMU does itself)."""
    d = p.query()
    driver = int(d["driver_feature"]["value"], 16)
    offered = int(d["device_feature"]["value"], 16)
    check_eq(driver & ~offered, 0, f"accepted {driver:#x} but not offered {offered:#x}")
    for bit in (0, 1, 7, 8, 11, 12, 15, 29, 32):
        check_eq(bool(driver >> bit & 1), bit in bits, f"feature {bit} in {driver:#x}")
    check_eq(int(d["status"]["value"], 16) & 4, 4, "DRIVER_OK in status")


def ring_packets(p):
    """What the engine counts on all rings of PF 0: (rx packets, tx packets)."""
    rings = p.ask("/virtnet/debug")["devices"][0]["rings"]
    return tuple(sum(r["packets"] for r in rings if r["kind"] == kind) for kind in ("rx", "tx"))


def check_counters(p, g):
    """The guest's counters and ours: nobody sends now, so they are equal."""
    def same():
        mine, theirs = p.stats(), g.counters()
        queues = {q["VQ Index"]: q for q in mine["queues-stats"]}
        for q in queues.values():
            for key in ("bad_desc_errors", "exceed_max_chain", "invalid_buffer"):
                check_eq(int(q.get(key, 0)), 0, f"{key} of queue {q['VQ Index']}")
        rx = sum(int(q["total_bytes"]) for i, q in queues.items() if i % 2 == 0)
        tx = sum(int(q["total_bytes"]) for i, q in queues.items() if i % 2 == 1)
        seen.clear()
        seen.update(bytes=(rx, tx), guest_bytes=(theirs["rx_bytes"], theirs["tx_bytes"]),
                    packets=ring_packets(p),
                    guest_packets=(theirs["rx_packets"], theirs["tx_packets"]))
        return seen["bytes"] == seen["guest_bytes"] and seen["packets"] == seen["guest_packets"]
    seen = {}
    try:
        core.wait_for(same, 30, "counters agree", interval=0.2)
    except core.Fail as e:
        raise core.Fail(f"{e}: (RX, TX): {seen}") from e
    theirs = g.counters()
    check_eq((theirs["rx_errors"], theirs["tx_errors"]), (0, 0), "errors in the guest")
    stats = g.ethtool_stats()
    check_eq({k: v for k, v in stats.items() if v and ("drop" in k or "timeout" in k)}, {},
             "drops and timeouts in ethtool -S")


@variants(
    ("none", "csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,"
             "guest_ufo=off,host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off,"
             "guest_uso4=off,guest_uso6=off,host_uso=off,mrg_rxbuf=off"),
    ("no_mergeable", "mrg_rxbuf=off"),
    ("no_event_idx", "event_idx=off,indirect_desc=off"),
)
def boot_without(t, props):
    """A guest that is not offered some features at all."""
    if "csum" not in props and not t.options.long:
        raise core.Skip("each boots a guest: only with --long")
    p = backend(t)
    host_side(t, p)
    g = guest.Guest(t, "a").add(p.socket(), props=props).start()
    g.address(f"{GUEST}/24")
    both_ways(t, p, g)
    if not t.options.reference:
        check_counters(p, g)


@test
def multi_queue(t):
    """Four pairs offered; the guest uses two, four, one."""
    p = backend(t, 4)
    host_side(t, p)
    g = guest.Guest(t, "a", cpus=2).add(p.socket(), queues=4).start()
    g.sh("ethtool -L eth0 combined 2 || true")
    g.address(f"{GUEST}/24")
    for n in (2, 4, 1):
        g.sh(f"ethtool -l eth0 | tail -n 2 | grep -q 'Combined:.*{n}$' || "
             f"ethtool -L eth0 combined {n}")
        p.wait_enabled(2 * n)
        both_ways(t, p, g, options="-P 4", what=f"{n}: ")


@test
def driver_rebind(t):
    """The guest unbinds and binds its driver, several times, under traffic."""
    p = backend(t)
    host_side(t, p)
    g = guest.Guest(t, "a").add(p.socket()).start()
    for _ in range(t.count(2, 30)):
        g.address(f"{GUEST}/24")
        g.ping(HOST)
        g.sh("ping -f -c 100000 " + HOST + " >/dev/null 2>&1 & "
             "d=$(basename $(readlink /sys/class/net/eth0/device)); "
             "cd /sys/bus/virtio/drivers/virtio_net && echo $d > unbind && echo $d > bind; "
             "kill $! 2>/dev/null; test -e /sys/class/net/eth0")
    g.address(f"{GUEST}/24")
    both_ways(t, p, g)


@test
def two_guests(t):
    """Two guests, their representors in one Linux bridge."""
    p = backend(t, pfs=2)
    p.ns.ip("link", "add", BR, "type", "bridge", "forward_delay", "0")
    p.ns.ip("link", "set", BR, "up")
    guests = []
    for pf, name in ((0, "a"), (1, "b")):
        p.ns.ip("link", "set", p.rep(pf), "master", BR, "up")
        # Frames go from split to packed rings, and back.
        props = "packed=on" if name == "b" else ""
        guests.append(guest.Guest(t, name).add(p.socket(pf), props=props).start(wait=False))
    for g, address in zip(guests, (GUEST, GUEST2)):
        g.wait_up()
        g.address(f"{address}/24")
    a, b = guests
    check(virtio.F_RING_PACKED in b.features(), f"no packed rings: {sorted(b.features())}")
    a.ping(GUEST2)
    b.ping(GUEST)
    guest.IperfServer(t, g=b)
    t.note(f"{a.iperf(GUEST2):.0f}/{a.iperf(GUEST2, '-R'):.0f} Mbit/s")
    p.stop()


def representor_state(t, p, rep):
    """All that an operator set on it."""
    link = p.ns.link(rep)
    return (link["ifindex"], link.get("master"), link["mtu"], link["address"],
            "UP" in link["flags"],
            test_lifecycle.tc_show(t, p.ns, rep))


def survives(t, p, rep, g, restarts):
    """kill -9 and restart while the guest pings and a TCP stream runs; nothing is done in the
    guest."""
    test_lifecycle.tc_rule(t, p.ns, rep)
    before = representor_state(t, p, rep)
    g.ping(HOST)
    # A stream that lives through all of it: it ends when told, with what it moved.
    g.sh(f"(iperf3 -J -t 600 -c {HOST} > /tmp/stream 2>&1; echo $? > /tmp/stream.rc) & "
         "echo $! > /tmp/stream.pid")
    p.wait_enabled(2)
    for i in range(restarts):
        moved = g.counters()["tx_bytes"]
        core.wait_for(lambda m=moved: g.counters()["tx_bytes"] > m + 1000000, 60,
                      f"restart {i}: the stream moves", interval=0.1)
        p.kill()
        check_eq(representor_state(t, p, rep)[:5], before[:5], f"representor after kill {i}")
        p.start()
        p.wait_enabled(2)
        moved = g.counters()["tx_bytes"]
        core.wait_for(lambda m=moved: g.counters()["tx_bytes"] > m + 1000000, 60,
                      f"restart {i}: the stream goes on", interval=0.1)
        check_eq(representor_state(t, p, rep), before, f"representor after restart {i}")
        g.ping(HOST)
    check("stream.rc" not in g.sh("ls /tmp"), "the TCP stream ended: " + g.sh("cat /tmp/stream")[:300])
    g.sh("killall iperf3 || true")
    both_ways(t, p, g)


@test
def kill_and_restart(t):
    """kill -9 of the program: traffic resumes; the representor keeps all that was set on it."""
    p = backend(t)
    if t.options.reference:
        raise core.Skip("not with the reference")
    rep = host_side(t, p, bridge=True)
    g = guest.Guest(t, "a").add(p.socket()).start()
    g.address(f"{GUEST}/24")
    survives(t, p, rep, g, t.count(2, 50))
    p.stop()


@test
def client_mode(t):
    """QEMU is the server, the program connects; also after kill -9 and restart. Packed rings."""
    path = f"{t.tmp}/vm"
    os.mkdir(path)
    p = backend(t, conf={"vhost_user": {"mode": "client", "socket_dir": path}})
    rep = host_side(t, p, bridge=True)
    g = guest.Guest(t, "a").add(p.socket(), server=True, props="packed=on").start()
    g.address(f"{GUEST}/24")
    check(virtio.F_RING_PACKED in g.features(), f"no packed rings: {sorted(g.features())}")
    survives(t, p, rep, g, t.count(2, 20))
    p.stop()


@test
def ordered_restart(t):
    """SIGTERM and a new start: the guest goes on likewise."""
    if not t.options.long:
        raise core.Skip("boots a guest; guest.kill_and_restart does so: only with --long")
    p = backend(t)
    if t.options.reference:
        raise core.Skip("not with the reference")
    host_side(t, p)
    g = guest.Guest(t, "a").add(p.socket()).start()
    g.address(f"{GUEST}/24")
    for _ in range(t.count(2, 20)):
        g.ping(HOST)
        p.stop()
        p.start()
        p.wait_enabled(2)
        g.ping(HOST)
    both_ways(t, p, g)


@test
def two_devices_one_guest(t):
    """One guest with two devices in two subnets."""
    p = backend(t, pfs=2)
    g = guest.Guest(t, "a").add(p.socket(0)).add(p.socket(1)).start()
    for pf in (0, 1):
        p.ns.ip("address", "add", f"198.18.{pf}.1/24", "dev", p.up(pf))
        g.address(f"198.18.{pf}.2/24", dev=f"eth{pf}")
    for pf in (0, 1):
        g.ping(f"198.18.{pf}.1")
    p.stop()


@test
def migration(t):
    """QEMU migrates the guest to another QEMU and device: RAM is whole, traffic goes on."""
    p = backend(t, pfs=2)
    p.ns.ip("link", "add", BR, "type", "bridge", "forward_delay", "0")
    p.ns.ip("address", "add", f"{HOST}/24", "dev", BR)
    p.ns.ip("link", "set", BR, "up")
    for pf in (0, 1):
        p.ns.ip("link", "set", p.rep(pf), "master", BR, "up")
    guest.IperfServer(t, p.ns)
    mac = "02:00:00:00:77:02"
    here = guest.Guest(t, "a").add(p.socket(0), mac=mac).start()
    here.address(f"{GUEST}/24")
    here.ping(HOST)
    there = guest.Guest(t, "b", extra=["-incoming", f"unix:{t.tmp}/migrate"])
    there.add(p.socket(1), mac=mac).start(wait=False)
    # Receive traffic writes guest memory all the time: the dirty log must say so.
    here.sh(f"(iperf3 -R -t 600 -c {HOST} > /tmp/stream 2>&1; echo $? > /tmp/stream.rc) & true")
    m = here.qmp()
    m.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 30, "downtime-limit": 1000})
    m.ask("migrate", uri=f"unix:{t.tmp}/migrate")

    def done():
        status = m.ask("query-migrate").get("status")
        check(status != "failed", f"migration failed: {m.ask('query-migrate')}")
        return status == "completed"
    core.wait_for(done, 120, "the migration is completed", interval=0.2)
    m.close()
    here.end()
    p.wait_enabled(2, 1)
    p.wait_enabled(0, 0)
    # An answer is enough: the stream fills the representor's queue.
    there.sh(f"ping -c 5 -i 0.1 -W 5 {HOST}")
    moved = there.counters()["rx_bytes"]
    core.wait_for(lambda: there.counters()["rx_bytes"] > moved + 1000000, 60,
                  "the stream goes on in the new place", interval=0.1)
    there.sh("killall iperf3 || true")
    check("Oops" not in there.console() and "BUG" not in there.console(), there.console())
    p.stop()
