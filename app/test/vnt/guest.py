# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A Linux guest in QEMU, booted by devtools/lab, with vhost-user and vfio-user devices."""

import json
import os
import socket
import subprocess
import time

from . import core, proc, ring

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

    def wait_event(self, name, seconds=60, device=None):
        """Wait for an event, also one that has come before. It is taken away and returned."""
        end = time.monotonic() + seconds
        while True:
            for e in self.events:
                if e["event"] == name and device in (None, e.get("data", {}).get("device")):
                    self.events.remove(e)
                    return e
            left = end - time.monotonic()
            core.check(left > 0, f"QMP: no {name} within {seconds} s; seen {self.events}")
            # makefile() of a socket with a timeout: a line is waited for here, then read whole
            if proc.readable(self.sock.fileno(), left):
                line = self.file.readline()
                core.check(line, f"QMP: QEMU is gone, no {name}")
                self.events.append(json.loads(line))

    def close(self):
        self.file.close()  # or the connection stays, and a monitor has only one
        self.sock.close()


class Guest:
    """A running guest; commands are given over its command port."""

    def __init__(self, t, name, cpus=1, mem=256, extra=(), suite="trixie", words="", iommu=False,
                 ports=0, ns=None, more=None):
        """@suite: whose kernel, SUITES. @words: for the kernel. @iommu: a virtual one, that is used.

        @ports: empty PCIe root ports rp0, rp1... @ns: the network namespace of QEMU. @more: a file
        for guest -i.
        """
        self.t = t
        self.name = name
        self.lab = os.path.join(t.options.source, "devtools/lab")
        self.kernel = prepare(t, suite)
        self.env = {"LAB_RUN": t.tmp}
        self.cpus = cpus
        self.args = list(extra)
        self.words = words
        if iommu:
            self.args += ["-device", "intel-iommu,caching-mode=on"]
            self.words += " intel_iommu=on"
        self.mem = mem
        self.ns = ns
        self.more = more
        self.ports = 0
        self.devices = 0
        self.pid = None
        self.pidfd = -1
        # A monitor has one client at a time: the program's is not the test's.
        self.program_qmp = self._path("qmp2")
        self.args += ["-qmp", f"unix:{self.program_qmp},server=on,wait=off"]
        self.add_ports(ports)

    def add_ports(self, n):
        """@return the ids of @n more root ports."""
        new = [f"rp{i}" for i in range(self.ports, self.ports + n)]
        for port in new:
            self.ports += 1
            self.args += ["-device", f"pcie-root-port,id={port},chassis={self.ports},"
                          f"slot={self.ports}"]
        return new

    def add_vfio(self, path, port=None, name=None):
        """A vfio-user function on socket @path, in a root port. Before start()."""
        port = port or self.add_ports(1)[0]
        self.args += ["-device", json.dumps({
            "driver": "vfio-user-pci", "id": name or f"vu{port}", "bus": port,
            "socket": {"type": "unix", "path": path}})]
        return self

    def add_own(self, rep, mac, queues=1, port=None, props=""):
        """QEMU's own virtio-net, on a TAP @rep of our namespace. Before start()."""
        n = self.devices
        self.devices += 1
        port = port or self.add_ports(1)[0]
        self.args += ["-netdev", f"tap,id=n{n},ifname={rep},script=no,downscript=no,vhost=off,"
                                 f"queues={queues}",
                      "-device", f"virtio-net-pci,netdev=n{n},bus={port},mac={mac},"
                                 f"mq={'on' if queues > 1 else 'off'},vectors={2 * queues + 2}"
                                 + ("," + props if props else "")]
        return self

    def add(self, path, queues=1, mac=None, server=False, props=""):
        """A vhost-user device on socket @path. Before start()."""
        n = self.devices
        self.devices += 1
        mac = mac or f"02:00:00:00:{len(self.name) + ord(self.name[-1]) & 0xff:02x}:{n + 2:02x}"
        chardev = f"socket,id=c{n},path={path}"
        chardev += ",server=on,wait=off" if server else ",reconnect-ms=200"
        device = f"virtio-net-pci,netdev=n{n},mac={mac}"
        if ring.Default.packed and "packed=" not in props:
            device += ",packed=on"
        if queues > 1:
            device += f",mq=on,vectors={2 * queues + 2}"
        self.args += ["-chardev", chardev,
                      "-netdev", f"vhost-user,id=n{n},chardev=c{n},queues={queues}",
                      "-device", device + ("," + props if props else "")]
        return self

    def start(self, wait=True):
        options = ["-k", self.kernel, "-n", self.name, "-c", str(self.cpus), "-m", str(self.mem),
                   "-a", self.words]
        if self.more:
            options += ["-i", self.more]
        self.t.run_ok([f"{self.lab}/guest", *options, "--", *self.args], env=self.env, timeout=60,
                      ns=self.ns)
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

    def reboot(self):
        """By the guest itself; QEMU and its devices stay."""
        m = self.qmp()
        try:
            m.ask("set-action", reboot="reset")
            before = self.boot_id()
            self.sh("(sleep 0.1; reboot -f) >/dev/null 2>&1 &")
            m.wait_event("RESET")
        finally:
            m.close()
        self.wait_up()
        core.check(self.boot_id() != before, f"guest {self.name} did not reboot")

    def boot_id(self):
        return self.sh("cat /proc/sys/kernel/random/boot_id").strip()

    def kill(self):
        """SIGKILL of QEMU; gone when this returns."""
        proc.kill(self.pid, 9)
        core.check(proc.readable(self.pidfd, proc.PATIENCE), "QEMU is still there after SIGKILL")
        os.close(self.pidfd)
        self.pid = None

    def alive(self):
        return self.pid is not None and not proc.readable(self.pidfd, 0)

    def check_console(self, besides=None):
        """Nothing that a kernel says when something is wrong. @besides: not in lines with this."""
        text = "\n".join(line for line in self.console(None).splitlines()
                         if besides is None or besides not in line)
        for bad in ("Oops", "BUG:", "WARNING:", "Call Trace", "hung task", "NETDEV WATCHDOG"):
            core.check(bad not in text, f"{bad} {self.console()}")

    def gx(self, command, seconds):
        rc, out, err = self.t.run([f"{self.lab}/gx", self.name, command, str(seconds)],
                                  env=self.env, timeout=seconds + 20)
        core.check(rc == 0, f"guest {self.name}: {command}: status {rc}: {out[-500:]}{err[-300:]}"
                   + ("" if command != "--up" else self.console()))
        if "asked" in err:
            self.t.note(err.strip())
        return out

    def sh(self, command, seconds=60):
        """Run in the guest; must succeed. @return what it printed."""
        return self.gx(command, seconds)

    def console(self, last=1500):
        with open(self._path("log"), "rb") as f:
            text = f.read().decode(errors="replace")
        return text if last is None else "\nconsole: " + text[-last:]

    def qmp(self):
        return Qmp(self._path("qmp"))

    def netdevs(self):
        """MAC -> name of all virtio_net netdevs."""
        out = self.sh("cd /sys/class/net; for d in *; do [ ! -e $d/device ] || "
                      "echo $(cat $d/address) $d; done")
        return dict(line.split() for line in out.splitlines() if line)

    def dev(self, mac, seconds=30):
        """The name of the netdev with @mac, once it is there."""
        return core.wait_for(lambda: self.netdevs().get(mac.lower()), seconds,
                             f"guest {self.name}: a netdev with MAC {mac}", interval=0.2)

    def bdf(self, dev="eth0"):
        """As the guest counts: "0000:01:00.0"."""
        return self.sh(f"basename $(readlink -f /sys/class/net/{dev}/device/..)").strip()

    def address(self, cidr, dev="eth0"):
        self.sh(f"ip address add {cidr} dev {dev} && ip link set {dev} up")

    def ping(self, target, count=5, seconds=60):
        """All answers must come."""
        out = self.sh(f"ping -c {count} -i 0.1 -W 20 {target}", seconds)
        core.check(f"{count} packets received" in out or f"{count} received" in out,
                   f"guest {self.name}: ping {target}: {out[-200:]}")

    def iperf(self, target, options="", seconds=1):
        """Mbit/s; must be more than nothing."""
        for server in self.t.iperf_servers:
            server.wait_idle()
        # One that hangs must not take the command port with it.
        out = self.sh(f"timeout -s KILL {seconds + 50} "
                      f"iperf3 -J -t {seconds} {options} -c {target}", seconds + 60)
        result = json.loads(out[out.index("{"):])
        core.check("error" not in result, f"iperf3: {result.get('error')}")
        rate = result["end"]["sum_received"]["bits_per_second"] / 1e6
        core.check(rate > 0, f"iperf3 {options}: {rate} Mbit/s")
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


