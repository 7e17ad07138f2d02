# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The interface contract: each command as published, its request line, and every key of its answer
(order, number or string, hex digits) against the templates in contract/."""

import contextlib
import json
import os
import re
import time

from vfu import bench, driver
from vnt import contract, core, program
from vnt.core import check, check_eq, test

GOLDEN = "usertools/tests/golden"
CONF = {"transport": "vfio-user", "mrg_rxbuf": 1}
HOTPLUG = ["hotplug", "-i", "mlx5_0", "-m", "0C:C4:7A:FF:22:93", "-t", "1500", "-qp", "1", "-s",
           "1024"]


# The published example.
HEALTH = """{ "pf_id": 0, "type": "static PF", "vuid": "MT2306XZ00BPVNETS0D0F1",
  "dev_status": { "value": "0xf", "    0": "ACK", "    1": "DRIVER", "    2": "DRIVER_OK",
    "    3": "FEATURES_OK" },
  "health_status": "Good", "health_recover_counter": 0,
  "dev_health_details": {
    "control_plane_errors": { "sf_rqt_update_err": 0, "sf_drop_create_err": 0,
      "sf_tir_create_err": 0, "steer_rx_domain_err": 0, "steer_rx_table_err": 0,
      "sf_flows_apply_err": 0, "aarfs_flow_init_err": 0, "vlan_flow_init_err": 0,
      "drop_cnt_config_err": 0 },
    "data_plane_errors": { "sq_stall": 0, "dma_q_stall": 0, "spurious_db_invoke": 0,
      "aux_not_invoked": 0, "dma_q_errors": 0, "host_read_errors": 0 } } }"""


def known(t):
    """The commands that this version has; some are only announced."""
    with open(os.path.join(t.options.source, "lib/ctl/commands.json"), encoding="utf-8") as f:
        return {c["name"].split()[0] for c in json.load(f)["commands"]
                if not c["text"].startswith("Not there yet")}


def run_cases(t, cases, cli):
    """@cli(argv...) -> (status, stdout, stderr). Commands that are not there yet are noted."""
    have, missing = known(t), set()
    for case in cases:
        name = case["argv"][0]
        if name not in have:
            missing.add(name)
            continue
        contract.check_output(case, *cli(*case["argv"]))
    t.note(f"{len(cases)} commands")
    if missing:
        t.note("not there yet: " + ", ".join(sorted(missing)))


@test
def templates(t):
    """The published examples are as the templates say, and a wrong answer is not."""
    def example(name):
        with open(os.path.join(t.options.source, GOLDEN, name + ".json"), encoding="utf-8") as f:
            return json.load(f)

    good = {
        "list": example("list"), "list_vf": example("vf"), "stats": example("stats"),
        "queue": example("queue"), "hotplug": example("hotplug"),
        "success": {"errno": 0, "errstr": "Success"},
        "no_device": {"Error": "Device doesn't exist"},
        "version": [{"Original Controller": "v24.10.17"}, {"Destination Controller": "v24.10.19"}],
        "update_status": {"status": "inactive", "last live update status": "success",
                          "time_used (s)": 0.604152},
        "health": json.loads(HEALTH),
    }
    for name, value in good.items():
        contract.match(value, contract.load(name))
    pf = good["list"]["devices"][0]
    swapped = {k: pf[k] for k in [*list(pf)[1:], "pf_id"]}
    for what, value in (
            ("string for number", {**pf, "pf_id": "0"}), ("number for string", {**pf, "mtu": 1500}),
            ("bool for number", {**pf, "transitional": True}),
            ("order", swapped), ("key missing", {k: v for k, v in pf.items() if k != "dim"}),
            ("foreign key", {"x": 1, **pf}), ("case of hex", {**pf, "pci_vhca_id": "0xd"}),
            ("case of MAC", {**pf, "mac": pf["mac"].lower()}),
            ("no array", None)):
        try:
            contract.match(value, contract.load("list_pf"))
        except core.Fail:
            continue
        raise core.Fail(f"not noticed: {what}")
    for bad in ({"value": "0x1"}, {"value": "0x1", "0": "ACK"}, {"value": "0x1", "    0": "DRIVER"},
                {"value": "0X1", "    0": "ACK"}, {"    0": "ACK", "value": "0x1"}):
        try:
            contract.bits(bad, "status", "")
        except core.Fail:
            continue
        raise core.Fail(f"not noticed: {bad}")


@contextlib.contextmanager
def fake(t, inventory):
    """The control socket on an inventory made by hand. @yield cli(argv...)"""
    exe = os.path.join(t.options.build, "usertools/ctl_fake_server")
    if not os.path.exists(exe):
        raise core.Skip("ctl_fake_server was not built (-Dtests=enabled)")
    directory = os.path.join(t.tmp, inventory)
    os.mkdir(directory)
    server = t.spawn([exe, directory, inventory], name="fake")
    server.wait_output(b"ready")
    script = os.path.join(t.options.source, "usertools/virtnet")
    yield lambda *args: t.run([script, *args], env={"VIRTNET_SOCKET_DIR": directory})
    server.end()


@test
def masks(t):
    """The published masks decode to the published names, all of them and no others."""
    published = {
        "0x8b00037700ef982f": [0, 1, 2, 3, 5, 11, 12, *range(15, 20), 21, 22, 23, 32, 33, 34, 36,
                               37, 38, 40, 41, 56, 57, 59, 63],
        "0x8930032300ef182f": [0, 1, 2, 3, 5, 11, 12, *range(16, 20), 21, 22, 23, 32, 33, 37, 40,
                               41, 52, 53, 56, 59, 63],
        "0x8000002300ef182f": [0, 1, 2, 3, 5, 11, 12, *range(16, 20), 21, 22, 23, 32, 33, 37, 63],
    }
    names = contract.load("bits")["features"]
    check_eq(sorted(set(sum(published.values(), []))), sorted(map(int, names)), "bits with a name")
    with fake(t, "query") as cli:
        listed = json.loads(cli("list")[1])["controller"]["supported_features"]
        d = json.loads(cli("query", "-p", "0", "-b")[1].split("\n", 1)[1])["devices"][0]
    for mask, shown in zip(published, (listed, d["device_feature"], d["driver_feature"])):
        want = {"value": mask, **{f"{b:5}": names[str(b)] for b in published[mask]}}
        check_eq(list(shown.items()), list(want.items()), mask)


@test
def static_pf(t):
    """All commands on a static PF: first without a driver, then with one that runs."""
    cases = contract.load("cases")
    p = bench.launch(t, 1, conf=CONF)
    run_cases(t, cases["idle"], p.cli)
    if "modify" in known(t):
        # So that what follows has its features back.
        p.stop()
        p.start()
    with bench.running(p, 0):
        run_cases(t, cases["driver"], p.cli)
        _, out, _ = p.cli("query", "-p", "0", "--dbg_stats")
        d = json.loads(out.split("\n", 1)[1])["devices"][0]
        check(len(d["enabled-queues-info"]) >= 3, "queues")
        contract.match(d["enabled-queues-info"][0], contract.load("queue_dbg"), "--dbg_stats")
        _, out, _ = p.cli("stats", "-p", "0")
        contract.match(json.loads(out.split("\n", 1)[1]), contract.load("stats_all"), "stats")
    relations(p.devices())
    p.stop()


def relations(devices):
    """The numbers that hold in every published example."""
    for d in devices:
        check_eq(int(d["max_queue_pairs"]), (int(d["num_queues"]) - 1) // 2, "max_queue_pairs")
        if "max_msix_num" in d:
            check_eq(d["max_num_of_qp"], (d["max_msix_num"] - 2) // 2, "max_num_of_qp")


@test
def ours(t):
    """The commands that the reference product does not have."""
    with fake(t, "hotplug") as cli:
        run_cases(t, contract.load("cases")["ours"], cli)


@test
def hotplug_pf(t):
    """The published hotplug and unplug: id 0, the first SF of its range, and gone again."""
    p = program.Program(t, conf=CONF, capacity=program.capacity(0)).start()
    case = {"argv": HOTPLUG, "answer": "hotplug"}
    status, out, err = p.cli(*HOTPLUG)
    contract.check_output(case, status, out, err)
    answer = json.loads(out)
    check_eq((answer["id"], answer["mac"], answer["transitional"], answer["sf_rep_net_device"]),
             (0, "0C:C4:7A:FF:22:93", 0, "en3f0pf0sf2000"), "the published values")
    contract.check_output({"argv": ["list"], "answer": "list"}, *p.cli("list"))
    relations(p.devices())
    check_eq([d["function_type"] for d in p.devices()], ["hotplug PF"], "function_type")
    contract.check_output({"argv": ["unplug", "-p", "0"], "line": "{'id': '0x0'}",
                           "answer": "success"}, *p.cli("unplug", "-p", "0"))
    check_eq(p.devices(), [], "devices after unplug")
    p.stop()


@test
def vf(t):
    """VFs: list without pools, query and stats with -v, the published pipelines; gone again."""
    cases = contract.load("cases")["vf"]
    with fake(t, "vf") as cli:
        run_cases(t, cases, cli)
    cap = program.capacity(1, VIRTIO_NET_EMULATION_NUM_VF=2)
    p = program.Program(t, conf=CONF, capacity=cap).start()
    check_eq(p.cli("sriov", "-p", "0", "-n", "2")[0], 0, "virtnet sriov")
    run_cases(t, contract.load("cases")["vf_idle"], p.cli)
    devices = p.devices()
    with driver.Driver(devices[1]["socket"]) as d:
        d.probe()
        d.start(1, driver.WANTED)
        core.wait_for(lambda: int(p.devices()[1]["enabled_queues"]) == 3, 30, "the VF's queues")
        run_cases(t, cases, p.cli)
    relations(devices)
    check_eq([d["enabled_vfs"] for d in devices], ["2", "0", "0"], "enabled_vfs")
    check_eq([(d["vuid"], d["sf_num"]) for d in devices[1:]],
             [(devices[0]["vuid"] + "VF1", 3000), (devices[0]["vuid"] + "VF2", 3001)],
             "VUIDs and SF numbers of the VFs")
    pipe(t, PIPELINES, p.cli_env())
    check_eq(p.cli("sriov", "-p", "0", "-n", "0")[0], 0, "virtnet sriov -n 0")
    contract.check_output({"argv": ["query", "-p", "0", "-v", "1"], "status": 1, "any_line": True,
                           "answer": "no_device"}, *p.cli("query", "-p", "0", "-v", "1"))
    p.stop()


PIPELINES = (
    # (published line, the keys of the lines it prints)
    ("virtnet list | grep -i '\"pf_id\": 0' -A 8 | grep -i msix_num_pool_size",
     ["msix_num_pool_size"]),
    ("virtnet list | grep -i '\"pf_id\": 0' -A 10 | grep -i max_msix_num", ["max_msix_num"]),
    ("virtnet list | grep -i '\"pf_id\": 0' -A 10 | grep -i min_msix_num", ["min_msix_num"]),
    ("virtnet list | grep -i '\"pf_id\": 0' -A 12 | grep -i max_num_of_qp", ["max_num_of_qp"]),
    ("virtnet list | grep -i '\"pf_id\": 0' -A 12 | grep -i min_num_of_qp", ["min_num_of_qp"]),
    ("virtnet list | grep -i '\"pf_id\": 0' -A 13 | grep -i qp_pool_size", ["qp_pool_size"]),
    ("virtnet query -p 0 -b | grep -i num_", ["num_msix", "num_queues"]),
    ("virtnet query -p 0 -b | grep -i dim", ["dim"]),
    ("virtnet query -p 0 -v 0 | grep sf_rep_net_device", ["sf_rep_net_device"]),
)


def pipe(t, lines, env):
    """Each line in a shell finds its keys and nothing else."""
    env = {**env, "PATH": os.path.join(t.options.source, "usertools") + ":" + os.environ["PATH"]}
    for line, keys in lines:
        _, out, err = t.run(["bash", "-c", line], env=env)
        check_eq(re.findall(r'^ +"([^"]+)": ', out, re.M), keys, f"{line}\n{out}{err}")
        check_eq((len(out.splitlines()), err), (len(keys), ""), line)


@test
def pipelines(t):
    """The published pipelines in a shell, with a PF and a VF beside each other."""
    with fake(t, "vf"):
        pipe(t, PIPELINES, {"VIRTNET_SOCKET_DIR": os.path.join(t.tmp, "vf")})


@test
def audit(t):
    """What a fleet audit does: version is one JSON document, the running one is Original."""
    p = program.Program(t, conf=CONF, capacity=program.capacity(1)).start()
    start = time.monotonic()
    status, out, err = p.cli("version", timeout=30)
    check_eq((status, err), (0, ""), "version")
    document = json.loads(out)
    entries = document if isinstance(document, list) else [document]
    running = [e["Original Controller"] for e in entries if "Original Controller" in e]
    check_eq(len(running), 1, "Original Controller")
    numbers = tuple(int(n) for n in running[0].removeprefix("v").split("."))
    check(len(numbers) >= 2, f"version {running[0]} is not dotted")
    status, out, err = p.cli("-v", timeout=30)
    check_eq((status, err, len(out.splitlines())), (0, "", 2), "-v")
    cli, controller = out.splitlines()
    check_eq(controller, f"{running[0]} (controller)", "-v: second line")
    check(re.fullmatch(r"v[0-9]+(\.[0-9]+)+ \(virtnet\)", cli), f"-v: first line {cli!r}")
    status, out, err = p.cli("list", timeout=30)
    json.loads(out)
    t.note(f"{time.monotonic() - start:.2f} s for three commands")
    p.stop()
    # Without a controller: said in words, on stderr, and no half document.
    status, out, err = p.cli("version", timeout=30)
    check_eq((status, out, len(err.splitlines())), (1, "", 1), f"version without one: {err}")
    status, out, err = p.cli("-v", timeout=30)
    check_eq((status, out.splitlines()), (0, [cli, "not running (controller)"]), "-v without one")


@test
def options(t):
    """Every option, short and long, is in the request line; exclusions are refused."""
    cases = contract.load("cases")
    with fake(t, "vf") as cli:
        run_cases(t, cases["options"], cli)
        have = known(t)
        for argv in cases["wrong"]:
            if argv[0] not in have:
                continue
            status, out, err = cli(*argv)
            check_eq((status, out), (2, ""), f"virtnet {' '.join(argv)}")
            check("usage:" in err and "Traceback" not in err, err)


@test
def validate_and_restart(t):
    """The two commands that answer in plain text."""
    p = program.Program(t, conf=CONF, capacity=program.capacity(1)).start()
    path = p._write("good.conf", {"is_lag": 0})
    check_eq(p.cli("validate", "-f", path), (0, f"{path} is valid\n", ""), "validate")
    if "restart" in known(t):
        status, out, err = p.cli("restart", timeout=60)
        check_eq((status, out, err), (0, "SUCCESS\n", ""), "restart")
        contract.check_output({"argv": ["list"], "answer": "list"}, *p.cli("list"))
    else:
        t.note("not there yet: restart")
    if "update" in known(t):
        case = {"argv": ["update", "-s"], "line": "{'start': '0x1'}"}
        status, out, err = p.cli("update", "-s", timeout=60)
        if status == 0:
            case["text"] = "\"Update started, use 'virtnet update -t' or check logs for status\"\n"
        else:
            case |= {"answer": "refused", "status": 1}
        contract.check_output(case, status, out, err)
    else:
        t.note("not there yet: update")
    p.stop()
