# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Recovery files: what they hold, which event keeps or drops them, and what goes wrong with them."""

import json
import os
import random
import shutil
import subprocess
import time

from vfu import bench, driver
from vnt import core, proc, program, virtio
from vnt.core import check, check_eq, test, variants

MAC = "0C:C4:7A:FF:22:93"
PF0 = program.SERIAL + "VNETS0D0F2"
HOTPLUG = program.SERIAL + "VNETS1D0F0"
SAVE, CREATE = -1013, -1014
SUCCESS = {"errno": 0, "errstr": "Success"}
# The contract's keys, in its order.
KEYS = ["port_ib_dev", "pf_id", "function_type", "bdf_raw", "device_type", "mac", "pf_num",
        "sf_num", "mq"]
CAPACITY = program.capacity(2, 16, VIRTIO_NET_EMULATION_NUM_VF=2, VIRTIO_NET_EMULATION_NUM_VF_MSIX=8)


class Mounts(program.Program):
    """A program that sees files of the test's in the places of others, in a mount namespace."""

    def __init__(self, t, mounts=(), **kw):
        super().__init__(t, **kw)
        self.mounts = list(mounts)

    def argv(self):
        binds = "".join(f"mount --bind {what} {where} && " for what, where in self.mounts)
        return ["unshare", "--mount", "sh", "-c", binds + 'exec "$0" "$@"', *super().argv()]


def directory(p):
    return os.path.join(p.state_dir, "recovery")


def files(p):
    """Names of the recovery files; nothing else may be there, but for what was moved aside."""
    if not os.path.isdir(directory(p)):
        return []
    names = os.listdir(directory(p))
    return sorted(n for n in names if n != ".capacity" and ".bad-" not in n)


def bad_files(p):
    return sorted(n for n in os.listdir(directory(p)) if ".bad-" in n)


def content(p, vuid):
    with open(os.path.join(directory(p), vuid), encoding="utf-8") as f:
        return json.load(f)


def wait_files(p, names):
    core.wait_for(lambda: files(p) == sorted(names), proc.PATIENCE,
                  f"files {names}, there are {files(p)}")


def request(p, command, **params):
    return p.ask(f"/virtnet/{command}," + json.dumps(params))


def hotplug(p, **more):
    return request(p, "hotplug", **{"ib_device": "mlx5_0", "mac": MAC, "mtu": 1500,
                                    "max_queue_pairs": 1, "max_queue_size": 1024, **more})


def hotplug_ok(p, **more):
    answer = hotplug(p, **more)
    check_eq(answer["errno"], 0, f"hotplug {more}: {answer}")
    return answer


def must(p, command, **params):
    check_eq(request(p, command, **params), SUCCESS, f"{command} {params}")


def restart(p, how="stop"):
    getattr(p, how)()
    p.start()


def reps(p):
    """Representors: ifindex by name."""
    links = json.loads(p.ns.ip("-j", "link", "show"))
    return {x["ifname"]: x["ifindex"] for x in links if x["ifname"].startswith("en3f")}


# What of a device does not depend on whether a driver or a VM is there.
SHOWN = ("pf_id", "vf_id", "parent_pf_id", "function_type", "vuid", "pci_bdf", "mac", "mtu",
         "enabled_vfs", "num_msix", "num_queues", "max_queue_size", "max_queue_pairs", "speed",
         "link_status", "sf_num", "sf_rep_net_device", "sf_rep_net_ifindex", "msix_num_pool_size",
         "qp_pool_size", "transitional", "aarfs", "dim")


def shown(p):
    return [{k: d[k] for k in SHOWN if k in d} for d in p.devices()]


@test
def what_is_in_them(t):
    """One file per device, for its owner only; the contract's keys first, with its types."""
    p = program.Program(t).start()
    wait_files(p, [PF0])
    hotplug_ok(p, sf_num=2005)
    # Acknowledged is on disk: no waiting here.
    check_eq(files(p), sorted([PF0, HOTPLUG]), "files")
    f = content(p, HOTPLUG)
    check_eq(list(f)[:len(KEYS)], KEYS, "keys")
    check_eq([f[k] for k in KEYS], ["mlx5_0", 1, "pf", 0xc100, "hotplug", MAC.lower(), 0, 2005, 3],
             "values")
    check_eq(content(p, PF0)["device_type"], "static", "device_type")
    check_eq(os.stat(directory(p)).st_mode & 0o777, 0o700, "mode of the directory")
    for name in files(p):
        check_eq(os.stat(os.path.join(directory(p), name)).st_mode & 0o777, 0o600, name)
    must(p, "unplug", pf=1)
    check_eq(files(p), [PF0], "files after unplug")
    p.stop()
    check_eq(files(p), [PF0], "files after the end")


