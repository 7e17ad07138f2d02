#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Make what is derived from the command table, commands.json.

gen_commands.py --c OUT          the C table of the control socket (at build time)
gen_commands.py --md OUT         doc/cli.md
gen_commands.py --man OUT        doc/man/virtnet.1
gen_commands.py --check DIR      compare DIR/cli.md and DIR/man/virtnet.1 with what would be made
"""
import argparse
import importlib.util
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = ("uint", "flag", "string", "hex", "choice")
MAX_PARAMS = 32


class TableError(Exception):
    """The table contradicts itself."""


def load(path):
    """The table, with the shared parameters filled in. Anything odd in it is an error."""
    with open(path, encoding="utf-8") as f:
        table = json.load(f)
    shared = table["params"]
    families = table.get("families", {})
    for cmd in table["commands"]:
        where = f'command "{cmd["name"]}"'
        family, _, sub = cmd["name"].rpartition(" ")
        if (family and family not in families) or sub in families:
            raise TableError(f"{where} has no family, or has the name of one")
        cmd["path"] = cmd["name"].replace(" ", "/")
        cmd["ident"] = cmd["name"].replace(" ", "_")
        cmd["before"] = families[family]["before"] if family else []
        params = {}
        names = dict(cmd["params"])
        if cmd.get("paged"):
            names["cursor"] = {}
        for name, own in names.items():
            p = {**shared.get(name, {}), **own}
            if p.get("type") not in TYPES:
                raise TableError(f'{where}: parameter "{name}" has no known type')
            if p["type"] in ("uint", "hex") and not 0 <= p["min"] <= p["max"] < 1 << 64:
                raise TableError(f'{where}: parameter "{name}": bad range')
            if p["type"] == "choice" and not p["choices"]:
                raise TableError(f'{where}: parameter "{name}" has no choices')
            if "long" in p and p["type"] not in ("flag", "choice") and "metavar" not in p:
                raise TableError(f'{where}: parameter "{name}" has no metavar')
            if p["type"] == "string" and not 0 < p["max"] <= 65535:
                raise TableError(f'{where}: parameter "{name}" has no length')
            if isinstance(p.get("needs"), str):
                p["needs"] = [p["needs"]]
            params[name] = p
        if len(params) > MAX_PARAMS:
            raise TableError(f"{where} has more than {MAX_PARAMS} parameters")
        cmd["params"] = params
        cmd["options"] = {n: p for n, p in params.items() if "long" in p}
        cmd.setdefault("groups", [])
        mentioned = [n.split("=")[-1].rstrip("?") for n in cmd.get("request_line", [])
                     if ":" not in n]
        mentioned += cmd["before"]
        for g in cmd["groups"]:
            mentioned += g["params"]
        for p in params.values():
            mentioned += p.get("needs", [])
            mentioned += [p["list"]] if "list" in p else []
        for name in mentioned:
            if name not in params:
                raise TableError(f'{where} mentions "{name}", which it does not have')
        options = [p[k] for p in params.values() for k in ("long", "short") if k in p]
        if len(options) != len(set(options)):
            raise TableError(f"{where} has an option twice")
    return table


# The C table.

def cstr(s):
    """A C string literal."""
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"' if s is not None else "NULL"


def mask(names, params):
    """The C bit set of some parameters."""
    index = list(params)
    return f"0x{sum(1 << index.index(n) for n in names):x}"


def wire_value(p):
    """How a parameter's value is written in messages and in the reference."""
    if p["type"] == "uint":
        return f'number {p["min"]}..{p["max"]}'
    if p["type"] == "hex":
        return f'"0x..." {p["min"]:#x}..{p["max"]:#x}'
    if p["type"] == "flag":
        return "true or false"
    if p["type"] == "choice":
        return " | ".join(f'"{c}"' for c in p["choices"])
    return f'string, at most {p["max"]} bytes'


def required(p, form="; required"):
    """What is said of a parameter that a request has to have."""
    return form if p.get("required") else ""


def wire_rules(cmd):
    """Of which parameters a request has to have one."""
    out = [" One of " + ", ".join(f"`{n}`" for n in g["params"]) + " is required."
           for g in cmd["groups"] if g.get("required")]
    return "".join(out)


