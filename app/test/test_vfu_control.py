# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Commands of the control queue, each with its effect on the traffic."""

import random
import struct

from vfu import bench, control as ctl, driver, net
from vfu.net import Flow, Net, plain
from vnt import core, ring, victim, virtio
from vnt.core import check, check_eq, test, variants
from vnt.virtio import bit

OTHER = bytes.fromhex("02aabbccdd01")
LISTED = bytes.fromhex("02aabbccdd02")
GROUP = bytes.fromhex("01005e000005")
GROUP_LISTED = bytes.fromhex("01005e000006")
KINDS = {"own": None, "other": OTHER, "listed": LISTED, "group": GROUP,
         "group listed": GROUP_LISTED, "broadcast": net.BROADCAST}
ALL = set(KINDS)


def to(mac):
    return lambda n: plain(mac, n)


class Filter:
    """What of each kind of frame comes through."""

    def __init__(self, d, n):
        self.d, self.n = d, n
        self.sent = {k: to(mac or d.mac) for k, mac in KINDS.items()}

    # What follows the frames and passes for sure.
    marker = net.BROADCAST

    def is_(self, expected, what):
        seen = net.passes(self.d, self.n, self.sent, to(self.marker))
        check(seen == expected, f"{what}: {sorted(seen)} came through, not {sorted(expected)}")


@test
def receive_modes(t):
    """All six modes and the MAC table: exactly the frames that each lets pass."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0) as d, Net(p, 0) as n:
        f = Filter(d, n)
        f.is_(ALL, "after a reset, promiscuous")
        d.rx_mode(ctl.PROMISC, 0)
        f.is_({"own", "broadcast"}, "promiscuous off")
        d.set_macs([LISTED], [GROUP_LISTED])
        table = {"own", "listed", "group listed", "broadcast"}
        f.is_(table, "with the table")
        d.rx_mode(ctl.ALLMULTI, 1)
        f.is_(table | {"group"}, "allmulti")
        d.rx_mode(ctl.ALLMULTI, 0)
        f.is_(table, "allmulti off")
        d.rx_mode(ctl.ALLUNI, 1)
        f.is_(table | {"other"}, "alluni")
        d.rx_mode(ctl.ALLUNI, 0)
        d.rx_mode(ctl.NOMULTI, 1)
        f.is_(table - {"group listed"}, "nomulti")
        d.rx_mode(ctl.NOMULTI, 0)
        d.rx_mode(ctl.NOUNI, 1)
        f.is_(table - {"own", "listed"}, "nouni")
        d.rx_mode(ctl.NOUNI, 0)
        f.marker = d.mac
        d.rx_mode(ctl.NOBCAST, 1)
        f.is_(table - {"broadcast"}, "nobcast")
        d.rx_mode(ctl.PROMISC, 1)
        f.is_(ALL, "promiscuous again, in spite of nobcast")
        d.rx_mode(ctl.PROMISC, 0)
        d.rx_mode(ctl.NOBCAST, 0)
        f.marker = net.BROADCAST
        d.set_macs()
        f.is_({"own", "broadcast"}, "an empty table")
        # A long table; the entries at its end count as well.
        many = [struct.pack(">HI", 0x0202, i) for i in range(60)]
        d.set_macs([*many, LISTED], [])
        f.is_({"own", "listed", "broadcast"}, "61 addresses")
        # The device's own address.
        old = d.mac
        d.set_mac(LISTED)
        check_eq(d.mac, LISTED, "MAC in the configuration")
        d.set_macs()
        check_eq(net.passes(d, n, {"old": to(old), "new": to(LISTED)}, to(net.BROADCAST)), {"new"},
                 "frames to the old and the new MAC")
        # All of it is forgotten at a reset.
        d.restart()
        d.rx(0).fill()
        bench.ready(p, d, 0)
        check_eq(d.mac, old, "MAC after a reset")
        f.is_(ALL, "after the reset")
    p.stop()


@test
def vlan_filter(t):
    """VLANs that were not added do not come through; untagged frames do."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0, features=driver.WANTED | bit(virtio.F_CTRL_VLAN)) as d, \
            Net(p, 0) as n:
        check(d.has(virtio.F_CTRL_VLAN), "CTRL_VLAN is not offered")
        d.rx_mode(ctl.PROMISC, 0)
        sent = {v: lambda k, v=v: plain(d.mac, k, v) for v in (None, 1, 5, 4094)}
        own = to(d.mac)
        check_eq(net.passes(d, n, sent, own), {None}, "with no VLAN")
        d.vlan(5)
        d.vlan(4094)
        check_eq(net.passes(d, n, sent, own), {None, 5, 4094}, "with two VLANs")
        d.vlan(5, False)
        check_eq(net.passes(d, n, sent, own), {None, 4094}, "with one of them")
        d.vlan(4094, False)
        d.vlan(4094, False)
        check_eq(net.passes(d, n, sent, own), {None}, "with none again")
        d.rx_mode(ctl.PROMISC, 1)
        check_eq(net.passes(d, n, sent, own), set(sent), "promiscuous")
        d.rx_mode(ctl.PROMISC, 0)
        # Only frames for this device, VLAN or not.
        d.vlan(5)
        check_eq(net.passes(d, n, {"other": lambda k: plain(OTHER, k, 5)}, own), set(),
                 "a foreign frame in VLAN 5")
        # Without the feature nothing is filtered.
        d.restart()
        d.rx(0).fill()
        bench.ready(p, d, 0)
        d.rx_mode(ctl.PROMISC, 0)
        check_eq(net.passes(d, n, sent, own), set(sent), "without CTRL_VLAN")
    p.stop()


