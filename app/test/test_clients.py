# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Many clients of the control socket at a time, with all commands of the table."""

import json
import random
import threading

from vnt import core, mix, program
from vnt.core import check, check_eq, test

CLIENTS = 64
STATIC = 2
VFS = 4


class Client:
    """One of them: a mix of its own, or hotplug and unplug by turns."""

    def __init__(self, p, number, commands, rounds):
        self.p, self.commands, self.rounds = p, commands, rounds
        self.number = number
        self.rnd = random.Random(number)
        self.answers = self.errors = self.plugged = 0
        self.wrong = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            with self.p.control(timeout=120) as self.c:
                for i in range(self.rounds):
                    (self._plug if self.number % 8 == 0 else self._mixed)(i)
        except Exception as e:  # told by the test
            self.wrong = f"client {self.number}: {type(e).__name__}: {e}"

    def ask(self, request):
        """Each request has one answer, which begins with its path, or is an error."""
        answer = self.c.ask(request)
        shown = request[:100]
        check(isinstance(answer, dict) and answer, f"{shown}: answer {answer}")
        self.answers += 1
        if "errno" in answer:
            check(answer["errno"] and answer["errstr"], f"{shown}: {answer}")
            self.errors += 1
            return None
        if isinstance(request, str):
            check_eq(next(iter(answer)), request.split(",")[0], f"{shown}: first key")
        return next(iter(answer.values()))

    def _mixed(self, _):
        cmd = self.rnd.choice(self.commands)
        self.ask((mix.malformed if self.rnd.random() < 0.3 else mix.proper)(cmd, self.rnd))

    def _plug(self, i):
        """A device comes, is looked at, and goes, beside all that the others do."""
        mac = f"0C:C4:7A:01:{self.number:02X}:{i % 256:02X}"
        asked = {"ib_device": "mlx5_0", "mac": mac, "mtu": 1500, "max_queue_pairs": 1,
                 "max_queue_size": 256, "vm": "none"}
        made = self.ask("/virtnet/hotplug," + json.dumps(asked))
        if not made or "id" not in made:
            return  # others have the last port
        self.plugged += 1
        for request in (f"query,pf={made['id']}", f"stats,pf={made['id']}", "list",
                        f"unplug,pf={made['id']}"):
            self.ask(f"/virtnet/{request}")


def remove_rest(p, before):
    """Hotplug PFs and VFs that are still there, as an operator does it."""
    known = [d["vuid"] for d in before]
    for d in [d for d in p.devices() if d["vuid"] not in known]:
        if d["function_type"] == "VF":
            # All of a PF go at once; the others are gone then.
            p.ask(f"/virtnet/sriov,pf={d['parent_pf_id']},num_vfs=0")
        else:
            p.ask(f"/virtnet/unplug,vuid={d['vuid']}")


def representors(p):
    """All netdevs but the representors of VFs, which stay in the pool."""
    return {name for name in p.ns.links() if "sf3" not in name}


@test
def mixed(t):
    """64 clients ask anything at the same time: no crash, an answer each, nothing is left."""
    build = t.options.asan_build
    if not build:
        t.note("not the ASan build")
    p = program.Program(t, build=build, mbufs=None,
                        capacity=program.capacity(STATIC, 8, PCI_SWITCH_EMULATION_ENABLE=1,
                                                  PCI_SWITCH_EMULATION_NUM_PORT=16,
                                                  VIRTIO_NET_EMULATION_NUM_VF=VFS)).start()
    commands = mix.table()
    before, netdevs = p.devices(), representors(p)
    sockets, fds = p.sockets(), p.process.fds()
    rounds = t.count(12, 300)
    clients = [Client(p, n, commands, rounds) for n in range(CLIENTS)]
    for c in clients:
        c.thread.join(600)
        check(not c.thread.is_alive(), f"client {c.number} still waits for an answer")
    wrong = [c.wrong for c in clients if c.wrong]
    check(not wrong, "\n".join(wrong))
    check(any(c.plugged for c in clients), "no client could plug a device")
    remove_rest(p, before)
    check_eq([d["vuid"] for d in p.devices()], [d["vuid"] for d in before], "devices at the end")
    core.wait_for(lambda: representors(p) == netdevs, 30, "the representors are gone")
    core.wait_for(lambda: p.sockets() == sockets, 30, "the sockets are gone")
    core.wait_for(lambda: p.process.fds() <= fds, 30, f"descriptors back at {fds}")
    t.note(f"{sum(c.answers for c in clients)} answers, {sum(c.errors for c in clients)} errors, "
           f"{sum(c.plugged for c in clients)} plugged")
    p.stop()
