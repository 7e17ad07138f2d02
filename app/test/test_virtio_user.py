# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""DPDK's virtio-user PMD as the driver: every frame once, uncorrupted, in every ring mode."""

from vnt import core, frames, guest, program, reference, ring, testpmd
from vnt.core import check, check_eq, packed_too, variants

MRG_RXBUF = 15
INDIRECT = 28
EVENT_IDX = 29
VERSION_1 = 32
RING_PACKED = 34
IN_ORDER = 35

# mbufs too small for a frame: received frames are chains of mbufs, and are sent as such.
SEGMENTS = ("--mbuf-size=640", "--enable-scatter", "--tx-offloads=0x8000")


def backend(t, queue_pairs=1, **kw):
    """The program with one device of @queue_pairs (or the reference), running."""
    if t.options.reference:
        return reference.Reference(t, queue_pairs=queue_pairs).start()
    msix = max(4, 2 * queue_pairs + 2)
    return program.Program(t, capacity=program.capacity(1, msix), **kw).start()


def features(back, key="driver_feature"):
    return int(back.query()[key]["value"], 16)


def has(mask, bit):
    return bool(mask >> bit & 1)


def check_features(t, back, devargs):
    """The mode under test is the mode negotiated."""
    if t.options.reference:
        return
    mask = features(back)
    check(has(mask, VERSION_1), f"VERSION_1 not negotiated: {mask:#x}")
    check_eq(has(mask, RING_PACKED), ring.Default.packed, f"packed rings in {mask:#x}")
    check_eq(has(mask, MRG_RXBUF), "mrg_rxbuf=1" in devargs, f"mergeable in {mask:#x}")
    if "in_order=1" in devargs:
        check(has(mask, IN_ORDER), f"in-order asked for, not negotiated: {mask:#x}")
    else:
        check(not has(mask, IN_ORDER), f"in-order not asked for, but negotiated: {mask:#x}")


def check_stats(t, back, loop, sent_before):
    """The engine's counters are real counts."""
    if t.options.reference:
        return
    stats = back.stats()
    queues = {q["VQ Index"]: q for q in stats["queues-stats"]}
    rx = sum(int(q["total_bytes"]) for i, q in queues.items() if i % 2 == 0)
    tx = sum(int(q["total_bytes"]) for i, q in queues.items() if i % 2 == 1)
    total = loop.bytes
    # settle() may have sent a few frames more, whose answers were not counted.
    slack = (sent_before + 1) * loop.max_frame
    check(total <= rx <= total + slack, f"RX total_bytes {rx}, frames had {total}")
    check(total <= tx <= total + slack, f"TX total_bytes {tx}, frames had {total}")
    for i, q in queues.items():
        for key in ("bad_desc_errors", "exceed_max_chain", "invalid_buffer"):
            check_eq(int(q.get(key, 0)), 0, f"{key} of queue {i}")


def traffic(t, back, count, max_frame=1514, window=None):
    rep = back.up()
    loop = frames.Loop(back.ns, rep, max_frame=max_frame, window=window)
    t.cleanup(loop.close)
    before = loop.settle()
    loop.run(count)
    check_eq(loop.returned, count, "frames back")
    return loop, before


MODES = (
    # name, devargs, testpmd arguments, largest frame
    ("mergeable", "mrg_rxbuf=1,in_order=0", (), 1514),
    ("non_mergeable", "mrg_rxbuf=0,in_order=0", (), 1514),
    ("indirect", "mrg_rxbuf=1,in_order=0", SEGMENTS, 1514),
    ("in_order", "mrg_rxbuf=1,in_order=1", (), 1514),
    ("in_order_non_mergeable", "mrg_rxbuf=0,in_order=1", (), 1514),
)


@packed_too("mergeable_4q", "non_mergeable_1q", "indirect_1q", "in_order_1q",
            "in_order_non_mergeable_1q")
@variants(*((f"{mode}_{q}q", devargs, args, size, q)
            for mode, devargs, args, size in MODES for q in (1, 4)))
def frames_back(t, devargs, args, max_frame, queues):
    """Frames go representor -> RX ring -> testpmd -> TX ring -> representor, checked one by one."""
    count = t.count(2000, 20000)
    back = backend(t, queues)
    driver = testpmd.Testpmd(t, back.socket(), queues=queues, devargs=devargs, args=args)
    driver.wait_started()
    back.wait_enabled(2 * queues)
    check_features(t, back, devargs)
    loop, before = traffic(t, back, count, max_frame)
    check_stats(t, back, loop, before)
    driver.stop()
    back.wait_enabled(0)
    check(back.process.alive(), "the back end ended")
    back.stop()


