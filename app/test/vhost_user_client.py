# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A vhost-user front end with a split-ring driver, for tests. Python standard library only.

What a VMM does (connect, negotiate, share memory, set up rings) and what a guest's driver does
(post buffers, kick, poll the used ring) in one process, both fully under the test's control:

    with VhostUserClient('/run/x.sock') as c:
        c.setup(queue_pairs=1)              # handshake and rings, started
        c.rx(0).fill()                      # post receive buffers
        c.tx(0).send(frame)                 # one frame to the device, header added
        for header, frame in c.rx(0).wait(1, timeout=5):
            ...

Every step can be done on its own too (c.connect(), c.request(), c.set_mem_table(), ring.start(),
...), in any order, wrongly or not at all: that is what tests of the server need.
"""

import array
import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import struct
import time

# Requests of the front end (vhost-user specification, "Front-end message types").
GET_FEATURES = 1
SET_FEATURES = 2
SET_OWNER = 3
RESET_OWNER = 4
SET_MEM_TABLE = 5
SET_LOG_BASE = 6
SET_LOG_FD = 7
SET_VRING_NUM = 8
SET_VRING_ADDR = 9
SET_VRING_BASE = 10
GET_VRING_BASE = 11
SET_VRING_KICK = 12
SET_VRING_CALL = 13
SET_VRING_ERR = 14
GET_PROTOCOL_FEATURES = 15
SET_PROTOCOL_FEATURES = 16
GET_QUEUE_NUM = 17
SET_VRING_ENABLE = 18
SEND_RARP = 19
NET_SET_MTU = 20
GET_CONFIG = 24
SET_CONFIG = 25
RESET_DEVICE = 34
GET_MAX_MEM_SLOTS = 36
ADD_MEM_REG = 37
REM_MEM_REG = 38
SET_STATUS = 39
GET_STATUS = 40

VERSION = 1
FLAG_REPLY = 1 << 2
FLAG_NEED_REPLY = 1 << 3
VRING_NOFD = 1 << 8
VRING_F_LOG = 1

# Protocol features.
PF_MQ = 0
PF_LOG_SHMFD = 1
PF_RARP = 2
PF_REPLY_ACK = 3
PF_NET_MTU = 4
PF_CONFIG = 9
PF_RESET_DEVICE = 13
PF_CONFIGURE_MEM_SLOTS = 15
PF_STATUS = 16

# Feature bits (virtio 1.2, 5.1.3 and 6; 26 and 30 belong to vhost).
F_CSUM = 0
F_GUEST_CSUM = 1
F_MTU = 3
F_MAC = 5
F_GUEST_TSO4 = 7
F_GUEST_TSO6 = 8
F_GUEST_ECN = 9
F_HOST_TSO4 = 11
F_HOST_TSO6 = 12
F_HOST_ECN = 13
F_MRG_RXBUF = 15
F_STATUS = 16
F_CTRL_VQ = 17
F_GUEST_ANNOUNCE = 21
F_MQ = 22
F_LOG_ALL = 26
F_ANY_LAYOUT = 27
F_INDIRECT = 28
F_EVENT_IDX = 29
F_PROTOCOL_FEATURES = 30
F_VERSION_1 = 32
F_ACCESS_PLATFORM = 33
F_RING_PACKED = 34
F_IN_ORDER = 35
F_GUEST_USO4 = 54
F_GUEST_USO6 = 55
F_HOST_USO = 56

# Descriptor flags and ring flags (virtio 1.2, 2.7).
DESC_NEXT = 1
DESC_WRITE = 2
DESC_INDIRECT = 4
AVAIL_NO_INTERRUPT = 1
USED_NO_NOTIFY = 1

NET_HDR = struct.Struct('<BBHHHHH')
EMPTY_HDR = NET_HDR.pack(0, 0, 0, 0, 0, 0, 0)

_HEADER = struct.Struct('=III')
_U64 = struct.Struct('=Q')
_STATE = struct.Struct('=II')
_ADDR = struct.Struct('=IIQQQQ')
_REGION = struct.Struct('=QQQQ')
_DESC = struct.Struct('<QIHH')


# What this driver cannot do: never taken unless a test asks for it by name.
NOT_OURS = 1 << F_ACCESS_PLATFORM | 1 << F_RING_PACKED | 1 << F_LOG_ALL


class VhostUserError(Exception):
    """The server refused, or answered something that it must not."""


class Disconnected(VhostUserError):
    """The server closed the connection."""


def bit(*numbers):
    """The mask of the bits given."""
    return sum(1 << n for n in numbers)


def eventfd(value=0):
    """A non-blocking eventfd; os.eventfd() needs Python 3.10."""
    if hasattr(os, 'eventfd'):
        return os.eventfd(value, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.eventfd(value, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), 'eventfd')
    return fd


def event_read(fd):
    """Take the events of an eventfd. @return how many there were (0: none)."""
    try:
        return _U64.unpack(os.read(fd, 8))[0]
    except BlockingIOError:
        return 0


def event_write(fd):
    os.write(fd, _U64.pack(1))


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
            fd = os.memfd_create('guest', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(fd, offset + size)
        self.fd = fd
        self.mem = mmap.mmap(fd, size, offset=offset)
        # Ring indices are read and written here: a slice's two bytes are not moved at once.
        self.words = memoryview(self.mem).cast('H')
        self._next = 0

    def alloc(self, size, align=64):
        """@return the offset of so many bytes in this region."""
        start = (self._next + align - 1) // align * align
        if start + size > self.size:
            raise MemoryError('guest memory of %d bytes is used up' % self.size)
        self._next = start + size
        return start

    def region(self):
        """The region as the protocol describes it."""
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
    """A split virtqueue of the driver's. Buffers are slots of a fixed size, one per descriptor."""

    def __init__(self, client, index, size=256, buf_size=2048, mem=None, event_idx=False,
                 indirect=False, hdr_len=12):
        self.client = client
        self.index = index
        self.size = size
        self.buf_size = buf_size
        self.mem = mem or client.mem
        self.event_idx = event_idx
        self.indirect = indirect
        self.hdr_len = hdr_len
        self.desc = self.mem.alloc(16 * size, 4096)
        self.avail = self.mem.alloc(6 + 2 * size, 2)
        self.used = self.mem.alloc(6 + 8 * size, 4096)
        self.bufs = self.mem.alloc(buf_size * size, 4096)
        self.tables = self.mem.alloc(16 * 64 * size, 16) if indirect else None
        self.kick_fd = eventfd()
        self.call_fd = eventfd()
        self.err_fd = eventfd()
        self.avail_idx = 0
        self.last_used = 0
        self.kicks = 0
        self.kicks_saved = 0
        self.kicked_idx = 0
        self.free = list(range(size - 1, -1, -1))
        self.chain = {}            # head -> descriptors of the chain
        self.tag = {}              # head -> what the caller gave

    # --- setting up ---

    def state(self, num):
        return _STATE.pack(self.index, num)

    def set_num(self, num=None):
        self.client.request(SET_VRING_NUM, self.state(self.size if num is None else num))

    def set_base(self, base=0):
        self.client.request(SET_VRING_BASE, self.state(base))

    def set_addr(self, flags=0, log=0):
        m = self.mem
        self.client.request(SET_VRING_ADDR, _ADDR.pack(
            self.index, flags, m.uva + self.desc, m.uva + self.used, m.uva + self.avail, log))

    def set_kick(self, fd=None, nofd=False):
        self._set_fd(SET_VRING_KICK, self.kick_fd if fd is None else fd, nofd)

    def set_call(self, fd=None, nofd=False):
        self._set_fd(SET_VRING_CALL, self.call_fd if fd is None else fd, nofd)

    def set_err(self, fd=None, nofd=False):
        self._set_fd(SET_VRING_ERR, self.err_fd if fd is None else fd, nofd)

    def _set_fd(self, request, fd, nofd):
        self.client.request(request, _U64.pack(self.index | (VRING_NOFD if nofd else 0)),
                            fds=() if nofd else (fd,))

    def enable(self, on=True):
        self.client.request(SET_VRING_ENABLE, self.state(1 if on else 0))

    def start(self, base=0, enable=True, polled=False):
        """All messages that start the ring, in the order of a VMM."""
        self.set_num()
        self.set_base(base)
        self.set_addr()
        self.set_call()
        self.set_kick(nofd=polled)
        if enable and self.client.has_protocol(None):
            self.enable()

    def stop(self):
        """GET_VRING_BASE. @return where the device stopped."""
        reply = self.client.request(GET_VRING_BASE, self.state(0), reply=True)
        index, base = _STATE.unpack(reply)
        if index != self.index:
            raise VhostUserError('GET_VRING_BASE %d answers for ring %d' % (self.index, index))
        return base

    # --- rings in memory ---

    def write_desc(self, i, addr, length, flags, nxt=0, table=None):
        self.mem.write((self.desc if table is None else table) + 16 * i,
                       _DESC.pack(addr, length, flags, nxt))

    def read_desc(self, i):
        return _DESC.unpack(self.mem.read(self.desc + 16 * i, 16))

    def _get16(self, offset):
        return self.mem.words[offset // 2]

    def _put16(self, offset, value):
        self.mem.words[offset // 2] = value & 0xffff

    @property
    def used_idx(self):
        return self._get16(self.used + 2)

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

    def addr(self, slot):
        """Guest address of the buffer of descriptor @slot."""
        return self.mem.gpa + self.bufs + slot * self.buf_size

    def publish(self, head):
        """Make one chain available, whatever it is."""
        self._put16(self.avail + 4 + 2 * (self.avail_idx % self.size), head)
        self.avail_idx = (self.avail_idx + 1) & 0xffff
        self._put16(self.avail + 2, self.avail_idx)

    def add(self, pieces, write, tag=None):
        """Make a chain of @pieces (bytes to read, or lengths to write) available.

        Pieces longer than a buffer are cut. @return the head, or None when there is no room.
        """
        parts = []
        for p in pieces:
            n = p if write else len(p)
            for at in range(0, n, self.buf_size):
                step = min(self.buf_size, n - at)
                parts.append(step if write else p[at:at + step])
        if len(parts) > len(self.free) or not parts:
            return None
        slots = [self.free.pop() for _ in parts]
        flags = DESC_WRITE if write else 0
        head = slots[0]
        table = self.tables + 16 * 64 * head if self.indirect and len(parts) <= 64 else None
        for i, (slot, part) in enumerate(zip(slots, parts)):
            if not write:
                self.mem.write(self.bufs + slot * self.buf_size, part)
            more = DESC_NEXT if i + 1 < len(slots) else 0
            n = part if write else len(part)
            if table is not None:
                self.write_desc(i, self.addr(slot), n, flags | more, i + 1 if more else 0, table)
            else:
                self.write_desc(slot, self.addr(slot), n, flags | more,
                                slots[i + 1] if more else 0)
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
            want = ((self.avail_idx - self.avail_event - 1) & 0xffff) < \
                ((self.avail_idx - self.kicked_idx) & 0xffff)
        else:
            want = not self.used_flags & USED_NO_NOTIFY
        self.kicked_idx = self.avail_idx
        if want or force:
            event_write(self.kick_fd)
            self.kicks += 1
        else:
            self.kicks_saved += 1

    def poll(self):
        """Take what the device has used. @return list of (tag, used length, chain parts)."""
        done = []
        idx = self.used_idx
        if ((idx - self.last_used) & 0xffff) > self.size:
            raise VhostUserError('used index %d, last seen %d: impossible' % (idx, self.last_used))
        while self.last_used != idx:
            at = self.used + 4 + 8 * (self.last_used % self.size)
            head, length = struct.unpack('<II', self.mem.read(at, 8))
            parts = self.chain.pop(head, None)
            if parts is None:
                raise VhostUserError('ring %d: used id %d was not available' % (self.index, head))
            done.append((self.tag.pop(head), length, parts))
            self.free.extend(slot for slot, _ in parts)
            self.last_used = (self.last_used + 1) & 0xffff
        if self.event_idx:
            self.set_used_event(self.last_used)
        return done

    @property
    def in_flight(self):
        return len(self.chain)

    def interrupted(self):
        """Interrupts since the last look."""
        return event_read(self.call_fd)

    # --- frames ---

    def send(self, frame, header=None, tag=None, kick=True, split_header=False):
        """Transmit ring: one frame. @return False when the ring is full."""
        header = (header or EMPTY_HDR)[:self.hdr_len]
        pieces = [header, frame] if split_header else [header + frame]
        if self.add(pieces, False, tag) is None:
            return False
        if kick:
            self.kick()
        return True

    def flush(self, timeout=5.0):
        """Transmit ring: wait until everything is completed. @return how much was."""
        n = len(self.poll())
        end = time.monotonic() + timeout
        while self.in_flight:
            if time.monotonic() > end:
                raise TimeoutError('ring %d: %d chains not completed' %
                                   (self.index, self.in_flight))
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
        data = [self._chain_bytes(parts, length) for _, length, parts in used]
        pending = getattr(self, '_partial', None)
        for d in data:
            if pending is None:
                header = d[:self.hdr_len]
                n = struct.unpack_from('<H', header, 10)[0] if self.hdr_len == 12 else 1
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

    def wait(self, count=1, timeout=5.0, refill=True):
        """Receive ring: wait for @count frames; fewer come back when the time is over."""
        frames = self.receive(refill)
        end = time.monotonic() + timeout
        while len(frames) < count and time.monotonic() < end:
            self._sleep(end)
            frames += self.receive(refill)
        return frames

    def _sleep(self, end):
        # Wait for an interrupt, but not long: the device may be told not to send any.
        select.select([self.call_fd], [], [], max(0.0, min(0.05, end - time.monotonic())))
        event_read(self.call_fd)

    def _chain_bytes(self, parts, length):
        out = b''
        for slot, n in parts:
            take = min(n, length - len(out))
            if take <= 0:
                break
            out += self.mem.read(self.bufs + slot * self.buf_size, take)
        return out

    def close(self):
        for name in ('kick_fd', 'call_fd', 'err_fd'):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)


class VhostUserClient:
    """The front end of one connection.

    @path of the server's socket, or (listen=True) of the socket to listen on for a back end that
    connects. @need_reply: ask for an acknowledgement of every request, when that is negotiated.
    """

    def __init__(self, path, listen=False, timeout=10.0, need_reply=True, mem=None):
        self.path = path
        self.timeout = timeout
        self.need_reply = need_reply
        self.listener = None
        self.sock = None
        self.features = 0            # offered
        self.acked = 0
        self.protocol = 0            # acked protocol features
        self.mem = mem
        self.rings = {}
        if listen:
            if os.path.exists(path):
                os.unlink(path)
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(path)
            self.listener.listen(1)

    def __enter__(self):
        self.connect()
        return self

    def __exit__(self, *exc):
        self.close()

    # --- connection ---

    def connect(self):
        """Connect, waiting for the socket to appear within the timeout."""
        end = time.monotonic() + self.timeout
        if self.listener:
            self.listener.settimeout(self.timeout)
            self.sock, _ = self.listener.accept()
        else:
            while True:
                s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    s.connect(self.path)
                    break
                except OSError as e:
                    s.close()
                    if e.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN) or \
                            time.monotonic() > end:
                        raise
                    time.sleep(0.02)
            self.sock = s
        self.sock.settimeout(self.timeout)
        self.protocol = 0

    def disconnect(self):
        """Close the connection only: memory and rings stay, as those of a VMM that reconnects."""
        if self.sock:
            self.sock.close()
            self.sock = None

    def close(self):
        self.disconnect()
        for r in self.rings.values():
            r.close()
        self.rings = {}
        if self.mem:
            self.mem.close()
            self.mem = None
        if self.listener:
            self.listener.close()
            self.listener = None
            if os.path.exists(self.path):
                os.unlink(self.path)

    def send_raw(self, data, fds=()):
        """Bytes as they are, with descriptors."""
        anc = []
        if fds:
            anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]
        try:
            sent = self.sock.sendmsg([data], anc)
            if sent < len(data):
                self.sock.sendall(data[sent:])
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Disconnected('the server closed the connection') from e

    def send_message(self, request, payload=b'', fds=(), flags=VERSION, size=None):
        """One message; @size may lie about the payload."""
        n = len(payload) if size is None else size
        self.send_raw(_HEADER.pack(request, flags, n) + payload, fds)

    def _recv_exact(self, n):
        data = b''
        while len(data) < n:
            try:
                got = self.sock.recv(n - len(data))
            except ConnectionResetError as e:
                raise Disconnected('the server closed the connection') from e
            if not got:
                raise Disconnected('the server closed the connection')
            data += got
        return data

    def recv_reply(self, request):
        """@return the payload of the reply to @request."""
        got, flags, size = _HEADER.unpack(self._recv_exact(_HEADER.size))
        payload = self._recv_exact(size)
        if got != request or not flags & FLAG_REPLY or flags & 3 != VERSION:
            raise VhostUserError('request %d: reply %d with flags %#x' % (request, got, flags))
        return payload

    def request(self, request, payload=b'', fds=(), reply=False, need_reply=None):
        """Send and, where there is one, take the reply. Raises VhostUserError if it says no.

        @return the payload if @reply (the request has a reply of its own), else None.
        """
        ack = self.need_reply if need_reply is None else need_reply
        ack = ack and not reply and self.protocol & bit(PF_REPLY_ACK)
        self.send_message(request, payload, fds, VERSION | (FLAG_NEED_REPLY if ack else 0))
        if reply:
            return self.recv_reply(request)
        if ack:
            value, = _U64.unpack(self.recv_reply(request))
            if value != 0:
                raise VhostUserError('request %d refused: %d' % (request, value))
        return None

    def alive(self):
        """False once the server has closed the connection."""
        p = select.poll()
        p.register(self.sock, select.POLLRDHUP | select.POLLHUP)
        return not p.poll(0)

    def wait_closed(self, timeout=5.0):
        """@return True when the server closes the connection within the time."""
        p = select.poll()
        p.register(self.sock, select.POLLRDHUP | select.POLLHUP)
        return bool(p.poll(int(timeout * 1000)))

    # --- requests ---

    def get_u64(self, request):
        return _U64.unpack(self.request(request, reply=True))[0]

    def set_u64(self, request, value, fds=()):
        self.request(request, _U64.pack(value), fds)

    def has_protocol(self, feature):
        """Was protocol feature @feature negotiated? None: are there protocol features at all?"""
        if feature is None:
            return bool(self.acked & bit(F_PROTOCOL_FEATURES))
        return bool(self.protocol & bit(feature))

    def negotiate(self, features=None, protocol=None):
        """Features, protocol features, owner. Masks say what we would take; None: all offered."""
        self.features = self.get_u64(GET_FEATURES)
        if self.features & bit(F_PROTOCOL_FEATURES):
            offered = self.get_u64(GET_PROTOCOL_FEATURES)
            want = offered if protocol is None else offered & protocol
            self.set_u64(SET_PROTOCOL_FEATURES, want)
            self.protocol = want
        self.request(SET_OWNER)
        if features is None:
            want = self.features & ~NOT_OURS
        else:
            want = self.features & (features | bit(F_PROTOCOL_FEATURES))
        self.set_features(want)
        return self.acked

    def set_features(self, features):
        self.set_u64(SET_FEATURES, features)
        self.acked = features

    def queue_num(self):
        return self.get_u64(GET_QUEUE_NUM)

    def set_mem_table(self, regions=None):
        """@regions: GuestMemory objects; default: our memory."""
        regions = [self.mem] if regions is None else regions
        payload = _STATE.pack(len(regions), 0)
        payload += b''.join(_REGION.pack(*m.region()) for m in regions)
        self.request(SET_MEM_TABLE, payload, [m.fd for m in regions])

    def add_mem_reg(self, m):
        self.request(ADD_MEM_REG, _U64.pack(0) + _REGION.pack(*m.region()), [m.fd])

    def rem_mem_reg(self, m):
        self.request(REM_MEM_REG, _U64.pack(0) + _REGION.pack(*m.region()))

    def set_log_base(self, fd, size, offset=0):
        self.request(SET_LOG_BASE, struct.pack('=QQ', size, offset), [fd], reply=True)

    def get_config(self, size=60, offset=0):
        payload = struct.pack('=III', offset, size, 0) + bytes(size)
        reply = self.request(GET_CONFIG, payload, reply=True)
        if len(reply) != len(payload):
            raise VhostUserError('GET_CONFIG answers %d bytes' % len(reply))
        return reply[12:]

    def set_status(self, status):
        self.set_u64(SET_STATUS, status)

    def get_status(self):
        return self.get_u64(GET_STATUS)

    # --- all in one ---

    def ring(self, index, **kwargs):
        """Make ring @index (not started); see Ring."""
        kwargs.setdefault('event_idx', bool(self.acked & bit(F_EVENT_IDX)))
        mergeable = self.acked & bit(F_MRG_RXBUF, F_VERSION_1)
        kwargs.setdefault('hdr_len', 12 if mergeable else 10)
        if index in self.rings:
            self.rings[index].close()
        self.rings[index] = Ring(self, index, **kwargs)
        return self.rings[index]

    def rx(self, pair):
        return self.rings[2 * pair]

    def tx(self, pair):
        return self.rings[2 * pair + 1]

    def setup(self, queue_pairs=1, features=None, protocol=None, size=256, buf_size=2048,
              indirect=False, mem_size=None, slots=False, start=True):
        """The whole handshake. @slots: share memory by ADD_MEM_REG instead of SET_MEM_TABLE."""
        self.negotiate(features, protocol)
        if self.mem is None:
            per_ring = size * (buf_size + 16 * 64 + 64) + (64 << 10)
            self.mem = GuestMemory(mem_size or max(4 << 20, 2 * queue_pairs * per_ring))
        if slots:
            self.add_mem_reg(self.mem)
        else:
            self.set_mem_table()
        if self.has_protocol(PF_STATUS):
            self.set_status(1 | 2 | 8)
        for i in range(2 * queue_pairs):
            self.ring(i, size=size, buf_size=buf_size,
                      indirect=indirect and bool(self.acked & bit(F_INDIRECT)))
            if start:
                self.rings[i].start()
        if start and self.has_protocol(PF_STATUS):
            self.set_status(1 | 2 | 8 | 4)
        return self

    def resume(self, features=None, protocol=None):
        """After a reconnect: the handshake again with the rings as they are, each from where the
        used index in memory stands, as a VMM does whose back end died."""
        self.negotiate(features if features is not None else self.acked, protocol)
        self.set_mem_table()
        for r in self.rings.values():
            r.start(base=r.used_idx)
        if self.has_protocol(PF_STATUS):
            self.set_status(1 | 2 | 8 | 4)


def _self_test(path):
    """python3 vhost_user_client.py SOCKET: talk to a server that sends frames back."""
    with VhostUserClient(path) as c:
        c.setup(queue_pairs=1)
        print('features %#x protocol %#x queues %s' % (
            c.features, c.protocol,
            c.queue_num() if c.has_protocol(PF_MQ) else '?'))
        c.rx(0).fill()
        got = 0
        for i in range(1000):
            frame = b'\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0' + struct.pack('>I', i) * 12
            while not c.tx(0).send(frame):
                c.tx(0).flush()
            got += len(c.rx(0).receive())
        c.tx(0).flush()
        got += len(c.rx(0).wait(1000 - got, timeout=5))
        print('sent 1000, received %d; TX stopped at %d, RX at %d' % (
            got, c.tx(0).stop(), c.rx(0).stop()))
        return 0 if got == 1000 else 1


if __name__ == '__main__':
    import sys
    sys.exit(_self_test(sys.argv[1]))