@variants(("stop", "stop"), ("kill", "kill"))
def restarted(t, how):
    """Hotplug PFs come back as they were, representor and all; one that was unplugged does not."""
    p = program.Program(t, capacity=CAPACITY).start()
    hotplug_ok(p, sf_num=2999, mtu=9000, max_queue_size=256)
    hotplug_ok(p, mac="0C:C4:7A:FF:22:94", ib_device="mlx5_1")
    hotplug_ok(p, mac="0C:C4:7A:FF:22:95", max_queue_pairs=3)
    must(p, "unplug", pf=3)
    must(p, "sriov", pf=0, num_vfs=2)
    must(p, "modify/device", pf=0, mtu=4000)
    must(p, "modify/device", pf=1, max_queue_pairs=3)
    must(p, "modify/device", pf=2, mtu=1600)
    must(p, "modify/device", pf=0, vf=1, mtu=1700)
    before, ports = shown(p), reps(p)
    p.ns.ip("link", "add", "br0", "type", "bridge")
    p.ns.ip("link", "set", "en3f0pf0sf2999", "master", "br0")
    restart(p, how)
    check_eq(shown(p), before, "devices")
    check_eq({k: v for k, v in reps(p).items() if k in ports}, ports, "representors")
    check_eq(p.ns.link("en3f0pf0sf2999").get("master"), "br0", "bridge of the representor")
    # Its place is free, and theirs are not.
    check_eq(hotplug_ok(p)["id"], 3, "id of the next one")
    must(p, "unplug", pf=3)
    must(p, "unplug", pf=2)
    must(p, "sriov", pf=0, num_vfs=0)
    restart(p, how)
    check_eq([d["vuid"] for d in p.devices()], [PF0, PF0[:-1] + "3", program.SERIAL + "VNETS3D0F0"],
             "devices at last")
    p.stop()


@test
def switched_off(t):
    """"recovery": 0 neither writes nor reads."""
    p = program.Program(t, conf={"recovery": 0}).start()
    hotplug_ok(p)
    restart(p)
    check_eq(len(p.devices()), 1, "devices after a restart")
    check_eq(reps(p).keys(), {"en3f0pf0sf1000"}, "representors")
    check(not os.path.exists(directory(p)), "there is a recovery directory")
    p.stop()


@test
def power_cycle(t):
    """Another boot of the machine: no device of any kind is recovered."""
    boot = os.path.join(t.tmp, "boot_id")

    def write(n):
        with open(boot, "w", encoding="ascii") as f:
            f.write(f"{n:08x}-0000-4000-8000-000000000000\n")
    write(1)
    p = Mounts(t, [(boot, "/proc/sys/kernel/random/boot_id")], capacity=CAPACITY).start()
    hotplug_ok(p)
    must(p, "sriov", pf=0, num_vfs=2)
    restart(p)
    check_eq(len(p.devices()), 5, "devices after a restart")
    p.stop()
    write(2)
    p.start()
    check_eq(len(p.devices()), 2, "devices after a boot")
    wait_files(p, [PF0, PF0[:-1] + "3"])
    check_eq(content(p, PF0)["num_vfs"], 0, "VFs of the PF")
    p.stop()


@test
def changed_capacity(t):
    """Other capacity settings have taken effect: all files are dropped."""
    p = program.Program(t, capacity=CAPACITY).start()
    hotplug_ok(p)
    restart(p)
    check_eq(len(p.devices()), 3, "devices after a restart")
    p.stop()
    with open(p.capacity_path, "w", encoding="utf-8") as f:
        json.dump(program.capacity(2, 32), f)
    p.start()
    check_eq(len(p.devices()), 2, "devices with other settings")
    wait_files(p, [PF0, PF0[:-1] + "3"])
    p.stop()


