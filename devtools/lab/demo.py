#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The running part of devtools/quickstart: a VM, a device plugged into it, and traffic.

Everything that is started is written to a file at once, with process ids and their start times, so
that it can be ended by this run, by --stop, or by the next run when this one was killed."""
import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time

LAB = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(LAB))
DIR = "/run/virtnet-demo"
NETNS = "virtnet-demo"
GUEST = "demo"
MAC = "0C:C4:7A:FF:22:93"
HOST_IP, GUEST_IP = "198.18.0.1", "198.18.0.2"
STATE = os.path.join(DIR, "started.json")
QMP = os.path.join(DIR, "controller.qmp")
PORT = "rp1"  # an empty PCIe root port of the VM
CONF = os.path.join(DIR, "virtnet.conf")
CONTROLLER_LOG = os.path.join(DIR, "dpdk-virtnet.log")


class Failed(Exception):
    """Text for the user: what went wrong."""


def start_time(pid):
    """What tells a process from a later one with the same id; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return value


class Signals:
    """Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt, but not inside "with signals:"."""

    def __init__(self):
        self.held = False
        self.pending = False

    def install(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, self.handle)

    @staticmethod
    def ignore():
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)

    def handle(self, _signal, _frame):
        if not self.held:
            raise KeyboardInterrupt
        self.pending = True

    def __enter__(self):
        self.held = True

    def __exit__(self, *exc):
        self.held = False
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt


signals = Signals()


class Started:
    """What was started, oldest first; ended in the opposite order."""

    def __init__(self):
        self.items = []
        if os.path.exists(STATE):
            with open(STATE, encoding="utf-8") as f:
                self.items = json.load(f)

    def add(self, kind, name, pid=None):
        self.items.append({"kind": kind, "name": name, "pid": pid,
                           "start": start_time(pid) if pid else None})
        with open(STATE + ".new", "w", encoding="utf-8") as f:
            json.dump(self.items, f)
        os.replace(STATE + ".new", STATE)

    def alive(self):
        return [i["name"] for i in self.items
                if i["pid"] and i["start"] and start_time(i["pid"]) == i["start"]]

    def end(self):
        for item in reversed(self.items):
            if item["kind"] == "netns":
                subprocess.run(["ip", "netns", "del", item["name"]], check=False,
                               stderr=subprocess.DEVNULL)
            elif item["start"] is not None:
                self.end_process(item["pid"], item["start"])
        shutil.rmtree(DIR, ignore_errors=True)

    @staticmethod
    def end_process(pid, start):
        for sig, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if start_time(pid) != start:
                return
            os.kill(pid, sig)
            end = time.monotonic() + seconds
            while start_time(pid) == start and time.monotonic() < end:
                time.sleep(0.02)


