#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""How fast and how large the control plane is with 1070 devices: 31 static PFs, two of which have
504 VFs each, and 31 hotplug PFs. Starts a dpdk-virtnet of its own, in a network namespace of its
own, as root.

Times of commands are those of whole "virtnet" processes, medians of several. Memory is that of the
whole machine (MemAvailable), so nothing else should run. On a machine that others use as well,
--realtime keeps them out of the times. doc/performance.md explains the table.

--quick: a few devices only, to see that the program itself works; its exit status says so.
"""
import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SERIAL = "PERF00001"
PATIENCE = 300
KIB_INTERNAL, KIB_TAP = 256, 512


class Fail(Exception):
    """Something is not as it must be."""


def check(ok, text):
    if not ok:
        raise Fail(text)


def mem_available():
    """KiB that the machine could give to somebody."""
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1])
    raise Fail("no MemAvailable in /proc/meminfo")


def settled_mem(args):
    """What is freed late by the kernel counts as free."""
    time.sleep(0 if args.quick else 1)
    return mem_available()


class Client:
    """A connection to the control socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(path)
        self.banner = json.loads(self.sock.recv(65536))

    def ask(self, request):
        self.sock.send(request.encode())
        answer = json.loads(self.sock.recv(self.banner["max_output_len"] + 1))
        return answer[request.split(",")[0]], answer.get("next_cursor")


