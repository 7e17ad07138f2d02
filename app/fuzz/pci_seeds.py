#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Write the seeds of fuzz_pci into a folder: one small input for each thing a host does.

The operations, kinds and addresses are those of fuzz_pci.c.
"""

import pathlib
import struct
import sys

(READ, WRITE, FAR, RESET, SAVE, DAMAGED, IRQ, PROGRESS, HOLD, MEM, RUN,
 NEWS) = range(12)
MODERN, INTX_ONLY, DOORBELL_PAGE, TRANSITIONAL, LEGACY_INTX = range(5)
BAR0, BAR1, BAR4, CONFIG = 0, 1, 4, 7

COMMON, ISR, DEVICE, NOTIFY, NOTIFY_CTRL = 0, 0x1000, 0x2000, 0x3000, 0x4000
STATUS, QUEUE_SELECT, QUEUE_ENABLE, QUEUE_RESET = 20, 22, 28, 58
GPA = 0x1000


def read(region, offset, length):
    """An access."""
    return struct.pack("<BBHB", READ, region, offset, length)


def write(region, offset, data):
    """An access."""
    return struct.pack("<BBHB", WRITE, region, offset, len(data)) + data


def u16(value):
    """A register's bytes."""
    return struct.pack("<H", value)


def u32(value):
    """A register's bytes."""
    return struct.pack("<I", value)


def mem(offset, data):
    """Bytes into guest memory."""
    return struct.pack("<BHB", MEM, offset, len(data)) + data


def run(queue):
    """The driver's way to DRIVER_OK, with that queue's ring."""
    return bytes((RUN, queue))


def run_packed(queue):
    """The same by a driver that has packed rings."""
    return bytes((RUN, queue | 0x80))


def irq(what, vector=255):
    """Interrupts that the host has set up: 1 INTx, 2 MSI-X; 4: it is MSI-X that changed."""
    return bytes((IRQ, what, vector))


def window(bar, offset, length, data=None):
    """An access by configuration space."""
    out = write(CONFIG, 0xd8, bytes((bar,))) + write(CONFIG, 0xdc, u32(offset) + u32(length))
    if data is None:
        return out + read(CONFIG, 0xe4, 4)
    return out + write(CONFIG, 0xe4, data)


def command(cls, cmd, data=b"", room=1):
    """A command in the control queue, number 6, and its notification."""
    ring = 0x6000
    body = bytes((cls, cmd)) + data
    return (mem(ring, struct.pack("<QIHH", GPA + ring + 0x400, len(body), 1, 1) +
                struct.pack("<QIHH", GPA + ring + 0x500, room, 2, 0)) +
            mem(ring + 0x400, body) + mem(ring + 0x100, struct.pack("<HHH", 0, 1, 0)) +
            write(BAR4, NOTIFY_CTRL, u16(6)))


def packed_command(cls, cmd, data=b"", room=1):
    """The same in a packed ring that is new."""
    ring = 0x6000
    body = bytes((cls, cmd)) + data
    return (mem(ring, struct.pack("<QIHH", GPA + ring + 0x400, len(body), 0, 0x81) +
                struct.pack("<QIHH", GPA + ring + 0x500, room, 0, 0x82)) +
            mem(ring + 0x400, body) + write(BAR4, NOTIFY_CTRL, u32(6 | 2 << 16 | 1 << 31)))


# Registers of the SR-IOV capability: control, NumVFs, page size, BARs.
VF_CTRL, VF_NUM, VF_PAGE, VF_BARS = 0x118, 0x120, 0x130, 0x134

FLR = write(CONFIG, 0x51, b"\x80")
MSIX_ON = irq(6) + write(CONFIG, 0x86, u16(0x8000))
QUEUE_0 = write(BAR4, QUEUE_SELECT, u16(0))

