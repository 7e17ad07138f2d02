#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Run the system tests: they start the real program in network namespaces of their own.

One line per test; the last line counts. Needs root.
"""

import argparse
import contextlib
import fnmatch
import importlib
import io
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from vnt import core, ring, workers  # noqa: E402  (the path must be set first)


# Groups that boot guests take longest, so they begin; the last ones to end then are short.
GUESTS = ("vfio_hotplug", "vfio_guest", "guest", "guest_switch", "guest_sriov", "handover")
OTHERS = ("self", "lifecycle", "control", "contract", "capacity", "hotplug", "scale",
          "virtio_user", "peers", "memory", "vfu_protocol", "vfu_keys", "vfu_malformed",
          "vfu_device", "vfu_control", "vfu_memory", "modify", "sriov", "sriov_cap",
          "recovery", "startup", "health", "liars", "clients", "bridges", "switch", "stall", "leak",
          "crash")


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--long", action="store_true", help="long loops in full")
    p.add_argument("--build", metavar="DIR", default=os.path.join(HERE, "../../build"),
                   help="build directory (default: build/ of the source tree)")
    p.add_argument("--asan-build", metavar="DIR",
                   help="a build with -Db_sanitize=address, used by the leak check")
    p.add_argument("--reference", action="store_true",
                   help="the tests that can run against DPDK's own back end do so")
    p.add_argument("--packed", action="store_true",
                   help="only tests with packed rings, and all that there are")
    p.add_argument("--verbose", action="store_true", help="show the steps of long tests")
    p.add_argument("-j", metavar="N", type=int, default=1, help="so many tests at a time")
    p.add_argument("-k", metavar="PATTERN", action="append", default=[],
                   help="only tests whose name contains (or matches) it; may be given again")
    p.add_argument("--list", action="store_true", help="show the names of the tests")
    return p.parse_args()


def wanted(name, patterns):
    return not patterns or any(p in name or fnmatch.fnmatch(name, p) for p in patterns)


def run_one(options, test):
    """@return (result, reason)."""
    ring.Default.packed = test.packed
    t = core.Context(options, test.name)
    result, reason, trace = "ok", "", ""
    try:
        test.function(t)
    except core.Skip as e:
        result, reason = "skip", str(e)
    except KeyboardInterrupt:
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_IGN)  # nothing stays behind, however impatient
        t.finish(False)
        raise
    except core.Fail as e:
        result, reason, trace = "FAIL", str(e), traceback.format_exc()
    except Exception as e:  # an error of the test is a failure too
        result, reason = "FAIL", f"{type(e).__name__}: {e}"
        trace = traceback.format_exc()
    if result == "FAIL":
        print(f"\n=== {test.name}: {test.doc}\n{trace}", end="")
    wrong = t.finish(result == "FAIL")
    if wrong and result != "FAIL":
        result, reason = "FAIL", wrong[0]
    for text in wrong:
        print(f"  {test.name}: {text}")
    return result, reason or ", ".join(t.notes)


def main():
    args = arguments()
    core.Options.long = args.long
    core.Options.reference = args.reference
    core.Options.verbose = args.verbose
    core.Options.build = os.path.realpath(args.build)
    core.Options.asan_build = args.asan_build and os.path.realpath(args.asan_build)
    core.Options.source = os.path.realpath(os.path.join(HERE, "../.."))
    for name in (*GUESTS, *OTHERS):
        if os.path.exists(os.path.join(HERE, f"test_{name}.py")):
            importlib.import_module(f"test_{name}")
    tests = [t for t in core.found(args.long or args.packed) if wanted(t.name, args.k)]
    if args.packed:
        tests = [t for t in tests if t.packed]
    if args.list:
        for t in tests:
            print(f"{t.name:44} {t.doc}")
        return 0
    if os.geteuid() != 0:
        sys.exit("run.py: must be run as root (network namespaces, TAPs, hugepages)")
    # Clean up after SIGTERM as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tally = {"ok": 0, "FAIL": 0, "skip": 0}
    failed = []

    def numbered(i):
        """Test number @i; with -j what it prints must not come between what others print."""
        start = time.monotonic()
        text = io.StringIO()
        with contextlib.redirect_stdout(text) if args.j > 1 else contextlib.nullcontext():
            result, reason = run_one(core.Options, tests[i])
        return result, reason, time.monotonic() - start, text.getvalue()

    results = workers.run(len(tests), args.j, numbered) if args.j > 1 else \
        map(numbered, range(len(tests)))
    for test, (result, reason, seconds, text) in zip(tests, results):
        tally[result] += 1
        if result == "FAIL":
            failed.append(test.name)
        print(f"{text}{test.name:44} {result:4} {seconds:6.2f} s"
              + (f"  {reason}" if reason else ""), flush=True)
    if failed:
        print("failed: " + " ".join(failed))
    print(f"{tally['ok']} passed, {tally['FAIL']} failed"
          + (f", {tally['skip']} skipped" if tally["skip"] else ""))
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
