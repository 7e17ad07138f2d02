# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Guest memory over vfio-user: taken back, re-split, truncated, in very many pieces."""

import errno
import os
import random
import threading
import time

from vfu import bench, driver, message as m
from vfu.client import Refused, VfioUserError
from vfu.net import Net
from vnt import core, ring, victim, virtio
from vnt.core import check, check_eq, packed_too, test, variants
from vnt.virtio import bit

PAGE = 4096
RAM = 64 << 20
FAR = 1 << 40


def unsealed(size=RAM):
    """Memory that its owner can still truncate when a server has it."""
    fd = os.memfd_create("guest", os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    return ring.GuestMemory(size, fd=fd)


def errors(p):
    """The sum of the error counters of the victim's rings."""
    return sum(int(q.get(key, 0)) for q in p.stats(bench.VICTIM)["queues-stats"]
               for key in ("bad_desc_errors", "exceed_max_chain", "invalid_buffer"))


@variants(("unmap", "unmap"), ("unmap_all", "all"), ("reset", "reset"), ("posted_unmap", "posted"))
def taken_back(t, how):
    """When the reply has come, the device is out of the memory: not one byte changes any more."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    for _ in range(t.count(5, 200)):
        with bench.driver(p) as d:
            d.start()
            load = victim.Load(p, d)
            load.drive(100)
            load.saturate()
            if how == "unmap":
                d.c.dma_unmap(d.mem.gpa, d.mem.size)
            elif how == "all":
                d.c.unmap_all()
            elif how == "reset":
                d.c.reset()
            else:
                d.c.send(m.DMA_UNMAP, m.unmap(d.mem.gpa, d.mem.size), flags=m.NO_REPLY)
                d.c.info()  # answered behind it
            before = bytes(d.mem.mem[:4 << 20])
            by.moved(10)
            check(bytes(d.mem.mem[:4 << 20]) == before, f"memory was written after {how}")
            load.end()
            bench.answered(d.c)
    bench.all_well(p, by, fds, maps)


@test
def rings_unmapped_and_back(t):
    """The memory of running rings goes and comes back: the driver resets, and all is well."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        for _ in range(t.count(5, 100)):
            d.restart()
            load = victim.Load(p, d)
            load.drive(50)
            load.saturate()
            d.c.dma_unmap(d.mem.gpa, d.mem.size)
            d.tx(0).kick(force=True)
            d.fn.common("device_status")
            d.c.dma_map(d.mem)
            load.end()
            d.reset()
            d.forget_vectors()
    bench.all_well(p, by)


@test
def beside_the_traffic(t):
    """Other pieces come and go, in transactions, while frames are exchanged: none is lost."""
    p, by = bench.start(t)
    with bench.running(p) as d:
        bench.exchange(p, d)
        other = ring.GuestMemory(1 << 20, gpa=FAR)
        for i in range(t.count(20, 500)):
            d.tx(0).send(victim.body(5))
            n = 1 + i % 16
            step = other.size // 16
            ids = [(m.DMA_MAP, d.c.send(m.DMA_MAP, m.map_(FAR + k * step, step, k * step),
                                        [other.fd] if k % 3 else ())) for k in range(n)]
            d.tx(0).send(victim.body(6))
            ids += [(m.DMA_UNMAP, d.c.send(m.DMA_UNMAP, m.unmap(FAR + k * step, step)))
                    for k in range(n)]
            for command, number in ids:
                d.c.collect(command, number)
            if i % 5 == 0:
                bench.exchange(p, d, 4)
        d.tx(0).flush()
        bench.exchange(p, d)
        other.close()
    bench.all_well(p, by)


def split(d, pieces):
    """RAM in one piece becomes @pieces, or the other way round, in one transaction."""
    old, d.layout = d.layout, pieces
    ids = [(m.DMA_UNMAP, d.c.send(m.DMA_UNMAP, m.unmap(d.mem.gpa + at, n))) for at, n in old]
    ids += [(m.DMA_MAP, d.c.send(m.DMA_MAP, m.map_(d.mem.gpa + at, n, at), [d.mem.fd]))
            for at, n in pieces]
    for command, number in ids:
        d.c.collect(command, number)


WHOLE = [(0, RAM)]
PIECES = [(0, 0xA0000), (0xC0000, 0x4000), (0xC4000, 0x3C000), (0x100000, RAM - 0x100000)]


@test
def reboot(t):
    """What firmware does at a reboot: reset, RAM unmapped as a whole and mapped in pieces."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    with bench.driver(p) as d:
        d.layout = WHOLE
        for i in range(t.count(5, 100)):
            d.fn.enable()
            d.mem.rewind()
            d.mem.alloc(0x100000)  # rings lie in the last piece; some buffers before
            d.rings = {}
            d.start()
            load = victim.Load(p, d)
            load.drive(50)
            load.saturate()
            # The guest stops where it is: nobody resets the device before.
            if i % 2:
                split(d, PIECES if d.layout is WHOLE else WHOLE)
            d.forget_vectors()
            d.c.irq_eventfd(m.INTX, 0, d.intx_fd)
            d.c.reset()
            d.c.reset()
            split(d, PIECES if d.layout is WHOLE else WHOLE)
            load.end()
        d.fn.enable()
        d.restart()
        bench.exchange(p, d)
    bench.all_well(p, by, fds, maps)


@packed_too("whole", "rings_stay")
@variants(("whole", 0), ("half", RAM // 2), ("rings_stay", None))
def truncated(t, end):
    """The guest's memory file is truncated under the poller (SIGBUS): only that device breaks."""
    p, by = bench.start(t)
    fds = p.process.fds()
    for _ in range(t.count(3, 50)):
        with bench.driver(p, mem=unsealed()) as d:
            d.start()
            load = victim.Load(p, d)
            load.drive(50)
            load.saturate()
            try:
                os.ftruncate(d.mem.fd, d.rx(0).bufs if end is None else end)
            except PermissionError:
                t.note("sealed")
            else:
                if end == 0:
                    # Whatever it waits for by now, it looks at its ring.
                    d.tx(0).notify()
                    core.wait_for(lambda: victim.broken(p), 30, "the device is shown as broken")
                    core.wait_for(lambda: d.status & virtio.NEEDS_RESET, 30, "NEEDS_RESET")
            by.moved(20)
            load.end()
            # It is answered as ever; a reset helps as far as there is memory.
            d.reset()
            bench.answered(d.c)
        bench.idle(p)
    bench.all_well(p, by, fds)


@test
def truncated_before_use(t):
    """The file becomes shorter than its map between the map and the rings."""
    p, by = bench.start(t)
    for when in ("before_map", "before_rings"):
        with bench.driver(p, mem=unsealed(), probe=False) as d:
            if when == "before_map":
                os.ftruncate(d.mem.fd, PAGE)
                check(bench.refused(d.probe), "a map beyond the file was accepted")
            else:
                d.probe()
                d.negotiate()
                try:
                    os.ftruncate(d.mem.fd, 0)
                except PermissionError:
                    t.note("sealed")
                    continue
                for q in (0, 1, 2):
                    d.fn.set_common("queue_select", q)
                    for field, a in (("queue_desc", 0), ("queue_driver", PAGE),
                                     ("queue_device", 2 * PAGE)):
                        d.fn.set_common(field, d.mem.gpa + a)
                    d.fn.set_common("queue_enable", 1)
                d.add_status(virtio.DRIVER_OK)
                d.doorbell_raw(1)
                d.fn.common("num_queues")
            by.moved(20)
        check(p.process.alive(), f"{when}: the program ended: {p.process.state()}")
    bench.all_well(p, by)


@test
def pages_at_run_time(t):
    """A virtual IOMMU: each buffer's page is mapped for a frame and unmapped after it."""
    p, by = bench.start(t)
    features = driver.WANTED | bit(virtio.F_ACCESS_PLATFORM)
    rnd = random.Random(5)
    with bench.running(p, features=features, fill=False) as d, \
            Net(p, bench.VICTIM) as n:
        tx, rx = d.tx(0), d.rx(0)
        maps = p.process.maps()
        n_rounds = t.count(200, 5000)
        for i in range(n_rounds):
            pages = rnd.sample(range(1 << 20), 2)
            at = [d.mem.size - (2 - k) * PAGE for k in range(2)]
            for page, a in zip(pages, at):
                d.c.dma_map(d.mem, FAR + page * PAGE, PAGE, a, fd=True)
            if i % 2:
                frame = victim.body(i)
                d.mem.write(at[0], virtio.EMPTY_HDR + frame[:PAGE - 12])
                head = tx.free.pop()
                tx.write_desc(head, FAR + pages[0] * PAGE, 12 + len(frame), 0)
                tx.chain[head], tx.tag[head] = [(head, b"")], None
                tx.publish(head)
                tx.kick()
                tx.flush()
                check_eq([victim.number_of(f) for f in n.collect(1, victim.number_of)], [i], "frame sent")
            else:
                head = rx.free.pop()
                rx.write_desc(head, FAR + pages[1] * PAGE, PAGE, virtio.DESC_WRITE)
                rx.chain[head], rx.tag[head] = [(head, PAGE)], None
                rx.publish(head)
                rx.kick()
                n.send(victim.body(i))
                core.wait_for(rx.poll, 30, "a frame received")
                check_eq(victim.number_of(d.mem.read(at[1] + 12, 200)), i, "frame received")
            for page in pages:
                d.c.dma_unmap(FAR + page * PAGE, PAGE)
        check(p.process.maps() <= maps + 16, f"{p.process.maps()} mappings, {maps} before")
        # What is unmapped is out of reach at once.
        before = errors(p)
        tx.write_desc(tx.free[-1], FAR, 100, 0)
        tx.publish(tx.free[-1])
        tx.kick(force=True)
        core.wait_for(lambda: errors(p) > before or victim.broken(p), 30, "an unmapped buffer")
    bench.all_well(p, by)


class Asker:
    """Another device whose registers are read all the time, each within QEMU's patience."""

    def __init__(self, p, pf):
        self.d = driver.Driver(p.socket(pf), timeout=30).probe()
        self.answers = 0
        self.slowest = 0.0
        self.error = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stop.is_set():
                begin = time.monotonic()
                self.d.fn.common("num_queues")
                self.answers += 1
                self.slowest = max(self.slowest, time.monotonic() - begin)
        except Exception as e:  # told by end()
            self.error = e

    def end(self):
        self.stop.set()
        self.thread.join()
        self.d.close()
        if self.error:
            raise self.error


@test
def very_many_maps(t):
    """65 000 maps from one client: another device's traffic and registers do not notice."""
    p = bench.launch(t, 3)
    by = bench.echo.Bystander(t, p, transport="vfio-user")
    p.up(bench.VICTIM)
    fds, maps = p.process.fds(), p.process.maps()
    ask = Asker(p, 2)
    n = t.count(65000, 65000)
    mem = ring.GuestMemory(PAGE * 4096, gpa=FAR)
    with bench.running(p) as d:
        c = d.c
        order = list(range(n))
        random.Random(1).shuffle(order)
        check_eq(many(c, m.DMA_MAP, ((m.map_(FAR + 2 * k * PAGE, PAGE, k % 4096 * PAGE), mem.fd)
                                     for k in order)), n, "maps")
        told = ask.answers
        check(told > 10, f"only {told} answers on the other device meanwhile")
        by.moved()
        # The limit, and beyond it.
        limit = c.capabilities.get("max_dma_maps", 65535)
        extra = many(c, m.DMA_MAP, ((m.map_(FAR + (2 * k + 1) * PAGE, PAGE), None)
                                    for k in range(1000)))
        check(n + extra <= limit, f"{n} and {extra} maps, the limit is {limit}")
        bench.exchange(p, d)
        check(p.process.maps() < maps + 5000, f"{p.process.maps()} mappings, {maps} before")
        half = order[:n // 2]
        check_eq(many(c, m.DMA_UNMAP, ((m.unmap(FAR + 2 * k * PAGE, PAGE), None)
                                       for k in half)), len(half), "unmaps")
        check(ask.answers > told, "no answers on the other device meanwhile")
        bench.exchange(p, d)
        by.moved()
    mem.close()
    ask.end()
    t.note(f"{ask.answers} answers, the slowest after {ask.slowest * 1000:.0f} ms")
    bench.all_well(p, by, fds, maps)


def many(c, command, messages):
    """Send many messages without waiting for each. @return how many were accepted."""
    good, flying = 0, []
    for payload, fd in messages:
        flying.append(c.send(command, payload, () if fd is None else (fd,)))
        if len(flying) >= 64:
            good += settled(c, command, flying.pop(0))
    return good + sum(settled(c, command, x) for x in flying)


def settled(c, command, number):
    try:
        c.collect(command, number)
    except Refused:
        return 0
    return 1


@test
def many_files(t):
    """A file of its own for every map: descriptors and mappings of the program are bounded."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    with bench.driver(p) as d:
        n = t.count(1500, 60000)
        good = most = 0
        for i in range(n):
            fd = os.memfd_create("piece", os.MFD_CLOEXEC)
            os.ftruncate(fd, PAGE)
            try:
                good += bench.outcome(d.c.ask, m.DMA_MAP, m.map_(FAR + i * PAGE, PAGE), 0,
                                      [fd]) == bench.OK
            finally:
                os.close(fd)
            if i % 100 == 0:
                most = max(most, p.process.fds())
        t.note(f"{good} accepted, {most - fds} more descriptors")
        check(good >= 500, f"only {good} maps accepted")
        check(most <= fds + 1100, f"{most} descriptors, {fds} before")
        d.start()
        bench.exchange(p, d)
        d.c.unmap_all()
        # Rings that ran are broken by it and keep their old map until the driver resets them.
        d.reset()
        core.wait_for(lambda: p.process.maps() <= maps + 32, 30, "the mappings are gone")
    bench.all_well(p, by, fds, maps)


@test
def read_only(t):
    """A read-only map is read and never written, whatever a ring says."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        rom = ring.GuestMemory(1 << 20, gpa=FAR)
        frame = victim.body(77)
        rom.write(0, virtio.EMPTY_HDR + frame)
        # By flags with a writable file, and by a file that can only be read.
        ro = os.open(f"/proc/self/fd/{rom.fd}", os.O_RDONLY)
        d.c.dma_map(rom, FAR, PAGE, 0, m.MAP_READ)
        d.c.ask(m.DMA_MAP, m.map_(FAR + PAGE, PAGE, PAGE, m.MAP_READ), 0, [ro])
        os.close(ro)
        before = bytes(rom.mem)
        for at in (0, PAGE):
            d.restart()
            with Net(p, bench.VICTIM) as n:
                if at == 0:
                    raw_chain(d.tx(0), FAR, 12 + len(frame), 0)
                    d.tx(0).flush()
                    check_eq(n.collect(1, victim.number_of), [frame], "a frame out of read-only memory")
                bad = errors(p)
                raw_chain(d.rx(0), FAR + at, PAGE, virtio.DESC_WRITE)
                bench.ready(p, d)
                n.send(victim.body(1))
                core.wait_for(lambda bad=bad: errors(p) > bad or victim.broken(p), 30,
                              "a receive buffer in read-only memory")
        # A ring there.
        d.negotiate()
        r = d.make_ring(1)
        r.mem, r.desc, r.avail, r.used = rom, 0, 512, 1024
        d.fn.set_common("queue_select", 1)
        for field, a in (("queue_desc", 0), ("queue_driver", 512), ("queue_device", 1024)):
            d.fn.set_common(field, FAR + a)
        d.fn.set_common("queue_size", 4)
        d.fn.set_common("queue_enable", 1)
        d.add_status(virtio.DRIVER_OK)
        d.doorbell_raw(1)
        d.fn.common("num_queues")
        by.moved(5)
        check(bytes(rom.mem) == before, "read-only memory was written")
        # No access at all to memory that is write-only.
        d.c.dma_map(rom, FAR + (1 << 30), PAGE, 0, m.MAP_WRITE)
        rom.close()
    bench.all_well(p, by)


def raw_chain(r, addr, length, flags):
    """One descriptor of any kind."""
    head = r.free.pop()
    r.write_desc(head, addr, length, flags)
    r.chain[head], r.tag[head] = [(head, b"" if not flags else length)], None
    r.publish(head)
    r.kick(force=True)


@test
def without_descriptor(t):
    """Memory without a descriptor is accepted; a ring that points there harms nobody."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        rom = ring.GuestMemory(1 << 20, gpa=FAR)
        d.c.dma_map(rom, fd=False)
        check_eq(bench.outcome(d.c.dma_map, rom, fd=False), errno.EEXIST, "the same again")
        d.start()
        bench.exchange(p, d)
        bad = errors(p)
        raw_chain(d.tx(0), FAR, 200, 0)
        # Either it is read by message, or it is an error; the answers tell no other way.
        core.wait_for(lambda: d.fn.common("num_queues") and (
            errors(p) > bad or victim.broken(p) or d.c.dma_served), 30, "a buffer there")
        t.note("read by message" if d.c.dma_served else "an error of the ring")
        d.restart()
        bench.exchange(p, d)
        d.c.dma_unmap(FAR, rom.size)
        rom.close()
    bench.all_well(p, by)


@test
def unmap_all(t):
    """UNMAP ALL with few, many and no maps; maps can be made again behind it."""
    p, by = bench.start(t)
    maps = p.process.maps()
    with bench.driver(p) as d:
        other = ring.GuestMemory(1 << 20, gpa=FAR)
        for count in (0, 1, 200, 3000):
            for i in range(count):
                d.c.ask(m.DMA_MAP, m.map_(FAR + i * PAGE, PAGE, i % 256 * PAGE), 0, [other.fd])
            d.c.unmap_all()
            d.c.unmap_all()
            check(bench.refused(d.c.dma_unmap, FAR, PAGE), "a map is still there")
            d.c.dma_map(d.mem)
            d.restart()
            bench.exchange(p, d, 5)
            d.reset()
            d.forget_vectors()
        other.close()
        d.c.unmap_all()
    bench.all_well(p, by, None, maps)


@test
def sealed(t):
    """A memory file that can be sealed is: its owner cannot truncate it while it is shared."""
    p, by = bench.start(t)
    with bench.running(p) as d:
        try:
            os.ftruncate(d.mem.fd, 0)
            t.note("not sealed")
        except PermissionError:
            t.note("sealed")
        if os.fstat(d.mem.fd).st_size:
            bench.exchange(p, d)
    bench.all_well(p, by)


@test
def killed_under_load(t):
    """The client goes while both rings are full of work; the next one is served at once."""
    p, by = bench.start(t)
    fds, maps = p.process.fds(), p.process.maps()
    slowest = 0.0
    for _ in range(t.count(10, 200)):
        with bench.driver(p) as d:
            d.start()
            load = victim.Load(p, d)
            load.drive(50)
            load.saturate()
            d.c.close()
            begin = time.monotonic()
            with bench.driver(p, timeout=30) as other:
                slowest = max(slowest, time.monotonic() - begin)
                try:
                    other.start()
                except VfioUserError as e:
                    raise core.Fail(f"the next client: {e}") from e
            load.end()
    t.note(f"next client after {slowest * 1000:.0f} ms at most")
    bench.all_well(p, by, fds, maps)
