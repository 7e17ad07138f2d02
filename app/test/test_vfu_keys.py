# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What list, query and debug say of a whole function: what its driver wrote, and nothing else."""

import json

from vfu import bench, driver
from vnt import core, program, virtio
from vnt.core import check, check_eq, test
from vnt.virtio import bit

MAC = bytes.fromhex("02aabbccdd01")
CTRL_DOORBELL = 1024    # a page of its own, 4 bytes per number


def queues(p, pf=0):
    return {int(q["index"]): q for q in p.query(pf)["enabled-queues-info"]}


def check_queue(q, r, vector, notify):
    """@q is what query says of the ring @r."""
    want = {"size": str(r.size), "msix_vector": f"0x{vector:X}", "enable": "1",
            "notify_offset": str(notify), "descriptor_address": hex(r.mem.gpa + r.desc),
            "driver_address": hex(r.mem.gpa + r.avail), "device_address": hex(r.mem.gpa + r.used)}
    check_eq({k: q[k] for k in want}, want, f"queue {q['index']}")


@test
def registers(t):
    """Vectors, addresses, doorbells, MACs, pairs, moderation; all gone after a reset."""
    p = bench.launch(t, 1, 4)
    p.up(0)
    features = driver.WANTED | bit(virtio.F_VQ_NOTF_COAL)
    with bench.running(p, 0, pairs=3, features=features) as d:
        permanent = p.device(0)["mac"]
        d.set_mac(MAC)
        d.coalesce_vq(1, 10, 30)
        d.set_pairs(2)
        core.wait_for(lambda: p.device(0)["ctrl_mq"] == "2", 30, "two pairs in use")
        want = {"num_msix": "10", "num_queues": "9", "max_queue_pairs": "4", "enabled_queues": "7",
                "msix_config_vector": "0x0", "mac": permanent, "ctrl_mac": "02:AA:BB:CC:DD:01",
                "link_status": "1", "rss_max_key_size": "40", "supported_hash_types": "0x1ff",
                "reset": "0", "enabled": "1", "transport": "vfio-user", "connected": 1}
        q = p.query(0)
        check_eq({k: q[k] for k in want}, want, "query")
        check_eq(int(q["status"]["value"], 16), 15, "status")
        check_eq(int(q["driver_feature"]["value"], 16), d.features, "driver_feature")
        check_eq(int(q["device_feature"]["value"], 16), d.offered, "device_feature")
        shown = queues(p)
        # Unlike the driver's number, the control queue's place is always the last one.
        check_eq(sorted(shown), [0, 1, 2, 3, 4, 5, 8], "queues")
        for i in range(6):
            check_queue(shown[i], d.rings[i], i + 1, i)
        check_queue(shown[8], d.cvq, 7, CTRL_DOORBELL)
        check_eq(d.cvq.notify_off, CTRL_DOORBELL, "what the register says")
        coal = {i: (q["rq_cq_max_count"], q["rq_cq_period"]) for i, q in shown.items()}
        check_eq(coal, {i: ("10", "30") if i == 1 else ("0", "0") for i in shown}, "moderation")
        debug = p.ask("/virtnet/debug,section=devices")["devices"][0]
        f, c = debug["function"], debug["transport"]
        check_eq((f["doorbell"], f["resetting"], f["receive"]["promisc"]), ("event", False, True),
                 "debug")
        check_eq((f["control_commands"], f["control_commands_ok"]), (4, 4), "control commands")
        check_eq((c["mem_regions"], c["mem_files"], c["kept"]), (1, 1, False), "memory")
        check(c["messages"] > 50, f"{c['messages']} messages")
        d.reset()
        q = p.query(0)
        want = {"enabled_queues": "0", "ctrl_mq": "0", "ctrl_mac": "00:00:00:00:00:00",
                "msix_config_vector": "0xFFFF", "reset": "0", "enabled": "1",
                "enabled-queues-info": []}
        check_eq({k: q[k] for k in want}, want, "query after a reset")
        check_eq((q["status"]["value"], q["driver_feature"]["value"]), ("0x0", "0x0"), "reset")
    core.wait_for(lambda: p.query(0)["enabled"] == "0", 30, "the end of the connection")
    p.stop()


@test
def largest(t):
    """127 pairs and 256 vectors: all queues run, and a word of warning when buffers are few."""
    p = program.Program(t, conf=bench.CONF, capacity=program.capacity(0, 256),
                        mbufs=8192).start()
    rc, out, err = p.cli("hotplug", "-i", "mlx5_0", "-m", "0C:C4:7A:FF:22:93", "-t", "1500", "-qp",
                         "127", "-s", "256")
    check_eq((rc, err), (0, ""), out)
    pf = json.loads(out)["id"]
    p.process.wait_output(b"packet buffers for 60, should all be used")
    want = {"num_msix": "256", "num_queues": "255", "max_queue_pairs": "127",
            "max_queue_size": "256", "max_num_of_qp": 127, "max_msix_num": 256}
    d = p.device(pf)
    check_eq({k: d[k] for k in want}, want, "list")
    with bench.running(p, pf, pairs=127, size=16, fill=False) as d:
        core.wait_for(lambda: p.device(pf)["ctrl_mq"] == "127", 60, "127 pairs in use")
        check_eq(p.device(pf)["enabled_queues"], "255", "queues")
        shown = queues(p, pf)
        check_eq({i: int(q["msix_vector"], 16) for i, q in shown.items()},
                 {i: i + 1 for i in range(255)}, "vectors")
        check_queue(shown[254], d.cvq, 255, CTRL_DOORBELL)
    bench.idle(p, pf)
    p.stop()
