# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""What the tests of the CLI share: the real control socket with devices made by hand
(lib/ctl/ctl_fake.h), and the CLI run against it."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
VIRTNET = os.path.join(HERE, "../virtnet")
SOCKET_NAME = "dpdk_telemetry.v2"
SERVER = None  # path of ctl_fake_server

NOBODY = "/nowhere/at/all"


class Service:
    """A control socket on the inventory named."""

    def __init__(self, inventory):
        self.dir = tempfile.mkdtemp(prefix="vn-cli-")
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen([SERVER, self.dir, inventory],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def close(self):
        """End it: its standard input ends."""
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        shutil.rmtree(self.dir)
        assert status == 0, f"the server ended with {status}"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def virtnet(directory, *args, env=None):
    """@return exit status, stdout, stderr"""
    full = {k: v for k, v in os.environ.items() if not k.startswith("VIRTNET_")}
    full |= {"VIRTNET_SOCKET_DIR": directory, **(env or {})}
    p = subprocess.run([sys.executable, VIRTNET + ".py", *args], env=full, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


class Case(unittest.TestCase):
    """Comparisons."""

    def answer(self, directory, *args, line=False):
        """Run a command that succeeds. @return its JSON, or (request line, JSON)."""
        status, out, err = virtnet(directory, *args)
        self.assertEqual((status, err), (0, ""), args)
        if line:
            first, rest = out.split("\n", 1)
            return first, json.loads(rest)
        return json.loads(out)


def main(doc):
    """Of each test program: --server, and what unittest takes."""
    global SERVER  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--server", required=True, help="ctl_fake_server")
    options, rest = parser.parse_known_args()
    SERVER = options.server
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
