# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""vfio-user as a well-behaved client speaks it, and the PCI function behind it."""

import errno
import os
import random
import struct
import time

from vfu import bench, message as m, pci
from vfu.client import VfioUserClient
from vfu.driver import Driver
from vnt import core, ring, virtio
from vnt.core import check, check_eq, test

MSIX = 4


@test
def order_of_qemu(t):
    """Every message as QEMU 11.1 sends it, to the point where the guest runs."""
    p = bench.launch(t, 1)
    fds = p.process.fds()
    with bench.client(p, 0) as c:
        major, minor, said = c.version()
        check_eq((major, minor), (0, 0), "version")
        caps = said.get("capabilities", {})
        check(set(caps) <= set(m.QEMU_CAPABILITIES), f"capabilities that were not proposed: {caps}")
        check("migration" not in caps, "migration is promised")
        check(caps.get("max_msg_fds", 1) <= 16, f"max_msg_fds: {caps}")
        check(caps.get("max_data_xfer_size", 1 << 20) <= 64 << 20, f"max_data_xfer_size: {caps}")
        check(caps.get("max_dma_maps", 65535) <= 65535, f"max_dma_maps: {caps}")
        check_eq(caps.get("write_multiple", False), True, "write_multiple")
        # Maps of firmware and RAM, sent without waiting; then all unmapped and split anew.
        ram = ring.GuestMemory(8 << 20, gpa=0)
        first = [(0, 8 << 20, True), (0xFFFC0000, 256 << 10, False), (0xE0000000, 4096, False)]
        pieces = [(i << 16, 1 << 16, True) for i in range(12)]
        pieces += [(0xC0000, 0x40000, False), (0x100000, 7 << 20, True)]
        transaction(c, ram, first, ())
        transaction(c, ram, pieces, first[:1])
        argsz, flags, regions, irqs = c.info()
        check_eq((argsz, flags), (16, m.INFO_RESET | m.INFO_PCI), "device info")
        check(8 <= regions <= 100 and 3 <= irqs <= 50, f"{regions} regions, {irqs} irqs")
        for index in (*range(m.ROM), m.CONFIG):
            r = c.region_info(index)
            argsz, flags, got, _, size, _ = m.REGION.unpack(r.payload)
            check_eq((argsz, got, r.fds), (32, index, []), f"region {index}")
            check(not flags & (m.REGION_CAPS | m.REGION_MMAP), f"region {index}: flags {flags:#x}")
            check_eq(bool(size), index in (m.BAR1, m.BAR4, m.CONFIG), f"region {index} is there")
        err = bench.outcome(c.irq_info, m.ERR)
        check(err in (bench.OK, errno.EINVAL), f"GET_IRQ_INFO ERR: {err}")
        check(err != bench.OK or c.irq_info(m.ERR)[3] == 0, "the ERR interrupt is offered")
        flags, index, count = c.irq_info(m.MSIX)[1:]
        check_eq((flags & m.IRQ_EVENTFD, index, count), (m.IRQ_EVENTFD, m.MSIX, MSIX), "MSI-X")
        flags, _, count = c.irq_info(m.INTX)[1:]
        want = m.IRQ_EVENTFD | m.IRQ_MASKABLE
        check_eq((flags & want, count), (want, 1), "INTx")
        fd = ring.eventfd()
        c.irq_eventfd(m.INTX, 0, fd)
        c.reset()
        check_eq(pci.Function(c).read(pci.VENDOR, 2), 0x1AF4, "vendor")
        check(c.quiet(), "messages that nobody asked for")
        # What goes before the connection does.
        c.irq_disable(m.INTX)
        c.unmap_all()
        ram.close()
        os.close(fd)
    bench.idle(p, 0)
    with bench.driver(p, 0) as d:
        d.start()
    core.wait_for(lambda: p.process.fds() <= fds, 30, f"descriptors back at {fds}")
    p.stop()


def transaction(c, ram, maps, unmaps):
    """As QEMU's memory transaction: all sent, then the answers awaited."""
    ids = [(m.DMA_UNMAP, c.send(m.DMA_UNMAP, m.unmap(addr, size))) for addr, size, _ in unmaps]
    ids += [(m.DMA_MAP, c.send(m.DMA_MAP, m.map_(addr, size, addr if fd else 0),
                               [ram.fd] if fd else ())) for addr, size, fd in maps]
    for command, number in ids:
        c.collect(command, number)


