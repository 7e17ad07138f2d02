# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What the system tests are made of: see the modules of this package.

core      a test, its scratch directory, what it started, and the check that nothing stays behind
netns     network namespaces and raw sockets in them
proc      child processes, their logs, readiness
program   dpdk-virtnet itself, its CLI and its control socket
frames    numbered, checksummed frames sent into a netdev and checked when they come back
testpmd   DPDK's testpmd as the driver of a device (net_virtio_user)
guest     a Linux guest in QEMU
"""
