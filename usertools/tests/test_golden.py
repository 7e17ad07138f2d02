#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The CLI's output against the published examples of the interface contract (golden/), key by key,
and answers that are longer than one message."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from case import HERE, VIRTNET, Case, Service, main, virtnet  # noqa: E402

# Keys that describe hardware in the reference product: here they have a value of our own,
# doc/keys.md tells which. Key, order and type are compared all the same.
HARDWARE = {"pci_vhca_id", "sf_parent_device_pci_addr", "sf_rdma_device", "sf_cross_mkey",
            "sf_vhca_id", "msix_config_vector", "dma_q_used_number", "handler_schd_number",
            "aux_handler_schd_number"}
OURS = ["transport", "socket", "connected", "vm", "root_port", "port", "problem"]
POOLS = ["msix_num_pool_size", "min_msix_num", "max_msix_num", "min_num_of_qp", "max_num_of_qp",
         "qp_pool_size"]


def golden(name):
    """A published example."""
    with open(os.path.join(HERE, "golden", name + ".json"), encoding="utf-8") as f:
        return json.load(f)


class Golden(Case):
    """The contract's published examples."""

    def same(self, ours, published, where=""):
        """Keys of @published in their order, same types, same values but for hardware."""
        self.assertIs(type(ours), type(published), where)
        if isinstance(published, dict):
            keys = [k for k in ours if k in published]
            self.assertEqual(keys, list(published), where)
            for k in published:
                self.same(ours[k], published[k], f"{where}/{k}")
        elif isinstance(published, list):
            for i, (a, b) in enumerate(zip(ours, published)):
                self.same(a, b, f"{where}[{i}]")
        elif where.rsplit("/", 1)[-1] not in HARDWARE:
            self.assertEqual(ours, published, where)

    def test_list(self):
        """Controller and PF; nothing before dim that the example does not have."""
        with Service("list") as s:
            ours = self.answer(s.dir, "list")
        published = golden("list")
        self.same(ours, published)
        self.assertEqual(list(ours), ["controller", "devices"])
        controller = dict(ours["controller"])
        self.assertEqual(list(controller)[-2:], ["ready", "devices_starting"])
        self.assertEqual((controller.pop("ready"), controller.pop("devices_starting")), (1, 0))
        self.assertEqual(controller, published["controller"])
        self.assertEqual(list(ours["devices"][0]), list(published["devices"][0]) + OURS)

    def test_vf(self):
        """A VF has no pool keys, and has a parent."""
        with Service("vf") as s:
            ours = self.answer(s.dir, "list")["devices"]
            line, q = self.answer(s.dir, "query", "-p", "0", "-v", "0", "-b", line=True)
        published = golden("vf")
        self.same(ours[1], published)
        self.assertEqual(list(ours[1]), list(published) + OURS)
        self.assertEqual(line, "{'all': '0x0', 'vf': '0x0', 'pf': '0x0', 'dbg_stats': '0x0', "
                               "'brief': '0x1', 'latency_stats': '0x0', 'stats_clear': '0x0'}")
        self.assertEqual(q["devices"][0]["vf_id"], 0)

    def test_query(self):
        """The keys of list without pools, PCI and state keys between, queues, ours at the end."""
        with Service("query") as s:
            line, ours = self.answer(s.dir, "query", "-p", "0", line=True)
            listed = self.answer(s.dir, "list")["devices"][0]
        self.assertEqual(line, "{'all': '0x0', 'pf': '0x0', 'dbg_stats': '0x0', 'brief': '0x0', "
                               "'latency_stats': '0x0', 'stats_clear': '0x0'}")
        self.assertEqual(list(ours), ["devices"])
        d = ours["devices"][0]
        self.same(d, golden("query"))
        self.same(d["enabled-queues-info"], [golden("queue")])
        self.assertEqual(list(d["enabled-queues-info"][0]), list(golden("queue")))
        self.assertEqual(len(d["enabled-queues-info"]), 63)
        keys = [k for k in listed if k not in POOLS + OURS]
        at = keys.index("num_msix")
        extra = [k for k in golden("query") if k not in keys]
        self.assertEqual(list(d), keys[:at] + extra + keys[at:] + ["enabled-queues-info"] + OURS)

    def test_query_function(self):
        """Over vfio-user nothing in the example is hardware's but what the host never sees."""
        with Service("full") as s:
            d = self.answer(s.dir, "query", "-p", "0", line=True)[1]["devices"][0]
        self.same(d, golden("query"))
        self.assertEqual(d["msix_config_vector"], golden("query")["msix_config_vector"])
        queues = d["enabled-queues-info"]
        for q in queues:
            self.assertEqual(list(q), list(golden("queue")))
        self.assertEqual([q["notify_offset"] for q in queues],
                         [str(i) for i in range(62)] + ["1024"])
        self.assertEqual({q["msix_vector"] for q in queues},
                         {f"0x{i + 1:X}" for i in range(63)})
        self.assertEqual([(q["rq_cq_max_count"], q["rq_cq_period"]) for q in queues],
                         [("10", "30")] + [("0", "0")] * 62)

    def test_stats(self):
        """Queue 0 of the example; TX and control queues have no size classes."""
        published = golden("stats")
        with Service("stats") as s:
            line, ours = self.answer(s.dir, "stats", "-p", "0", "-q", "0", line=True)
            everything = self.answer(s.dir, "stats", "-p", "0", line=True)
        self.assertEqual(line, "{'pf': '0x0', 'queue_id': '0x0'}")
        self.same(ours, published)
        self.assertEqual(list(ours["device"]), list(published["device"]))
        self.assertEqual(len(ours["device"]["queues-stats"]), 1)
        self.assertEqual(list(ours["device"]["queues-stats"][0]),
                         list(published["device"]["queues-stats"][0]))
        self.assertEqual(everything[0], "{'pf': '0x0'}")
        queues = everything[1]["device"]["queues-stats"]
        self.assertEqual([q["VQ Index"] for q in queues], list(range(63)))
        for q in queues:
            sizes = [k for k in q if k.startswith("rx_")]
            rx = q["VQ Index"] % 2 == 0 and q["VQ Index"] != 62
            self.assertEqual(len(sizes), 10 if rx else 0)


