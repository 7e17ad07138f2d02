# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""health and restart: counters rise when provoked, devices come back, a restart disturbs nobody."""

import json
import os
import threading
import time

import vhost_user_client as vu
from vfu import bench, driver, net
from vnt import core, ring, victim, virtio
from vnt.core import check, check_eq, packed_too, split_only, test, variants
from vnt.virtio import bit


def health(p, pf=0):
    return p.ask(f"/virtnet/health/show,pf={pf}")


def errors(p, pf=0):
    """All counters of a device, by name."""
    details = health(p, pf)["dev_health_details"]
    return {**details["control_plane_errors"], **details["data_plane_errors"]}


def wait_status(p, status, pf=0):
    core.wait_for(lambda: health(p, pf)["health_status"] == status, 30, f"PF {pf} is {status}")


def restart(p, expected=0):
    """The command. @return its answer."""
    answer = p.ask("/virtnet/restart")
    if expected == 0:
        check_eq(answer, "SUCCESS", "restart")
    else:
        check_eq(answer["errno"], expected, f"restart: {answer}")
    return answer


class Restarts(threading.Thread):
    """Restarts one after the other, beside the traffic of the test."""

    def __init__(self, p, count):
        super().__init__(daemon=True)
        self.p, self.count, self.error = p, count, None
        self.start()

    def run(self):
        try:
            for _ in range(self.count):
                restart(self.p)
        except Exception as e:  # told by the test
            self.error = e


@packed_too()
@variants(("vfio_user", "vfio-user"), ("vhost_user", "vhost-user"))
def restart_under_traffic(t, transport):
    """What the guest sends during restarts arrives, once and in order; nothing arrives twice."""
    p = bench.launch(t, 1, conf={"transport": transport})
    before = p.device()
    if transport == "vfio-user":
        with bench.running(p, 0) as d, net.Net(p, 0) as n:
            traffic(t, p, d, n)
            bench.exchange(p, d, pf=0)
    else:
        with victim.client(p, 0) as d, net.Net(p, 0) as n:
            d.setup()
            d.rx(0).fill()
            p.wait_enabled(2)
            traffic(t, p, d, n)
            victim.exchange(p, d, pf=0)
    after = p.device()
    for key in ("sf_rep_net_ifindex", "vuid", "sf_rep_net_device"):
        check_eq(after[key], before[key], key)
    check_eq((health(p)["health_status"], health(p)["health_recover_counter"]), ("Good", 0),
             "health")
    p.stop()


def traffic(t, p, d, n):
    """Both ways while the program restarts."""
    tx, rx = d.tx(0), d.rx(0)
    runs = Restarts(p, t.count(5, 100))
    sent, arrived, received, last, gap = [], [], [], time.monotonic(), 0
    while runs.is_alive() or len(arrived) < len(sent):
        if runs.is_alive() and len(sent) - len(arrived) < 64:
            k = n.next()
            check(tx.send(net.plain(net.BROADCAST, k)), "the TX ring is full")
            sent.append(k)
            # What the network sends while the port is away is lost, as on any link.
            n.link.send(net.plain(net.BROADCAST, n.next()))
        while (f := n.link.recv()) is not None:
            if (number := net.number_of(f)) is not None:
                now = time.monotonic()
                gap, last = max(gap, now - last), now
                arrived.append(number)
        tx.poll()
        received += [number for f in rx.receive()
                     if (number := net.number_of(f[1])) is not None]
        check(time.monotonic() - last < 20, f"{len(arrived)} of {len(sent)} frames arrived")
    check(runs.error is None, f"restart: {runs.error}")
    check_eq(arrived, sent, "frames at the representor")
    check_eq(received, sorted(set(received)), "frames in the RX ring")
    t.note(f"{len(sent)} frames, longest gap {gap * 1000:.0f} ms")


