#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""virtnet-capacity against the program that checks for it: verbs, tables, refusals, two at once."""

import argparse
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "../virtnet-capacity")
PROGRAM = None  # dpdk-virtnet

# The published set-ups (contract, section 2): names of the columns, then a line for each.
COLUMNS = ("VIRTIO_NET_EMULATION_NUM_PF", "VIRTIO_NET_EMULATION_NUM_VF",
           "VIRTIO_NET_EMULATION_NUM_MSIX", "VIRTIO_NET_EMULATION_NUM_VF_MSIX",
           "PCI_SWITCH_EMULATION_ENABLE", "PCI_SWITCH_EMULATION_NUM_PORT", "PF_TOTAL_SF",
           "SRIOV_EN")
COMMON = ("VIRTIO_NET_EMULATION_ENABLE=1", "PER_PF_NUM_SF=1", "PF_BAR2_ENABLE=0",
          "PF_SF_BAR_SIZE=8")
PUBLISHED = {
    "4 static PFs": (4, 0, 64, None, 0, 0, 64, 0),
    "16 hotplug PFs": (0, 0, 64, None, 1, 16, 64, 0),
    "504 VFs": (4, 126, 64, 64, 0, 0, 512, 1),
    "15 hotplug, 2 static, 200 VFs": (2, 100, 10, 64, 1, 15, 256, 1),
}


