# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""One connection to a vfio-user server."""

import array
import errno
import json
import os
import select
import socket
import time

from . import message as m

MAX_FDS = 16


class VfioUserError(Exception):
    """The server answered something that it must not."""


class Refused(VfioUserError):
    """The server said no; errno is what it said."""

    def __init__(self, command, number):
        super().__init__(f"{m.name(command)}: {errno.errorcode.get(number, number)}")
        self.errno = number


class Disconnected(VfioUserError):
    """The server closed the connection."""


class Timeout(VfioUserError):
    """No answer within the time."""


class VfioUserClient:
    """A client. Requests wait for their replies; post() and collect() do not.

    DMA_READ and DMA_WRITE of the server are served from the maps of dma_map() while waiting.
    """

    def __init__(self, path, timeout=30.0):
        self.path = path
        self.timeout = timeout
        self.sock = None
        self.next_id = 1
        self.replies = {}      # id -> message that came before it was waited for
        self.unexpected = []   # replies that nobody had asked for
        self.maps = {}         # address -> GuestMemory, for DMA_READ and DMA_WRITE
        self.dma_served = 0
        self.capabilities = {}

    def __enter__(self):
        self.connect()
        return self

    def __exit__(self, *exc):
        self.close()

    # --- bytes ---

    def connect(self):
        """Connect, waiting for the socket to appear within the timeout."""
        end = time.monotonic() + self.timeout
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
        s.settimeout(self.timeout)
        self.sock = s
        self.replies.clear()

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def send_raw(self, data, fds=()):
        """Bytes as they are, with descriptors."""
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self.sock.sendmsg([data], anc)
            if sent < len(data):
                self.sock.sendall(data[sent:])
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Disconnected("the server closed the connection") from e
        except socket.timeout as e:
            raise Timeout("the server does not read") from e

    def _recv_exact(self, n, fds):
        data = b""
        while len(data) < n:
            try:
                got, anc, _, _ = self.sock.recvmsg(n - len(data), socket.CMSG_SPACE(4 * MAX_FDS))
            except ConnectionResetError as e:
                raise Disconnected("the server closed the connection") from e
            except socket.timeout as e:
                raise Timeout(f"no answer within {self.timeout} s") from e
            for level, kind, body in anc:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(body[:len(body) // 4 * 4])
            if not got:
                raise Disconnected("the server closed the connection")
            data += got
        return data

    # --- messages ---

    def new_id(self):
        self.next_id = self.next_id % 0xFFFF + 1
        return self.next_id

    def send(self, command, payload=b"", fds=(), flags=m.COMMAND, msg_id=None, size=None, error=0):
        """One message; @size may lie about its length. @return its id."""
        msg_id = self.new_id() if msg_id is None else msg_id
        n = m.HEADER.size + len(payload) if size is None else size
        self.send_raw(m.HEADER.pack(msg_id, command, n, flags, error) + payload, fds)
        return msg_id

    def recv(self):
        """The next message of the server, whatever it is."""
        fds = array.array("i")
        head = self._recv_exact(m.HEADER.size, fds)
        msg_id, command, size, flags, error = m.HEADER.unpack(head)
        if size < m.HEADER.size or size > (2 << 20):
            raise VfioUserError(f"a message of {size} bytes")
        payload = self._recv_exact(size - m.HEADER.size, fds) if size > m.HEADER.size else b""
        return m.Message(msg_id, command, flags, error, payload, list(fds))

    def recv_reply(self, msg_id):
        """The reply to message @msg_id; the server's own commands are served meanwhile."""
        while msg_id not in self.replies:
            msg = self.recv()
            if msg.flags & m.TYPE_MASK == m.COMMAND:
                self._serve(msg)
            elif msg.flags & m.TYPE_MASK == m.REPLY:
                if msg.id in self.replies:
                    raise VfioUserError(f"message {msg.id} was answered twice")
                self.replies[msg.id] = msg
            else:
                raise VfioUserError(f"a message with flags {msg.flags:#x}")
        return self.replies.pop(msg_id)

    def _serve(self, msg):
        """DMA_READ and DMA_WRITE towards memory without a descriptor."""
        addr, count = m.DMA.unpack_from(msg.payload)
        for base, mem in self.maps.items():
            if base <= addr and addr + count <= base + mem.size:
                break
        else:
            raise VfioUserError(f"{m.name(msg.command)} of {addr:#x}+{count:#x}, which is no map")
        reply = m.DMA.pack(addr, count)
        if msg.command == m.DMA_READ:
            reply += bytes(mem.read(addr - base, count))
        elif msg.command == m.DMA_WRITE:
            mem.write(addr - base, msg.payload[m.DMA.size:])
        else:
            raise VfioUserError(f"the server sends {m.name(msg.command)}")
        self.dma_served += 1
        self.send(msg.command, reply, flags=m.REPLY, msg_id=msg.id)

    def collect(self, command, msg_id):
        """The reply to a message sent before, checked. @return Message."""
        r = self.recv_reply(msg_id)
        if r.command != command:
            raise VfioUserError(f"{m.name(command)} is answered as {m.name(r.command)}")
        if r.flags & ~(m.TYPE_MASK | m.ERROR | m.NO_REPLY):
            raise VfioUserError(f"{m.name(command)}: reply with flags {r.flags:#x}")
        if r.flags & m.ERROR:
            self.close_fds(r)
            if r.payload:
                raise VfioUserError(f"{m.name(command)}: an error with {len(r.payload)} bytes")
            raise Refused(command, r.error)
        return r

    def request(self, command, payload=b"", fds=(), **kw):
        """Send, wait for the reply. Raises Refused, Disconnected. @return Message."""
        return self.collect(command, self.send(command, payload, fds, **kw))

    def ask(self, command, payload=b"", size=None, fds=()):
        """As request(), for replies without descriptors. @return the payload of @size bytes."""
        r = self.request(command, payload, fds)
        if r.fds:
            self.close_fds(r)
            raise VfioUserError(f"{m.name(command)}: descriptors that nobody asked for")
        if size is not None and len(r.payload) != size:
            raise VfioUserError(f"{m.name(command)}: {len(r.payload)} bytes, not {size}")
        return r.payload

    @staticmethod
    def close_fds(msg):
        for fd in msg.fds:
            os.close(fd)

    def alive(self):
        """False once the server has closed the connection."""
        return not self.wait_closed(0)

    def wait_closed(self, timeout=30.0):
        """@return True when the server closes the connection within the time."""
        p = select.poll()
        p.register(self.sock, select.POLLRDHUP | select.POLLHUP)
        return bool(p.poll(int(timeout * 1000)))

    def quiet(self):
        """@return True when nothing waits to be read."""
        p = select.poll()
        p.register(self.sock, select.POLLIN)
        return not self.replies and not p.poll(0)

    # --- commands ---

    def version(self, major=0, minor=0, capabilities=None, data=None):
        """@return (major, minor, what the server says)."""
        r = self.ask(m.VERSION, m.version(major, minor, capabilities, data))
        got = m.VERSION_HEAD.unpack_from(r)
        text = r[m.VERSION_HEAD.size:]
        if text and not text.endswith(b"\0"):
            raise VfioUserError("VERSION: the JSON does not end with NUL")
        said = json.loads(text[:-1]) if text else {}
        self.capabilities = said.get("capabilities", {})
        return got[0], got[1], said

    def dma_map(self, mem, addr=None, size=None, offset=None, flags=m.MAP_READ | m.MAP_WRITE,
                fd=True):
        """Map a GuestMemory (or a part of it). @fd False: without a descriptor."""
        addr = mem.gpa if addr is None else addr
        self.ask(m.DMA_MAP, m.map_(addr, mem.size if size is None else size,
                                   (mem.offset if offset is None else offset) if fd else 0, flags),
                 0, [mem.fd] if fd else ())
        self.maps[addr] = mem

    def dma_unmap(self, addr, size):
        self.ask(m.DMA_UNMAP, m.unmap(addr, size), m.UNMAP.size)
        self.maps.pop(addr, None)

    def unmap_all(self):
        self.ask(m.DMA_UNMAP, m.unmap(0, 0, m.UNMAP_ALL), m.UNMAP.size)
        self.maps.clear()

    def info(self, argsz=m.INFO.size):
        """@return (argsz, flags, regions, irqs)."""
        return m.INFO.unpack(self.ask(m.GET_INFO, m.INFO.pack(argsz, 0, 0, 0), m.INFO.size))

    def region_info(self, index, argsz=m.REGION.size):
        """@return Message: its payload may hold capabilities, its fds the region's."""
        return self.request(m.GET_REGION_INFO, m.REGION.pack(argsz, 0, index, 0, 0, 0))

    def irq_info(self, index, argsz=m.IRQ.size):
        """@return (argsz, flags, index, count)."""
        return m.IRQ.unpack(self.ask(m.GET_IRQ_INFO, m.IRQ.pack(argsz, 0, index, 0), m.IRQ.size))

    def set_irqs(self, index, start, count, flags, fds=(), data=b""):
        self.ask(m.SET_IRQS, m.irqs(index, start, count, flags, data), 0, fds)

    def irq_eventfd(self, index, n, fd=None):
        """Give vector @n of @index an eventfd, or take it away."""
        self.set_irqs(index, n, 1, m.DATA_EVENTFD | m.TRIGGER, () if fd is None else (fd,))

    def irq_disable(self, index):
        self.set_irqs(index, 0, 0, m.DATA_NONE | m.TRIGGER)

    def read(self, region, offset, count):
        """@return the bytes."""
        r = self.ask(m.REGION_READ, m.access(region, offset, count), m.ACCESS.size + count)
        got = m.ACCESS.unpack_from(r)
        if got != (offset, region, count):
            raise VfioUserError(f"REGION_READ of {(offset, region, count)} answers {got}")
        return r[m.ACCESS.size:]

    def write(self, region, offset, data, posted=False):
        if posted:
            self.send(m.REGION_WRITE, m.access(region, offset, len(data), data),
                      flags=m.NO_REPLY)
            return
        r = self.ask(m.REGION_WRITE, m.access(region, offset, len(data), data), m.ACCESS.size)
        got = m.ACCESS.unpack(r)
        if got != (offset, region, len(data)):
            raise VfioUserError(f"REGION_WRITE answers {got}")

    def write_multi(self, writes, posted=False):
        """@writes: (region, offset, bytes). @return how many the server did."""
        payload = m.multi(writes)
        if posted:
            self.send(m.REGION_WRITE_MULTI, payload, flags=m.NO_REPLY)
            return None
        return m.COUNT64.unpack(self.ask(m.REGION_WRITE_MULTI, payload, 8))[0]

    def reset(self):
        self.ask(m.RESET, b"", 0)