@test
def argsz(t):
    """What fits is sent, what does not is told; too little for the head is refused."""
    p = bench.launch(t, 1, conf={"vfio_user": {"doorbell": "page"}})
    with bench.client(p, 0) as c:
        c.version()
        for n in (16, 17, 64, 0xFFFFFFFF):
            check_eq(c.info(n)[0], 16, f"device info with argsz {n}")
            check_eq(c.irq_info(m.MSIX, n)[0], 16, f"irq info with argsz {n}")
        for n in (0, 15):
            check_eq(bench.outcome(c.info, n), errno.EINVAL, f"device info with argsz {n}")
            check_eq(bench.outcome(c.irq_info, 0, n), errno.EINVAL, f"irq info with argsz {n}")
        for n in (0, 31):
            check_eq(bench.outcome(c.region_info, 4, n), errno.EINVAL, f"region, argsz {n}")
        r = c.region_info(m.BAR4)
        c.close_fds(r)
        need, flags, _, at, size, _ = m.REGION.unpack(r.payload)
        check(flags & m.REGION_CAPS and flags & m.REGION_MMAP, f"BAR4: flags {flags:#x}")
        check(need > 32, f"argsz {need}")
        check_eq(at, 32, "cap_offset although the capability did not fit")
        r = c.region_info(m.BAR4, need - 1)
        c.close_fds(r)
        check_eq(len(r.payload), 32, "with one byte too few")
        for n in (need, need + 1, 4096):
            r = c.region_info(m.BAR4, n)
            check_eq((len(r.payload), len(r.fds)), (need, 1), f"with argsz {n}: bytes, fds")
            c.close_fds(r)
            cap, version, nxt = m.CAP.unpack_from(r.payload, 32)
            check_eq((cap, version, nxt), (m.CAP_SPARSE, 1, 0), "capability")
            areas, _ = m.SPARSE.unpack_from(r.payload, 40)
            check_eq(areas, 1, "areas")
            start, length = m.AREA.unpack_from(r.payload, 48)
            check(length and not (start | length) & 4095 and start + length <= size,
                  f"area {start:#x}+{length:#x}")
        for index in (m.BAR1, m.CONFIG):
            r = c.region_info(index, 4096)
            check_eq((len(r.payload), r.fds), (32, []), f"region {index}")
    p.stop()


@test
def versions(t):
    """Every version and capability list that a client may propose."""
    p = bench.launch(t, 1)
    cases = ((dict(minor=1), 1), (dict(minor=7), 7), (dict(capabilities={}), 0), (dict(data=b""), 0),
             (dict(data=b"{}\0"), 0), (dict(data=b'{"capabilities":{}}\0'), 0),
             (dict(data=b'{"else":1}\0'), 0),
             (dict(capabilities={"max_msg_fds": 1, "unknown": [1, {"a": None}]}), 0))
    for kw, highest in cases:
        with bench.client(p, 0) as c:
            major, minor, said = c.version(**kw)
            check(major == 0 and minor <= highest, f"{kw}: version {major}.{minor}")
            check("unknown" not in said.get("capabilities", {}), f"{kw}: {said}")
            bench.answered(c)
            # A second one is a fault of the client.
            check(bench.refused(c.version), "VERSION was accepted twice")
    with bench.client(p, 0) as c:
        check(bench.refused(c.info), "GET_INFO before VERSION was answered")
    p.stop()


