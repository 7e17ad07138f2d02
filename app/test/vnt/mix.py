# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Requests to the control socket, made from the command table: new commands join by themselves."""

import importlib.util
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
CTL = os.path.join(HERE, "../../../lib/ctl")


def table():
    """The commands, as gen_commands.py understands them."""
    spec = importlib.util.spec_from_file_location("gen_commands",
                                                  os.path.join(CTL, "gen_commands.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(os.path.join(CTL, "commands.json"))["commands"]


def value(p, rnd):
    """One that the table allows."""
    kind = p["type"]
    if kind == "uint":
        return rnd.choice((p["min"], min(p["min"] + 1, p["max"]), p["max"],
                           min(p["max"], rnd.randrange(8))))
    if kind == "hex":
        return hex(rnd.choice((p["min"], p["max"], rnd.randint(p["min"], p["max"]))))
    if kind == "flag":
        return rnd.random() < 0.9
    if kind == "choice":
        return rnd.choice(p["choices"])
    return rnd.choice(("0", "1-3", "none", "x", "0C:C4:7A:FF:00:01", "mlx5_0",
                       "TEST00001VNETS0D0F2", "y" * p["max"]))


def arguments(cmd, rnd, many=0.3):
    """Parameters that go together, as far as the table says so."""
    params = cmd["params"]
    chosen = {n for n, p in params.items() if p.get("required") or rnd.random() < many}
    for g in cmd["groups"]:
        there = [n for n in g["params"] if n in chosen]
        if there or g.get("required"):
            one = rnd.choice(there or g["params"])
            chosen = chosen - set(g["params"]) | {one}
    for n in list(chosen):
        needs = params[n].get("needs")
        if needs and not chosen.intersection(needs):
            chosen.discard(n)
    return {n: value(params[n], rnd) for n in params if n in chosen}


def short_form(args):
    """The same as key=value; a flag is its key alone."""
    return ",".join(n if v is True else f"{n}={json.dumps(v) if v is False else v}"
                    for n, v in args.items())


def proper(cmd, rnd):
    """A request in one of its two forms."""
    args = arguments(cmd, rnd)
    path = f"/virtnet/{cmd['path']}"
    if not args:
        return path
    return path + "," + (json.dumps(args) if rnd.random() < 0.5 else short_form(args))


def malformed(cmd, rnd):
    """Bytes that begin like a request, or not even that."""
    good = bytearray(proper(cmd, rnd).encode())
    args = arguments(cmd, rnd, 0.5)
    wrong = rnd.choice((None, -1, 1 << 64, 1.5, [], {}, "", "\0", "z" * 70000, [[[]]]))
    name = rnd.choice(list(cmd["params"]) or ["x"])
    return rnd.choice((
        bytes(good[:rnd.randrange(1, len(good) + 1)]),
        bytes(good[:-1]) + bytes([rnd.randrange(256)]),
        bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 40))),
        f"/virtnet/{cmd['path']},".encode() + json.dumps({**args, name: wrong}).encode()[:65000],
        f"/virtnet/{cmd['path']},{name}={name},{name}".encode(),
        f"/virtnet/{cmd['path']},".encode() + b"[" * rnd.choice((3, 3000)),
        f"/virtnet/{cmd['name'][:-1]}".encode(),
        b"/help," + cmd["name"].encode(),
        b"/", b"/info", b",", b"/virtnet/", b"//",
    ))
