# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Capacity settings with the service that they are for, and the self-check that names why there is
no device."""

import os
import sys

from vnt import program
from vnt.core import check, check_eq, test

NUM_PF = "VIRTIO_NET_EMULATION_NUM_PF"
ENABLE = "VIRTIO_NET_EMULATION_ENABLE"


def tool(p, name, *args):
    """virtnet-capacity or virtnet-check for the program @p. @return (status, stdout, stderr)"""
    script = os.path.join(p.t.options.source, "usertools", name)
    argv = [sys.executable, script, "--state-dir", p.state_dir, "--run-dir", p.run_dir, *args]
    return p.t.run(argv, env={"DPDK_VIRTNET": p.binary}, timeout=60)


def capacity(p, *args):
    """It must succeed."""
    status, out, err = tool(p, "virtnet-capacity", "-y", *args)
    check_eq((status, err), (0, ""), f"virtnet-capacity {args}")
    return out


def finds(p, status, *texts, args=()):
    """virtnet-check says all of @texts."""
    seen, out, err = tool(p, "virtnet-check", *args)
    check_eq((seen, err), (status, ""), f"virtnet-check:\n{out}")
    for text in texts:
        check(text in out, f"virtnet-check does not say {text!r}:\n{out}")
    return out


@test
def life(t):
    """Set while the service runs, kept through a restart, in force after apply."""
    p = program.Program(t)
    p.start()
    check_eq(len(p.devices()), 1, "devices by default")
    capacity(p, "s", f"{NUM_PF}=3")
    check_eq(len(p.devices()), 1, "devices after set")
    finds(p, 0, "the service runs", f"not applied: {NUM_PF}=3", "no problems found")
    status, _, err = tool(p, "virtnet-capacity", "-y", "apply")
    check_eq((status, "the service is running" in err), (1, True), f"apply while it runs: {err}")
    p.stop()
    p.start()
    check_eq(len(p.devices()), 1, "devices after a restart")
    p.stop()
    recovery = os.path.join(p.state_dir, "recovery")
    os.makedirs(recovery, exist_ok=True)
    with open(os.path.join(recovery, program.SERIAL + "VNETS1D0F0"), "w", encoding="utf-8") as f:
        f.write("{}\n")
    capacity(p, "apply")
    # What the service notes for itself begins with a dot.
    check_eq([n for n in os.listdir(recovery) if n[0] != "."], [], "recovery files after apply")
    p.start()
    check_eq([d["pf_id"] for d in p.devices()], [0, 1, 2], "devices after apply")
    finds(p, 0, "no VM is connected to PF 0, PF 1, PF 2")
    p.stop()


@test
def causes(t):
    """The self-check names each known cause of "no device"."""
    p = program.Program(t)
    finds(p, 1, "PROBLEM  the service is not running", "1 problem found")
    bad = p._write("bad.conf", '{"is_lag": 0,}')
    finds(p, 1, "PROBLEM  the service does not start with this configuration", "trailing comma",
          "2 problems found", args=("-c", bad))
    capacity(p, "s", f"{ENABLE}=0")
    capacity(p, "apply")
    capacity(p, "s", f"{ENABLE}=TRUE")
    finds(p, 1, "PROBLEM  emulation is not enabled", f"not applied: {ENABLE}=1")
    p.start()
    check_eq(p.devices(), [], "devices while emulation is off")
    # Where its files are it tells from the process that answers.
    finds(p, 1, "emulation is not enabled", "the service runs", "1 problem found")
    p.stop()
    capacity(p, "apply")
    capacity(p, "s", f"{NUM_PF}=0")
    capacity(p, "apply")
    p.start()
    finds(p, 1, f"PROBLEM  there is no device: {NUM_PF} is 0")
    # Written by hand under a running service.
    with open(os.path.join(p.state_dir, "capacity.json"), "w", encoding="utf-8") as f:
        f.write('{"current": {"%s": 2}}' % NUM_PF)
    finds(p, 1, "PROBLEM  0 static PFs are there, the settings say 2")
    p.stop()
    with open(os.path.join(p.state_dir, "capacity.json"), "w", encoding="utf-8") as f:
        f.write('{"current": {"%s": 99}}' % NUM_PF)
    finds(p, 1, "PROBLEM  the service does not start with these capacity settings", "from 0 to 31")