@packed_too()
@core.test
def vectorized(t):
    """The driver's vector path (in-order off, no offloads): other descriptor habits."""
    count = t.count(2000, 20000)
    back = backend(t)
    driver = testpmd.Testpmd(t, back.socket(), devargs="mrg_rxbuf=0,in_order=0,vectorized=1")
    driver.wait_started()
    back.wait_enabled(2)
    check_eq(has(features(back), RING_PACKED), ring.Default.packed, "packed rings")
    traffic(t, back, count)
    driver.stop()
    back.stop()


@packed_too()
@core.test
def current_dpdk(t):
    """The virtio-user PMD of DPDK 25.11."""
    exe = guest.script(t, "mk-dpdk", "forky")
    count = t.count(2000, 20000)
    back = backend(t)
    devargs = "mrg_rxbuf=1,in_order=0"
    driver = testpmd.Testpmd(t, back.socket(), devargs=devargs, exe=exe)
    driver.wait_started()
    back.wait_enabled(2)
    check_features(t, back, devargs)
    loop, before = traffic(t, back, count)
    check_stats(t, back, loop, before)
    driver.stop()
    back.stop()


@packed_too("32")
@variants(("32", 32), ("1024", 1024), ("4096", 4096))
def ring_size(t, size):
    """Small rings wrap often; the VMM may choose larger ones than max_queue_size."""
    count = t.count(1000, 20000)
    back = backend(t)
    driver = testpmd.Testpmd(t, back.socket(), queue_size=size, devargs="mrg_rxbuf=1,in_order=0",
                             args=(f"--rxd={size}", f"--txd={size}"))
    driver.wait_started()
    back.wait_enabled(2)
    traffic(t, back, count, window=4)
    driver.stop()
    back.stop()


@core.test
def no_huge_driver(t):
    """The driver's memory is a plain memfd (--no-huge), not hugepages."""
    back = backend(t)
    driver = testpmd.Testpmd(t, back.socket(), devargs="mrg_rxbuf=1,in_order=0", huge=False)
    driver.wait_started()
    back.wait_enabled(2)
    traffic(t, back, t.count(1000, 10000))
    driver.stop()
    back.stop()


@core.test
def fewer_queues_than_offered(t):
    """A device of four pairs, a driver that uses one: traffic of all flows arrives on it."""
    back = backend(t, 4)
    driver = testpmd.Testpmd(t, back.socket(), queues=1, devargs="mrg_rxbuf=1,in_order=0")
    driver.wait_started()
    back.wait_enabled(2)
    traffic(t, back, t.count(1000, 10000))
    driver.stop()
    back.stop()


@core.test
def driver_again(t):
    """One driver after the other on the same socket, ended in order or killed."""
    back = backend(t)
    n = t.count(3, 20)
    loop = None
    for i in range(n):
        driver = testpmd.Testpmd(t, back.socket(), devargs="mrg_rxbuf=1,in_order=0",
                                 name=f"testpmd{i}_")
        driver.wait_started()
        back.wait_enabled(2)
        if loop is None:
            loop = frames.Loop(back.ns, back.up())
            t.cleanup(loop.close)
        loop.settle()
        loop.run(300)
        if i % 2:
            driver.kill()
        else:
            driver.stop()
        back.wait_enabled(0)
    back.stop()


@packed_too()
@core.test
def program_again(t):
    """The program is killed and started again: the driver reconnects, traffic goes on."""
    back = backend(t)
    if t.options.reference:
        raise core.Skip("not with the reference")
    path = back.socket()
    rep = back.rep()
    ifindex = back.ns.link(rep)["ifindex"]
    # testpmd as the server end: the program is the one that connects.
    back.stop()
    conf = {"vhost_user": {"mode": "client"}}
    back = program.Program(t, conf=conf, capacity=program.capacity(1, 4)).start()
    check_eq(back.ns.link(rep)["ifindex"], ifindex, "ifindex of the representor")
    driver = testpmd.Testpmd(t, path, devargs="mrg_rxbuf=1,in_order=0,server=1")
    driver.wait_started()
    back.wait_enabled(2)
    loop = frames.Loop(back.ns, back.up())
    t.cleanup(loop.close)
    loop.settle()
    loop.run(300)
    for _ in range(t.count(3, 50)):
        back.kill()
        loop.may_repeat()
        back.start()
        back.wait_enabled(2)
        loop.settle()
        loop.run(300)
    check_eq(back.ns.link(rep)["ifindex"], ifindex, "ifindex of the representor")
    driver.stop()
    back.stop()
