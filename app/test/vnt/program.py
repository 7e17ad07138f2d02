# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""dpdk-virtnet itself, its control socket and its CLI."""

import json
import os
import signal
import socket
import sys

from . import core, proc, ring
from .virtio import F_RING_PACKED

SERIAL = "TEST00001"

# A quarter of the default: the pages of these are half of the time of a start.
MBUFS = 8192


class Control:
    """A client of the control socket (the wire protocol of DPDK's telemetry, version 2)."""

    def __init__(self, path, timeout=proc.PATIENCE):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.banner = json.loads(self.sock.recv(65536))

    def send(self, data):
        self.sock.send(data.encode() if isinstance(data, str) else data)

    def recv(self):
        """One answer, or None when the server has closed."""
        data = self.sock.recv(self.banner["max_output_len"] + 1)
        return json.loads(data) if data else None

    def ask(self, request):
        self.send(request)
        return self.recv()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Program:
    """A dpdk-virtnet in a network namespace, with directories of its own."""

    def __init__(self, t, conf=None, capacity=None, eal=None, args=(), ns=None, build=None,
                 name="virtnet", env=None, mbufs=MBUFS):
        """@conf and @capacity: what the files hold (text or an object), or None for no file.

        @mbufs: None for the program's default.
        """
        self.t = t
        self.name = name
        self.ns = ns or t.ns
        self.dir = os.path.join(t.tmp, name)
        self.run_dir = os.path.join(self.dir, "r")
        self.state_dir = os.path.join(self.dir, "s")
        # The EAL's runtime directory is ours too: nothing of this machine is touched.
        self.env = {"RUNTIME_DIRECTORY": self.dir, **(env or {})}
        os.makedirs(self.dir, exist_ok=True)
        self.binary = os.path.join(build or t.options.build, "app/dpdk-virtnet/dpdk-virtnet")
        if not os.access(self.binary, os.X_OK):
            raise core.Fail(f"{self.binary} is not there: build it, or name its directory: --build")
        self.eal = list(eal) if eal is not None else self.no_huge()
        self.args = [*(("--mbufs", str(mbufs)) if mbufs else ()), *args]
        # The tests' front ends speak vhost-user, unless a test says what it wants.
        if conf is None:
            conf = {"transport": "vhost-user"}
        elif isinstance(conf, dict) and "transport" not in conf:
            conf = {**conf, "transport": "vhost-user"}
        if ring.Default.packed and isinstance(conf, dict):
            conf = packed(conf)
        self.conf_path = self._write("virtnet.conf", conf)
        self.capacity_path = self._write("capacity.json", capacity)
        self.process = None
        self.notify = None

    def no_huge(self, lcores="0,1"):
        return ["--no-huge", "-m", "256", "--no-pci", "--file-prefix", self.t.mark, "-l", lcores]

    def _write(self, name, content):
        if content is None:
            return None
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content if isinstance(content, str) else json.dumps(content, indent=1) + "\n")
        return path

    def argv(self):
        a = [self.binary, *self.eal, "--", "--run-dir", self.run_dir, "--state-dir", self.state_dir,
             "--board-serial", SERIAL]
        if self.conf_path:
            a += ["-c", self.conf_path]
        if self.capacity_path:
            a += ["--capacity", self.capacity_path]
        return a + self.args

    def launch(self):
        """Start it without waiting."""
        # A new one: what an earlier process said must not count.
        if self.process is not None:
            self.process.end()
            self.notify.close()
        self.notify = proc.NotifySocket(os.path.join(self.dir, "notify"))
        self.t.cleanup(self.notify.close)
        self.process = self.t.spawn(self.argv(), ns=self.ns, name=self.name,
                                    env={**self.env, "NOTIFY_SOCKET": self.notify.path})
        return self

    def start(self):
        """Start it and wait until it says that it is ready."""
        self.launch()
        self.notify.wait_ready(self.process)
        return self

    def stop(self, seconds=30):
        """SIGTERM; it must end with status 0 and take its sockets along."""
        self.process.send(signal.SIGTERM)
        status = self.process.wait(seconds)
        core.check(status is not None, f"{self.name}: still there {seconds} s after SIGTERM\n"
                   + (self.process.where() if status is None else ""))
        core.check_eq(status, 0, f"{self.name}: exit status after SIGTERM")
        core.check_eq(self.sockets(), [], f"{self.name}: sockets left behind")

    def kill(self):
        """SIGKILL, and wait until it is gone."""
        self.process.send(signal.SIGKILL)
        self.process.wait()

    def sockets(self):
        """Names of the sockets in the run directory."""
        if not os.path.isdir(self.run_dir):
            return []
        return sorted(e.name for e in os.scandir(self.run_dir)
                      if os.path.exists(e.path) and (e.stat().st_mode & 0o170000) == 0o140000)

    @property
    def control_path(self):
        return os.path.join(self.run_dir, "dpdk_telemetry.v2")

    def control(self, timeout=proc.PATIENCE):
        return Control(self.control_path, timeout)

    def ask(self, request):
        """One request, one answer: the value below the command's name."""
        with self.control() as c:
            answer = c.ask(request)
        return answer[request.split(",")[0]]

    def fds(self):
        """Its descriptors, when it has noticed that clients of the control socket are gone."""
        with self.control() as c:
            core.wait_for(lambda: len(c.ask("/virtnet/debug,section=clients")["/virtnet/debug"]
                                      ["clients"]) == 1, proc.PATIENCE, "the end of other clients")
            return self.process.fds()

    def devices(self):
        return self.ask("/virtnet/list")["devices"]

    def device(self, pf=0):
        """What list says about a PF, or about the VF that (PF, VF) means."""
        for d in self.devices():
            if pf in (d.get("pf_id"), (d.get("parent_pf_id"), d.get("vf_id"))):
                return d
        raise core.Fail(f"list shows no PF {pf}")

    def socket(self, pf=0):
        """The vhost-user socket of a PF."""
        return self.device(pf)["socket"]

    def rep(self, pf=0):
        """The name of the representor of a PF."""
        return self.device(pf)["sf_rep_net_device"]

    def query(self, pf=0):
        return self.ask(f"/virtnet/query,pf={pf}")["devices"][0]

    def stats(self, pf=0):
        return self.ask(f"/virtnet/stats,pf={pf}")["device"]

    def wait_enabled(self, n, pf=0, seconds=proc.PATIENCE):
        """Wait until @n virtqueues of a PF run."""
        core.wait_for(lambda: int(self.device(pf)["enabled_queues"]) == n, seconds,
                      f"PF {pf} with {n} queues enabled (now "
                      f"{self.device(pf)['enabled_queues']})")

    def up(self, pf=0):
        """Bring the representor up, as the operator does. @return its name."""
        rep = self.rep(pf)
        self.ns.ip("link", "set", rep, "up")
        return rep

    def cli_env(self):
        """Tells the CLI where the control socket is."""
        return {"VIRTNET_RUN_DIR": self.run_dir}

    def cli_argv(self, *args):
        script = os.path.join(self.t.options.source, "usertools/virtnet.py")
        return [sys.executable, script, *args]

    def cli(self, *args, timeout=30):
        """Run the CLI. @return (exit status, stdout, stderr)."""
        return self.t.run(self.cli_argv(*args), timeout=timeout, env=self.cli_env())


def packed(conf):
    """@conf with packed rings offered, also where it has masks of features."""
    conf = {**conf, "packed_vq": 1}
    for kind in ("static_pf", "vf"):
        mask = conf.get(kind, {}).get("features")
        if mask:
            conf[kind] = {**conf[kind], "features": hex(int(mask, 16) | 1 << F_RING_PACKED)}
    return conf


def capacity(pfs=1, msix=64, **more):
    """A capacity file for @pfs static PFs."""
    return {"current": {"VIRTIO_NET_EMULATION_NUM_PF": pfs, "VIRTIO_NET_EMULATION_NUM_MSIX": msix,
                        **more}}
