# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Start and end of the program: bare, configured, refused with one clear line, ended by signals."""

import os
import re
import signal
import socket
import time

from vnt import core, hugepages, proc, program
from vnt.core import check, check_eq, test, variants

REP = "en3f0pf0sf1000"
VUID = program.SERIAL + "VNETS0D0F2"

# Lines of the EAL and of the C library are not the program's error line.
NOISE = re.compile(r"^(EAL|TELEMETRY|MEMPOOL|VIRTNET_LOG)\b|^\s*$|^\[(INFO|DEBUG)\]")


def files_below(directory, leave_out=("dpdk", "notify", "virtnet.conf", "capacity.json")):
    """All that is not a directory, but for the EAL's own runtime files and what the test made."""
    found = []
    for root, dirs, files in os.walk(directory):
        if root == directory:
            dirs[:] = [d for d in dirs if d not in leave_out]
            files = [f for f in files if f not in leave_out]
        # Captured output of the children lies in t.tmp itself, not here.
        found += [os.path.relpath(os.path.join(root, f), directory) for f in files]
    return sorted(found)


def refused(t, p, *words, sockets=()):
    """The start must fail with status 1 and one line that has all of @words; nothing stays."""
    links = set(p.ns.links())
    before = files_below(p.dir)
    p.launch()
    status = p.process.wait()
    check(status is not None, "still running: the start should have been refused")
    check_eq(status, 1, "exit status")
    lines = [x for x in p.process.err().decode(errors="replace").splitlines()
             if not NOISE.search(x)]
    check_eq(len(lines), 1, f"lines of error ({lines})")
    for word in words:
        check(str(word).lower() in lines[0].lower(), f"{word!r} is not in the error line: {lines[0]}")
    check("READY=1" not in p.notify.drain(), "READY=1 was sent")
    check_eq(set(p.ns.links()), links, "netdevs")
    check_eq([s for s in p.sockets() if s not in sockets], [], "sockets left")
    check_eq([f for f in files_below(p.dir) if f not in before], [], "files left")
    t.note(lines[0].replace(t.tmp, "TMP"))


@test
def bare_start(t):
    """No configuration file, no hugepages: one static PF, its representor, its socket."""
    p = program.Program(t, mbufs=None).start()
    check_eq(sorted(p.sockets()), sorted([f"{VUID}.sock", "dpdk_telemetry.v2"]), "sockets")
    check_eq(set(p.ns.links()), {REP}, "netdevs")
    d = p.device()
    check_eq(d["vuid"], VUID, "vuid")
    check_eq(d["sf_rep_net_device"], REP, "representor")
    check_eq(d["sf_rep_net_ifindex"], p.ns.link(REP)["ifindex"], "ifindex")
    check_eq(d["socket"], os.path.join(p.run_dir, VUID + ".sock"), "socket")
    p.stop()
    check_eq(set(p.ns.links()), {REP}, "netdevs after the end: the representor stays")


@test
def owner_only(t):
    """The sockets are for the owner only."""
    p = program.Program(t).start()
    mode = os.stat(p.control_path).st_mode & 0o777
    check(mode & 0o077 == 0, f"mode of the control socket: {mode:o}")
    p.stop()


@variants(("sigterm", signal.SIGTERM), ("sigint", signal.SIGINT))
def ended_by(t, sig):
    """The signal ends it in order, with status 0, soon."""
    p = program.Program(t, capacity=program.capacity(4)).start()
    start = time.monotonic()
    p.process.send(sig)
    check_eq(p.process.wait(30), 0, "exit status")
    t.note(f"{time.monotonic() - start:.3f} s")
    check_eq(p.sockets(), [], "sockets left")


@test
def signal_while_starting(t):
    """SIGTERM at any moment of the start: it ends, and the next start works."""
    p = program.Program(t)
    for i in range(t.count(8, 100)):
        p.launch()
        # A moment of the start: so many files opened by then. No clock involved.
        deadline = time.monotonic() + proc.PATIENCE
        while p.process.alive() and time.monotonic() < deadline:
            try:
                if p.process.fds() >= 4 + 3 * i % 40 or "READY=1" in p.notify.drain():
                    break
            except OSError:
                break
        p.process.send(signal.SIGTERM)
        status = p.process.wait(30)
        check(status in (0, 1, -signal.SIGTERM), f"status {status} after SIGTERM in the start")
        if status >= 0:
            check_eq(p.sockets(), [], "sockets left")
    p.start()
    p.stop()


