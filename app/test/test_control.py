# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The control socket and the CLI: bad requests, many clients, the stock script, the contract."""

import json
import os
import re
import select
import shutil
import socket
import time

from vnt import core, program
from vnt.core import check, check_eq, test, variants

MAX_REQUEST = 64 * 1024


def one_device(t, pfs=1, **kw):
    return program.Program(t, capacity=program.capacity(pfs), **kw).start()


def connect(p):
    c = program.Control(p.control_path)
    check_eq(c.banner["pid"], p.process.pid, "pid in the banner")
    return c


def is_error(answer):
    return (isinstance(answer, dict) and isinstance(answer.get("errno"), int)
            and answer["errno"] < 0 and isinstance(answer.get("errstr"), str)
            and answer["errstr"] != "" and "\n" not in answer["errstr"])


def still_good(p):
    """The server answers a new client."""
    with connect(p) as c:
        check("/virtnet/list" in c.ask("/virtnet/list"), "list is not answered any more")


@test
def banner_and_list(t):
    """What a client of DPDK's telemetry expects: banner, list of commands, answers by name."""
    p = one_device(t)
    with connect(p) as c:
        check_eq(set(c.banner), {"version", "pid", "max_output_len"}, "keys of the banner")
        check(c.banner["max_output_len"] >= 1 << 20, "max_output_len below 1 MiB")
        commands = c.ask("/")["/"]
        for name in ("list", "query", "stats", "log", "version", "validate", "debug"):
            check(f"/virtnet/{name}" in commands, f"/virtnet/{name} is not listed")
        check_eq(len(c.ask("/virtnet/list")["/virtnet/list"]["devices"]), 1, "devices")
    p.stop()


BAD = {
    "unknown_command": "/virtnet/nosuch",
    "unknown_root": "/nosuch",
    "no_slash": "list",
    "not_utf8": b"/virtnet/query,pf=\xff\xfe",
    "nul": b"/virtnet/list\0/virtnet/list",
    "only_nul": b"\0",
    "control_characters": "/virtnet/log,level=\x1b[2J",
    "half_json": '/virtnet/query,{"pf": ',
    "json_array": "/virtnet/query,[1]",
    "json_twice": '/virtnet/query,{"pf": 0}{"pf": 0}',
    "wrong_type_string": '/virtnet/query,{"pf": "zero"}',
    "wrong_type_real": '/virtnet/query,{"pf": 0.5}',
    "wrong_type_null": '/virtnet/query,{"pf": null}',
    "wrong_type_object": '/virtnet/query,{"pf": {}}',
    "wrong_type_flag": '/virtnet/query,{"pf": 0, "brief": "perhaps"}',
    "negative": '/virtnet/query,{"pf": -1}',
    "too_large": '/virtnet/query,{"pf": 65536}',
    "far_too_large": '/virtnet/query,{"pf": 99999999999999999999999999}',
    "unknown_parameter": '/virtnet/query,{"pf": 0, "colour": 1}',
    "nothing_selected": "/virtnet/query",
    "exclusive": '/virtnet/query,{"pf": 0, "all": true}',
    "vf_alone": '/virtnet/query,{"vf": 0}',
    "vuid_too_long": '/virtnet/query,{"vuid": "' + "V" * 4000 + '"}',
    "deep_json": "/virtnet/query," + "[" * 30000,
    "deep_object": "/virtnet/query," + '{"a":' * 10000,
    "log_level": "/virtnet/log,level=loud",
    "log_no_level": "/virtnet/log",
    "cursor": '/virtnet/list,{"cursor": "x"}',
    "short_form_twice": "/virtnet/query,pf=0,pf=0",
    "commas": "/virtnet/query,,,,,,",
    "equals": "/virtnet/query,=,==",
    "queue_id": '/virtnet/stats,{"pf": 0, "queue_id": 65536}',
    "validate_no_content": '/virtnet/validate,{"file": "x"}',
}


@test
def bad_requests(t):
    """Each is answered by an error with number and text, and the connection goes on."""
    p = one_device(t)
    with connect(p) as c:
        for name, request in BAD.items():
            answer = c.ask(request)
            check(is_error(answer), f"{name}: answered {json.dumps(answer)[:200]}")
            check("/virtnet/list" in c.ask("/virtnet/list"), f"{name}: list fails after it")
    t.note(f"{len(BAD)} requests")
    p.stop()


