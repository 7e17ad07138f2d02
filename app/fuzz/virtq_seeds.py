#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Write the seeds of fuzz_virtq into a folder: one small input for each way a ring is used.

The operations and addresses are those of fuzz_virtq.c.
"""

import pathlib
import struct
import sys

(WRITE, DESC, DESC_WIDE, PUSH, AVAIL_IDX, MOVE, COMPLETE, PUBLISH, INTERRUPT, ARM, SET_MEM,
 SET_LOG, RESTART, AVAIL, COAL) = range(15)
NEXT, WRITABLE, INDIRECT = 1, 2, 4
RX = 0x80
CTRL, HASH, PACKED = 0x20, 0x10, 0x08
AVAIL_BIT, USED_BIT = 0x80, 0x40  # in the flags of desc(), of a packed ring

# Numbers of the feature table in fuzz_virtq.c.
F_INDIRECT, F_EVENT, F_MRG, F_V1, F_INORDER, F_CSUM, F_GCSUM, F_TSO4 = range(8)
F_GTSO4 = 12


def begin(size_log2, features, start=65534, rx=False, form=0):
    """The configuration."""
    return struct.pack("<BHH", size_log2 | (RX if rx else 0) | form, sum(1 << f for f in features), start)


def packed(size, features, start=0x8000, rx=False, form=0):
    """The same for a packed ring of @size entries."""
    return struct.pack("<BHBH", PACKED | (RX if rx else 0) | form, sum(1 << f for f in features),
                       size - 1, start)


def write(offset, data):
    """Bytes into guest memory; offset 0x1000 is where the data region begins."""
    return struct.pack("<BHB", WRITE, offset, len(data)) + data


def desc(i, addr, length, flags=0, nxt=0):
    """A descriptor of the ring."""
    return struct.pack("<BB", DESC, i) + struct.pack("<I", addr)[:3] + struct.pack(
        "<HBB", length, flags, nxt)


def push(head):
    """Make a chain available."""
    return bytes((PUSH, head))


def move(n, length=100):
    """The poller moves frames, and makes that visible."""
    return struct.pack("<BBH", MOVE, n, length) + bytes((COMPLETE, PUBLISH, INTERRUPT))


def entry(addr, length, flags=0, nxt=0):
    """A descriptor of an indirect table."""
    return struct.pack("<QIHH", addr, length, flags, nxt)


CSUM_HDR = struct.pack("<BBHHHHH", 1, 0, 0, 0, 34, 16, 0)
TSO_HDR = struct.pack("<BBHHHHH", 1, 1, 54, 500, 34, 16, 0)

SEEDS = {
    "ctrl": begin(3, [F_V1], form=CTRL) + desc(0, 0x2000, 2, NEXT, 1) + desc(1, 0x2100, 6, NEXT, 2)
            + desc(2, 0x2200, 1, WRITABLE) + push(0) + move(64, 1) + push(0) + move(4, 9),
    "ctrl-indirect": begin(3, [F_V1, F_INDIRECT], form=CTRL)
                     + write(0x1800, entry(0x2000, 2, NEXT, 1) + entry(0x2100, 9, WRITABLE))
                     + desc(0, 0x2800, 32, INDIRECT) + push(0) + move(64, 4),
    "ctrl-bad": begin(3, [F_V1], form=CTRL) + desc(0, 0x2100, 6, NEXT | WRITABLE, 1)
                + desc(1, 0x2000, 2) + push(0) + push(1) + move(64, 1),
    "tx-hash": begin(3, [F_V1], form=HASH) + desc(0, 0x2000, 20, NEXT, 1) + desc(1, 0x2100, 60)
               + push(0) + move(8),
    "tx-coal": begin(3, [F_V1, F_EVENT]) + bytes((COAL, 2)) + desc(0, 0x2000, 112)
               + (push(0) + move(8)) * 3,
    "rx-hash": begin(3, [F_V1, F_MRG], rx=True, form=HASH)
               + b"".join(desc(i, 0x2000 + 64 * i, 64, WRITABLE) + push(i) for i in range(4)) + move(2),
    "tx": begin(3, [F_V1]) + desc(0, 0x2000, 12, NEXT, 1) + desc(1, 0x2100, 60) + push(0) + move(8),
    "tx-one": begin(3, [F_V1, F_EVENT]) + desc(0, 0x2000, 112) + push(0) + push(0) + move(8),
    "tx-legacy": begin(3, []) + desc(0, 0x2000, 10, NEXT, 1) + desc(1, 0x2100, 60) + push(0) + move(8),
    "tx-csum": begin(3, [F_V1, F_CSUM]) + write(0x1000, CSUM_HDR) + desc(0, 0x2000, 112) + push(0)
               + move(1),
    "tx-tso": begin(3, [F_V1, F_CSUM, F_TSO4]) + write(0x1000, TSO_HDR) + desc(0, 0x2000, 12, NEXT, 1)
              + desc(1, 0x10000, 0xffff) + push(0) + move(1),
    "tx-indirect": begin(3, [F_V1, F_INDIRECT])
                   + write(0x1800, entry(0x2000, 12, NEXT, 1) + entry(0x2100, 90))
                   + desc(0, 0x2800, 32, INDIRECT) + push(0) + move(1),
    "tx-mixed": begin(3, [F_V1, F_INDIRECT]) + write(0x1800, entry(0x2100, 90))
                + desc(0, 0x2000, 12, NEXT, 1) + desc(1, 0x2800, 16, INDIRECT) + push(0) + move(1),
    "tx-table-across": begin(3, [F_V1, F_INDIRECT])
                       + write(0xff8, entry(0x2100, 12, NEXT, 1) + entry(0x2200, 90))
                       + desc(0, 0x1ff8, 32, INDIRECT) + push(0) + move(1),
    "tx-buffer-across": begin(3, [F_V1]) + desc(0, 0x1f80, 300) + push(0) + move(1),
    "tx-const": begin(3, [F_V1, F_INDIRECT]) + desc(0, 0x6000, 0x400, INDIRECT) + push(0) + move(1),
    "tx-loop": begin(2, [F_V1]) + desc(0, 0x2000, 1, NEXT, 1) + desc(1, 0x2000, 1, NEXT, 0) + push(0)
               + move(1),
    "tx-restart": begin(3, [F_V1]) + desc(0, 0x2000, 112) + push(0) + push(0)
                  + struct.pack("<BBH", MOVE, 1, 0) + bytes((RESTART,)) + move(2),
    "rx": begin(3, [F_V1], rx=True) + desc(0, 0x2000, 12, NEXT | WRITABLE, 1)
          + desc(1, 0x2100, 1500, WRITABLE) + push(0) + move(1),
    "rx-mrg": begin(3, [F_V1, F_MRG, F_EVENT], rx=True)
              + b"".join(desc(i, 0x2000 + 64 * i, 64, WRITABLE) + push(i) for i in range(4)) + move(2),
    "rx-mrg-indirect": begin(3, [F_V1, F_MRG, F_INDIRECT], rx=True)
                       + write(0x1800, entry(0x2000, 12, NEXT | WRITABLE, 1)
                               + entry(0x2100, 90, WRITABLE))
                       + desc(0, 0x2800, 32, INDIRECT) + push(0) + move(1),
    "rx-big": begin(3, [F_V1, F_GCSUM, F_GTSO4], rx=True) + write(0x1000, TSO_HDR)
              + desc(0, 0x10000, 12, NEXT | WRITABLE, 1) + desc(1, 0x10100, 0xffff, WRITABLE) + push(0)
              + move(1, 60000),
    "rx-log": begin(3, [F_V1], rx=True) + struct.pack("<BBH", SET_LOG, 1, 0x1500)
              + desc(0, 0x1f80, 300, WRITABLE) + push(0) + move(1),
    "rx-read-only": begin(3, [F_V1], rx=True) + desc(0, 0x6000, 300, WRITABLE) + push(0) + move(1),
    "rx-bad-then-good": begin(3, [F_V1, F_MRG], rx=True) + desc(0, 0x2000, 64, WRITABLE)
                        + desc(1, 0x2040, 64) + desc(2, 0x2080, 512, WRITABLE)
                        + push(0) + push(1) + push(2) + move(1),
    "packed-tx": packed(8, [F_V1]) + (desc(0, 0x2000, 12, NEXT, 7) + desc(1, 0x2100, 60, 0, 7) + push(2)
                 + move(8)),
    "packed-tx-wrap": packed(3, [F_V1, F_EVENT], 2) + b"".join(
        desc(i % 3, 0x2000, 112, 0, i) + push(1) + move(8) for i in range(2, 9)),
    "packed-tx-across": packed(5, [F_V1, F_INORDER], 0x8004) + desc(4, 0x2000, 12, NEXT, 1)
                        + desc(0, 0x2100, 60, 0, 1) + push(2) + move(8) + bytes((RESTART,)) + move(8),
    "packed-tx-indirect": packed(8, [F_V1, F_INDIRECT])
                          + write(0x1800, entry(0x2000, 12) + entry(0x2100, 90))
                          + desc(0, 0x2800, 32, INDIRECT, 3) + push(1) + move(1),
    "packed-tx-no-end": packed(4, [F_V1]) + b"".join(desc(i, 0x2000, 99, NEXT, 1) for i in range(4))
                        + push(4) + move(8),
    "packed-tx-restart": packed(8, [F_V1]) + b"".join(desc(i, 0x2000, 112, 0, i) for i in range(8))
                         + push(5) + struct.pack("<BBH", MOVE, 2, 0) + bytes((RESTART,)) + move(2)
                         + bytes((RESTART,)) + move(8),
    "packed-wrong-lap": packed(4, [F_V1]) + desc(0, 0x2000, 99, USED_BIT, 1)
                        + desc(1, 0x2000, 99, AVAIL_BIT | USED_BIT, 1) + move(8)
                        + desc(0, 0x2000, 99, AVAIL_BIT, 1) + move(8),
    "packed-rx": packed(8, [F_V1], rx=True) + desc(0, 0x2000, 12, NEXT | WRITABLE, 1)
                 + desc(1, 0x2100, 1500, WRITABLE, 1) + push(2) + move(1),
    "packed-rx-mrg": packed(5, [F_V1, F_MRG, F_EVENT], 0x8003, rx=True)
                     + b"".join(desc(i, 0x2000 + 64 * i, 64, WRITABLE, i) for i in range(5)) + push(5)
                     + move(2) + bytes((RESTART,)) + push(4) + move(1),
    "packed-rx-log": packed(8, [F_V1], rx=True) + struct.pack("<BBH", SET_LOG, 1, 0x1000)
                     + desc(0, 0x1f80, 300, WRITABLE) + push(1) + move(1),
    "packed-ctrl": packed(8, [F_V1], form=CTRL) + desc(0, 0x2000, 2, NEXT, 1)
                   + desc(1, 0x2100, 6, NEXT, 1) + desc(2, 0x2200, 1, WRITABLE, 1) + push(3)
                   + move(64, 1),
    "packed-arm": packed(7, [F_V1, F_EVENT]) + bytes((ARM, 1, AVAIL, ARM, 0, SET_MEM, 1))
                  + desc(0, 0x2000, 99) + push(1) + move(1) + struct.pack("<BH", AVAIL_IDX, 3),
    "arm": begin(3, [F_V1, F_EVENT]) + bytes((ARM, 1, AVAIL, ARM, 0, SET_MEM, 1)) + desc(0, 0x2000, 99)
           + push(0) + move(1),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in SEEDS.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
