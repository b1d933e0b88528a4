#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel does when setup and restore write to sysfs, for the trees of trees/.

usage: kernel.py TREE [WORDS-FILE]     (in namespaces of its own: unshare --net --mount)

Mounts its own files over the tree's bind, unbind, new_id, remove_id, driver_override and nr_hugepages (a small
FUSE file system, so that a write has its effect, or its error, before it returns), creates and
removes real interfaces for hv_netvsc, prints "ready", and serves until its input ends.

Each write is logged in TREE.log. WORDS-FILE changes the behaviour, one case per line, read at each
write:
  fail FILE DRIVER ERRNO    a write to FILE of DRIVER fails: "fail bind hv_netvsc EBUSY"
  pages N                   no node can have more than N hugepages
  slow SECONDS              an interface appears so much later than its driver
  name NAME                 a new interface gets this name
  alone                     a VF is not joined again
  vanish INTERFACE FILE     an interface is gone after a write to FILE
  shell FILE COMMAND...     a command runs after a write to FILE

A tree without driver_override is one of an older kernel.

What it does is known from Linux 6.12: bind_store() and unbind_store() in drivers/base/bus.c,
new_id_store(), remove_id_store(),
driver_override_store() and hv_vmbus_get_id() in drivers/hv/vmbus_drv.c, netvsc_probe() and netvsc_remove()
in drivers/net/hyperv/netvsc_drv.c, nr_hugepages_store() in mm/hugetlb.c. The file system's
messages are those of include/uapi/linux/fuse.h.
"""

import ctypes
import errno
import glob
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading

NETWORK = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
KERNEL, USER = "hv_netvsc", "uio_hv_generic"
DRIVERS = "/sys/bus/vmbus/drivers"
DEVICES = "/sys/bus/vmbus/devices"
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data=None):
    encoded = [text.encode() if text else None for text in (source, target, kind, data)]
    if libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3]):
        err = ctypes.get_errno()
        raise OSError(err, f"cannot mount {kind or 'files'} on {target}: {os.strerror(err)}")


def ip(*lines):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


class Kernel:
    """The buses, drivers and hugepages of a tree."""

    def __init__(self, tree, words=None):
        self.tree = os.path.realpath(tree)
        self.words_file = words
        self.ids = {KERNEL: {NETWORK}, USER: set()}
        self.log = open(self.tree + ".log", "a", buffering=1)
        self.files = []
        for driver in (KERNEL, USER):
            folder = self.tree + f"{DRIVERS}/{driver}"
            os.makedirs(folder, exist_ok=True)
            for name in ("bind", "unbind", "new_id", "remove_id"):
                self.put(f"{DRIVERS}/{driver}/{name}", "")
                self.files.append((f"{folder}/{name}", name, driver))
        # A tree cannot load modules, so they are loaded already.
        for module in (USER, "uio", "mana_ib", "ib_uverbs"):
            os.makedirs(self.tree + f"/sys/module/{module}", exist_ok=True)
            self.put(f"/sys/module/{module}/initstate", "live\n")
        for path in sorted(glob.glob(self.tree + "/sys/devices/system/node/node*/hugepages/*/nr_hugepages")):
            self.files.append((path, "nr_hugepages", path))
        self.pages = {path: int(open(path).read()) for path, name, _ in self.files if name == "nr_hugepages"}
        self.overrides = {}
        for path in glob.glob(self.tree + DEVICES + "/*/driver_override"):
            uuid = path.split("/")[-2]
            text = open(path).read().strip()
            self.overrides[uuid] = "" if text == "(null)" else text
            self.files.append((path, "driver_override", uuid))
        self.vfs = {}
        for path in glob.glob(self.tree + "/sys/class/net/*"):
            name = os.path.basename(path)
            if "/pci" in os.path.realpath(path):
                self.vfs[open(path + "/address").read().strip()] = name
        self.macs = {}
        for path in glob.glob(self.tree + DEVICES + "/*/net/*"):
            uuid = path.split("/")[-3]
            if self.driver(uuid) == KERNEL:
                self.macs[uuid] = open(path + "/address").read().strip()
        for uuid in os.listdir(self.tree + DEVICES):
            if self.driver(uuid) == USER:
                self.ids[USER].add(NETWORK)
                digits = uuid.replace("-", "")[-12:]
                self.macs[uuid] = ":".join(re.findall("..", digits))

    def put(self, path, text):
        with open(self.tree + path, "w") as file:
            file.write(text)

    def words(self, first):
        if not self.words_file or not os.path.exists(self.words_file):
            return []
        lines = [line.split() for line in open(self.words_file)]
        return [line[1:] for line in lines if line and line[0] == first]

    def device(self, uuid):
        path = self.tree + f"{DEVICES}/{uuid}"
        return os.path.realpath(path) if os.path.exists(path) else None

    def driver(self, uuid):
        device = self.device(uuid)
        link = device and device + "/driver"
        return os.path.basename(os.readlink(link)) if link and os.path.islink(link) else None

    def matches(self, uuid, driver):
        text = open(self.device(uuid) + "/class_id").read().strip().strip("{}")
        override = self.overrides.get(uuid)
        return override == driver if override else text in self.ids[driver]

    def attach(self, uuid, driver):
        device = self.device(uuid)
        folder = self.tree + f"{DRIVERS}/{driver}"
        if driver == KERNEL:
            slow = self.words("slow")
            if slow:
                threading.Timer(float(slow[0][0]), self.interface, [uuid]).start()
            else:
                self.interface(uuid)
        else:
            os.makedirs(device + "/uio/uio0", exist_ok=True)
            with open(device + "/uio/uio0/name", "w") as file:
                file.write("hv_uio_generic\n")
        os.symlink(os.path.relpath(device, os.path.realpath(folder)), f"{folder}/{uuid}")
        os.symlink(os.path.relpath(folder, device), device + "/driver")

    def detach(self, uuid, driver):
        device = self.device(uuid)
        if driver == KERNEL:
            for name in os.listdir(device + "/net") if os.path.isdir(device + "/net") else []:
                self.remove_interface(name)
            shutil.rmtree(device + "/net", ignore_errors=True)
        else:
            shutil.rmtree(device + "/uio", ignore_errors=True)
        os.unlink(self.tree + f"{DRIVERS}/{driver}/{uuid}")
        os.unlink(device + "/driver")

    def interface(self, uuid):
        mac, number = self.macs[uuid], 0
        while os.path.islink(self.tree + f"/sys/class/net/eth{number}"):
            number += 1
        name = (self.words("name") or [[f"eth{number}"]])[0][0]
        device = self.device(uuid)
        folder = f"{device}/net/{name}"
        os.makedirs(folder)
        for file, text in (("address", mac), ("dev_port", "0"), ("mtu", "1500"), ("type", "1")):
            with open(f"{folder}/{file}", "w") as out:
                out.write(text + "\n")
        for i in range(8):
            os.makedirs(f"{folder}/queues/rx-{i}")
            os.makedirs(f"{folder}/queues/tx-{i}")
        os.symlink(f"../../../{uuid}", folder + "/device")
        os.symlink(os.path.relpath(folder, self.tree + "/sys/class/net"), self.tree + f"/sys/class/net/{name}")
        # A bridge, as in trees/interfaces.bash
        lines = [f"link add {name} address {mac} type bridge", f"link set {name} addrgenmode none"]
        vf = self.vfs.get(mac)
        if vf and not self.words("alone"):
            lines += [f"link set {vf} master {name}", f"link set {name} address {mac}"]
        ip(*lines)

    def remove_interface(self, name):
        os.unlink(self.tree + f"/sys/class/net/{name}")
        subprocess.run(["ip", "link", "delete", name], stderr=subprocess.DEVNULL, check=False)

    def follow_names(self):
        """An interface that is renamed has another name in sysfs, too."""
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        events.bind((0, 1))  # RTMGRP_LINK
        names = {number: name for number, name in socket.if_nameindex()}
        threading.Thread(target=self.rename, args=[events, names], daemon=True).start()

    def rename(self, events, names):
        while True:
            events.recv(65536)
            for number, name in socket.if_nameindex():
                old = names.get(number, name)
                names[number] = name
                link = self.tree + f"/sys/class/net/{old}"
                if old == name or not os.path.islink(link):
                    continue
                folder = os.path.realpath(link)
                os.rename(folder, f"{os.path.dirname(folder)}/{name}")
                os.unlink(link)
                os.symlink(os.path.relpath(f"{os.path.dirname(folder)}/{name}", self.tree + "/sys/class/net"),
                           self.tree + f"/sys/class/net/{name}")

    def write(self, name, driver, text):
        """One write() to a file; 0 or an errno."""
        self.log.write(f"{name} {os.path.relpath(driver, self.tree) if '/' in driver else driver} {text.strip()}\n")
        for file, of, number in self.words("fail"):
            if file == name and of in (driver, "-"):
                return getattr(errno, number)
        result = getattr(self, "write_" + name)(driver, text.strip())
        for interface, file in self.words("vanish"):
            if file == name and os.path.islink(self.tree + f"/sys/class/net/{interface}"):
                self.remove_interface(interface)
        for file, *command in self.words("shell"):
            if file == name:
                subprocess.run(command, check=False)
        return result

    def write_bind(self, driver, uuid):
        if not self.device(uuid) or not self.matches(uuid, driver):
            return errno.ENODEV
        if self.driver(uuid):
            return errno.EBUSY
        self.attach(uuid, driver)
        return 0

    def write_unbind(self, driver, uuid):
        if not self.device(uuid) or self.driver(uuid) != driver:
            return errno.ENODEV
        self.detach(uuid, driver)
        return 0

    def write_new_id(self, driver, text):
        if not re.match("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
            return errno.EINVAL
        if text in self.ids[driver]:
            return errno.EEXIST
        self.ids[driver].add(text)
        for uuid in os.listdir(self.tree + DEVICES):
            if not self.driver(uuid) and self.matches(uuid, driver):
                self.attach(uuid, driver)
        return 0

    def write_remove_id(self, driver, text):
        if text not in self.ids[driver]:
            return errno.ENODEV
        self.ids[driver].remove(text)
        return 0

    def write_driver_override(self, uuid, text):
        self.overrides[uuid] = text
        return 0

    def write_nr_hugepages(self, path, text):
        if not text.isdigit():
            return errno.EINVAL
        pages = int(text)
        for limit in self.words("pages"):
            pages = min(pages, int(limit[0]))
        self.pages[path] = pages
        return 0

    def read(self, name, driver):
        if name == "driver_override":
            return f"{self.overrides[driver] or '(null)'}\n".encode()
        return f"{self.pages[driver]}\n".encode() if name == "nr_hugepages" else b""

    # The file system: a folder with the files by number

    def mount(self):
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        folder = self.tree + ".fuse"
        os.makedirs(folder, exist_ok=True)
        mount("kernel.py", folder, "fuse", MS_NOSUID | MS_NODEV,
              f"fd={self.fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other")
        threading.Thread(target=self.serve, daemon=True).start()
        self.follow_names()
        for number, (path, _, _) in enumerate(self.files):
            mount(f"{folder}/{number}", path, None, MS_BIND)

    def attributes(self, node):
        mode = 0o40755 if node == 1 else 0o100644
        size = 0 if node == 1 else 4096
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, node, body):
        """The answer to a request: bytes, or an errno."""
        if opcode == 26:  # INIT
            return struct.pack("<4I2H2I2HI7I", 7, 23, 65536, 0, 16, 12, 65536, 1, 0, 0, 0, *[0] * 7)
        if opcode == 1:  # LOOKUP
            name = body.rstrip(b"\0").decode()
            if not name.isdigit() or int(name) >= len(self.files):
                return errno.ENOENT
            child = int(name) + 2
            return struct.pack("<4Q2I", child, 0, 3600, 3600, 0, 0) + self.attributes(child)
        if opcode in (3, 4):  # GETATTR, SETATTR
            return struct.pack("<Q2I", 3600, 0, 0) + self.attributes(node)
        if opcode in (14, 27):  # OPEN, OPENDIR
            return struct.pack("<Q2I", 0, 1, 0)  # FOPEN_DIRECT_IO
        if opcode == 15:  # READ
            offset, size = struct.unpack_from("<QI", body, 8)
            _, name, driver = self.files[node - 2]
            return self.read(name, driver)[offset:offset + size]
        if opcode == 16:  # WRITE
            size, = struct.unpack_from("<I", body, 16)
            _, name, driver = self.files[node - 2]
            err = self.write(name, driver, body[40:40 + size].decode())
            return err or struct.pack("<2I", size, 0)
        if opcode in (18, 20, 25, 29, 34):  # RELEASE, FSYNC, FLUSH, RELEASEDIR, ACCESS
            return b""
        return errno.ENOSYS

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 18)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return
            _, opcode, unique, node = struct.unpack_from("<2I2Q", request)
            if opcode in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET
                continue
            try:
                answer = self.answer(opcode, node, request[40:])
            except Exception as error:  # the writer must not hang
                print(f"kernel.py: {error!r}", file=sys.stderr)
                answer = errno.EIO
            err, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            try:
                os.write(self.fd, struct.pack("<IiQ", 16 + len(body), err, unique) + body)
            except OSError:
                pass  # the caller was killed


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    kernel = Kernel(*sys.argv[1:])
    kernel.mount()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