def usage(cmd):
    """The parameters of a request in one line."""
    words = []
    for name, p in cmd["params"].items():
        words.append(f'"{name}": {wire_value(p)}{required(p, " (required)")}')
    return "; ".join(words) if words else "none"


def make_c(table):
    """The C source."""
    out = ["/* Made by gen_commands.py from commands.json. */", '#include "ctl_table.h"', ""]
    body = []
    for cmd in table["commands"]:
        name, params = cmd["ident"], cmd["params"]
        rows = []
        for pname, p in params.items():
            fields = [f".name = {cstr(pname)}", f'.type = CTL_{p["type"].upper()}']
            if p.get("required"):
                fields.append(".required = true")
            if p["type"] in ("uint", "hex"):
                fields += [f'.min = UINT64_C({p["min"]})', f'.max = UINT64_C({p["max"]})']
            if p["type"] == "string":
                fields.append(f'.max = {p["max"]}')
            if p["type"] == "choice":
                ident = f"choices_{name}_{pname}"
                values = ", ".join(cstr(c) for c in p["choices"])
                out.append(f"static const char *const {ident}[] = {{{values}, NULL}};")
                words = cstr(", ".join(p["choices"]))
                fields += [f".choices = {ident}", f".choices_text = {words}"]
            if "needs" in p:
                fields.append(f'.needs = {mask(p["needs"], params)}')
            rows.append("\t{" + ", ".join(fields) + "},")
        if rows:
            out += [f"static const struct ctl_param params_{name}[] = {{", *rows, "};"]
        if cmd["groups"]:
            out.append(f"static const struct ctl_group groups_{name}[] = {{")
            for g in cmd["groups"]:
                req = "true" if g.get("required") else "false"
                out.append(f'\t{{.params = {mask(g["params"], params)}, .required = {req}, '
                           f'.text = {cstr(", ".join(g["params"]))}}},')
            out.append("};")
        body += ["\t{", f'\t\t.name = {cstr(cmd["path"])},', f'\t\t.help = {cstr(cmd["help"])},',
                 f"\t\t.usage = {cstr(usage(cmd))},", f"\t\t.handler = ctl_do_{name},"]
        if rows:
            body += [f"\t\t.params = params_{name},", f"\t\t.n_params = {len(rows)},"]
        if cmd["groups"]:
            body += [f"\t\t.groups = groups_{name},", f'\t\t.n_groups = {len(cmd["groups"])},']
        body.append("\t},")
    out += ["", "const struct ctl_command ctl_commands[] = {", *body, "};", "",
            f'const unsigned int ctl_n_commands = {len(table["commands"])};', ""]
    return "\n".join(out)


# The reference page and the manual page.