@test
def restart_announces(t):
    """A guest whose carrier was away is asked to announce itself, if it has said that it can."""
    p = bench.launch(t, 1)
    p.up(0)
    can = driver.WANTED | bit(virtio.F_GUEST_ANNOUNCE)
    for features, asked in ((can, True), (can & ~bit(virtio.F_STATUS), False),
                            (driver.WANTED, False)):
        with bench.running(p, 0, features=features) as d:
            restart(p)
            bench.ready(p, d, 0)
            bench.announces(d, asked)
            bench.exchange(p, d, pf=0)
    p.stop()


@test
def restart_of_many(t):
    """Devices restart one after the other; a bystander's traffic goes on afterwards."""
    p = bench.launch(t, 4, pairs=2)
    with bench.running(p, 0, pairs=2) as d, bench.running(p, 3) as other:
        p.up(0), p.up(3)
        for _ in range(t.count(3, 50)):
            restart(p)
        bench.exchange(p, d, pf=0, pair=1)
        bench.exchange(p, other, pf=3)
        # The control queue works, and a reset during a restart ends both.
        d.rx_mode(0, 0)
        runs = Restarts(p, 5)
        for _ in range(10):
            other.restart()
        runs.join()
        check(runs.error is None, f"restart: {runs.error}")
        other.rx(0).fill()
        bench.ready(p, other, 3)

        # Latencies are measured from the first question on.
        def samples():
            queues = p.ask("/virtnet/query,pf=3,latency_stats")["devices"][0]["enabled-queues-info"]
            return [q["latency_stats"].get("samples", 0) for q in queues[:2]]
        check_eq(samples(), [0, 0], "samples at the first question")
        bench.exchange(p, other, pf=3)
        core.wait_for(lambda: min(samples()) > 0, 30, "samples")
    p.stop()


@test
def restart_and_conf(t):
    """A virtnet.conf that is not valid is refused as a whole; a valid one holds for what comes."""
    p = bench.launch(t, 1)
    with bench.running(p, 0) as d:
        p.up(0)
        with open(p.conf_path, encoding="utf-8") as f:
            good = json.load(f)
        for bad in ("{", '{"sf_pool_percent": 1000}', '{"transport": "pigeon"}'):
            with open(p.conf_path, "w", encoding="utf-8") as f:
                f.write(bad)
            answer = restart(p, -22)
            check("nothing was restarted" in answer["errstr"] and p.conf_path in answer["errstr"],
                  f"{bad}: {answer}")
            status, out, err = p.cli("restart")
            check_eq((status, json.loads(out)["errno"], err), (1, -22, ""), "CLI")
        os.unlink(p.conf_path)
        restart(p, -22)
        with open(p.conf_path, "w", encoding="utf-8") as f:
            json.dump({**good, "transport": "vhost-user"}, f)
        status, out, err = p.cli("restart")
        check_eq((status, out, err), (0, "SUCCESS\n", ""), "CLI")
        check_eq(p.device()["transport"], "vfio-user", "transport of the device that is there")
        status, out, err = p.cli("hotplug", "-i", "mlx5_0", "-m", "0c:c4:7a:ff:22:93", "-t", "1500",
                                 "-qp", "1", "-s", "256")
        check_eq(status, 0, f"hotplug: {out} {err}")
        new = next(x for x in p.devices() if x["function_type"] == "hotplug PF")
        check_eq(new["transport"], "vhost-user", "transport of a device made later")
        bench.exchange(p, d, pf=0)
    p.stop()


@test
def representor_gone(t):
    """Somebody deletes the representor: Fatal; a restart makes it anew: Good, and traffic."""
    p = bench.launch(t, 1)
    with bench.running(p, 0) as d:
        p.up(0)
        bench.exchange(p, d, pf=0)
        p.ns.ip("link", "del", p.rep(0))
        wait_status(p, "Fatal")
        check("representor" in health(p)["problem"], health(p)["problem"])
        restart(p)
        check_eq((health(p)["health_status"], health(p)["health_recover_counter"]), ("Good", 1),
                 "after the restart")
        p.up(0)
        bench.exchange(p, d, pf=0)
    p.stop()


