# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Many devices: the benchmark of the control plane works, ports without netdevs, waiting."""

import json
import os
import sys

from vnt import core, program
from vnt.core import check, check_eq, test


@test
def benchmark_works(t):
    """app/perf/control_plane.py with a few devices: what it looks for is there. No time counts."""
    script = os.path.join(t.options.source, "app/perf/control_plane.py")
    status, out, err = t.run([sys.executable, script, "--quick", "--port", "tap", "--build",
                              os.path.abspath(t.options.build)], timeout=300)
    check_eq(status, 0, f"exit status of the benchmark\n{out}{err}")
    for what in ("VFs on tap: sriov -n 6", "VFs on tap: list of 17", "target"):
        check(what in out, f"the table lacks {what!r}:\n{out}")


@test
def internal_ports(t):
    """A device without a netdev: no representor, never a problem, and it comes and goes."""
    p = program.Program(t, conf={"static_pf": {"port": "internal"}},
                        capacity=program.capacity(2)).start()
    words = ("hotplug", "-i", "mlx5_0", "-m", "0C:C4:7A:FF:22:93", "-t", "1500", "-qp", "1", "-s",
             "256")
    made = []
    for kind in "internal", "tap":
        status, out, err = p.cli(*words, "--port-kind", kind)
        check_eq(status, 0, f"hotplug --port-kind {kind}: {out}{err}")
        made.append(json.loads(out))
    check_eq(made[0]["sf_rep_net_device"], "", "representor of an internal port")
    links = p.ns.ip("-o", "link")
    check(made[1]["sf_rep_net_device"] in links, "no representor of a TAP port")
    check_eq(links.count("en3f0pf0sf"), 1, f"representors\n{links}")
    for d in p.devices():
        tap = d["pf_id"] == made[1]["id"]
        check_eq(d["port"], "tap" if tap else "internal", f"port of PF {d['pf_id']}")
        check_eq(d["sf_rep_net_ifindex"] != 0, tap, f"ifindex of PF {d['pf_id']}")
        check_eq(d["problem"], "", f"problem of PF {d['pf_id']}")
    for d in made:
        status, out, err = p.cli("unplug", "-p", str(d["id"]))
        check_eq(status, 0, f"unplug: {out}{err}")
    check_eq(len(p.devices()), 2, "devices")
    p.stop()


def listens(p):
    """Is there somebody at the control socket? Its file is there a moment before."""
    check(p.process.alive(), f"the program ended: {p.process.state()}")
    try:
        p.control().close()
    except OSError:
        return False
    return True


@test
def wait_for_all(t):
    """wait answers when all is there, however early it is asked."""
    p = program.Program(t, capacity=program.capacity(31)).launch()
    core.wait_for(lambda: listens(p), 60, "the control socket", interval=0.005)
    status, out, err = p.cli("wait", "-t", "60", timeout=90)
    check_eq(status, 0, f"wait: {out}{err}")
    check_eq(json.loads(out), {"errno": 0, "errstr": "Success"}, "answer of wait")
    answer = p.ask("/virtnet/list")
    check_eq((answer["controller"]["ready"], answer["controller"]["devices_starting"]), (1, 0),
             "ready, devices_starting")
    check_eq([d["sf_rep_net_ifindex"] for d in answer["devices"]].count(0), 0,
             "devices without a representor")
    p.notify.wait_ready(p.process)
    p.stop()


@test
def placement(t):
    """"lcore" and "placement" of virtnet.conf; what debug says of the placement."""
    def make(conf):
        p = program.Program(t, conf=conf, capacity=program.capacity(3))
        # Three lcores, however few CPUs there are.
        p.eal = [*p.no_huge()[:-2], "--lcores", "0@0,1@0,2@0"]
        return p

    p = make({"static_pf": {"lcore": 2}, "placement": "fixed"}).start()
    debug = p.ask("/virtnet/debug")
    check_eq([d["lcore"] for d in debug["devices"]], [2] * 3, "lcores of pinned devices")
    place = debug["placement"]
    check_eq(place["policy"], "fixed", "policy")
    check_eq([lcore["lcore"] for lcore in place["pollers"]], [1, 2], "lcores of the placement")
    check_eq((place["would_move"], place["moves"]), ([], 0), "moves of idle devices")
    p.stop()

    p = make({}).start()
    debug = p.ask("/virtnet/debug")
    check_eq(sorted(d["lcore"] for d in debug["devices"]), [1, 1, 2], "lcores, evenly")
    check_eq(debug["placement"]["policy"], "auto", "policy")
    p.stop()

    p = make({"static_pf": {"lcore": 7}}).launch()
    status = p.process.wait(30)
    check(status not in (0, None), f"exit status with an lcore that is not there: {status}")
    check(b'"lcore": 7 of virtnet.conf is no worker lcore' in p.process.read(),
          p.process.read().decode(errors="replace"))
