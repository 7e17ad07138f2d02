# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The driver's side of a split virtqueue (virtio 1.2, 2.7), and memory for it.

Knows no transport: whoever connects the ring to a device says how the device is notified
(Ring.notify()) and which eventfd an interrupt is (Ring.call_fd).
"""

import ctypes
import mmap
import os
import select
import struct
import time

from .virtio import (AVAIL_NO_INTERRUPT, DESC_INDIRECT, DESC_NEXT, DESC_WRITE, EMPTY_HDR,
                     USED_NO_NOTIFY)

_U64 = struct.Struct("=Q")
_DESC = struct.Struct("<QIHH")


class Default:
    """What drivers do unless a test says otherwise: run.py and core.packed_too() set it."""

    packed = False


class RingError(Exception):
    """The device wrote something impossible into a ring."""


def eventfd(value=0):
    """A non-blocking eventfd; os.eventfd() needs Python 3.10."""
    if hasattr(os, "eventfd"):
        return os.eventfd(value, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.eventfd(value, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "eventfd")
    return fd


def event_read(fd):
    """Take the events of an eventfd. @return how many there were (0: none)."""
    try:
        return _U64.unpack(os.read(fd, 8))[0]
    except BlockingIOError:
        return 0


def event_write(fd):
    os.write(fd, _U64.pack(1))


def event_wait(fd, seconds):
    """Wait for an event and leave it. @return False when the time is over."""
    p = select.poll()
    p.register(fd, select.POLLIN)
    return bool(p.poll(max(0, int(seconds * 1000))))


class GuestMemory:
    """One region of guest memory in a memfd, with a simple allocator.

    gpa and uva differ on purpose and are not our own addresses: a server that mixes them up fails.
    """

    def __init__(self, size=16 << 20, gpa=0x100000, uva=0x7f0000000000, offset=0, fd=None):
        self.size = size
        self.gpa = gpa
        self.uva = uva
        self.offset = offset
        if fd is None:
            fd = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(fd, offset + size)
        self.fd = fd
        self.mem = mmap.mmap(fd, size, offset=offset)
        # Ring indices are read and written here: a slice's two bytes are not moved at once.
        self.words = memoryview(self.mem).cast("H")
        self._next = 0

    def alloc(self, size, align=64):
        """@return the offset of so many bytes in this region."""
        start = (self._next + align - 1) // align * align
        if start + size > self.size:
            raise MemoryError(f"guest memory of {self.size} bytes is used up")
        self._next = start + size
        return start

    def rewind(self):
        """All that was given out may be given out again."""
        self._next = 0

    def region(self):
        """The region as vhost-user describes it."""
        return (self.gpa, self.size, self.uva, self.offset)

    def read(self, offset, size):
        return self.mem[offset:offset + size]

    def write(self, offset, data):
        self.mem[offset:offset + len(data)] = data

    def close(self):
        if self.fd >= 0:
            self.words.release()
            try:
                self.mem.close()
            except BufferError:
                pass
            os.close(self.fd)
            self.fd = -1


class Ring:
    """A split virtqueue of the driver's. Buffers are slots of a fixed size, one per descriptor.

    Descriptors, available and used ring lie one behind the other as the legacy layout wants it
    (virtio 1.2, 2.7.2), which is a legal place for a modern device too.
    """

    error = RingError
    packed = False
    fresh_base = 0

    def __init__(self, mem, index, size=256, buf_size=2048, event_idx=False, indirect=False,
                 hdr_len=12, in_order=False):
        self.index = index
        self.size = size
        self.buf_size = buf_size
        self.mem = mem
        self.event_idx = event_idx
        self.indirect = indirect
        self.hdr_len = hdr_len
        self.in_order = in_order
        self._layout()
        self.bufs = self.mem.alloc(buf_size * size, 4096)
        self.tables = self.mem.alloc(16 * 64 * size, 16) if indirect else None
        self.call_fd = -1
        self.kicks = 0
        self.kicks_saved = 0
        self._partial = None
        self.clear()

    def _layout(self):
        size = self.size
        self.desc = self.mem.alloc(16 * size, 4096)
        self.avail = self.mem.alloc(6 + 2 * size, 2)
        self.used = self.mem.alloc(6 + 8 * size, 4096)

    def clear(self):
        """As new, also in memory: for a device that was reset."""
        self.mem.write(self.desc, bytes(16 * self.size))
        self.mem.write(self.avail, bytes(6 + 2 * self.size))
        self.mem.write(self.used, bytes(6 + 8 * self.size))
        self._begin()

    def _begin(self):
        self.avail_idx = 0
        self.last_used = 0
        self.kicked_idx = 0
        self.free = list(range(self.size - 1, -1, -1))
        self.chain = {}            # head -> descriptors of the chain; in the order of add()
        self.tag = {}              # head -> what the caller gave
        self._partial = None

    def notify(self):
        """Tell the device. Of whoever connects the ring."""
        raise NotImplementedError

    # --- rings in memory ---

    def write_desc(self, i, addr, length, flags, nxt=0, table=None):
        self.mem.write((self.desc if table is None else table) + 16 * i,
                       _DESC.pack(addr, length, flags, nxt))

    def read_desc(self, i):
        return _DESC.unpack(self.mem.read(self.desc + 16 * i, 16))

    def _get16(self, offset):
        return self.mem.words[offset // 2]

    def _put16(self, offset, value):
        self.mem.words[offset // 2] = value & 0xFFFF

    @property
    def used_idx(self):
        return self._get16(self.used + 2)

    def used_around(self, idx):
        """Identifiers that the device gave back, for messages."""
        return [struct.unpack("<I", self.mem.read(self.used + 4 + 8 * (i % self.size), 4))[0]
                for i in range(idx - 4, idx + 36)]

    @property
    def driver_position(self):
        """How far the driver is: as notifications have it."""
        return self.avail_idx

    @property
    def end_base(self):
        """Where the device is (GET_VRING_BASE), by what it has used."""
        return self.used_idx

    @property
    def resume_base(self):
        """Where a VMM says that the ring goes on whose back end died."""
        return self.used_idx

    @property
    def used_flags(self):
        return self._get16(self.used)

    @property
    def avail_event(self):
        return self._get16(self.used + 4 + 8 * self.size)

    def set_avail_flags(self, flags):
        self._put16(self.avail, flags)

    def set_used_event(self, idx):
        self._put16(self.avail + 4 + 2 * self.size, idx)

    def want_interrupts(self, on):
        """Without EVENT_IDX: ask for interrupts or not."""
        self.set_avail_flags(0 if on else AVAIL_NO_INTERRUPT)

    def addr(self, slot):
        """Guest address of the buffer of descriptor @slot."""
        return self.mem.gpa + self.bufs + slot * self.buf_size

    def publish(self, head):
        """Make one chain available, whatever it is."""
        self._put16(self.avail + 4 + 2 * (self.avail_idx % self.size), head)
        self.avail_idx = (self.avail_idx + 1) & 0xFFFF
        self._put16(self.avail + 2, self.avail_idx)

    def add(self, pieces, write, tag=None):
        """Make a chain of @pieces (bytes to read, or lengths to write) available.

        Pieces longer than a buffer are cut. @return the head, or None when there is no room.
        """
        del write  # what a piece is says it
        return self.add_chain(pieces, tag)

    def add_chain(self, pieces, tag=None):
        """As add(): bytes are for the device to read, lengths for it to write; those come last."""
        parts = []
        for p in pieces:
            write = isinstance(p, int)
            n = p if write else len(p)
            for at in range(0, n, self.buf_size):
                step = min(self.buf_size, n - at)
                parts.append(step if write else p[at:at + step])
        if len(parts) > len(self.free) or not parts:
            return None
        slots = [self.free.pop() for _ in parts]
        head = slots[0]
        table = self.tables + 16 * 64 * head if self.indirect and len(parts) <= 64 else None
        for i, (slot, part) in enumerate(zip(slots, parts)):
            write = isinstance(part, int)
            if not write:
                self.mem.write(self.bufs + slot * self.buf_size, part)
            more = i + 1 < len(slots)
            flags = (DESC_WRITE if write else 0) | (DESC_NEXT if more else 0)
            n = part if write else len(part)
            if table is not None:
                self.write_desc(i, self.addr(slot), n, flags, i + 1 if more else 0, table)
            else:
                self.write_desc(slot, self.addr(slot), n, flags, slots[i + 1] if more else 0)
        if table is not None:
            self.write_desc(head, self.mem.gpa + table, 16 * len(parts), DESC_INDIRECT)
        self.chain[head] = list(zip(slots, parts))
        self.tag[head] = tag
        self.publish(head)
        return head

    def kick(self, force=False):
        """Notify the device if it wants that (virtio 1.2, 2.7.7.2)."""
        if self.event_idx:
            # As the index moved from kicked_idx to avail_idx: did it pass the event index?
            want = ((self.avail_idx - self.avail_event - 1) & 0xFFFF) < \
                ((self.avail_idx - self.kicked_idx) & 0xFFFF)
        else:
            want = not self.used_flags & USED_NO_NOTIFY
        self.kicked_idx = self.avail_idx
        self._told(want or force)

    def _told(self, told):
        if told:
            self.notify()
            self.kicks += 1
        else:
            self.kicks_saved += 1

    def poll(self):
        """Take what the device has used. @return list of (tag, used length, chain parts)."""
        done = []
        idx = self.used_idx
        if ((idx - self.last_used) & 0xFFFF) > self.size:
            raise self.error(f"used index {idx}, last seen {self.last_used}: impossible")
        while self.last_used != idx:
            at = self.used + 4 + 8 * (self.last_used % self.size)
            head, length = struct.unpack("<II", self.mem.read(at, 8))
            if head not in self.chain:
                raise self.error(f"ring {self.index}: used id {head} was not available")
            if self.in_order:
                # One entry may stand for a batch: those before it are used as a whole.
                while (first := next(iter(self.chain))) != head:
                    parts = self.chain[first]
                    done.append(self._take(first, sum(n for _, n in parts if isinstance(n, int))))
            done.append(self._take(head, length))
        if self.event_idx:
            self.set_used_event(self.last_used)
        return done

    def _take(self, head, length):
        parts = self.chain.pop(head)
        slots = [slot for slot, _ in parts]
        if self.in_order:
            self.free[:0] = reversed(slots)  # descriptors are used round and round
        else:
            self.free.extend(slots)
        self.last_used = (self.last_used + 1) & 0xFFFF
        return self.tag.pop(head), length, parts

    @property
    def in_flight(self):
        return len(self.chain)

    def interrupted(self):
        """Interrupts since the last look."""
        return event_read(self.call_fd)

    # --- frames ---

    def send(self, frame, header=None, tag=None, kick=True, split_header=False):
        """Transmit ring: one frame. @return False when the ring is full."""
        header = (header or EMPTY_HDR).ljust(self.hdr_len, b"\0")[:self.hdr_len]
        pieces = [header, frame] if split_header else [header + frame]
        if self.add(pieces, False, tag) is None:
            return False
        if kick:
            self.kick()
        return True

    def flush(self, timeout=30.0):
        """Transmit ring: wait until everything is completed. @return how much was."""
        n = len(self.poll())
        end = time.monotonic() + timeout
        while self.in_flight:
            if time.monotonic() > end:
                raise TimeoutError(f"ring {self.index}: {self.in_flight} chains not completed")
            self._sleep(end)
            n += len(self.poll())
        return n

    def fill(self, length=None, count=None, kick=True):
        """Receive ring: post buffers (chains of @length bytes). @return how many."""
        n = 0
        while count is None or n < count:
            if self.add([length or self.buf_size], True) is None:
                break
            n += 1
        if kick and n:
            self.kick()
        return n

    def receive(self, refill=True):
        """Receive ring: frames that are there, as (header bytes, frame). Mergeable ones are put
        together by num_buffers."""
        frames = []
        used = self.poll()
        # Read before the buffers are posted again.
        data = [self.chain_bytes(parts, length) for _, length, parts in used]
        pending = self._partial
        for d in data:
            if pending is None:
                header = d[:self.hdr_len]
                n = struct.unpack_from("<H", header, 10)[0] if self.hdr_len >= 12 else 1
                pending = [header, d[self.hdr_len:], max(n, 1) - 1]
            else:
                pending[1] += d
                pending[2] -= 1
            if pending[2] == 0:
                frames.append((pending[0], pending[1]))
                pending = None
        self._partial = pending
        if refill and used:
            for _, _, parts in used:
                self.add([sum(n for _, n in parts)], True)
            self.kick()
        return frames

    def wait(self, count=1, timeout=30.0, refill=True):
        """Receive ring: wait for @count frames; fewer come back when the time is over."""
        frames = self.receive(refill)
        end = time.monotonic() + timeout
        while len(frames) < count and time.monotonic() < end:
            self._sleep(end)
            frames += self.receive(refill)
        return frames

    def _sleep(self, end):
        # Wait for an interrupt, but not long: the device may be told not to send any.
        left = max(0.0, min(0.05, end - time.monotonic()))
        if self.call_fd < 0:
            time.sleep(min(left, 0.001))
            return
        event_wait(self.call_fd, left)
        event_read(self.call_fd)

    def chain_bytes(self, parts, length):
        """What the device wrote into the writable parts of a chain."""
        out = b""
        for slot, n in parts:
            if not isinstance(n, int):
                continue
            take = min(n, length - len(out))
            if take <= 0:
                break
            out += self.mem.read(self.bufs + slot * self.buf_size, take)
        return out

    def close(self):
        """Give back descriptors that are the ring's own."""
