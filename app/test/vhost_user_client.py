# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A vhost-user front end with a driver, for tests. Python standard library only.

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
import errno
import os
import select
import socket
import struct
import time

from vnt import packed_ring, ring
# Names that the tests use as this module's.
from vnt.ring import GuestMemory, event_read, event_write, eventfd  # noqa: F401
from vnt.virtio import *  # noqa: F401,F403
from vnt.virtio import (F_ACCESS_PLATFORM, F_EVENT_IDX, F_INDIRECT, F_LOG_ALL, F_MRG_RXBUF,
                        F_PROTOCOL_FEATURES, F_RING_PACKED, F_VERSION_1, bit)

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

_HEADER = struct.Struct('=III')
_U64 = struct.Struct('=Q')
_STATE = struct.Struct('=II')
_ADDR = struct.Struct('=IIQQQQ')
_REGION = struct.Struct('=QQQQ')


# What this driver cannot do: never taken unless a test asks for it by name.
NOT_OURS = bit(F_ACCESS_PLATFORM, F_LOG_ALL)


class VhostUserError(Exception):
    """The server refused, or answered something that it must not."""


class Disconnected(VhostUserError):
    """The server closed the connection."""


class _FrontRing:
    """A ring of the front end: its eventfds, and the messages that start and stop it."""

    error = VhostUserError

    def __init__(self, client, index, mem=None, **kwargs):
        super().__init__(mem or client.mem, index, **kwargs)
        self.client = client
        self.kick_fd = eventfd()
        self.call_fd = eventfd()
        self.err_fd = eventfd()

    def notify(self):
        event_write(self.kick_fd)

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

    def start(self, base=None, enable=True, polled=False):
        """All messages that start the ring, in the order of a VMM. @base: None: a new ring."""
        self.set_num()
        self.set_base(self.fresh_base if base is None else base)
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

    def close(self):
        for name in ('kick_fd', 'call_fd', 'err_fd'):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)


class Ring(_FrontRing, ring.Ring):
    """A split one."""


class PackedRing(_FrontRing, packed_ring.PackedRing):
    """A packed one."""


class VhostUserClient:
    """The front end of one connection.

    @path of the server's socket, or (listen=True) of the socket to listen on for a back end that
    connects. @need_reply: ask for an acknowledgement of every request, when that is negotiated.
    """

    def __init__(self, path, listen=False, timeout=30.0, need_reply=True, mem=None):
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

    def wait_closed(self, timeout=30.0):
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
            if not ring.Default.packed:
                want &= ~bit(F_RING_PACKED)
        else:
            want = self.features & (features | bit(F_PROTOCOL_FEATURES))
            # Where the run is about packed rings, a modern driver has them.
            if ring.Default.packed and features & bit(F_VERSION_1):
                want |= self.features & bit(F_RING_PACKED)
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
        cls = PackedRing if self.acked & bit(F_RING_PACKED) else Ring
        self.rings[index] = cls(self, index, **kwargs)
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
        """After a reconnect: the handshake again with the rings as they are, each from where a VMM
        believes it to be whose back end died."""
        self.negotiate(features if features is not None else self.acked, protocol)
        self.set_mem_table()
        for r in self.rings.values():
            r.start(base=r.resume_base)
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
        got += len(c.rx(0).wait(1000 - got, timeout=30))
        print('sent 1000, received %d; TX stopped at %d, RX at %d' % (
            got, c.tx(0).stop(), c.rx(0).stop()))
        return 0 if got == 1000 else 1


if __name__ == '__main__':
    import sys
    sys.exit(_self_test(sys.argv[1]))
