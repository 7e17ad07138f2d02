# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A peer tries to make the poller wait for it: all devices of an lcore would wait along."""

import fcntl
import os
import struct
import time

import vhost_user_client as vu

from vnt import core, frames, program, victim
from vnt.core import check, test

FULL = 2**64 - 2  # one more write blocks, if the descriptor does


@test
def interrupt_blocks(t):
    """The interrupt eventfd is made blocking behind our back, and full: the ring breaks, no more."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        c.rx(0).fill()
        victim.exchange(p, c)
        tx = c.tx(0)
        fd = tx.call_fd
        vu.event_read(fd)
        os.write(fd, struct.pack("=Q", FULL))
        begin = time.monotonic()
        # The flags belong to the description that the program has, too.
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        tx.send(victim.body(1))
        core.wait_for(lambda: victim.broken(p), 30, "the device is shown as broken")
    # Whoever did that is not served for a while: a second, the first time.
    with victim.client(p) as c:
        check(victim.refused(c.setup) or time.monotonic() - begin > 1, "served at once")
    by.moved(50)
    core.wait_for(lambda: not victim.refused(try_again, p), 30, "the device is served again")
    victim.all_well(p, by)


def try_again(p):
    """A front end comes and goes."""
    with victim.client(p) as c:
        c.setup()


@test
def receive_ring_restarted(t):
    """A receive ring stops and starts while its pair goes on: the next frame wakes the poller."""
    p = program.Program(t, capacity=program.capacity(2, 4)).start()
    p.up(victim.VICTIM)
    with victim.client(p) as c:
        c.setup()
        for _ in range(5):
            victim.exchange(p, c)
            rx = c.rx(0)
            base = rx.stop()
            p.wait_enabled(1, victim.VICTIM)
            rx.start(base=base)
            p.wait_enabled(2, victim.VICTIM)
            # The RX direction first: nothing else wakes the poller.
            link = frames.Link(p.ns, p.rep(victim.VICTIM))
            try:
                link.send(victim.body(7))
                got = []
                core.wait_for(lambda g=got, r=rx: g.extend(r.wait(1, timeout=0.1)) or g, 30,
                              "a frame after the restart")
            finally:
                link.close()
    p.stop()


@test
def features_flood(t):
    """Features changed thousands of times do not keep the other device's port waiting."""
    p, by = victim.start(t)
    with victim.client(p, need_reply=False) as c:
        c.negotiate()
        masks = (c.acked, c.acked & ~(1 << 1))
        before = p.process.rss_kib()
        for n in range(20000):
            c.set_u64(vu.SET_FEATURES, masks[n % 2])
        by.moved(20)
        grown = p.process.rss_kib() - before
        check(grown < 32 << 10, f"{grown} KiB more resident")
    victim.all_well(p, by)


@test
def interrupt_full(t):
    """The interrupt eventfd is full but does not block: nothing happens to anybody."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        c.rx(0).fill()
        victim.exchange(p, c)
        tx = c.tx(0)
        vu.event_read(tx.call_fd)
        os.write(tx.call_fd, struct.pack("=Q", FULL))
        for n in range(10):
            tx.send(victim.body(n))
        core.wait_for(lambda: (tx.poll(), tx.in_flight == 0)[1], 30, "the frames are completed")
        by.moved(50)
        check(not victim.broken(p), "the device is broken")
    victim.all_well(p, by)