SEEDS = {
    "enumerate": bytes((MODERN,)) + b"".join(read(CONFIG, i, 4) for i in range(0, 256, 4)),
    "bars": bytes((TRANSITIONAL,)) + b"".join(
        write(CONFIG, 0x10 + 4 * i, u32(0xffffffff)) + read(CONFIG, 0x10 + 4 * i, 4)
        for i in range(6)),
    "flr": bytes((MODERN,)) + MSIX_ON + run(0) + bytes((HOLD,)) + FLR + read(BAR4, STATUS, 1) +
           bytes((PROGRESS, 3)) + read(BAR4, STATUS, 1),
    "run": bytes((MODERN,)) + MSIX_ON + run(0) + run(1) + write(BAR4, NOTIFY, u16(0)) +
           read(BAR4, ISR, 1) + write(BAR4, STATUS, b"\0") + read(BAR4, STATUS, 1),
    "intx": bytes((INTX_ONLY,)) + irq(1) + run(0) + read(BAR4, ISR, 1) +
            write(CONFIG, 4, u16(0x406)) + write(CONFIG, 4, u16(6)) + read(CONFIG, 4, 4),
    "doorbell": bytes((DOORBELL_PAGE,)) + MSIX_ON + run(1) + write(BAR4, NOTIFY + 4, u32(0x10001)),
    "queue-reset": bytes((MODERN,)) + run(0) + bytes((HOLD,)) + QUEUE_0 +
                   write(BAR4, QUEUE_RESET, u16(1)) + read(BAR4, QUEUE_RESET, 2) +
                   bytes((PROGRESS, 2)) + write(BAR4, QUEUE_ENABLE, u16(1)),
    "save": bytes((MODERN,)) + MSIX_ON + run(0) + run(6) + bytes((SAVE,)) + read(BAR4, 0, 64),
    "save-table": bytes((DOORBELL_PAGE,)) + write(BAR1, 0x12b0, bytes(16)) + bytes((SAVE,)),
    "save-legacy": bytes((LEGACY_INTX,)) + write(BAR0, 8, u32(2)) + write(BAR0, 18, b"\x07") +
                   bytes((SAVE,)) + read(BAR0, 0, 64),
    "damaged": bytes((MODERN,)) + run(0) + bytes((DAMAGED, 44, 1, 0x80)),
    "window": bytes((MODERN,)) + window(4, QUEUE_SELECT, 2, u16(3)) + window(4, ISR, 1) +
              window(4, NOTIFY, 2, u16(0)) + window(1, 0, 4, u32(0xfee00000)),
    "legacy": bytes((TRANSITIONAL,)) + irq(1) + read(BAR0, 0, 4) + write(BAR0, 4, u32(0x20)) +
              write(BAR0, 14, u16(1)) + write(BAR0, 8, u32(2)) + write(BAR0, 18, b"\x07") +
              write(BAR0, 16, u16(1)) + read(BAR0, 19, 1) + write(BAR0, 20, b"\2\1\2\3\4\5") +
              read(BAR0, 20, 24) + write(BAR0, 8, u32(0)) + write(BAR0, 18, b"\0"),
    "legacy-msix": bytes((TRANSITIONAL,)) + MSIX_ON + write(BAR0, 20, u16(0)) +
                   write(BAR0, 22, u16(1)) + read(BAR0, 0, 64),
    "config": bytes((MODERN,)) + read(BAR4, DEVICE, 24) + write(BAR4, DEVICE, bytes(6)),
    "far": bytes((MODERN, FAR, BAR4)) + struct.pack("<QI", 2 ** 64 - 2, 4) +
           bytes((FAR, 0x80 | BAR4)) + struct.pack("<QI", 0, 0x8000) +
           bytes((FAR, CONFIG)) + struct.pack("<QI", 0, 4096),
    "reset": bytes((MODERN,)) + run(0) + bytes((RESET, 0xff)),
    "news": bytes((MODERN,)) + MSIX_ON + run(6) + bytes((NEWS, 2, NEWS, 9)) +
            read(BAR4, DEVICE, 12) + command(3, 0) + bytes((SAVE,)),
    "vfs": bytes((MODERN,)) + write(CONFIG, VF_PAGE, u32(0x10)) + write(CONFIG, VF_BARS, bytes(
        (0xff,) * 24)) + read(CONFIG, 0x100, 80) + write(CONFIG, VF_NUM, u16(4)) + write(
            CONFIG, VF_CTRL, u16(9)) + bytes((SAVE, DAMAGED, 0x40, 1, 1)) + FLR,
    "vfs-refused": bytes((MODERN,)) + write(CONFIG, VF_NUM, u16(5)) + write(
        CONFIG, VF_CTRL, u16(1)) + read(CONFIG, VF_CTRL, 2),
    "vfs-operator": bytes((MODERN, NEWS, 0x90)) + read(CONFIG, 0x110, 64) + write(
        CONFIG, VF_CTRL, u16(0)) + bytes((SAVE, NEWS, 0x10)),
    "vfs-gone": bytes((MODERN,)) + write(CONFIG, VF_NUM, u16(2)) + write(
        CONFIG, VF_CTRL, u16(1)) + bytes((NEWS, 0xb0, NEWS, 0x30)),
    "table": bytes((MODERN,)) + write(BAR1, 0, u32(4)) + read(BAR1, 0, 255),
    "packed": bytes((MODERN,)) + MSIX_ON + run_packed(0) + run_packed(1)
              + write(BAR4, NOTIFY, u32(0x80010000)) + bytes((SAVE,)) + write(BAR4, STATUS, b"\0"),
    "packed-size": bytes((MODERN,)) + run_packed(0) + QUEUE_0 + write(BAR4, QUEUE_RESET, u16(1))
                   + write(BAR4, 24, u16(100)) + write(BAR4, QUEUE_ENABLE, u16(1)) + bytes((SAVE,)),
    "packed-ctrl": bytes((MODERN,)) + run_packed(6) + packed_command(0, 0, b"\1")
                   + bytes((SAVE, RESET, 0xff)),
    "ctrl-promisc": bytes((MODERN,)) + run(6) + command(0, 0, b"\1"),
    "ctrl-mac": bytes((MODERN,)) + run(6) + command(1, 1, b"\2\1\2\3\4\5"),
    "ctrl-mac-table": bytes((MODERN,)) + run(6) + command(
        1, 0, u32(1) + b"\2\1\2\3\4\5" + u32(1) + b"\1\0\x5e\0\0\1"),
    "ctrl-vlan": bytes((MODERN,)) + run(6) + command(2, 0, u16(5)),
    "ctrl-mq": bytes((MODERN,)) + run(6) + command(4, 0, u16(2)) + bytes((SAVE,)),
    "ctrl-rss": bytes((MODERN,)) + run(6) + command(
        4, 1, u32(0x3f) + struct.pack("<HH", 1, 0) + u16(0) + u16(1) + u16(2) + b"\x28" +
        bytes(range(40))) + bytes((SAVE,)),
    "ctrl-offloads": bytes((MODERN,)) + run(6) + command(5, 0, struct.pack("<Q", 2)),
    "ctrl-coal": bytes((MODERN,)) + run(6) + command(6, 0, u32(8) + u32(100)),
    "ctrl-coal-vq": bytes((MODERN,)) + run(6) + command(6, 2, u32(1) + u32(8) + u32(100)),
    "ctrl-stats": bytes((MODERN,)) + run(6) + command(8, 0, room=64),
}


def main():
    """Write them all."""
    if len(sys.argv) != 2:
        sys.exit("usage: pci_seeds.py FOLDER")
    for name, data in SEEDS.items():
        (pathlib.Path(sys.argv[1]) / name).write_bytes(data)


if __name__ == "__main__":
    main()
