# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Peers that break the protocol, each beside a device whose traffic must not notice."""

import os
import random
import socket
import struct
import tempfile

import vhost_user_client as vu

from vnt import core, victim
from vnt.core import check, check_eq, test, variants


class Cut(Exception):
    """The peer ends here."""


class CutClient(vu.VhostUserClient):
    """Goes away after (or in the middle of) its message number @after."""

    def __init__(self, path, after, part=None, **kw):
        super().__init__(path, timeout=30, **kw)
        self.left = after
        self.part = part    # bytes of the next message that are still sent

    def send_raw(self, data, fds=()):
        if self.left == 0:
            if self.part:
                super().send_raw(data[:min(self.part, len(data) - 1)], fds)
            raise Cut
        self.left -= 1
        super().send_raw(data, fds)


def handshake(c):
    """What a VMM sends from the connection to the end."""
    c.setup(queue_pairs=1)
    c.rx(0).fill()
    c.tx(0).send(victim.body(0))
    c.rx(0).stop()
    c.tx(0).stop()


def killed_at(path, after, part=None, need_reply=True):
    """@return False when the handshake was over before that."""
    c = CutClient(path, after, part, need_reply=need_reply)
    try:
        c.connect()
        handshake(c)
        return False
    except Cut:
        return True
    finally:
        c.close()


@variants(("acked", True), ("unacked", False))
def killed_after_message(t, need_reply):
    """The peer goes after every single message of the handshake."""
    p, by = victim.start(t)
    path = p.socket(victim.VICTIM)
    fds = p.process.fds()
    n = 0
    while killed_at(path, n, need_reply=need_reply):
        n += 1
    check(n > 15, f"only {n} messages in the handshake")
    t.note(f"{n} messages")
    victim.all_well(p, by, fds)


@test
def killed_in_message(t):
    """The peer goes in the middle of every message: of its header, of its body."""
    p, by = victim.start(t)
    path = p.socket(victim.VICTIM)
    fds = p.process.fds()
    for part in (1, 11, 12, 13, 19):
        n = 0
        while killed_at(path, n, part):
            n += 1
    victim.all_well(p, by, fds)


@test
def half_message_and_silence(t):
    """Half a message, and the connection stays open: nobody else waits for the rest."""
    p, by = victim.start(t)
    path = p.socket(victim.VICTIM)
    for after, part in ((0, 1), (0, 11), (3, 13), (5, 12), (8, 19), (12, 5)):
        c = CutClient(path, after, part)
        c.connect()
        try:
            handshake(c)
        except Cut:
            pass
        by.moved(50)
        p.devices()
        c.close()
    victim.all_well(p, by)


@test
def silence(t):
    """A peer that connects and says nothing; a second one comes meanwhile."""
    p, by = victim.start(t)
    with victim.client(p) as first:
        by.moved(50)
        check(first.alive(), "the silent peer was thrown out at once")
        try:
            with victim.client(p) as second:
                second.sock.settimeout(1)
                try:
                    second.negotiate()
                    t.note("the second is served")
                except (vu.VhostUserError, OSError):
                    t.note("the second is not served")
        except OSError:
            t.note("the second is refused")
        by.moved(50)
    victim.all_well(p, by)


def message(request, payload=b"", flags=vu.VERSION, size=None):
    return struct.pack("=III", request, flags, len(payload) if size is None else size) + payload


@test
def lengths(t):
    """Bodies of impossible length: the connection ends or the request is refused."""
    p, by = victim.start(t)
    for request in range(0, 48):
        for size in (1, 4095, 4097, 65536, 0x7FFFFFFF, 0xFFFFFFFF):
            with victim.client(p) as c:
                try:
                    c.send_raw(message(request, bytes(64), size=size))
                    # The rest never comes; that must cost nothing but this connection.
                except vu.Disconnected:
                    pass
    by.moved(20)
    victim.all_well(p, by)


@test
def garbage(t):
    """Random bytes and random messages, seeded."""
    p, by = victim.start(t)
    fds = p.process.fds()
    n = t.count(300, 10000)
    for seed in range(n):
        rnd = random.Random(seed)
        with victim.client(p) as c:
            try:
                if seed % 3 == 0:
                    c.send_raw(rnd.randbytes(rnd.randint(1, 2000)))
                    continue
                if seed % 3 == 1:
                    c.negotiate()
                for _ in range(rnd.randint(1, 12)):
                    size = rnd.choice((0, 4, 8, 12, 16, 40, 44, rnd.randint(0, 300)))
                    c.send_raw(message(rnd.randint(0, 45), rnd.randbytes(size),
                                       rnd.choice((1, 1, 9, rnd.getrandbits(32)))))
            except (vu.VhostUserError, OSError):
                pass
    victim.all_well(p, by, fds)


def prepared(c):
    """Negotiated, memory shared, rings made but not started."""
    c.setup(start=False)
    return c