@test
def bad_files_go_aside(t):
    """Whatever lies there: one line each, the device as configured, the file aside."""
    p = program.Program(t).start()
    hotplug_ok(p)
    p.stop()
    d = directory(p)
    with open(os.path.join(d, HOTPLUG), "rb") as f:
        whole = f.read()
    wrong = {"empty": b"", "cut": whole[:200], "not json": b"\xff\xfe" * 99,
             "another": whole.replace(b'"hotplug"', b'"static"'),
             "version": whole.replace(b'"version": 1', b'"version": 99'),
             "huge": b" " * 200000, "id taken": whole.replace(b'"pf_id": 1', b'"pf_id": 0'),
             "no port": whole.replace(b"mlx5_0", b"mlx5_7"),
             "queues": whole.replace(b'"num_queues": 3', b'"num_queues": 255'),
             "key": whole.replace(b'"mtu": 1500', b'"mtu": "1500"')}
    names = {f"{program.SERIAL}VNETS{i + 1}D0F0": what for i, what in enumerate(wrong)}
    for name, what in names.items():
        check(wrong[what] != whole, what)
        with open(os.path.join(d, name), "wb") as f:
            f.write(wrong[what])
    for i, make in enumerate((os.mkdir, lambda x: os.symlink("/etc/passwd", x), os.mkfifo)):
        name = f"{program.SERIAL}VNETS{20 + i}D0F0"
        names[name] = f"special file {i}"
        make(os.path.join(d, name))
    p.start()
    check_eq(len(p.devices()), 1, "devices")
    for name, what in names.items():
        lines = [x for x in p.process.err().splitlines() if name.encode() in x]
        check_eq(len(lines), 1, f"lines about {name} ({what}): {lines}")
    check_eq(bad_files(p), sorted(f"{name}.bad-1" for name in names), "files aside")
    wait_files(p, [PF0])
    p.stop()


@test
def of_the_reference_product(t):
    """Its files, and virtnet.conf, are taken where there are none of ours."""
    opt = os.path.join(t.tmp, "opt/mellanox/mlnx_virtnet")
    os.makedirs(os.path.join(opt, "recovery"))
    with open(os.path.join(opt, "virtnet.conf"), "w", encoding="utf-8") as f:
        json.dump({"ib_dev_p0": "mlx5_4", "ib_dev_p1": "mlx5_5", "ib_dev_for_static_pf": "mlx5_4",
                   "transport": "vhost-user"}, f)
    with open(os.path.join(opt, "recovery", HOTPLUG), "w", encoding="utf-8") as f:
        json.dump({"port_ib_dev": "mlx5_4", "pf_id": 1, "function_type": "pf", "bdf_raw": 57611,
                   "device_type": "hotplug", "mac": "0c:c4:7a:ff:22:93", "pf_num": 0,
                   "sf_num": 2003, "mq": 3}, f)
    if os.path.exists("/etc/dpdk-virtnet/virtnet.conf"):
        raise core.Skip("/etc/dpdk-virtnet/virtnet.conf is there")
    p = Mounts(t, [(os.path.join(t.tmp, "opt"), "/opt")])
    p.conf_path = None
    p.start()
    d = p.device(1)
    check_eq((d["vuid"], d["mac"], d["sf_num"], d["max_queue_pairs"], d["sf_parent_device"]),
             (HOTPLUG, MAC, 2003, "1", "mlx5_4"), "device")
    err = p.process.err().decode()
    check("/opt/mellanox/mlnx_virtnet/virtnet.conf" in err, "the log does not name virtnet.conf")
    check("/opt/mellanox/mlnx_virtnet/recovery" in err, "the log does not name the directory")
    p.stop()
    check(os.path.exists(os.path.join(opt, "recovery", PF0)), "no file of the static PF")
    p.start()
    check_eq(len(p.devices()), 2, "devices after a restart")
    p.stop()


def small(t, p):
    """A file system of its own for the recovery files, 64 KiB."""
    d = directory(p)
    os.makedirs(d)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", d], check=True)
    t.cleanup(lambda: subprocess.run(["umount", d], check=True))
    return d


