# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A virtio-net driver of a modern function, over a vfio-user connection."""

import mmap
import os
import struct
import time

from vnt import packed_ring, ring, virtio
from vnt.virtio import bit

from . import control, message as m, pci
from .client import VfioUserClient, VfioUserError

# What the driver takes unless a test says otherwise: nothing that changes what frames look like.
WANTED = bit(virtio.F_MTU, virtio.F_MAC, virtio.F_MRG_RXBUF, virtio.F_STATUS, virtio.F_CTRL_VQ,
             virtio.F_CTRL_RX, virtio.F_CTRL_RX_EXTRA, virtio.F_CTRL_MAC_ADDR, virtio.F_MQ,
             virtio.F_ANY_LAYOUT, virtio.F_INDIRECT, virtio.F_EVENT_IDX, virtio.F_VERSION_1,
             virtio.F_RING_RESET, virtio.F_SPEED_DUPLEX)

CTRL_SIZE = 16


class _FunctionRing:
    """A ring of the function. Its interrupt is a vector of the driver's."""

    def __init__(self, driver, index, **kwargs):
        super().__init__(driver.mem, index, **kwargs)
        self.driver = driver
        self.notify_off = index
        self.notify_data = index
        self.vector = virtio.NO_VECTOR

    def notify(self):
        self.driver.doorbell(self)


class Ring(_FunctionRing, ring.Ring):
    """A split one."""


class PackedRing(_FunctionRing, packed_ring.PackedRing):
    """A packed one."""


