# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The virtio-net device behind vfio-user: status, features, interrupts, resets, other layouts."""

import json
import os

from vfu import bench, control, driver, legacy, message as m, pci
from vfu.net import Net, number_of, plain
from vnt import core, program, ring, victim, virtio
from vnt.core import check, check_eq, packed_too, test, variants
from vnt.ring import Default
from vnt.virtio import bit

PLAIN = bit(virtio.F_VERSION_1, virtio.F_MAC)
V1 = virtio.F_VERSION_1
MAC = "02:11:22:33:44:55"


@test
def status_and_features(t):
    """What FEATURES_OK means, which features it refuses, and what cannot be taken back."""
    p = bench.launch(t, 1)
    with bench.driver(p, 0) as d:
        check(d.negotiate(), "the features that are offered are refused")
        check(d.offered & bit(V1), f"VERSION_1 is not offered: {d.offered:#x}")
        for wanted in (virtio.F_MRG_RXBUF, virtio.F_CTRL_VQ, virtio.F_MQ, virtio.F_RING_RESET,
                       virtio.F_EVENT_IDX, virtio.F_INDIRECT, virtio.F_CTRL_RX, virtio.F_RSS):
            check(d.offered & bit(wanted), f"feature {wanted} of {d.offered:#x}")
        check_eq(bool(d.offered & bit(virtio.F_RING_PACKED)), Default.packed, "packed rings offered")
        # Once agreed on they stay.
        d.write_features(PLAIN)
        check_eq(d.read_accepted(), d.features, "features written after FEATURES_OK")
        d.status = virtio.ACK
        check_eq(d.status, virtio.ACK | virtio.DRIVER | virtio.FEATURES_OK,
                 "a status without bits that were set")
        refused = {
            "nothing": 0,
            "no VERSION_1": bit(virtio.F_MAC),
            "packed rings without VERSION_1": bit(virtio.F_RING_PACKED),
            "not offered": PLAIN | bit(virtio.F_ADMIN_VQ),
            "unknown": PLAIN | bit(58),
            "all bits": 2**64 - 1,
        }
        # Drivers in the field take some without what they need; no device minds.
        for name, feature in (("MQ without CTRL_VQ", virtio.F_MQ),
                              ("CTRL_RX without CTRL_VQ", virtio.F_CTRL_RX),
                              ("TSO4 without CSUM", virtio.F_HOST_TSO4),
                              ("GUEST_TSO4 without GUEST_CSUM", virtio.F_GUEST_TSO4),
                              ("RSS without CTRL_VQ", virtio.F_RSS)):
            check(d.negotiate(PLAIN | bit(feature), exact=True), f"refused: {name}")
        for name, features in refused.items():
            check(not d.negotiate(features, exact=True), f"accepted: {name}")
        # A second try after a refusal, without a reset.
        d.write_features(PLAIN)
        d.add_status(virtio.FEATURES_OK)
        check(d.status & virtio.FEATURES_OK, "a right choice after a wrong one")
        # Words beyond the second: zeroes may be written, bits are not offered.
        check(d.negotiate(PLAIN), "the smallest choice")
        d.reset()
        d.fn.set_common("driver_feature_select", 3)
        d.fn.set_common("driver_feature", 1)
        d.fn.set_common("driver_feature_select", 7)
        d.fn.set_common("driver_feature", 0xFFFFFFFF)
        check(d.negotiate(PLAIN), "after words that do not exist")
        for order in ((4,), (1, 4), (3, 7), (8,), (0x80,), (0x40,), (0xFF,), (7, 0xF)):
            d.reset()
            for value in order:
                d.status = value
            check(not d.status & virtio.NEEDS_RESET, f"status {order} breaks the device")
        d.reset()
        p.up(0)
        d.start()
        bench.exchange(p, d, pf=0)
    p.stop()


@test
def without_multiqueue(t):
    """The control queue is number 2 when MQ was not accepted (virtio 1.2, 5.1.2)."""
    p = bench.launch(t, 1, pairs=3)
    with bench.driver(p, 0) as d:
        p.up(0)
        d.start(features=driver.WANTED & ~bit(virtio.F_MQ))
        check_eq(d.ctrl_index, 2, "control queue")
        d.rx_mode(0, 1)
        bench.exchange(p, d, pf=0)
        d.restart(pairs=2)
        check_eq(d.ctrl_index, 6, "control queue with MQ")
        d.rx_mode(0, 1)
        bench.exchange(p, d, pf=0)
        # Without a control queue at all.
        d.restart(features=PLAIN)
        bench.exchange(p, d, pf=0)
    p.stop()


