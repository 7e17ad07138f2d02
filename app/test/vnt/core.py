# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A test, its scratch directory, what it started, and the check that nothing stays behind."""

import os
import shutil
import signal
import sys
import tempfile
import time

from . import netns, proc, ring

# What a sanitizer prints. Looked for in every log of every test.
SANITIZER_MARKS = (b"AddressSanitizer", b"LeakSanitizer", b"UndefinedBehaviorSanitizer",
                   b"runtime error:")


class Skip(Exception):
    """The test cannot run here; the text says what is missing."""


class Fail(Exception):
    """The test failed; the text says what was expected and what was seen."""


def check(condition, text):
    """Fail with @text unless @condition."""
    if not condition:
        raise Fail(text)


def check_eq(seen, expected, what):
    if seen != expected:
        raise Fail(f"{what}: expected {expected!r}, seen {seen!r}")


def wait_for(condition, seconds, what, interval=0.01):
    """Call @condition until it returns something true, which is returned. Fail after @seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Fail(f"not within {seconds} s: {what}")
        time.sleep(interval)


class Options:
    """What the command line of run.py says."""
    long = False
    reference = False   # DPDK's back end in the program's place, see reference.py
    verbose = False     # tell how long the steps of a test take
    build = None        # build directory
    asan_build = None   # another one, built with -Db_sanitize=address
    source = None       # root of the source tree


class Context:
    """Handed to every test as its only argument."""

    def __init__(self, options, name):
        self.options = options
        self.name = name
        self.notes = []      # shown behind the result
        self.logs = []       # proc.Process: their output is shown when the test fails
        self._cleanups = []
        self.mark = f"vnt{os.getpid()}_{Context.serial}"
        Context.serial += 1
        # tmpfs where there is one, and short: a unix socket's path has 107 bytes.
        base = "/run" if os.access("/run", os.W_OK) else None
        self.tmp = tempfile.mkdtemp(prefix="vnt", dir=base)
        self.hugepages_lock = None  # hugepages.py
        self.iperf_servers = []     # guest.py
        self._netns_serial = 0
        self._ns = None

    serial = 0

    @property
    def ns(self):
        """The network namespace of this test, made when first asked for."""
        if self._ns is None:
            self._ns = self.new_netns()
        return self._ns

    def new_netns(self):
        ns = netns.Netns(f"{self.mark}n{self._netns_serial}")
        self._netns_serial += 1
        self.cleanup(ns.remove)
        return ns

    def cleanup(self, function, *args):
        """Call @function(@args) at the end of the test, last in first out."""
        self._cleanups.append((function, args))

    def note(self, text):
        self.notes.append(text)

    def count(self, default, long):
        """How often to repeat something: @default, or @long with --long. Shown with the result."""
        n = long if self.options.long else default
        self.note(f"{n} of {long}" if n != long else f"{n}")
        return n

    def env(self, extra=None):
        """Environment of all children: carries the mark by which leftovers are found."""
        env = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        env["VNT_MARK"] = self.mark
        env["LC_ALL"] = "C.UTF-8"
        if ring.Default.packed:
            env["VNT_PACKED"] = "1"
        env.update(extra or {})
        return env

    def spawn(self, argv, ns=None, name=None, env=None, **kw):
        """Start a child process. Its output goes to a file; it is ended with the test."""
        if ns is not None:
            argv = ["ip", "netns", "exec", ns.name] + argv
        p = proc.Process(argv, name or os.path.basename(argv[0]), self.tmp, self.env(env), **kw)
        self.logs.append(p)
        self.cleanup(p.end)
        return p

    def run(self, argv, ns=None, timeout=30, env=None, stdin=None):
        """Run a program to its end. @return (exit status, stdout, stderr) as text."""
        if ns is not None:
            argv = ["ip", "netns", "exec", ns.name] + argv
        return proc.run(argv, self.env(env), timeout, stdin)

    def run_ok(self, argv, **kw):
        """As run(), but it must succeed. @return its stdout."""
        rc, out, err = self.run(argv, **kw)
        check(rc == 0, f"{' '.join(argv)}: exit status {rc}: {err.strip() or out.strip()}")
        return out

    def finish(self, failed):
        """Undo everything. @return a list of what is wrong (leftovers, sanitizer reports)."""
        wrong = []
        while self._cleanups:
            function, args = self._cleanups.pop()
            try:
                function(*args)
            except Exception as e:  # the other clean-ups must run
                wrong.append(f"clean-up: {type(e).__name__}: {e}")
        for pid in self._leftovers():
            wrong.append(f"process left: {pid} {proc.cmdline(pid)}")
            proc.kill(pid, signal.SIGKILL)
        wrong += [f"network namespace left: {n}" for n in netns.leftovers(self.mark)]
        for p in self.logs:
            data = p.read()
            for mark in SANITIZER_MARKS:
                if mark in data:
                    wrong.append(f"{p.name} (pid {p.pid}): sanitizer report in its output")
                    break
        if failed or wrong:
            # Of a program that was started often, the last few say most.
            for p in self.logs[-12:]:
                self._show(p)
        shutil.rmtree(self.tmp, ignore_errors=True)
        if os.path.exists(self.tmp):
            wrong.append(f"directory left: {self.tmp}")
        return wrong

    def _leftovers(self):
        """Pids of processes that carry our mark. Zombies have no environment any more."""
        needle = f"VNT_MARK={self.mark}".encode()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    if needle in f.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    @staticmethod
    def _show(p, lines=60):
        text = p.read().decode(errors="replace").splitlines()
        print(f"  --- {p.name} (pid {p.pid}, {p.state()}): {' '.join(p.argv)}")
        if len(text) > lines:
            print(f"  ... {len(text) - lines} lines left out")
        for line in text[-lines:]:
            print("  | " + line)
        sys.stdout.flush()


class Test:
    """One test function, found by the decorator test()."""

    def __init__(self, group, function, packed=False):
        self.group = group
        self.name = f"{group}.{'packed_' if packed else ''}{function.__name__}"
        self.function = function
        self.doc = (function.__doc__ or "").strip().split("\n")[0]
        self.packed = packed        # drivers have packed rings
        self.packed_too = False     # a twin with packed rings is in every run
        self.split_only = False     # has no twin
        self.source = getattr(function, "source", function)


_found = []


def test(function):
    """Decorator: @function(context) is a test of its module (test_GROUP.py)."""
    _found.append(Test(function.__module__.removeprefix("test_"), function))
    return function


def variants(*names_and_args):
    """Decorator: one test per (name, args...): FUNCTION_name calls function(context, *args)."""
    def decorate(function):
        for name, *args in names_and_args:
            def call(t, args=args):
                return function(t, *args)
            call.__name__ = f"{function.__name__}_{name}"
            call.__doc__ = function.__doc__
            call.__module__ = function.__module__
            call.source = function
            call.variant = name
            test(call)
        return function
    return decorate


def packed_too(*names):
    """Decorator over test() or variants(): the same with packed rings is in every run, as
    GROUP.packed_NAME; @names: of these variants only. (With --long all tests of PACKED_GROUPS are.)
    """
    def decorate(function):
        for t in _found:
            if t.source is function and (not names or t.function.variant in names):
                t.packed_too = True
        return function
    return decorate


def split_only(function):
    """Decorator over test() or variants(): packed rings make no difference, or cannot be."""
    for t in _found:
        if t.source is function:
            t.split_only = True
    return function


# Groups in which drivers of ours or of others use rings.
PACKED_GROUPS = ("virtio_user", "peers", "memory", "vfu_device", "vfu_control", "vfu_memory", "stall",
                 "health", "handover", "guest", "crash", "leak", "modify", "sriov", "switch")


def found(twins):
    """All tests; their twins with packed rings behind their groups. @twins: all that there can be.
    """
    tests = []
    for group in dict.fromkeys(t.group for t in _found):
        here = [t for t in _found if t.group == group]
        tests += here
        for t in here:
            if t.packed_too or (twins and group in PACKED_GROUPS and not t.split_only):
                tests.append(Test(group, t.function, True))
    return tests