def fd_cases():
    """(name, function(client, wrong fds)): requests that carry descriptors."""
    def with_fds(request, payload):
        return lambda c, fds: c.request(request, payload(c), fds=fds)

    yield "mem_table", with_fds(vu.SET_MEM_TABLE, lambda c: struct.pack("=II", 1, 0) + struct.pack(
        "=QQQQ", *c.mem.region()))
    yield "add_mem", with_fds(vu.ADD_MEM_REG, lambda c: bytes(8) + struct.pack(
        "=QQQQ", 0x40000000, 4096, 0x7E0000000000, 0))
    for name, request in (("kick", vu.SET_VRING_KICK), ("call", vu.SET_VRING_CALL),
                          ("err", vu.SET_VRING_ERR)):
        yield name, with_fds(request, lambda c: struct.pack("=Q", 0))
    yield "log_base", lambda c, fds: c.request(vu.SET_LOG_BASE, struct.pack("=QQ", 1 << 16, 0),
                                               fds=fds, reply=True)
    # Requests that carry none.
    yield "features", with_fds(vu.SET_FEATURES, lambda c: struct.pack("=Q", c.acked))
    yield "num", with_fds(vu.SET_VRING_NUM, lambda c: struct.pack("=II", 0, 256))


@test
def wrong_descriptors(t):
    """Descriptors missing, too many, or of the wrong kind, with every request."""
    p, by = victim.start(t)
    fds = p.process.fds()
    tried = took = 0
    for name, function in fd_cases():
        for kind in ("none", "two", "many", "pipe", "directory", "null", "socket", "file", "ro"):
            if kind == "none" and name in ("features", "num"):
                continue
            made = make_fds(kind)
            with victim.client(p) as c:
                prepared(c)
                tried += 1
                if not victim.refused(function, c, made):
                    took += 1
                c.sock.settimeout(5)
            for fd in set(made):
                os.close(fd)
        by.check()
        check(p.process.alive(), f"the program ended after {name}")
    t.note(f"{tried} cases, {took} accepted")
    victim.all_well(p, by, fds)


def make_fds(kind):
    if kind == "none":
        return []
    if kind in ("two", "many"):
        return [vu.eventfd() for _ in range(2 if kind == "two" else 200)]
    if kind == "pipe":
        r, w = os.pipe()
        os.close(w)
        return [r]
    if kind == "directory":
        return [os.open("/", os.O_RDONLY | os.O_DIRECTORY)]
    if kind == "null":
        return [os.open("/dev/null", os.O_RDWR)]
    if kind == "socket":
        a, b = socket.socketpair()
        b.close()
        return [a.detach()]
    if kind == "ro":
        with tempfile.TemporaryFile() as f:
            f.truncate(1 << 24)
            return [os.open(f"/proc/self/fd/{f.fileno()}", os.O_RDONLY)]
    with tempfile.TemporaryFile() as f:  # an empty file
        return [os.dup(f.fileno())]


@test
def wrong_vrings(t):
    """Ring numbers, sizes, addresses and order of messages that make no sense."""
    p, by = victim.start(t)

    def num(i, n):
        return lambda c: c.request(vu.SET_VRING_NUM, struct.pack("=II", i, n))

    def addr(i, desc, used, avail, flags=0):
        return lambda c: (c.request(vu.SET_VRING_ADDR, struct.pack("=IIQQQQ", i, flags, desc, used,
                                                                   avail, 0)),
                          c.rings[0].set_kick(), c.rings[0].enable(), c.get_u64(vu.GET_FEATURES))

    uva = 0x7F0000000000
    cases = {
        "num_index": num(1000, 256), "num_zero": num(0, 0), "num_odd": num(0, 255),
        "num_large": num(0, 65536), "num_max": num(0, 0xFFFFFFFF),
        "addr_outside": addr(0, 1 << 50, 1 << 51, 1 << 52),
        "addr_null": addr(0, 0, 0, 0), "addr_wrap": addr(0, 2**64 - 16, 2**64 - 16, 2**64 - 16),
        "addr_unaligned": addr(0, uva + 1, uva + 4099, uva + 8193),
        "addr_end": addr(0, uva + (16 << 20) - 16, uva, uva + 4096),
        "base_large": lambda c: c.request(vu.SET_VRING_BASE, struct.pack("=II", 0, 1 << 20)),
        "get_base_index": lambda c: c.request(vu.GET_VRING_BASE, struct.pack("=II", 999, 0),
                                              reply=True),
        "enable_index": lambda c: c.request(vu.SET_VRING_ENABLE, struct.pack("=II", 999, 1)),
        "features_not_offered": lambda c: c.set_u64(vu.SET_FEATURES, 2**64 - 1),
        "kick_before_memory": lambda c: (c.set_mem_table([]), c.rings[0].start(),
                                         c.get_u64(vu.GET_FEATURES)),
        "ring_twice": lambda c: (c.rings[0].start(), c.rings[0].start(),
                                 c.get_u64(vu.GET_FEATURES)),
        "config_long": lambda c: c.request(vu.GET_CONFIG, struct.pack("=III", 0, 4000, 0)
                                           + bytes(4000), reply=True),
        "config_offset": lambda c: c.request(vu.GET_CONFIG, struct.pack("=III", 0xFFFFFFF0, 32, 0)
                                             + bytes(32), reply=True),
    }
    refused = 0
    for name, function in cases.items():
        with victim.client(p) as c:
            prepared(c)
            refused += victim.refused(function, c)
        check(p.process.alive(), f"the program ended after {name}")
        by.check()
    t.note(f"{len(cases)} cases, {refused} refused")
    victim.all_well(p, by)


