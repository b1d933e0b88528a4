#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are the files hardened as the build says? Reads the ELF files that it made, with no library.

usage: hardening.py NAMES FILE...       NAMES: what scripts/harden/meson.build switched on
       hardening.py --self-test

A FILE is a program, a shared object, or an archive of objects (lib*.a, also a thin one). Programs
and shared objects are checked for what the linker did (pie, relro, now, noexecstack) and for the
functions that the compiler's checks call (stack-protector, fortify). What only the code shows
(stack-clash, branches, zero) is checked in the command lines that are in the debug information of
an object, and branches in its note.
"""

import os
import struct
import sys
import tempfile

ET_DYN = 3
PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO = 2, 0x6474E551, 0x6474E552
DT_FLAGS, DT_FLAGS_1 = 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW = 8, 1
SHT_SYMTAB, SHT_NOTE, SHT_DYNSYM = 2, 7, 11
NT_GNU_PROPERTY_TYPE_0 = 5
FEATURES = {62: (0xC0000002, 3), 183: (0xC0000000, 3)}  # machine: property, IBT+SHSTK or BTI+PAC
FLAGS = {
    "stack-protector": "-fstack-protector-strong",
    "stack-clash": "-fstack-clash-protection",
    "zero": "-ftrivial-auto-var-init=zero",
}


class Elf:
    """A 64-bit little-endian ELF file."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a 64-bit little-endian ELF file")
        self.data = data
        (self.type, self.machine, _, _, phoff, shoff, _, _, phsize, phnum, shsize, shnum,
         shstr) = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        self.segments = [struct.unpack_from("<IIQQQQQQ", data, phoff + i * phsize)
                         for i in range(phnum)]
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * shsize)
                         for i in range(shnum)]
        self.strings = self.content(self.sections[shstr]) if shnum else b""

    def content(self, section):
        return self.data[section[4]:section[4] + section[5]]

    def segment(self, kind):
        return next((s for s in self.segments if s[0] == kind), None)

    def dynamic(self):
        segment = self.segment(PT_DYNAMIC)
        if not segment:
            return {}
        return dict(struct.unpack_from("<QQ", self.data, at)
                    for at in range(segment[2], segment[2] + segment[5], 16))

    def symbols(self):
        names = set()
        for section in self.sections:
            if section[1] not in (SHT_SYMTAB, SHT_DYNSYM):
                continue
            table = self.content(self.sections[section[6]])
            for at in range(section[4], section[4] + section[5], 24):
                name = struct.unpack_from("<I", self.data, at)[0]
                names.add(table[name:table.index(b"\0", name)].decode().split("@")[0])
        return names

    def features(self):
        """What the GNU property note says of branches: bits."""
        want = FEATURES.get(self.machine)
        for section in self.sections:
            if section[1] != SHT_NOTE:
                continue
            note = self.content(section)
            at = 0
            while at + 12 <= len(note):
                name, size, kind = struct.unpack_from("<III", note, at)
                body = at + 12 + (name + 3) // 4 * 4
                if kind == NT_GNU_PROPERTY_TYPE_0 and want:
                    end = body + size
                    while body + 8 <= end:
                        prop, length = struct.unpack_from("<II", note, body)
                        if prop == want[0]:
                            return struct.unpack_from("<I", note, body + 8)[0]
                        body += 8 + (length + 7) // 8 * 8
                at = at + 12 + (name + 3) // 4 * 4 + (size + 7) // 8 * 8
        return 0


def members(path):
    """The objects of an archive, thin or not."""
    with open(path, "rb") as file:
        data = file.read()
    thin = data[:8] == b"!<thin>\n"
    at, names = 8, b""
    while at + 60 <= len(data):
        name, size = data[at:at + 16].decode().rstrip(), int(data[at + 48:at + 58])
        at += 60
        if name == "//":
            names = data[at:at + size]
        special = name in ("/", "//", "/SYM64/")
        if not special and thin:
            start = int(name[1:].split()[0].rstrip("/"))
            other = names[start:names.index(b"/\n", start)].decode()
            with open(os.path.join(os.path.dirname(path), other), "rb") as file:
                yield other, file.read()
        elif not special:
            yield name, data[at:at + size]
        if special or not thin:
            at += size + size % 2


