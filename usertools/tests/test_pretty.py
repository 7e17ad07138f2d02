#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The printer of answers prints what json.dumps does, byte by byte."""

import json
import os
import random
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import virtnet  # noqa: E402

SCALARS = ("", "plain", 'a "quote" and \\', "tab\tnew\nline\x01\x7f", "é€😀\ud800", 0, -1, 1 << 64,
           1.5, -0.0, 1e300, float("inf"), True, False, None)


def anything(rng, depth):
    """A value of any shape."""
    kind = rng.randrange(4 if depth > 0 else 2)
    if kind < 2:
        return rng.choice(SCALARS)
    n = rng.randrange(4)
    if kind == 2:
        return [anything(rng, depth - 1) for _ in range(n)]
    return {rng.choice(("key", " 0", "é", '"')) + str(i): anything(rng, depth - 1)
            for i in range(n)}


class Pretty(unittest.TestCase):
    """pretty() against its model."""

    def test_scalars(self):
        for v in SCALARS + ([], {}, [[]], [{}], {"a": []}, {"a": {}}):
            self.assertEqual(virtnet.pretty(v), json.dumps(v, indent=2))

    def test_anything(self):
        rng = random.Random(1)
        for _ in range(2000):
            v = anything(rng, 5)
            self.assertEqual(virtnet.pretty(v), json.dumps(v, indent=2))


if __name__ == "__main__":
    unittest.main()
