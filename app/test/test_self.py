# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The checks themselves: each must fail when it should."""

import threading

from vnt import core, frames, proc
from vnt.core import check, check_eq, test, variants


class FaultyEcho:
    """Sends frames back over a veth pair, every 50th one with a fault."""

    def __init__(self, t, fault):
        t.ns.ip("link", "add", "near", "type", "veth", "peer", "name", "far")
        for name in ("near", "far"):
            t.ns.ip("link", "set", name, "up")
        self.link = frames.Link(t.ns, "far")
        self.fault = fault
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        t.cleanup(self._end)

    def _run(self):
        n = 0
        while not self.stop.is_set():
            frame = self.link.recv()
            if frame is None:
                self.stop.wait(0.0005)
                continue
            n += 1
            fault = self.fault if n % 50 == 0 else None
            if fault == "lose":
                continue
            if fault == "corrupt":
                frame = frame[:-1] + bytes([frame[-1] ^ 1])
            if fault == "cut":
                frame = frame[:-1]
            if fault == "extend":
                frame += b"\0"
            if fault == "corrupt_header":
                frame = frame[:13] + bytes([frame[13] ^ 8]) + frame[14:]
            for _ in range(2 if fault == "repeat" else 1):
                self.link.send(frame)

    def _end(self):
        self.stop.set()
        self.thread.join()
        self.link.close()


@variants(*((f, f) for f in ("none", "lose", "repeat", "corrupt", "corrupt_header", "cut",
                             "extend")))
def frames_checked(t, fault):
    """A lost, repeated or changed frame fails the test; a whole run passes."""
    FaultyEcho(t, fault)
    loop = frames.Loop(t.ns, "near", max_frame=1514, window=8)
    t.cleanup(loop.close)
    try:
        loop.settle()
        # Only who must wait in vain waits no longer than that.
        loop.run(200, patience=1 if fault == "lose" else proc.PATIENCE)
        seen = None
    except core.Fail as e:
        seen = str(e)
    if fault == "none":
        check_eq(seen, None, "failure")
    else:
        check(seen is not None, f"fault {fault!r} was not noticed")
        t.note(seen.split(":")[0])


@test
def leftovers_found(t):
    """A process or namespace that a test leaves behind is found, and removed."""
    inner = core.Context(t.options, "inner")
    p = proc.Process(["sleep", "1000"], "left", inner.tmp, inner.env())
    ns = inner.new_netns()
    inner._cleanups.clear()
    wrong = inner.finish(failed=False)
    p.end()
    ns.remove()
    check_eq([w.split(":")[0] for w in wrong], ["process left", "network namespace left"],
             "what was found")


@test
def sanitizer_reports_found(t):
    """A sanitizer's report in a log fails the test."""
    inner = core.Context(t.options, "inner")
    p = inner.spawn(["sh", "-c", "echo 'x.c:1:2: runtime error: shift' >&2"])
    p.wait()
    inner._show = lambda p: None
    wrong = inner.finish(failed=False)
    check_eq(len(wrong), 1, f"reports ({wrong})")
