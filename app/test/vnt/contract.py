# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Answers against the templates in contract/, which are the published examples with their types.

A template is JSON. Keys must be there in its order. Of the leaves:
  "text"   this string              "~REGEX"  a string that is all REGEX
  "#REGEX" a whole number, of which the decimal text is all REGEX
  "%"      any number               "*"       anything
and of the objects:
  "?key"   may be left out          "!key"    must not be there at all
  "...": true   further keys may follow; without it none
  {"@file": NAME}       as that template says
  {"@either": [NAME...]}   as one of these says
  {"@bits": NAME}       a bit set: "value", then each set bit with its name in bits.json
[T] is an array of at least one element, all as T says; a longer one is element by element.
"""

import ast
import json
import os
import re

from . import core

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../contract")
# Names that the contract does not have: bits of newer specifications.
NEWER = re.compile(r"VIRTIO_(NET_)?F_[A-Z0-9_]+")


def load(name):
    with open(os.path.join(HERE, name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def fail(where, text):
    raise core.Fail(f"{where or 'answer'}: {text}")


def bits(value, name, where):
    """A bit set says what its mask says, in order, in five places."""
    names = load("bits")[name]
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        fail(where, f"{value!r} is no bit set")
    if not re.fullmatch(r"0x[0-9a-f]+", value["value"]):
        fail(where, f"mask {value['value']!r}")
    mask = int(value["value"], 16)
    wanted = ["value"] + [f"{b:5}" for b in range(64) if mask >> b & 1]
    if list(value) != wanted:
        fail(where, f"keys {list(value)}, not {wanted}")
    for key in wanted[1:]:
        want = names.get(key.strip())
        if value[key] != want and (want or not NEWER.fullmatch(value[key])):
            fail(where, f"bit {key.strip()} is {value[key]!r}, not {want!r}")


def leaf(value, template, where):
    if template == "*":
        return
    if template == "%":
        if type(value) not in (int, float):
            fail(where, f"{value!r} is no number")
    elif template.startswith("#"):
        if type(value) is not int or not re.fullmatch(template[1:], str(value)):
            fail(where, f"{value!r} is no number like {template[1:]}")
    elif type(value) is not str:
        fail(where, f"{value!r} is no string")
    elif template.startswith("~"):
        if not re.fullmatch(template[1:], value):
            fail(where, f"{value!r} is not like {template[1:]}")
    elif value != template:
        fail(where, f"{value!r}, not {template!r}")


def members(value, template, where):
    if type(value) is not dict:
        fail(where, f"{value!r} is no object")
    keys = list(value)
    for key, t in template.items():
        if key == "...":
            keys = [k for k in keys if k in template]
        elif key.startswith("!"):
            if key[1:] in value:
                fail(where, f"{key[1:]} is there")
        elif key.startswith("?") and keys[:1] != [key[1:]]:
            continue
        else:
            name = key.removeprefix("?")
            if keys[:1] != [name]:
                fail(where, f"key {keys[:1]} stands where {name!r} should")
            keys.pop(0)
            match(value[name], t, f"{where}/{name}")
    if keys:
        fail(where, f"keys {keys} are too many, or there out of order")


def match(value, template, where=""):
    """Fail unless @value is as @template says."""
    if isinstance(template, list):
        if type(value) is not list:
            fail(where, f"{value!r} is no array")
        if not value or (len(template) > 1 and len(value) != len(template)):
            fail(where, f"{len(value)} elements")
        for i, v in enumerate(value):
            match(v, template[i if len(template) > 1 else 0], f"{where}[{i}]")
    elif isinstance(template, str):
        leaf(value, template, where)
    elif "@file" in template:
        match(value, load(template["@file"]), where)
    elif "@bits" in template:
        bits(value, template["@bits"], where)
    elif "@either" in template:
        reasons = []
        for name in template["@either"]:
            try:
                match(value, load(name), where)
                return
            except core.Fail as e:
                reasons.append(f"as {name}: {e}")
        fail(where, "; ".join(reasons))
    else:
        members(value, template, where)


def check_output(case, status, out, err):
    """What the CLI printed for a case of cases.json."""
    what = "virtnet " + " ".join(case["argv"])
    core.check_eq((status, err), (case.get("status", 0), ""), f"{what}: status, stderr\n{out}")
    if case.get("any_line"):
        first, out = out.split("\n", 1)
        core.check(re.fullmatch(r"\{('\w+': '\w+'(, )?)+\}", first), f"{what}: line {first!r}")
    elif "request" in case:
        # Where no line with these was published its order is our own.
        first, out = out.split("\n", 1)
        core.check_eq(ast.literal_eval(first), case["request"], f"{what}: request line")
    elif "line" in case:
        first, out = out.split("\n", 1)
        core.check_eq(first, case["line"], f"{what}: request line")
    if "text" in case:
        core.check_eq(out, case["text"], what)
        return
    try:
        value = json.loads(out)
    except ValueError:
        raise core.Fail(f"{what}: not one JSON document: {out[:300]!r}") from None
    try:
        match(value, load(case["answer"]))
    except core.Fail as e:
        raise core.Fail(f"{what}: {e}") from None
    # One key a line, two blanks a level: people and scripts grep.
    core.check_eq(out, json.dumps(value, indent=2) + "\n", f"{what}: layout")