@test
def notify(t):
    """A service manager is told when it is ready and when it stops."""
    p = program.Program(t).start()
    # Ready means ready: what list and the sockets show is there at once.
    check_eq(len(p.devices()), 1, "devices when ready")
    p.stop()
    check("STOPPING=1" in p.notify.drain(), f"STOPPING=1 not sent: {p.notify.seen}")


@variants(("in_memory", True), ("hugetlbfs", False))
def hugepages_mode(t, in_memory):
    """Started on hugepages."""
    hugepages.reserve(t, 64)
    mem = ["--in-memory"] if in_memory else ["--huge-dir", hugepages.mount(t)]
    p = program.Program(t, eal=["-m", "128", "--no-pci", "--file-prefix", t.mark, "-l", "0,1", *mem])
    p.start()
    check_eq(len(p.devices()), 1, "devices")
    p.stop()


@test
def many_devices(t):
    """31 static PFs: ids, names, MACs and sockets are all different and stable."""
    p = program.Program(t, capacity=program.capacity(31, 4)).start()
    first = p.devices()
    check_eq([d["pf_id"] for d in first], list(range(31)), "pf_id")
    check_eq([d["sf_num"] for d in first], list(range(1000, 1031)), "sf_num")
    for key in ("vuid", "mac", "pci_bdf", "socket", "sf_rep_net_device", "sf_rep_net_ifindex"):
        check_eq(len({d[key] for d in first}), 31, f"different values of {key}")
    for d in first:
        check(int(d["mac"][:2], 16) & 3 == 2, f"MAC {d['mac']} is not local unicast")
    p.stop()
    p.start()
    check_eq(p.devices(), first, "list after a restart")
    p.stop()


@test
def representor_stays(t):
    """kill -9 and restart: the representor keeps ifindex, bridge, addresses, tc rules, MTU."""
    p = program.Program(t).start()
    ip = p.ns.ip
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", REP, "master", "br0", "up")
    ip("addr", "add", "192.0.2.1/24", "dev", REP)
    ip("link", "set", REP, "mtu", "4000")
    tc_rule(t, p.ns, REP)
    seen = look(t, p)
    for how in ("kill", "stop", "kill"):
        getattr(p, how)()
        check_eq(look(t, p), seen, f"representor after {how}")
        p.start()
        check_eq(look(t, p), seen, f"representor after {how} and start")
    p.stop()


def look(t, p):
    """What an operator set on the representor."""
    link = p.ns.link(REP)
    return {"ifindex": link["ifindex"], "master": link.get("master"), "mtu": link["mtu"],
            "address": link["address"], "up": "UP" in link["flags"],
            "addrs": "192.0.2.1/24" in p.ns.ip("addr", "show", REP),
            "tc": tc_show(t, p.ns, REP)}


# Classifiers that take every frame: which of them a kernel has differs.
CLASSIFIERS = (["matchall", "classid", "1:1"], ["u32", "match", "u32", "0", "0", "classid", "1:1"],
               ["flower", "classid", "1:1"])


def tc_rule(t, ns, dev):
    """A rule at the ingress of a netdev, of whatever kind this kernel has."""
    t.run_ok(["tc", "qdisc", "add", "dev", dev, "clsact"], ns=ns)
    for rule in CLASSIFIERS:
        rc, _, _ = t.run(["tc", "filter", "add", "dev", dev, "ingress", "protocol", "all", *rule],
                         ns=ns)
        if rc == 0:
            return
    t.note("no classifier in this kernel, qdisc only")


def tc_show(t, ns, dev):
    """The rules of a netdev, without their counters."""
    return (t.run_ok(["tc", "qdisc", "show", "dev", dev, "clsact"], ns=ns)
            + t.run_ok(["tc", "filter", "show", "dev", dev, "ingress"], ns=ns))


@test
def restart_after_kill(t):
    """What a killed program leaves (sockets, lock) does not hinder the next."""
    p = program.Program(t).start()
    for _ in range(t.count(3, 50)):
        p.kill()
        p.start()
        check_eq(len(p.devices()), 1, "devices")
    p.stop()