@test
def no_such_device(t):
    """A device that does not exist has the answer of its own that the contract gives."""
    p = one_device(t)
    with connect(p) as c:
        for request in ('/virtnet/query,{"pf": 7}', '/virtnet/query,{"pf": 0, "vf": 3}',
                        '/virtnet/query,{"vuid": "NOBODY"}', '/virtnet/stats,{"pf": 7}'):
            answer = c.ask(request)
            answer = answer.get(request.split(",")[0], answer)
            check_eq(answer, {"Error": "Device doesn't exist"}, request)
    p.stop()


@test
def oversized(t):
    """Requests up to the limit are read; longer ones are refused, and nothing else happens."""
    p = one_device(t)
    for size in (MAX_REQUEST - 1, MAX_REQUEST, MAX_REQUEST + 1, 2 * MAX_REQUEST, 180000):
        c = connect(p)
        c.sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 20)  # SO_SNDBUFFORCE
        try:
            answer = c.ask(b"/virtnet/log,level=" + b"x" * (size - 19))
            check(answer is None or is_error(answer), f"{size} bytes: {str(answer)[:200]}")
        except (ConnectionError, BrokenPipeError):
            pass  # closing the connection is an answer too
        c.close()
        still_good(p)
    p.stop()


@test
def empty_message(t):
    """A message of no bytes looks like the end of the connection; it must end at most that one."""
    p = one_device(t)
    with connect(p) as c:
        try:
            c.send(b"")
            c.send("/virtnet/list")
            c.recv()
        except OSError:
            pass
    still_good(p)
    p.stop()


@test
def half_client(t):
    """Clients that shut down half, go while an answer is due, or pass descriptors."""
    p = one_device(t)
    fds = p.process.fds()
    for i in range(t.count(50, 500)):
        c = connect(p)
        c.send("/virtnet/query,all")
        if i % 3 == 0:
            c.sock.shutdown(socket.SHUT_WR)
            check(c.recv() is not None, "no answer after the client's shutdown")
        elif i % 3 == 1:
            r, w = os.pipe()
            socket.send_fds(c.sock, [b"/virtnet/list"], [r, w] * 4)
            os.close(r)
            os.close(w)
            check("/virtnet/query" in c.recv(), "the answer to query did not come")
        c.close()
    still_good(p)
    core.wait_for(lambda: p.process.fds() <= fds, 30, f"descriptors back at {fds}")
    p.stop()


@test
def hundred_clients(t):
    """100 clients at once, each with a request under way."""
    p = one_device(t)
    clients = [connect(p) for _ in range(100)]
    for i, c in enumerate(clients):
        c.send("/virtnet/list" if i % 2 else "/virtnet/query,pf=0")
    for i, c in enumerate(clients):
        answer = c.recv()
        check(("/virtnet/list" if i % 2 else "/virtnet/query") in answer, f"client {i}: {answer}")
    for c in clients:
        c.close()
    p.stop()


@test
def too_many_clients(t):
    """Beyond its limit of clients the server says so, and is there again when some have gone."""
    p = one_device(t)
    clients, refused = [], 0
    for _ in range(300):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(10)
        try:
            s.connect(p.control_path)
            first = s.recv(65536)
            if not first or "max_output_len" not in json.loads(first):
                check(not first or is_error(json.loads(first)), f"refused with {first[:200]!r}")
                refused += 1
                s.close()
                continue
        except ConnectionError:
            refused += 1
            s.close()
            continue
        clients.append(s)
    check(len(clients) >= 100, f"only {len(clients)} clients at once")
    check(refused > 0, "no limit of clients up to 300")
    t.note(f"{len(clients)} served, {refused} refused")
    for s in clients:
        s.close()
    core.wait_for(lambda: _can_connect(p), 30, "a client after the crowd")
    still_good(p)
    p.stop()


def _can_connect(p):
    try:
        with connect(p) as c:
            return "/virtnet/list" in c.ask("/virtnet/list")
    except (OSError, TypeError, KeyError, ValueError):
        return False