@test
def config_space(t):
    """Identity (contract 1.5), capabilities, BARs, what can be written and what cannot."""
    p = bench.launch(t, 1)
    with bench.driver(p, 0) as d:
        fn, c = d.fn, d.c
        check_eq([fn.read(at, 2) for at in (pci.VENDOR, pci.DEVICE, pci.SUBSYS_VENDOR, pci.SUBSYS)],
                 [0x1AF4, 0x1041, 0x1AF4, 0x1041], "identity")
        check_eq((fn.read(pci.REVISION, 1), fn.read(pci.CLASS, 3)), (1, 0x020000), "rev, class")
        check_eq((fn.read(pci.HEADER_TYPE, 1), fn.read(pci.INT_PIN, 1)), (0, 1), "type, pin")
        check(fn.read(pci.STATUS, 2) & pci.STATUS_CAPS, "no capability list")
        ids = sorted(x.id for x in fn.caps)
        check_eq(ids.count(pci.CAP_MSIX), 1, f"MSI-X in {ids}")
        check_eq(ids.count(pci.CAP_PCIE), 1, f"PCI Express in {ids}")
        at = fn.cap(pci.CAP_PCIE)
        kind = fn.read(at + pci.PCIE_CAPS, 2)
        check(kind & 0xF >= 1 and kind >> 4 & 0xF == 0, f"PCIe capability {kind:#x}: no endpoint")
        check(fn.has_flr(), "no function-level reset")
        check_eq(sorted(fn.structures), list(range(1, 6)), "virtio structures")
        sizes = {}
        for n in range(6):
            sizes[n] = m.REGION.unpack_from(c.region_info(n).payload)[4]
        for s in fn.structures.values():
            if s.type == pci.PCI_CFG:
                continue
            check(s.offset + s.length <= sizes[s.bar], f"{s} is outside its BAR")
        s = fn.structures[pci.NOTIFY]
        check(s.offset & 4095 == 0 and s.multiplier == 4, f"{s}")
        check(fn.structures[pci.COMMON].length >= 60, "common structure too short")
        for n in range(6):
            size, flags, wide = fn.bar_size(n)
            if n == 5:
                continue  # the upper half of BAR4
            check_eq(size, sizes[n], f"size of BAR{n}")
            check_eq((flags & 1, wide), (0, n == 4), f"BAR{n}: I/O, 64 bit")
        at = fn.cap(pci.CAP_MSIX)
        check_eq(fn.msix_size(), MSIX, "MSI-X table")
        for name, end in ((pci.MSIX_TABLE, 16 * MSIX), (pci.MSIX_PBA, 8)):
            v = fn.read(at + name, 4)
            check((v & ~7) + end <= sizes[v & 7], f"MSI-X at {v:#x}")
        # Addresses stick, the read-only rest does not change.
        whole = c.read(m.CONFIG, 0, 4096)
        check_eq(c.read(m.CONFIG, 0x100, 4), bytes(4), "extended capabilities")
        for at in (pci.VENDOR, pci.DEVICE, pci.REVISION, pci.HEADER_TYPE, pci.SUBSYS, pci.CAP_PTR):
            fn.write(at, 1, fn.read(at, 1) ^ 0xFF)
        c.write(m.CONFIG, 0x100, b"\xff" * 3840)
        check_eq(c.read(m.CONFIG, 0, 4096), whole, "read-only registers")
        fn.write(pci.BARS + 16, 4, 0xFEB00000)
        fn.write(pci.INT_LINE, 1, 11)
        check_eq((fn.read(pci.BARS + 16, 4) & ~15, fn.read(pci.INT_LINE, 1)), (0xFEB00000, 11),
                 "BAR4, interrupt line")
        fn.write(pci.COMMAND, 2, 0xFFFF)
        got = fn.read(pci.COMMAND, 2)
        check_eq(got & 0x407, 0x407 if sizes[0] else got & 0x1 | 0x406, "command register")
        fn.write(pci.COMMAND, 2, 0)
        check_eq(fn.read(pci.COMMAND, 2), 0, "command register")
        check_eq(fn.read(pci.STATUS, 2) & 0xF900, 0, "error bits of the status register")
    p.stop()


