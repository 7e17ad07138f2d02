# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The driver's side of a packed virtqueue (virtio 1.2, 2.8). For tests it looks like a split one:
chains are written with write_desc(), linked by their numbers, and made available by publish().
"""

import struct

from . import ring
from .virtio import DESC_NEXT, PACKED_AVAIL, PACKED_USED

_DESC = struct.Struct("<QIHH")

# Event suppression (2.8.14): who is to be told what.
ENABLE, DISABLE, DESC = 0, 1, 2


class PackedRing(ring.Ring):
    """A packed virtqueue of the driver's.

    Chains have the number of their first buffer as identifier. avail_idx and used_idx count chains,
    as those of a split ring do; they are not in memory.
    """

    packed = True
    # What a front end says of a ring that is new: index and wrap counter, of both sides.
    fresh_base = 0x80008000

    def _layout(self):
        size = self.size
        self.desc = self.mem.alloc(16 * size, 4096)
        self.avail = self.mem.alloc(4, 64)
        self.used = self.mem.alloc(4, 64)

    def clear(self):
        self.mem.write(self.desc, bytes(16 * self.size))
        self.mem.write(self.avail, bytes(4))
        self.mem.write(self.used, bytes(4))
        self._begin()
        self._shadow = {}       # number -> descriptor as write_desc() wrote it
        self._taken = {}        # identifier -> descriptors in the ring
        self._pos, self._wrap = 0, 1            # where the next descriptor goes
        self._used, self._used_wrap = 0, 1      # where the device answers next
        self._new = 0           # descriptors since the last kick()

    # --- rings in memory ---

    def write_desc(self, i, addr, length, flags, nxt=0, table=None):
        if table is None:
            self._shadow[i] = (addr, length, flags, nxt)
            return
        # Order is the order of the table: only the direction is said.
        self.mem.write(table + 16 * i, _DESC.pack(addr, length, 0, flags & ~DESC_NEXT))

    def read_desc(self, i):
        return self._shadow[i]

    def _flags_at(self, pos):
        return self._get16(self.desc + 16 * pos + 14)

    def _put(self, addr, length, ident, flags):
        """One descriptor, all but its flags, at the next place. @return (place, flags)."""
        pos = self._pos
        flags = flags & ~(PACKED_AVAIL | PACKED_USED)
        flags |= PACKED_AVAIL if self._wrap else PACKED_USED
        self.mem.write(self.desc + 16 * pos, struct.pack("<QIH", addr, length, ident))
        self._pos += 1
        if self._pos == self.size:
            self._pos, self._wrap = 0, self._wrap ^ 1
        return pos, flags

    def publish(self, head):
        """Make the chain of descriptors available that begins with number @head. One that has no
        end fills the ring."""
        placed, i = [], head
        while len(placed) < self.size:
            addr, length, flags, nxt = self._shadow[i]
            placed.append(self._put(addr, length, head, flags))
            if not flags & DESC_NEXT:
                break
            i = nxt
        for pos, flags in reversed(placed):  # the first one last: it is the chain's
            self._put16(self.desc + 16 * pos + 14, flags)
        self._taken[head] = len(placed)
        self._new += len(placed)
        self.avail_idx = (self.avail_idx + 1) & 0xFFFF

    def _is_used(self, pos, wrap):
        flags = self._flags_at(pos)
        return bool(flags & PACKED_AVAIL) == bool(flags & PACKED_USED) == bool(wrap)

    def _chains_of(self, ident):
        """The chains that a used descriptor with this identifier stands for."""
        if ident not in self._taken:
            raise self.error(f"ring {self.index}: used id {ident} was not available")
        if not self.in_order:
            return [ident]
        chains = list(self._taken)
        return chains[:chains.index(ident) + 1]

    def _after(self, pos, wrap, chains):
        pos += sum(self._taken[c] for c in chains)
        return (pos - self.size, wrap ^ 1) if pos >= self.size else (pos, wrap)

    def _unseen(self):
        """How many chains the device has used that poll() has not seen, and where it is."""
        pos, wrap, n = self._used, self._used_wrap, 0
        left = dict(self._taken)
        while left and self._is_used(pos, wrap):
            ident = struct.unpack("<H", self.mem.read(self.desc + 16 * pos + 12, 2))[0]
            chains = [c for c in self._chains_of(ident) if c in left]
            n += len(chains)
            pos, wrap = self._after(pos, wrap, chains)
            for c in chains:
                del left[c]
        return n, pos | wrap << 15

    @property
    def used_idx(self):
        """Chains that the device has used, seen by poll() or not."""
        return self.last_used + self._unseen()[0] & 0xFFFF

    def used_around(self, idx):
        """(identifier, flags) of descriptors."""
        del idx
        at = [(self._used + i) % self.size for i in range(-4, 36)]
        return [struct.unpack("<HH", self.mem.read(self.desc + 16 * i + 12, 4)) for i in at]

    @property
    def driver_position(self):
        """Where the next descriptor goes, with the wrap counter: as notifications have it."""
        return self._pos | self._wrap << 15

    @property
    def end_base(self):
        """Where the device is (GET_VRING_BASE), by what it has used."""
        return self._unseen()[1] * 0x10001

    @property
    def resume_base(self):
        """What a VMM says that cannot know where its back end was: as at the start."""
        return self.fresh_base

    # --- notifications ---

    @property
    def used_flags(self):
        """As that of a split ring: does the device want none?"""
        return int(self._get16(self.used + 2) == DISABLE)

    def want_interrupts(self, on):
        self._put16(self.avail + 2, ENABLE if on else DISABLE)

    def _wanted(self):
        flags = self._get16(self.used + 2)
        if flags != DESC:
            return flags != DISABLE
        off_wrap = self._get16(self.used)
        event = off_wrap & 0x7FFF
        if off_wrap >> 15 != self._wrap:
            event -= self.size
        return ((self._pos - event - 1) & 0xFFFF) < self._new

    def kick(self, force=False):
        want = self._wanted()
        self._new = 0
        self._told(want or force)

    def poll(self):
        done = []
        while self._taken and self._is_used(self._used, self._used_wrap):
            at = self.desc + 16 * self._used
            length, ident = struct.unpack("<IH", self.mem.read(at + 8, 6))
            chains = self._chains_of(ident)
            self._used, self._used_wrap = self._after(self._used, self._used_wrap, chains)
            for c in chains:
                del self._taken[c]
                parts = self.chain[c]
                whole = sum(n for _, n in parts if isinstance(n, int))
                done.append(self._take(c, length if c == ident else whole))
        if self.event_idx:
            self._put16(self.avail, self._used | self._used_wrap << 15)
            self._put16(self.avail + 2, DESC)
        return done