@test
def slow_reader(t):
    """A client that asks and never reads delays nobody and costs a bounded amount of memory."""
    p = one_device(t, 31)
    slow = connect(p)
    slow.sock.setblocking(False)
    sent = 0
    try:
        for sent in range(100000):
            slow.send("/virtnet/query,all")
    except OSError:
        pass
    still_good(p)
    before = p.process.rss_kib()
    for _ in range(20):
        still_good(p)
    check(p.process.rss_kib() < before + 65536, "the memory grows")
    t.note(f"{sent} requests unread")
    # One that reads late gets the whole of its answer; meanwhile others are served, all pages.
    with connect(p) as late:
        late.send("/virtnet/list")
        for _ in range(5):
            check_eq(len(p.devices()), 31, "devices, while one client reads nothing, one late")
            check_eq(p.query(30)["pf_id"], 30, "query meanwhile")
        devices = late.recv()["/virtnet/list"]["devices"]
        check_eq([d["pf_id"] for d in devices], list(range(len(devices))), "the late answer")
    slow.close()
    still_good(p)
    p.stop()


@test
def pages(t):
    """An answer longer than one message comes in pages; together they are the whole."""
    p = one_device(t, 31)
    with connect(p) as c:
        request, cursor, seen, count = "/virtnet/query", None, [], 0
        while True:
            params = {"all": True}
            if cursor is not None:
                params["cursor"] = cursor
            answer = c.ask(f"{request},{json.dumps(params)}")
            seen += [d["pf_id"] for d in answer[request]["devices"]]
            count += 1
            cursor = answer.get("next_cursor")
            if cursor is None:
                break
            check(count < 1000, "no end of pages")
    check_eq(seen, list(range(31)), "devices on all pages")
    t.note(f"{count} pages")
    p.stop()


@test
def stock_script(t):
    """The distribution's dpdk-telemetry.py connects with -f RUN-DIR and runs commands."""
    script = shutil.which("dpdk-telemetry.py")
    if script is None:
        raise core.Skip("dpdk-telemetry.py is not there (apt-get install dpdk)")
    p = one_device(t)
    rc, out, err = t.run([script, "-f", p.run_dir],
                         stdin="/\n/virtnet/list\n/virtnet/query,pf=0\nquit\n")
    check_eq(rc, 0, f"exit status ({err})")
    lines = [json.loads(x) for x in out.splitlines() if x.startswith("{")]
    check_eq([next(iter(x)) for x in lines], ["/", "/virtnet/list", "/virtnet/query"], "answers")
    check_eq(lines[1]["/virtnet/list"]["devices"][0]["pf_id"], 0, "pf_id")
    p.stop()


CONTROLLER_KEYS = ["emulation_manager", "max_hotplug_devices", "max_virt_net_devices",
                   "max_virt_queues", "max_tunnel_descriptors", "supported_features",
                   "supported_virt_queue_types", "supported_event_modes", "ready", "devices_starting"]
POOL_KEYS = ["msix_num_pool_size", "min_msix_num", "max_msix_num", "min_num_of_qp",
             "max_num_of_qp", "qp_pool_size"]
HEAD_KEYS = ["pf_id", "function_type", "transitional", "vuid", "pci_bdf", "pci_vhca_id",
             "pci_max_vfs", "enabled_vfs"]
TAIL_KEYS = ["num_msix", "num_queues", "enabled_queues", "max_queue_size", "msix_config_vector",
             "mac", "link_status", "max_queue_pairs", "mtu", "speed", "rss_max_key_size",
             "supported_hash_types", "ctrl_mac", "ctrl_mq", "sf_num", "sf_parent_device",
             "sf_parent_device_pci_addr", "sf_rep_net_device", "sf_rep_net_ifindex",
             "sf_rdma_device", "sf_cross_mkey", "sf_vhca_id", "sf_rqt_num", "aarfs", "dim"]
PCI_KEYS = ["pci_dev_id", "pci_vendor_id", "pci_class_code", "pci_subsys_id",
            "pci_subsys_vendor_id", "pci_revision_id"]
STATE_KEYS = ["device_feature", "driver_feature", "status", "reset", "enabled"]
NUMBERS = set(POOL_KEYS) | {"pf_id", "transitional", "sf_num", "sf_rep_net_ifindex"}


def check_types(device):
    for key, value in device.items():
        if key in HEAD_KEYS + POOL_KEYS + TAIL_KEYS:
            kind = int if key in NUMBERS else str
            check(type(value) is kind, f"{key}: {value!r} is no {kind.__name__}")


