# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Guests whose rings lie, also while they are being read; another guest's traffic does not notice.

All devices have one poller. Liars are processes of their own: they write to their rings as fast as
they can, whatever the poller does meanwhile.
"""

import multiprocessing
import random
import signal
import struct
import time

import vhost_user_client as vu

from vnt import core, echo, program, ring, victim
from vnt.core import check, packed_too, test

HONEST, LIARS = 0, 3
FAR = 1 << 45


def split_lies(r, rnd):
    """One lie in a split ring."""
    i, n = rnd.randrange(r.size), r.size
    lie = rnd.choice(("jump", "back", "loop", "far", "end", "long", "direction", "head", "next",
                      "nested", "table", "bytes"))
    if lie in ("jump", "back"):
        r._put16(r.avail + 2, r.avail_idx + (rnd.choice((n + 1, 1000, 0x8000)) if lie == "jump" else 0xFFFF))
    elif lie == "loop":
        r.write_desc(i, r.addr(i), 64, vu.DESC_NEXT | rnd.choice((0, vu.DESC_WRITE)), i)
    elif lie == "far":
        r.write_desc(i, rnd.choice((FAR, (1 << 64) - 8, 0)), 64, rnd.choice((0, vu.DESC_WRITE)))
    elif lie == "end":  # across the end of memory
        r.write_desc(i, r.mem.gpa + r.mem.size - 10, 64, rnd.choice((0, vu.DESC_WRITE)))
    elif lie == "long":
        r.write_desc(i, r.addr(i), rnd.choice((0xFFFFFFFF, 1 << 20, 0)), rnd.choice((0, vu.DESC_WRITE)))
    elif lie == "direction":
        r.write_desc(i, r.addr(i), 64, vu.DESC_WRITE)
    elif lie == "head":
        r._put16(r.avail + 4 + 2 * rnd.randrange(n), rnd.choice((n, 0xFFFF, 0x8000)))
    elif lie == "next":
        r.write_desc(i, r.addr(i), 64, vu.DESC_NEXT, rnd.choice((n, 0xFFFF)))
    elif lie in ("nested", "table"):
        r.write_desc(0, r.addr(i), 64, vu.DESC_INDIRECT, 0, r.bufs + i * r.buf_size)
        r.write_desc(i, r.addr(i), 16 if lie == "nested" else rnd.choice((0, 17, 1 << 31)),
                     vu.DESC_INDIRECT)
    else:
        r.mem.write(rnd.choice((r.desc, r.avail, r.used)) + rnd.randrange(64), rnd.randbytes(8))


def packed_lies(r, rnd):
    """One lie in a packed ring: mostly in a descriptor that is available."""
    i = rnd.randrange(r.size)
    flags = rnd.choice((0, vu.DESC_WRITE)) | rnd.choice((vu.PACKED_AVAIL, vu.PACKED_USED))
    addr, length = r.addr(i), 64
    lie = rnd.choice(("jump", "loop", "far", "end", "long", "lap", "id", "table", "bytes"))
    if lie == "jump":
        for k in range(r.size):
            r._put16(r.desc + 16 * k + 14, flags)
        return
    if lie == "bytes":
        r.mem.write(rnd.choice((r.desc, r.avail, r.used)) + rnd.randrange(4), rnd.randbytes(16))
        return
    if lie == "loop":
        flags |= vu.DESC_NEXT
    elif lie == "far":
        addr = rnd.choice((FAR, (1 << 64) - 8, 0))
    elif lie == "end":
        addr = r.mem.gpa + r.mem.size - 10
    elif lie == "long":
        length = rnd.choice((0xFFFFFFFF, 1 << 20, 0))
    elif lie == "lap":
        flags ^= vu.PACKED_AVAIL | vu.PACKED_USED
    elif lie == "id":
        i = rnd.choice((r.size, 0xFFFF))
    elif lie == "table":
        flags |= vu.DESC_INDIRECT | rnd.choice((0, vu.DESC_NEXT))
        length = rnd.choice((0, 17, 16, 1 << 31))
    at = r.desc + 16 * rnd.randrange(r.size)
    r.mem.write(at, struct.pack("<QIH", addr, length, i & 0xFFFF))
    r._put16(at + 14, flags)


class Liar:
    """A guest that lies, in a process of its own."""

    def __init__(self, path, seed, packed, rounds):
        self.lies = multiprocessing.get_context("fork").Value("Q", 0)
        self.process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(path, seed, packed, rounds), daemon=True)
        self.process.start()

    def _run(self, path, seed, packed, rounds):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        ring.Default.packed = packed
        for number in range(rounds):
            self._life(path, random.Random(seed << 16 | number))

    def _life(self, path, rnd):
        """One driver: honest for some frames, then not."""
        c = vu.VhostUserClient(path, timeout=30)
        try:
            c.connect()
            c.setup(size=rnd.choice((4, 16, 256)))
            c.rx(0).fill()
            for n in range(rnd.randrange(20)):
                if not c.tx(0).send(victim.body(n)):
                    break
            lie = packed_lies if c.rx(0).packed else split_lies
            # Chains stay available all the time: what is being read changes.
            for n in range(60):
                r = c.rings[rnd.randrange(2)]
                try:
                    c.tx(0).send(victim.body(n), kick=False)
                except vu.VhostUserError:
                    pass
                lie(r, rnd)
                r.notify()
                self.lies.value += 1
        finally:
            c.close()

    def end(self):
        self.process.join(120)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            return False
        return self.process.exitcode == 0


def rate(by, seconds=0.5):
    """The bystander's frames per second, to be told and not to be judged."""
    before, begin = by.loop.returned, time.monotonic()
    time.sleep(seconds)
    return (by.loop.returned - before) / (time.monotonic() - begin)


@packed_too()
@test
def liars(t):
    """Three guests' rings lie, also while they are read: each frame of the fourth guest arrives."""
    rounds = t.count(40, 3000)
    p = program.Program(t, capacity=program.capacity(1 + LIARS, 4)).start()
    by = echo.Bystander(t, p, HONEST)
    alone = rate(by)
    fds = p.process.fds()
    lying = []
    for n in range(LIARS):
        p.up(1 + n)
        lying.append(Liar(p.socket(1 + n), n, bool((n + ring.Default.packed) % 2), rounds))
    among = rate(by)
    for liar in lying:
        check(liar.end(), "a liar has ended in a wrong way")
        by.check()
    check(p.process.alive(), f"the program ended: {p.process.state()}")
    for n in range(LIARS):
        p.wait_enabled(0, 1 + n)
        victim.device_works(p, 1 + n)
    by.moved()
    by.finish()
    core.wait_for(lambda: p.process.fds() <= fds, 30, f"descriptors back at {fds}")
    t.note(f"{sum(x.lies.value for x in lying)} lies; {alone:.0f} frames/s "
           f"alone, {among:.0f} among liars")
    p.stop()
