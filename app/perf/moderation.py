#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What interrupt moderation by load (modify device -dim) does: interrupts, throughput, idle ping.

Boots one Linux guest with one vfio-user function of a dpdk-virtnet of its own, as root, in a network
namespace of its own. DIM is switched off and on in turn, many rounds in one run, each time with the
driver unbound, as the command wants it. In each turn: pings of an idle device, then iperf3 both
ways. Medians over the rounds are shown, and the lowest and highest value.

An emulated guest (no KVM) wanders in speed, so interrupts are counted per gigabyte as well as per
second. doc/performance.md explains the table.

--quick: one short round, to see that the program itself works; its exit status says so.
"""
import argparse
import os
import re
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(SOURCE, "app/test"))
sys.dont_write_bytecode = True

from vnt import core, functions, guest  # noqa: E402  (the path must be set first)

RX, TX = 0, 1
OFFLOADS = "tx off sg off tso off gso off gro off"
WAYS = (("to the guest", RX, "-R "), ("from the guest", TX, ""))


class Bench:
    """A function, a guest that drives it, and what is measured."""

    def __init__(self, t, args):
        self.t = t
        self.args = args
        self.b = functions.backend(t, conf={"mrg_rxbuf": 1}).start()
        self.f = self.b.make(pairs=1, size=args.ring)
        self.g = self.b.guest("dim", cpus=args.cpus)
        self.b.attach(self.g, self.f)
        guest.IperfServer(t, self.b.ns)
        self.g.start()
        self.dev = self.g.dev(self.f.mac)
        self.name = self.g.sh(f"basename $(readlink /sys/class/net/{self.dev}/device)").strip()
        self.seen = {}  # (what, dim) -> values

    def set_dim(self, on):
        """As the operator does it: unbind, modify, bind."""
        drv = "/sys/bus/virtio/drivers/virtio_net"
        self.g.sh(f"echo {self.name} > {drv}/unbind")
        word = "enable" if on else "disable"
        status, out, err = self.b.program.cli("modify", "-p", str(self.f.pf), "device", "-dim", word)
        core.check(status == 0, f"modify -dim {word}: {out}{err}")
        self.g.sh(f"echo {self.name} > {drv}/bind")
        self.dev = self.g.dev(self.f.mac)
        self.g.address(f"{self.f.guest}/24", self.dev)
        if self.args.no_offloads:
            self.g.sh(f"ethtool -K {self.dev} {OFFLOADS}")
        shown = [d["dim"] for d in self.b.program.devices() if d["pf_id"] == self.f.pf]
        core.check_eq(shown, ["enabled" if on else "disabled"], "dim in list")

    def rings(self):
        d = [d for d in self.b.program.ask("/virtnet/debug")["devices"] if d["rings"]][0]
        return {r["index"]: r for r in d["rings"]}

    def in_guest(self):
        """Interrupts of both queues, as the guest counts them."""
        n = 0
        for line in self.g.sh("cat /proc/interrupts").splitlines():
            if re.search(rf"{self.name}-(input|output)\.\d+$", line.strip()):
                n += sum(int(w) for w in line.split()[1:] if w.isdigit())
        return n

    def add(self, what, dim, value):
        self.seen.setdefault((what, dim), []).append(value)
        if self.args.verbose:
            print(f"  DIM {'on ' if dim else 'off'} {what}: {value:.4g}", flush=True)

    def idle_ping(self, dim):
        """From here: the guest is told of each request by an interrupt."""
        out = self.t.run_ok(["ping", "-c", str(self.args.pings), "-i", "0.05", "-W", "5",
                             self.f.guest], ns=self.b.ns, timeout=120)
        times = [float(v) for v in re.findall(r"time=([0-9.]+) ms", out)]
        core.check(len(times) >= self.args.pings - 1, f"ping: {out}")
        self.add("idle ping, median, ms", dim, statistics.median(times[1:]))

    def bulk(self, dim):
        for way, ring, option in WAYS:
            before, guest_before = self.rings(), self.in_guest()
            rate = self.g.iperf(self.f.host, f"{option}{self.args.iperf}", self.args.seconds)
            after, counted = self.rings(), self.in_guest() - guest_before
            sent = [after[i]["interrupts"] - before[i]["interrupts"] for i in (RX, TX)]
            frames = after[ring]["packets"] - before[ring]["packets"]
            gigabytes = rate * 1e6 / 8 * self.args.seconds / 1e9
            self.add(f"{way}: throughput, Mbit/s", dim, rate)
            self.add(f"{way}: frames/s", dim, frames / self.args.seconds)
            for i, queue in ((RX, "RX"), (TX, "TX")):
                self.add(f"{way}: {queue} interrupts/s", dim, sent[i] / self.args.seconds)
            self.add(f"{way}: interrupts/s of both queues", dim, sum(sent) / self.args.seconds)
            self.add(f"{way}: the same, counted by the guest", dim, counted / self.args.seconds)
            self.add(f"{way}: interrupts per GB", dim, sum(sent) / gigabytes)
            self.add(f"{way}: frames per interrupt of its queue", dim, frames / max(1, sent[ring]))
            if self.args.verbose:
                print("  ", [after[i].get("dim") for i in (RX, TX)], flush=True)

    def run(self):
        for i in range(self.args.rounds):
            # Each is first as often as the other.
            for dim in ((False, True) if i % 2 == 0 else (True, False)):
                self.set_dim(dim)
                self.g.ping(self.f.host, 2)
                self.idle_ping(dim)
                self.bulk(dim)

    def show(self):
        print(f"{os.cpu_count()} CPUs, {os.uname().sysname} {os.uname().release}, load average "
              f"{os.getloadavg()[0]:.1f}, guest {'with KVM' if self.kvm() else 'emulated'}, "
              f"{self.args.cpus} CPUs, ring {self.args.ring}, {self.args.rounds} rounds"
              + (", offloads off" if self.args.no_offloads else ""))
        rows = [("what", "DIM off", "DIM on", "change", "off: from, to", "on: from, to")]
        for what in dict.fromkeys(w for w, _ in self.seen):
            off, on = self.seen[what, False], self.seen[what, True]
            a, b = statistics.median(off), statistics.median(on)
            rows.append((what, number(a), number(b), f"{(b - a) * 100 / a:+.0f} %" if a else "",
                         *(f"{number(min(v))}, {number(max(v))}" for v in (off, on))))
        width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        for r in rows:
            print("  ".join(c.rjust(w) if i > 0 else c.ljust(w)
                            for i, (c, w) in enumerate(zip(r, width))).rstrip())

    @staticmethod
    def kvm():
        return os.environ.get("LAB_ACCEL") == "kvm"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--build", default=os.path.join(SOURCE, "build"), help="build directory")
    p.add_argument("--rounds", type=int, default=6, help="times DIM off and on (6)")
    p.add_argument("--seconds", type=int, default=3, help="of each iperf3 (3)")
    p.add_argument("--pings", type=int, default=40, help="of an idle device, in each turn (40)")
    p.add_argument("--cpus", type=int, default=1, help="of the guest (1)")
    p.add_argument("--ring", type=int, default=1024, help="entries of a ring (1024)")
    p.add_argument("--iperf", default="", help='more options for iperf3, as "-P 4"')
    p.add_argument("--no-offloads", action="store_true",
                   help="without segmentation offloads: frames of MTU size, many more of them")
    p.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    p.add_argument("--verbose", action="store_true", help="each value as it comes")
    args = p.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.pings = 1, 1, 5
    return args


def main():
    args = arguments()
    if os.geteuid() != 0:
        sys.exit("moderation.py: needs root, to make network namespaces and TAPs")
    core.Options.build = os.path.realpath(args.build)
    core.Options.source = SOURCE
    core.Options.verbose = args.verbose
    t = core.Context(core.Options, "moderation")
    failed = "interrupted"
    try:
        bench = Bench(t, args)
        if args.no_offloads:
            t.run_ok(["ethtool", "-K", bench.f.rep, *OFFLOADS.split()], ns=bench.b.ns)
        bench.run()
        bench.show()
        bench.b.program.stop()
        failed = ""
    except (core.Fail, core.Skip) as e:
        failed = str(e)
    finally:
        wrong = t.finish(bool(failed))
    if failed or wrong:
        sys.exit(f"moderation.py: {failed or wrong[0]}")


if __name__ == "__main__":
    main()