@test
def disk_full(t):
    """No room: what is asked for is refused and undone, and the service goes on."""
    p = program.Program(t, capacity=CAPACITY)
    d = small(t, p)
    p.start()
    hotplug_ok(p)
    before, ports, fds = shown(p), reps(p), p.fds()
    filler = os.path.join(d, "filler")
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    for command, params in (("hotplug", {}), ("sriov", {"pf": 0, "num_vfs": 2}),
                            ("modify/device", {"pf": 0, "mtu": 4000})):
        answer = hotplug(p) if command == "hotplug" else request(p, command, **params)
        check_eq(answer["errno"], SAVE, f"{command}: {answer}")
        check("space" in answer["detail"] and d in answer["detail"], f"detail: {answer}")
        core.wait_for(lambda: p.fds() <= fds, proc.PATIENCE, "descriptors as before")
        check_eq(shown(p), before, f"devices after {command}")
    check_eq({k: v for k, v in reps(p).items() if "sf3" not in k}, ports, "representors")
    # Files get smaller, so this one can be done.
    must(p, "unplug", pf=2)
    os.unlink(filler)
    hotplug_ok(p)
    must(p, "sriov", pf=0, num_vfs=2)
    before = shown(p)
    restart(p, "kill")
    check_eq(shown(p), before, "devices after a kill")
    p.stop()


@test
def read_only(t):
    """A directory that cannot be written: nothing can be changed, and nothing is lost."""
    p = program.Program(t)
    d = small(t, p)
    p.start()
    hotplug_ok(p)
    wait_files(p, [PF0, HOTPLUG])
    before = shown(p)
    subprocess.run(["mount", "-o", "remount,ro", d], check=True)
    answer = hotplug(p)
    check_eq(answer["errno"], CREATE, f"hotplug: {answer}")
    answer = request(p, "unplug", pf=1)
    check(answer["errno"] in (CREATE, SAVE), f"unplug: {answer}")
    answer = request(p, "modify/device", pf=0, mac="0C:C4:7A:FF:22:99", mtu=1400)
    check(answer["errno"] in (CREATE, SAVE), f"modify: {answer}")
    check_eq(shown(p), before, "devices")
    subprocess.run(["mount", "-o", "remount,rw", d], check=True)
    must(p, "unplug", pf=1)
    restart(p, "kill")
    check_eq(len(p.devices()), 1, "devices after a kill")
    p.stop()


@test
def removed_directory(t):
    """The directory is removed under the running service: the next change makes it whole again."""
    p = program.Program(t).start()
    hotplug_ok(p)
    wait_files(p, [PF0, HOTPLUG])
    shutil.rmtree(directory(p))
    hotplug_ok(p)
    check_eq(files(p), sorted([PF0, HOTPLUG, program.SERIAL + "VNETS2D0F0"]), "files")
    before = shown(p)
    restart(p, "kill")
    check_eq(shown(p), before, "devices after a kill")
    p.stop()


@test
def locked(t):
    """A second service does not use the same directory."""
    p = program.Program(t).start()
    q = program.Program(t, name="other", ns=t.new_netns(),
                        args=["--recovery-dir", directory(p)],
                        eal=["--no-huge", "-m", "256", "--no-pci", "--file-prefix", t.mark + "q",
                             "-l", "0,1"])
    q.launch()
    check_eq(q.process.wait(), 1, "exit status")
    check(b"--recovery-dir" in q.process.err(), "the error line does not help")
    p.stop()


@test
def driver_state(t):
    """What a driver sets is in the file soon; a PF's outlives its driver, a VF's does not."""
    conf = {**bench.CONF, "vf": {"features": bench.CONF["static_pf"]["features"]}}
    p = program.Program(t, conf=conf, capacity=CAPACITY).start()
    must(p, "sriov", pf=0, num_vfs=1)
    vf = PF0 + "VF1"
    sockets = {PF0: p.device(0)["socket"],
               vf: next(d["socket"] for d in p.devices() if d["vuid"] == vf)}
    mac = bytes.fromhex("02aabbccdd01")
    for vuid, path in sockets.items():
        check("driver" not in content(p, vuid), f"{vuid}: a driver before there is one")
        with driver.Driver(path) as d:
            d.probe()
            d.start(1, driver.WANTED | virtio.bit(virtio.F_CTRL_VLAN))
            d.set_mac(mac)
            d.rx_mode(0, 0)
            d.vlan(9)
            core.wait_for(lambda v=vuid: content(p, v).get("driver", {}).get("vlans") == [9],
                          proc.PATIENCE, f"{vuid}: VLAN in the file")
            saved = content(p, vuid)["driver"]
            check_eq((saved["ctrl_mac"], saved["rx_modes"]), ("02:aa:bb:cc:dd:01", []), vuid)
            d.reset()
            if vuid == vf:
                core.wait_for(lambda: "driver" not in content(p, vf), proc.PATIENCE,
                              "the end of the VF's part")
    restart(p)
    check_eq(content(p, PF0)["driver"], saved, "the PF's part after a restart")
    check_eq(p.device(0)["ctrl_mac"], "02:AA:BB:CC:DD:01", "ctrl_mac after a restart")
    # The next driver begins with a reset.
    with driver.Driver(p.socket(0)) as d:
        d.probe()
        d.start(1)
        check_eq(p.device(0)["ctrl_mac"], "00:00:00:00:00:00", "ctrl_mac of the next driver")
    p.stop()