class Capacity(unittest.TestCase):
    """A state directory of its own for each test."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vn-cap-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.file = os.path.join(self.dir, "capacity.json")
        self.run = os.path.join(self.dir, "run")

    def argv(self, *args):
        """The command."""
        return [sys.executable, TOOL, "--state-dir", self.dir, "--run-dir", self.run, *args]

    def call(self, *args, stdin=""):
        """@return exit status, stdout, stderr"""
        p = subprocess.run(self.argv(*args), input=stdin, capture_output=True, text=True,
                           env={**os.environ, "DPDK_VIRTNET": PROGRAM}, timeout=60, check=False)
        self.assertNotIn("Traceback", p.stderr)
        return p.returncode, p.stdout, p.stderr

    def done(self, *args, stdin=""):
        """A command that succeeds. @return its output."""
        status, out, err = self.call(*args, stdin=stdin)
        self.assertEqual((status, err), (0, ""), args)
        return out

    def refused(self, *args, stdin="", status=1):
        """A command that changes nothing. @return what it says."""
        before = self.content()
        got, _, err = self.call(*args, stdin=stdin)
        self.assertEqual(got, status, (args, err))
        self.assertEqual(self.content(), before)
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith(".")], [])
        return err

    def content(self):
        """The file as it is, None without."""
        try:
            with open(self.file, encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def write(self, doc):
        """Make the file by hand."""
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(doc if isinstance(doc, str) else json.dumps(doc))

    def values(self):
        """What query -e shows: name -> (changed, default, current, next)."""
        lines = self.done("-e", "q").splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("Configurations:"))
        self.assertEqual(lines[start].split(),
                         ["Configurations:", "Default", "Current", "Next", "Boot"])
        self.assertEqual(lines[-1], "The '*' shows parameters with next value different from "
                                    "default/current value.")
        table = {}
        for line in lines[start + 1:-1]:
            self.assertIn(line[0], " *")
            name, *columns = line[1:].split()
            table[name] = (line[0] == "*", *columns)
        return table

    def test_published(self):
        """Each published set-up as one command, applied, one after the other."""
        for use, row in PUBLISHED.items():
            words = [f"{n}={v}" for n, v in zip(COLUMNS, row) if v is not None]
            if row[3] is None:
                words.append("VIRTIO_NET_EMULATION_NUM_VF_MSIX=0")
            out = self.done("-d", "03:00.0", "-y", "s", *COMMON, *words)
            self.assertIn("Device:         03:00.0\n", out)
            self.assertIn("Apply new Configuration? (y/n) [n] : y\nApplying... Done!\n-I- ", out)
            self.done("-y", "apply")
            seen = self.values()
            for name, value in zip(COLUMNS, row):
                want = str(value or 0)
                if name in ("PCI_SWITCH_EMULATION_ENABLE", "SRIOV_EN"):
                    want = f"{bool(value)}({value})"
                self.assertEqual(seen[name][2:], (want, want), (use, name))
            self.assertEqual(seen["PF_SF_BAR_SIZE"][1:], ("0", "8", "8"))

    def test_life(self):
        """set changes next, apply current, reset next again."""
        values = self.values()
        self.assertEqual(len(values), 22)
        self.assertEqual([n for n, v in values.items() if v[0]], [])
        self.assertEqual(self.content(), None)
        self.done("-y", "set", "VIRTIO_NET_EMULATION_NUM_PF=4", "SRIOV_EN=FALSE")
        self.assertEqual(self.values()["VIRTIO_NET_EMULATION_NUM_PF"], (True, "1", "1", "4"))
        self.assertEqual(self.values()["SRIOV_EN"], (True, "True(1)", "True(1)", "False(0)"))
        self.done("set", "-y", "VIRTIO_NET_EMULATION_NUM_MSIX=0x20")
        self.done("apply", stdin="y\n")
        self.assertEqual(self.values()["VIRTIO_NET_EMULATION_NUM_PF"], (True, "1", "4", "4"))
        self.assertEqual(self.values()["VIRTIO_NET_EMULATION_NUM_MSIX"], (True, "64", "32", "32"))
        self.assertIn("Nothing to apply", self.done("apply"))
        self.done("-y", "r")
        self.assertEqual(self.values()["VIRTIO_NET_EMULATION_NUM_PF"], (True, "1", "4", "1"))
        self.done("-y", "apply")
        self.assertEqual([n for n, v in self.values().items() if v[0]], [])

    def test_query(self):
        """Without -e one column; named settings only, in any case."""
        out = self.done("q", "sriov_en", "VIRTIO_NET_EMULATION_NUM_PF")
        lines = out[out.index("Configurations:"):].splitlines()
        self.assertEqual([x.split() for x in lines], [["Configurations:", "Next", "Boot"],
                         ["SRIOV_EN", "True(1)"], ["VIRTIO_NET_EMULATION_NUM_PF", "1"]])
        self.assertIn("did you mean SRIOV_EN?", self.refused("q", "SRIOV_ENN"))

    def test_refused(self):
        """One line for each thing that is wrong, and the file is as before."""
        self.write({"current": {"VIRTIO_NET_EMULATION_NUM_PF": 3}})
        for words, why in (
                (("VIRTIO_NET_EMULATION_NUM_PF=32",), "from 0 to 31, is 32"),
                (("SRIOV_EN=2",), "must be 0 or 1"),
                (("VIRTIO_NET_EMULATION_NUM_PF=TRUE",), "must be a whole number"),
                (("VIRTIO_NET_EMULATION_NUM_PF=",), "is no value"),
                (("VIRTIO_NET_EMULATION_NUM_PF=-1",), "is no value"),
                (("VIRTIO_NET_EMULATION_NUM_PF=4x",), "is no value"),
                (("VIRTIO_NET_EMULATION_NUM_PF=99999999999999999999",), "is no value"),
                (("VIRTIO_NET_EMULATION_NUM_PF",), "write SETTING=VALUE"),
                (("NUM_PF=1",), "unknown setting"),
                (("=1",), "unknown setting"),
                (("SRIOV_EN=1", "sriov_en=1"), "given twice"),
                (("VIRTIO_NET_EMULATION_NUM_VF=2", "SRIOV_EN=0"), "needs SRIOV_EN=1"),
                (("PCI_SWITCH_EMULATION_ENABLE=0", "PCI_SWITCH_EMULATION_NUM_PORT=4"),
                 "needs PCI_SWITCH_EMULATION_ENABLE=1"),
                (("PF_TOTAL_SF=4",), "needs PER_PF_NUM_SF=1"),
                (("VIRTIO_NET_EMULATION_NUM_VF_MSIX=3",), "must be 0 or a whole number from 4")):
            err = self.refused("-y", "s", *words)
            self.assertEqual(len(err.splitlines()), 1, err)
            self.assertTrue(err.startswith("virtnet-capacity: "), err)
            self.assertIn(why, err)
            self.assertNotIn(self.dir, err)
        # A good one does not pass with a bad one beside it.
        self.refused("-y", "s", "VIRTIO_NET_EMULATION_NUM_PF=5", "SRIOV_EN=7")
        err = self.refused("-y", "s", "SRIOV_EN=7", "NUM_OF_VFS=999")
        self.assertEqual(len(err.splitlines()), 2, err)

    def test_usage(self):
        """Wrong command lines: status 2."""
        for args in ((), ("x",), ("s",), ("r", "SRIOV_EN"), ("apply", "now"), ("-z", "q")):
            self.refused(*args, status=2)

    def test_confirmation(self):
        """Only yes is yes; the end of the input is no."""
        for answer in ("", "n\n", "\n", "maybe\n"):
            for args in (("s", "VIRTIO_NET_EMULATION_NUM_PF=4"), ("r",)):
                self.assertIn("nothing was changed", self.refused(*args, stdin=answer))
        self.done("s", "VIRTIO_NET_EMULATION_NUM_PF=4", stdin="yes\n")
        self.assertIn("nothing was changed", self.refused("apply", stdin="n\n"))

    def test_bad_file(self):
        """A file that the service refuses is told as the service tells it, and left alone."""
        self.write('{\n"next": {"SRIOV_EN": 5}\n}')
        for args in (("q",), ("-y", "s", "SRIOV_EN=1"), ("-y", "r"), ("-y", "apply")):
            self.assertIn(f"{self.file}:2: next.SRIOV_EN: ", self.refused(*args))
        self.write("{,}")
        self.refused("q")

    def test_apply(self):
        """Recovery files go when something changes; the mode and a link stay."""
        recovery = os.path.join(self.dir, "recovery")
        os.mkdir(recovery)
        files = ["TEST1VNETS0D0F2", "TEST1VNETS0D0F2VF12"]
        for name in [*files, "TEST1VNETS0D0F3.bad-1"]:
            with open(os.path.join(recovery, name), "w", encoding="utf-8") as f:
                f.write("{}")
        self.write({"current": {"VIRTIO_NET_EMULATION_NUM_PF": 2}})
        os.chmod(self.file, 0o640)
        real = os.path.join(self.dir, "real.json")
        os.rename(self.file, real)
        os.symlink("real.json", self.file)
        self.assertIn("Nothing to apply", self.done("-y", "apply"))
        self.assertEqual(len(os.listdir(recovery)), 3)
        self.done("-y", "s", "VIRTIO_NET_EMULATION_NUM_PF=4")
        self.assertNotIn("recovery", self.done("-y", "--recovery-dir", "/nowhere", "apply"))
        self.assertEqual(len(os.listdir(recovery)), 3)
        self.done("-y", "s", "VIRTIO_NET_EMULATION_NUM_PF=3")
        self.assertIn("2 recovery files removed", self.done("-y", "apply"))
        self.assertEqual(os.listdir(recovery), ["TEST1VNETS0D0F3.bad-1"])
        self.assertTrue(os.path.islink(self.file))
        self.assertEqual(stat.S_IMODE(os.stat(real).st_mode), 0o640)
        self.assertEqual(json.loads(self.content()),
                         {"current": {"VIRTIO_NET_EMULATION_NUM_PF": 3}})
        self.assertFalse(os.path.exists(self.run))

    def test_running(self):
        """While an instance holds its lock: set works, apply does not."""
        os.mkdir(self.run)
        with open(os.path.join(self.run, "virtnet.lock"), "w", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.done("-y", "s", "VIRTIO_NET_EMULATION_NUM_PF=3")
            self.assertIn("the service is running: stop it first", self.refused("-y", "apply"))
        # A service with another run directory has the lock of its recovery files.
        recovery = os.path.join(self.dir, "recovery")
        os.mkdir(recovery)
        fd = os.open(recovery, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.assertIn("the service is running: stop it first", self.refused("-y", "apply"))
        os.close(fd)
        self.done("-y", "apply")
        self.assertEqual(os.listdir(self.run), [])

    def test_at_once(self):
        """Ten programs, each with a setting of its own: all of them count."""
        sets = [f"{n}=7" for n in ("VIRTIO_NET_EMULATION_NUM_PF", "VIRTIO_NET_EMULATION_NUM_VF",
                                   "NUM_OF_VFS", "VIRTIO_NET_EMULATION_NUM_MSIX",
                                   "VIRTIO_NET_EMULATION_NUM_VF_MSIX",
                                   "PCI_SWITCH_EMULATION_NUM_PORT",
                                   "VIRTIO_NET_EMU_SUBSYSTEM_VENDOR_ID",
                                   "VIRTIO_NET_EMULATION_SUBSYSTEM_ID")]
        env = {**os.environ, "DPDK_VIRTNET": PROGRAM}
        # pylint: disable=consider-using-with
        running = [subprocess.Popen(self.argv("-y", "s", s), env=env, stdout=subprocess.DEVNULL)
                   for s in sets]
        self.assertEqual([p.wait(60) for p in running], [0] * len(sets))
        seen = self.values()
        for s in sets:
            self.assertEqual(seen[s.removesuffix("=7")][3], "7", s)

    def test_ended(self):
        """Ended while it asks: nothing is left behind."""
        with subprocess.Popen(self.argv("s", "SRIOV_EN=0"), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "DPDK_VIRTNET": PROGRAM}) as p:
            seen = ""
            while not seen.endswith("[n] : "):
                seen += p.stdout.read(1)
            p.send_signal(signal.SIGTERM)
            self.assertEqual(p.wait(30), 130)
        self.assertEqual(os.listdir(self.dir), [])

    def test_no_program(self):
        """Without dpdk-virtnet there is nothing to check with: one line."""
        p = subprocess.run(self.argv("q"), env={**os.environ, "DPDK_VIRTNET": "/nowhere/at/all"},
                           capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertEqual(len(p.stderr.splitlines()), 1, p.stderr)

    def test_completion(self):
        """Verbs, names, names with an equals sign."""
        script = TOOL + ".bash-completion"

        def complete(*words):
            line = " ".join(f'"{w}"' for w in words)
            p = subprocess.run(
                ["bash", "-c", f'source "{script}"; COMP_WORDS=("{TOOL}" {line}); '
                 f'COMP_CWORD={len(words)}; _virtnet_capacity; printf "%s\\n" "${{COMPREPLY[@]}}"'],
                capture_output=True, text=True, timeout=60, check=True,
                env={**os.environ, "DPDK_VIRTNET": PROGRAM})
            return p.stdout.split()

        self.assertEqual(complete(""), ["query", "set", "reset", "apply"])
        self.assertEqual(complete("-e", "q", "SRIOV"), ["SRIOV_EN"])
        self.assertEqual(complete("-y", "s", "SRIOV"), ["SRIOV_EN="])
        self.assertIn("--enable_verbosity", complete("--e"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="dpdk-virtnet")
    options, rest = parser.parse_known_args()
    PROGRAM = options.program
    unittest.main(argv=[sys.argv[0], *rest])
