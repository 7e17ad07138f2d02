# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What ping printed, of iputils or of busybox: which of its requests were answered."""

import re

from . import core

ANSWER = re.compile(r"bytes from .*?seq=(\d+)")


def answered(text):
    """The sequence numbers that were answered, counted from 0."""
    first = 1 if "icmp_seq" in text else 0  # busybox begins with 0
    return {int(n) - first for n in ANSWER.findall(text)}


def lost(text):
    """How many have no answer, though a later one has. The last ones may be under way still."""
    seen = answered(text)
    return max(seen) + 1 - len(seen) if seen else 0


def here(t, ns, target, count=3, options=()):
    """Ping from a network namespace: @count answers must come, and none may be missing before."""
    # With -w it waits for the answers. Otherwise for two round trips at most, so that a guest which
    # is slow once fails (and -W is for those that never answer).
    _, out, err = t.run(["ping", "-c", str(count), "-i", "0.1", "-w", "20", *options, target], ns=ns)
    core.check(len(answered(out)) >= count and lost(out) == 0, f"ping {target}: {out}{err}")
