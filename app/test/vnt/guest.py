# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A Linux guest in QEMU, booted by devtools/lab, with vhost-user devices."""

import json
import os
import socket
import subprocess
import time

from . import core, proc

BOOT_SECONDS = 180  # emulated, on a machine that is shared


class Qmp:
    """QEMU's monitor."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.file = self.sock.makefile("rw")
        self.events = []
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "event" in answer:
                self.events.append(answer)
                continue
            core.check("return" in answer, f"QMP {command}: {answer.get('error')}")
            return answer["return"]

    def close(self):
        self.sock.close()


class Guest:
    """A running guest; commands are given over its command port."""

    def __init__(self, t, name, cpus=1, mem=256, extra=()):
        self.t = t
        self.name = name
        self.lab = os.path.join(t.options.source, "devtools/lab")
        prepare(t)
        self.env = {"LAB_RUN": t.tmp}
        self.cpus = cpus
        self.args = list(extra)
        self.mem = mem
        self.devices = 0
        self.pid = None

    def add(self, path, queues=1, mac=None, server=False, props=""):
        """A vhost-user device on socket @path. Before start()."""
        n = self.devices
        self.devices += 1
        mac = mac or f"02:00:00:00:{len(self.name) + ord(self.name[-1]) & 0xff:02x}:{n + 2:02x}"
        chardev = f"socket,id=c{n},path={path}"
        chardev += ",server=on,wait=off" if server else ",reconnect-ms=200"
        device = f"virtio-net-pci,netdev=n{n},mac={mac}"
        if queues > 1:
            device += f",mq=on,vectors={2 * queues + 2}"
        self.args += ["-chardev", chardev,
                      "-netdev", f"vhost-user,id=n{n},chardev=c{n},queues={queues}",
                      "-device", device + ("," + props if props else "")]
        return self

    def start(self, wait=True):
        self.t.run_ok([f"{self.lab}/guest", "-n", self.name, "-c", str(self.cpus), "-m",
                       str(self.mem), "--", *self.args], env=self.env, timeout=60)
        with open(self._path("pid"), encoding="ascii") as f:
            self.pid = int(f.read())
        self.pidfd = os.pidfd_open(self.pid)
        self.t.cleanup(self.end)
        if wait:
            self.wait_up()
        return self

    def _path(self, what):
        return os.path.join(self.t.tmp, f"{self.name}.{what}")

    def wait_up(self):
        self.gx("--up", BOOT_SECONDS)
        return self

    def gx(self, command, seconds):
        rc, out, err = self.t.run([f"{self.lab}/gx", self.name, command, str(seconds)],
                                  env=self.env, timeout=seconds + 20)
        core.check(rc == 0, f"guest {self.name}: {command}: status {rc}: {out[-500:]}{err[-300:]}"
                   + ("" if command != "--up" else self.console()))
        return out

    def sh(self, command, seconds=60):
        """Run in the guest; must succeed. @return what it printed."""
        return self.gx(command, seconds)

    def console(self):
        with open(self._path("log"), "rb") as f:
            return "\nconsole: " + f.read()[-1500:].decode(errors="replace")

    def qmp(self):
        return Qmp(self._path("qmp"))

    def address(self, cidr, dev="eth0"):
        self.sh(f"ip address add {cidr} dev {dev} && ip link set {dev} up")

    def ping(self, target, count=5, seconds=60):
        """All answers must come."""
        out = self.sh(f"ping -c {count} -i 0.1 -W 5 {target}", seconds)
        core.check(f"{count} packets received" in out or f"{count} received" in out,
                   f"guest {self.name}: ping {target}: {out[-200:]}")

    def iperf(self, target, options="", seconds=2):
        """Mbit/s; must be more than nothing."""
        out = self.sh(f"iperf3 -J -t {seconds} {options} -c {target}", seconds + 60)
        result = json.loads(out[out.index("{"):])
        core.check("error" not in result, f"iperf3: {result.get('error')}")
        rate = result["end"]["sum_received"]["bits_per_second"] / 1e6
        core.check(rate > 1, f"iperf3 {options}: {rate} Mbit/s")
        return rate

    def features(self, dev="eth0"):
        """The virtio feature bits the driver has, from sysfs: a set of numbers."""
        text = self.sh(f"cat /sys/class/net/{dev}/device/features").strip()
        return {i for i, c in enumerate(text) if c == "1"}

    def offloads(self, dev="eth0"):
        """ethtool -k: name -> on."""
        return {k.strip(): v.split()[0] == "on" for k, v in
                (line.split(":", 1) for line in self.sh(f"ethtool -k {dev}").splitlines()[1:]
                 if ":" in line)}

    def counters(self, dev="eth0"):
        """The netdev's own packet and byte counters."""
        names = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors")
        out = self.sh(f"cd /sys/class/net/{dev}/statistics && cat {' '.join(names)}")
        return dict(zip(names, map(int, out.split())))

    def ethtool_stats(self, dev="eth0"):
        """ethtool -S: name -> number."""
        return {k.strip(): int(v) for k, v in
                (line.split(":", 1) for line in self.sh(f"ethtool -S {dev}").splitlines()[1:])}

    def end(self):
        if self.pid is None:
            return
        proc.kill(self.pid, 15)
        deadline = time.monotonic() + 10
        while not proc.readable(self.pidfd, 0.1):
            if time.monotonic() > deadline:
                proc.kill(self.pid, 9)
        os.close(self.pidfd)
        self.pid = None


_prepared = []


def prepare(t):
    """QEMU and the guest, made once by the lab's scripts (they keep what they download)."""
    if _prepared:
        if _prepared[0]:
            raise core.Skip(_prepared[0])
        return
    lab = os.path.join(t.options.source, "devtools/lab")
    for script in ("mk-qemu", "mk-guest"):
        r = subprocess.run([os.path.join(lab, script)], capture_output=True, text=True, check=False,
                           timeout=1200, stdin=subprocess.DEVNULL)
        if r.returncode != 0:
            _prepared.append(f"devtools/lab/{script} fails: {r.stderr.strip()[-200:]}")
            raise core.Skip(_prepared[0])
    _prepared.append("")


class IperfServer:
    """iperf3 -s in a network namespace."""

    def __init__(self, t, ns):
        self.process = t.spawn(["stdbuf", "-oL", "iperf3", "-s"], ns=ns, name="iperf3")
        self.process.wait_output(b"Server listening")
