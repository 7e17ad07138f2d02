# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Network namespaces and raw sockets in them."""

import contextlib
import ctypes
import json
import os
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def leftovers(mark):
    """Names of namespaces that begin with @mark."""
    try:
        return [n for n in os.listdir("/run/netns") if n.startswith(mark)]
    except FileNotFoundError:
        return []


class Netns:
    """A named network namespace without IPv6 noise."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        with self.entered():
            for where in ("all", "default"):
                path = f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6"
                if os.path.exists(path):
                    with open(path, "w", encoding="ascii") as f:
                        f.write("1")
        self.ip("link", "set", "lo", "up")

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    @contextlib.contextmanager
    def entered(self):
        """Sockets and /proc/sys/net files opened inside belong to the namespace."""
        back = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            yield
        finally:
            _setns(back)
            os.close(there)
            os.close(back)

    def ip(self, *args):
        """Run ip(8) in the namespace. @return its output."""
        r = subprocess.run(["ip", "-n", self.name, *args], capture_output=True, text=True,
                           check=False)
        if r.returncode != 0:
            raise RuntimeError(f"ip {' '.join(args)}: {r.stderr.strip()}")
        return r.stdout

    def links(self):
        """What "ip -d link" says, by name; lo is left out."""
        return {x["ifname"]: x for x in json.loads(self.ip("-d", "-j", "link") or "[]")
                if x.get("ifname") != "lo"}

    def link(self, name):
        """One link, or None."""
        return self.links().get(name)