def check_linked(elf, names):
    """What the linker did, and what is called."""
    dynamic = elf.dynamic()
    stack = elf.segment(PT_GNU_STACK)
    symbols = elf.symbols()
    wrong = []
    if "pie" in names and elf.type != ET_DYN:
        wrong.append("pie: it is not position-independent")
    if "relro" in names and not elf.segment(PT_GNU_RELRO):
        wrong.append("relro: there is no such segment")
    if "now" in names and not (dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW
                               or dynamic.get(DT_FLAGS_1, 0) & DF_1_NOW):
        wrong.append("now: functions are bound lazily")
    if "noexecstack" in names and (not stack or stack[1] & 1):
        wrong.append("noexecstack: the stack is executable")
    if any(segment[0] == 1 and segment[1] & 3 == 3 for segment in elf.segments):
        wrong.append("a segment is writable and executable")
    if "stack-protector" in names and "__stack_chk_fail" not in symbols:
        wrong.append("stack-protector: __stack_chk_fail is not called")
    if "fortify" in names and not any(s.endswith("_chk") for s in symbols):
        wrong.append("fortify: no checked function is called")
    return wrong


def check_object(elf, names):
    """What the compiler was told (GCC records it in debug information), and its note."""
    recorded = b"GNU C" in elf.data
    wrong = [f"{name}: not compiled with {flag}" for name, flag in FLAGS.items()
             if recorded and name in names and flag.encode() not in elf.data]
    if "branches" in names and elf.machine in FEATURES and \
            elf.features() & FEATURES[elf.machine][1] != FEATURES[elf.machine][1]:
        wrong.append("branches: its note does not say that branches are protected")
    return wrong


def check(names, paths):
    """Print what is wrong; how many files were"""
    bad = 0
    for path in paths:
        if path.endswith(".a"):
            objects = list(members(path))
            found = [f"{name}: {text}" for name, data in objects
                     for text in check_object(Elf(data), names)]
            if not any(b"GNU C" in data or b"clang" in data for _, data in objects):
                found.append("no object in it says how it was compiled; build with -g")
        else:
            with open(path, "rb") as file:
                found = check_linked(Elf(file.read()), names)
        for text in found:
            print(f"{path}: {text}")
        bad += bool(found)
    return bad


def self_test():
    """Files that are not hardened are found."""
    everything = ["pie", "relro", "now", "noexecstack", "stack-protector", "fortify",
                  "stack-clash", "zero", "branches"]
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "a.c")
        with open(source, "w", encoding="ascii") as file:
            file.write('#include <stdio.h>\n#include <string.h>\nint main(int n, char **v)'
                       '{ char t[9]; strcpy(t, v[n - 1]); return puts(t); }\n')
        cc = os.environ.get("CC", "cc")
        plain = ("-O0 -g -no-pie -Wl,-z,lazy -Wl,-z,norelro -Wl,-z,execstack -fno-stack-protector "
                 "-U_FORTIFY_SOURCE -fcf-protection=none -fno-stack-clash-protection")
        soft, library = os.path.join(folder, "soft"), os.path.join(folder, "lib.a")
        commands = [f"{cc} {plain} -o {soft} {source} 2>/dev/null",
                    f"{cc} {plain.replace('-no-pie', '')} -c -o {folder}/a.o {source} 2>/dev/null",
                    f"ar csrDT {library} {folder}/a.o"]
        if any(os.system(command) for command in commands):
            commands[0:2] = [c.replace("-fcf-protection=none -fno-stack-clash-protection", "")
                             for c in commands[0:2]]
            assert not any(os.system(command) for command in commands)
        with open(soft, "rb") as file:
            wrong = check_linked(Elf(file.read()), everything)
        found = {text.split(":")[0] for text in wrong}
        assert found == {"pie", "relro", "now", "noexecstack", "stack-protector", "fortify"}, found
        found = {text.split(":")[0] for _, data in members(library)
                 for text in check_object(Elf(data), everything)}
        assert {"stack-clash", "zero", "stack-protector"} <= found, found
        assert check([], [soft, library]) == 0
        assert check(["now"], [soft]) == 1
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if check(sys.argv[1].split(), sys.argv[2:]) else 0


if __name__ == "__main__":
    sys.exit(main())
