# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Functions plugged into running VMs and taken out of them, VMs that die or do not answer."""

import json
import os
import shlex
import signal
import socket
import struct
import threading
import time

from vnt import core, functions, guest, pings, proc
from vnt.core import check, check_eq, test

VM = "vm1"
INTX = ("--no-msix",)
NOT_READY = "not ready to be unplugged"  # error row 66
VHOST = ("--transport", "vhost-user")


class Ping:
    """All the time, from the representor's side; no answer may be missing."""

    def __init__(self, t, f):
        self.process = t.spawn(["ping", "-n", "-i", "0.05", "-W", "5", f.guest], ns=f.ns,
                               name="ping")
        self.process.wait_output(b"bytes from")

    def finish(self):
        self.process.send(signal.SIGINT)
        self.process.wait()
        out = self.process.out().decode()
        check_eq(pings.lost(out), 0, "lost pings of the other device")
        return len(pings.answered(out))


class Relay:
    """Between the program and a monitor, so that the monitor can go away and come back."""

    def __init__(self, path, target):
        self.path, self.target = path, target
        self.socks = []
        self.listener = None
        self.mute = False

    def open(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def _serve(self, listener):
        while True:
            try:
                a, _ = listener.accept()
            except OSError:
                return
            if self.mute:
                self.socks.append(a)
                continue
            b = socket.socket(socket.AF_UNIX)
            try:
                b.connect(self.target)
            except OSError:
                a.close()
                continue
            self.socks += [a, b]
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self._copy, args=(x, y), daemon=True).start()

    @staticmethod
    def _copy(x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """Gone: no file, no connection."""
        if self.listener is None:
            return
        os.unlink(self.path)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        self.drop()

    def drop(self):
        """End the connections."""
        for s in self.socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.socks = []


def inventory(b):
    """What must be as before: descriptors, maps of guest memory, netdevs, sockets."""
    process = b.program.process
    with open(f"/proc/{process.pid}/maps", encoding="utf-8", errors="replace") as f:
        maps = sum("memfd:" in line for line in f)
    return {"fds": b.program.fds(), "memory maps": maps, "netdevs": sorted(b.ns.links()),
            "sockets": b.program.sockets()}


def check_inventory(b, before, what):
    """There may be fewer descriptors: what is opened for a moment may have been seen @before."""
    def same():
        now = inventory(b)
        return now["fds"] <= before["fds"] and {**now, "fds": 0} == {**before, "fds": 0}
    core.wait_for(same, proc.PATIENCE, f"{what}: nothing left: before {before}", interval=0.2)


def wait_gone(g, f):
    core.wait_for(lambda: f.mac not in g.netdevs(), 30, f"{f} is gone from the guest", interval=0.2)


def in_guest(t, b, g, f, count=3):
    """The function is in the guest, where the answer says, and has traffic."""
    dev = f.guest_up(g)
    b.wait_running(f)
    f.ping(t, g, count)
    return dev


@test
def plug_and_unplug(t):
    """Functions of all kinds come and go in a running guest; another one is not disturbed."""
    functions.only_ours(t)
    g = guest.Guest(t, "a", ports=5)
    relay = Relay(f"{t.tmp}/relay", g.program_qmp)
    t.cleanup(relay.close)
    b = functions.Ours(t, hosts=[functions.host(VM, g, relay.path)]).start()
    check_eq(b.hosts()[VM]["connected"], 0, "connected to a VM that is not there")
    rc, _, text = b.hotplug(mac="0c:c4:7a:00:00:01")
    check(rc != 0 and VM in text, f"hotplug into a VM that is not there: status {rc}: {text}")
    empty = inventory(b)
    g.start()
    relay.open()
    b.wait_host(VM)

    # The steady one: MSI-X, all that there is.
    steady = b.make(vm=VM, pairs=2)
    dev = in_guest(t, b, g, steady)
    bdf = g.bdf(dev)
    check_eq("0000:" + steady.answer["bdf"].lower(), bdf, "bdf of the answer and in the guest")
    check_eq(b.program.device(steady.pf)["vm"], VM, "vm in list")
    rc, text = b.unplug(steady)
    check(rc != 0 and "MSI-X" in text, f"unplug that would abort QEMU: status {rc}: {text}")
    ping = Ping(t, steady)
    ports(t, b, g)
    cycles(t, b, g)
    monitor_lost(t, b, g, relay)
    t.note(f"{ping.finish()} pings beside it")
    does_not_answer(t, b, g)

    rebooted(t, b, g, steady)
    g.check_console()
    g.end()
    relay.close()
    b.wait_host(VM, connected=False)
    core.wait_for(lambda: b.program.device(steady.pf)["vm"] == "", 30, "detached: the VM is gone")
    b.remove(steady)
    check_inventory(b, empty, "at the end")
    b.program.stop()


def ports(t, b, g):
    """Root ports: named, taken, unknown, all taken."""
    before = inventory(b)
    taken = b.make(*INTX, "--port", "rp4", vm=VM)
    check_eq(b.program.device(taken.pf)["root_port"], "rp4", "root port in list")
    mac = "0c:c4:7a:00:00:02"
    for options in (("--port", "rp4"), ("--port", "rp77"), ("--vm", "vm77")):
        rc, _, text = b.hotplug(*INTX, *options, mac=mac)
        check(rc != 0 and options[1] in text, f"hotplug {options}: status {rc}: {text}")
    b.remove(taken)
    full = [b.make(*INTX, vm=VM) for _ in range(g.ports - 1)]
    rc, _, text = b.hotplug(*INTX, mac=mac)
    check(rc != 0 and "port" in text, f"hotplug with no port free: status {rc}: {text}")
    for f in full:
        b.remove(f)
    check_inventory(b, before, "root ports")


def cycles(t, b, g):
    """Plugged, used, unplugged, often. INTx over vfio-user, and vhost-user by turns."""
    before = None
    n = t.count(4, 200)
    for i in range(n):
        f = b.make(*(INTX if i % 2 == 0 else VHOST), vm=VM)
        check(f.answer["bdf"], f"no bdf in {f.answer}")
        in_guest(t, b, g, f, 2)
        b.remove(f)
        wait_gone(g, f)
        # The first two bring what is made once.
        if i == 1:
            before = inventory(b)
    check_inventory(b, before, f"{n} cycles")


def monitor_lost(t, b, g, relay):
    """The monitor goes away and comes back: what is plugged is known, and all goes on."""
    before = inventory(b)
    f = b.make(*INTX, vm=VM)
    in_guest(t, b, g, f)
    for how in ("mute", "gone"):
        if how == "mute":
            relay.mute = True
            relay.drop()
        else:
            relay.close()
        b.wait_host(VM, connected=False)
        rc, _, text = b.hotplug(*INTX, mac="0c:c4:7a:00:00:03")
        check(rc != 0 and VM in text, f"hotplug, monitor {how}: status {rc}: {text}")
        rc, text = b.unplug(f)
        check(rc != 0 and NOT_READY in text, f"unplug, monitor {how}: status {rc}: {text}")
        f.ping(t, g)
        if how == "mute":
            relay.mute = False
            relay.drop()
        else:
            relay.open()
        b.wait_host(VM)
        f.ping(t, g)
    check_eq(b.program.device(f.pf)["vm"], VM, "vm in list after the monitor came back")
    b.remove(f)
    wait_gone(g, f)
    check_inventory(b, before, "lost monitor")


def does_not_answer(t, b, g):
    """A VM that stands still does not let go: row 66; it can be asked again."""
    # Each waits for the whole time that a guest has.
    for options in (INTX, VHOST) if t.options.long else (INTX,):
        f = b.make(*options, vm=VM)
        in_guest(t, b, g, f)
        m = g.qmp()
        m.ask("stop")
        try:
            begin = time.monotonic()
            rc, text = b.unplug(f)
            took = time.monotonic() - begin
        finally:
            m.ask("cont")
            m.close()
        check(rc != 0 and NOT_READY in text, f"unplug: status {rc}: {text}")
        t.note(f"refused after {took:.0f} s")
        # The guest may let go now that it runs again: both is right, and it can be removed.
        core.wait_for(lambda f=f: b.unplug(f)[0] == 0 or None, 40, "unplug later", interval=0.5)
        wait_gone(g, f)


def rebooted(t, b, g, steady):
    """The guest reboots with functions in it."""
    extra = [b.make(*INTX, vm=VM), b.make(*VHOST, vm=VM)]
    for f in extra:
        in_guest(t, b, g, f)
    g.reboot()
    for f in (steady, *extra):
        in_guest(t, b, g, f)
    for f in extra:
        b.remove(f)
        wait_gone(g, f)
    steady.ping(t, g)


def served(path, seconds=30):
    """Connect as a client and see the version answered. @return how long that took."""
    begin = time.monotonic()
    body = struct.pack("<HH", 0, 1) + json.dumps({"capabilities": {}}).encode() + b"\0"
    message = struct.pack("<HHIII", 1, 1, 16 + len(body), 0, 0) + body

    def once():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            try:
                s.connect(path)
                s.sendall(message)
                return len(s.recv(4096)) > 16
            except OSError:
                return False
    core.wait_for(once, seconds, f"a client is served on {path}")
    return time.monotonic() - begin


@test
def killed_guest(t):
    """SIGKILL of a VM mid-traffic: its functions are at once there for the next one."""
    functions.only_ours(t)
    a = guest.Guest(t, "a", ports=2, mem=512)
    b = functions.Ours(t, hosts=[functions.host(VM, a)], static=1).start()
    first = b.static(0)
    second = b.make(vm="none")
    a.add_vfio(first.socket, "rp0")
    server = guest.IperfServer(t, b.ns)
    a.start()
    b.wait_host(VM)
    rc, out, err = b.program.cli("attach", "-p", str(second.pf), "--vm", VM, "--port", "rp1",
                                 timeout=90)
    check(rc == 0, f"virtnet attach: status {rc}: {out}{err}")
    for f in (first, second):
        in_guest(t, b, a, f)
    before = inventory(b)
    for i in range(t.count(1, 10)):
        if i > 0:
            a = restarted(t, b, first, second)
        a.sh(f"iperf3 -R -t 600 -c {first.host} >/dev/null 2>&1 & true")
        moved = a.counters(a.dev(first.mac))["rx_bytes"]
        core.wait_for(lambda: a.counters(a.dev(first.mac))["rx_bytes"] > moved + 100000, 60,
                      "traffic", interval=0.2)
        a.sh(f"ping -f {second.host} >/dev/null 2>&1 & true")
        a.kill()
        took = [served(f.socket) for f in (first, second)]
        t.note("served again after " + ", ".join(f"{1e3 * x:.0f}" for x in took) + " ms")
        core.wait_for(lambda: b.program.device(second.pf)["vm"] == "", 30, "detached")
    g = restarted(t, b, first, second)
    # The server waits for the end of a stream whose guest was killed.
    server.process.end()
    guest.IperfServer(t, b.ns)
    for f in (first, second):
        g.iperf(f.host)
    check_inventory(b, before, "after the next guest has come")
    b.program.stop()


def restarted(t, b, first, second):
    """The next VM: QEMU's arguments are those that the program prints; the second is plugged."""
    g = guest.Guest(t, "a", ports=2, mem=512)
    rc, out, err = b.program.cli("attach", "-p", str(first.pf), "--port", "rp0", "--print", "qemu")
    check(rc == 0, f"attach --print: status {rc}: {err}")
    g.args += shlex.split(out, comments=True)
    g.start()
    b.wait_host(VM)
    rc, out, err = b.program.cli("attach", "-p", str(second.pf), "--vm", VM, "--port", "rp1",
                                 timeout=90)
    check(rc == 0, f"virtnet attach: status {rc}: {out}{err}")
    for f in (first, second):
        in_guest(t, b, g, f)
    return g
