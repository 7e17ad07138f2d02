# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Facts of the virtio specification that drivers in the tests need."""

import struct

# Device status (virtio 1.2, 2.1).
ACK = 1
DRIVER = 2
DRIVER_OK = 4
FEATURES_OK = 8
NEEDS_RESET = 0x40
FAILED = 0x80

# The status field of the configuration space.
S_LINK_UP = 1
S_ANNOUNCE = 2

# Feature bits (virtio 1.2, 5.1.3 and 6; 26 and 30 belong to vhost).
F_CSUM = 0
F_GUEST_CSUM = 1
F_CTRL_GUEST_OFFLOADS = 2
F_MTU = 3
F_MAC = 5
F_GUEST_TSO4 = 7
F_GUEST_TSO6 = 8
F_GUEST_ECN = 9
F_GUEST_UFO = 10
F_HOST_TSO4 = 11
F_HOST_TSO6 = 12
F_HOST_ECN = 13
F_MRG_RXBUF = 15
F_STATUS = 16
F_CTRL_VQ = 17
F_CTRL_RX = 18
F_CTRL_VLAN = 19
F_CTRL_RX_EXTRA = 20
F_GUEST_ANNOUNCE = 21
F_MQ = 22
F_CTRL_MAC_ADDR = 23
F_LOG_ALL = 26
F_ANY_LAYOUT = 27
F_INDIRECT = 28
F_EVENT_IDX = 29
F_PROTOCOL_FEATURES = 30
F_VERSION_1 = 32
F_ACCESS_PLATFORM = 33
F_RING_PACKED = 34
F_IN_ORDER = 35
F_ORDER_PLATFORM = 36
F_SR_IOV = 37
F_NOTIFICATION_DATA = 38
F_RING_RESET = 40
F_ADMIN_VQ = 41
F_DEVICE_STATS = 50
F_VQ_NOTF_COAL = 52
F_NOTF_COAL = 53
F_GUEST_USO4 = 54
F_GUEST_USO6 = 55
F_HOST_USO = 56
F_HASH_REPORT = 57
F_GUEST_HDRLEN = 59
F_RSS = 60
F_SPEED_DUPLEX = 63

# Descriptor flags and ring flags (virtio 1.2, 2.7).
DESC_NEXT = 1
DESC_WRITE = 2
DESC_INDIRECT = 4
AVAIL_NO_INTERRUPT = 1
USED_NO_NOTIFY = 1
# Of packed rings (2.8.1).
PACKED_AVAIL = 1 << 7
PACKED_USED = 1 << 15

NET_HDR = struct.Struct("<BBHHHHH")
EMPTY_HDR = NET_HDR.pack(0, 0, 0, 0, 0, 0, 0)
HDR_F_NEEDS_CSUM = 1
HDR_F_DATA_VALID = 2
GSO_TCPV4 = 1

NO_VECTOR = 0xFFFF
ISR_QUEUE = 1
ISR_CONFIG = 2


def bit(*numbers):
    """The mask of the bits given."""
    return sum(1 << n for n in numbers)
