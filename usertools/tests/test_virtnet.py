#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""The commands and options of the CLI, how they fail, and servers that misbehave."""

import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from case import HERE, NOBODY, SOCKET_NAME, VIRTNET, Case, Service, main, virtnet  # noqa: E402


class Commands(Case):
    """The rest of the commands, and how they fail."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service("vf")
        cls.dir = cls.service.dir

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def test_selectors(self):
        """Long and short options, hex numbers, VUIDs."""
        for args, line, vuid in (
                (("-p", "0x1"), "'pf': '0x1'", "MT2349X00018VNETS0D0F1"),
                (("--pf", "0", "--vf", "0"), "'vf': '0x0', 'pf': '0x0'",
                 "MT2151X03152VNETS0D0F2VF1"),
                (("--pf=0",), "'pf': '0x0'", "MT2306XZ00BNVNETS0D0F2"),
                (("-u", "MT2349X00018VNETS0D0F1"), "'vuid': 'MT2349X00018VNETS0D0F1'",
                 "MT2349X00018VNETS0D0F1")):
            first, d = self.answer(self.dir, "query", *args, "--brief", line=True)
            self.assertEqual(first, "{'all': '0x0', " + line + ", 'dbg_stats': '0x0', 'brief': "
                                    "'0x1', 'latency_stats': '0x0', 'stats_clear': '0x0'}")
            self.assertEqual(d["devices"][0]["vuid"], vuid)
        first, d = self.answer(self.dir, "query", "-a", line=True)
        self.assertEqual(first, "{'all': '0x1', 'dbg_stats': '0x0', 'brief': '0x0', "
                                "'latency_stats': '0x0', 'stats_clear': '0x0'}")
        self.assertEqual(len(d["devices"]), 3)
        first, d = self.answer(self.dir, "query", "-p", "1", "-q", "3", "--dbg_stats", line=True)
        self.assertEqual(first, "{'all': '0x0', 'pf': '0x1', 'queue_id': '0x3', 'dbg_stats': "
                                "'0x1', 'brief': '0x0', 'latency_stats': '0x0', "
                                "'stats_clear': '0x0'}")
        self.assertEqual(d["devices"][0]["enabled-queues-info"][0]["jumbo_mtu"], 0)
        first, d = self.answer(self.dir, "stats", "-p", "0", "-v", "0", line=True)
        self.assertEqual(first, "{'vf': '0x0', 'pf': '0x0'}")
        self.assertEqual((d["device"]["pf_id"], d["device"]["vf_id"]), (0, 0))

    def test_log(self):
        """A word, not an object."""
        for level in ("err", "debug", "info"):
            self.assertEqual(virtnet(self.dir, "log", "-l", level),
                             (0, f"{{'level': '{level}'}}\n\"Success\"\n", ""))

    def test_version(self):
        """One JSON document; running and installed."""
        with open(os.path.join(HERE, "../../VERSION"), encoding="utf-8") as f:
            own = "v" + f.read().strip()
        self.assertEqual(self.answer(self.dir, "version"),
                         [{"Original Controller": "v24.10.17"}, {"Destination Controller": own}])
        for flag in ("-v", "--version"):
            self.assertEqual(virtnet(self.dir, flag),
                             (0, f"{own} (virtnet)\nv24.10.17 (controller)\n", ""))
        self.assertEqual(virtnet(NOBODY, "-v"),
                         (0, f"{own} (virtnet)\nnot running (controller)\n", ""))

    def test_debug(self):
        """Its parts, alone and together."""
        parts = {"service", "pollers", "placement", "clients", "clients_refused", "hosts",
                 "devices"}
        self.assertEqual(set(self.answer(self.dir, "debug")), parts)
        d = self.answer(self.dir, "debug", "-s", "devices")["devices"]
        self.assertEqual([x["lcore"] for x in d], [None, 44, 44])

    def test_validate(self):
        """Good file, bad file, no file."""
        with tempfile.TemporaryDirectory() as d:
            def check(content, name="virtnet.conf"):
                path = os.path.join(d, name)
                with open(path, "wb") as f:
                    f.write(content)
                status, out, err = virtnet(self.dir, "validate", "-f", path)
                return status, out.replace(path, "F"), err

            self.assertEqual(check(b'{"is_lag": 0}'), (0, "F is valid\n", ""))
            status, out, err = check(b'{\n"is_lag": 2,\n"packed_vq": "x",\n}')
            self.assertEqual((status, err), (1, ""))
            self.assertRegex(out, r"\AF:3: trailing comma.*\n\Z")
            status, out, err = check(b'{\n"is_lag": 2,\n"packed_vq": "x"\n}')
            self.assertEqual((status, err), (1, ""))
            self.assertRegex(out, r"\AF:2: is_lag: .*\nF:3: packed_vq: .*\n\Z")
            many = ",".join(f'"wrong{i}": 1' for i in range(50))
            status, out, err = check(("{" + many + "}").encode())
            self.assertEqual((status, len(out.splitlines())), (1, 33))
            self.assertRegex(out, r"\n... and 18 more\n\Z")
            self.assertEqual(check(b"{\n\xff}"), (1, "F:2: the file is not UTF-8 text\n", ""))
            self.assertEqual(check(b"{}\0")[:2],
                             (1, "F: the file has a zero byte: not a virtnet.conf\n"))
            self.assertEqual(check(b" " * 50000)[:2],
                             (1, "F: the file has more than 48 KiB: not a virtnet.conf\n"))
            # 48 KiB of what JSON makes longest still fits into a request, or is refused in words.
            status, out, err = check(b'{"x": "' + b"\x01" * 49000 + b'"}')
            self.assertEqual(status, 1)
            self.assertEqual(len((out + err).splitlines()), 1)
            status, out, err = virtnet(self.dir, "validate", "-f", d + "/nowhere")
            self.assertEqual((status, out), (1, ""))
            self.assertEqual(err, f"virtnet: {d}/nowhere: No such file or directory\n")
            self.assertEqual(virtnet(self.dir, "validate", "-f", d)[0], 1)
            # Nobody writes into it: whoever waits for that waits for ever.
            os.mkfifo(d + "/fifo")
            for name in (d + "/fifo", "/dev/zero"):
                self.assertEqual(virtnet(self.dir, "validate", "-f", name),
                                 (1, "", f"virtnet: {name}: not a regular file\n"))

    def test_validate_without_service(self):
        """The program does it: dpdk-virtnet --validate FILE."""
        with tempfile.TemporaryDirectory() as d:
            program = os.path.join(d, "dpdk-virtnet")
            with open(program, "w", encoding="utf-8") as f:
                f.write('#!/bin/sh\necho "called: $*"\nexit 1\n')
            os.chmod(program, 0o755)
            conf = os.path.join(d, "c")
            with open(conf, "w", encoding="utf-8") as f:
                f.write("{}")
            path = {"PATH": d + ":" + os.environ["PATH"]}
            self.assertEqual(virtnet(NOBODY, "validate", "-f", conf, env=path),
                             (1, f"called: --validate {conf}\n", ""))

    def test_reference(self):
        """The reference page marks what a request has to have."""
        with open(os.path.join(HERE, "../../lib/ctl/commands.json"), encoding="utf-8") as f:
            table = json.load(f)
        with open(os.path.join(HERE, "../../doc/cli.md"), encoding="utf-8") as f:
            lines = {line.split("`")[1]: line for line in f if line.startswith("Control socket: `")}
        for cmd in table["commands"]:
            line = lines["/virtnet/" + cmd["name"].replace(" ", "/")]
            params = {n: {**table["params"].get(n, {}), **p} for n, p in cmd["params"].items()}
            for name, p in params.items():
                with self.subTest(command=cmd["name"], parameter=name):
                    self.assertRegex(line, rf"`{name}` \([^)]*\)[,.]")
                    marked = re.search(rf"`{name}` \([^)]*; required\)", line)
                    self.assertEqual(bool(marked), p.get("required", False))
            for g in cmd.get("groups", []):
                one = "One of " + ", ".join(f"`{n}`" for n in g["params"]) + " is required."
                self.assertEqual(one in line, g.get("required", False))
        self.assertIn("`content` (string, at most 65535 bytes; required)",
                      lines["/virtnet/validate"])

    def test_no_device(self):
        """The second shape of an error; the exit status says it too."""
        for cmd in ("query", "stats"):
            for sel in (("-p", "7"), ("-p", "0", "-v", "9"), ("-u", "NOBODY")):
                status, out, err = virtnet(self.dir, cmd, *sel)
                self.assertEqual((status, err), (1, ""))
                self.assertEqual(json.loads(out.split("\n", 1)[1]),
                                 {"Error": "Device doesn't exist"})

    def test_refused(self):
        """errno and errstr."""
        for args, error in ((("stats", "-p", "0", "-q", "255"), -1050),
                            (("query", "-p", "0", "-q", "255"), -1050)):
            status, out, err = virtnet(self.dir, *args)
            self.assertEqual((status, err), (1, ""))
            answer = json.loads(out.split("\n", 1)[1])
            self.assertEqual(answer["errno"], error)
            self.assertIsInstance(answer["errstr"], str)

    def test_usage(self):
        """Each wrong command line: status 2, nothing on stdout, the reason on stderr."""
        for args, why in (
                ((), "name a command"),
                (("nosuch",), "invalid choice"),
                (("list", "more"), "unrecognized arguments: more"),
                (("query",), "one of these is required: -a/--all, -p/--pf, -u/--vuid"),
                (("query", "-a", "-p", "0"), "these exclude one another: -a/--all, -p/--pf"),
                (("query", "-p", "0", "-u", "X"), "these exclude one another"),
                (("query", "-v", "0"), "one of these is required"),
                (("query", "-u", "X", "-v", "0"), "-v/--vf is only possible together with"),
                (("query", "-p", "x"), "'x' is not a number from 0 to 65535"),
                (("query", "-p", "65536"), "'65536' is not a number from 0 to 65535"),
                (("query", "-p", "1_0"), "'1_0' is not a number"),
                (("query", "-p", " 1"), "' 1' is not a number"),
                (("query", "-p", "-1"), "-p/--pf"),
                (("query", "-p"), "expected one argument"),
                (("query", "-u", "X" * 40), "is longer than 39 bytes"),
                (("query", "--br", "-p", "0"), "unrecognized arguments: --br"),
                (("stats", "-a"), "unrecognized arguments: -a"),
                (("stats",), "one of these is required: -p/--pf, -u/--vuid"),
                (("log",), "the following arguments are required: -l/--level"),
                (("log", "-l", "loud"), "invalid choice: 'loud'"),
                (("validate",), "the following arguments are required: -f/--file"),
                (("version", "1"), "unrecognized arguments: 1")):
            status, out, err = virtnet(self.dir, *args)
            self.assertEqual((status, out), (2, ""), args)
            self.assertIn(why, err)
            self.assertNotIn("Traceback", err)
        # Leading zeros are decimal.
        self.answer(self.dir, "query", "-p", "01", "-b", line=True)

    def test_help(self):
        """-h on every level."""
        for args in ((), ("list",), ("query",), ("stats",), ("log",), ("version",),
                     ("validate",), ("debug",)):
            for flag in ("-h", "--help"):
                status, out, err = virtnet(NOBODY, *args, flag)
                self.assertEqual((status, err), (0, ""))
                self.assertTrue(out.startswith("usage: " + " ".join(("virtnet", *args))), out)

    def test_socket_dir(self):
        """Option before variable, our variable before the controller's."""
        for args, env in ((("--socket-dir", self.dir), {"VIRTNET_SOCKET_DIR": NOBODY}),
                          ((), {"VIRTNET_SOCKET_DIR": "", "VIRTNET_RUN_DIR": self.dir}),
                          ((), {"VIRTNET_SOCKET_DIR": self.dir, "VIRTNET_RUN_DIR": NOBODY})):
            self.assertEqual(virtnet(NOBODY, *args, "list", env=env)[0], 0)

    def test_not_running(self):
        """One line, status 1."""
        with tempfile.TemporaryDirectory() as d:
            stale = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stale.bind(os.path.join(d, SOCKET_NAME))
            stale.close()
            for place in (d, NOBODY, "/dev/null", "/" + "x" * 200):
                for args in (("list",), ("query", "-p", "0"), ("stats", "-p", "0"),
                             ("log", "-l", "info"), ("version",), ("debug",)):
                    status, out, err = virtnet(place, *args)
                    self.assertEqual((status, out), (1, ""))
                    self.assertEqual(len(err.splitlines()), 1, err)
                    self.assertTrue(err.startswith("virtnet: "), err)
            self.assertIn("the controller is not running", virtnet(d, "list")[2])

    def test_pipelines(self):
        """The published pipelines, and that a reader may go early."""
        env = {**os.environ, "VIRTNET_SOCKET_DIR": self.dir,
               "PATH": os.path.dirname(VIRTNET) + ":" + os.environ["PATH"]}
        for pipe, keys in (
                ("virtnet list | grep -i '\"pf_id\": 0' -A 8 | grep -i msix_num_pool_size",
                 ["msix_num_pool_size"]),
                ("virtnet list | grep -i '\"pf_id\": 0' -A 10 | grep -i max_msix_num",
                 ["max_msix_num"]),
                ("virtnet list | grep -i '\"pf_id\": 0' -A 10 | grep -i min_msix_num",
                 ["min_msix_num"]),
                ("virtnet list | grep -i '\"pf_id\": 0' -A 12 | grep -i max_num_of_qp",
                 ["max_num_of_qp"]),
                ("virtnet list | grep -i '\"pf_id\": 0' -A 12 | grep -i min_num_of_qp",
                 ["min_num_of_qp"]),
                ("virtnet list | grep -i '\"pf_id\": 0' -A 13 | grep -i qp_pool_size",
                 ["qp_pool_size"]),
                ("virtnet query -p 0 -b | grep -i num_", ["num_msix", "num_queues"]),
                ("virtnet query -p 0 -b | grep -i dim", ["dim"]),
                ("virtnet query -p 0 -v 0 | grep sf_rep_net_device", ["sf_rep_net_device"]),
                ("virtnet query -p 0 -v 0 | head -1 | cut -c 2-6", [])):
            p = subprocess.run(["bash", "-c", pipe], env=env, capture_output=True, text=True,
                               timeout=60, check=False)
            self.assertEqual(p.stderr, "", pipe)
            if keys:
                self.assertEqual([x.split('"')[1] for x in p.stdout.splitlines()], keys, pipe)

    def test_colours(self):
        """On a terminal only, and the text is the same."""
        plain = virtnet(self.dir, "query", "-p", "0", "-b")[1]
        for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            main, sub = pty.openpty()
            base = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            with subprocess.Popen([VIRTNET, "query", "-p", "0", "-b"], stdout=sub,
                                  env={**base, "TERM": "xterm", **env,
                                       "VIRTNET_SOCKET_DIR": self.dir}) as p:
                os.close(sub)
                data = b""
                try:
                    while chunk := os.read(main, 65536):
                        data += chunk
                except OSError:  # the terminal's other side is closed
                    pass
                self.assertEqual(p.wait(30), 0)
            os.close(main)
            text = data.decode().replace("\r\n", "\n")
            self.assertEqual("\033[" in text, coloured)
            for code in ("\033[36m", "\033[32m", "\033[0m"):
                text = text.replace(code, "")
            self.assertEqual(text, plain)

    def test_completion(self):
        """What comes next, by the table and by the devices that are there."""
        def complete(*words):
            status, out, _ = virtnet(self.dir, "--complete", *words)
            self.assertEqual(status, 0)
            return out.split()

        commands = ["hotplug", "unplug", "attach", "detach", "sriov", "wait", "list", "query",
                    "modify", "stats", "log", "version", "restart", "validate", "update", "health",
                    "debug"]
        self.assertEqual(complete(""), commands)
        self.assertEqual(complete("v"), ["version", "validate"])
        self.assertEqual(complete("--s"), ["--socket-dir"])
        self.assertEqual(complete("log", "-l", ""), ["info", "err", "debug"])
        self.assertEqual(complete("log", "-l", "e"), ["err"])
        self.assertEqual(complete("stats", "-p", ""), ["0", "1"])
        self.assertEqual(complete("stats", "-p", "0", "-v", ""), ["0"])
        self.assertEqual(complete("stats", "-u", "MT23"),
                         ["MT2306XZ00BNVNETS0D0F2", "MT2349X00018VNETS0D0F1"])
        self.assertEqual(complete("validate", "-f", "/et"), ["@file"])
        first = complete("query", "-")
        self.assertTrue({"-a", "-p", "--vuid", "--dbg_stats"} <= set(first))
        self.assertFalse({"-v", "--vf"} & set(first))
        after = complete("query", "-p", "0", "-")
        self.assertTrue({"-v", "-b"} <= set(after))
        self.assertFalse({"-a", "-u", "-p", "--pf"} & set(after))
        script = os.path.join(HERE, "../virtnet.bash-completion")
        p = subprocess.run(
            ["bash", "-c", f'source "{script}"; COMP_WORDS=({VIRTNET} stats -p ""); COMP_CWORD=3; '
                           '_virtnet; echo "${COMPREPLY[@]}"'],
            capture_output=True, text=True, timeout=60, check=True,
            env={**os.environ, "VIRTNET_SOCKET_DIR": self.dir})
        self.assertEqual((p.stdout, p.stderr), ("0 1\n", ""))

    def test_stock_script(self):
        """dpdk-telemetry.py of the distribution."""
        script = shutil.which("dpdk-telemetry.py")
        if script is None:
            self.skipTest("dpdk-telemetry.py is not there")
        p = subprocess.run([script, "-f", self.dir], text=True, capture_output=True, timeout=60,
                           check=False, input="/\n/info\n/help,/virtnet/log\n/virtnet/list\n"
                           '/virtnet/query,{"pf": 1}\n/virtnet/nosuch\n/virtnet/stats,pf=1\nquit\n')
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        first = [next(iter(json.loads(x))) for x in p.stdout.splitlines() if x.startswith("{")]
        self.assertEqual(first, ["/", "/info", "/help", "/virtnet/list", "/virtnet/query",
                                 "errno", "/virtnet/stats"])


