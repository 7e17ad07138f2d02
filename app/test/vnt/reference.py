# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Another back end in the program's place: DPDK's net_vhost and net_tap.

With run.py --reference the tests that need nothing but a vhost-user socket and a netdev run against
it: what fails there as well is a fault of the test or of the driver.
"""

import os
import shutil

from . import core, hugepages, proc


class Reference:
    """As much of program.Program as a driver's test needs."""

    def __init__(self, t, queue_pairs=1, **_unused):
        self.t = t
        self.ns = t.ns
        self.queue_pairs = queue_pairs
        self.path = os.path.join(t.tmp, "ref.sock")
        self.process = None

    def start(self):
        hugepages.reserve(self.t, 128)
        exe = shutil.which("dpdk-testpmd")
        q = self.queue_pairs
        self.process = self.t.spawn(
            ["stdbuf", "-o0", exe, "--lcores", "0@0,1@0", "--in-memory", "--no-pci", "-m", "128", "--no-telemetry",
             "--file-prefix", self.t.mark + "ref",
             "--vdev", f"net_vhost0,iface={self.path},queues={q}",
             "--vdev", "net_tap0,iface=ref0,mac=fixed", "--", "--no-mlockall",
             "--total-num-mbufs=8192", f"--rxq={q}", f"--txq={q}", "--nb-cores=1",
             "--forward-mode=io", "--auto-start", "--stats-period=0"],
            ns=self.ns, name="reference", env={"RUNTIME_DIRECTORY": self.t.tmp})
        self.process.wait_output(b"Press enter to exit")
        core.wait_for(lambda: os.path.exists(self.path), proc.PATIENCE, "the socket")
        return self

    def socket(self, pf=0):
        del pf
        return self.path

    def rep(self, pf=0):
        del pf
        return "ref0"

    def up(self, pf=0):
        self.ns.ip("link", "set", self.rep(pf), "up")
        return self.rep(pf)

    def wait_enabled(self, n, pf=0, seconds=proc.PATIENCE):
        """The reference cannot be asked; its log says when a ring is enabled."""
        del n, pf, seconds

    def stop(self):
        self.process.end()