class Hotplug(Case):
    """hotplug, unplug, attach and detach."""

    EXAMPLE = ["hotplug", "-i", "mlx5_0", "-m", "0C:C4:7A:FF:22:93", "-t", "1500", "-qp", "1",
               "-s", "1024"]

    def test_hotplug(self):
        """The published command has the published answer: keys, order, types; no request line."""
        published = golden("hotplug")
        with Service("hotplug") as s:
            ours = self.answer(s.dir, *self.EXAMPLE)
        self.same_but_serial(ours, published)
        self.assertEqual(list(ours), list(published))

    def same_but_serial(self, ours, published):
        """All of it is as published: the inventory has its values."""
        self.assertEqual(ours, published)
        for k, v in published.items():
            self.assertIs(type(ours[k]), type(v), k)

    def test_long_names(self):
        """Long options, with all the optional ones."""
        with Service("endpoint") as s:
            ours = self.answer(
                s.dir, "hotplug", "--ib_device", "mlx5_0", "--mac", "0C:C4:7A:FF:22:93", "--mtu",
                "9216", "--max_queues", "3", "--max_queue_size", "256", "--features", "0x80000",
                "--sf_num", "2001", "--legacy", "--transport", "vfio-user", "--vm", "none",
                "--port", "rp1", "--no-msix", "--doorbell", "page")
        self.assertEqual(list(ours), [*golden("hotplug"), "socket"])
        self.assertEqual(ours["bdf"], "c1:00.0")
        self.assertIsInstance(ours["socket"], str)

    def test_refused(self):
        """Options that exclude one another or are missing are an error of the command line."""
        base = self.EXAMPLE
        with Service("hotplug") as s:
            for args in ([*base, "-n", "3"], base[:-2], base[:5] + base[7:], ["hotplug"],
                         [*base, "-f", "xyz"], [*base, "--transport", "vdpa"],
                         ["unplug"], ["unplug", "-p", "0", "-u", "X"], ["attach", "-v", "0"],
                         ["attach", "-p", "0", "--print", "xen"]):
                status, out, err = virtnet(s.dir, *args)
                self.assertEqual((status, out), (2, ""), args)
                self.assertNotEqual(err, "")

    def test_unplug(self):
        """Request line and answer."""
        with Service("hotplug") as s:
            line, ours = self.answer(s.dir, "unplug", "-p", "0", line=True)
            self.assertEqual(line, "{'id': '0x0'}")
            self.assertEqual(json.dumps(ours), '{"errno": 0, "errstr": "Success"}')
            line, ours = self.answer(s.dir, "unplug", "-u", "MT2151X03152VNETS2D0F0", line=True)
            self.assertEqual(line, "{'vuid': 'MT2151X03152VNETS2D0F0'}")
        with Service("refusing") as s:
            status, out, _ = virtnet(s.dir, "unplug", "-p", "0")
            self.assertEqual(status, 1)
            ours = json.loads(out.split("\n", 1)[1])
            self.assertEqual(list(ours.items())[:2], [
                ("errno", -1065), ("errstr", "Error - Device is not ready to be unplugged please "
                                   "check host and retry")])
        with Service("list") as s:
            status, out, _ = virtnet(s.dir, "unplug", "-p", "0")
            self.assertEqual(status, 1)
            self.assertEqual(json.loads(out.split("\n", 1)[1]), {
                "errno": -1002, "errstr": "Failed - Device is not a hotplug device"})
            status, out, _ = virtnet(s.dir, "unplug", "-p", "7")
            self.assertEqual(json.loads(out.split("\n", 1)[1]), {
                "Error": "Device doesn't exist"})

    def test_attach(self):
        """attach tells where it is; --print is plain text."""
        with Service("hotplug") as s:
            ours = self.answer(s.dir, "attach", "-p", "0", "--vm", "vm1")
            self.assertEqual(list(ours.items()), [
                ("bdf", "15:00.0"), ("vm", "vm1"), ("root_port", "rp1"), ("errno", 0),
                ("errstr", "Success")])
            ours = self.answer(s.dir, "detach", "-p", "0")
            self.assertEqual(list(ours.items()), [("errno", 0), ("errstr", "Success")])
            for kind, first in (("qemu", "-device"), ("libvirt", "<xml/>")):
                status, out, err = virtnet(s.dir, "attach", "-p", "0", "--port", "rp2", "--print",
                                           kind)
                self.assertEqual((status, err), (0, ""))
                self.assertEqual(out, f"{first} for MT2151X03152VNETS1D0F0 at rp2\n"
                                      "second line\n")

    def test_shown(self):
        """list and query: the guest's address, the VM, and a transitional device's ids."""
        with Service("hotplug") as s:
            listed = self.answer(s.dir, "list")["devices"]
            legacy = self.answer(s.dir, "query", "-p", "1", "-b", line=True)[1]["devices"][0]
        self.assertEqual(listed[1]["function_type"], "hotplug PF")
        self.assertEqual([d["pci_bdf"] for d in listed], ["c2:00.0", "15:00.0"])
        self.assertEqual([d["transitional"] for d in listed], [1, 0])
        self.assertEqual([(d["vm"], d["root_port"]) for d in listed], [("", ""), ("vm1", "rp1")])
        self.assertEqual((legacy["pci_dev_id"], legacy["pci_revision_id"],
                          legacy["pci_subsys_id"]), ("0x1000", "0", "0x1"))


class Pages(Case):
    """Answers longer than one message."""

    def test_joined(self):
        """404 devices on many pages are one document."""
        with Service("many") as s:
            d = self.answer(s.dir, "list")
            self.assertEqual(len(d["devices"]), 404)
            self.assertEqual(len({x["vuid"] for x in d["devices"]}), 404)
            _, q = self.answer(s.dir, "query", "-a", line=True)
            self.assertEqual([x["vuid"] for x in q["devices"]], [x["vuid"] for x in d["devices"]])
            self.assertEqual(len(q["devices"][0]["enabled-queues-info"]), 255)
            self.assertEqual(len(self.answer(s.dir, "debug")["devices"]), 404)

    def test_reader_goes(self):
        """head(1) has seen enough: no noise."""
        with Service("many") as s:
            p = subprocess.run(["bash", "-c", f"{VIRTNET} query -a | head -2 | wc -l"],
                               capture_output=True, text=True, timeout=60, check=False,
                               env={**os.environ, "VIRTNET_SOCKET_DIR": s.dir})
            self.assertEqual((p.stdout.strip(), p.stderr), ("2", ""))


if __name__ == "__main__":
    main(__doc__)