class Bystander(threading.Thread):
    """Another client that asks for little all the time: the longest that it waits."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.client = Client(path)
        self.worst, self.asked, self.over = 0.0, 0, False

    def run(self):
        while not self.over:
            begin = time.monotonic()
            self.client.ask("/virtnet/version")
            self.worst = max(self.worst, time.monotonic() - begin)
            self.asked += 1
            time.sleep(0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.over = True
        self.join()
        self.client.sock.close()


class Service:
    """A dpdk-virtnet with so many static PFs that may have so many VFs each."""

    def __init__(self, args, pfs, vfs, port):
        self.dir = tempfile.mkdtemp(prefix="vnperf")
        self.run_dir = os.path.join(self.dir, "r")
        self.path = os.path.join(self.run_dir, "dpdk_telemetry.v2")
        self.log = os.path.join(self.dir, "log")
        conf = {"vf": {"port": port, "max_queue_pairs": args.pairs}}
        capacity = {"current": {
            "VIRTIO_NET_EMULATION_NUM_PF": pfs, "VIRTIO_NET_EMULATION_NUM_VF": vfs,
            "VIRTIO_NET_EMULATION_NUM_MSIX": 64,
            "NUM_VF_MSIX": 2 * args.pairs + 2}}
        for name, value in (("virtnet.conf", conf), ("capacity.json", capacity)):
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
                json.dump(value, f)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.dir, "notify"))
        self.notify.settimeout(PATIENCE)
        # Below the service, which it waits for, and above all others.
        self.prepare = None
        if args.realtime:
            self.prepare = lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        self.argv = [
            os.path.join(args.build, "app/dpdk-virtnet/dpdk-virtnet"), "--no-huge", "-m", "256",
            "--no-pci", "--file-prefix", f"vnperf{os.getpid()}", "-l", "0,1", "--",
            "--run-dir", self.run_dir, "--state-dir", os.path.join(self.dir, "s"),
            "--board-serial", SERIAL, "-c", os.path.join(self.dir, "virtnet.conf"),
            "--capacity", os.path.join(self.dir, "capacity.json")]
        self.process = None
        self.cpu = 0.0  # seconds that the last command had a CPU

    def start(self):
        """@return seconds until its control socket answers, and until it is ready."""
        begin = time.monotonic()
        env = {**os.environ, "RUNTIME_DIRECTORY": self.dir,
               "NOTIFY_SOCKET": os.path.join(self.dir, "notify")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, env=env, stdout=log, stderr=log)
        while not os.path.exists(self.path):
            check(self.process.poll() is None, "dpdk-virtnet has ended:\n" + self.tail())
            time.sleep(0.002)
        Client(self.path).ask("/virtnet/list")
        answers = time.monotonic() - begin
        while b"READY=1" not in self.notify.recv(4096):
            pass
        ready = time.monotonic() - begin
        if self.prepare:
            self.lower_helper()
        return answers, ready

    def lower_helper(self):
        """It shares a CPU with the control thread, which interrupts it: with the same real-time
        priority that could not be."""
        tasks = f"/proc/{self.process.pid}/task"
        for tid in os.listdir(tasks):
            with open(f"{tasks}/{tid}/comm", encoding="ascii") as f:
                if f.read().strip() == "vn-helper":
                    os.sched_setscheduler(int(tid), os.SCHED_FIFO, os.sched_param(1))

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-20:])

    def stop(self):
        """@return seconds."""
        begin = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.process is not None:
            self.process.wait()
        return time.monotonic() - begin

    def cli(self, *words):
        """The command line tool. @return its seconds, its answer."""
        argv = [sys.executable, "-IS", os.path.join(SOURCE, "usertools/virtnet"), "--socket-dir",
                self.run_dir, *words]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        r = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False,
                           preexec_fn=self.prepare)
        seconds = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        check(r.returncode == 0, f"virtnet {' '.join(words)}: {r.stdout}{r.stderr}")
        text = r.stdout
        return seconds, json.loads(text[text.index("\n") + 1:] if text.startswith("{'") else text)

    def cpu_ticks(self, thread=None):
        """Clock ticks that the process, or its control thread, has used."""
        path = f"/proc/{self.process.pid}/"
        if thread:
            path += f"task/{self.process.pid}/"
        with open(path + "stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def own_kib(self):
        """What the process itself has in memory, its shared memory files included."""
        total = 0
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total


def hotplug(service, n):
    """Half with a TAP, half without. @return seconds of each."""
    seconds = []
    for i in range(n):
        seconds.append(service.cli(
            "hotplug", "-i", "mlx5_0", "-m", f"0C:C4:7A:FF:22:{i:02X}", "-t", "1500", "-qp", "1",
            "-s", "1024", "--port-kind", "internal" if i % 2 else "tap")[0])
    return seconds


def remove_representors(vfs):
    """Those of VFs outlive them: the next round shall make them anew."""
    names = [f"en3f0pf0sf{3000 + i}" for i in range(vfs)]
    batch = "".join(f"link set {n} group 4711\n" for n in names)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    subprocess.run(["ip", "link", "del", "group", "4711"], check=True)


def settled(devices):
    for d in devices:
        check(d["problem"] == "", f'{d["vuid"]}: {d["problem"]}')
        tap = d["port"] == "tap"
        check(tap == (d["sf_rep_net_device"] != ""), f'{d["vuid"]}: representor')
        check(tap == (d["sf_rep_net_ifindex"] != 0), f'{d["vuid"]}: ifindex')
    check(len({d["vuid"] for d in devices}) == len(devices), "a device stands twice in list")


def pages(path):
    """The longest that the server works on one page of list."""
    client, cursor, worst = Client(path), None, 0.0
    while True:
        begin = time.monotonic()
        _, cursor = client.ask("/virtnet/list"
                               + (f',{{"cursor": {cursor}}}' if cursor is not None else ""))
        worst = max(worst, time.monotonic() - begin)
        if cursor is None:
            return worst


def with_bad_clients(service):
    """The longest that others wait while one client never reads and another reads late."""
    stuck, slow = Client(service.path), Client(service.path)
    stuck.sock.setblocking(False)
    try:
        for _ in range(1000):
            stuck.sock.send(b"/virtnet/list")
    except BlockingIOError:
        pass
    with Bystander(service.path) as other:
        for _ in range(5):
            slow.sock.send(b"/virtnet/list")
            time.sleep(0.1)
            slow.sock.recv(1 << 20)
        service.cli("query", "-p", "0", "-b")
    stuck.sock.close()
    slow.sock.close()
    return other.worst


class Table:
    """What was measured, beside what is wanted."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, target=None):
        self.rows.append((what, f"{value:.3f}" if unit == "s" else f"{value:.1f}", unit,
                          "" if target is None else f"<= {target} {unit}",
                          "" if target is None else "yes" if value <= target else "NO"))

    def show(self):
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} CPUs, {os.uname().sysname} {os.uname().release}, Python "
              f"{sys.version.split()[0]}, load average {load:.1f}")
        rows = [("what", "measured", "unit", "target", "met"), *self.rows]
        width = [max(len(r[i]) for r in rows) for i in range(5)]
        for r in rows:
            print("  ".join(c.rjust(w) if i == 1 else c.ljust(w)
                            for i, (c, w) in enumerate(zip(r, width))).rstrip())


