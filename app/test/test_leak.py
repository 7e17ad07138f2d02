# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Attach and detach again and again: descriptors, mappings and memory stay where they were."""

import random

import vhost_user_client as vu

from vnt import core, program, victim
from vnt.core import check, check_eq, test

# Memory may still grow a little while pools and caches of the C library fill up.
RSS_SLACK_KIB = 4096


def cycle(p, pf, seed):
    """One attach, traffic, and one of the ways to detach."""
    rnd = random.Random(seed)
    with victim.client(p, pf) as c:
        c.setup(features=None if seed % 2 else vu.bit(vu.F_VERSION_1, vu.F_MRG_RXBUF),
                slots=seed % 5 == 4, indirect=seed % 3 == 0)
        c.rx(0).fill()
        for n in range(8):
            c.tx(0).send(victim.body(n, rnd.randint(60, 1500)))
        how = seed % 4
        if how == 0:
            for r in c.rings.values():
                r.stop()
        elif how == 1:
            c.tx(0).flush(timeout=30)
            c.set_mem_table([c.mem])
        elif how == 2:
            c.rings[0].set_call(vu.eventfd())
            c.rings[0].stop()


def measure(p, pf):
    p.wait_enabled(0, pf)
    return {"descriptors": p.process.fds(), "mappings": p.process.maps(),
            "KiB": p.process.rss_kib()}


def attach_detach(t, p, cycles):
    """@cycles after some that warm up; ends the program in order (LeakSanitizer reports then)."""
    p.up(0)
    for seed in range(24):
        cycle(p, 0, seed)
    before = measure(p, 0)
    for seed in range(cycles):
        cycle(p, 0, seed)
        check(p.process.alive(), f"cycle {seed}: the program ended: {p.process.state()}")
    core.wait_for(lambda: measure(p, 0)["descriptors"] <= before["descriptors"], 30,
                  f"descriptors back at {before['descriptors']} "
                  f"(now {measure(p, 0)['descriptors']})")
    after = measure(p, 0)
    t.note(", ".join(f"{before[k]} -> {after[k]} {k}" for k in before))
    return before, after


@test
def attach_detach_plain(t):
    """The ordinary build: descriptors, mappings, resident memory."""
    p = program.Program(t, capacity=program.capacity(1, 4)).start()
    before, after = attach_detach(t, p, t.count(100, 1000))
    check(after["mappings"] <= before["mappings"] + 8,
          f"mappings {before['mappings']} -> {after['mappings']}")
    check(after["KiB"] <= before["KiB"] + RSS_SLACK_KIB, f"KiB {before['KiB']} -> {after['KiB']}")
    p.stop()


@test
def attach_detach_asan(t):
    """A build with AddressSanitizer: no error, no leak at the end (--asan-build)."""
    if not t.options.asan_build:
        raise core.Skip("no --asan-build")
    p = sanitized(t).start()
    attach_detach(t, p, t.count(100, 1000))
    p.stop(seconds=60)


@test
def clients_and_commands_asan(t):
    """The control socket, ended clients and bad requests, under AddressSanitizer."""
    if not t.options.asan_build:
        raise core.Skip("no --asan-build")
    p = sanitized(t).start()
    for i in range(t.count(100, 1000)):
        with p.control() as c:
            for request in ("/virtnet/list", "/virtnet/query,all", "/virtnet/stats,pf=0",
                            "/virtnet/debug", "/virtnet/version", "/virtnet/query,pf=9",
                            '/virtnet/validate,{"file": "x", "content": "{\\"is_lag\\": 2}"}',
                            "/virtnet/log,level=loud", "/virtnet/query,{"):
                if i % 7 == 6:
                    c.send(request)  # and goes without reading
                else:
                    check(c.ask(request) is not None, f"no answer to {request}")
    check_eq(len(p.devices()), 1, "devices")
    p.stop(seconds=60)


@test
def start_and_end_asan(t):
    """Starts, refused starts and ends, under AddressSanitizer."""
    if not t.options.asan_build:
        raise core.Skip("no --asan-build")
    p = sanitized(t, pfs=31).start()
    p.stop(seconds=60)
    p.start()
    p.stop(seconds=60)
    bad = program.Program(t, conf='{ "is_lag": "x", "recovery": 7, }', name="bad",
                          build=t.options.asan_build, env=asan_env(t)).launch()
    check_eq(bad.process.wait(60), 1, "exit status")


def asan_env(t):
    return {
        # What is freed is really given back, else the quarantine looks like growth.
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:quarantine_size_mb=4",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={t.options.source}/devtools/lsan.supp:print_suppressions=0",
    }


def sanitized(t, pfs=1):
    return program.Program(t, capacity=program.capacity(pfs, 4), build=t.options.asan_build,
                           env=asan_env(t))