@test
def again_and_again(t):
    """A driver is loaded and unloaded, with other rings each time, as rmmod and insmod do."""
    p, by = bench.start(t, pairs=2)
    fds, maps = p.process.fds(), p.process.maps()
    with bench.driver(p) as d:
        for i in range(t.count(8, 100)):
            size = (256, 4, 64, 8)[i % 4]
            d.restart(pairs=1 + i % 2, size=size, indirect=i % 3 == 0,
                      features=driver.WANTED & ~(bit(virtio.F_EVENT_IDX) if i % 5 == 0 else 0)
                      & ~(bit(virtio.F_MRG_RXBUF) if i % 7 == 3 else 0))
            bench.exchange(p, d, 3)
            d.reset()
            check_eq(int(p.device(bench.VICTIM)["enabled_queues"]), 0, "queues after the reset")
            d.forget_vectors()
    bench.all_well(p, by, fds, maps)


@test
def vectors(t):
    """MSI-X: a vector per queue, taken away and given again, and those beyond the quota."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0, features=driver.WANTED & ~bit(virtio.F_EVENT_IDX)) as d:
        rx, tx = d.rx(0), d.tx(0)
        bench.exchange(p, d, 3, pf=0)
        quiet(d)
        tx.send(victim.body(1))
        check(ring.event_wait(tx.call_fd, 30), "no interrupt for a frame sent")
        tx.flush()
        check_eq(rx.interrupted(), 0, "interrupts of the receive queue")
        check_eq(ring.event_read(d.vectors[0]), 0, "config interrupts")
        # No interrupts wanted: none come.
        for r in (rx, tx):
            r.want_interrupts(False)
        quiet(d)
        bench.exchange(p, d, 5, pf=0)
        check_eq((rx.interrupted(), tx.interrupted()), (0, 0), "interrupts nobody wants")
        for r in (rx, tx):
            r.want_interrupts(True)
        # Taken away: the queue works on, another descriptor comes later.
        for i in (1, 2):
            d.c.irq_eventfd(m.MSIX, i)
        quiet(d)
        bench.exchange(p, d, 5, pf=0)
        check_eq((ring.event_read(d.vectors[1]), ring.event_read(d.vectors[2])), (0, 0),
                 "interrupts by vectors that were taken away")
        other = ring.eventfd()
        d.c.irq_eventfd(m.MSIX, 2, other)
        tx.send(victim.body(2))
        check(ring.event_wait(other, 30), "no interrupt by the new descriptor")
        os.close(other)
        d.c.irq_eventfd(m.MSIX, 2, d.vectors[2])
        # A range of vectors in one message.
        d.c.set_irqs(m.MSIX, 0, 4, m.DATA_EVENTFD | m.TRIGGER,
                     [d.vectors[i] for i in range(4)])
        tx.send(victim.body(3))
        check(ring.event_wait(d.vectors[2], 30), "no interrupt after four at once")
        # The host may fire one itself (loopback test of VFIO).
        quiet(d)
        d.c.set_irqs(m.MSIX, 3, 1, m.DATA_NONE | m.TRIGGER)
        check(ring.event_wait(d.vectors[3], 30), "DATA_NONE does not trigger")
        d.c.set_irqs(m.MSIX, 0, 4, m.DATA_BOOL | m.TRIGGER, data=b"\0\1\0\0")
        check(ring.event_wait(d.vectors[1], 30), "DATA_BOOL does not trigger")
        check_eq(ring.event_read(d.vectors[0]), 0, "a vector whose boolean is 0")
        # Registers.
        for v in (4, 5, 100, 0xFFFE):
            check_eq(d.set_vector(0, v), virtio.NO_VECTOR, f"vector {v} of 4")
            d.fn.set_common("config_msix_vector", v)
            check_eq(d.fn.common("config_msix_vector"), virtio.NO_VECTOR, f"config vector {v}")
        check_eq(d.set_vector(0, 3), 3, "vector 3")
        # Disabled as a whole, then on again.
        d.c.irq_disable(m.MSIX)
        bench.exchange(p, d, 3, pf=0)
        d.c.irq_eventfd(m.MSIX, 2, d.vectors[2])
        quiet(d)
        tx.send(victim.body(4))
        check(ring.event_wait(d.vectors[2], 30), "no interrupt after the index was disabled")
    p.stop()


def quiet(d):
    """Take the events that are there, and those of frames that are seen already."""
    if d.has(virtio.F_CTRL_RX):
        # The interrupt comes after the frame. A command is done with when the poller has been told,
        # which it is between two rounds, each with its interrupts.
        d.rx_mode(control.PROMISC, 1)
    for r in d.rings.values():
        r.poll()
    for fd in d.vectors.values():
        ring.event_read(fd)
    ring.event_read(d.intx_fd)


@test
def intx(t):
    """INTx: the ISR says why, it masks itself, and nothing is lost over mask and unmask."""
    p = bench.launch(t, 1)
    p.up(0)
    features = driver.WANTED & ~bit(virtio.F_EVENT_IDX)
    with bench.driver(p, 0, intx=True) as d:
        d.start(features=features)
        d.rx(0).fill()
        bench.ready(p, d, 0)
        tx = d.tx(0)
        while d.intx_wait(0) is not None:  # those of the start
            pass
        d.fn.isr()
        for i in range(5):
            tx.send(victim.body(i))
            isr = d.intx_wait()
            check_eq(isr, virtio.ISR_QUEUE, "ISR status")
            check_eq(d.fn.isr(), 0, "the ISR status is cleared by reading")
            tx.flush()
            while d.intx_wait(0) is not None:
                pass
        # Masked: what happens meanwhile is told after the unmask.
        d.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.MASK)
        ring.event_read(d.intx_fd)
        d.fn.isr()
        tx.send(victim.body(9))
        core.wait_for(lambda: tx.used_idx == tx.avail_idx, 30, "the frame is sent")
        check(not ring.event_wait(d.intx_fd, 0), "an interrupt while it is masked")
        d.c.set_irqs(m.INTX, 0, 1, m.DATA_NONE | m.UNMASK)
        check(ring.event_wait(d.intx_fd, 30), "no interrupt after the unmask")
        check_eq(d.intx_wait(), virtio.ISR_QUEUE, "ISR status after the unmask")
        tx.flush()
        # Traffic that waits for each interrupt.
        net = Net(p, 0)
        for i in range(20):
            net.send(victim.body(i))
            core.wait_for(lambda: d.intx_wait(1), 30, "an interrupt for a frame")
            core.wait_for(d.rx(0).receive, 30, "the frame")
        net.link.close()
        # With MSI-X on, INTx is silent.
        d.reset()
        d.intx = False
        d.restart(features=features)
        ring.event_read(d.intx_fd)
        bench.exchange(p, d, 5, pf=0)
        check(not ring.event_wait(d.intx_fd, 0), "INTx with MSI-X on")
    p.stop()


@packed_too()
@test
def ring_reset(t):
    """VIRTIO_F_RING_RESET of one queue while the others go on."""
    p, by = bench.start(t)
    with bench.running(p) as d:
        bench.exchange(p, d)
        net = Net(p, bench.VICTIM)
        for i in range(t.count(20, 500)):
            r = (d.tx(0), d.rx(0))[i % 2]
            if i % 2 == 0:
                while r.send(victim.body(i), kick=False):
                    pass
                r.kick(force=True)
            else:
                net.send(victim.body(i))
            d.queue_reset(r)
            before = bytes(d.mem.read(r.desc, r.bufs + r.size * r.buf_size - r.desc))
            d.fn.set_common("queue_select", r.index)
            check_eq((d.fn.common("queue_enable"), d.fn.common("queue_size"),
                      d.fn.common("queue_reset")), (0, 256, 0), f"queue {r.index} after its reset")
            # The other direction works meanwhile.
            if i % 2 == 0:
                net.send(victim.body(1000 + i))
                core.wait_for(lambda n=1000 + i: n in {
                    victim.number_of(f) for _, f in d.rx(0).receive()}, 30,
                    "a frame while the TX ring is reset")
            else:
                d.tx(0).send(victim.body(i))
                d.tx(0).flush()
            check(bytes(d.mem.read(r.desc, len(before))) == before, "written after the reset")
            r.clear()
            # May come back with another size and another vector.
            d.enable_ring(r, r.index + 1)
            if r.index == 0:
                r.fill()
            if i % 4 > 1:
                bench.exchange(p, d, 3)
        net.link.close()
        check_eq(d.status & virtio.NEEDS_RESET, 0, "NEEDS_RESET")
        # Not enabled, or not there: nothing to reset.
        d.fn.set_common("queue_select", 0x1234)
        d.fn.set_common("queue_reset", 1)
        check_eq(d.fn.common("queue_reset"), 0, "queue_reset of no queue")
        d.queue_reset(d.cvq)
        d.cvq.clear()
        d.enable_ring(d.cvq, 3)
        d.rx_mode(0, 1)
        bench.exchange(p, d)
    bench.all_well(p, by)


@packed_too()
@test
def reset_under_traffic(t):
    """Status 0 with all rings full of work: polled to 0, and then the memory is the driver's."""
    p, by = bench.start(t)
    polls = 0
    with bench.driver(p) as d:
        net = Net(p, bench.VICTIM)
        for _ in range(t.count(15, 1000)):
            d.restart()
            d.rx(0).fill()
            while d.tx(0).send(b"\x02" * 1400, kick=False):
                pass
            d.tx(0).kick(force=True)
            for i in range(8):
                net.link.send(victim.body(i))
            d.cvq.add_chain([b"\0\0", b"\1", 1])
            d.cvq.kick()
            polls += d.reset()
            before = bytes(d.mem.mem[:4 << 20])
            d.fn.common("num_queues")
            by.moved(1)
            check(bytes(d.mem.mem[:4 << 20]) == before, "memory was written after the reset")
            d.forget_vectors()
        net.link.close()
    t.note(f"status read {polls} times before it was 0")
    bench.all_well(p, by)


