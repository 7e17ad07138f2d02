#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""How long a restart of the service takes with 1008 VFs, and how long a guest is without network.

Four static PFs with 252 VFs each, in a network namespace of its own, as root. A front end of
vhost-user runs the first VF, another the last one: both connect again as soon as they can, as QEMU
does with reconnect-ms, and send a frame each few milliseconds. Then the service is killed (SIGKILL)
and started, and stopped (SIGTERM) and started, in turn.

doc/performance.md explains the table.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(SOURCE, "app/test"))
sys.dont_write_bytecode = True

import vhost_user_client as vu  # noqa: E402  (the path must be set first)
from vnt import core, frames, program, victim  # noqa: E402

PFS = 4


class Guest(threading.Thread):
    """A driver that sends, and what of it arrives at its representor."""

    def __init__(self, p, device):
        super().__init__(daemon=True)
        p.ns.ip("link", "set", device["sf_rep_net_device"], "up")
        self.link = frames.Link(p.ns, device["sf_rep_net_device"])
        self.c = vu.VhostUserClient(device["socket"], timeout=60)
        self.c.connect()
        self.c.setup()
        self.over, self.last, self.gap = False, time.monotonic(), 0.0
        self.start()

    def again(self):
        """Connect until somebody answers."""
        self.c.disconnect()
        while not self.over:
            try:
                self.c.connect()
                self.c.resume()
                for r in self.c.rings.values():
                    r.kick(force=True)
                return
            except (OSError, vu.VhostUserError):
                self.c.disconnect()
                time.sleep(0.005)

    def run(self):
        number = 0
        while not self.over:
            if not self.c.alive():
                self.again()
            for _ in self.c.tx(0).poll():
                pass
            number += self.c.tx(0).send(victim.body(number))
            while (f := self.link.recv()) is not None:
                if victim.number_of(f) is not None:
                    now = time.monotonic()
                    self.gap = max(self.gap, now - self.last)
                    self.last = now
            time.sleep(0.003)

    def end(self):
        self.over = True
        self.join()
        self.link.close()
        self.c.close()


def cycle(p, total, guests, sig):
    """End and start it. @return seconds of what is in the table."""
    for g in guests:
        g.gap = 0.0
    begin = time.monotonic()
    p.process.send(sig)
    p.process.wait(120)
    gone = time.monotonic()
    p.launch()
    while True:
        core.check(p.process.alive(), p.process.read().decode(errors="replace"))
        try:
            with p.control(60) as c:
                c.ask("/virtnet/list")
            break
        except OSError:
            time.sleep(0.001)
    answers = time.monotonic()
    with p.control(60) as c:
        while "Error" in c.ask(f"/virtnet/query,pf={PFS - 1},vf={total // PFS - 2},brief"
                               )["/virtnet/query"]:
            time.sleep(0.005)
    made = time.monotonic()
    p.notify.wait_ready(p.process, 120)
    ready = time.monotonic()
    for g in guests:
        core.wait_for(lambda g=g: g.last > ready, 60, "frames of a guest")
    shown = json.loads(p.cli("list", timeout=60)[1])
    core.check_eq(len(shown["devices"]), total, "devices")
    core.check_eq([d["vuid"] for d in shown["devices"] if d["problem"]], [], "with problems")
    return (gone - begin, answers - gone, made - gone, ready - gone, guests[0].gap, guests[1].gap)


WHAT = ("until the old process has ended", "then until the control socket answers",
        "then until all devices are made", "then until all is ready", "first VF without network",
        "last VF without network")


def measure(t, args, port):
    conf = {"vf": {"port": "tap", "max_queue_pairs": 1}}
    if port == "internal":
        # Guests need a network: they are on PF 0 and the last one then.
        conf["vf"]["port"] = "internal"
    p = program.Program(t, conf=conf, name=port, capacity=program.capacity(
        PFS, 4, VIRTIO_NET_EMULATION_NUM_VF=args.vfs, VIRTIO_NET_EMULATION_NUM_VF_MSIX=4))
    # As /run is: ext4 is slow to make a thousand sockets anew where as many have just gone.
    os.makedirs(p.run_dir)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", p.run_dir], check=True)
    t.cleanup(subprocess.run, ["umount", "-l", p.run_dir])
    p.start()
    for pf in range(PFS):
        status, out, err = p.cli("sriov", "-p", str(pf), "-n", str(args.vfs), timeout=120)
        core.check_eq(status, 0, f"sriov: {out}{err}")
    devices = json.loads(p.cli("list", timeout=60)[1])["devices"]
    total = len(devices)
    core.check_eq(total, PFS * (args.vfs + 1), "devices")
    wanted = [d for d in devices if ("vf_id" in d) == (port == "tap")]
    guests = [Guest(p, wanted[0]), Guest(p, wanted[-1])]
    try:
        core.wait_for(lambda: all(g.gap > 0 for g in guests), 30, "frames of the guests")
        for name, sig in ("kill -9 and start", signal.SIGKILL), ("stop and start", signal.SIGTERM):
            rows = [cycle(p, total, guests, sig) for _ in range(args.times)]
            for i, what in enumerate(WHAT):
                values = [r[i] for r in rows]
                what = what if port == "tap" else what.replace("VF", "PF")
                print(f"VFs on {port}: {name}: {what}".ljust(75),
                      f"{statistics.median(values):7.3f} s  {min(values):7.3f}, {max(values):.3f}",
                      flush=True)
    finally:
        for g in guests:
            g.end()
    p.stop(60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"), help="build directory")
    parser.add_argument("--vfs", type=int, default=252, help="VFs of each of 4 PFs (252)")
    parser.add_argument("--times", type=int, default=3, help="repetitions, for medians (3)")
    parser.add_argument("--port", choices=("internal", "tap"), action="append",
                        help="only VFs with this kind of port")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("restart.py: must be run as root (network namespaces, TAPs)")
    core.Options.build = os.path.realpath(args.build)
    core.Options.source = SOURCE
    print(f"{os.cpu_count()} CPUs, {os.uname().sysname} {os.uname().release}, load average "
          f"{os.getloadavg()[0]:.1f}; {args.times} times: median, from, to")
    t = core.Context(core.Options, "restart")
    failed = False
    try:
        for port in args.port or ("internal", "tap"):
            measure(t, args, port)
    except (core.Fail, core.Skip) as e:
        failed = True
        print(f"restart.py: {e}", file=sys.stderr)
    t.finish(failed)
    return failed


if __name__ == "__main__":
    sys.exit(main())
