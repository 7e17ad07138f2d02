# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The start with many devices of before: who asks is answered while they are being made."""

import json
import os
import signal
import socket
import sys
import time

from vnt import core, proc, program
from vnt.core import check, check_eq, test

# What of a device is the same after each start.
SAME = ("pf_id", "vf_id", "parent_pf_id", "vuid", "pci_bdf", "mac", "sf_num", "socket",
        "enabled_vfs", "num_msix")


def same(devices):
    return [{k: d[k] for k in SAME if k in d} for d in devices]


def files(p):
    return sorted(n for n in os.listdir(os.path.join(p.state_dir, "recovery")) if n[0] != ".")


class Early:
    """A client whose requests wait while the program, which is stopped, has just made the control
    socket: they are answered in one of the first turns of its loop."""

    def __init__(self, p, *requests):
        p.launch()
        end = time.monotonic() + proc.PATIENCE
        while not os.path.exists(p.control_path):
            check(p.process.alive() and time.monotonic() < end, "no control socket")
        p.process.send(signal.SIGSTOP)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(proc.PATIENCE)
        while self.sock.connect_ex(p.control_path) != 0:
            # It was stopped between bind and listen.
            check(p.process.alive() and time.monotonic() < end, "no control socket")
            p.process.send(signal.SIGCONT)
            time.sleep(0.001)
            p.process.send(signal.SIGSTOP)
        for r in requests:
            self.sock.send(r.encode())
        self.requests = requests
        self.process = p.process

    def go_on(self):
        """@return the answers."""
        self.process.send(signal.SIGCONT)
        self.sock.recv(65536)  # the banner
        answers = [json.loads(self.sock.recv(1 << 20))[r.split(",")[0]] for r in self.requests]
        self.sock.close()
        return answers


def check_partly(answer, total):
    """What list shows while devices are being made fits together."""
    devices, controller = answer["devices"], answer["controller"]
    starting = controller["devices_starting"]
    check(starting >= total - len(devices),
          f"devices_starting is {starting}, {len(devices)} are shown")
    check_eq(controller["ready"], int(starting == 0), f"ready, and {starting} are starting")
    for pf in range(2):
        vfs = [d["vf_id"] for d in devices if d.get("parent_pf_id") == pf]
        check_eq(vfs, list(range(len(vfs))), f"VFs of PF {pf}")
        shown = [d for d in devices if d.get("pf_id") == pf]
        check_eq([int(d["enabled_vfs"]) for d in shown], [len(vfs)], f"PF {pf}: enabled_vfs")
    for d in devices:
        check(os.path.exists(d["socket"]), f"{d['vuid']} is shown, and has no socket")


@test
def list_meanwhile(t):
    """list is answered in one of the first turns, and what it shows fits together however many
    devices are there by then; SIGTERM then leaves nothing, and the next start has all of them, as
    they were. What is refused meanwhile: vn_start_test, ctl_hotplug_test."""
    vfs = 30  # all devices fit into one page of list
    p = program.Program(t, conf={"vf": {"port": "internal"}, "static_pf": {"port": "internal"}},
                        capacity=program.capacity(2, NUM_VF_MSIX=4,
                                                  VIRTIO_NET_EMULATION_NUM_VF=vfs)).start()
    for pf in range(2):
        status, out, err = p.cli("sriov", "-p", str(pf), "-n", str(vfs), timeout=120)
        check_eq(status, 0, f"sriov: {out}{err}")
    first = same(json.loads(p.cli("list")[1])["devices"])
    total = 2 * (vfs + 1)
    check_eq(len(first), total, "devices")
    p.stop(60)
    names = files(p)
    check_eq(len(names), total, "recovery files")

    answer = Early(p, "/virtnet/list").go_on()[0]
    check_partly(answer, total)
    p.stop(60)
    t.note(f"{len(answer['devices'])} of {total} at the first answer")
    check_eq(files(p), names, "recovery files")

    p.launch()
    core.wait_for(lambda: os.path.exists(p.control_path), proc.PATIENCE, "the control socket")
    status, out, err = p.cli("wait", "-t", "60", timeout=90)
    check_eq(status, 0, f"wait: {out}{err}")
    check_eq(same(json.loads(p.cli("list")[1])["devices"]), first, "devices")
    p.notify.wait_ready(p.process)
    p.stop(60)


@test
def socket_in_use(t):
    """A VF of before cannot have its socket: the start is refused with a line that says why, the
    manager is not told that it is ready, nothing is left, and nothing is forgotten."""
    p = program.Program(t, conf={"vf": {"port": "internal"}, "static_pf": {"port": "internal"}},
                        capacity=program.capacity(1, NUM_VF_MSIX=4,
                                                  VIRTIO_NET_EMULATION_NUM_VF=4)).start()
    status, out, err = p.cli("sriov", "-p", "0", "-n", "4")
    check_eq(status, 0, f"sriov: {out}{err}")
    first = p.devices()
    p.stop()
    names = files(p)
    path = first[3]["socket"]
    os.makedirs(p.run_dir, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        p.launch()
        check_eq(p.process.wait(60), 1, "exit status")
        text = p.process.err().decode(errors="replace")
        check(f"dpdk-virtnet: socket {path} is in use by another process" in text, text)
        seen = p.notify.drain()
        check("READY=1" not in seen and "STOPPING=1" in seen, f"what systemd was told: {seen}")
        check_eq(p.sockets(), [os.path.basename(path)], "sockets left")
    os.unlink(path)
    check_eq(files(p), names, "recovery files")
    p.start()
    check_eq(same(p.devices()), same(first), "devices")
    p.stop()


@test
def benchmark_works(t):
    """app/perf/restart.py with a few devices: guests have their network again. No time counts."""
    script = os.path.join(t.options.source, "app/perf/restart.py")
    status, out, err = t.run([sys.executable, script, "--vfs", "2", "--times", "1", "--port", "tap",
                              "--build", os.path.abspath(t.options.build)], timeout=120)
    check_eq(status, 0, f"exit status of the benchmark\n{out}{err}")
    for what in ("kill -9 and start: last VF", "stop and start: last VF"):
        check(what in out, f"the table lacks {what!r}:\n{out}")
