# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""vfio-user messages that no client may send, each beside a device whose traffic must not notice.

A case says which answers are right: errno values, CLOSED, OK. After each the connection, unless it
was closed, is still in step; after all of them the next client works and nothing was leaked.
"""

import errno
import os
import random
import struct

from vfu import bench, message as m
from vfu.bench import CLOSED, OK
from vnt import ring
from vnt.core import check, test, variants

EINVAL, EEXIST, ENOENT = errno.EINVAL, errno.EEXIST, errno.ENOENT
# Refused as not there: which errno says it best is a matter of taste.
ABSENT = {EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP}
# A descriptor that is not what it has to be.
WRONG_FD = {EINVAL, errno.EBADF, errno.ENODEV, errno.EACCES, errno.ENXIO, errno.EPERM,
            errno.ENOTSUP, errno.EFAULT}
NO = {EINVAL}
BASE = 1 << 32
PAGE = 4096


class Case:
    """One message and what may become of it."""

    def __init__(self, name, command, payload=b"", right=None, fds=(), **kw):
        self.name = f"{m.name(command)} {name}"
        self.command = command
        self.payload = payload
        self.right = NO if right is None else right
        self.fds = fds        # how many memory files, or kinds of wrong ones
        self.kw = kw


def run(t, cases):
    """All @cases, several to a connection until it is closed."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    mem = ring.GuestMemory(16 << 20)
    wrong = []
    c = None
    cases = list(cases)
    for case in cases:
        if c is None:
            c = opened(p, mem)
        made = [mem.fd if kind == "memory" else bench.wrong_fd(kind) for kind in case.fds]
        got = bench.outcome(one, c, case, made)
        for fd in made:
            if fd != mem.fd:
                os.close(fd)
        if got not in case.right:
            wrong.append(f"{case.name}: {named(got)}, right: {', '.join(map(named, case.right))}")
        if got == CLOSED:
            c.close()
            c = None
        else:
            try:
                bench.answered(c)
            except Exception as e:
                wrong.append(f"{case.name}: {e}")
                c.close()
                c = None
        check(p.process.alive(), f"the program ended after {case.name}")
    if c is not None:
        c.close()
    mem.close()
    by.moved(5)
    t.note(f"{len(cases)} cases")
    for text in wrong:
        print("  " + text)
    check(not wrong, f"{len(wrong)} wrong answers: {'; '.join(wrong[:5])}")
    bench.all_well(p, by, fds, maps)


def named(got):
    return errno.errorcode.get(got, str(got))


def opened(p, mem):
    c = bench.VfioUserClient(p.socket(bench.VICTIM), timeout=30)
    c.connect()
    c.version()
    c.dma_map(mem, BASE)
    return c


def one(c, case, fds):
    """Send it; a message without a reply is followed by one that has one."""
    r = c.request(case.command, case.payload, fds, **case.kw)
    c.close_fds(r)


