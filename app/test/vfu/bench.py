# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Devices over vfio-user for the tests: one that is ill-treated (PF 1) beside one that is not."""

import contextlib
import os
import socket
import tempfile

from vnt import core, echo, program, ring, victim, virtio
from vnt.virtio import bit

from . import control
from .client import Disconnected, Refused, VfioUserClient, VfioUserError
from .driver import WANTED, Driver

VICTIM = victim.VICTIM
CLOSED = "closed"
OK = "ok"

# All bits that need a word of the operator's, but for packed rings: see program.packed().
ALL_FEATURES = bit(*range(64)) & ~bit(virtio.F_RING_PACKED)
CONF = {"transport": "vfio-user", "mrg_rxbuf": 1,
        "static_pf": {"features": f"{ALL_FEATURES:#x}"}}


def launch(t, pfs=2, pairs=1, conf=None, **kw):
    """The program with @pfs devices of at least @pairs pairs."""
    cap = program.capacity(pfs, max(4, 2 * pairs + 2))
    conf = {**CONF, **(conf or {})}
    return program.Program(t, capacity=cap, conf=conf, **kw).start()


def start(t, pairs=1, **kw):
    """The same with traffic on PF 0 all the time. @return (program, bystander)."""
    p = launch(t, 2, pairs, **kw)
    by = echo.Bystander(t, p, transport="vfio-user")
    p.up(VICTIM)
    return p, by


@contextlib.contextmanager
def client(p, pf=VICTIM, **kw):
    """A connected client, no message sent yet."""
    with VfioUserClient(p.socket(pf), **kw) as c:
        yield c


@contextlib.contextmanager
def driver(p, pf=VICTIM, probe=True, cls=Driver, **kw):
    """A probed function."""
    with cls(p.socket(pf), **kw) as d:
        if probe:
            d.probe()
        yield d


@contextlib.contextmanager
def running(p, pf=VICTIM, pairs=1, features=WANTED, cls=Driver, size=256, fill=True, **kw):
    """A function whose driver runs, with receive buffers posted."""
    with driver(p, pf, cls=cls, **kw) as d:
        d.start(pairs, features, size=size)
        if fill:
            for i in range(pairs):
                d.rx(i).fill()
        ready(p, d, pf)
        yield d


def ready(p, d, pf=VICTIM):
    """Wait until the data rings run."""
    core.wait_for(lambda: int(p.device(pf)["enabled_queues"]) >= 2 * d.pairs, 30,
                  f"PF {pf}: {2 * d.pairs} queues running")


def idle(p, pf=VICTIM):
    """Wait until nothing of the device runs."""
    core.wait_for(lambda: int(p.device(pf)["enabled_queues"]) == 0, 30, f"PF {pf} is idle")


def exchange(p, d, count=20, pf=VICTIM, pair=0):
    """@count frames each way through a pair of the running driver, checked."""
    ready(p, d, pf)
    victim.both_ways(p, d.rx(pair), d.tx(pair), count, pf)


def announces(d, asked=True):
    """The driver is asked to announce itself (virtio 1.2, 5.1.6.5.4), and says that it has."""
    if asked:
        core.check(ring.event_wait(d.vectors[0], 30), "no config-change interrupt")
        ring.event_read(d.vectors[0])
        core.check_eq(d.config(6, 2), virtio.S_LINK_UP | virtio.S_ANNOUNCE, "status in config")
        ack, _ = d.command(control.ANNOUNCE, 0)
        core.check_eq(ack, control.OK, "answer to ANNOUNCE_ACK")
    core.check_eq(d.config(6, 2) & virtio.S_ANNOUNCE, 0, "status in config")
    core.check(not ring.event_wait(d.vectors[0], 0), "a config-change interrupt")


def device_works(p, pf=VICTIM):
    """The next client gets a working device."""
    with running(p, pf) as d:
        exchange(p, d, pf=pf)
    idle(p, pf)


def all_well(p, by=None, fds=None, maps=None):
    """After the ill-treatment: the victim works again, the bystander noticed nothing."""
    core.check(p.process.alive(), f"the program ended: {p.process.state()}")
    device_works(p)
    if by is not None:
        by.moved()
        by.finish()
    if fds is not None:
        core.wait_for(lambda: p.process.fds() <= fds, 30,
                      f"descriptors back at {fds} (now {p.process.fds()})")
    if maps is not None:
        core.wait_for(lambda: p.process.maps() <= maps + 16, 30,
                      f"mappings back at {maps} (now {p.process.maps()})")
    p.stop()


def outcome(function, *args, **kw):
    """What became of it: OK, CLOSED, or the errno of the refusal."""
    try:
        function(*args, **kw)
    except Refused as e:
        return e.errno
    except (Disconnected, BrokenPipeError, ConnectionResetError):
        return CLOSED
    return OK


def refused(function, *args, **kw):
    """Any refusal will do."""
    return outcome(function, *args, **kw) != OK


WRONG_FDS = ("eventfd", "pipe", "directory", "null", "socket", "empty file")


def wrong_fd(kind):
    """A descriptor of some kind; the caller closes it."""
    if kind == "eventfd":
        return ring.eventfd()
    if kind == "pipe":
        r, w = os.pipe()
        os.close(w)
        return r
    if kind == "directory":
        return os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    if kind == "null":
        return os.open("/dev/null", os.O_RDWR)
    if kind == "socket":
        a, b = socket.socketpair()
        b.close()
        return a.detach()
    with tempfile.TemporaryFile() as f:
        if kind == "read-only file":
            f.truncate(16 << 20)
            return os.open(f"/proc/self/fd/{f.fileno()}", os.O_RDONLY)
        return os.dup(f.fileno())


class Cut(Exception):
    """The client ends here."""


class CutClient(VfioUserClient):
    """Goes away after (or in the middle of) its message number @after."""

    def __init__(self, path, after, part=None, **kw):
        super().__init__(path, **kw)
        self.left = after
        self.part = part    # bytes of the next message that are still sent

    def send_raw(self, data, fds=()):
        if self.left == 0:
            if self.part:
                super().send_raw(data[:min(self.part, len(data) - 1)], fds)
            raise Cut
        self.left -= 1
        super().send_raw(data, fds)


def answered(c):
    """The connection is alive and in step: a request gets its own answer."""
    core.check(c.alive(), "the connection was closed")
    try:
        c.info()
    except VfioUserError as e:
        raise core.Fail(f"the connection is out of step: {e}") from e
    core.check(c.quiet(), "more answers than requests")

