# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""hotplug and unplug without a VM: endpoints and representors come and go, and nothing is left."""

import json
import os
import signal

from vnt import core, proc, program
from vnt.core import check, check_eq, test

MAC = "0C:C4:7A:FF:22:93"
EXAMPLE = {"ib_device": "mlx5_0", "mac": MAC, "mtu": 1500, "max_queue_pairs": 1,
           "max_queue_size": 1024}
KEYS = ["bdf", "vuid", "id", "transitional", "sf_rep_net_device", "mac", "errno", "errstr",
        "socket"]


def request(p, command, **params):
    """@return the answer of @command."""
    return p.ask(f"/virtnet/{command}," + json.dumps(params))


def hotplug(p, **more):
    params = {**EXAMPLE, **more}
    if "max_queues" in params:
        del params["max_queue_pairs"]
    return request(p, "hotplug", **params)


def hotplug_ok(p, **more):
    answer = hotplug(p, **more)
    check_eq(answer["errno"], 0, f"hotplug {more}: {answer}")
    return answer


def unplug_ok(p, pf):
    check_eq(request(p, "unplug", pf=pf), {"errno": 0, "errstr": "Success"}, f"unplug {pf}")


def netdevs(p):
    """Representors in the program's namespace."""
    links = json.loads(p.ns.ip("-j", "link", "show"))
    return sorted(x["ifname"] for x in links if x["ifname"].startswith("en3f"))


def inventory(p):
    """What must be as it was: @return representors, sockets, number of descriptors."""
    return netdevs(p), p.sockets(), p.fds()


def check_same(p, before, what):
    """Nothing was left, once the helper thread has written and closed what it had at hand.

    It may have had something at hand @before, too: there may be fewer descriptors.
    """
    seen = None

    def same():
        nonlocal seen
        seen = inventory(p)
        return seen[:2] == before[:2] and seen[2] <= before[2]

    try:
        core.wait_for(same, proc.PATIENCE, what, interval=0.1)
    except core.Fail:
        check_eq(seen, before, what)


@test
def endpoint(t):
    """The published command by the CLI: the answer, what is there then, and after unplug."""
    p = program.Program(t).start()
    before = inventory(p)
    rc, out, err = p.cli("hotplug", "-i", "mlx5_0", "-m", MAC, "-t", "1500", "-qp", "1", "-s",
                         "1024")
    check_eq((rc, err), (0, ""), out)
    answer = json.loads(out)
    check_eq(list(answer), KEYS, "keys of the answer")
    check_eq(answer["vuid"], program.SERIAL + "VNETS1D0F0", "VUID")
    check_eq((answer["id"], answer["transitional"], answer["mac"]), (1, 0, MAC), "answer")
    check_eq(answer["sf_rep_net_device"], "en3f0pf0sf2000", "representor")
    check_eq((answer["errno"], answer["errstr"]), (0, "Success"), "answer")
    check(os.path.exists(answer["socket"]), "the socket is not there")
    check_eq(netdevs(p), ["en3f0pf0sf1000", "en3f0pf0sf2000"], "representors")
    d = p.device(1)
    check_eq(d["function_type"], "hotplug PF", "type")
    check_eq(d["pci_bdf"], answer["bdf"], "address")
    check_eq((d["mtu"], d["max_queue_size"], d["max_queue_pairs"], d["num_queues"], d["num_msix"]),
             ("1500", "1024", "1", "3", "4"), "sizes")
    check_eq((d["sf_num"], d["vm"], d["root_port"]), (2000, "", ""), "device")
    check_eq([x["pf_id"] for x in p.devices()], [0, 1], "order")
    rc, out, err = p.cli("unplug", "-p", "0")
    check_eq(rc, 1, "exit status of unplug of a static PF")
    check_eq(json.loads(out.split("\n", 1)[1])["errno"], -1002, "a static PF")
    rc, out, err = p.cli("unplug", "-u", answer["vuid"])
    check_eq((rc, err), (0, ""), out)
    check_eq(netdevs(p), ["en3f0pf0sf1000"], "representors after unplug")
    check(not os.path.exists(answer["socket"]), "the socket is still there")
    check_eq(request(p, "query", pf=1), {"Error": "Device doesn't exist"}, "query after unplug")
    check_same(p, before, "what is there after unplug")
    p.stop()


