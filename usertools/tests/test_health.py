#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""health, restart and update; and that each key of every answer has its row in doc/keys.md."""

import json
import os
import re
import sys

sys.dont_write_bytecode = True
from case import HERE, Case, Service, main, virtnet  # noqa: E402

KEYS = os.path.join(HERE, "../../doc/keys.md")


def documented():
    """The names in the first columns of the tables."""
    names = set()
    with open(KEYS, encoding="utf-8") as f:
        for line in f:
            if line.startswith("| `"):
                names |= set(re.findall(r"`([^`]+)`", line.split("|")[1]))
    # "rx_64_or_less_octet_packets" and so on are one row.
    return {re.sub(r"\.\.\.$", "", n) for n in names}


def keys(value):
    """All keys of a document, but for those of bit sets."""
    if isinstance(value, list):
        for v in value:
            yield from keys(v)
    elif isinstance(value, dict) and "value" not in value:
        for k, v in value.items():
            yield k
            yield from keys(v)


class Health(Case):
    """The commands."""

    def test_health(self):
        """The published example: keys, order, types, values; ours behind."""
        with open(os.path.join(HERE, "golden/health.json"), encoding="utf-8") as f:
            published = json.load(f)
        with Service("full") as s:
            line, ours = self.answer(s.dir, "health", "-p", "0", "show", line=True)
            many = self.answer(s.dir, "health", "-a", "show", line=True)
        self.assertEqual(line, "{'pf': '0x0', 'all': '0x0', 'subcmd': '0x0'}")
        self.assertEqual(list(ours), [*published, "problem"])
        for k, v in published.items():
            self.assertIs(type(ours[k]), type(v), k)
        for k in ("pf_id", "type", "health_status", "health_recover_counter"):
            self.assertEqual(ours[k], published[k], k)
        for group, counters in published["dev_health_details"].items():
            self.assertEqual(list(ours["dev_health_details"][group].items()),
                             list(counters.items()))
        self.assertEqual(many, ("{'all': '0x1', 'subcmd': '0x0'}", {"devices": [ours]}))

    def test_health_vf(self):
        """A VF has a vf_id."""
        with Service("vf") as s:
            ours = self.answer(s.dir, "health", "-p", "0", "-v", "0", "show", line=True)[1]
            self.assertEqual(virtnet(s.dir, "health", "-p", "0")[0], 2)
        self.assertEqual(list(ours)[:4], ["pf_id", "vf_id", "type", "vuid"])
        self.assertEqual(ours["type"], "VF")

    def test_restart(self):
        """SUCCESS in plain text; a refusal is JSON, with status 1."""
        with Service("list") as s:
            self.assertEqual(virtnet(s.dir, "restart"), (0, "SUCCESS\n", ""))
        with Service("refusing") as s:
            status, out, err = virtnet(s.dir, "restart")
        self.assertEqual((status, err, json.loads(out)["errno"]), (1, "", -1065))

    def test_update(self):
        """Not supported, and none was done."""
        with Service("list") as s:
            status, out, err = virtnet(s.dir, "update", "-s")
            line, ours = self.answer(s.dir, "update", "-t", line=True)
            self.assertEqual(virtnet(s.dir, "update", "-s", "-t")[0], 2)
        self.assertEqual((status, err, out.split("\n")[0]), (1, "", "{'start': '0x1'}"))
        self.assertEqual(json.loads(out.split("\n", 1)[1])["errno"], -1046)
        self.assertEqual(line, "{'status': '0x1'}")
        self.assertEqual(list(ours), ["status", "last live update status", "time_used (s)"])
        self.assertIsInstance(ours["time_used (s)"], float)

    def test_keys(self):
        """No key without a meaning."""
        known = documented()
        for inventory in ("vf", "stats", "hotplug", "full"):
            with Service(inventory) as s:
                answers = [self.answer(s.dir, "list"),
                           self.answer(s.dir, "query", "-a", "--dbg_stats", "--latency_stats",
                                       line=True)[1],
                           self.answer(s.dir, "health", "-a", "show", line=True)[1],
                           self.answer(s.dir, "stats", "-p", "0", line=True)[1]]
            missing = {k for a in answers for k in keys(a)
                       if not re.match(r"rx_\d+_.*_octet_packets", k)} - known
            self.assertEqual(missing, set(), f"{inventory}: without a row in doc/keys.md")


if __name__ == "__main__":
    main(__doc__)
