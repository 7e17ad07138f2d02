# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A peer tries to make the poller wait for it: all devices of an lcore would wait along."""

import fcntl
import os
import struct

import vhost_user_client as vu

from vnt import core, victim
from vnt.core import check, test

FULL = 2**64 - 2  # one more write blocks, if the descriptor does


def broken(p):
    """Does query show DEVICE_NEEDS_RESET?"""
    return bool(int(p.query(victim.VICTIM)["status"]["value"], 16) & 0x40)


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
        # The flags belong to the description that the program has, too.
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        tx.send(victim.body(1))
        core.wait_for(lambda: broken(p), 15, "the device is shown as broken")
        by.moved(50)
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
        core.wait_for(lambda: (tx.poll(), tx.in_flight == 0)[1], 15, "the frames are completed")
        by.moved(50)
        check(not broken(p), "the device is broken")
    victim.all_well(p, by)
