# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Commands of the control queue (virtio 1.2, 5.1.6.5; device statistics: 1.4)."""

import struct
import time

from .client import VfioUserError

OK, ERR = 0, 1

RX, MAC, VLAN, ANNOUNCE, MQ, OFFLOADS, COAL, STATS = 0, 1, 2, 3, 4, 5, 6, 8
PROMISC, ALLMULTI, ALLUNI, NOMULTI, NOUNI, NOBCAST = range(6)
TABLE_SET, ADDR_SET = 0, 1
VLAN_ADD, VLAN_DEL = 0, 1
PAIRS_SET, RSS_CONFIG, HASH_CONFIG = 0, 1, 2
COAL_TX, COAL_RX, COAL_VQ_SET, COAL_VQ_GET = range(4)
STATS_QUERY, STATS_GET = 0, 1

# Bits of the statistics' types, which are also the numbers in replies.
STATS_RX_BASIC, STATS_TX_BASIC, STATS_CVQ = 0, 16, 32


def mac_table(unicast=(), multicast=()):
    return b"".join(struct.pack("<I", len(x)) + b"".join(x) for x in (unicast, multicast))


def rss(types, table, key, unclassified=0, max_tx=1, mask=None):
    return (struct.pack("<IHH", types, len(table) - 1 if mask is None else mask, unclassified)
            + struct.pack(f"<{len(table)}H", *table)
            + struct.pack("<HB", max_tx, len(key)) + key)


def hash_config(types, key):
    return struct.pack("<I8xB", types, len(key)) + key


class Commands:
    """The control queue's part of a driver: wants self.cvq."""

    def control_raw(self, pieces, timeout=None):
        """Any chain. @return (used length, what the device wrote)."""
        r = self.cvq
        head = r.add_chain(pieces)
        if head is None:
            raise VfioUserError("the control queue is full")
        r.kick()
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            done = r.poll()
            if done:
                _, length, parts = done[0]
                return length, r.chain_bytes(parts, length)
            if time.monotonic() > end:
                raise VfioUserError(f"no answer on the control queue; status {self.status:#x}")
            r._sleep(end)

    def command(self, cls, command, data=b"", result=0):
        """@return (OK or ERR, @result bytes at most)."""
        pieces = [bytes((cls, command))] + ([data] if data else []) + [1]
        if result:
            pieces.append(result)
        length, back = self.control_raw(pieces)
        if length < 1:
            raise VfioUserError(f"control command {cls}.{command}: no acknowledgement")
        return back[0], back[1:]

    def must(self, cls, command, data=b"", result=0):
        """As command(), but it must be OK. @return the result."""
        ack, back = self.command(cls, command, data, result)
        if ack != OK:
            raise VfioUserError(f"control command {cls}.{command} {data.hex()}: {ack}")
        return back

    def rx_mode(self, what, on):
        self.must(RX, what, bytes((on,)))

    def set_macs(self, unicast=(), multicast=()):
        self.must(MAC, TABLE_SET, mac_table(unicast, multicast))

    def set_mac(self, mac):
        self.must(MAC, ADDR_SET, mac)

    def vlan(self, vid, on=True):
        self.must(VLAN, VLAN_ADD if on else VLAN_DEL, struct.pack("<H", vid))

    def set_pairs(self, n):
        self.must(MQ, PAIRS_SET, struct.pack("<H", n))

    def set_rss(self, *args, **kw):
        self.must(MQ, RSS_CONFIG, rss(*args, **kw))

    def set_offloads(self, mask):
        self.must(OFFLOADS, 0, struct.pack("<Q", mask))

    def coalesce(self, command, packets, usecs):
        self.must(COAL, command, struct.pack("<II", packets, usecs))

    def coalesce_vq(self, vq, packets, usecs):
        self.must(COAL, COAL_VQ_SET, struct.pack("<HHII", vq, 0, packets, usecs))

    def coalesce_get(self, vq):
        """@return (packets, usecs)."""
        back = self.must(COAL, COAL_VQ_GET, struct.pack("<HH", vq, 0), 12)
        # The structure with its head, or the parameters alone.
        return struct.unpack("<II", back[-8:])

    def stats(self, vq, kind):
        """Statistics of type bit @kind of a queue: the numbers."""
        back = self.must(STATS, STATS_GET, struct.pack("<H6xQ", vq, 1 << kind), 256)
        got, index, size = struct.unpack_from("<BxHxxH", back)
        if (got, index) != (kind, vq) or size < 8 or size > len(back):
            raise VfioUserError(f"statistics {kind} of queue {vq}: {got} of {index}, {size} bytes")
        return struct.unpack_from(f"<{(size - 8) // 8}Q", back, 8)