@test
def odd_accesses(t):
    """Any offset and size within a region; the same bytes however they are read."""
    p = bench.launch(t, 1)
    rnd = random.Random(1)
    with bench.running(p, 0) as d:
        c, fn = d.c, d.fn
        regions = {i: m.REGION.unpack_from(c.region_info(i).payload)[4] for i in range(9)
                   if bench.outcome(c.region_info, i) == bench.OK}
        isr = fn.structures[pci.ISR]
        for index, size in regions.items():
            if not size:
                check(bench.refused(c.read, index, 0, 1), f"region {index} of no bytes was read")
                continue
            for n in (1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 64, 255):
                for at in (0, 1, size - n, rnd.randrange(size - n)):
                    if index == isr.bar and at <= isr.offset < at + n:
                        continue
                    one = c.read(index, at, n)
                    cut = rnd.randrange(1, n) if n > 1 else 1
                    two = c.read(index, at, cut) + (c.read(index, at + cut, n - cut)
                                                    if n > cut else b"")
                    if index != m.BAR4 or at >= 64:
                        check_eq(one, two, f"region {index}: {n} bytes at {at:#x}")
        # Registers in pieces; a queue that is enabled does not take them.
        d.reset()
        for chunk in (1, 2, 4, 8):
            value = rnd.randbytes(8)
            for at in range(0, 8, chunk):
                fn.put(pci.COMMON, 32 + at, value[at:at + chunk])
            got = fn.get(pci.COMMON, 32, 8)
            if chunk >= 4:
                check_eq(got, value, f"queue_desc written by {chunk}")
        fn.set_common("queue_select", 0)
        check(fn.get(pci.COMMON, 0, 64)[22:24] == b"\0\0", "queue_select in the whole structure")
        check_eq(fn.get(pci.DEVICE_CFG, 0, 6), d.mac, "MAC")
        check_eq(fn.get(pci.DEVICE_CFG, 3, 2), d.mac[3:5], "two bytes of the MAC")
        check_eq(fn.get(pci.DEVICE_CFG, 1000, 8), bytes(8), "behind the configuration")
        # Writes that mean nothing.
        for at, data in ((18, b"\xff\xff"), (21, b"\xff"), (30, b"\xff\xff"), (56, b"\xff\xff")):
            before = fn.get(pci.COMMON, at, len(data))
            fn.put(pci.COMMON, at, data)
            check_eq(fn.get(pci.COMMON, at, len(data)), before, f"read-only register at {at}")
        fn.set_common("queue_select", 0xFFFF)
        check_eq((fn.common("queue_size"), fn.common("queue_enable")), (0, 0), "no such queue")
        fn.set_common("queue_enable", 1)
        fn.set_common("queue_size", 4)
        for word in (2, 3, 4, 255, 0xFFFFFFFF):
            fn.set_common("device_feature_select", word)
            check_eq(fn.common("device_feature"), 0, f"feature word {word}")
            fn.set_common("driver_feature_select", word)
            fn.set_common("driver_feature", 0xFFFFFFFF)
        c.write(m.BAR1, 0, b"\xff" * 16 * MSIX)
        d.restart()
        d.rx(0).fill()
        p.up(0)
        bench.exchange(p, d, pf=0)
    p.stop()


@test
def window(t):
    """The PCI_CFG capability reaches every structure, and nothing else."""
    p = bench.launch(t, 1)
    with bench.driver(p, 0) as d:
        fn = d.fn
        s = fn.structures[pci.COMMON]
        check_eq(fn.window(s.bar, s.offset + 18, 2), fn.common("num_queues"), "num_queues")
        check_eq(fn.window(s.bar, s.offset + 20, 1), 0, "status")
        fn.window(s.bar, s.offset + 20, 1, virtio.ACK)
        check_eq(d.status, virtio.ACK, "status written through the window")
        s = fn.structures[pci.DEVICE_CFG]
        check_eq(fn.window(s.bar, s.offset, 4), int.from_bytes(d.mac[:4], "little"), "MAC")
        at = fn.structures[pci.PCI_CFG].at
        check_eq((fn.read(at + 4, 1), fn.read(at + 8, 4), fn.read(at + 12, 4)), (4, s.offset, 4),
                 "the window's registers")
        for bar, offset, size in ((4, 0, 3), (4, 0, 0), (4, 0, 8), (4, 0, 0xFFFFFFFF), (6, 0, 4),
                                  (255, 0, 4), (4, 0xFFFFFFFC, 4), (4, 0x7FFE, 4), (3, 0, 4),
                                  (4, 1, 4), (5, 0, 4)):
            fn.write(at + 4, 1, bar)
            fn.write(at + 8, 4, offset)
            fn.write(at + 12, 4, size)
            fn.read(at + 16, 4)
            fn.write(at + 16, 4, 0)
        check_eq(d.status, virtio.ACK, "status after senseless windows")
    p.stop()