ERRORS = (
    ({"mac": MAC + "0"}, -1008), ({"mac": "zz:C4:7A:FF:22:93"}, -1008),
    ({"mtu": 67}, -1010), ({"mtu": 9217}, -1010),
    ({"max_queue_pairs": 0}, -1073), ({"max_queue_pairs": 32}, -1073), ({"max_queues": 2}, -1073),
    ({"max_queue_size": 2}, -1042), ({"max_queue_size": 1000}, -1042),
    ({"max_queue_size": 65536}, -1033),
    ({"sf_num": 1999}, -1048), ({"sf_num": 3000}, -1048), ({"sf_num": 2000}, -1049),
    ({"features": "0x20000000000"}, -1000), ({"ib_device": "mlx5_9"}, -1011),
    ({"legacy": True}, -1046), ({"vm": "nobody"}, -2), ({"port": "rp1"}, -22),
)


@test
def errors(t):
    """Each check has its row of the error table, and nothing is made."""
    p = program.Program(t).start()
    hotplug_ok(p)
    before = inventory(p)
    for more, error in ERRORS:
        answer = hotplug(p, **more)
        check_eq(answer.get("errno"), error, f"{more}: {answer}")
        check(answer["errstr"] != "", f"{more}: no text")
    with p.control() as c:
        both = c.ask("/virtnet/hotplug," + json.dumps({**EXAMPLE, "max_queues": 3}))
        check_eq(both["errno"], -22, "-n and -qp together")
    check_same(p, before, "what is there after refusals")
    check_eq(len(p.devices()), 2, "devices")
    t.note(f"{len(ERRORS)} requests")
    p.stop()


@test
def all_of_them(t):
    """31 at once beside a static PF; the next one is refused; each can be replaced."""
    p = program.Program(t, capacity=program.capacity(1, 4)).start()
    before = inventory(p)
    answers = [hotplug_ok(p, mac=f"02:00:00:00:00:{i:02x}") for i in range(31)]
    check_eq([a["id"] for a in answers], list(range(1, 32)), "ids")
    check_eq([a["sf_rep_net_device"] for a in answers],
             [f"en3f0pf0sf{2000 + i}" for i in range(31)], "representors")
    for key in ("vuid", "bdf", "socket", "mac"):
        check_eq(len({a[key] for a in answers}), 31, f"different values of {key}")
    check_eq(hotplug(p)["errno"], -1031, "the 32nd")
    check_eq([d["pf_id"] for d in p.devices()], list(range(32)), "order of list")
    check_eq(p.ask("/virtnet/list")["controller"]["max_hotplug_devices"], "31", "max")
    unplug_ok(p, 7)
    check_eq(hotplug_ok(p)["id"], 7, "id of the next one")
    for pf in range(1, 32):
        unplug_ok(p, pf)
    check_same(p, before, "what is there after all unplugs")
    p.stop()


@test
def sf_numbers(t):
    """-u chooses a number; the default ones keep out of its way."""
    p = program.Program(t).start()
    check_eq(hotplug_ok(p, sf_num=2001)["sf_rep_net_device"], "en3f0pf0sf2001", "representor")
    check_eq(hotplug_ok(p)["sf_rep_net_device"], "en3f0pf0sf2002", "representor of slot 2")
    check_eq(hotplug_ok(p, sf_num=2999, ib_device="mlx5_1")["sf_rep_net_device"],
             "en3f1pf1sf2999", "representor on port 1")
    check_eq(hotplug(p, sf_num=2999)["errno"], -1049, "a number in use")
    unplug_ok(p, 3)
    hotplug_ok(p, sf_num=2999)
    p.stop()


@test
def taken_name(t):
    """A netdev of somebody else has the representor's name: it stays, and no device is made."""
    p = program.Program(t).start()
    p.ns.ip("link", "add", "en3f0pf0sf2000", "type", "bridge")
    before = inventory(p)
    answer = hotplug(p)
    check_eq(answer["errno"], -1034, f"errno: {answer}")
    check("en3f0pf0sf2000" in answer["detail"], f"detail: {answer}")
    check_eq(netdevs(p), ["en3f0pf0sf1000", "en3f0pf0sf2000"], "netdevs")
    check_same(p, before, "what is there after the refusal")
    p.ns.ip("link", "del", "en3f0pf0sf2000")
    check_eq(hotplug_ok(p)["id"], 1, "id")
    p.stop()