@test
def unacknowledged_reset(t):
    """The driver does not wait for the end of the reset, or begins another one."""
    p, by = bench.start(t)
    with bench.driver(p) as d:
        for i in range(t.count(20, 1000)):
            d.restart()
            d.rx(0).fill()
            d.tx(0).send(victim.body(i))
            d.status = 0
            if i % 4 == 0:
                d.status = 0
            elif i % 4 == 1:
                d.status = virtio.ACK | virtio.DRIVER
                d.write_features(PLAIN)
                d.status = virtio.ACK | virtio.DRIVER | virtio.FEATURES_OK
            elif i % 4 == 2:
                d.c.reset()
                d.fn.enable()
            else:
                d.fn.set_common("queue_select", 0)
                d.fn.set_common("queue_enable", 1)
            d.forget_vectors()
    bench.all_well(p, by)


@packed_too()
@test
def needs_reset(t):
    """A broken ring: DEVICE_NEEDS_RESET and a config interrupt; a reset heals it."""
    p, by = bench.start(t)
    with bench.running(p) as d:
        for i in range(3):
            bench.exchange(p, d, 5)
            quiet(d)
            if i == 1:
                r = d.cvq
            else:
                r = d.tx(0)
            head = r.free[-1]
            r.write_desc(head, r.addr(head), 64, virtio.DESC_NEXT, head)
            r.publish(head)
            r.kick(force=True)
            check(ring.event_wait(d.vectors[0], 30), "no config interrupt")
            core.wait_for(lambda: d.status & virtio.NEEDS_RESET, 30, "DEVICE_NEEDS_RESET")
            check(d.status & virtio.DRIVER_OK, "DRIVER_OK went away")
            check(victim.broken(p), "query does not show it")
            d.restart()
            check_eq(d.status & virtio.NEEDS_RESET, 0, "NEEDS_RESET after the reset")
    with bench.driver(p, intx=True) as d:
        d.start()
        r = d.tx(0)
        r.write_desc(0, r.addr(0), 64, virtio.DESC_NEXT, 0)
        r.publish(0)
        r.kick(force=True)
        core.wait_for(lambda: d.status & virtio.NEEDS_RESET, 30, "DEVICE_NEEDS_RESET")
        core.wait_for(lambda: (d.intx_wait(1) or 0) & virtio.ISR_CONFIG, 30, "ISR: config")
    bench.all_well(p, by)


