# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A vfio-user client that plays host and virtio driver, for tests. Standard library only.

message   commands and structures of the protocol
client    a connection: requests, memory maps, interrupts, and everything that is wrong
pci       the function behind it: configuration space, capabilities, BARs
driver    a virtio-net driver of that function (modern)
legacy    the same over the legacy I/O BAR of a transitional function
control   commands of the control queue
net       frames, the network's end of a device, and the hash of RSS
bench     a device that is ill-treated beside one that is not, for the tests

A whole driver in a few lines:

    with Driver(path) as d:
        d.probe()
        d.start(pairs=1)
        d.rx(0).fill()
        d.tx(0).send(frame)

Every step can be done on its own too, in any order, wrongly or not at all.
"""