def measure(args, port, table):
    """All figures with VFs that have this kind of port."""
    pfs, hot, vfs = (3, 2, 6) if args.quick else (31, 31, 504)
    times = 1 if args.quick else args.times
    service = Service(args, pfs, vfs, port)
    kind = f"VFs on {port}: "
    try:
        answers, ready = service.start()
        table.add(kind + f"start, {pfs} static PFs, until the socket answers", answers, "s")
        table.add(kind + "start, until all is ready", ready, "s")
        table.add(kind + "hotplug of one", statistics.median(hotplug(service, hot)), "s")
        made, gone, worst, kib, own = [], [], [], [], []
        for _ in range(times):
            before, before_own = settled_mem(args), service.own_kib()
            with Bystander(service.path) as other:
                made.append(service.cli("sriov", "-p", "0", "-n", str(vfs))[0])
            worst.append(other.worst)
            kib.append((before - settled_mem(args)) / vfs)
            own.append((service.own_kib() - before_own) / vfs)
            with Bystander(service.path) as other:
                gone.append(service.cli("sriov", "-p", "0", "-n", "0")[0])
            worst.append(other.worst)
            check(len(service.cli("list")[1]["devices"]) == pfs + hot, "VFs are left")
            if port == "tap":
                remove_representors(vfs)
        table.add(kind + f"sriov -n {vfs}", statistics.median(made), "s", 3)
        table.add(kind + f"sriov -n 0 of {vfs}", statistics.median(gone), "s", 3)
        table.add(kind + "longest wait of another client during these", max(worst) * 1000, "ms", 50)
        # Later rounds find memory that the first one has given back to the allocator.
        table.add(kind + "memory per idle VF, kernel's included", kib[0], "KiB",
                  KIB_TAP if port == "tap" else KIB_INTERNAL)
        table.add(kind + "of it the process's own", own[0], "KiB")
        for pf in "0", "1":
            service.cli("sriov", "-p", pf, "-n", str(vfs))
        n = pfs + hot + 2 * vfs

        lists = [service.cli("list") for _ in range(times)]
        devices = lists[0][1]["devices"]
        check(len(devices) == n, f"list shows {len(devices)} devices, not {n}")
        settled(devices)
        table.add(kind + f"list of {n}", statistics.median(s for s, _ in lists), "s", 0.3)
        table.add(kind + "of it CPU time of virtnet", service.cpu, "s")
        queries = [service.cli("query", "-p", "0", "-v", "3") for _ in range(times)]
        check(queries[0][1]["devices"][0]["vf_id"] == 3, "query of a VF")
        table.add(kind + "query -p 0 -v 3", statistics.median(s for s, _ in queries) * 1000, "ms",
                  100)
        table.add(kind + "of it CPU time of virtnet", service.cpu * 1000, "ms")
        table.add(kind + "longest page of list",
                  min(pages(service.path) for _ in range(3)) * 1000, "ms", 50)
        table.add(kind + "longest wait beside a stuck and a slow client",
                  with_bad_clients(service) * 1000, "ms", 50)

        seconds, hz = (0.1 if args.quick else 5), os.sysconf("SC_CLK_TCK")
        control, whole = service.cpu_ticks(True), service.cpu_ticks()
        time.sleep(seconds)
        table.add(kind + "CPU of the idle control thread",
                  (service.cpu_ticks(True) - control) * 100 / hz / seconds, "%", 1)
        table.add(kind + "CPU of the whole idle process",
                  (service.cpu_ticks() - whole) * 100 / hz / seconds, "%")

        check(service.cli("wait", "-t", "5")[1]["errno"] == 0, "wait")
        service.cli("sriov", "-p", "1", "-n", "0")
        service.cli("sriov", "-p", "0", "-n", "0")
        check(len(service.cli("list")[1]["devices"]) == pfs + hot, "VFs are left")
        for pf in (d["pf_id"] for d in service.cli("list")[1]["devices"]
                   if d["function_type"] == "hotplug PF"):
            service.cli("unplug", "-p", str(pf))
        check(len(service.cli("list")[1]["devices"]) == pfs, "hotplug PFs are left")
        table.add(kind + "stop", service.stop(), "s")
        check(service.process.returncode == 0, "exit status of dpdk-virtnet:\n" + service.tail())
    finally:
        service.stop()
        shutil.rmtree(service.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"), help="build directory")
    parser.add_argument("--quick", action="store_true", help="a few devices, to see that it works")
    parser.add_argument("--times", type=int, default=5, help="repetitions, for medians (5)")
    parser.add_argument("--pairs", type=int, default=1, help="queue pairs of a VF (1)")
    parser.add_argument("--port", choices=("internal", "tap"), action="append",
                        help="only VFs with this kind of port")
    parser.add_argument("--realtime", action="store_true",
                        help="with real-time priority, on a machine that others use as well")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("control_plane.py: needs root, to make network namespaces and TAPs")
    if "VNPERF_INSIDE" not in os.environ:
        os.environ["VNPERF_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    table = Table()
    try:
        for port in args.port or ("internal", "tap"):
            measure(args, port, table)
    except Fail as e:
        table.show()
        sys.exit(f"control_plane.py: {e}")
    table.show()


if __name__ == "__main__":
    main()