class Driver(control.Commands):
    """Host and driver of one function.

    @intx: no MSI-X. @host: the host's part is done by probe(); the driver's by start().
    """

    def __init__(self, path, timeout=30.0, mem=None, mem_size=64 << 20, intx=False, client=None):
        self.c = client or VfioUserClient(path, timeout)
        self.fn = pci.Function(self.c)
        self.timeout = timeout
        self.mem = mem or ring.GuestMemory(mem_size)
        self.intx = intx
        self.vectors = {}       # number -> eventfd
        self.intx_fd = ring.eventfd()
        self.rings = {}
        self.offered = 0
        self.features = 0
        self.pairs = 0
        self.ctrl_index = None
        self.page = None        # mapped doorbells
        self.posted = True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.c.close()
        self.unmap_page()
        for fd in self.vectors.values():
            os.close(fd)
        self.vectors = {}
        if self.intx_fd >= 0:
            os.close(self.intx_fd)
            self.intx_fd = -1
        self.rings = {}
        self.mem.close()

    # --- the host's part ---

    def probe(self):
        """As QEMU begins, then what firmware and kernel do before a driver comes."""
        c = self.c
        c.connect()
        c.version()
        c.dma_map(self.mem)
        c.info()
        for index in (*range(m.ROM), m.CONFIG):
            self._region(index)
        c.irq_info(m.INTX)
        c.irq_info(m.MSIX)
        c.irq_eventfd(m.INTX, 0, self.intx_fd)
        c.reset()
        self.fn.walk()
        self.fn.enable()
        return self

    def _region(self, index):
        r = self.c.region_info(index)
        argsz, flags, _, at, _, offset = m.REGION.unpack_from(r.payload)
        if not flags & m.REGION_CAPS:
            self.c.close_fds(r)
            return
        self.c.close_fds(r)
        r = self.c.region_info(index, argsz)
        if flags & m.REGION_MMAP and r.fds:
            _, _, nxt = m.CAP.unpack_from(r.payload, at)
            n, _ = m.SPARSE.unpack_from(r.payload, at + m.CAP.size)
            if n != 1 or nxt != 0:
                raise VfioUserError(f"region {index}: {n} areas, next capability {nxt}")
            start, size = m.AREA.unpack_from(r.payload, at + m.CAP.size + m.SPARSE.size)
            self.page = (index, start, size,
                         mmap.mmap(r.fds[0], size, offset=offset + start))
            self.posted = False  # QEMU waits for all replies then
        self.c.close_fds(r)

    def unmap_page(self):
        if self.page:
            self.page[3].close()
            self.page = None

    def msix(self, n):
        """@n vectors, as a guest's kernel makes QEMU do it."""
        c = self.c
        c.irq_disable(m.INTX)
        self.fn.msix(True)
        c.irq_eventfd(m.MSIX, 0)
        for i in range(n):
            self.vectors[i] = ring.eventfd()
            c.irq_eventfd(m.MSIX, i, self.vectors[i])

    def forget_vectors(self):
        """MSI-X off, as a host does when the function was reset."""
        self.c.irq_disable(m.MSIX)
        for fd in self.vectors.values():
            os.close(fd)
        self.vectors = {}

    # --- the driver's part ---

    @property
    def status(self):
        return self.fn.common("device_status")

    @status.setter
    def status(self, value):
        self.fn.set_common("device_status", value)

    def add_status(self, bits):
        self.status = self.status | bits

    def reset(self):
        """Write 0 and poll until it reads 0, as drivers do. @return how often it read another."""
        self.status = 0
        end = time.monotonic() + self.timeout
        polls = 0
        while self.status != 0:
            polls += 1
            if time.monotonic() > end:
                raise VfioUserError(f"status {self.status:#x} {self.timeout} s after a reset")
        return polls

    def read_features(self, words=2):
        value = 0
        for i in range(words):
            self.fn.set_common("device_feature_select", i)
            value |= self.fn.common("device_feature") << 32 * i
        return value

    def write_features(self, value, words=2):
        for i in range(words):
            self.fn.set_common("driver_feature_select", i)
            self.fn.set_common("driver_feature", value >> 32 * i & 0xFFFFFFFF)

    def read_accepted(self, words=2):
        """What the device has of the driver's features."""
        value = 0
        for i in range(words):
            self.fn.set_common("driver_feature_select", i)
            value |= self.fn.common("driver_feature") << 32 * i
        return value

    def negotiate(self, want=WANTED, exact=False):
        """To FEATURES_OK. @exact: also what is not offered. @return is FEATURES_OK set."""
        self.reset()
        self.add_status(virtio.ACK)
        self.add_status(virtio.DRIVER)
        self.offered = self.read_features()
        # Where the run is about packed rings, a modern driver has them.
        if ring.Default.packed and want & bit(virtio.F_VERSION_1) and not exact:
            want |= bit(virtio.F_RING_PACKED)
        self.features = want if exact else want & self.offered
        self.write_features(self.features)
        self.add_status(virtio.FEATURES_OK)
        return bool(self.status & virtio.FEATURES_OK)

    def has(self, *features):
        return all(self.features & bit(f) for f in features)

    def config(self, offset, size):
        """A number of the device configuration."""
        return int.from_bytes(self.fn.get(pci.DEVICE_CFG, offset, size), "little")

    @property
    def mac(self):
        return self.fn.get(pci.DEVICE_CFG, 0, 6)

    @property
    def max_pairs(self):
        return self.config(8, 2) if self.has(virtio.F_MQ) or self.has(virtio.F_RSS) else 1

    def hdr_len(self):
        return 20 if self.has(virtio.F_HASH_REPORT) else 12

    def make_ring(self, index, size=256, **kw):
        """The ring in memory; nothing is told to the device."""
        kw.setdefault("event_idx", self.has(virtio.F_EVENT_IDX))
        kw.setdefault("hdr_len", self.hdr_len())
        kw.setdefault("in_order", self.has(virtio.F_IN_ORDER))
        self.fn.set_common("queue_select", index)
        size = min(size, self.fn.common("queue_size"))
        cls = PackedRing if self.has(virtio.F_RING_PACKED) else Ring
        r = cls(self, index, size=size, **kw)
        self.rings[index] = r
        return r

    def set_vector(self, index, vector):
        """@return what the register reads afterwards."""
        self.fn.set_common("queue_select", index)
        self.fn.set_common("queue_msix_vector", vector)
        got = self.fn.common("queue_msix_vector")
        if index in self.rings:
            self.rings[index].vector = got
            self.rings[index].call_fd = self.vectors.get(got, -1)
        return got

    def enable_ring(self, r, vector=None):
        """Write the registers of the ring @r and enable it."""
        fn = self.fn
        fn.set_common("queue_select", r.index)
        fn.set_common("queue_size", r.size)
        if vector is not None:
            got = self.set_vector(r.index, vector)
            if got != vector:
                raise VfioUserError(f"queue {r.index}: vector {vector} reads {got:#x}")
        elif self.intx:
            r.call_fd = self.intx_fd
        for name, at in (("queue_desc", r.desc), ("queue_driver", r.avail),
                         ("queue_device", r.used)):
            offset, _ = pci.COMMON_FIELDS[name]
            addr = r.mem.gpa + at
            # As the specification wants it: 64-bit fields by halves.
            fn.put(pci.COMMON, offset, struct.pack("<I", addr & 0xFFFFFFFF))
            fn.put(pci.COMMON, offset + 4, struct.pack("<I", addr >> 32))
        r.notify_off = fn.common("queue_notify_off")
        fn.set_common("queue_enable", 1)

    def queue_reset(self, r):
        """VIRTIO_F_RING_RESET; polled until done. @return how often it was not."""
        self.fn.set_common("queue_select", r.index)
        self.fn.set_common("queue_reset", 1)
        end = time.monotonic() + self.timeout
        polls = 0
        while self.fn.common("queue_reset") != 0:
            polls += 1
            if time.monotonic() > end:
                raise VfioUserError(f"queue {r.index} is still in reset")
        return polls

    def queues(self, pairs=1, size=256, buf_size=2048, indirect=False, shared=False):
        """Make and enable rings of @pairs pairs and of control. @shared: one vector for all."""
        self.pairs = pairs
        indexes = list(range(2 * pairs))
        if self.has(virtio.F_CTRL_VQ):
            self.ctrl_index = 2 * self.max_pairs
            indexes.append(self.ctrl_index)
        if not self.intx:
            if not self.vectors:
                self.msix(2 if shared else len(indexes) + 1)
            self.fn.set_common("config_msix_vector", 0)
            if self.fn.common("config_msix_vector") != 0:
                raise VfioUserError("config_msix_vector is not taken")
        for n, i in enumerate(indexes):
            if i == self.ctrl_index:
                r = self.make_ring(i, CTRL_SIZE, buf_size=4096)
            else:
                r = self.make_ring(i, size, buf_size=buf_size,
                                   indirect=indirect and self.has(virtio.F_INDIRECT))
            self.enable_ring(r, None if self.intx else 1 if shared else n + 1)

    def start(self, pairs=1, features=WANTED, **kw):
        """All of it, to DRIVER_OK; with more than one pair also MQ."""
        if not self.negotiate(features):
            raise VfioUserError(f"features {self.features:#x} of {self.offered:#x} are refused")
        self.queues(pairs, **kw)
        self.add_status(virtio.DRIVER_OK)
        if pairs > 1:
            self.set_pairs(pairs)
        return self

    def restart(self, pairs=1, features=WANTED, **kw):
        """After a reset, as a driver that is loaded again: memory is used from its begin."""
        self.mem.rewind()
        self.rings = {}
        return self.start(pairs, features, **kw)

    def rx(self, pair):
        return self.rings[2 * pair]

    def tx(self, pair):
        return self.rings[2 * pair + 1]

    @property
    def cvq(self):
        return self.rings[self.ctrl_index]

    # --- notifications ---

    def doorbell(self, r):
        """As the driver notifies: 16 bits, or 32 with VIRTIO_F_NOTIFICATION_DATA."""
        s = self.fn.structures[pci.NOTIFY]
        at = s.offset + r.notify_off * s.multiplier
        if self.has(virtio.F_NOTIFICATION_DATA):
            data = struct.pack("<I", r.notify_data | r.driver_position << 16)
        else:
            data = struct.pack("<H", r.index)
        if self.page and self.page[0] == s.bar and \
                self.page[1] <= at < self.page[1] + self.page[2]:
            at -= self.page[1]
            self.page[3][at:at + len(data)] = data
            return
        self.c.write(s.bar, at, data, posted=self.posted)

    def doorbell_raw(self, queue):
        """Notify queue @queue, which may not be there."""
        s = self.fn.structures[pci.NOTIFY]
        self.c.write(s.bar, min(s.offset + queue * s.multiplier, 0x7FFE),
                     struct.pack("<H", queue & 0xFFFF), posted=self.posted)

    def intx_wait(self, seconds=30.0):
        """One INTx interrupt as a host handles it: mask, ISR, unmask. @return the ISR, or None."""
        if not ring.event_wait(self.intx_fd, seconds):
            return None
        ring.event_read(self.intx_fd)
        self.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.MASK)
        isr = self.fn.isr()
        self.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.UNMASK)
        return isr
