# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A vfio-user connection goes from one server process to the next, and its client does not notice.

The servers are app/test/handover: the real device, function, pollers and TAP, one device each; a
keeper holds duplicates of their descriptors, as a supervisor will."""

import os
import random
import time

from vfu import bench
from vfu.client import VfioUserClient
from vfu.driver import WANTED, Driver, bit
from vnt import core, guest, pings, ring, victim, virtio
from vnt.core import check, check_eq, test, variants

REP = "hand0"
HOST, GUEST = "198.18.0.1", "198.18.0.2"


class Servers:
    """The keeper and its servers, one after the other."""

    def __init__(self, t, pairs=1):
        self.t = t
        self.ns = t.ns
        self.socket = os.path.join(t.tmp, "hand.sock")
        binary = os.path.join(t.options.build, "app/test/handover/handover")
        argv = [binary, self.socket, REP, str(pairs)] + ["packed"] * ring.Default.packed
        self.process = t.spawn(argv, ns=self.ns, name="handover", env={"RUNTIME_DIRECTORY": t.tmp})
        self.served = 0
        self._wait()
        self.ns.ip("link", "set", REP, "up")

    def _wait(self):
        self.served += 1
        self.process.wait_output(f"serving {self.served}\n".encode(), 60)

    def next(self, how="give"):
        """The connection goes to another process, between two messages of ours; or it is killed."""
        self.process.popen.stdin.write(how.encode() + b"\n")
        self.process.popen.stdin.flush()
        self._wait()

    def rep(self, pf=0):
        return REP

    def stop(self):
        self.process.popen.stdin.close()
        check_eq(self.process.wait(), 0, "exit status of the keeper")
        self.ns.ip("link", "del", REP)


class Watched(VfioUserClient):
    """A client during whose life the server changes: before those of its messages in @at."""

    def __init__(self, path, servers, how, at):
        super().__init__(path)
        self.servers, self.how, self.at = servers, how, at
        self.sent = 0

    def send_raw(self, data, fds=()):
        if self.sent in self.at:
            self.servers.next(self.how)
        self.sent += 1
        super().send_raw(data, fds)


def probe_and_use(s, at, how):
    """All that a driver does, with a new server before each message in @at. @return messages."""
    c = Watched(s.socket, s, how, at)
    with Driver(s.socket, client=c) as d:
        d.probe().start(1, features=WANTED | bit(virtio.F_CTRL_VLAN))
        d.rx(0).fill()
        # No frame waits in the TAP while a message is sent: it would go with the old server.
        victim.both_ways(s, d.rx(0), d.tx(0), 20, ahead=1)
        d.rx_mode(0, 1)
        d.vlan(7)
        victim.both_ways(s, d.rx(0), d.tx(0), 20, ahead=1)
        check_eq(d.status, 15, "status in the end")
        d.reset()
    return c.sent


@variants(("give", "give"), ("kill", "kill"))
def between_messages(t, how):
    """A new server between any two messages of a driver's life: same answers, no frame lost."""
    s = Servers(t)
    messages = probe_and_use(s, (), how)
    step = 1 if t.options.long else messages // 8
    for first in range(step if not t.options.long else 1):
        probe_and_use(s, set(range(first + 1, messages, step)), how)
        if not t.options.long:
            break
    t.note(f"{messages} messages, {s.served - 1} servers")
    s.stop()


@variants(("give", "give"), ("kill", "kill"))
def announces(t, how):
    """The guest was cut off for a while: it is asked to announce itself, each time."""
    s = Servers(t)
    with Driver(s.socket) as d:
        d.probe().start(1, features=WANTED | bit(virtio.F_GUEST_ANNOUNCE))
        d.rx(0).fill()
        bench.announces(d, False)
        for _ in range(2):
            s.next(how)
            bench.announces(d)
        victim.both_ways(s, d.rx(0), d.tx(0), 20, ahead=1)
        d.reset()
    s.stop()


def echo_requests(s):
    """How many the host has seen."""
    with s.ns.entered(), open("/proc/thread-self/net/snmp", encoding="ascii") as f:
        names, values = [line.split() for line in f if line.startswith("Icmp:")]
    return int(values[names.index("InEchos")])


@variants(("give", "give"), ("kill", "kill"))
def linux_guest(t, how):
    """A Linux guest pings and sends while its server is replaced again and again."""
    s = Servers(t, 2)
    g = guest.Guest(t, "a", cpus=2).add_vfio(s.socket)
    guest.IperfServer(t, s.ns)
    s.ns.ip("address", "add", f"{HOST}/24", "dev", REP)
    random.seed(1)
    g.start(wait=False)
    # While the firmware, the kernel and the driver probe.
    for _ in range(t.count(2, 20)):
        time.sleep(random.random())
        s.next(how)
    g.wait_up()
    g.address(f"{GUEST}/24")
    g.ping(HOST)  # all that the kernel says of a link that comes up is said by then
    said = g.sh("dmesg | grep -c eth0 || :")
    seen = echo_requests(s)
    g.sh(f"ping -i 0.2 -c 1000 {HOST} > /tmp/ping 2>&1 & echo $! > /tmp/pid")
    g.sh(f"iperf3 -c {HOST} -t 1000 > /tmp/iperf 2>&1 & echo $! > /tmp/pid2")
    replaced = t.count(3, 100)
    may_lose = 0
    for _ in range(replaced):
        time.sleep(random.random())
        begin = time.monotonic()
        s.next(how)
        may_lose += 1 + int((time.monotonic() - begin) / 0.2)
        # Traffic goes on with this server.
        before = g.counters()
        core.wait_for(lambda: all(g.counters()[k] > before[k] + 10
                                  for k in ("rx_packets", "tx_packets")), 30,
                      "traffic through the new server")
    check(g.sh("cat /tmp/pid2 | xargs kill -0 && echo alive").strip() == "alive",
          "the connection of iperf3 ended: " + g.sh("tail -5 /tmp/iperf"))
    count = len(pings.answered(g.sh("cat /tmp/ping")))
    core.wait_for(lambda: len(pings.answered(g.sh("cat /tmp/ping"))) > count, 30, "pings go on")
    g.sh("kill $(cat /tmp/pid2); kill -INT $(cat /tmp/pid); "
         "while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done")
    out = g.sh("cat /tmp/ping")
    answers = pings.answered(out)
    # All that the guest sent has arrived: no server took more from the ring than it sent on.
    check(echo_requests(s) - seen > max(answers),
          f"{echo_requests(s) - seen} requests arrived, the last one answered is {max(answers)}")
    # What waits in a TAP is lost when its descriptor closes, so each server may cost one answer, and
    # those to what was sent while it was being replaced.
    check(pings.lost(out) <= may_lose, f"{pings.lost(out)} of {max(answers) + 1} answers lost, "
          f"{replaced} servers, {may_lose} may be: {out[-2000:]}")
    t.note(f"{pings.lost(out)} of {max(answers) + 1} answers lost")
    # No reset, no link that went: the kernel would have said so.
    check_eq(g.sh("dmesg | grep -c eth0 || :"), said, "lines of the guest's kernel about eth0")
    g.ping(HOST)
    t.note(f"{s.served - 1} servers")
    g.end()
    s.stop()