@test
def queue_pairs(t):
    """MQ from 1 to 4 pairs and back: what is sent and received, and where."""
    p = bench.launch(t, 1, pairs=4)
    p.up(0)
    with bench.running(p, 0, pairs=4, size=64) as d, Net(p, 0) as n:
        for pairs in (4, 1, 2, 3, 4, 2, 1):
            d.set_pairs(pairs)
            core.wait_for(lambda pairs=pairs: int(p.device(0)["enabled_queues"]) >= 2 * pairs, 30,
                          f"{pairs} pairs")
            flows = [Flow("udp4", i) for i in range(40)]
            numbers = set()
            for flow in flows:
                k = n.next()
                numbers.add(k)
                n.send(flow.frame(k))
            used = {pair for pair, _, _ in net.take(d, range(4), numbers).values()}
            check(used <= set(range(pairs)), f"{pairs} pairs: frames on {sorted(used)}")
            for i in range(pairs):
                check(d.tx(i).send(plain(OTHER, n.next())), "the ring is full")
                check_eq(len(n.collect(1)), 1, f"frames from TX {i}")
                d.tx(i).flush()
        for bad in (0, 5, 0x8000, 0xFFFF):
            ack, _ = d.command(ctl.MQ, ctl.PAIRS_SET, struct.pack("<H", bad))
            check_eq(ack, ctl.ERR, f"{bad} pairs of 4")
        bench.exchange(p, d, 5, pf=0)
    p.stop()


ALL_TYPES = net.IPV4 | net.TCPV4 | net.UDPV4 | net.IPV6 | net.TCPV6 | net.UDPV6


def flows(n):
    return [Flow(kind, i) for i in range(n)
            for kind in ("udp4", "tcp4", "icmp4", "udp6", "tcp6", "icmp6")]