def lengths(command, payload):
    """The message cut at every place, and with more behind it."""
    for n in sorted({0, 1, 4, 7, 8, len(payload) // 2, len(payload) - 1}):
        if 0 <= n < len(payload):
            yield Case(f"of {n} bytes", command, payload[:n])


def extra_fds(command, payload, right=None):
    """Descriptors with a message that takes none: ignored (and closed) or refused."""
    for n in (1, 2, 15):
        yield Case(f"with {n} fds", command, payload, {EINVAL, CLOSED, OK} if right is None
                   else right, ["eventfd"] * n)


MAP_AT = BASE + (1 << 30)


def map_cases():
    yield from lengths(m.DMA_MAP, m.map_(MAP_AT, PAGE))
    for n in (0, 1, 31, 0x7FFFFFFF, 0xFFFFFFFF):
        # argsz is the size of the structure; later versions may have a longer one.
        yield Case(f"argsz {n}", m.DMA_MAP, m.map_(MAP_AT, PAGE, argsz=n),
                   NO if n < 32 else {OK, EINVAL}, ["memory"])
        if n >= 32:
            yield Case("undone", m.DMA_UNMAP, m.unmap(MAP_AT, PAGE), {OK, ENOENT})
    for flags in (4, 8, 0x10, 0x80000000, 0xFFFFFFFF):
        yield Case(f"flags {flags:#x}", m.DMA_MAP, m.map_(MAP_AT, PAGE, flags=flags | 3), NO,
                   ["memory"])
    yield Case("no access at all", m.DMA_MAP, m.map_(MAP_AT, PAGE, flags=0), NO, ["memory"])
    two = {EINVAL, CLOSED}
    yield Case("two fds", m.DMA_MAP, m.map_(MAP_AT, PAGE), two, ["memory"] * 2)
    yield Case("16 fds", m.DMA_MAP, m.map_(MAP_AT, PAGE), two, ["memory"] * 16)
    yield Case("17 fds", m.DMA_MAP, m.map_(MAP_AT, PAGE), two, ["memory"] * 17)
    yield Case("200 fds", m.DMA_MAP, m.map_(MAP_AT, PAGE), two, ["memory"] * 200)
    for kind in bench.WRONG_FDS:
        yield Case(f"fd {kind}", m.DMA_MAP, m.map_(MAP_AT, PAGE), WRONG_FD, [kind])
    yield Case("writable, fd read-only", m.DMA_MAP, m.map_(MAP_AT, PAGE), WRONG_FD,
               ["read-only file"])
    size = 16 << 20
    for name, addr, length, right in (
            ("the same again", BASE, size, {EEXIST}),
            ("inside another", BASE + PAGE, PAGE, {EEXIST}),
            ("over the begin", BASE - PAGE, 2 * PAGE, {EEXIST}),
            ("over the end", BASE + size - PAGE, 2 * PAGE, {EEXIST}),
            ("around another", BASE - PAGE, size + 2 * PAGE, {EEXIST, EINVAL}),
            ("of no bytes", MAP_AT, 0, NO),
            ("wrapping", 2**64 - PAGE, 2 * PAGE, NO),
            ("of all there is", 0, 2**64 - PAGE, {EINVAL, EEXIST}),
            ("of 2^63 bytes", MAP_AT, 1 << 63, NO | {errno.ENOMEM, errno.EOVERFLOW}),
            ("address unaligned", MAP_AT + 5, PAGE, NO),
            ("size unaligned", MAP_AT, 5, NO),
            ("both unaligned", MAP_AT + 8, PAGE + 8, NO)):
        yield Case(name, m.DMA_MAP, m.map_(addr, length), right, ["memory"])
        if length <= size:
            yield Case(f"{name}, no fd", m.DMA_MAP, m.map_(addr, length), right)
    for name, offset, length in (("offset unaligned", 123, PAGE), ("offset wraps", 2**64 - PAGE,
                                                                   2 * PAGE),
                                 ("offset negative", 1 << 63, PAGE),
                                 ("behind the file", size, PAGE),
                                 ("beyond the file", size - PAGE, 2 * PAGE)):
        yield Case(name, m.DMA_MAP, m.map_(MAP_AT, length, offset),
                   WRONG_FD | {errno.EOVERFLOW, errno.ENOMEM}, ["memory"])


def unmap_cases():
    yield from lengths(m.DMA_UNMAP, m.unmap(BASE, 16 << 20))
    gone = {ENOENT, EINVAL}
    for name, addr, size in (("not mapped", MAP_AT, PAGE), ("a part", BASE, PAGE),
                             ("the rest", BASE + PAGE, (16 << 20) - PAGE),
                             ("more", BASE, (16 << 20) + PAGE), ("before", BASE - PAGE, PAGE),
                             ("wrapping", 2**64 - PAGE, 2 * PAGE), ("of no bytes", BASE, 0),
                             ("unaligned", BASE + 1, 16 << 20), ("all of it", 0, 2**64 - 1)):
        yield Case(name, m.DMA_UNMAP, m.unmap(addr, size), gone)
    for n in (0, 23):
        yield Case(f"argsz {n}", m.DMA_UNMAP, m.unmap(BASE, 16 << 20, argsz=n))
    for flags in (4, 0x80000000, 0xFFFFFFFF):
        yield Case(f"flags {flags:#x}", m.DMA_UNMAP, m.unmap(BASE, 16 << 20, flags),
                   ABSENT if flags & m.UNMAP_DIRTY else NO)
    yield Case("with the dirty bitmap", m.DMA_UNMAP, m.unmap(BASE, 16 << 20, m.UNMAP_DIRTY)
               + struct.pack("=QQ", PAGE, 512), ABSENT)
    yield Case("dirty bitmap, short", m.DMA_UNMAP, m.unmap(BASE, 16 << 20, m.UNMAP_DIRTY), ABSENT)
    yield Case("all and an address", m.DMA_UNMAP, m.unmap(BASE, 16 << 20, m.UNMAP_ALL))
    yield from extra_fds(m.DMA_UNMAP, m.unmap(MAP_AT, PAGE), {EINVAL, ENOENT, CLOSED})


def info_cases():
    for command, payload in ((m.GET_INFO, m.INFO.pack(16, 0, 0, 0)),
                             (m.GET_REGION_INFO, m.REGION.pack(32, 0, 4, 0, 0, 0)),
                             (m.GET_IRQ_INFO, m.IRQ.pack(16, 0, 2, 0))):
        yield from lengths(command, payload)
        yield from extra_fds(command, payload)
        yield Case("argsz 0", command, bytes(4) + payload[4:])
    for index in (9, 10, 100, 0x7FFFFFFF, 0xFFFFFFFF):
        yield Case(f"index {index}", m.GET_REGION_INFO, m.REGION.pack(32, 0, index, 0, 0, 0))
        yield Case(f"index {index}", m.GET_IRQ_INFO, m.IRQ.pack(16, 0, index, 0))
    for index in (0, 4, 99):
        yield Case(f"index {index}", m.GET_REGION_IO_FDS, struct.pack("=IIII", 16, 0, index, 0),
                   ABSENT | {OK} if index < 9 else ABSENT)
    yield Case("short", m.GET_REGION_IO_FDS, b"\0" * 3, ABSENT)


def irq_cases():
    ev, tr = m.DATA_EVENTFD, m.TRIGGER
    n = m.IRQ_SET.size
    yield from lengths(m.SET_IRQS, m.irqs(m.MSIX, 0, 1, m.DATA_NONE | tr))
    for argsz in (0, n - 1):
        yield Case(f"argsz {argsz}", m.SET_IRQS,
                   m.irqs(m.MSIX, 0, 1, m.DATA_NONE | tr, argsz=argsz))
    for index in (m.MSI, m.ERR, m.REQ, 5, 100, 0xFFFFFFFF):
        yield Case(f"index {index}", m.SET_IRQS, m.irqs(index, 0, 1, ev | tr), NO, ["eventfd"])
    for start, count in ((0, 5), (4, 1), (3, 2), (0xFFFFFFFF, 1), (0xFFFFFFFF, 2), (1, 0xFFFFFFFF),
                         (0, 0xFFFFFFFF), (2, 0x80000000), (5, 0)):
        for flags in (ev | tr, m.DATA_NONE | tr):
            yield Case(f"{start}+{count:#x} flags {flags}", m.SET_IRQS,
                       m.irqs(m.MSIX, start, count, flags),
                       {EINVAL, OK} if (start, count) == (5, 0) and flags & 1 else NO)
    yield Case("INTx 1", m.SET_IRQS, m.irqs(m.INTX, 1, 1, ev | tr), NO, ["eventfd"])
    for flags in (0, 1, 2, 4, 8, 32, 3 | tr, 5 | tr, 6 | tr, 7 | tr, 1 | 8 | 16, 1 | 8 | tr,
                  1 | 16 | tr, 1 | 56, 0x40 | 1 | tr, 0x80000000 | 1 | tr, 0xFFFFFFFF):
        yield Case(f"flags {flags:#x}", m.SET_IRQS, m.irqs(m.INTX, 0, 1, flags, b"\1"))
    few = {EINVAL, CLOSED}
    yield Case("2 vectors, 1 fd", m.SET_IRQS, m.irqs(m.MSIX, 0, 2, ev | tr), few, ["eventfd"])
    yield Case("1 vector, 2 fds", m.SET_IRQS, m.irqs(m.MSIX, 0, 1, ev | tr), few, ["eventfd"] * 2)
    yield Case("1 vector, 17 fds", m.SET_IRQS, m.irqs(m.MSIX, 0, 1, ev | tr), few,
               ["eventfd"] * 17)
    yield Case("no vector, 1 fd", m.SET_IRQS, m.irqs(m.MSIX, 0, 0, ev | tr), few, ["eventfd"])
    yield Case("NONE with fd", m.SET_IRQS, m.irqs(m.MSIX, 0, 1, m.DATA_NONE | tr),
               few | {OK}, ["eventfd"])
    for kind in ("pipe", "directory", "null", "socket", "empty file", "memory"):
        yield Case(f"fd {kind}", m.SET_IRQS, m.irqs(m.MSIX, 0, 1, ev | tr), WRONG_FD, [kind])
        yield Case(f"second fd {kind}", m.SET_IRQS, m.irqs(m.MSIX, 0, 2, ev | tr), WRONG_FD,
                   ["eventfd", kind])
    yield Case("BOOL without data", m.SET_IRQS, m.irqs(m.MSIX, 0, 4, m.DATA_BOOL | tr))
    yield Case("BOOL, data short", m.SET_IRQS, m.irqs(m.MSIX, 0, 4, m.DATA_BOOL | tr, b"\1\1\1"))
    yield Case("EVENTFD and data", m.SET_IRQS, m.irqs(m.MSIX, 0, 1, ev | tr, b"\1"), {OK, EINVAL},
               ["eventfd"])


def region_cases():
    read = m.access(m.CONFIG, 0, 4)
    yield from lengths(m.REGION_READ, read)
    yield from extra_fds(m.REGION_READ, read)
    for region in (m.BAR2, m.BAR3, m.BAR5, m.ROM, 8, 9, 100, 0xFFFFFFFF):
        yield Case(f"region {region}", m.REGION_READ, m.access(region, 0, 1))
        yield Case(f"region {region}", m.REGION_WRITE, m.access(region, 0, 1, b"\0"))
    for region, size in ((m.CONFIG, 4096), (m.BAR4, 0x8000)):
        for offset, count in ((size, 1), (size - 1, 2), (0, size + 1), (2**64 - 1, 1),
                              (2**64 - 1, 2), (2**64 - 4, 8), (1 << 63, 4), (size - 4, 5)):
            yield Case(f"{region}: {offset:#x}+{count}", m.REGION_READ,
                       m.access(region, offset, count))
            yield Case(f"{region}: {offset:#x}+{count}", m.REGION_WRITE,
                       m.access(region, offset, count, bytes(count)))
        for count in (0x7FFFFFFF, 0xFFFFFFFF, (1 << 20) + 1, 1 << 20):
            yield Case(f"{region}: {count:#x} bytes", m.REGION_READ, m.access(region, 0, count))
            yield Case(f"{region}: {count:#x} bytes said", m.REGION_WRITE,
                       m.access(region, 0, count, b"1234"))
        yield Case(f"{region}: no bytes", m.REGION_READ, m.access(region, 0, 0), {OK, EINVAL})
        yield Case(f"{region}: no bytes", m.REGION_WRITE, m.access(region, 0, 0), {OK, EINVAL})
    yield from lengths(m.REGION_WRITE, m.access(m.CONFIG, 0, 4))
    yield Case("fewer bytes than said", m.REGION_WRITE, m.access(m.CONFIG, 0, 4, b"123"))
    yield Case("more bytes than said", m.REGION_WRITE, m.access(m.CONFIG, 0, 4, b"12345"))
    yield from extra_fds(m.REGION_WRITE, m.access(m.CONFIG, 0, 1, b"\0"))
    good = (m.CONFIG, 4, b"\0\0")
    yield from lengths(m.REGION_WRITE_MULTI, m.multi([good, good]))
    for count in (1, 3, 0x7FFFFFFF, 1 << 32, 1 << 59, 2**64 - 1):
        yield Case(f"{count} said, 2 there", m.REGION_WRITE_MULTI, m.multi([good, good], count))
    yield Case("none", m.REGION_WRITE_MULTI, m.multi([]), {OK, EINVAL})
    for bad in ((99, 0, b"\0"), (m.CONFIG, 4096, b"\0"), (m.CONFIG, 2**64 - 1, b"\0\0"),
                (m.BAR2, 0, b"\0")):
        for writes in ([bad], [good, bad], [bad, good]):
            yield Case(f"{bad[:2]} of {len(writes)}", m.REGION_WRITE_MULTI, m.multi(writes))
    for n in (9, 0xFFFFFFFF):
        yield Case(f"a write of {n} bytes", m.REGION_WRITE_MULTI,
                   struct.pack("=Q", 1) + m.ACCESS.pack(0, m.CONFIG, n) + bytes(8))


def other_cases():
    yield Case("with a payload", m.RESET, b"1234", {OK, EINVAL})
    yield from extra_fds(m.RESET, b"")
    for command in (m.DMA_READ, m.DMA_WRITE):
        yield Case("from the client", command, m.DMA.pack(BASE, 4) + b"1234", ABSENT)
    feature = struct.pack("=II", 8, 1 << 16 | 1)
    for command, payload in ((m.DIRTY_PAGES, struct.pack("=II", 8, 1)),
                             (m.DEVICE_FEATURE, feature), (m.DEVICE_FEATURE, b"\0"),
                             (m.MIG_DATA_READ, struct.pack("=II", 64, 64)),
                             (m.MIG_DATA_WRITE, struct.pack("=II", 12, 4) + b"1234")):
        yield Case("until it exists", command, payload, ABSENT)
    for command in (0, 19, 20, 99, 0x7FFF, 0xFFFF):
        yield Case("unknown", command, b"", ABSENT)
        yield Case("unknown, with fds", command, bytes(64), ABSENT | {CLOSED}, ["eventfd"] * 3)
    info = m.INFO.pack(16, 0, 0, 0)
    for flags in (0x40, 0x80000000, 0xFFFFFFC0):
        yield Case(f"flags {flags:#x}", m.GET_INFO, info, {OK, EINVAL, CLOSED}, flags=flags)
    yield Case("with the error flag", m.GET_INFO, info, {OK, EINVAL, CLOSED}, flags=m.ERROR)
    yield Case("with an errno", m.GET_INFO, info, {OK, EINVAL, CLOSED}, error=5)
    for kind in range(2, 16):
        yield Case(f"of type {kind}", m.GET_INFO, info, {EINVAL, CLOSED}, flags=kind)
    for n in (0, 1, 15):
        yield Case(f"size {n}", m.GET_INFO, info, {CLOSED}, size=n)
    for n in (0x7FFFFFFF, 0xFFFFFFFF, 64 << 20):
        yield Case(f"size {n:#x}", m.GET_INFO, info, {CLOSED}, size=n)
        yield Case(f"size {n:#x}", m.REGION_WRITE, info, {CLOSED}, size=n)
        yield Case(f"size {n:#x}", 99, info, {CLOSED}, size=n)


@variants(("dma_map", map_cases), ("dma_unmap", unmap_cases), ("info", info_cases),
          ("set_irqs", irq_cases), ("regions", region_cases), ("others", other_cases))
def cases(t, function):
    """Short, oversized, contradictory, out of range: each with the right answer."""
    run(t, function())


@test
def versions(t):
    """First messages that are no VERSION, or a bad one: the connection ends, or it is refused."""
    p, by = bench.start(t)
    fds = p.process.fds()
    texts = [b"{", b"}\0", b"[]\0", b"1\0", b"null\0", b'{"capabilities":{}}', b"\0", b"\xff\xfe\0",
             b'{"capabilities":[]}\0', b'{"capabilities":1}\0', b'{"capabilities":null}\0',
             b'{"capabilities":{"max_msg_fds":"1"}}\0', b'{"capabilities":{"max_msg_fds":-1}}\0',
             b'{"capabilities":{"max_msg_fds":1e300}}\0',
             b'{"capabilities":{"max_data_xfer_size":0}}\0',
             b'{"capabilities":{"max_data_xfer_size":99999999999999999999}}\0',
             b'{"capabilities":{"pgsizes":"x"}}\0', b'{"capabilities":{"pgsizes":12345}}\0',
             b'{"capabilities":{"write_multiple":1}}\0', b'{"capabilities":{"migration":1}}\0',
             b'{"capabilities":{}}\0{"capabilities":{}}\0', b'{"a":1,"a":2}\0',
             b"[" * 100000 + b"\0", b'{"a":' * 50000 + b"\0", b"\0" * 4096,
             b'{"a":"' + b"x" * 500000 + b'"}\0']
    took = 0
    for text in texts:
        with bench.client(p) as c:
            if bench.outcome(c.version, data=text) == OK:
                took += 1
                bench.answered(c)
        check(p.process.alive(), f"the program ended after {text[:40]}")
    for major in (1, 2, 0x7FFF, 0xFFFF):
        with bench.client(p) as c:
            check(bench.refused(c.version, major=major), f"major version {major} was accepted")
            check(not c.alive() or bench.refused(c.info), "the connection goes on after it")
    for payload in (b"", b"\0", b"\0\0\0"):
        with bench.client(p) as c:
            check(bench.refused(c.request, m.VERSION, payload), f"VERSION of {len(payload)} bytes")
    for n in (1, 3, 200):
        with bench.client(p) as c:
            made = [bench.wrong_fd("eventfd") for _ in range(n)]
            bench.outcome(c.request, m.VERSION, m.version(), made)
            for fd in made:
                os.close(fd)
    for command in range(2, 20):
        with bench.client(p) as c:
            check(bench.refused(c.request, command, bytes(64)), f"{m.name(command)} came first")
    with bench.client(p) as c:
        c.send(m.VERSION, m.version(), flags=m.NO_REPLY)
        bench.outcome(c.info)
    t.note(f"{took} of {len(texts)} accepted")
    bench.all_well(p, by, fds)


@test
def replies(t):
    """Replies to questions that were never asked."""
    p, by = bench.start(t)
    fds = p.process.fds()
    for command in (*range(0, 20), 0xFFFF):
        for payload in (b"", bytes(16), m.DMA.pack(BASE, 4) + b"1234"):
            with bench.client(p) as c:
                c.version()
                c.send(command, payload, flags=m.REPLY, msg_id=0)
                if bench.outcome(c.info) == OK:
                    bench.answered(c)
        check(p.process.alive(), f"the program ended after a reply to {m.name(command)}")
    bench.all_well(p, by, fds)


@test
def garbage(t):
    """Random bytes and random messages, seeded."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    n = t.count(300, 10000)
    mem = ring.GuestMemory(1 << 20)
    kinds = (*bench.WRONG_FDS, "memory")
    for seed in range(n):
        rnd = random.Random(seed)
        with bench.client(p, timeout=30) as c:
            try:
                if seed % 8 == 0:
                    c.send_raw(rnd.randbytes(rnd.randint(1, 2000)))
                    continue
                c.version()
                ids = []
                for _ in range(rnd.randint(1, 30)):
                    ids.append(random_message(rnd, c, mem, kinds))
                for number in ids:
                    c.close_fds(c.recv_reply(number))
            except (bench.VfioUserError, OSError):
                pass
        check(p.process.alive(), f"seed {seed}: the program ended: {p.process.state()}")
    mem.close()
    bench.all_well(p, by, fds, maps)


def random_message(rnd, c, mem, kinds):
    """Mostly well-formed, with values from the edges."""
    def number(bits):
        return rnd.choice((0, 1, 2, 3, 4, 5, 16, 4096, 0x8000, (1 << bits) - 1, 1 << (bits - 1),
                           rnd.getrandbits(bits)))
    command = rnd.choice((2, 3, 4, 5, 7, 8, 8, 9, 9, 10, 10, 13, 15, rnd.getrandbits(5)))
    count = number(32)
    region = rnd.choice((0, 1, 4, 4, 7, 7, number(32)))
    data = rnd.randbytes(min(count, rnd.choice((0, 1, 2, 4, 8, 64))))
    payload = {
        m.DMA_MAP: lambda: m.map_(number(64), number(64), number(64), rnd.randrange(4)),
        m.DMA_UNMAP: lambda: m.unmap(number(64), number(64), rnd.choice((0, 0, 1, 2, 3))),
        m.SET_IRQS: lambda: m.irqs(rnd.randrange(6), rnd.randrange(6), rnd.randrange(6),
                                   1 << rnd.randrange(3) | 8 << rnd.randrange(3), data),
        m.REGION_READ: lambda: m.access(region, number(64), rnd.choice((1, 2, 4, 8, count))),
        m.REGION_WRITE: lambda: m.access(region, rnd.choice((number(64), rnd.randrange(0x8000))),
                                         rnd.choice((count, len(data))), data),
        m.REGION_WRITE_MULTI: lambda: m.multi(
            [(region, rnd.randrange(0x8000), data[:8])] * rnd.randrange(4),
            rnd.choice((None, number(64)))),
        m.RESET: lambda: b"",
    }.get(command, lambda: rnd.randbytes(rnd.choice((0, 4, 16, 32, 64))))()
    made = [mem.fd if k == "memory" else bench.wrong_fd(k)
            for k in rnd.choices(kinds, k=rnd.choice((0, 0, 1, 1, 2)))]
    try:
        return c.send(command, payload, made)
    finally:
        for fd in made:
            if fd != mem.fd:
                os.close(fd)
