# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Guest memory that goes away under the poller, and rings that a hostile guest writes."""

import os
import random
import struct

import vhost_user_client as vu

from vnt import core, frames, victim
from vnt.core import check, check_eq, packed_too, test, variants
from vnt.ring import Default


def unsealed(size=16 << 20):
    """Memory that its owner can still truncate when a server has it."""
    fd = os.memfd_create("guest", os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    return vu.GuestMemory(size, fd=fd)


def untouched(c, act, what):
    """After @act() the device must not write to the memory any more."""
    act()
    before = bytes(c.mem.mem)
    return lambda: check(bytes(c.mem.mem) == before, f"memory was written after {what}")


def take_mem_table(c):
    """Another memory in its place; the rings stay started."""
    other = vu.GuestMemory(c.mem.size, gpa=c.mem.gpa, uva=c.mem.uva)
    other.write(0, bytes(c.mem.mem))
    c.set_mem_table([other])
    return other


@packed_too("set_mem_table")
@variants(("get_vring_base", "base"), ("set_mem_table", "table"), ("rem_mem_reg", "rem"),
          ("empty_mem_table", "empty"), ("reset_device", "reset"), ("new_status", "status"))
def taken_back(t, how):
    """When the reply has come, the device is out of the memory: not one byte changes any more."""
    p, by = victim.start(t)
    other = None
    for _ in range(t.count(10, 200)):
        with victim.client(p) as c:
            c.setup(slots=how == "rem")
            load = victim.Load(p, c)
            load.drive(200)
            load.saturate()
            if how == "base":
                def act():
                    for r in c.rings.values():
                        r.stop()
            elif how == "table":
                def act():
                    nonlocal other
                    other = take_mem_table(c)
            elif how == "rem":
                def act():
                    c.rem_mem_reg(c.mem)
            elif how == "empty":
                def act():
                    victim.refused(c.set_mem_table, [])
                    if c.alive():
                        victim.refused(c.get_u64, vu.GET_FEATURES)
            elif how == "reset":
                if not c.has_protocol(vu.PF_RESET_DEVICE):
                    raise core.Skip("RESET_DEVICE is not offered")

                def act():
                    c.request(vu.RESET_DEVICE)
            else:
                if not c.has_protocol(vu.PF_STATUS):
                    raise core.Skip("STATUS is not offered")

                def act():
                    c.set_status(0)
            still = untouched(c, act, how)
            by.moved(30)
            still()
            load.end()
            if other:
                other.close()
                other = None
        p.wait_enabled(0, victim.VICTIM)
    victim.all_well(p, by)


@test
def goes_on_with_new_table(t):
    """SET_MEM_TABLE under traffic as a VMM does it (memory hot-plug): traffic goes on."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        victim.exchange(p, c)
        extra = []
        for i in range(t.count(20, 500)):
            if len(extra) < 4:
                extra.append(vu.GuestMemory(1 << 20, gpa=(1 << 33) + (i << 21),
                                            uva=0x7D0000000000 + (i << 21)))
            else:
                extra.pop(0).close()
            c.tx(0).send(victim.body(5))
            c.set_mem_table([c.mem, *extra])
        c.tx(0).flush()
        victim.exchange(p, c)
        for m in extra:
            m.close()
    victim.all_well(p, by)


@test
def rings_again_and_again(t):
    """A ring is stopped and started very often: no command to the poller is ever missed."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        c.rx(0).fill()
        for _ in range(t.count(2000, 100000)):
            ring = c.tx(0)
            ring.start(base=ring.stop())
        victim.exchange(p, c)
    late = sum(x["late_acknowledgements"] for x in p.ask("/virtnet/debug")["pollers"])
    t.note(f"{late} late")
    victim.all_well(p, by)


@test
def disconnect_under_load(t):
    """The connection is closed while both rings are full of work."""
    p, by = victim.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    for _ in range(t.count(10, 200)):
        with victim.client(p) as c:
            c.setup()
            load = victim.Load(p, c)
            load.drive(50)
            load.saturate()
            c.disconnect()
            load.end()
    p.wait_enabled(0, victim.VICTIM)
    core.wait_for(lambda: p.process.maps() <= maps + 16, 30, f"mappings back at {maps}")
    victim.all_well(p, by, fds)


@variants(("whole", 0), ("half", 1), ("rings_stay", 2))
def truncated(t, how):
    """The guest's memory file is truncated under the poller (SIGBUS): only that device breaks."""
    p, by = victim.start(t)
    fds = p.process.fds()
    for _ in range(t.count(3, 50)):
        with victim.client(p, mem=unsealed()) as c:
            c.setup()
            load = victim.Load(p, c)
            load.drive(50)
            load.saturate()
            end = (0, c.mem.size // 2, c.rx(0).bufs)[how]
            os.ftruncate(c.mem.fd, end)
            if how == 0:
                # Whatever it waits for by now, it looks at its ring.
                c.tx(0).notify()
                core.wait_for(lambda: victim.broken(p), 30, "the device is shown as broken")
            by.moved(30)
            load.end()
            c.disconnect()
        p.wait_enabled(0, victim.VICTIM)
    victim.all_well(p, by, fds)


@test
def sealed(t):
    """A memory file that can be sealed is: its owner cannot truncate it while it is shared."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        try:
            os.ftruncate(c.mem.fd, 0)
            t.note("not sealed")
        except PermissionError:
            t.note("sealed")
        if os.fstat(c.mem.fd).st_size:
            victim.exchange(p, c)
    victim.all_well(p, by)


@test
def truncated_before_use(t):
    """The file is shorter than its region from the start, or becomes so before the rings start."""
    p, by = victim.start(t)
    for when in ("before_table", "before_rings"):
        with victim.client(p) as c:
            c.negotiate()
            c.mem = unsealed()
            if when == "before_table":
                os.ftruncate(c.mem.fd, 4096)
                victim.refused(c.set_mem_table)
            else:
                c.set_mem_table()
                for i in range(2):
                    c.ring(i)
                os.ftruncate(c.mem.fd, 0)
                victim.refused(lambda c=c: [r.start() for r in c.rings.values()])
            by.moved(20)
        check(p.process.alive(), f"{when}: the program ended: {p.process.state()}")
    victim.all_well(p, by)


def errors(p):
    """The sum of the error counters of the victim's rings, which run: only those are shown."""
    rings = p.ask("/virtnet/debug,section=devices")["devices"][victim.VICTIM]["rings"]
    return sum(int(q.get(key, 0)) for q in p.stats(victim.VICTIM)["queues-stats"]
               for key in ("bad_desc_errors", "exceed_max_chain", "invalid_buffer")) + \
        sum(r[key] for r in rings for key in ("bad_header", "oversized"))


def hostile_rings(packed):
    """(name, ring number, function(ring), must it break the device)."""
    far = 1 << 45

    def chain(*descs, head=0):
        def write(r):
            for i, (addr, length, flags, nxt) in enumerate(descs):
                r.write_desc(i, r.mem.gpa + r.bufs if addr is None else addr, length, flags, nxt)
            r.publish(head)
            r.kick(force=True)
        return write

    def indirect(length, *descs):
        def write(r):
            table = r.mem.alloc(4096, 16)
            for i, (addr, n, flags, nxt) in enumerate(descs):
                r.write_desc(i, r.mem.gpa + r.bufs if addr is None else addr, n, flags, nxt, table)
            r.write_desc(0, r.mem.gpa + table, length, vu.DESC_INDIRECT)
            r.publish(0)
            r.kick(force=True)
        return write

    def avail_jump(by):
        def write(r):
            r._put16(r.avail + 2, r.avail_idx + by)
            r.kick(force=True)
        return write

    def all_at_once(flags):
        """Every descriptor of the ring is available, also those that nobody has written."""
        def write(r):
            for i in reversed(range(r.size)):  # the first one is looked at
                r._put16(r.desc + 16 * i + 14, flags)
            r.kick(force=True)
        return write

    n, w = vu.DESC_NEXT, vu.DESC_WRITE
    yield "loop_self", 1, chain((None, 64, n, 0)), True
    yield "loop_two", 1, chain((None, 64, n, 1), (None, 64, n, 0)), True
    yield "loop_rx", 0, chain((None, 64, n | w, 1), (None, 0, n | w, 1)), True
    # Long enough for the frame before it comes round: nobody else is harmed.
    # (In a packed ring, only its last descriptor says which chain it is.)
    yield "loop_rx_long", 0, chain((None, 1024, n | w, 1), (None, 1024, n | w, 0)), packed
    if not packed:
        yield "head_outside", 1, chain((None, 64, 0, 0), head=256), True
        yield "head_far", 0, chain((None, 64, w, 0), head=65535), True
        yield "next_outside", 1, chain((None, 64, n, 256)), True
        yield "avail_far", 1, avail_jump(257), True
        yield "avail_back", 1, avail_jump(0xFFFF), True
        yield "avail_half", 0, avail_jump(0x8000), True
    else:
        yield "all_available", 1, all_at_once(vu.PACKED_AVAIL), None
        yield "all_available_rx", 0, all_at_once(vu.PACKED_AVAIL | w), None
        yield "all_of_one_chain", 1, all_at_once(vu.PACKED_AVAIL | n), True
    yield "address_outside", 1, chain((far, 64, 0, 0)), None
    yield "address_outside_rx", 0, chain((far, 2048, w, 0)), None
    yield "address_wraps", 1, chain((2**64 - 16, 4096, 0, 0)), None
    yield "length_wraps", 1, chain((None, 0xFFFFFFFF, 0, 0)), None
    yield "length_zero", 1, chain((None, 0, 0, 0)), False
    yield "length_header_only", 1, chain((None, 12, 0, 0)), False
    yield "length_below_header", 1, chain((None, 5, 0, 0)), False
    yield "tx_writable", 1, chain((None, 64, w, 0)), None
    yield "rx_readable", 0, chain((None, 2048, 0, 0)), None
    yield "too_long_frame", 1, chain((None, 1 << 19, 0, 0)), None
    yield "indirect_odd", 1, indirect(17, (None, 64, 0, 0)), None
    yield "indirect_empty", 1, indirect(0), None
    yield "indirect_huge", 1, indirect(0xFFFFFFF0, (None, 64, 0, 0)), None
    # (In a packed ring's table there is nothing but the order.)
    none = False if packed else None
    yield "indirect_nested", 1, indirect(16, (None, 16, vu.DESC_INDIRECT, 0)), none
    yield "indirect_loop", 1, indirect(32, (None, 64, n, 1), (None, 64, n, 0)), none
    yield "indirect_next_outside", 1, indirect(16, (None, 64, n, 5)), none
    yield "indirect_outside", 1, chain((far, 16, vu.DESC_INDIRECT, 0)), None
    yield "indirect_and_next", 1, chain((None, 16, vu.DESC_INDIRECT | n, 1), (None, 64, 0, 0)), None


@packed_too()
@test
def hostile(t):
    """Rings that no driver writes: counted, the device breaks at most, the next client is served."""
    p, by = victim.start(t)
    broke = []
    cases = list(hostile_rings(Default.packed))
    for name, index, function, must_break in cases:
        with victim.client(p) as c:
            c.setup()
            p.wait_enabled(2, victim.VICTIM)
            before = errors(p)
            r = c.rings[index]
            link = frames.Link(p.ns, p.rep(victim.VICTIM))
            for _ in range(4):
                link.send(victim.body(0))
            function(r)
            if must_break:
                core.wait_for(lambda: victim.broken(p), 30, f"{name}: the device is shown as broken")
            elif must_break is None:
                core.wait_for(lambda: errors(p) > before or victim.broken(p), 30,
                              f"{name}: counted as an error")
            else:
                core.wait_for(lambda r=r: r.used_idx == 1, 30, f"{name}: completed")
                check(not victim.broken(p), f"{name}: the device broke")
            if victim.broken(p):
                broke.append(name)
            link.close()
            by.check()
        check(p.process.alive(), f"{name}: the program ended: {p.process.state()}")
        p.wait_enabled(0, victim.VICTIM)
    t.note(f"{len(cases)} cases, {len(broke)} broke the device")
    victim.all_well(p, by)


def random_lie(r, rnd):
    """Write something into a ring that may be anything."""
    r.mem.write(rnd.choice((r.desc, r.avail, r.used)) + rnd.randrange(64),
                rnd.randbytes(rnd.choice((1, 2, 8, 64))))
    if rnd.random() < 0.5:
        return
    length, flags = rnd.choice((0, 12, 2048, rnd.getrandbits(32))), rnd.randrange(8)
    if r.packed:
        flags |= rnd.choice((0, vu.PACKED_AVAIL, vu.PACKED_USED))
        r.mem.write(r.desc + 16 * rnd.randrange(r.size), struct.pack(
            "<QIHH", r.addr(0), length, rnd.randrange(r.size), flags))
    else:
        r.write_desc(rnd.randrange(r.size), r.addr(0), length, flags, rnd.randrange(r.size))
        struct.pack_into("<H", r.mem.mem, r.avail + 2, rnd.getrandbits(16))


@packed_too()
@test
def hostile_random(t):
    """Random bytes all over the rings, again and again, while frames come in."""
    p, by = victim.start(t)
    fds = p.process.fds()
    n = t.count(40, 2000)
    for seed in range(n):
        rnd = random.Random(seed)
        with victim.client(p) as c:
            c.setup(size=rnd.choice((4, 16, 256)))
            link = frames.Link(p.ns, p.rep(victim.VICTIM))
            for _ in range(20):
                r = c.rings[rnd.randrange(2)]
                random_lie(r, rnd)
                r.kick(force=True)
                link.send(victim.body(0))
            link.close()
            by.check()
        check(p.process.alive(), f"seed {seed}: the program ended: {p.process.state()}")
    victim.all_well(p, by, fds)


@test
def broken_says_so(t):
    """A broken device says DEVICE_NEEDS_RESET to its driver, and a reset heals it."""
    p, by = victim.start(t)
    with victim.client(p) as c:
        c.setup()
        if not c.has_protocol(vu.PF_STATUS):
            raise core.Skip("STATUS is not offered")
        p.wait_enabled(2, victim.VICTIM)
        ring = c.tx(0)
        ring.write_desc(0, ring.addr(0), 64, vu.DESC_NEXT, 0)
        ring.publish(0)
        ring.kick(force=True)
        core.wait_for(lambda: c.get_status() & 0x40, 30, "NEEDS_RESET in GET_STATUS")
        c.set_status(0)
        for i in range(2):
            c.rings[i].stop()
        check_eq(c.get_status() & 0x40, 0, "NEEDS_RESET after the reset")
        c.set_features(c.acked)
        c.set_status(1 | 2 | 8)
        for i in range(2):
            c.ring(i).start()
        c.set_status(1 | 2 | 8 | 4)
        victim.exchange(p, c)
    victim.all_well(p, by)
