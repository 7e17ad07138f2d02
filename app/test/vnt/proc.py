# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Child processes, their logs, readiness. Processes are ended by pid, and only our own."""

import os
import select
import signal
import socket
import subprocess
import time

# How long anything may take that is expected to come: generous, machines are shared.
PATIENCE = 60


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def kill(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def readable(fd, seconds):
    """Wait until @fd is readable; any number of descriptors may be open, unlike with select()."""
    p = select.poll()
    p.register(fd, select.POLLIN)
    return bool(p.poll(seconds * 1000))


def run(argv, env, timeout, stdin=None):
    """Run to the end. @return (exit status, stdout, stderr)."""
    r = subprocess.run(argv, env=env, timeout=timeout, capture_output=True, text=True, input=stdin,
                       stdin=subprocess.DEVNULL if stdin is None else None, check=False,
                       errors="replace")
    return r.returncode, r.stdout, r.stderr


class Ended(Exception):
    """A process that should be alive has ended."""


class Process:
    """A child with stdout and stderr in files below @directory; stdin is a pipe that stays open."""

    serial = 0

    def __init__(self, argv, name, directory, env, grace=10, pass_fds=()):
        self.argv = argv
        self.name = name
        self.grace = grace
        base = os.path.join(directory, f"{name}{Process.serial}")
        Process.serial += 1
        self.out_path = base + ".out"
        self.err_path = base + ".err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=err,
                                          env=env, pass_fds=pass_fds)
        self.pid = self.popen.pid
        self.pidfd = os.pidfd_open(self.pid)

    def out(self):
        return self._file(self.out_path)

    def err(self):
        return self._file(self.err_path)

    def read(self):
        """stdout, then stderr."""
        return self._file(self.out_path) + self._file(self.err_path)

    @staticmethod
    def _file(path):
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def alive(self):
        return self.popen.poll() is None

    def state(self):
        return "running" if self.alive() else f"exit status {self.popen.returncode}"

    def wait(self, seconds=PATIENCE):
        """Wait for the end. @return the exit status (negative: signal), or None: still running."""
        if self.popen.poll() is None:
            readable(self.pidfd, seconds)
        return self.popen.poll()

    def wait_output(self, text, seconds=PATIENCE, start=0):
        """Wait until @text (bytes) is in its output behind @start. @return the whole output."""
        end = time.monotonic() + seconds
        while True:
            ended = not self.alive()
            data = self.read()
            if text in data[start:]:
                return data
            if ended:
                raise Ended(f"{self.name} ended ({self.state()}) before it said {text!r}")
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} did not say {text!r} within {seconds} s")
            readable(self.pidfd, 0.02)

    def write(self, data):
        self.popen.stdin.write(data)
        self.popen.stdin.flush()

    def send(self, sig):
        if self.alive():
            kill(self.pid, sig)

    def end(self, sig=signal.SIGTERM):
        """End it: @sig, and SIGKILL when that takes too long. Idempotent. @return exit status."""
        if self.alive():
            self.send(signal.SIGCONT)
            self.send(sig)
            if self.wait(self.grace) is None:
                self.send(signal.SIGKILL)
                self.wait()
        if self.popen.stdin:
            try:
                self.popen.stdin.close()
            except OSError:
                pass
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        return self.popen.wait()

    def where(self):
        """What each of its threads is doing in the kernel: for a process that does not end."""
        lines = []
        task = f"/proc/{self.pid}/task"
        for tid in sorted(os.listdir(task)) if os.path.isdir(task) else ():
            try:
                with open(f"{task}/{tid}/comm", encoding="ascii") as f:
                    name = f.read().strip()
                with open(f"{task}/{tid}/stack", encoding="ascii") as f:
                    stack = [x.split()[-1].split("+")[0] for x in f.read().splitlines()]
            except OSError:
                continue
            lines.append(f"{name}: {' < '.join(stack[:8]) or 'running'}")
        return "\n".join(lines)

    # Numbers for the leak checks.
    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def maps(self):
        with open(f"/proc/{self.pid}/maps", "rb") as f:
            return f.read().count(b"\n")

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0


class NotifySocket:
    """What a service manager listens on: sd_notify(3) messages of a child."""

    def __init__(self, path):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        if os.path.exists(path):
            os.unlink(path)  # an earlier one's: its messages go nowhere
        self.sock.bind(path)
        self.seen = []

    def wait_ready(self, process, seconds=PATIENCE):
        """Wait for READY=1, or raise Ended/TimeoutError."""
        end = time.monotonic() + seconds
        while "READY=1" not in self.seen:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{process.name} was not ready within {seconds} s")
            p = select.poll()
            p.register(self.sock, select.POLLIN)
            p.register(process.pidfd, select.POLLIN)
            ready = [fd for fd, _ in p.poll(left * 1000)]
            if self.sock.fileno() in ready:
                self.seen += self.sock.recv(4096).decode(errors="replace").splitlines()
            elif ready:
                process.popen.poll()
                raise Ended(f"{process.name} ended ({process.state()}) before it was ready")

    def drain(self):
        """Messages that have come since."""
        while readable(self.sock, 0):
            self.seen += self.sock.recv(4096).decode(errors="replace").splitlines()
        return self.seen

    def close(self):
        self.sock.close()
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