@test
def end_and_crash(t):
    """Without recovery: an end takes hotplug PFs along; after a crash the representor is taken over."""
    p = program.Program(t, conf={"recovery": 0}).start()
    hotplug_ok(p)
    p.stop()
    check_eq(netdevs(p), ["en3f0pf0sf1000"], "representors after the end")
    p.start()
    check_eq(len(p.devices()), 1, "devices after the restart")
    hotplug_ok(p)
    index = p.device(1)["sf_rep_net_ifindex"]
    p.kill()
    check_eq(netdevs(p), ["en3f0pf0sf1000", "en3f0pf0sf2000"], "representors after the crash")
    p.start()
    hotplug_ok(p)
    check_eq(p.device(1)["sf_rep_net_ifindex"], index, "ifindex of the representor")
    p.stop()


@test
def client_goes(t):
    """The client of a hotplug ends before its answer: the device is there all the same."""
    p = program.Program(t).start()
    with p.control() as c:
        c.send("/virtnet/hotplug," + json.dumps(EXAMPLE))
    core.wait_for(lambda: len(p.devices()) == 2, proc.PATIENCE, "the second device")
    core.wait_for(lambda: p.device(1)["sf_rep_net_ifindex"] > 0, proc.PATIENCE, "its port")

    def unplugged():
        answer = request(p, "unplug", pf=1)
        check(answer.get("errno") in (0, -16), f"unplug: {answer}")
        return answer["errno"] == 0
    core.wait_for(unplugged, proc.PATIENCE, "the device unplugged")
    p.stop()


@test
def stop_meanwhile(t):
    """SIGTERM with requests under way: no device is left, and no client without an end."""
    p = program.Program(t, capacity=program.capacity(1, 4)).start()
    # As many as can be made and removed before the end is overdue, on a busy machine too.
    clients = [p.control() for _ in range(8)]
    for c in clients:
        c.send("/virtnet/hotplug," + json.dumps(EXAMPLE))
    p.process.send(signal.SIGTERM)
    check_eq(p.process.wait(30), 0, "exit status")
    for c in clients:
        while True:
            try:
                if c.recv() is None:
                    break
            except ConnectionError:
                break
        c.close()
    check_eq(netdevs(p), ["en3f0pf0sf1000"], "representors")


@test
def no_such_vm(t):
    """A VM that does not run: told at once; with "none" the endpoint is made."""
    conf = {"hosts": [{"name": "vm1", "qmp": os.path.join(t.tmp, "vm1.qmp"), "ports": ["rp1"]}]}
    p = program.Program(t, conf=conf).start()
    answer = hotplug(p)
    check_eq(answer["errno"], -1031, "errno")
    check("vm1.qmp" in answer["detail"], f"detail: {answer}")
    check_eq(netdevs(p), ["en3f0pf0sf1000"], "representors")
    hotplug_ok(p, vm="none")
    host = p.ask("/virtnet/debug,section=hosts")["hosts"][0]
    check_eq((host["name"], host["connected"]), ("vm1", False), "host")
    check_eq(request(p, "attach", pf=0)["errno"], -107, "attach")
    p.stop()


@test
def printed(t):
    """What attach --print says is plain text that a shell and an XML parser can read."""
    p = program.Program(t).start()
    rc, out, err = p.cli("attach", "-p", "0", "--print", "qemu")
    check_eq((rc, err), (0, ""), "attach --print qemu")
    words = t.run_ok(["sh", "-c", "printf '%s\\n' " + " ".join(
        x for x in out.splitlines() if not x.startswith("#"))]).splitlines()
    check_eq(words[::2], ["-chardev", "-netdev", "-device"], "options")
    check(p.socket() in words[1], f"no socket in {words[1]}")
    rc, out, err = p.cli("attach", "-p", "0", "--print", "libvirt")
    check_eq((rc, err), (0, ""), "attach --print libvirt")
    import xml.etree.ElementTree as ET  # pylint: disable=import-outside-toplevel
    check_eq(ET.fromstring(out).find("source").get("path"), p.socket(), "path in the XML")
    p.stop()
