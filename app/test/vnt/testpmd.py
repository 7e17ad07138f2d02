# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""DPDK's testpmd as the driver of a device: net_virtio_user over the vhost-user socket."""

import shutil

from . import core, hugepages, ring


class Testpmd:
    """A driver that sends every frame back with its MAC addresses swapped."""

    def __init__(self, t, path, queues=1, queue_size=256, devargs="", args=(), mem=64, huge=True,
                 ns=None, mac="02:00:00:00:00:02", mode="macswap", name="testpmd", exe=None):
        """@exe: another one than this machine's."""
        exe = exe or shutil.which("dpdk-testpmd")
        if exe is None:
            raise core.Skip("dpdk-testpmd is not there (apt-get install dpdk-dev)")
        if ring.Default.packed:
            devargs = ",".join(filter(None, (devargs, "packed_vq=1")))
        eal = ["stdbuf", "-o0", exe, "--lcores", "0@0,1@1", "--no-pci", "--file-prefix", f"{t.mark}{name}",
               "--single-file-segments", "-m", str(mem), "--no-telemetry",
               "--vdev", f"net_virtio_user0,path={path},queues={queues},queue_size={queue_size},"
                         f"mac={mac}" + ("," + devargs if devargs else "")]
        if huge:
            hugepages.reserve(t, mem // 2 + 32)
            eal.append("--in-memory")
        else:
            eal.append("--no-huge")
        app = ["--no-mlockall", f"--total-num-mbufs={2048 + 4 * queues * queue_size}", f"--forward-mode={mode}", "--auto-start",
               "--nb-cores=1", f"--rxq={queues}", f"--txq={queues}", *args]
        self.process = t.spawn(eal + ["--"] + app, ns=ns, name=name,
                               env={"RUNTIME_DIRECTORY": t.tmp})

    def wait_started(self, seconds=30):
        self.process.wait_output(b"Press enter to exit", seconds)
        return self

    def stop(self):
        """The orderly end: rings are stopped, then the connection is closed."""
        self.process.write(b"\n")
        status = self.process.wait()
        core.check_eq(status, 0, "exit status of testpmd")

    def kill(self):
        self.process.send(9)
        self.process.wait()
