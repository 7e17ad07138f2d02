# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""kill -9 of the program at random moments under load: the driver sees no chain lost or twice."""

import mmap
import multiprocessing
import random
import signal
import time

import vhost_user_client as vu

from vnt import core, frames, program, victim
from vnt.core import check, check_eq, packed_too, variants

# Frames that one burst may repeat towards the network after each kill.
BURST = 64
# Frames that are sent at once towards the device.
SEND_BURST = 8
# Most frames that may be on their way to the other side, so that nothing there overflows.
TX_WINDOW = 2000

PLAIN = vu.bit(vu.F_VERSION_1)
MERGEABLE = vu.bit(vu.F_VERSION_1, vu.F_MRG_RXBUF, vu.F_EVENT_IDX)
INDIRECT = vu.bit(vu.F_VERSION_1, vu.F_MRG_RXBUF, vu.F_EVENT_IDX, vu.F_INDIRECT)


class Driver:
    """The guest's driver over the life of several programs: what it saw on its rings."""

    def __init__(self, c, net):
        self.c = c
        self.net = net
        self.sent = 0          # TX frames made available
        self.completed = 0     # TX chains completed: their tags must be 0, 1, 2, ...
        self.received = []     # numbers of RX frames in the order of the used ring
        self.rnd = random.Random(4711)

    def complete(self):
        """TX completions: each chain once, in order."""
        tx = self.c.tx(0)
        before = tx.last_used
        try:
            for tag, _, _ in tx.poll():
                check_eq(tag, self.completed,
                         "TX chain completed out of order, lost or twice: number")
                self.completed += 1
        except vu.VhostUserError as e:
            raise core.Fail(f"{e}; used {before} before, available {tx.avail_idx}; used around it: "
                            f"{tx.used_around(before)}; completed {self.completed}") from e

    def work(self):
        """One round: TX completions and new frames, RX frames and their buffers back."""
        tx, rx = self.c.tx(0), self.c.rx(0)
        self.complete()
        while (self.sent - self.completed < tx.size // 2
               and self.sent - self.net.distinct < TX_WINDOW):
            frame = victim.body(self.sent, self.rnd.randint(60, 1514))
            if not tx.send(frame, tag=self.sent, kick=False,
                           split_header=self.sent % 3 == 0):
                break
            self.sent += 1
        tx.kick()
        for _, frame in rx.receive():
            number = victim.number_of(frame)
            if number is None:
                continue
            check(not self.received or number > self.received[-1],
                  f"RX frame {number} after {self.received[-1] if self.received else None}")
            check_eq(frame[12:], victim.body(number, len(frame))[12:], f"RX frame {number}")
            self.received.append(number)


class Network:
    """The other side, in a process of its own: notes what arrives, and sends numbered frames.

    Its numbers lie in memory that both processes share.
    """

    MAX_FRAMES = 1 << 24
    FIELDS = ("sent", "distinct", "repeated", "damaged", "stop")

    def __init__(self, p):
        self.link = frames.Link(p.ns, p.rep(victim.VICTIM), rcvbuf=64 << 20)
        self.numbers = memoryview(mmap.mmap(-1, 4096)).cast("Q")
        self.times = mmap.mmap(-1, self.MAX_FRAMES)  # TX frame number -> how often seen
        self.process = multiprocessing.get_context("fork").Process(target=self._run, daemon=True)
        self.process.start()

    def __getattr__(self, name):
        return self.numbers[self.FIELDS.index(name)]

    def _add(self, name, n=1):
        self.numbers[self.FIELDS.index(name)] += n

    def _run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sent = 0
        while not self.stop:
            for _ in range(SEND_BURST):
                if not self.link.send(victim.body(sent, 60 + sent * 13 % 1454)):
                    break
                sent += 1
            self.numbers[0] = sent
            if not self.take(1000):
                time.sleep(0.001)  # the rate, no wait for anything
        while self.take(TX_WINDOW):
            pass

    def take(self, most):
        """Note up to @most frames: more may come as fast as they are taken. @return: more there?"""
        for _ in range(most):
            frame = self.link.recv()
            if frame is None:
                return False
            number = victim.number_of(frame)
            if number is None:
                continue
            if frame[12:] != victim.body(number, len(frame))[12:]:
                self._add("damaged")
            elif self.times[number]:
                self._add("repeated")
            else:
                self.times[number] = 1
                self._add("distinct")
        return True

    def missing(self, total):
        """Some of the numbers below @total that did not arrive."""
        return [i for i in range(total) if not self.times[i]][:20]

    def end(self):
        self.numbers[self.FIELDS.index("stop")] = 1
        self.process.join(30)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.link.close()


def resume(c):
    """What a VMM does when its back end has come back."""
    c.disconnect()
    c.connect()
    c.resume()
    for r in c.rings.values():
        r.kick(force=True)


def stuck(p, net):
    """Show where frames may have stayed."""
    print(p.ns.ip("-s", "link", "show", net.link.ifname))
    print(p.cli("debug")[1])


@packed_too("mergeable", "indirect")
@variants(("plain", PLAIN, False, 256), ("mergeable", MERGEABLE, False, 64),
          ("indirect", INDIRECT, True, 256))
def kill(t, features, indirect, size):
    """Random kill -9 and restart under load, the rings checked at every step."""
    kills = t.count(10, 1000)
    rnd = random.Random(20261122)
    p = program.Program(t, capacity=program.capacity(2, 4)).start()
    p.up(victim.VICTIM)
    with victim.client(p) as c:
        c.setup(features=features, indirect=indirect, size=size)
        c.rx(0).fill()
        p.wait_enabled(2, victim.VICTIM)
        net = Network(p)
        t.cleanup(net.end)
        d = Driver(c, net)
        for i in range(kills):
            # Work must be done before the kill: completions in both directions.
            goal, got = d.completed + rnd.randint(1, 3000), len(d.received)
            deadline = time.monotonic() + 30
            while d.completed < goal or len(d.received) <= got:
                d.work()
                if time.monotonic() > deadline:
                    stuck(p, net)
                    raise core.Fail(f"kill {i}: no progress within 30 s: TX {d.completed}/{goal}, "
                                    f"RX {len(d.received)}/{got + 1}, {net.sent} sent")
            # The moment: anywhere in what the poller does meanwhile.
            delay = rnd.random() * 0.002
            at = time.monotonic() + delay
            while time.monotonic() < at:
                d.work()
            p.kill()
            d.work()
            p.start()
            resume(c)
        # The end: everything sent is completed, and has arrived.
        deadline = time.monotonic() + 30
        while c.tx(0).in_flight or d.completed < d.sent:
            c.tx(0)._sleep(deadline)
            d.complete()
            check(time.monotonic() < deadline, "chains not completed at the end: "
                  f"{d.sent - d.completed}")
        try:
            core.wait_for(lambda: net.distinct >= d.sent, 30,
                          f"all {d.sent} frames at the representor")
        except core.Fail as e:
            raise core.Fail(f"{e}: missing {net.missing(d.sent)}") from e
        net.end()
        check_eq(net.damaged, 0, "damaged frames at the representor")
        check_eq(net.distinct, d.sent, "different frames at the representor")
        check(net.repeated <= kills * BURST, f"{net.repeated} frames repeated in {kills} kills")
        for r in c.rings.values():
            check_eq(r.stop(), r.end_base, f"position of ring {r.index}")
        t.note(f"TX {d.sent}, {net.repeated} repeated; RX {len(d.received)} of {net.sent}")
    p.wait_enabled(0, victim.VICTIM)
    p.stop()