@split_only
@test
def counters(t):
    """A broken ring, addresses outside memory, doorbells without cause, memory that goes away."""
    p = bench.launch(t, 2)
    zero = errors(p, 0)
    check(not any(zero.values()), f"at the start: {zero}")
    with bench.running(p, 0) as d:
        # Doorbells that bring nothing new; then many that bring something.
        for _ in range(600):
            d.doorbell(d.tx(0))
        check(d.status, "status")  # answered behind all of them
        core.wait_for(lambda: errors(p)["spurious_db_invoke"] > 0, 30, "spurious_db_invoke")
        seen = errors(p)["spurious_db_invoke"]
        p.up(0)
        bench.exchange(p, d, 40, pf=0)
        check_eq(errors(p)["spurious_db_invoke"], seen, "spurious_db_invoke after honest traffic")
        # An available index that cannot be: Fatal until the driver resets.
        tx = d.tx(0)
        tx._put16(tx.avail + 2, tx.avail_idx + 1000)
        tx.kick(force=True)
        wait_status(p, "Fatal")
        check_eq(errors(p)["dma_q_errors"], 1, "dma_q_errors")
        check_eq(health(p)["problem"], "avail-index", "problem")
        check(int(health(p)["dev_status"]["value"], 16) & 0x40, "DEVICE_NEEDS_RESET")
        d.restart()
        wait_status(p, "Good")
        check_eq(health(p)["health_recover_counter"], 1, "health_recover_counter")
        d.rx(0).fill()
        bench.exchange(p, d, pf=0)
        tx = d.tx(0)
        slot = tx.avail_idx % tx.size
        tx.write_desc(slot, 1 << 45, 64, 0)
        tx.publish(slot)
        tx.kick(force=True)
        core.wait_for(lambda: errors(p)["host_read_errors"] > 0, 30, "host_read_errors")
    fd = os.memfd_create("guest", os.MFD_CLOEXEC)
    os.ftruncate(fd, 64 << 20)
    seen = errors(p)["host_read_errors"]
    with bench.running(p, 0, mem=ring.GuestMemory(64 << 20, fd=fd)) as d:
        try:
            os.ftruncate(fd, 0)
        except PermissionError:
            t.note("memory is sealed")
        else:
            d.doorbell(d.tx(0))
            wait_status(p, "Fatal")
            check_eq(errors(p)["host_read_errors"], seen + 1, "host_read_errors")
            # Nothing can be made of memory that is gone.
            restart(p, -5)
            check_eq(health(p)["health_status"], "Fatal", "health after a restart in vain")
    # Nobody else is concerned, and the shapes are as documented.
    check_eq(errors(p, 1), zero, "the other device")
    status, out, err = p.cli("health", "-a", "show")
    line, _, document = out.partition("\n")
    check_eq((status, err, line), (0, "", "{'all': '0x1', 'subcmd': '0x0'}"), "health -a show")
    check_eq([x["pf_id"] for x in json.loads(document)["devices"]], [0, 1], "devices")
    status, out, err = p.cli("health", "-p", "7", "show")
    check_eq((status, json.loads(out.split("\n", 1)[1])), (1, {"Error": "Device doesn't exist"}),
             "health of no device")
    p.stop()


@test
def update(t):
    """update -s is refused with row 47; -t says that none was done."""
    p = bench.launch(t, 1)
    status, out, err = p.cli("update", "-s")
    line, _, document = out.partition("\n")
    check_eq((status, err, line, json.loads(document)["errno"]),
             (1, "", "{'start': '0x1'}", -1046), "update -s")
    for args, line in ((["-t"], "{'status': '0x1'}\n"), ([], "")):
        status, out, err = p.cli("update", *args)
        check_eq((status, err, out.startswith(line)), (0, "", True), f"update {args}")
        check_eq(json.loads(out[len(line):]), {"status": "inactive",
                                               "last live update status": "none",
                                               "time_used (s)": 0.0}, f"update {args}")
    p.stop()
