#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""check_unit.py UNIT.in: systemd understands every line of the unit. Exit status 77 (skipped) where
there is no systemd-analyze."""
import os
import shutil
import subprocess
import sys
import tempfile


def main():
    if shutil.which("systemd-analyze") is None:
        return 77
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    # A program that is on every machine: it must exist for the check.
    text = text.replace("@sbindir@/dpdk-virtnet", "/bin/sh").replace("@sysconfdir@", "/etc")
    with tempfile.TemporaryDirectory() as d:
        unit = os.path.join(d, os.path.basename(sys.argv[1]).removesuffix(".in"))
        with open(unit, "w", encoding="utf-8") as f:
            f.write(text)
        p = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], check=False,
                           capture_output=True, text=True)
    # Lines that it does not know only earn a warning. Those about other units are not ours.
    said = [line for line in (p.stdout + p.stderr).splitlines() if unit in line]
    said += [line for line in p.stderr.splitlines() if line.startswith("dpdk-virtnet")]
    print("\n".join(said) or "no complaints")
    return bool(said)


sys.exit(main())
