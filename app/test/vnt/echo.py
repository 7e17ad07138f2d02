# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""A driver in a process of its own that sends every frame back; and a bystander made of it.

Run as a program: echo.py SOCKET [PAIRS [TRANSPORT]]. Prints "echo ready"; ends with status 1 when
the connection is lost, with 0 at the end of its standard input.
"""

import os
import select
import sys
import threading

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import vhost_user_client as vu  # noqa: E402
from vnt import ring  # noqa: E402


def vhost_user(path, pairs):
    """@return (driver with rings, its connection)."""
    c = vu.VhostUserClient(path, timeout=30)
    c.connect()
    c.setup(queue_pairs=pairs)
    return c, c.sock


def vfio_user(path, pairs):
    from vfu.driver import Driver
    d = Driver(path, timeout=30).probe().start(pairs)
    return d, d.c.sock


def echo(path, pairs, transport):
    """Serve until the standard input ends."""
    c, sock = {"vhost-user": vhost_user, "vfio-user": vfio_user}[transport](path, pairs)
    try:
        backlog = {i: [] for i in range(pairs)}
        by_fd = {}
        poll = select.poll()
        poll.register(0, select.POLLIN | select.POLLHUP)
        poll.register(sock, select.POLLRDHUP | select.POLLIN)
        for i in range(pairs):
            c.rx(i).fill()
            for ring in (c.rx(i), c.tx(i)):
                by_fd[ring.call_fd] = i
                poll.register(ring.call_fd, select.POLLIN)
        print("echo ready", flush=True)
        while True:
            # The timeout is for an interrupt that is never sent only; it must not be needed.
            for fd, _ in poll.poll(1000):
                if fd == 0:
                    return 0
                if fd == sock.fileno():
                    print("the connection was lost", flush=True)
                    return 1
                vu.event_read(fd)
            for i in range(pairs):
                rx, tx = c.rx(i), c.tx(i)
                tx.poll()
                backlog[i] += rx.receive()
                while backlog[i] and tx.send(backlog[i][0][1], kick=False):
                    backlog[i].pop(0)
                tx.kick()
    finally:
        c.close()


class Bystander:
    """A device with traffic that is checked all the time, while another device is ill-treated."""

    def __init__(self, t, p, pf=0, transport="vhost-user"):
        # Imported here: the driver's process needs none of this.
        from . import core, frames
        self.t = t
        self.p = p
        self.pf = pf
        self.process = t.spawn([sys.executable, os.path.abspath(__file__), p.socket(pf), "1",
                                transport], name="bystander")
        self.process.wait_output(b"echo ready")
        core.wait_for(lambda: int(p.device(pf)["enabled_queues"]) >= 2, 30, "its queues run")
        self.loop = frames.Loop(p.ns, p.up(pf), window=8, seed=77)
        self.loop.settle()
        self.stop = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._run, name="bystander", daemon=True)
        self.thread.start()
        t.cleanup(self._end)

    def _run(self):
        try:
            self.loop.run(until=self.stop.is_set, patience=30)
        except Exception as e:  # told by check()
            self.error = e

    def check(self):
        """Raise what went wrong so far."""
        if self.error is not None:
            raise self.error
        if not self.process.alive():
            raise RuntimeError(f"the bystander's driver: {self.process.state()}")

    def moved(self, n=10, seconds=30):
        """See @n more of its frames come back from now on."""
        from . import core
        target = self.loop.returned + n
        core.wait_for(lambda: self.error or self.loop.returned >= target, seconds,
                      "the bystander's traffic goes on")
        self.check()

    def finish(self):
        """Stop the traffic; all that is under way must come back."""
        self._end()
        self.check()
        self.t.note(f"bystander {self.loop.returned} frames")

    def _end(self):
        if not self.stop.is_set():
            self.stop.set()
            self.thread.join()
            self.loop.close()


if __name__ == "__main__":
    ring.Default.packed = bool(os.environ.get("VNT_PACKED"))
    sys.exit(echo(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1,
                  sys.argv[3] if len(sys.argv) > 3 else "vhost-user"))
