#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""modify: commands of two words, published request lines, many devices at once."""

import json
import sys

sys.dont_write_bytecode = True
from case import NOBODY, Case, Service, main, virtnet  # noqa: E402

DONE = {"errno": 0, "errstr": "Success"}


class Modify(Case):
    """One device."""

    def test_published(self):
        """The published commands have the published request lines, and the published answer."""
        with Service("list") as s:
            for args, line in (
                    (("device", "-l", "0"), "'link': '0x0'"),
                    (("device", "-f", "0x8900010300e7982f"), "'features': '0x8900010300e7982f'"),
                    (("device", "-dim", "enable"), "'dim_config': 'enable'"),
                    (("device", "-netdim", "enable"), "'net_dim_config': 'enable'")):
                first, ours = self.answer(s.dir, "modify", "-p", "0", *args, line=True)
                self.assertEqual(first,
                                 "{'pf': '0x0', 'all': '0x0', 'subcmd': '0x0', " + line + "}")
                self.assertEqual(json.dumps(ours), json.dumps(DONE))
            first, ours = self.answer(s.dir, "modify", "-p", "0", "queue", "-e", "event", "-n",
                                      "10", "-c", "30", line=True)
        self.assertEqual(first, "{'pf': '0x0', 'all': '0x0', 'subcmd': '0x1', 'period_mode': "
                                "'event', 'period': '0xa', 'max_count': '0x1e'}")
        self.assertEqual(ours, DONE)

    def test_selectors(self):
        """With -v that key comes first; -u and -a."""
        with Service("vf") as s:
            for args, line in (
                    (("-p", "0", "-v", "0"), "{'vf': '0x0', 'pf': '0x0', 'all': '0x0', "),
                    (("--vuid", "MT2349X00018VNETS0D0F1"),
                     "{'vuid': 'MT2349X00018VNETS0D0F1', 'all': '0x0', "),
                    (("-a",), "{'all': '0x1', ")):
                first, ours = self.answer(s.dir, "modify", *args, "device", "--link", "1",
                                          line=True)
                self.assertEqual(first, line + "'subcmd': '0x0', 'link': '0x1'}")
                self.assertEqual(ours, DONE)
            status, out, _ = virtnet(s.dir, "modify", "-p", "5", "device", "-l", "0")
            self.assertEqual((status, json.loads(out.split("\n", 1)[1])),
                             (1, {"Error": "Device doesn't exist"}))

    def test_all_options(self):
        """Short and long names of each."""
        short = ["-m", "0C:C4:7A:FF:22:93", "-t", "1500", "-e", "100000", "-l", "1", "-s", "0",
                 "-f", "0x1", "-o", "0x3f", "-k", "40", "-r", "0x1", "-q", "256", "-d", "0x50",
                 "-b", "4", "-dc", "enable", "-pkt_cnt", "disable", "-aarfs", "enable"]
        long = ["--mac", "0C:C4:7A:FF:22:93", "--mtu", "1500", "--speed", "100000", "--link", "1",
                "--state", "0", "--features", "0x1", "--supported_hash_types", "0x3f",
                "--rss_max_key_size", "40", "--rx_mode", "0x1", "--max_queue_size", "256",
                "--dst_port", "0x50", "--rx_dma_q_num", "4", "--drop_counter", "enable",
                "--pkt_cnt", "disable", "--aarfs", "enable"]
        with Service("list") as s:
            lines = {self.answer(s.dir, "modify", "-p", "0", "device", *args, line=True)[0]
                     for args in (short, long)}
            for args in (["-n", "4"], ["--msix_num", "4"]):
                self.assertIn("'msix_num': '0x4'",
                              self.answer(s.dir, "modify", "-p", "0", "device", *args,
                                          line=True)[0])
            self.answer(s.dir, "modify", "-p", "0", "device", "--max_queue_pairs", "2",
                        "--dim_config", "disable", line=True)
            self.answer(s.dir, "modify", "-p", "0", "device", "--net_dim_config", "disable",
                        line=True)
        self.assertEqual(lines, {
            "{'pf': '0x0', 'all': '0x0', 'subcmd': '0x0', 'mac': '0C:C4:7A:FF:22:93', 'mtu': "
            "'0x5dc', 'speed': '0x186a0', 'link': '0x1', 'state': '0x0', 'features': '0x1', "
            "'supported_hash_types': '0x3f', 'rss_max_key_size': '0x28', 'rx_mode': '0x1', "
            "'max_queue_size': '0x100', 'dst_port': '0x50', 'rx_dma_q_num': '0x4', "
            "'drop_counter': 'enable', 'pkt_cnt': 'disable', 'aarfs': 'enable'}"})

    def test_warning(self):
        """What was done, but makes no sense: status 0, a key more."""
        with Service("vf") as s:
            _, ours = self.answer(s.dir, "modify", "-p", "0", "-v", "0", "device", "-n", "0",
                                  line=True)
            _, many = self.answer(s.dir, "modify", "-p", "0,1", "device", "-n", "0", line=True)
        self.assertEqual(list(ours.items()), [*DONE.items(), (
            "warning", "Warning - Device will not work with this setting, do not probe it")])
        self.assertEqual(many, ours)

    def test_usage(self):
        """Each wrong command line: status 2, nothing on stdout, the reason on stderr."""
        for args, why in (
                (("modify",), "name a subcommand: device, queue"),
                (("modify", "-p", "0"), "name a subcommand: device, queue"),
                (("modify", "-p", "0", "vq"), "invalid choice: 'vq'"),
                (("modify", "device", "-l", "0"),
                 "one of these is required: -a/--all, -p/--pf, -u/--vuid"),
                (("modify", "-v", "1", "device", "-l", "0"), "one of these is required"),
                (("modify", "-a", "-p", "1", "device", "-l", "0"), "these exclude one another"),
                (("modify", "-p", "0", "-v", "1", "device", "-qp", "2", "-n", "6"),
                 "these exclude one another: -n/--msix_num, -qp/--max_queue_pairs"),
                (("modify", "-p", "0", "device", "-dim", "enable", "-netdim", "enable"),
                 "these exclude one another: -dim/--dim_config, -netdim/--net_dim_config"),
                (("modify", "-p", "0", "device", "-dim", "on"), "invalid choice: 'on'"),
                (("modify", "-p", "0", "device", "-l", "2"), "'2' is not a number from 0 to 1"),
                (("modify", "-p", "0", "device", "-p", "0"), "unrecognized arguments: -p 0"),
                (("modify", "-p", "0", "queue", "-e", "event", "-n", "10"),
                 "the following arguments are required: -c/--max_count"),
                (("modify", "-p", "0-", "device", "-l", "0"), "'0-' is not a number"),
                (("modify", "-p", "3-1", "device", "-l", "0"), "the first is above the last"),
                (("modify", "-p", "0,65536", "device", "-l", "0"), "'65536' is not a number"),
                (("health",), "name a subcommand: show"),
                (("unplug", "-p", "0,1"), "'0,1' is not a number")):
            status, out, err = virtnet(NOBODY, *args)
            self.assertEqual((status, out), (2, ""), args)
            self.assertIn(why, err)
            self.assertNotIn("Traceback", err)
        with Service("list") as s:
            status, out, _ = virtnet(s.dir, "modify", "-p", "0", "device")
            self.assertEqual((status, json.loads(out.split("\n", 1)[1])["errno"]), (1, -22))
            status, out, _ = virtnet(s.dir, "health", "-p", "0", "show")
            self.assertEqual(out.split("\n", 1)[0], "{'pf': '0x0', 'all': '0x0', 'subcmd': '0x0'}")

    def test_help(self):
        """Selectors stand before the subcommand."""
        for args, usage in (
                (("modify",), "virtnet modify [-h] {-a | -p PF [-v VF] | -u VUID} {device,queue} ..."),
                (("modify", "device"),
                 "virtnet modify {-a | -p PF [-v VF] | -u VUID} device [-h] "),
                (("modify", "queue"), "virtnet modify {-a | -p PF [-v VF] | -u VUID} queue [-h] "
                                      "-e {event,cqe} -n PERIOD -c MAX_COUNT"),
                (("health",), "virtnet health [-h] {-a | -p PF [-v VF] | -u VUID} {show} ...")):
            status, out, err = virtnet(NOBODY, *args, "-h")
            self.assertEqual((status, err), (0, ""))
            self.assertTrue(out.startswith("usage: " + usage), out)

    def test_completion(self):
        """Selectors, the subcommand, its options."""
        def complete(*words):
            status, out, _ = virtnet(s.dir, "--complete", *words)
            self.assertEqual(status, 0)
            return out.split()

        with Service("vf") as s:
            self.assertEqual(complete("mod"), ["modify"])
            self.assertEqual(complete("modify", "-p", ""), ["0", "1"])
            self.assertEqual(complete("modify", "-p", "0", "d"), ["device"])
            self.assertEqual(complete("modify", "-p", "0", "-"), ["-h", "--help", "-v", "--vf"])
            self.assertEqual(complete("modify", "-p", "0", "device", "--m"),
                             ["--mac", "--mtu", "--msix_num", "--max_queue_size",
                              "--max_queue_pairs"])
            self.assertFalse({"-qp", "-n", "-p"} &
                             set(complete("modify", "-p", "0", "device", "-n", "4", "-")))
            self.assertEqual(complete("modify", "-a", "device", "-dc", ""), ["enable", "disable"])
            self.assertEqual(complete("health", "-a", ""), ["show", "-h", "--help"])