def busy(p, d):
    """A driver with both rings full of work; @return a function that says it was let go."""
    bench.exchange(p, d, 5)
    while d.tx(0).send(b"\x02" * 1400, kick=False):
        pass
    d.tx(0).kick(force=True)


@test
def function_level_reset(t):
    """FLR under traffic: all as it was in the beginning, and the memory is left alone."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        fn = d.fn
        fresh = d.c.read(m.CONFIG, 0x40, 0xC0)
        for i in range(3):
            fn.enable()
            d.restart() if i else d.start()
            d.rx(0).fill()
            busy(p, d)
            fn.flr()
            # Drivers and hosts see its end in the status register.
            end = time.monotonic() + 20
            while d.status:
                check(time.monotonic() < end, f"status {d.status:#x} after FLR")
            before = bytes(d.mem.mem[:4 << 20])
            check_eq(fn.read(pci.COMMAND, 2), 0, "command register")
            check_eq(fn.read(pci.BARS + 16, 4) & ~15, 0, "BAR4")
            check_eq(d.c.read(m.CONFIG, 0x40, 0xC0), fresh, "capabilities")
            check_eq(fn.common("config_msix_vector"), virtio.NO_VECTOR, "config vector")
            fn.set_common("queue_select", 0)
            check_eq((fn.common("queue_enable"), fn.common("queue_msix_vector"),
                      fn.common("queue_desc")), (0, virtio.NO_VECTOR, 0), "queue 0")
            by.moved(5)
            check(bytes(d.mem.mem[:4 << 20]) == before, "memory was written after the reset")
            d.forget_vectors()
        fn.enable()
        d.restart()
        bench.exchange(p, d)
    bench.all_well(p, by)


@test
def device_reset(t):
    """DEVICE_RESET is answered when the pollers have let go, and not before."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        for i in range(t.count(5, 200)):
            d.restart() if i else d.start()
            d.rx(0).fill()
            busy(p, d)
            d.c.reset()
            before = bytes(d.mem.mem[:4 << 20])
            check_eq(d.status, 0, "status after DEVICE_RESET")
            by.moved(3)
            check(bytes(d.mem.mem[:4 << 20]) == before, "memory was written after the reply")
            d.forget_vectors()
            d.fn.enable()
        # Sent twice without waiting: each is answered.
        ids = [d.c.send(m.RESET) for _ in range(3)]
        for number in ids:
            d.c.collect(m.RESET, number)
    bench.all_well(p, by)