@test
def senseless_queues(t):
    """Rings with addresses, sizes and an order of registers that make no sense."""
    p, by = bench.start(t)
    fds = p.process.fds()
    end = 0x100000 + (64 << 20)
    bad = {"null": (0, 0, 0), "outside": (1 << 50, 1 << 51, 1 << 52), "wraps": (2**64 - 16,) * 3,
           "unaligned": (0x100001, 0x101003, 0x102005), "at the end": (end - 16, end - 2, end - 4),
           "all the same": (0x100000,) * 3}
    with bench.driver(p) as d:
        for name, addrs in bad.items():
            d.negotiate()
            for q in (0, 1, 2):
                d.fn.set_common("queue_select", q)
                for field, a in zip(("queue_desc", "queue_driver", "queue_device"), addrs):
                    d.fn.set_common(field, a)
                d.fn.set_common("queue_enable", 1)
            d.add_status(virtio.DRIVER_OK)
            d.doorbell_raw(0)
            d.fn.common("num_queues")
            check(p.process.alive(), f"{name}: the program ended")
            by.check()
        d.reset()
        # Sizes.
        d.negotiate()
        d.fn.set_common("queue_select", 0)
        largest = d.fn.common("queue_size")
        odd = () if Default.packed else (3, 255)
        for size in (0, *odd, largest + 1, 2 * largest, 0x8000, 0xFFFF):
            d.fn.set_common("queue_size", size)
            check_eq(d.fn.common("queue_size"), largest, f"after the size {size}")
        d.fn.set_common("queue_size", 8)
        check_eq(d.fn.common("queue_size"), 8, "queue_size 8")
        d.reset()
        check_eq(d.fn.common("queue_size"), largest, "queue_size after a reset")
        # Doorbells of queues that are not there, or not enabled.
        for q in range(0, 0x800, 37):
            d.doorbell_raw(q)
        d.doorbell_raw(0xFFFF)
    bench.all_well(p, by, fds)