class Many(Case):
    """Lists of devices."""

    def test_query(self):
        """VFs of some PFs, in the order of the inventory, on several pages."""
        with Service("many") as s:
            line, q = self.answer(s.dir, "query", "-p", "0", "-v", "0-3,7", "-b", line=True)
            self.assertEqual(line, "{'all': '0x0', 'vf': '0-3,7', 'pf': '0x0', 'dbg_stats': "
                                   "'0x0', 'brief': '0x1', 'latency_stats': '0x0', "
                                   "'stats_clear': '0x0'}")
            self.assertEqual([(d["parent_pf_id"], d["vf_id"]) for d in q["devices"]],
                             [(0, v) for v in (0, 1, 2, 3, 7)])
            _, q = self.answer(s.dir, "query", "-p", "3,1", "-b", line=True)
            self.assertEqual([d["pf_id"] for d in q["devices"]], [1, 3])
            _, q = self.answer(s.dir, "query", "-p", "1-2", "-v", "0-99", line=True)
            self.assertEqual([(d["parent_pf_id"], d["vf_id"]) for d in q["devices"]],
                             [(p, v) for p in (1, 2) for v in range(100)])
            line, q = self.answer(s.dir, "stats", "-p", "0-3", "-q", "1", line=True)
            self.assertEqual(line, "{'pf': '0-3', 'queue_id': '0x1'}")
            self.assertEqual([d["pf_id"] for d in q["devices"]], [0, 1, 2, 3])
            self.assertEqual({len(d["queues-stats"]) for d in q["devices"]}, {1})

    def test_missing(self):
        """All of them have to exist, or nothing is done."""
        with Service("many") as s:
            for sel, why in ((("-p", "0-4"), "there is no PF 4"),
                             (("-p", "0-1", "-v", "98-100"), "PF 0 has no VF 100"),
                             (("-p", "0,0,9", "-v", "1"), "there is no PF 9"),
                             (("-p", "0-65535", "-v", "0-65535"), "PF 0 has no VF 100")):
                for args in (("query", *sel, "-b"), ("modify", *sel, "device", "-l", "1")):
                    status, out, err = virtnet(s.dir, *args)
                    self.assertEqual((status, err), (1, ""))
                    self.assertEqual(json.loads(out.split("\n", 1)[1]),
                                     {"Error": "Device doesn't exist", "detail": why})

    def test_modify(self):
        """errno 0 only if all succeeded; else those that did not, each with its reason."""
        with Service("many") as s:
            line, ours = self.answer(s.dir, "modify", "-p", "0-3", "-v", "3-99", "device", "-l",
                                     "0", line=True)
            self.assertEqual((line, ours), (
                "{'vf': '3-99', 'pf': '0-3', 'all': '0x0', 'subcmd': '0x0', 'link': '0x0'}", DONE))
            for sel, changed, pfs in ((("-p", "0,2", "-v", "0-9"), 18, (0, 2)),
                                      (("-a",), 400, range(4))):
                status, out, err = virtnet(s.dir, "modify", *sel, "device", "-l", "0")
                self.assertEqual((status, err), (1, ""))
                ours = json.loads(out.split("\n", 1)[1])
                self.assertEqual(list(ours), ["errno", "errstr", "changed", "failed"])
                self.assertEqual((ours["errno"], ours["changed"]), (-1004, changed))
                self.assertEqual([list(f.items()) for f in ours["failed"]], [
                    [("vf_id", 2), ("parent_pf_id", p), ("vuid", f"MANYVNETS0D0F{p}VF3"),
                     ("errno", -1004),
                     ("errstr", "Failed - Virtio driver should not be loaded"),
                     ("detail", "unbind it")] for p in pfs])


if __name__ == "__main__":
    main(__doc__)