def cli():
    """The CLI as a module: what it prints as usage is what the pages show."""
    path = os.path.join(HERE, "../../usertools/virtnet.py")
    spec = importlib.util.spec_from_file_location("virtnet", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def rules(cmd):
    """What the groups and dependencies mean, in sentences."""
    out = []
    for g in cmd["groups"]:
        names = [f"--{n}" for n in g["params"] if n in cmd["options"]]
        if len(names) > 1:
            out.append(("Exactly one of " if g.get("required") else "At most one of ")
                       + ", ".join(names) + ".")
    for n, p in cmd["options"].items():
        if "needs" in p:
            out.append(f'--{n} only together with --{p["needs"][0]}.')
    lists = [f"--{n}" for n, p in cmd["options"].items() if "list" in p]
    if lists:
        out.append("Lists are possible for " + " and ".join(lists) + ": 0-3,7.")
    return " ".join(out)


def errors(path):
    """The rows of vn_errors.h: (number, name, text)."""
    with open(path, encoding="utf-8") as f:
        text = f.read().replace("\\\n", " ")
    rows = re.findall(r'X\((\d+), (\w+),\s*"((?:[^"])*)"\)', text)
    if [int(r[0]) for r in rows] != list(range(1, len(rows) + 1)):
        raise TableError("vn_errors.h: rows are not counted from 1")
    return [(-(999 + int(n)), "VIRTNET_ERR_" + name, text) for n, name, text in rows]


MD_INTRO = """<!-- SPDX-License-Identifier: BSD-3-Clause -->
<!-- Made by lib/ctl/gen_commands.py from lib/ctl/commands.json: change that, not this. -->
# The virtnet command line and the control socket

`virtnet COMMAND` asks the running controller through its control socket and prints the answer.
What the keys of the answers mean, and what those mean that describe hardware in the reference
product, is in [keys.md](keys.md).

## Output and exit status

* Some commands print the request first, as a Python dictionary in one line, flags and numbers
  as hex strings: `{'pf': '0x0', 'queue_id': '0x0'}`. The rest is one JSON document, two blanks
  of indent per level, one key per line.
* Exit status 0: done. 1: the controller refused, does not run, or did not answer; 2: the command
  line is wrong.
* A refusal is `{"errno": N, "errstr": "TEXT"}`. N above -1000 is a negated Linux error number, else
  one of the [error numbers](#error-numbers) below. A device that does not exist is answered
  `{"Error": "Device doesn't exist"}`.
* Colours only on a terminal, and not when `NO_COLOR` is set.

## Options before the command

| option | meaning |
| --- | --- |
| `-h`, `--help` | help; also after a command |
| `-v`, `--version` | two lines: the version of `virtnet`, and that of the running controller |
| `--socket-dir DIR` | directory of the control socket; default `$VIRTNET_SOCKET_DIR`, else `$VIRTNET_RUN_DIR`, else `/run/dpdk-virtnet/virtnet` |

## Commands
"""

MD_WIRE = """
## The control socket

`DIR/dpdk_telemetry.v2`, a Unix socket of type SOCK_SEQPACKET, mode 0600, for root and the
controller's own user. It speaks the protocol of DPDK's telemetry, version 2:
`dpdk-telemetry.py -f DIR` connects to it (`DIR` absolute), then for example
`/virtnet/query,pf=0,brief`.

* The server sends first `{"version": "v1.2.3", "pid": 1234, "max_output_len": 1048576}`.
* A request is one message of at most 65536 bytes, the answer is one message: a JSON object whose
  first key is the path of the request. A request that is not executed (unknown command, malformed
  or missing parameters) is answered by `{"errno": N, "errstr": "TEXT"}` alone.
* `/` lists the commands, `/help,/virtnet/query` explains one, `/info` repeats the first message.
* `/virtnet/COMMAND,PARAMETERS`: the parameters are a JSON object (`{"pf": 0, "brief": true}`) or
  the short form `pf=0,brief` (a flag: its key alone, or `=1`, `=0`; numbers decimal or `0x...`).
* Long answers (more than about 128 KiB) come in pages: beside the answer stands
  `"next_cursor": N`; the same request with `"cursor": N` gets the next page. `virtnet` joins them.
* Several devices: `pfs` and `vfs` instead of `pf` and `vf`, lists as a string: `{"pf": 0, "vfs":
  "0-15,20"}` (in the short form only without commas). All of them have to exist.
* 128 clients at a time; one more is sent `{"errno": -87, "errstr": "..."}` and closed. A client that
  does not read its answer for 30 seconds is closed. Requests sent before the answer was read wait.
"""


def make_md(table, rows):
    """doc/cli.md"""
    synopsis = cli().synopsis
    out = [MD_INTRO]
    for cmd in table["commands"]:
        out += [f'### `{cmd["name"]}`: {cmd["help"]}', "", "```", synopsis(cmd), "```", "",
                cmd["text"], ""]
        opts = cmd["options"]
        if opts:
            out += ["| option | value | meaning |", "| --- | --- | --- |"]
            for p in opts.values():
                words = ", ".join(f"`{p[k]}`" for k in ("short", "long") if k in p)
                value = "" if p["type"] == "flag" else wire_value(p).replace("|", "or")
                if "list" in p:
                    value += ", or a list"
                out.append(f'| {words} | {value} | {p["help"]}{required(p, " (required)")} |')
            out.append("")
        if rules(cmd):
            out += [rules(cmd), ""]
        if "request_line" in cmd:
            keys = ", ".join("`" + re.split("[=:?]", k)[0] + "`" for k in cmd["request_line"])
            flags = "" if any("?" in k for k in cmd["request_line"]) else \
                ", flags are always there"
            out += [f"Prints the request line, with the keys {keys} in this order; values that are "
                    f"not given are left out{flags}.", ""]
        else:
            out += ["Prints no request line.", ""]
        out += [f'Control socket: `/virtnet/{cmd["path"]}`, parameters: '
                + (", ".join(f"`{n}` ({wire_value(p).replace('|', 'or')}{required(p)})"
                             for n, p in cmd["params"].items()) or "none")
                + "." + wire_rules(cmd), ""]
    out.pop()
    out += [MD_WIRE, "## Error numbers", "", "| number | name | text |", "| --- | --- | --- |"]
    out += [f"| {n} | `{name}` | {text} |" for n, name, text in rows]
    return "\n".join(out) + "\n"


def roff(s):
    """Text for troff: its special characters escaped."""
    s = s.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + s if s.startswith((".", "\\(aq")) else s


def make_man(table):
    """doc/man/virtnet.1"""
    virtnet = cli()
    out = ['.\\" SPDX-License-Identifier: BSD-3-Clause',
           '.\\" Made by lib/ctl/gen_commands.py from lib/ctl/commands.json: change that.',
           '.TH VIRTNET 1 "" "dpdk\\-virtnet" "User Commands"', ".SH NAME",
           f'virtnet \\- {roff(table["purpose"])}', ".SH SYNOPSIS", ".nf",
           ".B virtnet [\\-h] [\\-v] [\\-\\-socket\\-dir DIR] COMMAND ..."]
    out += [f".B {roff(virtnet.synopsis(c))}" for c in table["commands"]]
    out += [".fi", ".SH DESCRIPTION",
            roff("Asks the running controller through its control socket and prints the answer as "
                 "JSON, one key per line. Some commands print the request first, in one line."),
            ".SH OPTIONS", ".TP", ".B \\-h, \\-\\-help", "Help; also after a command.", ".TP",
            ".B \\-v, \\-\\-version", "The version of virtnet and that of the running controller.",
            ".TP", ".BI \\-\\-socket\\-dir \\ DIR",
            roff("Directory of the control socket; default $VIRTNET_SOCKET_DIR, else "
                 "$VIRTNET_RUN_DIR, else /run/dpdk-virtnet/virtnet."), ".SH COMMANDS"]
    for cmd in table["commands"]:
        out += [f'.SS {cmd["name"]}', roff(cmd["text"]), roff(rules(cmd)) if rules(cmd) else "."]
        for p in cmd["options"].values():
            out += [".TP", ".B " + roff(", ".join(virtnet.option_words(p))), roff(p["help"])]
    out += [".SH EXIT STATUS", roff("0: done. 1: the controller refused, does not run or did not "
                                    "answer. 2: the command line is wrong."),
            ".SH ENVIRONMENT", ".TP", ".B VIRTNET_SOCKET_DIR, VIRTNET_RUN_DIR",
            "Directory of the control socket; the first that is set.",
            ".TP", ".B NO_COLOR", "No colours on a terminal.", ".SH FILES", ".TP",
            ".I " + roff("/run/dpdk-virtnet/virtnet/dpdk_telemetry.v2"), "The control socket.",
            ".SH SEE ALSO", ".BR dpdk\\-virtnet (8),",
            ".BR virtnet\\-capacity (8),", ".BR virtnet\\-check (8)"]
    return "\n".join(out) + "\n"


def write(path, text):
    """Write a file; '-' is stdout."""
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", default=os.path.join(HERE, "commands.json"))
    parser.add_argument("--c", metavar="OUT")
    parser.add_argument("--md", metavar="OUT")
    parser.add_argument("--man", metavar="OUT")
    parser.add_argument("--check", metavar="DIR")
    args = parser.parse_args()
    try:
        table = load(args.table)
        rows = errors(os.path.join(HERE, "../base/vn_errors.h"))
    except (OSError, ValueError, KeyError, TableError) as e:
        sys.exit(f"{args.table}: {e}")
    if args.c:
        write(args.c, make_c(table))
    if args.md:
        write(args.md, make_md(table, rows))
    if args.man:
        write(args.man, make_man(table))
    if args.check:
        bad = 0
        for name, text in (("cli.md", make_md(table, rows)), ("man/virtnet.1", make_man(table))):
            path = os.path.join(args.check, name)
            try:
                with open(path, encoding="utf-8") as f:
                    same = f.read() == text
            except OSError:
                same = False
            if not same:
                kind = "--md" if name.endswith(".md") else "--man"
                print(f"{path} differs from the command table: run "
                      f"lib/ctl/gen_commands.py {kind} doc/{name}")
                bad = 1
        sys.exit(bad)


if __name__ == "__main__":
    main()