@test
def cli_list(t):
    """virtnet list: pure JSON, keys in the contract's order, numbers and strings as it says."""
    p = one_device(t, 2)
    rc, out, err = p.cli("list")
    check_eq(rc, 0, f"exit status ({err})")
    answer = json.loads(out)
    check_eq(list(answer), ["controller", "devices"], "keys")
    check_eq(list(answer["controller"]), CONTROLLER_KEYS, "controller's keys")
    check_eq(len(answer["devices"]), 2, "devices")
    for d in answer["devices"]:
        keys = list(d)
        expected = HEAD_KEYS + POOL_KEYS + TAIL_KEYS
        check_eq(keys[:len(expected)], expected, "keys of a device")
        check("socket" in keys[len(expected):], "socket is not shown after the last key")
        check_types(d)
    p.stop()


@test
def cli_query(t):
    """virtnet query: request line, then JSON with the keys in order; -b has no virtqueues."""
    p = one_device(t)
    for args, line in ((("-p", "0", "-b"),
                        "{'all': '0x0', 'pf': '0x0', 'dbg_stats': '0x0', 'brief': '0x1', "
                        "'latency_stats': '0x0', 'stats_clear': '0x0'}"),
                       (("-p", "0"), None), (("-a",), None),
                       (("-u", program.SERIAL + "VNETS0D0F2"), None)):
        rc, out, err = p.cli("query", *args)
        check_eq(rc, 0, f"exit status of query {args} ({err})")
        first, rest = out.split("\n", 1)
        check(first.startswith("{'"), f"no request line: {first}")
        if line:
            check_eq(first, line, "request line")
        d = json.loads(rest)["devices"][0]
        keys = [k for k in d if k in HEAD_KEYS + PCI_KEYS + STATE_KEYS + TAIL_KEYS]
        check_eq(keys, HEAD_KEYS + PCI_KEYS + STATE_KEYS + TAIL_KEYS, "keys of a device")
        check_eq("enabled-queues-info" in d, "-b" not in args, "enabled-queues-info is there")
        check_eq([k for k in POOL_KEYS if k in d], [], "pool keys")
        check_types(d)
    p.stop()


@test
def cli_others(t):
    """virtnet stats, log, version, validate, debug, -h, -v."""
    p = one_device(t)
    rc, out, err = p.cli("stats", "-p", "0")
    check_eq(rc, 0, f"stats: exit status ({err})")
    first, rest = out.split("\n", 1)
    check_eq(first, "{'pf': '0x0'}", "stats: request line")
    check_eq(list(json.loads(rest)["device"])[:3], ["pf_id", "packet_counters", "queues-stats"],
             "stats: keys")
    for level in ("debug", "err", "info"):
        rc, out, err = p.cli("log", "-l", level)
        check_eq((rc, out), (0, f"{{'level': '{level}'}}\n\"Success\"\n"), f"log ({err})")
    rc, out, err = p.cli("version")
    check_eq(rc, 0, f"version: exit status ({err})")
    seen = json.loads(out)
    check_eq([list(x) for x in seen], [["Original Controller"], ["Destination Controller"]],
             "version")
    check(re.fullmatch(r"v\d+(\.\d+)+", seen[0]["Original Controller"]), f"version: {seen}")
    rc, out, _ = p.cli("-v")
    check_eq((rc, len(out.splitlines())), (0, 2), "-v: exit status, lines")
    for args in (("-h",), ("query", "-h"), ("list", "--help")):
        rc, out, _ = p.cli(*args)
        check(rc == 0 and out.startswith("usage: virtnet"), f"{args}: {rc}, {out[:80]!r}")
    rc, out, err = p.cli("debug")
    check_eq(rc, 0, f"debug: exit status ({err})")
    good = p._write("good.conf", {"is_lag": 0})
    check_eq(p.cli("validate", "-f", good)[:2], (0, f"{good} is valid\n"), "validate")
    bad = p._write("bad.conf", '{"is_lag": 2}')
    rc, out, err = p.cli("validate", "-f", bad)
    check(rc != 0 and "is_lag" in out + err, f"validate of a bad file: {rc} {out!r} {err!r}")
    rc, out, err = p.cli("validate", "-f", os.path.join(p.dir, "nowhere"))
    check(rc != 0 and "nowhere" in out + err, f"validate of no file: {rc} {out!r} {err!r}")
    p.stop()