class Random:
    """Random commands, and what must be there after each."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.n = 0

    def command(self, p):
        """A request that can succeed now."""
        devices = p.devices()
        hot = [d["pf_id"] for d in devices if d["function_type"] == "hotplug PF"]
        vfs = sum(d["function_type"] == "VF" for d in devices)
        kinds = ["hotplug"] * (len(hot) < 5) + ["unplug"] * bool(hot) + ["sriov"]
        kinds += ["modify"] * 2
        kind = self.rng.choice(kinds)
        self.n += 1
        if kind == "hotplug":
            params = {"ib_device": "mlx5_0", "mac": f"02:00:00:00:00:{self.n % 256:02x}",
                      "mtu": self.rng.randrange(68, 9000), "max_queue_pairs": 1,
                      "max_queue_size": 256}
        elif kind == "unplug":
            params = {"pf": self.rng.choice(hot)}
        elif kind == "sriov":
            params = {"pf": 0, "num_vfs": 0 if vfs else 2}
        else:
            d = self.rng.choice(devices)
            kind, params = "modify/device", {"vuid": d["vuid"]}
            # What a VF gives back is its PF's to give away: two files.
            if d["function_type"] == "VF" and self.rng.randrange(2):
                params["msix_num"] = 4 if d["num_msix"] == "8" else 8
            else:
                params["mtu"] = self.rng.randrange(68, 9000)
        return f"/virtnet/{kind}," + json.dumps(params)


@test
def killed_at_random(t):
    """kill -9 at any moment of hotplug, unplug, sriov, modify: what was answered is there."""
    p = program.Program(t, conf={"transport": "vfio-user"}, capacity=CAPACITY).start()
    seed = random.randrange(1 << 32)
    t.note(f"seed {seed}")
    r = Random(seed)
    for i in range(t.count(6, 200)):
        with p.control() as c:
            for _ in range(r.rng.randrange(3)):
                request_ = r.command(p)
                answer = c.ask(request_)[request_.split(",")[0]]
                check_eq(answer["errno"], 0, f"{request_}: {answer}")
            before = shown(p)
            last = r.command(p)
            c.send(last)
            time.sleep(r.rng.choice((0, 0.001, 0.003, 0.01, 0.03)))
            p.kill()
        p.start()
        compare(f"round {i}, {last}", before, shown(p), last)
        check_eq(bad_files(p), [], "files aside")
    # Not stop(): of a device that was just being made its socket has stayed.
    check_eq(p.process.end(), 0, "exit status")


def compare(what, before, after, last):
    """@after is @before, or that with the whole of @last done."""
    if after == before:
        return
    kind, params = last.split(",", 1)
    kind, params = kind.split("/")[2], json.loads(params)
    b, a = {d["vuid"]: d for d in before}, {d["vuid"]: d for d in after}
    gone, new = b.keys() - a.keys(), a.keys() - b.keys()
    changed = {v for v in b.keys() & a.keys() if b[v] != a[v]}
    text = f"{what}: gone {gone}, new {new}, changed {[(b[v], a[v]) for v in changed]}"
    if kind == "hotplug":
        check(not gone and not changed and len(new) == 1, text)
        d = a[new.pop()]
        check_eq((d["mac"].lower(), d["mtu"]), (params["mac"], str(params["mtu"])), text)
    elif kind == "unplug":
        check(not new and len(gone) == 1, text)
        check_eq(b[gone.pop()]["pf_id"], params["pf"], text)
    elif kind == "sriov":
        n = params["num_vfs"]
        check(len(gone) == (0 if n else 2) and len(new) == n, text)
        check(changed == {PF0}, text)
        check_eq(a[PF0]["enabled_vfs"], str(n), text)
    else:
        d = a[params["vuid"]]
        check(not gone and not new, text)
        if "mtu" in params:
            check(changed == {params["vuid"]}, text)
            check_eq(d["mtu"], str(params["mtu"]), text)
        else:
            check(changed == {params["vuid"], PF0}, text)
            check_eq(d["num_msix"], str(params["msix_num"]), text)
