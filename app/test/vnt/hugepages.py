# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""2 MiB hugepages, reserved for a test and given back."""

import fcntl
import os

from . import core

DIRECTORY = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def _read(name):
    with open(os.path.join(DIRECTORY, name), encoding="ascii") as f:
        return int(f.read())


def _write(value):
    with open(os.path.join(DIRECTORY, "nr_hugepages"), "w", encoding="ascii") as f:
        f.write(str(value))


def _lock(t):
    """One test after the other: what is free now may be what another one has just reserved."""
    if t.hugepages_lock is not None:
        return  # a test may reserve more than once
    t.hugepages_lock = os.open(DIRECTORY, os.O_RDONLY | os.O_CLOEXEC)
    t.cleanup(os.close, t.hugepages_lock)
    fcntl.flock(t.hugepages_lock, fcntl.LOCK_EX)


def reserve(t, pages):
    """Have @pages more free pages until the end of the test, or skip it."""
    if not os.path.isdir(DIRECTORY):
        raise core.Skip("this machine has no 2 MiB hugepages")
    _lock(t)
    before = _read("nr_hugepages")
    missing = pages - (_read("free_hugepages") - _read("resv_hugepages"))
    if missing > 0:
        _write(before + missing)
        got = _read("nr_hugepages") - before
        # Give back as many as were added: others may change the number too.
        t.cleanup(lambda: _write(max(0, _read("nr_hugepages") - got)))
        if got < missing:
            raise core.Skip(f"{pages} hugepages asked for, {got} more could be had")


def mount(t):
    """A hugetlbfs of this test's own. @return its path."""
    path = os.path.join(t.tmp, "huge")
    os.makedirs(path)
    t.run_ok(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", path])
    t.cleanup(lambda: t.run_ok(["umount", path]))
    return path
