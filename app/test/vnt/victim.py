# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A device that is ill-treated (PF 1) beside one that is not (PF 0), and what must hold after it."""

import contextlib
import itertools
import threading
import time

import vhost_user_client as vu

from . import core, echo, frames, program

VICTIM = 1
HOST = b"\x02\0\0\0\0\x01"
GUEST = b"\x02\0\0\0\0\x02"
_rounds = itertools.count(1)


def start(t, queue_pairs=1, **kw):
    """The program with two devices; PF 0 has a bystander. @return (program, bystander)."""
    p = program.Program(t, capacity=program.capacity(2, max(4, 2 * queue_pairs + 2)), **kw).start()
    by = echo.Bystander(t, p)
    p.up(VICTIM)
    return p, by


@contextlib.contextmanager
def client(p, pf=VICTIM, **kw):
    """A connected front end."""
    c = vu.VhostUserClient(p.socket(pf), timeout=30, **kw)
    try:
        c.connect()
        yield c
    finally:
        c.close()


def body(number, size=200):
    """A whole frame with the number in it."""
    return GUEST + HOST + frames.make(number, size, 0, seed=9)


def number_of(frame):
    """The number in a frame made by body(), or None."""
    at = frame.find(frames.MAGIC, 14, 14 + 48 + 4)
    return int.from_bytes(frame[at + 4:at + 8], "big") if at >= 0 else None


def exchange(p, c, count=20, pf=VICTIM):
    """@count frames each way through pair 0 of the running front end @c, checked."""
    p.wait_enabled(len(c.rings), pf)
    both_ways(p, c.rx(0), c.tx(0), count, pf)


def both_ways(p, rx, tx, count=20, pf=VICTIM, ahead=8):
    """@count frames each way through two rings that run, checked.

    @ahead: so many wait in the representor's queue at most, which may be short.
    """
    link = frames.Link(p.ns, p.rep(pf))
    try:
        if not rx.in_flight:
            rx.fill()
        # Numbers of its own: what an earlier one left in a queue is not among them.
        base = next(_rounds) << 16
        sent = {base + n: body(base + n, 60 + 37 * n % 1400) for n in range(count)}
        for frame in sent.values():
            core.check(tx.send(frame), "the TX ring is full")
        tx.flush(timeout=30)
        seen = []
        core.wait_for(lambda: seen.extend(_ours(link, sent)) or len(seen) >= count, 30,
                      f"{count} frames at the representor")
        core.check_eq([number_of(f) for f in seen], list(sent), "frames at the representor")
        core.check_eq(seen, list(sent.values()), "frames at the representor")
        got = []
        for n, frame in enumerate(sent.values()):
            core.wait_for(lambda f=frame: link.send(f), 30, "room in the representor's queue")
            if n % ahead == ahead - 1:
                got += _rx(rx, n + 1 - len(got), sent)
        got += _rx(rx, count - len(got), sent)
        core.check_eq([number_of(f) for f in got], list(sent), "frames in the RX ring")
        core.check_eq(got, list(sent.values()), "frames in the RX ring")
    finally:
        link.close()


def _ours(link, sent):
    while (f := link.recv()) is not None:
        if number_of(f) in sent:
            yield f


def _rx(rx, count, sent):
    """@count of the frames @sent (the kernel may send others)."""
    got = []
    end = time.monotonic() + 30
    while len(got) < count and time.monotonic() < end:
        got += [f for _, f in rx.wait(1, timeout=0.1) if number_of(f) in sent]
    return got


def device_works(p, pf=VICTIM):
    """The next front end gets a working device."""
    with client(p, pf) as c:
        c.setup()
        exchange(p, c, pf=pf)
        for ring in (c.rx(0), c.tx(0)):
            ring.stop()
    p.wait_enabled(0, pf)


class Load:
    """Traffic both ways on a running driver: the poller has always something to do in its memory.
    """

    def __init__(self, p, c):
        self.link = frames.Link(p.ns, p.rep(VICTIM))
        self.c = c
        self.stop = threading.Event()
        c.rx(0).fill()
        core.wait_for(lambda: int(p.device(VICTIM)["enabled_queues"]) >= 2, 30, "its rings run")
        self.thread = threading.Thread(target=self._flood, daemon=True)
        self.thread.start()

    def _flood(self):
        frame = body(1, 1000)
        while not self.stop.is_set():
            if not self.link.send(frame):
                self.stop.wait(0.001)

    def drive(self, n):
        """@n frames through the TX ring, receive buffers given back meanwhile."""
        rx, tx = self.c.rx(0), self.c.tx(0)
        for i in range(n):
            if not tx.send(body(i, 300)):
                core.wait_for(tx.poll, 30, "TX completions")
            if i % 16 == 0:
                rx.receive()

    def saturate(self):
        """Leave the TX ring full and the receive buffers posted: the poller is in the memory."""
        while self.c.tx(0).send(body(3, 1400), kick=False):
            pass
        self.c.tx(0).kick(force=True)

    def end(self):
        self.stop.set()
        self.thread.join()
        self.link.close()


def broken(p):
    """Does query show DEVICE_NEEDS_RESET?"""
    return bool(int(p.query(VICTIM)["status"]["value"], 16) & 0x40)


def all_well(p, by, fds=None):
    """After the ill-treatment: the victim works again, the bystander noticed nothing."""
    core.check(p.process.alive(), f"the program ended: {p.process.state()}")
    p.wait_enabled(0, VICTIM)
    device_works(p)
    by.moved()
    by.finish()
    if fds is not None:
        core.wait_for(lambda: p.process.fds() <= fds, 30,
                      f"descriptors back at {fds} (now {p.process.fds()})")
    p.stop()


def refused(function, *args, **kw):
    """@return True if the server refused (or closed the connection), False if it accepted."""
    try:
        function(*args, **kw)
    except (vu.VhostUserError, BrokenPipeError, ConnectionResetError):
        return True
    return False