class Demo:
    def __init__(self, build, elapsed):
        self.build = build
        self.zero = time.monotonic() - elapsed
        self.started = Started()
        # DPDK's own files go below our directory too
        self.env = {**os.environ, "LAB_RUN": DIR, "VIRTNET_RUN_DIR": f"{DIR}/run",
                    "RUNTIME_DIRECTORY": DIR, "LC_ALL": "C.UTF-8"}

    def say(self, text):
        print(f"[{time.monotonic() - self.zero:3.0f}s] {text}", flush=True)

    def run(self, *argv, seconds=60, ok=True):
        p = subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, timeout=seconds, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ok and p.returncode != 0:
            raise Failed(f"{' '.join(argv)}: exit status {p.returncode}\n{p.stdout.strip()}")
        return p.stdout if p.returncode == 0 else None

    def in_netns(self, *argv, **kw):
        return self.run("ip", "netns", "exec", NETNS, *argv, **kw)

    def guest(self, command, seconds=60):
        return self.run(f"{LAB}/gx", GUEST, command, str(seconds), seconds=seconds + 10)

    def virtnet(self, *args, ok=True):
        return self.run(sys.executable, f"{TOP}/usertools/virtnet.py", *args, ok=ok)

    def spawn(self, name, argv, log):
        """A process of its own session, in the namespace, so that Ctrl-C is ours to handle."""
        with open(log, "ab") as f, signals:
            p = subprocess.Popen(["ip", "netns", "exec", NETNS, *argv], env=self.env, cwd="/",
                                 stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                 start_new_session=True)
            self.started.add("process", name, p.pid)
        return p

    def make_netns(self):
        if not os.path.exists("/dev/net/tun"):
            raise Failed("no /dev/net/tun: load the module (modprobe tun), or give the container "
                         "that device")
        with signals:
            self.run("ip", "netns", "add", NETNS)
            self.started.add("netns", NETNS)
        self.in_netns("ip", "link", "set", "lo", "up")

    @staticmethod
    def write_conf():
        """The sample, and our VM."""
        with open(f"{TOP}/config/virtnet.conf.sample", encoding="utf-8") as f:
            conf = json.load(f)
        conf["mrg_rxbuf"] = 1
        conf["hosts"] = [{"name": GUEST, "qmp": QMP, "ports": [PORT]}]
        with open(CONF, "w", encoding="utf-8") as f:
            json.dump(conf, f, indent=1)

    def start_controller(self):
        self.write_conf()
        cpus = sorted(os.sched_getaffinity(0))
        lcores = f"0@{cpus[0]},1@{cpus[-1]}"
        argv = [f"{self.build}/app/dpdk-virtnet/dpdk-virtnet", "--no-huge", "-m", "256", "--no-pci",
                "--lcores", lcores, "--file-prefix", "virtnet-demo", "--",
                "-c", CONF,
                # a container may have no machine id, from which the serial would be derived
                "--board-serial", "DEMO00001",
                "--run-dir", f"{DIR}/run", "--state-dir", f"{DIR}/state"]
        self.say("dpdk-virtnet: " + " ".join(os.path.relpath(a, TOP) if a.startswith(TOP) else a
                                              for a in argv))
        process = self.spawn("dpdk-virtnet", argv, CONTROLLER_LOG)

        def answers():
            if process.poll() is not None:
                raise Failed(f"dpdk-virtnet ended with status {process.returncode}")
            return self.virtnet("list", ok=False)
        return json.loads(wait_until(answers, 30, "dpdk-virtnet answers on its control socket"))

    def start_guest(self):
        self.say("VM: stock Debian kernel and virtio_net driver, an empty PCIe root port")
        argv = [f"{LAB}/guest", "-n", GUEST, "--",
                "-device", f"pcie-root-port,id={PORT},chassis=1",
                # a monitor has one client at a time: this one is the controller's
                "-qmp", f"unix:{QMP},server=on,wait=off"]
        with signals:
            self.run(*argv)
            with open(f"{DIR}/{GUEST}.pid", encoding="ascii") as f:
                self.started.add("process", "VM", int(f.read()))
        self.run(f"{LAB}/gx", GUEST, "--up", "120", seconds=130)

    def hotplug(self):
        args = ["hotplug", "-i", "mlx5_0", "-m", MAC, "-t", "1500", "-qp", "1", "-s", "256",
                "-f", "0x8000"]  # mergeable buffers: whole TCP segments towards the VM
        self.say("virtnet " + " ".join(args))
        wait_until(lambda: f'"{GUEST}"' in self.virtnet("debug", "-s", "hosts") and
                   '"connected": true' in self.virtnet("debug", "-s", "hosts"), 30,
                   "dpdk-virtnet is connected to the VM's monitor")
        out = self.virtnet(*args)
        print(out.rstrip())
        wait_until(lambda: MAC.lower() in self.guest("cat /sys/class/net/*/address"), 30,
                   "the guest's driver has it")
        self.say("in the guest: lspci")
        print(self.guest("lspci -nn | grep 1af4").rstrip())
        return json.loads(out)

    def connect(self, representor):
        """What an operator does with a representor; a bridge would do as well."""
        self.in_netns("ip", "address", "add", f"{HOST_IP}/24", "dev", representor)
        self.in_netns("ip", "link", "set", representor, "up")
        self.guest(f"ip address add {GUEST_IP}/24 dev eth0 && ip link set eth0 up")
        print(self.guest("ip -color=never -brief address show dev eth0; ethtool -i eth0 | head -1").rstrip())

    def traffic(self, representor):
        self.say(f"ping: guest -> {representor}, and back")
        print(self.last(self.guest(f"ping -c 3 -i 0.2 -W 5 {HOST_IP}"), 2))
        print(self.last(self.in_netns("ping", "-q", "-c", "3", "-i", "0.2", "-W", "5", GUEST_IP), 2))
        self.spawn("iperf3", ["iperf3", "-s"], f"{DIR}/iperf3.log")
        wait_until(lambda: self.in_netns("ss", "-Hltn", "sport = :5201").strip(), 10, "iperf3 listens")
        for text, option in (("guest -> host", ""), ("host -> guest", "-R")):
            self.say(f"iperf3: {text}, 3 s")
            result = json.loads(self.guest(f"iperf3 -J -t 3 {option} -c {HOST_IP}"))
            if "error" in result:
                raise Failed(f"iperf3: {result['error']}")
            rate = result["end"]["sum_received"]["bits_per_second"]
            print(f"{rate / 1e9:.2f} Gbit/s (the VM is emulated: a processor under KVM does far better)")

    @staticmethod
    def last(text, lines):
        return "\n".join(text.strip().split("\n")[-lines:])

    def show(self, pf):
        for args in (("list",), ("stats", "-p", str(pf))):
            self.say("virtnet " + " ".join(args))
            print(self.virtnet(*args).rstrip())

    def further(self, device):
        pf, representor = device["id"], device["sf_rep_net_device"]
        print(f"""
Everything is still running, in the network namespace {NETNS}. To look further:
  export VIRTNET_RUN_DIR={DIR}/run LAB_RUN={DIR}
  usertools/virtnet.py query -p {pf}                              the device in detail
  usertools/virtnet.py debug                                   the inside: rings, pollers, VMs
  usertools/virtnet.py -h                                      all commands
  ip netns exec {NETNS} tcpdump -ni {representor}   what passes
  devtools/lab/gx {GUEST} 'ethtool -k eth0'                       a command in the guest
  less {CONTROLLER_LOG}
  devtools/quickstart --stop                                   end all of it""")

    def go(self, keep):
        self.make_netns()
        self.start_controller()
        self.start_guest()
        device = self.hotplug()
        self.connect(device["sf_rep_net_device"])
        self.traffic(device["sf_rep_net_device"])
        self.show(device["id"])
        if keep:
            self.further(device)
        else:
            print("\nTo look further: devtools/quickstart --keep leaves all of it running.\n"
                  "doc/guide.md says how to run it for real and how to attach a VM of yours.")

    def show_logs(self):
        for log in (CONTROLLER_LOG, f"{DIR}/{GUEST}.log"):
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as f:
                    tail = f.read().strip().split("\n")[-20:]
                print(f"--- end of {log}:\n" + "\n".join(tail), file=sys.stderr)


