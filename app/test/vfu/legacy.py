# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A driver of the legacy interface: the I/O BAR of a transitional function (virtio 1.2, 4.1.4.10).
"""

import struct
import time

from vnt import ring, virtio
from vnt.virtio import bit

from . import driver, message as m
from .client import VfioUserError

HOST_FEATURES, GUEST_FEATURES, QUEUE_PFN, QUEUE_SIZE = 0, 4, 8, 12
QUEUE_SELECT, QUEUE_NOTIFY, STATUS, ISR = 14, 16, 18, 19
CONFIG_VECTOR, QUEUE_VECTOR = 20, 22
PAGE = 4096

WANTED = bit(virtio.F_MAC, virtio.F_STATUS, virtio.F_CTRL_VQ, virtio.F_CTRL_RX,
             virtio.F_CTRL_MAC_ADDR, virtio.F_MRG_RXBUF, virtio.F_MQ, virtio.F_EVENT_IDX,
             virtio.F_INDIRECT, virtio.F_ANY_LAYOUT)


class Driver(driver.Driver):
    """The same driver with other registers."""

    def io_read(self, offset, size):
        return int.from_bytes(self.c.read(m.BAR0, offset, size), "little")

    def io_write(self, offset, size, value):
        self.c.write(m.BAR0, offset, value.to_bytes(size, "little"))

    @property
    def status(self):
        return self.io_read(STATUS, 1)

    @status.setter
    def status(self, value):
        self.io_write(STATUS, 1, value)

    def negotiate(self, want=WANTED, exact=False):
        """There is no FEATURES_OK."""
        self.reset()
        self.add_status(virtio.ACK)
        self.add_status(virtio.DRIVER)
        self.offered = self.io_read(HOST_FEATURES, 4)
        self.features = want if exact else want & self.offered
        self.io_write(GUEST_FEATURES, 4, self.features)
        return True

    def config_at(self):
        """Where the device configuration begins: behind the vectors' registers, with MSI-X on."""
        return 24 if self.vectors else 20

    def config(self, offset, size):
        return self.io_read(self.config_at() + offset, size)

    @property
    def mac(self):
        return self.c.read(m.BAR0, self.config_at(), 6)

    def hdr_len(self):
        return 12 if self.has(virtio.F_MRG_RXBUF) else 10

    def make_ring(self, index, size=256, **kw):
        """A legacy ring has the size that the device says."""
        self.io_write(QUEUE_SELECT, 2, index)
        size = self.io_read(QUEUE_SIZE, 2)
        if size == 0:
            raise VfioUserError(f"queue {index} is not there")
        kw.setdefault("event_idx", self.has(virtio.F_EVENT_IDX))
        kw.setdefault("hdr_len", self.hdr_len())
        r = driver.Ring(self, index, size=size, **kw)
        self.rings[index] = r
        return r

    def set_vector(self, index, vector):
        self.io_write(QUEUE_SELECT, 2, index)
        self.io_write(QUEUE_VECTOR, 2, vector)
        got = self.io_read(QUEUE_VECTOR, 2)
        self.rings[index].vector = got
        self.rings[index].call_fd = self.vectors.get(got, -1)
        return got

    def enable_ring(self, r, vector=None):
        addr = r.mem.gpa + r.desc
        if addr % PAGE:
            raise VfioUserError(f"ring {r.index} at {addr:#x}")
        self.io_write(QUEUE_SELECT, 2, r.index)
        if self.io_read(QUEUE_PFN, 4):
            raise VfioUserError(f"ring {r.index} has a page already")
        self.io_write(QUEUE_PFN, 4, addr // PAGE)
        if vector is not None:
            got = self.set_vector(r.index, vector)
            if got != vector:
                raise VfioUserError(f"queue {r.index}: vector {vector} reads {got:#x}")
        elif self.intx:
            r.call_fd = self.intx_fd

    def disable_ring(self, r):
        """PFN 0, polled like a status. @return how often it read something else."""
        self.io_write(QUEUE_SELECT, 2, r.index)
        self.io_write(QUEUE_PFN, 4, 0)
        end = time.monotonic() + self.timeout
        polls = 0
        while self.io_read(QUEUE_PFN, 4):
            polls += 1
            if time.monotonic() > end:
                raise VfioUserError(f"queue {r.index}: the page is still there")
        return polls

    def queues(self, pairs=1, size=0, buf_size=2048, indirect=False, shared=False):
        """As for a modern function; of the vectors only their registers differ."""
        del size
        self.pairs = pairs
        indexes = list(range(2 * pairs))
        if self.has(virtio.F_CTRL_VQ):
            self.ctrl_index = 2 * (self.config(8, 2) if self.has(virtio.F_MQ) else 1)
            indexes.append(self.ctrl_index)
        if not self.intx:
            if not self.vectors:
                self.msix(2 if shared else len(indexes) + 1)
            self.io_write(CONFIG_VECTOR, 2, 0)
            if self.io_read(CONFIG_VECTOR, 2) != 0:
                raise VfioUserError("the config vector is not taken")
        for n, i in enumerate(indexes):
            r = self.make_ring(i, buf_size=4096 if i == self.ctrl_index else buf_size,
                               indirect=indirect and self.has(virtio.F_INDIRECT))
            self.enable_ring(r, None if self.intx else 1 if shared else n + 1)

    def start(self, pairs=1, features=WANTED, **kw):
        return super().start(pairs, features, **kw)

    def doorbell(self, r):
        self.c.write(m.BAR0, QUEUE_NOTIFY, struct.pack("<H", r.index))

    def intx_wait(self, seconds=30.0):
        if not ring.event_wait(self.intx_fd, seconds):
            return None
        ring.event_read(self.intx_fd)
        self.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.MASK)
        isr = self.io_read(ISR, 1)
        self.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.UNMASK)
        return isr