@variants(("plain", 0), ("reported", bit(virtio.F_HASH_REPORT)))
def rss(t, more):
    """Frames go where the Toeplitz hash of the specification says, and the header tells it."""
    p = bench.launch(t, 1, pairs=4)
    p.up(0)
    features = driver.WANTED | bit(virtio.F_RSS) | more
    with bench.running(p, 0, pairs=4, features=features) as d, Net(p, 0) as n:
        check(d.has(virtio.F_RSS), f"RSS is not offered: {d.offered:#x}")
        check_eq(d.hdr_len(), 20 if more else 12, "header")
        check_eq((d.config(17, 1), d.config(18, 2)), (40, 128), "rss_max_* in the configuration")
        check_eq(d.config(20, 4) & ALL_TYPES, ALL_TYPES, "supported_hash_types")
        rnd = random.Random(3)
        for types, size, key in ((ALL_TYPES, 128, net.KEY), (net.IPV4 | net.IPV6, 128, net.KEY),
                                 (net.TCPV4 | net.UDPV6, 4, rnd.randbytes(40)),
                                 (ALL_TYPES, 1, net.KEY), (0, 128, net.KEY)):
            table = [rnd.randrange(4) for _ in range(size)]
            d.set_rss(types, table, key, unclassified=3, max_tx=4)
            sent = {}
            for flow in flows(8):
                k = n.next()
                sent[k] = flow
                n.send(flow.frame(k))
            odd = n.next()
            n.send(plain(OTHER, odd))
            got = net.take(d, range(4), set(sent) | {odd})
            check_eq(got[odd][0], 3, "pair of a frame that is no IP")
            for k, flow in sent.items():
                pair, header, _ = got[k]
                kind = flow.hash_type(types)
                value = flow.hash(key, types)
                where = table[value % size] if kind else 3
                check_eq(pair, where, f"pair of {flow.kind} with types {types:#x}, {size} entries")
                if more:
                    seen = struct.unpack_from("<IH", header, 12)
                    check_eq(seen, (value, net.REPORT[kind]), f"hash report of {flow.kind}")
        # MQ_VQ_PAIRS_SET ends it.
        d.set_pairs(1)
        numbers = set()
        for flow in flows(3):
            k = n.next()
            numbers.add(k)
            n.send(flow.frame(k))
        check_eq({pair for pair, _, _ in net.take(d, range(4), numbers).values()}, {0},
                 "pairs after MQ_VQ_PAIRS_SET 1")
        bench.exchange(p, d, 5, pf=0)
    p.stop()