@variants(("in_order", virtio.F_IN_ORDER), ("notification_data", virtio.F_NOTIFICATION_DATA),
          ("access_platform", virtio.F_ACCESS_PLATFORM),
          ("order_platform", virtio.F_ORDER_PLATFORM))
def feature(t, number):
    """Traffic with a feature that changes how rings are used or told of."""
    p = bench.launch(t, 1)
    p.up(0)
    for extra in (bit(virtio.F_EVENT_IDX), 0):
        with bench.driver(p, 0) as d:
            d.start(features=PLAIN | extra | bit(number, virtio.F_CTRL_VQ, virtio.F_MRG_RXBUF),
                    size=16)
            check(d.has(number), f"feature {number} is not offered: {d.offered:#x}")
            bench.exchange(p, d, 10, pf=0)
            for i in range(100):
                core.wait_for(lambda i=i: d.tx(0).poll() or d.tx(0).send(victim.body(i)), 30,
                              "room in the ring")
            d.tx(0).flush()
            bench.exchange(p, d, 10, pf=0)
        bench.idle(p, 0)
    p.stop()


@variants(("msix", False), ("intx", True))
def doorbell_page(t, no_msix):
    """The doorbells are a page that the host maps: nobody sees a write, so rings are polled."""
    p = bench.launch(t, 1, conf={"vfio_user": {"doorbell": "page"}})
    p.up(0)
    fds = p.process.fds()
    for _ in range(2):
        with bench.driver(p, 0, intx=no_msix) as d:
            check(d.page, "there is no page")
            check_eq(d.page[2] % 4096, 0, "size of the page")
            d.start()
            d.rx(0).fill()
            bench.exchange(p, d, pf=0)
            check(d.tx(0).used_flags & virtio.USED_NO_NOTIFY or d.has(virtio.F_EVENT_IDX),
                  "a polled ring asks for notifications")
            d.rx_mode(0, 1)  # the control queue's doorbell is not in the page
            # By message as well: a debugger, or a host that does not map it.
            d.unmap_page()
            bench.exchange(p, d, pf=0)
        bench.idle(p, 0)
    core.wait_for(lambda: p.process.fds() <= fds, 30, f"descriptors back at {fds}")
    p.stop()


