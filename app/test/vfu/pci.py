# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A virtio PCI function as its driver sees it: configuration space, capabilities, BARs."""

import collections
import struct

from . import message as m
from .client import VfioUserError

# Offsets in configuration space.
VENDOR, DEVICE, COMMAND, STATUS, REVISION, CLASS = 0, 2, 4, 6, 8, 9
HEADER_TYPE, BARS, SUBSYS_VENDOR, SUBSYS, CAP_PTR, INT_LINE, INT_PIN = (
    0x0E, 0x10, 0x2C, 0x2E, 0x34, 0x3C, 0x3D)
COMMAND_IO, COMMAND_MEMORY, COMMAND_MASTER, COMMAND_INTX_OFF = 1, 2, 4, 0x400
STATUS_INTX, STATUS_CAPS = 0x08, 0x10

# Capability ids.
CAP_VENDOR, CAP_PCIE, CAP_MSIX = 0x09, 0x10, 0x11
PCIE_CAPS, PCIE_DEVCAP, PCIE_DEVCTL, PCIE_DEVSTA = 2, 4, 8, 10
DEVCAP_FLR = 1 << 28
DEVCTL_FLR = 1 << 15
MSIX_CONTROL, MSIX_TABLE, MSIX_PBA = 2, 4, 8
MSIX_ENABLE, MSIX_MASK_ALL = 0x8000, 0x4000

# cfg_type of a virtio vendor capability.
COMMON, NOTIFY, ISR, DEVICE_CFG, PCI_CFG = range(1, 6)
TYPE_NAMES = {COMMON: "common", NOTIFY: "notify", ISR: "isr", DEVICE_CFG: "device",
              PCI_CFG: "pci access"}

Capability = collections.namedtuple("Capability", "id at")
# at: in configuration space; the rest as in struct virtio_pci_cap
Structure = collections.namedtuple("Structure", "type at bar offset length multiplier")

# Common configuration: name -> (offset, bytes).
COMMON_FIELDS = {
    "device_feature_select": (0, 4), "device_feature": (4, 4),
    "driver_feature_select": (8, 4), "driver_feature": (12, 4),
    "config_msix_vector": (16, 2), "num_queues": (18, 2),
    "device_status": (20, 1), "config_generation": (21, 1),
    "queue_select": (22, 2), "queue_size": (24, 2), "queue_msix_vector": (26, 2),
    "queue_enable": (28, 2), "queue_notify_off": (30, 2),
    "queue_desc": (32, 8), "queue_driver": (40, 8), "queue_device": (48, 8),
    "queue_notify_data": (56, 2), "queue_reset": (58, 2),
}


class Function:
    """The function behind a connected client."""

    def __init__(self, client):
        self.client = client
        self.caps = []
        self.structures = {}

    # --- configuration space ---

    def read(self, offset, size):
        """An unsigned number of configuration space."""
        return int.from_bytes(self.client.read(m.CONFIG, offset, size), "little")

    def write(self, offset, size, value):
        self.client.write(m.CONFIG, offset, value.to_bytes(size, "little"))

    def walk(self):
        """Find the capabilities. @return [Capability]."""
        self.caps = []
        self.structures = {}
        at = self.read(CAP_PTR, 1)
        while at:
            if at & 3 or at < 0x40 or any(c.at == at for c in self.caps):
                raise VfioUserError(f"capability at {at:#x} after {self.caps}")
            cap_id, nxt = struct.unpack("<BB", self.client.read(m.CONFIG, at, 2))
            self.caps.append(Capability(cap_id, at))
            if cap_id == CAP_VENDOR:
                self._structure(at)
            at = nxt
        return self.caps

    def _structure(self, at):
        raw = self.client.read(m.CONFIG, at, 20)
        length, kind, bar, offset, size, extra = struct.unpack("<xxBBBxxxIII", raw)
        if length < (20 if kind in (NOTIFY, PCI_CFG) else 16):
            raise VfioUserError(f"vendor capability {kind} of {length} bytes")
        # The first of a kind counts (virtio 1.2, 4.1.4.1).
        self.structures.setdefault(kind, Structure(kind, at, bar, offset, size,
                                                   extra if kind == NOTIFY else 0))

    def cap(self, cap_id):
        """Where the capability is, or None."""
        return next((c.at for c in self.caps if c.id == cap_id), None)

    def bar_size(self, n):
        """By writing all ones, as a driver does. @return (size, flags, is 64 bit)."""
        at = BARS + 4 * n
        old = self.read(at, 4)
        self.write(at, 4, 0xFFFFFFFF)
        mask = self.read(at, 4)
        self.write(at, 4, old)
        if mask == 0:
            return 0, 0, False
        if mask & 1:
            return (~(mask & ~3) + 1) & 0xFFFF, mask & 3, False
        wide = mask & 6 == 4
        value, bits = mask & ~0xF, 32
        if wide:
            high = self.read(at + 4, 4)
            self.write(at + 4, 4, 0xFFFFFFFF)
            value |= self.read(at + 4, 4) << 32
            self.write(at + 4, 4, high)
            bits = 64
        return (~value + 1) & ((1 << bits) - 1), mask & 0xF, wide

    def command(self, on=0, off=0):
        """Set and clear bits of the command register."""
        value = self.read(COMMAND, 2)
        self.write(COMMAND, 2, value & ~off | on)

    def enable(self):
        """I/O, memory and bus mastering on, as a host does before the driver starts."""
        self.command(on=COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER)

    # --- MSI-X ---

    def msix_size(self):
        at = self.cap(CAP_MSIX)
        return 0 if at is None else (self.read(at + MSIX_CONTROL, 2) & 0x7FF) + 1

    def msix(self, on):
        at = self.cap(CAP_MSIX)
        value = self.read(at + MSIX_CONTROL, 2)
        self.write(at + MSIX_CONTROL, 2, value | MSIX_ENABLE if on else value & ~MSIX_ENABLE)

    # --- reset ---

    def has_flr(self):
        at = self.cap(CAP_PCIE)
        return at is not None and bool(self.read(at + PCIE_DEVCAP, 4) & DEVCAP_FLR)

    def flr(self):
        at = self.cap(CAP_PCIE)
        self.write(at + PCIE_DEVCTL, 2, self.read(at + PCIE_DEVCTL, 2) | DEVCTL_FLR)

    # --- structures in BARs ---

    def get(self, kind, offset, size):
        s = self.structures[kind]
        return self.client.read(s.bar, s.offset + offset, size)

    def put(self, kind, offset, data, posted=False):
        s = self.structures[kind]
        self.client.write(s.bar, s.offset + offset, data, posted)

    def common(self, name):
        """A field of the common configuration."""
        offset, size = COMMON_FIELDS[name]
        return int.from_bytes(self.get(COMMON, offset, size), "little")

    def set_common(self, name, value, posted=False):
        offset, size = COMMON_FIELDS[name]
        self.put(COMMON, offset, value.to_bytes(size, "little"), posted)

    def isr(self):
        """Reads and clears it."""
        return self.get(ISR, 0, 1)[0]

    def window(self, bar, offset, size, value=None):
        """Through the PCI_CFG capability (virtio 1.2, 4.1.4.9). @return what is read."""
        at = self.structures[PCI_CFG].at
        self.write(at + 4, 1, bar)
        self.write(at + 8, 4, offset)
        self.write(at + 12, 4, size)
        if value is None:
            return self.read(at + 16, size)
        self.write(at + 16, size, value)
        return None