@test
def hash_report(t):
    """HASH_CONFIG without RSS: hashes are told, frames stay where they are."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0, features=driver.WANTED | bit(virtio.F_HASH_REPORT)) as d, \
            Net(p, 0) as n:
        check_eq(d.hdr_len(), 20, "header")
        for types in (ALL_TYPES, net.IPV4, 0):
            d.must(ctl.MQ, ctl.HASH_CONFIG, ctl.hash_config(types, net.KEY))
            for flow in flows(3):
                k = n.next()
                n.send(flow.frame(k))
                _, header, _ = net.take(d, [0], {k})[k]
                check_eq(struct.unpack_from("<IH", header, 12),
                         (flow.hash(net.KEY, types), net.REPORT[flow.hash_type(types)]),
                         f"hash report of {flow.kind} with types {types:#x}")
        bench.exchange(p, d, 5, pf=0)
    p.stop()


def gso_frame(number, payload, mss):
    """(virtio-net header, TCP/IPv4 frame) that is to be cut by whoever cannot take it whole."""
    l4 = struct.pack(">HHIIBBHHH", 1000, 2000, number, 0, 0x50, 0x10, 1000, 0, 0)
    src, dst = bytes((198, 18, 0, 1)), bytes((198, 18, 0, 2))
    pseudo = src + dst + struct.pack(">BBH", 0, 6, len(l4) + payload)
    l4 = l4[:16] + struct.pack(">H", net.checksum(pseudo) ^ 0xFFFF) + l4[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40 + payload, 1, 0x4000, 64, 6, 0) + src + dst
    ip = head[:10] + struct.pack(">H", net.checksum(head)) + head[12:]
    frame = b"\x02\0\0\0\0\x02" + net.PEER + b"\x08\0" + ip + l4
    frame += (b"vntq" + struct.pack(">I", number)).ljust(payload, b"\x5a")
    gso = virtio.GSO_TCPV4 if payload > mss else 0
    return virtio.NET_HDR.pack(1, gso, 54, mss if gso else 0, 34, 16, 0)[:10], frame


def tcp_sum_is_right(frame):
    l4 = frame[34:14 + struct.unpack_from(">H", frame, 16)[0]]
    return net.checksum(frame[26:34] + struct.pack(">BBH", 0, 6, len(l4)) + l4) == 0


@test
def guest_offloads(t):
    """What the driver says it can take at run time decides how frames come."""
    p = bench.launch(t, 1)
    rep = p.up(0)
    offloads = bit(virtio.F_GUEST_CSUM, virtio.F_GUEST_TSO4)
    features = driver.WANTED | offloads | bit(virtio.F_CTRL_GUEST_OFFLOADS)
    with bench.running(p, 0, features=features) as d:
        check(d.has(virtio.F_CTRL_GUEST_OFFLOADS, virtio.F_GUEST_TSO4), f"{d.offered:#x}")
        s = net.vnet_socket(p, rep)
        for mask in (offloads, bit(virtio.F_GUEST_CSUM), 0, offloads):
            d.set_offloads(mask)
            header, frame = gso_frame(7, 4000, 1000)
            s.send(header + frame)
            whole = bool(mask & bit(virtio.F_GUEST_TSO4))
            got = []
            core.wait_for(lambda got=got, whole=whole: got.extend(
                x for x in d.rx(0).receive() if b"\x5a" * 8 in x[1]) or
                len(got) >= (1 if whole else 4), 30, f"the frame with offloads {mask:#x}")
            check_eq([len(f) for _, f in got], [4054] if whole else [1054] * 4,
                     f"frames with offloads {mask:#x}")
            for h, f in got:
                flags, gso, _, size, _, _, _ = virtio.NET_HDR.unpack(h[:12])
                check_eq((gso, size), (1, 1000) if whole else (0, 0), f"GSO with {mask:#x}")
                if not mask:
                    check_eq(flags & 1, 0, "NEEDS_CSUM without GUEST_CSUM")
                check(flags & 1 or tcp_sum_is_right(f), f"TCP checksum with {mask:#x}")
        s.close()
        for bad in (bit(virtio.F_GUEST_TSO6), bit(virtio.F_CSUM), 2**64 - 1):
            ack, _ = d.command(ctl.OFFLOADS, 0, struct.pack("<Q", bad | offloads))
            check_eq(ack, ctl.ERR, f"offloads {bad:#x}, not negotiated")
        bench.exchange(p, d, 5, pf=0)
    p.stop()


@test
def coalescing(t):
    """Fewer interrupts than frames with max_packets; one comes at all with max_usecs."""
    p = bench.launch(t, 1)
    p.up(0)
    features = driver.WANTED & ~bit(virtio.F_EVENT_IDX) | bit(virtio.F_NOTF_COAL,
                                                              virtio.F_VQ_NOTF_COAL)
    with bench.running(p, 0, features=features) as d, Net(p, 0) as n:
        check(d.has(virtio.F_NOTF_COAL), "NOTF_COAL is not offered")
        rx, tx = d.rx(0), d.tx(0)
        long = 60 * 1000 * 1000

        def both(packets, usecs):
            d.coalesce(ctl.COAL_RX, packets, usecs)
            d.coalesce(ctl.COAL_TX, packets, usecs)

        def send(count):
            """One after the other, each completed before the next. @return interrupts."""
            events = 0
            tx.poll()
            tx.interrupted()
            for _ in range(count):
                tx.send(victim.body(1))
                core.wait_for(lambda: tx.used_idx == tx.avail_idx, 30, "a frame is sent")
                events += tx.interrupted()
            # The last one may still be on its way.
            d.must(ctl.RX, ctl.PROMISC, b"\1")
            return events + tx.interrupted()

        def receive(count):
            events = 0
            rx.receive()
            rx.interrupted()
            for _ in range(count):
                k = n.next()
                idx = rx.used_idx
                n.send(plain(OTHER, k))
                core.wait_for(lambda idx=idx: rx.used_idx != idx, 30, "a frame is received")
                events += rx.interrupted()
            d.must(ctl.RX, ctl.PROMISC, b"\1")
            return events + rx.interrupted()

        both(16, long)
        for what in (send, receive):
            what(16)
            events = what(64)
            check(1 <= events <= 5, f"{what.__name__}: {events} interrupts for 64 frames by 16")
        rx.receive()
        tx.poll()
        both(1000, 2000)
        tx.interrupted()
        tx.send(victim.body(1))
        check(ring.event_wait(tx.call_fd, 30), "no interrupt after max_usecs (TX)")
        rx.receive()
        rx.interrupted()
        n.send(plain(OTHER, n.next()))
        check(ring.event_wait(rx.call_fd, 30), "no interrupt after max_usecs (RX)")
        # Off: each frame is told.
        both(0, 0)
        rx.receive()
        check(send(10) >= 5, "interrupts of 10 frames without coalescing")
        # One queue alone.
        d.coalesce_vq(tx.index, 16, long)
        check_eq(d.coalesce_get(tx.index), (16, long), "VQ_GET of TX")
        check_eq(d.coalesce_get(rx.index), (0, 0), "VQ_GET of RX")
        send(16)
        check(send(32) <= 3, "interrupts of 32 frames by 16")
        # A change lets go what waits.
        tx.send(victim.body(1))
        core.wait_for(lambda: tx.used_idx == tx.avail_idx, 30, "a frame is sent")
        both(0, 0)
        check(ring.event_wait(tx.call_fd, 30), "an interrupt that waited is lost")
        for bad in (2, 5, 99, 0xFFFF):
            ack, _ = d.command(ctl.COAL, ctl.COAL_VQ_SET, struct.pack("<HHII", bad, 0, 1, 1))
            check_eq(ack, ctl.ERR, f"VQ_SET of queue {bad}")
            ack, _ = d.command(ctl.COAL, ctl.COAL_VQ_GET, struct.pack("<HH", bad, 0), 12)
            check_eq(ack, ctl.ERR, f"VQ_GET of queue {bad}")
    p.stop()


@test
def statistics(t):
    """VIRTIO_NET_F_DEVICE_STATS counts what went through."""
    p = bench.launch(t, 1)
    p.up(0)
    with bench.running(p, 0, features=driver.WANTED | bit(virtio.F_DEVICE_STATS)) as d, \
            Net(p, 0) as n:
        if not d.has(virtio.F_DEVICE_STATS):
            raise core.Skip("DEVICE_STATS is not offered")
        types = struct.unpack("<Q", d.must(ctl.STATS, ctl.STATS_QUERY, b"", 8)[:8])[0]
        want = bit(ctl.STATS_RX_BASIC, ctl.STATS_TX_BASIC)
        check_eq(types & want, want, "types")
        before = d.stats(1, ctl.STATS_TX_BASIC), d.stats(0, ctl.STATS_RX_BASIC)
        for _ in range(7):
            d.tx(0).send(plain(OTHER, n.next()))
        d.tx(0).flush()
        numbers = {n.next() for _ in range(5)}
        for k in sorted(numbers):
            n.send(plain(OTHER, k, size=100))
        net.take(d, [0], numbers)
        after = d.stats(1, ctl.STATS_TX_BASIC), d.stats(0, ctl.STATS_RX_BASIC)
        # notifications, packets, bytes
        check_eq(after[0][1] - before[0][1], 7, "TX packets")
        check(after[1][1] - before[1][1] >= 5, "RX packets")
        check(after[0][2] - before[0][2] >= 7 * 60, "TX bytes")
        if types & bit(ctl.STATS_CVQ):
            first = d.stats(2, ctl.STATS_CVQ)
            d.rx_mode(ctl.PROMISC, 1)
            second = d.stats(2, ctl.STATS_CVQ)
            check_eq(second[0] - first[0], 2, "commands")
        for vq, kind in ((0, ctl.STATS_TX_BASIC), (1, ctl.STATS_RX_BASIC), (99, 0), (2, 0),
                         (0, 63)):
            ack, _ = d.command(ctl.STATS, ctl.STATS_GET, struct.pack("<H6xQ", vq, 1 << kind), 256)
            check_eq(ack, ctl.ERR, f"statistics {kind} of queue {vq}")
    p.stop()


def bad_commands():
    """(class, command, data), all of them wrong."""
    for cls, command in ((ctl.RX, 6), (ctl.RX, 255), (ctl.MAC, 2), (ctl.VLAN, 2), (ctl.ANNOUNCE, 1),
                         (ctl.MQ, 3), (ctl.OFFLOADS, 1), (ctl.COAL, 4), (ctl.STATS, 2), (7, 0),
                         (9, 0), (127, 0), (255, 255)):
        yield cls, command, b""
        yield cls, command, b"\1\0\0\0"
    for mode in range(6):
        yield ctl.RX, mode, b""
        yield ctl.RX, mode, b"\0\0"
        yield ctl.RX, mode, b"\2"
        yield ctl.RX, mode, b"\0" * 4096
    good = ctl.mac_table([LISTED], [GROUP_LISTED])
    for n in (0, 3, 4, 9, 10, 13, len(good) - 1):
        yield ctl.MAC, ctl.TABLE_SET, good[:n]
    yield ctl.MAC, ctl.TABLE_SET, good + b"\0"
    for count in (2, 0x10000, 0x2AAAAAAB, 0x80000000, 0xFFFFFFFF):
        yield ctl.MAC, ctl.TABLE_SET, struct.pack("<I", count) + good[4:]
        yield ctl.MAC, ctl.TABLE_SET, good[:10] + struct.pack("<I", count) + good[14:]
    for mac in (b"", OTHER[:5], OTHER + b"\0", net.BROADCAST, GROUP, bytes(6)):
        yield ctl.MAC, ctl.ADDR_SET, mac
    for data in (b"", b"\1", struct.pack("<H", 4096), b"\xff\xff", b"\1\0\0"):
        yield ctl.VLAN, ctl.VLAN_ADD, data
        yield ctl.VLAN, ctl.VLAN_DEL, data
    yield ctl.ANNOUNCE, 0, b"\0"
    for data in (b"", b"\1", b"\1\0\0", b"\0\0", b"\3\0", b"\xff\xff"):
        yield ctl.MQ, ctl.PAIRS_SET, data
    rss_good = ctl.rss(ALL_TYPES, [0] * 16, net.KEY)
    for n in (0, 1, 4, 7, 8, 20, len(rss_good) - 41, len(rss_good) - 1):
        yield ctl.MQ, ctl.RSS_CONFIG, rss_good[:n]
    yield ctl.MQ, ctl.RSS_CONFIG, rss_good + bytes(4)
    for kw in (dict(mask=14), dict(mask=0xFFFF), dict(mask=127), dict(unclassified=9),
               dict(max_tx=0), dict(max_tx=99)):
        yield ctl.MQ, ctl.RSS_CONFIG, ctl.rss(ALL_TYPES, [0] * 16, net.KEY, **kw)
    yield ctl.MQ, ctl.RSS_CONFIG, ctl.rss(0x80000000, [0] * 16, net.KEY)
    yield ctl.MQ, ctl.RSS_CONFIG, ctl.rss(ALL_TYPES, [0, 77], net.KEY)
    yield ctl.MQ, ctl.RSS_CONFIG, ctl.rss(ALL_TYPES, [0] * 256, net.KEY)
    yield ctl.MQ, ctl.RSS_CONFIG, ctl.rss(ALL_TYPES, [0] * 16, net.KEY + b"\0")
    yield ctl.MQ, ctl.HASH_CONFIG, ctl.hash_config(0x200, net.KEY)
    yield ctl.MQ, ctl.HASH_CONFIG, ctl.hash_config(ALL_TYPES, net.KEY)[:-1]
    for data in (b"", bytes(7), bytes(9), b"\xff" * 8):
        yield ctl.OFFLOADS, 0, data
    for command in (ctl.COAL_TX, ctl.COAL_RX):
        for n in (0, 7, 9):
            yield ctl.COAL, command, bytes(n)
    for n in (0, 11, 13):
        yield ctl.COAL, ctl.COAL_VQ_SET, bytes(n)
    yield ctl.COAL, ctl.COAL_VQ_GET, bytes(3)
    yield ctl.STATS, ctl.STATS_QUERY, b"\0"
    for n in (0, 15, 17):
        yield ctl.STATS, ctl.STATS_GET, bytes(n)


FULL = driver.WANTED | bit(
    virtio.F_CTRL_VLAN, virtio.F_GUEST_ANNOUNCE, virtio.F_RSS, virtio.F_NOTF_COAL,
    virtio.F_VQ_NOTF_COAL, virtio.F_DEVICE_STATS, virtio.F_GUEST_CSUM,
    virtio.F_CTRL_GUEST_OFFLOADS, virtio.F_HASH_REPORT)


@test
def malformed(t):
    """Wrong commands get VIRTIO_NET_ERR, and nothing changes by them."""
    p, by = bench.start(t)
    with bench.running(p, features=FULL) as d, Net(p, bench.VICTIM) as n:
        d.rx_mode(ctl.PROMISC, 0)
        d.set_macs([LISTED], [GROUP_LISTED])
        d.vlan(5)
        f = Filter(d, n)
        expected = {"own", "listed", "group listed", "broadcast"}
        f.is_(expected, "before")
        count = 0
        for cls, command, data in bad_commands():
            ack, _ = d.command(cls, command, data)
            check_eq(ack, ctl.ERR, f"command {cls}.{command} {data[:40].hex()}")
            count += 1
        f.is_(expected, "after")
        check_eq(net.passes(d, n, {v: lambda k, v=v: plain(d.mac, k, v) for v in (5, 6)},
                            to(d.mac)), {5}, "VLANs after it")
        # Commands of features that were not accepted.
        d.restart(features=bit(virtio.F_VERSION_1, virtio.F_CTRL_VQ))
        for cls, command, data in (
                (ctl.RX, 0, b"\1"), (ctl.MAC, 0, ctl.mac_table()), (ctl.MAC, 1, OTHER),
                (ctl.VLAN, 0, b"\1\0"), (ctl.ANNOUNCE, 0, b""), (ctl.MQ, 0, b"\1\0"),
                (ctl.OFFLOADS, 0, bytes(8)), (ctl.COAL, 0, bytes(8)), (ctl.STATS, 0, b"")):
            ack, _ = d.command(cls, command, data)
            check_eq(ack, ctl.ERR, f"command {cls}.{command} without its feature")
            count += 1
    t.note(f"{count} commands")
    bench.all_well(p, by)


@test
def odd_chains(t):
    """Commands in chains of every shape; those that cannot be answered do nothing."""
    p, by = bench.start(t)
    with bench.running(p, features=FULL) as d:
        off = bytes((ctl.RX, ctl.PROMISC, 0))
        good = {"in one piece": [off, 1], "byte by byte": [off[:1], off[1:2], off[2:], 1],
                "a longer answer": [off, 100], "answers in pieces": [off, 1, 1, 1]}
        for name, pieces in good.items():
            d.rx_mode(ctl.PROMISC, 1)
            length, back = d.control_raw(pieces)
            check_eq((length, back[:1]), (1, b"\0"), name)
        bad = {"no answer wanted": [off], "one byte": [b"\0", 1], "only an answer": [1],
               "a long answer only": [4096], "a huge command": [off + bytes(20000), 1],
               "many pieces": [bytes((i,)) for i in range(14)] + [1]}
        for name, pieces in bad.items():
            head = d.cvq.add_chain(pieces)
            check(head is not None, name)
            d.cvq.kick()
            core.wait_for(lambda: d.cvq.in_flight == 0 or d.cvq.poll()
                          or d.status & virtio.NEEDS_RESET, 30, f"{name}: used")
            if d.status & virtio.NEEDS_RESET:
                t.note(f"{name}: breaks the device")
                d.restart(features=FULL)
        d.restart(features=FULL)
        # A queue full of them, one doorbell.
        r = d.cvq
        n = 0
        while r.add_chain([off[:2], bytes((n & 1,)), 1]) is not None:
            n += 1
        r.kick(force=True)
        core.wait_for(lambda: r.poll() and False or not r.in_flight, 30, f"{n} commands at once")
        d.rx_mode(ctl.PROMISC, 1)
        bench.exchange(p, d)
    bench.all_well(p, by)