def hotplugged(t, *args):
    """The program and the number of a hotplugged PF in it."""
    p = program.Program(t, conf=bench.CONF, capacity=program.capacity(
        1, 8, PCI_SWITCH_EMULATION_ENABLE=1, PCI_SWITCH_EMULATION_NUM_PORT=2)).start()
    rc, out, err = p.cli("hotplug", "-i", "mlx5_0", "-m", MAC, "-t", "1500",
                         "-n", "3", "-s", "256", *args)
    check_eq(rc, 0, f"hotplug: {out} {err}")
    answer = json.loads(out[out.index("{"):])
    return p, int(answer["id"])


def transitional_vf(t):
    """The program and its VF, which the capacity setting makes transitional."""
    p = program.Program(
        t, conf={**bench.CONF, "vf": {"mac_base": MAC, "vfs_per_pf": 1}},
        capacity=program.capacity(1, 8, VIRTIO_NET_EMULATION_NUM_VF=1,
                                  VIRTIO_NET_EMULATION_VF_PCI_LAYOUT=1)).start()
    check_eq(p.ask("/virtnet/sriov,pf=0,num_vfs=1")["errno"], 0, "sriov")
    return p, (0, 0)


@variants(("msix", False), ("intx", True), ("vf", False, True))
def legacy_driver(t, no_msix, vf=False):
    """A transitional function over its I/O BAR, and the same with a modern driver."""
    p, pf = transitional_vf(t) if vf else hotplugged(t, "-l")
    check_eq(p.device(pf)["transitional"], 1, "transitional")
    p.up(pf)
    with bench.driver(p, pf, cls=legacy.Driver, intx=no_msix) as d:
        fn = d.fn
        check_eq((fn.read(pci.DEVICE, 2), fn.read(pci.REVISION, 1), fn.read(pci.SUBSYS, 2)),
                 (0x1000, 0, 1), "identity of a transitional device (virtio 1.2, 4.1.2)")
        size, flags, _ = fn.bar_size(0)
        check(size >= 64 and flags & 1, f"BAR0: {size} bytes, flags {flags}")
        for features in (legacy.WANTED, legacy.WANTED & ~bit(virtio.F_MRG_RXBUF),
                         bit(virtio.F_MAC)):
            d.mem.rewind()
            d.rings, d.ctrl_index = {}, None
            d.start(features=features)
            check_eq(d.mac.hex(":"), MAC, "MAC")
            check_eq(d.hdr_len(), 12 if d.has(virtio.F_MRG_RXBUF) else 10, "header")
            bench.exchange(p, d, pf=pf)
            if d.has(virtio.F_CTRL_RX):
                d.rx_mode(0, 1)
            tx = d.tx(0)
            d.disable_ring(tx)
            tx.clear()
            d.enable_ring(tx, None if no_msix else 2)
            bench.exchange(p, d, pf=pf)
        # A legacy driver may set its MAC by writing it.
        mac = bytes.fromhex("021122334466")
        d.c.write(m.BAR0, d.config_at(), mac)
        check_eq(d.mac, mac, "MAC written by a legacy driver")
        d.reset()
    with bench.running(p, pf) as d:
        check(d.has(virtio.F_VERSION_1), "VERSION_1")
        bench.exchange(p, d, pf=pf)
    p.stop()


@test
def many_queues(t):
    """31 pairs with a vector each; none is mixed up with another."""
    pairs = 31
    p = bench.launch(t, 1, pairs=pairs)
    p.up(0)
    with bench.driver(p, 0, mem_size=256 << 20) as d:
        d.start(pairs, size=16)
        check_eq(d.max_pairs, pairs, "max_virtqueue_pairs")
        bench.ready(p, d, 0)
        net = Net(p, 0)
        for i in range(pairs):
            check(d.tx(i).send(plain(b"\x02\0\0\0\0\x09", i)), "the ring is full")
        got = net.collect(pairs)
        check_eq(sorted(number_of(f) for f in got), list(range(pairs)), "frames sent")
        for i in range(pairs):
            check(ring.event_wait(d.vectors[2 * i + 2], 30), f"no interrupt of TX queue {i}")
            d.tx(i).flush()
        net.link.close()
    p.stop()
