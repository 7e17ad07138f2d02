# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Linux guests that talk to each other over the embedded switch."""

from vnt import guest, program
from vnt.core import check, check_eq, test

A, B = "198.18.0.2", "198.18.0.3"
# The second guest leaves no work to who sends to it.
NOTHING = "guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off"


@test
def two_guests(t):
    """Ping and bulk between a guest that takes TSO frames and one that takes none."""
    p = program.Program(t, conf={"static_pf": {"port": "switch"}}, mbufs=None,
                        capacity=program.capacity(2, 4)).start()
    mac = [d["mac"] for d in sorted(p.devices(), key=lambda d: d["pf_id"])]
    a = guest.Guest(t, "a").add(p.socket(0), mac=mac[0]).start(wait=False)
    b = guest.Guest(t, "b").add(p.socket(1), mac=mac[1], props=NOTHING).start(wait=False)
    for g, address in ((a, A), (b, B)):
        g.wait_up()
        g.address(f"{address}/24")
    a.ping(B)
    guest.IperfServer(t, g=b)
    there = a.iperf(B)
    before = p.ask("/virtnet/debug,section=switch")["switch"]["counters"]
    check(before["segmented"] > 0, f"no frame was cut for the one that takes none: {before}")
    back = a.iperf(B, "-R")
    after = p.ask("/virtnet/debug,section=switch")["switch"]["counters"]
    check(after["direct"] > before["direct"], f"no frame went straight to a guest: {after}")
    check_eq((after["bad"], after["unknown"]), (0, 0), "bad frames, frames for nobody")
    p.stop()
    t.note(f"cut {there:.0f}, whole {back:.0f} Mbit/s; {after['segmented']} frames cut, "
           f"{after['direct']} by one copy, {after['full']} dropped")