SUITES = ("bookworm", "trixie")  # 6.1 and 6.12

_prepared = {}


def script(t, name, *args):
    """Run one of the lab's scripts, once. @return the last line it prints; skips when it fails."""
    key = (name, *args)
    if key not in _prepared:
        r = subprocess.run([os.path.join(t.options.source, "devtools/lab", name), *args],
                           capture_output=True, text=True, check=False, timeout=1200,
                           stdin=subprocess.DEVNULL)
        if r.returncode == 0:
            _prepared[key] = r.stdout.strip().split("\n")[-1], None
        else:
            _prepared[key] = None, f"devtools/lab/{name} fails: {r.stderr.strip()[-200:]}"
    value, why = _prepared[key]
    if why:
        raise core.Skip(why)
    return value


def prepare(t, suite="trixie"):
    """QEMU and the guest, made once by the lab's scripts (they keep what they download)."""
    script(t, "mk-qemu")
    return script(t, "mk-guest", suite)


class IperfServer:
    """iperf3 -s in a network namespace, or in a guest.

    It has one client at a time, and refuses the next one until it has said that it listens again.
    """

    def __init__(self, t, ns=None, g=None):
        self.g = g
        self.process = None
        if g is not None:
            g.sh("iperf3 -s -D --forceflush --logfile /tmp/iperf-server.log")
        else:
            self.process = t.spawn(["stdbuf", "-oL", "iperf3", "-s"], ns=ns, name="iperf3")
        t.iperf_servers.append(self)
        self.wait_idle()

    def _idle(self):
        if self.g is not None:
            said = self.g.sh("tail -n 2 /tmp/iperf-server.log 2>/dev/null || true")
        else:
            said = b"\n".join(self.process.out().splitlines()[-2:]).decode()
        return "Server listening" in said

    def wait_idle(self):
        if self.process is None or self.process.alive():
            core.wait_for(self._idle, proc.PATIENCE, "iperf3 listens", interval=0.05)