class Misbehaving(Case):
    """Servers that are not a controller, or a broken one: one line, status 1."""

    def against(self, *messages):
        """Run list against a server that sends @messages and closes."""
        with tempfile.TemporaryDirectory() as d:
            server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            server.bind(os.path.join(d, SOCKET_NAME))
            server.listen(1)

            def serve():
                conn = server.accept()[0]
                for i, m in enumerate(messages):
                    if i > 0:
                        conn.recv(65536)
                    conn.send(m)
                conn.close()

            thread = threading.Thread(target=serve)
            thread.start()
            status, out, err = virtnet(d, "list")
            thread.join()
            server.close()
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(len(err.splitlines()), 1, err)
        return err

    def test_all(self):
        """Each with its own words."""
        banner = b'{"version": "v1", "pid": 1, "max_output_len": 1000}'
        self.assertIn("closed the connection", self.against())
        self.assertIn("is not JSON", self.against(b"hello"))
        self.assertIn("is not the control socket", self.against(b"{}"))
        self.assertIn("is not the control socket", self.against(b"[1]"))
        self.assertIn("is not the control socket", self.against(b"7"))
        self.assertIn("refuses the connection: no room",
                      self.against(b'{"errno": -87, "errstr": "no room"}'))
        self.assertIn("is not JSON", self.against(banner, b'{"/virtnet/list": '))
        self.assertIn("does not fit", self.against(banner, b'{"/virtnet/query": {}}'))
        self.assertIn("longer than it announced", self.against(banner, b"x" * 1001))
        self.assertIn("is not the control socket",
                      self.against(b'{"version": "v1", "max_output_len": -5}'))
        page = b'{"/virtnet/list": {"devices": []}, "next_cursor": 5}'
        for odd in (b"7", b"null", b"[]", b'{"/virtnet/list": {"x": 1}}', b'{"/virtnet/list": 7}'):
            self.assertIn("does not fit", self.against(banner, page, odd))

    def test_no_permission(self):
        """Not root and not the controller's user."""
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        with Service("list") as s, tempfile.TemporaryDirectory() as d:
            # Laid out as installed, and readable for others.
            os.makedirs(d + "/share/dpdk-virtnet")
            os.mkdir(d + "/bin")
            shutil.copy(VIRTNET, d + "/bin/virtnet")
            for name in ("usertools/virtnet.py", "lib/ctl/commands.json", "VERSION"):
                shutil.copy(os.path.join(HERE, "../..", name), d + "/share/dpdk-virtnet")
            subprocess.run(["chmod", "-R", "a+rX", d], check=True)
            env = {"VIRTNET_SOCKET_DIR": s.dir, "PATH": "/usr/bin:/bin"}
            try:
                p = subprocess.run([d + "/bin/virtnet", "list"], user=65534, env=env,
                                   capture_output=True, text=True, timeout=60, check=False)
            except (PermissionError, FileNotFoundError):
                self.skipTest("other users have no python3")
            self.assertEqual((p.returncode, p.stdout), (1, ""))
            self.assertIn("permission denied: run virtnet as root", p.stderr)
            p = subprocess.run([d + "/bin/virtnet", "version"], env=env, capture_output=True,
                               text=True, timeout=60, check=True)
            self.assertIn("Destination Controller", p.stdout)


if __name__ == "__main__":
    main(__doc__)
