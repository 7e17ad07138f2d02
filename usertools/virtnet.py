#!/usr/bin/env -S python3 -IS
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""virtnet: operate the virtio-net controller through its control socket.

The commands and their options come from the command table, commands.json, which the controller
was built with too. Python standard library only, so nothing else is looked for (-IS above): that
would take longer than most commands.
"""
import argparse
import gc
import json
import os
import re
import socket
import stat
import sys

DEFAULT_DIR = "/run/dpdk-virtnet/virtnet"
SOCKET_NAME = "dpdk_telemetry.v2"
TIMEOUT = 30          # seconds for an answer
SLOW_TIMEOUT = 90     # of a command that waits for a guest
BANNER_LEN = 4096
MAX_REQUEST = 64 * 1024
FAILED, USAGE = 1, 2  # exit status
MISFIT = "the controller's answer does not fit the request"


class Failure(Exception):
    """What to tell the user, in one line."""


# The command table.

def table_path():
    """commands.json: of the installation, else of the source tree this script lies in."""
    here = os.path.dirname(os.path.realpath(__file__))
    for rel in (".", "../share/dpdk-virtnet", "../lib/ctl"):
        path = os.path.normpath(os.path.join(here, rel, "commands.json"))
        if os.path.exists(path):
            return path
    for data in ("/usr/local/share", "/usr/share"):
        path = os.path.join(data, "dpdk-virtnet", "commands.json")
        if os.path.exists(path):
            return path
    raise Failure(f"commands.json is not there: neither installed nor beside {here}")


def load_table():
    """@return purpose, commands by name ("query", "modify device"), families of those with two
    words; the parameters that several share filled in."""
    path = table_path()
    try:
        with open(path, encoding="utf-8") as f:
            table = json.load(f)
        commands = {}
        for cmd in table["commands"]:
            cmd["params"] = {n: {**table["params"].get(n, {}), **own}
                             for n, own in cmd["params"].items()}
            for p in cmd["params"].values():
                if isinstance(p.get("needs"), str):
                    p["needs"] = [p["needs"]]
            # What has no option is for the wire only (cursor, content).
            cmd["options"] = {n: p for n, p in cmd["params"].items() if "long" in p}
            # Of families, some stand before the subcommand.
            family = cmd["name"].rpartition(" ")[0]
            cmd["before"] = table["families"][family]["before"] if family else []
            commands[cmd["name"]] = cmd
        return table["purpose"], commands, table.get("families", {})
    except (OSError, ValueError, KeyError) as e:
        raise Failure(f"{path}: {e}") from e


def own_version():
    """The version this script came with: what is installed."""
    base = os.path.dirname(table_path())
    for path in (os.path.join(base, "VERSION"), os.path.join(base, "../../VERSION")):
        try:
            with open(path, encoding="utf-8") as f:
                return "v" + f.read().strip()
        except OSError:
            continue
    return "unknown"


# The command line.

def number(p, text):
    """The value of a uint or hex option."""
    try:
        value = int(text, 0) if re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text) else -1
    except ValueError:  # 007
        value = int(text, 10)
    if not p["min"] <= value <= p["max"]:
        if p["type"] == "hex":
            want = f'{p["min"]:#x} to {p["max"]:#x}'
        else:
            want = f'{p["min"]} to {p["max"]}'
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {want}")
    return value


def number_or_list(p, text):
    """The value of an option that takes a list too: a number, or the list as text."""
    if re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", text) and not text.isdecimal():
        if len(text) > 255:
            raise argparse.ArgumentTypeError("is longer than 255 bytes")
        for item in text.split(","):
            ends = [number(p, end) for end in item.split("-")]
            if ends != sorted(ends):
                raise argparse.ArgumentTypeError(f"{item!r}: the first is above the last")
        return text
    return number(p, text)


def text_value(p, text):
    """The value of a string option."""
    if len(text.encode("utf-8", "surrogateescape")) > p["max"]:
        raise argparse.ArgumentTypeError(f'is longer than {p["max"]} bytes')
    return text


def option_words(p):
    """["-p PF", "--pf PF"]"""
    arg = ""
    if p["type"] == "choice":
        arg = " {" + ",".join(p["choices"]) + "}"
    elif p["type"] != "flag":
        arg = " " + p["metavar"]
    return [p[k] + arg for k in ("short", "long") if k in p]


def groups_of(cmd):
    """Groups of options; what is for the wire only has no part in it."""
    for g in cmd.get("groups", []):
        names = [n for n in g["params"] if n in cmd["options"]]
        if len(names) > 1:
            yield names, bool(g.get("required"))


def option_usage(cmd, opts):
    """The options @opts of @cmd, as words of a synopsis."""
    done, words = set(), []

    def one(name):
        done.add(name)
        text = option_words(opts[name])[0]
        for dependent, p in opts.items():
            if name in p.get("needs", []):
                done.add(dependent)
                text += f" [{option_words(p)[0]}]"
        return text

    for names, required in groups_of(cmd):
        if names[0] in opts:
            inner = " | ".join(one(n) for n in names)
            words.append(f"{{{inner}}}" if required else f"[{inner}]")
    for name, p in opts.items():
        if name not in done:
            text = one(name)
            words.append(text if p.get("required") else f"[{text}]")
    return words


def synopsis(cmd):
    """virtnet query [-h] {-a | -p PF [-v VF] | -u VUID} ... (the reference page has it too)"""
    family, _, sub = cmd["name"].rpartition(" ")
    before = {n: p for n, p in cmd["options"].items() if n in cmd["before"]}
    after = {n: p for n, p in cmd["options"].items() if n not in cmd["before"]}
    words = ["virtnet", family, *option_usage(cmd, before)] if family else ["virtnet"]
    return " ".join([*words, sub, "[-h]", *option_usage(cmd, after)])


def family_synopsis(name, members):
    """virtnet modify [-h] {-a | -p PF [-v VF] | -u VUID} {device,queue} ..."""
    cmd = members[0]
    before = {n: p for n, p in cmd["options"].items() if n in cmd["before"]}
    subs = ",".join(m["name"].split(" ")[1] for m in members)
    return " ".join(["virtnet", name, "[-h]", *option_usage(cmd, before), f"{{{subs}}} ..."])


def add_option(parser, name, p):
    """One row of the table as an argparse option. Whether it is required is checked later."""
    flags = [p[k] for k in ("short", "long") if k in p]
    kw = {"dest": name, "help": p["help"]}
    if p["type"] == "flag":
        kw["action"] = "store_true"
    elif p["type"] == "choice":
        kw["choices"] = p["choices"]
    else:
        convert = text_value if p["type"] == "string" else number
        convert = number_or_list if "list" in p else convert
        kw["type"] = lambda text: convert(p, text)
        kw["metavar"] = p["metavar"]
    if p.get("required"):
        kw["required"] = True
    parser.add_argument(*flags, **kw)


def columns():
    """The width of the terminal, as argparse finds it with shutil, which is slow to load."""
    try:
        n = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        n = 0
    try:
        return n if n > 0 else os.get_terminal_size(sys.__stdout__.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):
        return 80


class Formatter(argparse.HelpFormatter):
    """Each option that is added makes one."""

    def __init__(self, prog):
        super().__init__(prog, width=columns() - 2)


class Parser(argparse.ArgumentParser):
    """Without abbreviations: argparse would still take -p for -pkt_cnt."""

    def __init__(self, **kw):
        super().__init__(allow_abbrev=False, formatter_class=Formatter, **kw)

    def _get_option_tuples(self, option_string):
        return [t for t in super()._get_option_tuples(option_string)
                if option_string.startswith(t[1])]


def first_words(commands):
    """What stands first on the command line, in the order of the table."""
    return list(dict.fromkeys(name.split(" ")[0] for name in commands))


def members_of(commands, family):
    """The commands of a family."""
    return [c for name, c in commands.items() if name.startswith(family + " ")]


def add_family(sub, name, family, members, parsers):
    """A command with subcommands: the selectors before them."""
    p = sub.add_parser(name, help=family["help"], description=family["text"],
                       usage=family_synopsis(name, members))
    for pname in family["before"]:
        add_option(p, pname, members[0]["options"][pname])
    words = ",".join(c["name"].split(" ")[1] for c in members)
    inner = p.add_subparsers(dest="subcommand", metavar=f"{{{words}}}", prog=f"virtnet {name}",
                             parser_class=Parser)
    parsers[name] = p
    return inner


def first_word(commands, argv):
    """The command that @argv begins with, or None: then all of them may be talked about."""
    words = argv[2:] if argv[:1] == ["--socket-dir"] else argv
    return words[0] if words and words[0] in first_words(commands) else None


def make_parser(purpose, commands, families, only=None):
    """The command line, with the options of command @only, or of all. @return parser, parsers of
    the commands by name."""
    parser = Parser(prog="virtnet", description=purpose)
    parser.add_argument("-v", "--version", action="store_true",
                        help="show the versions of virtnet and of the running controller")
    parser.add_argument("--socket-dir", metavar="DIR",
                        help="directory of the control socket (default: $VIRTNET_SOCKET_DIR, "
                             f"else $VIRTNET_RUN_DIR, else {DEFAULT_DIR})")
    sub = parser.add_subparsers(dest="command",
                                metavar="{" + ",".join(first_words(commands)) + "}")
    parsers, inner = {}, {}
    for name, cmd in commands.items():
        family, _, last = name.rpartition(" ")
        if only not in (None, family or name):
            continue
        if family and family not in inner:
            inner[family] = add_family(sub, family, families[family],
                                       members_of(commands, family), parsers)
        p = inner.get(family, sub).add_parser(
            last, help=cmd["help"], description=cmd["text"], usage=synopsis(cmd))
        for pname, row in cmd["options"].items():
            if pname not in cmd["before"]:
                add_option(p, pname, row)
        parsers[name] = p
    return parser, parsers


def given(cmd, args):
    """The options the user gave, by name."""
    values = {n: getattr(args, n) for n in cmd["options"]}
    return {n: v for n, v in values.items() if v is not None and v is not False}


def check_together(cmd, values, parser):
    """What the table says about options together; ends the program when it is violated."""
    def word(name):
        return "/".join(p for p in (cmd["params"][name].get("short"),
                                    cmd["params"][name]["long"]) if p)

    for group, required in groups_of(cmd):
        names = [n for n in group if n in values]
        if len(names) > 1:
            parser.error("these exclude one another: " + ", ".join(word(n) for n in names))
        if not names and required:
            parser.error("one of these is required: " + ", ".join(word(n) for n in group))
    for name in values:
        needs = cmd["params"][name].get("needs")
        if needs and not set(needs) & set(values):
            parser.error(f"{word(name)} is only possible together with {word(needs[0])}")


def request_line(cmd, values):
    """The dictionary that is printed first: flags and numbers as hex strings. None: no line."""
    if "request_line" not in cmd:
        return None
    line = {}
    for entry in cmd["request_line"]:
        if ":" in entry:
            key, constant = entry.split(":")
            line[key] = constant
            continue
        if entry.endswith("?") and entry[:-1] not in values:
            continue
        entry = entry.rstrip("?")
        key, name = entry.split("=") if "=" in entry else (entry, entry)
        kind = cmd["params"][name]["type"]
        if kind == "flag":
            line[key] = hex(1 if values.get(name) else 0)
        elif name in values:
            value = values[name]
            line[key] = hex(value) if isinstance(value, int) else value
    return line or None


def wire_values(cmd, values):
    """The parameters as the control socket wants them."""
    wire = {}
    for name, value in values.items():
        p = cmd["params"][name]
        if "list" in p and isinstance(value, str):
            wire[p["list"]] = value
        else:
            wire[name] = hex(value) if p["type"] == "hex" else value
    return wire


# The control socket.

class Control:
    """A connection to the running controller."""

    def __init__(self, directory, timeout=TIMEOUT):
        path = os.path.join(directory, SOCKET_NAME)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout)
        self.timeout = timeout
        self.max_len = BANNER_LEN
        try:
            self.sock.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(f"the controller is not running (nobody listens on {path}): "
                             "start it, or name its directory with --socket-dir; "
                             "virtnet-check tells what is wrong") from None
        except PermissionError:
            raise Failure(f"{path}: permission denied: run virtnet as root or as the user of "
                          "the controller") from None
        except OSError as e:
            raise Failure(f"{path}: {e.strerror or e}") from None
        try:
            banner = self.parse(self.receive())
            if "errno" in banner:
                raise Failure(f'the controller refuses the connection: {banner["errstr"]}')
            self.version = banner["version"]
            self.max_len = int(banner["max_output_len"])
            if self.max_len <= 0:
                raise ValueError(self.max_len)
        except (KeyError, TypeError, ValueError):
            raise Failure(f"{path} is not the control socket of a controller") from None

    def receive(self):
        """One message, as bytes."""
        try:
            data, _, flags, _ = self.sock.recvmsg(self.max_len)
        except socket.timeout:
            raise Failure(f"the controller did not answer within {self.timeout} s: "
                          "look into its log") from None
        except OSError as e:
            raise Failure(f"the connection to the controller broke: {e.strerror}") from None
        if not data:
            raise Failure("the controller closed the connection")
        if flags & socket.MSG_TRUNC:
            raise Failure("the controller's answer is longer than it announced")
        return data

    @staticmethod
    def parse(data):
        """A message as an object."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise Failure("the controller's answer is not JSON: its version does not fit") from None

    def send(self, path, params):
        """A request."""
        request = path + ("," + json.dumps(params) if params else "")
        data = request.encode()
        if len(data) > MAX_REQUEST:
            raise Failure(f"the request has {len(data)} bytes, {MAX_REQUEST} are possible")
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Failure(f"the connection to the controller broke: {e.strerror}") from None

    def run(self, name, params):
        """A command, all pages of it. @return its value, or the object that says why not."""
        path = "/virtnet/" + name.replace(" ", "/")
        params = dict(params)
        whole = None
        self.send(path, params)
        while True:
            data = self.receive()
            # The controller works on the next page while we read this one.
            more = re.search(rb', "next_cursor": (\d+)\}$', data[-64:])
            if more:
                params["cursor"] = int(more[1])
                self.send(path, params)
            answer = self.parse(data)
            if not isinstance(answer, dict) or path not in answer:
                if isinstance(answer, dict) and "errno" in answer:
                    return answer
                raise Failure(MISFIT)
            value = answer[path]
            if failed(value):
                return value
            if whole is None:
                whole = value
            else:
                try:
                    whole["devices"] += value["devices"]
                except (KeyError, TypeError):
                    raise Failure(MISFIT) from None
            if "next_cursor" not in answer:
                return whole
            if not more:
                params["cursor"] = answer["next_cursor"]
                self.send(path, params)