@test
def refused_second_prefix(t):
    """A second instance with the same file prefix."""
    first = program.Program(t).start()
    second = program.Program(t, name="second", env={"RUNTIME_DIRECTORY": first.dir},
                             ns=t.new_netns())
    refused(t, second, t.mark)
    check_eq(len(first.devices()), 1, "devices of the first")
    first.stop()


@test
def refused_second_run_dir(t):
    """A second instance with another prefix on the same run directory."""
    first = program.Program(t).start()
    eal = ["--no-huge", "-m", "256", "--no-pci", "--file-prefix", t.mark + "b", "-l", "0,1"]
    second = program.Program(t, name="second", eal=eal, ns=t.new_netns())
    second.run_dir = first.run_dir
    keep = tuple(first.sockets())
    refused(t, second, first.run_dir, "--run-dir", sockets=keep)
    check_eq(tuple(first.sockets()), keep, "sockets of the first")
    check_eq(len(first.devices()), 1, "devices of the first")
    first.stop()


@test
def refused_conf_missing(t):
    """-c names a file that is not there."""
    p = program.Program(t)
    p.conf_path = os.path.join(p.dir, "nowhere.conf")
    refused(t, p, p.conf_path, "No such file")


@variants(
    ("syntax", '{ "is_lag": 0\n  "recovery": 1 }', (":2",)),
    ("trailing_comma", '{ "is_lag": 0,\n}', ("trailing comma",)),
    ("unknown_key", '{ "mac": 1 }', ("mac", ":1")),
    ("wrong_type", '{\n "is_lag": "yes" }', ("is_lag", ":2")),
    ("out_of_range", '{ "sf_pool_percent": 101 }', ("sf_pool_percent", "100")),
    ("contradiction", '{ "dpa_core_start": 5, "dpa_core_end": 3 }', ("dpa_core_end",)),
    ("not_an_object", '[]', ()),
    ("empty", '', ()),
    ("bad_mac", '{ "static_pf": { "mac_base": "12:34" } }', ("static_pf.mac_base",)),
)
def refused_conf(t, text, words):
    """A malformed virtnet.conf: the file, the line and what is wrong."""
    p = program.Program(t, conf=text)
    refused(t, p, p.conf_path, *words)


@variants(
    ("unknown", {"current": {"NO_SUCH_SETTING": 1}}, ("NO_SUCH_SETTING",)),
    ("too_many", {"current": {"VIRTIO_NET_EMULATION_NUM_PF": 32}},
     ("VIRTIO_NET_EMULATION_NUM_PF", "31")),
    ("text", "nonsense", ()),
)
def refused_capacity(t, content, words):
    """A malformed capacity file."""
    p = program.Program(t, capacity=content)
    refused(t, p, p.capacity_path, *words)


@test
def refused_no_worker(t):
    """-l 0: no lcore is left for a poller."""
    p = program.Program(t)
    p.eal = p.no_huge(lcores="0")
    refused(t, p, "lcore", "-l")