@test
def posted_and_multiple(t):
    """Writes without a reply and several in one message: in order, all of them."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        fn, c = d.fn, d.c
        s = fn.structures[pci.COMMON]
        for i in range(200):
            fn.set_common("device_feature_select", i, posted=True)
        check_eq(fn.common("device_feature_select"), 199, "the last posted write")
        check(c.quiet(), "a posted write was answered")
        fn.set_common("device_feature_select", 0)
        writes = [(s.bar, s.offset, struct.pack("<I", i)) for i in (1, 0, 1)]
        writes.append((s.bar, s.offset + 22, struct.pack("<H", 1)))
        check_eq(c.write_multi(writes), len(writes), "writes done")
        check_eq((fn.common("device_feature_select"), fn.common("queue_select")), (1, 1),
                 "after REGION_WRITE_MULTI")
        c.write_multi([(s.bar, s.offset, struct.pack("<I", 0))], posted=True)
        check_eq(fn.common("device_feature_select"), 0, "after a posted REGION_WRITE_MULTI")
        check(c.quiet(), "a posted REGION_WRITE_MULTI was answered")
        many = [(s.bar, s.offset, struct.pack("<I", i)) for i in range(500)]
        check_eq(c.write_multi(many), 500, "writes done")
        check_eq(fn.common("device_feature_select"), 499, "the last of them")
        # Doorbells among them, as QEMU may coalesce them.
        d.start()
        bench.exchange(p, d)
        n = fn.structures[pci.NOTIFY]
        tx = d.tx(0)
        tx.send(bench.victim.body(1), kick=False)
        c.write_multi([(n.bar, n.offset + 4 * tx.notify_off, struct.pack("<H", tx.index))] * 3,
                      posted=True)
        tx.flush()
        # Posted requests of all kinds that fail are not answered.
        c.send(m.REGION_WRITE, m.access(99, 0, 4, bytes(4)), flags=m.NO_REPLY)
        c.send(m.DMA_UNMAP, m.unmap(1 << 40, 4096), flags=m.NO_REPLY)
        c.send(m.DMA_MAP, m.map_(1 << 40, 4096), flags=m.NO_REPLY)
        bench.answered(c)
    bench.all_well(p, by)


@test
def one_client_at_a_time(t):
    """A second client is refused, the first not disturbed; when it goes the next is served."""
    p, by = bench.start(t)
    path = p.socket(bench.VICTIM)
    fds = p.process.fds()
    slowest = 0.0
    for _ in range(t.count(5, 100)):
        with bench.running(p) as d:
            for _ in range(3):
                second = VfioUserClient(path, timeout=30)
                second.connect()
                check(bench.outcome(second.version) == bench.CLOSED, "a second client was served")
                second.close()
            bench.exchange(p, d, 5)
            d.tx(0).send(bench.victim.body(1))
        # The next one as soon as the connection is gone.
        begin = time.monotonic()
        core.wait_for(lambda: next_served(path), 30, "the next client is served")
        slowest = max(slowest, time.monotonic() - begin)
    t.note(f"next client after {slowest * 1000:.0f} ms at most")
    bench.all_well(p, by, fds)


def next_served(path):
    with Driver(path, timeout=30) as d:
        return bench.outcome(d.probe) == bench.OK


@test
def half_messages(t):
    """Half a message and silence: nobody else waits; the rest of it comes later."""
    p, by = bench.start(t)
    whole = m.HEADER.pack(7, m.GET_INFO, 32, 0, 0) + m.INFO.pack(16, 0, 0, 0)
    with bench.client(p) as c:
        c.version()
        for part in (1, 8, 15, 16, 17, 31):
            begin = time.monotonic()
            c.send_raw(whole[:part])
            by.moved(20)
            p.devices()
            if not c.alive():
                # The rest must come within 5 s.
                check(time.monotonic() - begin > 4, f"closed after {part} bytes")
                t.note("too slow for the rest of a message")
                c.close()
                c.connect()
                c.version()
                continue
            c.send_raw(whole[part:])
            c.collect(m.GET_INFO, 7)
        # Many in one write, and one byte by byte.
        c.send_raw(whole * 50)
        for _ in range(50):
            r = c.recv()
            check_eq((r.id, r.command, r.flags), (7, m.GET_INFO, m.REPLY), "reply")
        for i in range(32):
            c.send_raw(whole[i:i + 1])
        c.collect(m.GET_INFO, 7)
    for part in (1, 8, 15):
        with bench.client(p) as c:
            c.send_raw(whole[:part])
            by.moved(5)
    bench.all_well(p, by)


@test
def killed_after_and_in_every_message(t):
    """The client goes after, and in the middle of, every message of a probe."""
    p, by = bench.start(t)
    path = p.socket(bench.VICTIM)
    fds, maps = p.process.fds(), p.process.maps()
    total = 0
    for part in (None, 1, 17, 40):
        step = 1 if t.options.long else 5
        n = 0 if part is None else step - 1
        while killed_at(path, n, part):
            n += step
            total += 1
    check(total > 20, f"only {total} messages")
    t.note(f"{total} connections")
    bench.all_well(p, by, fds, maps)


def killed_at(path, after, part):
    """@return False when all was over before that."""
    with Driver(path, timeout=30) as d:
        d.c = d.fn.client = bench.CutClient(path, after, part, timeout=30)
        try:
            d.probe()
            d.start()
            d.rx(0).fill()
            d.tx(0).send(bench.victim.body(0))
            d.reset()
            d.c.reset()
            return False
        except bench.Cut:
            return True


@test
def no_reader(t):
    """A client that does not read its answers is not waited for by anybody."""
    p, by = bench.start(t)
    with bench.client(p) as c:
        c.version()
        c.sock.settimeout(1)
        message = m.HEADER.pack(1, m.REGION_READ, 32, 0, 0) + m.access(m.CONFIG, 0, 4096)
        try:
            for _ in range(20000):
                c.send_raw(message)
        except bench.VfioUserError:
            pass  # full, or thrown out
        by.moved(50)
        p.devices()
    bench.all_well(p, by)