def arguments():
    p = argparse.ArgumentParser(description="see devtools/quickstart")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--stop", action="store_true")
    p.add_argument("--build")
    p.add_argument("--elapsed", type=float, default=0)
    return p.parse_args()


def lock():
    """One demo at a time."""
    f = open(os.path.abspath(__file__), encoding="utf-8")
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("quickstart: another one is under way")
    return f


def main():
    args = arguments()
    held = lock()
    os.makedirs(DIR, mode=0o700, exist_ok=True)
    if args.stop:
        started = Started()
        names = ", ".join(started.alive()) or "nothing was running"
        started.end()
        print(f"ended: {names}")
        return 0
    demo = Demo(os.path.abspath(args.build), args.elapsed)
    if demo.started.alive():
        sys.exit("quickstart: one is still running; end it with: devtools/quickstart --stop")
    demo.started.end()  # what a killed run left behind
    demo.started.items = []
    os.makedirs(DIR, mode=0o700)
    signals.install()
    status = 1
    try:
        demo.go(args.keep)
        status = 0
    except (Failed, subprocess.TimeoutExpired) as e:
        demo.show_logs()
        print(f"quickstart: {e}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nquickstart: interrupted", file=sys.stderr)
        status = 130
    finally:
        signals.ignore()
        if status != 0 or not args.keep:
            demo.say("cleaning up")
            demo.started.end()
        held.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