@test
def wrong_regions(t):
    """Memory regions that overlap, wrap, are unaligned, empty, or larger than their file."""
    p, by = victim.start(t)
    fds = p.process.fds()
    cases = {
        "overlap": [(0x0, 0x200000, 0x7F0000000000, 0), (0x100000, 0x200000, 0x7F1000000000, 0)],
        "wrap": [(2**64 - 4096, 1 << 20, 0x7F0000000000, 0)],
        "empty": [(0, 0, 0x7F0000000000, 0)],
        "huge": [(0, 1 << 62, 0, 0)],
        "offset": [(0, 1 << 20, 0x7F0000000000, 2**64 - 4096)],
        "offset_unaligned": [(0, 1 << 20, 0x7F0000000000, 123)],
        "gpa_unaligned": [(5, 1 << 20, 0x7F0000000000, 0)],
        "beyond_file": [(0, 64 << 20, 0x7F0000000000, 0)],
        "uva_wrap": [(0, 1 << 20, 2**64 - 4096, 0)],
    }
    took = []
    for name, regions in cases.items():
        with victim.client(p) as c:
            prepared(c)
            payload = struct.pack("=II", len(regions), 0)
            payload += b"".join(struct.pack("=QQQQ", *r) for r in regions)
            if not victim.refused(c.request, vu.SET_MEM_TABLE, payload, [c.mem.fd] * len(regions)):
                took.append(name)
        check(p.process.alive(), f"the program ended after {name}")
        by.check()
    for name in ("overlap", "wrap", "empty", "huge", "offset"):
        check(name not in took, f"a memory table with {name} was accepted")
    t.note(f"accepted: {' '.join(took) or 'none'}")
    victim.all_well(p, by, fds)


class Slot:
    """One small piece of guest memory, not mapped here."""

    def __init__(self, fd, i, size):
        self.fd = fd
        self.offset = i * size
        self.gpa = 0x100000000 + 2 * i * size
        self.size = size

    def region(self):
        return (self.gpa, self.size, 0x7E0000000000 + self.offset, self.offset)


@test
def slots_509(t):
    """As many memory slots as a VMM may have: traffic through the last ones, one more refused."""
    p, by = victim.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    with victim.client(p) as c:
        c.negotiate()
        check(c.has_protocol(vu.PF_CONFIGURE_MEM_SLOTS), "CONFIGURE_MEM_SLOTS is not offered")
        slots = c.get_u64(vu.GET_MAX_MEM_SLOTS)
        check(slots >= 509, f"GET_MAX_MEM_SLOTS: {slots}")
        # One file for all the small ones: a VMM's DIMMs may be that, too.
        size = 64 << 10
        fd = os.memfd_create("slots", os.MFD_CLOEXEC)
        os.ftruncate(fd, 600 * size)
        few = [Slot(fd, i, size) for i in range(510)]
        c.mem = vu.GuestMemory(4 << 20)
        order = few[:508]
        random.Random(1).shuffle(order)
        for m in order:
            c.add_mem_reg(m)
        c.add_mem_reg(c.mem)
        check_eq(victim.refused(c.add_mem_reg, few[509]), slots <= 509, "slot 510 was refused")
        t.note(f"limit {slots}")
        if c.alive():
            for i in range(2):
                c.ring(i).start()
            victim.exchange(p, c)
            # Frames lie in the last slots added: those are found as well.
            tx = c.tx(0)
            for m in (order[0], order[-1], few[0], few[507]):
                os.pwrite(fd, vu.EMPTY_HDR + victim.body(1), m.offset)
                head = tx.free.pop()
                tx.write_desc(head, m.gpa, 12 + 200, 0)
                tx.chain[head], tx.tag[head] = [(head, b"")], None
                tx.publish(head)
            tx.kick()
            tx.flush()
            for m in order[:100]:
                c.rem_mem_reg(m)
            victim.exchange(p, c)
        os.close(fd)
    p.wait_enabled(0, victim.VICTIM)
    core.wait_for(lambda: p.process.maps() <= maps + 16, 30, f"mappings back at {maps}")
    victim.all_well(p, by, fds)
