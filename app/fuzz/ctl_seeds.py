#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Write the seeds of fuzz_ctl into a folder: some requests for every command of the table."""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test"))
sys.dont_write_bytecode = True

from vnt import mix  # noqa: E402  (the path must be set first)

EACH = 16
STEP = 37  # odd, with bits far apart: options of all kinds
LONGEST = 1000  # fuzzing is quick with small inputs


def main():
    """One file per command and inventory."""
    out = pathlib.Path(sys.argv[1])
    rnd = random.Random(1)
    for cmd in mix.table():
        for options in range(EACH):
            lines = [mix.proper(cmd, rnd).encode()[:LONGEST] for _ in range(3)]
            lines.append(mix.malformed(cmd, rnd)[:LONGEST])
            if options == EACH - 1:
                lines.append(b"\xff\xf0\x00x")  # longer than what is taken
                lines.append(b"")
                lines.append(lines[0])
            name = f"{cmd['ident']}_{options}"
            (out / name).write_bytes(bytes([options * STEP % 256]) + b"\n".join(lines))


if __name__ == "__main__":
    main()