class NotRunning(Failure):
    """Nobody listens on the control socket."""


# Output.

def colour(text):
    """Keys and strings in colours, where somebody looks at them."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    text = re.sub(r'^( *)("(?:[^"\\]|\\.)*")(: )', "\\1\033[36m\\2\033[0m\\3", text,
                  flags=re.MULTILINE)
    return re.sub(r'(: |^ *)("(?:[^"\\]|\\.)*")(,?)$', "\\1\033[32m\\2\033[0m\\3", text,
                  flags=re.MULTILINE)


def pretty(value, newline="\n"):
    """json.dumps(value, indent=2), several times as fast: with many devices that counts."""
    quote = json.encoder.encode_basestring_ascii
    if isinstance(value, str):
        return quote(value)
    inner = newline + "  "
    if isinstance(value, dict) and value:
        return "{" + ",".join([
            f"{inner}{quote(k)}: {quote(v) if type(v) is str else pretty(v, inner)}"
            for k, v in value.items()]) + newline + "}"
    if isinstance(value, list) and value:
        return "[" + ",".join([inner + pretty(v, inner) for v in value]) + newline + "]"
    return repr(value) if type(value) is int else json.dumps(value)


def show(value):
    """The answer, one key per line."""
    print(colour(pretty(value)))


def failed(value):
    """Whether an answer says that the command failed."""
    return isinstance(value, dict) and ("Error" in value or value.get("errno", 0) != 0)


# Commands that need more than one request.

def do_version(control):
    """What runs and what is installed."""
    value = control.run("version", {})
    if failed(value):
        show(value)
        return FAILED
    if not isinstance(value, list):
        raise Failure(MISFIT)
    show([*value, {"Destination Controller": own_version()}])
    return 0


def show_versions(directory):
    """virtnet -v"""
    print(f"{own_version()} (virtnet)")
    try:
        print(f"{Control(directory, 3).version} (controller)")
    except Failure:
        print("not running (controller)")
    return 0


def program():
    """dpdk-virtnet beside us, in PATH, or in a build folder of the source tree; None."""
    import shutil  # pylint: disable=import-outside-toplevel; only here, and slow to load

    here = os.path.dirname(os.path.realpath(__file__))
    beside = os.path.join(here, "dpdk-virtnet")
    built = os.path.join(here, "../build/app/dpdk-virtnet/dpdk-virtnet")
    for path in (beside, shutil.which("dpdk-virtnet"), os.path.normpath(built)):
        if path and os.access(path, os.X_OK):
            return path
    return None


def do_validate(directory, values):
    """The running controller checks the text; without one, its program does."""
    name = values["file"]
    try:
        # open() alone would wait for somebody to write into a pipe.
        with open(name, "rb", opener=lambda n, flags: os.open(n, flags | os.O_NONBLOCK)) as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                raise Failure(f"{name}: not a regular file")
            data = f.read(MAX_REQUEST + 1)
    except OSError as e:
        raise Failure(f"{name}: {e.strerror}") from None
    for what, bad in (("a zero byte", b"\0" in data), ("more than 48 KiB", len(data) > 48 << 10)):
        if bad:
            print(f"{name}: the file has {what}: not a virtnet.conf")
            return FAILED
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        print(f"{name}:{line}: the file is not UTF-8 text")
        return FAILED
    try:
        control = Control(directory)
    except NotRunning:
        path = program()
        if path is None:
            raise Failure("the controller is not running, and dpdk-virtnet is not in PATH: "
                          "start the one or install the other to validate") from None
        sys.stdout.flush()
        os.execv(path, [path, "--validate", name])
    printable = os.fsencode(name).decode("utf-8", "replace")
    value = control.run("validate", {"file": printable, "content": content})
    if failed(value):
        show(value)
        return FAILED
    if value["valid"]:
        print(f"{name} is valid")
        return 0
    for line in value["errors"]:
        print(line)
    more = value["errors_found"] - len(value["errors"])
    if more > 0:
        print(f"... and {more} more")
    return FAILED


# Completion: virtnet --complete WORD... prints what the last word may become, one a line.

def complete_values(p, directory):
    """Values of an option: choices, or what the running controller has."""
    what = p.get("complete")
    if p["type"] == "choice":
        return p["choices"]
    if what == "file":
        return ["@file"]
    if what is None:
        return []
    try:
        if what == "vm":
            hosts = Control(directory, 1).run("debug", {"section": "hosts"})["hosts"]
            return sorted(h["name"] for h in hosts) + ["none"]
        devices = Control(directory, 1).run("list", {})["devices"]
    except (Failure, KeyError, TypeError):
        return []
    return sorted({str(d[what]) for d in devices if what in d})


def words_of(commands, families, words):
    """Walk through the words before the last. @return the command (of a family: its first), the
    options that may come now, those used, the one whose value comes now, the subcommands that may
    come now, the directory of the control socket."""
    first, used, pending, directory = None, set(), None, socket_dir(None)
    cmd, opts, subs = None, {}, []
    for word in words:
        if pending:
            if first is None:
                directory = word
            pending = None
        elif first is None:
            if word == "--socket-dir":
                pending = {"type": "string", "complete": "file"}
            elif word in families:
                members = members_of(commands, word)
                first, subs = word, [c["name"].split(" ")[1] for c in members]
                cmd = members[0]
                opts = {n: p for n, p in cmd["options"].items() if n in cmd["before"]}
            elif word in commands:
                first, cmd, opts = word, commands[word], commands[word]["options"]
        elif word in subs:
            cmd, subs = commands[f"{first} {word}"], []
            opts = {n: p for n, p in cmd["options"].items() if n not in cmd["before"]}
        else:
            for name, p in opts.items():
                if word in (p.get("short"), p.get("long")):
                    used.add(name)
                    pending = p if p["type"] != "flag" else None
    return cmd, opts, used, pending, subs, directory


def complete(commands, families, words):
    """@return the candidates for the last of @words (without "virtnet")."""
    words = words or [""]
    cmd, opts, used, pending, subs, directory = words_of(commands, families, words[:-1])
    last = words[-1]
    if pending:
        found = complete_values(pending, directory)
    elif cmd is None:
        found = [*first_words(commands), "-h", "--help", "-v", "--version", "--socket-dir"]
        if not last.startswith("-"):
            found = first_words(commands)
    else:
        found = [*subs, "-h", "--help"]
        for name, p in opts.items():
            others = {n for names, _ in groups_of(cmd) if name in names for n in names}
            needs = p.get("needs")
            if name in used or others & used or (needs and not set(needs) & used):
                continue
            found += [p[k] for k in ("short", "long") if k in p]
    return [f for f in found if f.startswith(last) or f == "@file"]


def socket_dir(option):
    """Where the control socket is."""
    for name in ("VIRTNET_SOCKET_DIR", "VIRTNET_RUN_DIR"):
        option = option or os.environ.get(name)
    return option or DEFAULT_DIR


def run(argv):
    """@return the exit status."""
    purpose, commands, families = load_table()
    if argv[:1] == ["--complete"]:
        print("\n".join(complete(commands, families, argv[1:])))
        return 0
    parser, parsers = make_parser(purpose, commands, families, first_word(commands, argv))
    args = parser.parse_args(argv)
    directory = socket_dir(args.socket_dir)
    if args.version:
        return show_versions(directory)
    if args.command is None:
        parser.print_usage(sys.stderr)
        print("virtnet: name a command; virtnet -h explains them", file=sys.stderr)
        return USAGE
    name = args.command
    if name in families:
        if args.subcommand is None:
            words = [c["name"].split(" ")[1] for c in members_of(commands, name)]
            parsers[name].error("name a subcommand: " + ", ".join(words))
        name += " " + args.subcommand
    cmd = commands[name]
    values = given(cmd, args)
    check_together(cmd, values, parsers[name])
    if name == "validate":
        return do_validate(directory, values)
    # The user may say how long the answer may take.
    more = values.get(cmd.get("seconds"), 0)
    control = Control(directory, more + (SLOW_TIMEOUT if cmd.get("slow") else TIMEOUT))
    if name == "version":
        return do_version(control)
    line = request_line(cmd, values)
    if line is not None:
        print(line)
    value = control.run(name, wire_values(cmd, values))
    if isinstance(value, str) and (values.get("print") or cmd.get("plain")):
        print(value, end="" if value.endswith("\n") else "\n")
        return 0
    show(value)
    return FAILED if failed(value) else 0


def main():
    """Errors are one line on stderr."""
    gc.disable()  # it is over before that would pay
    # Names of files need not be text.
    sys.stdout.reconfigure(errors="surrogateescape")
    sys.stderr.reconfigure(errors="surrogateescape")
    try:
        try:
            status = run(sys.argv[1:])
        except Failure as e:
            sys.stdout.flush()
            print(f"virtnet: {e}", file=sys.stderr)
            status = FAILED
        sys.stdout.flush()
    except BrokenPipeError:
        # Somebody such as head(1) has seen enough; nothing may be written at the exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as e:  # a full disk, say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"virtnet: the answer cannot be written: {e.strerror}", file=sys.stderr)
        status = FAILED
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