@test
def cli_fails(t):
    """Wrong usage, no device, no controller: status is not 0 and one line says why."""
    p = one_device(t)
    for args in ((), ("nosuch",), ("query",), ("query", "-p", "0", "-a"), ("query", "-v", "0"),
                 ("query", "-p", "x"), ("query", "-p", "-1"), ("stats",), ("stats", "-a"),
                 ("log",), ("log", "-l", "loud"), ("validate",), ("list", "extra")):
        rc, out, err = p.cli(*args)
        check(rc != 0, f"{args}: exit status 0")
        check(err.strip() != "" or not args, f"{args}: nothing on stderr")
        check("Traceback" not in out + err, f"{args}: {err}")
    rc, out, err = p.cli("query", "-p", "9")
    check(rc != 0, "no such device: exit status 0")
    check('"Error": "Device doesn\'t exist"' in out, f"no such device: {out!r}")
    p.stop()
    for args in (("list",), ("query", "-p", "0"), ("stats", "-p", "0"), ("log", "-l", "info")):
        rc, out, err = p.cli(*args)
        check(rc != 0 and "Traceback" not in err and len(err.splitlines()) == 1,
              f"{args} without a controller: {rc} {err!r}")


PIPELINES = (
    ("""virtnet list | grep -i '"pf_id": 0' -A 8 | grep -i msix_num_pool_size""", 1),
    ("""virtnet list | grep -i '"pf_id": 0' -A 10 | grep -i max_msix_num""", 1),
    ("""virtnet list | grep -i '"pf_id": 0' -A 10 | grep -i min_msix_num""", 1),
    ("""virtnet list | grep -i '"pf_id": 0' -A 12 | grep -i max_num_of_qp""", 1),
    ("""virtnet list | grep -i '"pf_id": 0' -A 12 | grep -i min_num_of_qp""", 1),
    ("""virtnet list | grep -i '"pf_id": 0' -A 13 | grep -i qp_pool_size""", 1),
    ("""virtnet query -p 0 -b | grep -i num_ | grep -c -e num_msix -e num_queues""", 1),
    ("""virtnet query -p 0 -b | grep -i num_""", 2),
    ("""virtnet query -p 0 -b | grep -i dim""", 1),
    ("""virtnet query -p 0 | grep sf_rep_net_device""", 1),
)


@test
def cli_pipelines(t):
    """The published grep pipelines find their lines."""
    p = one_device(t)
    bindir = os.path.join(t.tmp, "bin")
    os.makedirs(bindir)
    wrapper = os.path.join(bindir, "virtnet")
    with open(wrapper, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexec " + " ".join(p.cli_argv()) + ' "$@"\n')
    os.chmod(wrapper, 0o755)
    env = p.cli_env() | {"PATH": bindir + ":" + os.environ["PATH"]}
    for line, lines in PIPELINES:
        rc, out, err = t.run(["bash", "-c", line], env=env)
        check_eq(len(out.splitlines()), lines, f"lines of: {line} ({err})\n{out}")
    p.stop()


@test
def cli_time(t):
    """31 devices: list and query -a in one go."""
    p = one_device(t, 31)
    start = time.monotonic()
    for args in (("list",), ("query", "-a")):
        rc, out, err = p.cli(*args)
        check_eq(rc, 0, f"exit status ({err})")
        text = out if args[0] == "list" else out.split("\n", 1)[1]
        check_eq(len(json.loads(text)["devices"]), 31, f"devices of {args}")
    t.note(f"{time.monotonic() - start:.2f} s for both")
    p.stop()


@variants(("clean", False), ("killed", True))
def clients_at_the_end(t, kill):
    """Clients that are connected when the program ends see the end of the connection."""
    p = one_device(t)
    clients = [connect(p) for _ in range(10)]
    if kill:
        p.kill()
    else:
        p.stop()
    for c in clients:
        check(select.select([c.sock], [], [], 10)[0] != [], "the connection is still open")
        try:
            check_eq(c.recv(), None, "answer after the end")
        except ConnectionError:
            pass
        c.close()


@test
def eal_telemetry(t):
    """The EAL's own telemetry still works beside ours."""
    p = one_device(t)
    path = os.path.join(p.dir, "dpdk", t.mark, "dpdk_telemetry.v2")
    if not os.path.exists(path):
        raise core.Skip("the EAL's telemetry is off")
    with program.Control(path) as c:
        check("/eal/params" in c.ask("/")["/"], "no /eal/params")
    p.stop()
