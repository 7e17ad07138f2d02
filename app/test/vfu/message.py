# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Commands and structures of the vfio-user protocol, version 0.1."""

import collections
import json
import struct

VERSION = 1
DMA_MAP = 2
DMA_UNMAP = 3
GET_INFO = 4
GET_REGION_INFO = 5
GET_REGION_IO_FDS = 6
GET_IRQ_INFO = 7
SET_IRQS = 8
REGION_READ = 9
REGION_WRITE = 10
DMA_READ = 11
DMA_WRITE = 12
RESET = 13
DIRTY_PAGES = 14
REGION_WRITE_MULTI = 15
DEVICE_FEATURE = 16
MIG_DATA_READ = 17
MIG_DATA_WRITE = 18

NAMES = {v: k for k, v in list(globals().items()) if k.isupper() and isinstance(v, int)}

# Header: id, command, size of the whole message, flags, errno.
HEADER = struct.Struct("=HHIII")
TYPE_MASK = 0xF
COMMAND = 0
REPLY = 1
NO_REPLY = 0x10
ERROR = 0x20

VERSION_HEAD = struct.Struct("=HH")
# argsz, flags, offset, address, size
MAP = struct.Struct("=IIQQQ")
MAP_READ = 1
MAP_WRITE = 2
# argsz, flags, address, size
UNMAP = struct.Struct("=IIQQ")
UNMAP_DIRTY = 1
UNMAP_ALL = 2
# argsz, flags, regions, irqs
INFO = struct.Struct("=IIII")
INFO_RESET = 1
INFO_PCI = 2
# argsz, flags, index, cap_offset, size, offset
REGION = struct.Struct("=IIIIQQ")
REGION_READABLE = 1
REGION_WRITABLE = 2
REGION_MMAP = 4
REGION_CAPS = 8
# id, version, next
CAP = struct.Struct("=HHI")
CAP_SPARSE = 1
# areas, reserved; then offset, size of each
SPARSE = struct.Struct("=II")
AREA = struct.Struct("=QQ")
# argsz, flags, index, count
IRQ = struct.Struct("=IIII")
IRQ_EVENTFD = 1
IRQ_MASKABLE = 2
IRQ_AUTOMASKED = 4
IRQ_NORESIZE = 8
# argsz, flags, index, start, count
IRQ_SET = struct.Struct("=IIIII")
DATA_NONE = 1
DATA_BOOL = 2
DATA_EVENTFD = 4
MASK = 8
UNMASK = 16
TRIGGER = 32
# offset, region, count
ACCESS = struct.Struct("=QII")
# address, count
DMA = struct.Struct("=QQ")
COUNT64 = struct.Struct("=Q")

# Interrupts and regions of a PCI function (VFIO's numbers).
INTX, MSI, MSIX, ERR, REQ = range(5)
BAR0, BAR1, BAR2, BAR3, BAR4, BAR5, ROM, CONFIG, VGA = range(9)

# What QEMU 11.1 says of itself.
QEMU_CAPABILITIES = {
    "pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, "max_data_xfer_size": 1048576,
    "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, "write_multiple": True,
}

Message = collections.namedtuple("Message", "id command flags error payload fds")


def name(command):
    return NAMES.get(command, f"command {command}")


def version(major=0, minor=0, capabilities=None, data=None):
    """Payload of VERSION. @data: bytes in the place of JSON; b"" for none."""
    if data is None:
        caps = QEMU_CAPABILITIES if capabilities is None else capabilities
        data = json.dumps({"capabilities": caps}).encode() + b"\0"
    return VERSION_HEAD.pack(major, minor) + data


def map_(addr, size, offset=0, flags=MAP_READ | MAP_WRITE, argsz=MAP.size):
    return MAP.pack(argsz, flags, offset, addr, size)


def unmap(addr, size, flags=0, argsz=UNMAP.size):
    return UNMAP.pack(argsz, flags, addr, size)


def irqs(index, start, count, flags, data=b"", argsz=None):
    n = IRQ_SET.size + len(data) if argsz is None else argsz
    return IRQ_SET.pack(n, flags, index, start, count) + data


def access(region, offset, count, data=b""):
    return ACCESS.pack(offset, region, count) + data


def multi(writes, count=None):
    """Payload of REGION_WRITE_MULTI: @writes are (region, offset, bytes)."""
    out = COUNT64.pack(len(writes) if count is None else count)
    for region, offset, data in writes:
        out += ACCESS.pack(offset, region, len(data)) + data.ljust(8, b"\0")[:8]
    return out