@test
def refused_control_in_use(t):
    """Somebody else listens on the control socket's path."""
    p = program.Program(t)
    os.makedirs(p.run_dir, mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(p.control_path)
        s.listen()
        refused(t, p, p.control_path, "listens", sockets=("dpdk_telemetry.v2",))
        check(os.path.exists(p.control_path), "the other's socket was removed")
    # Now it is stale: nobody listens.
    p.start()
    p.stop()


@test
def refused_device_socket_in_use(t):
    """Somebody else listens on a device's socket."""
    p = program.Program(t)
    os.makedirs(p.run_dir, mode=0o700)
    path = os.path.join(p.run_dir, VUID + ".sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        refused(t, p, path, sockets=(VUID + ".sock",))
    p.start()
    p.stop()


@test
def refused_path_too_long(t):
    """A run directory below which a socket's path would be longer than a unix socket's may be."""
    p = program.Program(t)
    p.run_dir = os.path.join(p.dir, "long" * 24)
    refused(t, p, "bytes", "shorter")


@test
def refused_run_dir_is_file(t):
    """The run directory is a file."""
    p = program.Program(t)
    p.run_dir = os.path.join(p.dir, "notify", "r")
    refused(t, p, p.run_dir)


@test
def tap_cannot_be_made(t):
    """A netdev that is no TAP has the representor's name: one line says so, the other PF works."""
    p = program.Program(t, capacity=program.capacity(2))
    p.ns.ip("link", "add", REP, "type", "bridge")
    foreign = p.ns.link(REP)
    p.start()
    no_port(p, REP)
    check_eq(p.device(1)["sf_rep_net_ifindex"], p.ns.link(p.rep(1))["ifindex"], "ifindex of PF 1")
    p.stop()
    check_eq(p.ns.link(REP), foreign, "the netdev that is not ours")
    p.ns.ip("link", "del", REP)
    p.start()
    check_eq(p.device()["sf_rep_net_ifindex"], p.ns.link(REP)["ifindex"], "ifindex of PF 0")
    p.stop()


@test
def tap_held(t):
    """Somebody else has the TAP of the representor's name open: one line says so."""
    p = program.Program(t).start()
    other = program.Program(t, name="other", eal=["--no-huge", "-m", "256", "--no-pci", "--file-prefix",
                                                       t.mark + "b", "-l", "0,1"])
    other.start()
    no_port(other, REP)
    other.stop()
    check_eq(set(p.ns.links()), {REP}, "netdevs")
    check_eq(p.device()["sf_rep_net_ifindex"], p.ns.link(REP)["ifindex"], "ifindex")
    p.stop()


def no_port(p, rep):
    """PF 0 has no representor, and exactly one line of the log says why."""
    check_eq(p.device()["sf_rep_net_ifindex"], 0, "ifindex of PF 0")
    lines = [x for x in p.process.err().decode().splitlines() if "[ERR]" in x]
    check(len(lines) == 1 and rep in lines[0], f"error lines: {lines}")
    p.t.note(lines[0].split(": ", 1)[1])


@variants(("unknown", ["--no-such-option"], "no-such-option"),
          ("number", ["--idle-spin-us", "many"], "idle-spin-us"),
          ("cold", ["--idle-cold-us", "-1"], "idle-cold-us"),
          ("policy", ["--idle-policy", "doze"], "expected sleep, nap or poll"),
          ("serial", ["--board-serial", "../x"], "board serial"),
          ("extra", ["word"], "word"))
def refused_option(t, args, word):
    """A wrong option."""
    p = program.Program(t, args=args)
    refused(t, p, word)


@test
def validate(t):
    """--validate checks a file with the code of the start, and starts nothing."""
    good = program.Program(t, conf={"recovery": 1})
    rc, out, err = t.run(good.argv()[:1] + good.eal + ["--", "--validate", good.conf_path],
                         ns=t.ns, env=good.env)
    check_eq(rc, 0, f"exit status ({err})")
    check(f"{good.conf_path} is valid" in out, f"output: {out!r}")
    bad = program.Program(t, conf={"recovery": "x"}, name="bad")
    rc, out, err = t.run(bad.argv()[:1] + bad.eal + ["--", "--validate", bad.conf_path],
                         ns=t.ns, env=bad.env)
    check_eq(rc, 1, "exit status for a bad file")
    check("recovery" in out + err, f"output: {out!r} {err!r}")
    check_eq(set(t.ns.links()), set(), "netdevs")


@test
def mac_base_and_features(t):
    """virtnet.conf is obeyed: MACs count up from mac_base, features are those given."""
    conf = {"static_pf": {"mac_base": "08:11:22:33:44:FE", "features": "0x230047082b"}}
    p = program.Program(t, conf=conf, capacity=program.capacity(3)).start()
    check_eq([d["mac"] for d in p.devices()],
             ["08:11:22:33:44:FE", "08:11:22:33:44:FF", "08:11:22:33:45:00"], "MACs")
    offered = int(p.query()["device_feature"]["value"], 16)
    check_eq(offered & ~0x230047082B & ((1 << 24) - 1), 0, f"features beyond the mask in {offered:#x}")
    p.stop()


@test
def core_window(t):
    """dpa_core_start/end is a window over the worker lcores; one that has none is refused."""
    core_conf = {"dpa_core_start": 1, "dpa_core_end": 10}
    p = program.Program(t, conf=core_conf)
    p.launch()
    try:
        p.notify.wait_ready(p.process)
        p.stop()
        t.note("accepted with one worker")
    except proc.Ended:
        check_eq(p.process.wait(), 1, "exit status")
        check(b"dpa_core" in p.process.err(), "the error line does not name dpa_core_start")
        t.note("refused with one worker")
    core.check_eq(p.sockets(), [], "sockets left")
