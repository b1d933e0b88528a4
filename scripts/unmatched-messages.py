#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The error messages of a new kernel, DPDK or rdma-core that no rule of 'manakin diagnose' knows.

  unmatched-messages.py TREE              list them: file, line, level, format
  unmatched-messages.py --all TREE        list every message with the rules that match it
  unmatched-messages.py --rules DIR TREE  use these rules instead of share/rules
  unmatched-messages.py --harmless FILE TREE
                                          instead of scripts/harmless-messages.txt

TREE is a source tree of Linux, DPDK or rdma-core; which one is found out. Of Linux it reads mana, mana_ib, hv_netvsc,
hv_vmbus, uio_hv_generic and pci-hyperv; of DPDK net_mana, netvsc, failsafe, vdev_netvsc, the VMBus, and EAL's
hugepages; of rdma-core libibverbs and libmana.

An example line is made of each format at error or warning level, once with each of several values for what it prints,
and searched with each Match pattern. A pattern whose rule has conditions (When) on what it captures matches
"for some values" only. Messages for which no rule is wanted are in scripts/harmless-messages.txt, by their formats. The
exit status is 0 if every message has a rule or is harmless, 1 if not, 2 if it could not be found out.
"""
import argparse
import ctypes
import ctypes.util
import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Where to look in each tree. Files that have nothing to do with networking are left out.
TREES = {
    "linux": ("drivers/hv/Makefile", [
        "drivers/net/ethernet/microsoft/mana/*.c", "drivers/infiniband/hw/mana/*.c", "drivers/net/hyperv/*.c",
        "drivers/hv/*.c", "drivers/uio/uio_hv_generic.c", "drivers/pci/controller/pci-hyperv*.c"],
        r"drivers/hv/(mshv|hv_(balloon|kvp|snapshot|fcopy|debugfs|util|utils_transport)|vmbus_dlm)"),
    "dpdk": ("drivers/bus/vmbus", [
        "drivers/net/mana/*.c", "drivers/net/netvsc/*.c", "drivers/net/failsafe/*.c",
        "drivers/net/vdev_netvsc/*.c", "drivers/bus/vmbus/**/*.c",
        "lib/*eal/linux/eal*hugepage*.c", "lib/*eal/linux/eal*mem*.c", "lib/*eal/common/eal_common_dynmem.c"],
        None),
    "rdma-core": ("libibverbs/init.c", [
        "libibverbs/*.c", "providers/mana/*.c", "providers/mana/*.h", "util/open_cdev.c"],
        r"libibverbs/(examples|neigh)"),
}

# What prints at error or warning level: the level, and how many arguments precede the format.
# "L" means that the first argument is the level.
LINUX = r"""
(?P<kind>dev|netdev|ibdev|pci|netif|net|pr|uio|shost|sdev)_
(?P<level>emerg|alert|crit|err|warn|warning)(?P<how>_once|_ratelimited|_probe)?"""
LINUX_CALL = re.compile(rf"\b(?:{LINUX}|(?P<warn>WARN|WARN_ONCE|panic))\s*\(", re.X)
DPDK_CALL = re.compile(r"\b(?P<name>(?:[A-Z][A-Z0-9_]*_LOG|RTE_LOG(?:_LINE|_DP(?:_LINE)?)?|LOG_|ERROR|WARN|CRIT|"
                       r"rte_log|rte_exit|rte_panic))\s*\(")
RDMA_CALL = re.compile(r"\b(?P<name>verbs_err|verbs_warn|fprintf)\s*\(")
BAD = {"EMERG", "ALERT", "CRIT", "ERR", "WARNING", "RTE_LOG_ERR", "RTE_LOG_CRIT", "RTE_LOG_WARNING", "RTE_LOG_ALERT",
       "RTE_LOG_EMERG"}

# What %d, %u, %x and %s stand for, a set for each example line
VALUES = [
    {"d": "-22", "u": "3", "x": "5", "s": "enP30832s1"},
    {"d": "-110", "u": "30000", "x": "c00000bb", "s": "eth1"},
    {"d": "-71", "u": "1", "x": "1d", "s": "mana_0"},
    {"d": "-12", "u": "4096", "x": "0", "s": "f8615163-0001-1000-2000-7c1e52a3b4c5"},
    {"d": "-19", "u": "0", "x": "ffffff92", "s": "Cannot allocate memory"},
    {"d": "-16", "u": "64", "x": "8", "s": "7870:00:00.0"},
    {"d": "22", "u": "128", "x": "3", "s": "to"},
    {"d": "-5", "u": "2", "x": "10004", "s": ("/dev/uio0", "Permission denied")},
    {"d": "-1", "u": "12", "x": "c000009a", "s": ("/sys/bus/vmbus/devices/f8615163-0001-1000-2000-7c1e52a3b4c5/channels",
                                                    "No such file or directory")},
]
POINTERS = {"U": "f8615163-0001-1000-2000-7c1e52a3b4c5", "M": "7c:1e:52:a3:b4:c5", "e": "-ENOMEM"}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONVERSION = re.compile(r"%([-+ #0]*)(\*|\d+)?(?:\.(?:\*|\d+))?(hh|h|ll|l|z|j|t|q|L)?([diuxXcspfgm%])")


class Pattern:
    """A pattern of a rule. Python's own differ from PCRE2's, so these are PCRE2's."""

    MULTILINE = 0x400
    library = None

    def __init__(self, text):
        if not Pattern.library:
            name = ctypes.util.find_library("pcre2-8") or "libpcre2-8.so.0"
            Pattern.library = ctypes.CDLL(name)
            for function in ("pcre2_compile_8", "pcre2_match_data_create_8"):
                getattr(Pattern.library, function).restype = ctypes.c_void_p
        pcre, number, at = Pattern.library, ctypes.c_int(), ctypes.c_size_t()
        self.code = ctypes.c_void_p(pcre.pcre2_compile_8(text.encode(), ctypes.c_size_t(len(text.encode())),
                                                         self.MULTILINE, ctypes.byref(number), ctypes.byref(at), None))
        if not self.code:
            raise ValueError(f"mistake {number.value} at byte {at.value}")
        self.match_data = ctypes.c_void_p(pcre.pcre2_match_data_create_8(1, None))
        self.names = set(re.findall(r"\(\?<(\w+)>", text))

    def in_lines(self, lines):
        """Does it match one of the lines?"""
        return Pattern.library.pcre2_match_8(self.code, lines, ctypes.c_size_t(len(lines)), ctypes.c_size_t(0), 0,
                                             self.match_data, None) >= 0


class Message:
    """A call that prints: where, at what level, with what format"""

    def __init__(self, path, line, level, text, prefix):
        self.path, self.line, self.level, self.text, self.prefix = path, line, level, text, prefix

    def examples(self):
        """Lines as the program would print them"""
        return [self.prefix + fill(self.text, values) for values in VALUES]


def fill(text, values):
    """A printf format with values in it"""
    strings = itertools.cycle([values["s"]] if isinstance(values["s"], str) else values["s"])

    def one(match):
        flags, letter = match[1], match[4]
        if letter == "s":
            return next(strings)
        if letter == "%":
            return "%"
        if letter in "xX":
            return ("0x" if "#" in flags else "") + values["x"]
        if letter == "p":
            return "00000000deadbeef"
        if letter == "c":
            return "a"
        if letter == "m":
            return "Cannot allocate memory"
        return values["d" if letter in "di" else "u"]

    text = re.sub(r"%p([UMe])[lbBLR]?", lambda match: POINTERS[match[1]], text)
    return CONVERSION.sub(one, text).rstrip("\n")


def without_comments(text):
    """The text with comments and macro definitions blanked out, every line still in its place"""
    def blank(match):
        return match[0] if match[0][0] in "\"'" else re.sub(r"[^\n]", " ", match[0])

    text = re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#[ \t]*define(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def arguments(text, at):
    """The arguments of a call whose '(' is just before text[at]"""
    found, depth, begin = [], 0, at
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at += 1
            while at < len(text) and text[at] != char:
                at += 2 if text[at] == "\\" else 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            if not depth:
                found.append(text[begin:at])
                return [argument.strip() for argument in found]
            depth -= 1
        elif char == "," and not depth:
            found.append(text[begin:at])
            begin = at + 1
        at += 1
    return []


def literal(argument):
    """The string that adjacent literals make, with a value for each macro between them; None: it is not one"""
    if '"' not in argument:
        return None
    text = re.sub(r'PRI([diuxX])\w*', r'"\1"', argument)
    text = re.sub(r'\b(?:PFX|DRV_NAME|KBUILD_MODNAME)\b', '""', text)
    if STRING.sub("", text).strip():
        return None
    joined = "".join(match[1] for match in STRING.finditer(text))
    return joined.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\").rstrip("\n")


def linux_prefix(path, kind, pr_fmt):
    """What the kernel puts before a driver's own words"""
    driver = ("mana" if "mana" in str(path) else "hv_netvsc" if "hyperv/" in str(path) else
              "uio_hv_generic" if "uio" in str(path) else "hv_pci" if "pci-" in str(path) else "hv_vmbus")
    device = "7870:00:00.0" if driver == "mana" else "f8615163-0001-1000-2000-7c1e52a3b4c5"
    return {"netdev": f"{driver} {device} eth1: ", "netif": f"{driver} {device} eth1: ",
            "ibdev": "infiniband mana_0: ", "pr": pr_fmt, "net": pr_fmt, None: ""}.get(kind, f"{driver} {device}: ")


def linux_messages(path, text):
    """Of a file of Linux"""
    has_format = re.search(r'#\s*define\s+pr_fmt\(fmt\)\s+(KBUILD_MODNAME\s*)?("[^"]*")?', text)
    pr_fmt = ((("hv_vmbus" if has_format[1] else "") + (has_format[2] or '""').strip('"')) if has_format else "")
    text = without_comments(text)
    for call in LINUX_CALL.finditer(text):
        given = arguments(text, call.end())
        kind = call["kind"]
        skip = (2 if call["how"] == "_probe" or kind == "netif" else 0 if kind in ("pr", "net") else 1)
        if call["warn"]:
            skip = 0 if call["warn"] == "panic" else 1
        if kind == "netif":
            skip = 3
        said = literal(given[skip]) if len(given) > skip else None
        if said is None:
            continue
        prefix = linux_prefix(path, kind, pr_fmt)
        if call["how"] == "_probe":
            prefix += "error -12: "
        level = call["level"] or call["warn"]
        yield Message(path, text.count("\n", 0, call.start()) + 1, level, said, prefix)


def dpdk_messages(path, text):
    """Of a file of DPDK"""
    text = without_comments(text)
    for call in DPDK_CALL.finditer(text):
        given = arguments(text, call.end())
        name = call["name"]
        if name in ("ERROR", "WARN", "CRIT", "rte_panic"):
            level, rest = name, given
        elif name == "rte_exit":
            level, rest = name, given[1:]
        else:
            level, rest = (given[0] if given else ""), given[1:]
            if level not in BAD:
                continue
            rest = rest[1:] if name in ("RTE_LOG", "RTE_LOG_LINE", "RTE_LOG_DP", "rte_log") else rest
        said = literal(rest[0]) if rest else None
        if said is None:
            continue
        before = text[:call.start()]
        function = re.findall(r"^([a-z_]\w*)\(", before, re.M)
        about = "EAL: " if "eal" in str(path) else f"{function[-1] if function else 'main'}(): "
        yield Message(path, before.count("\n") + 1, level.lower(), said, about)


def rdma_messages(path, text):
    """Of a file of rdma-core"""
    text = without_comments(text)
    for call in RDMA_CALL.finditer(text):
        given = arguments(text, call.end())
        if call["name"] == "fprintf" and (not given or given[0] != "stderr"):
            continue
        said = literal(given[1]) if len(given) > 1 else None
        if said is None:
            continue
        level = "warn" if call["name"] == "verbs_warn" or "arning" in said else "err"
        prefix = "libibverbs: " if call["name"] == "fprintf" else "libmana: mana_0: "
        yield Message(path, text.count("\n", 0, call.start()) + 1, level, said, prefix)


READERS = {"linux": linux_messages, "dpdk": dpdk_messages, "rdma-core": rdma_messages}


def read_rules(folder):
    """[(id, pattern, conditional)] of a directory of rules"""
    patterns = []
    for path in sorted(folder.glob("*.rules")):
        for block in re.split(r"\n[ \t]*\n", path.read_text()):
            fields = []
            for line in block.splitlines():
                if line.startswith("#"):
                    continue
                if line[:1] in (" ", "\t") and fields:
                    fields[-1] = (fields[-1][0], fields[-1][1] + " " + line.strip())
                elif ":" in line:
                    name, _, value = line.partition(":")
                    fields.append((name, value.strip()))
            ident = next((value for name, value in fields if name == "Id"), None)
            names = {value.split()[0] for name, value in fields if name == "When"}
            for name, value in fields:
                if name == "Match" and ident:
                    try:
                        code = Pattern(value)
                    except (ValueError, OSError) as error:
                        raise SystemExit(f"{path}: {ident}: '{value}': {error}") from error
                    patterns.append((ident, code, bool(names & code.names)))
    if not patterns:
        raise SystemExit(f"{folder}: there are no rules here")
    return patterns


def read_harmless(path):
    """The formats for which no rule is wanted"""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def matching(message, patterns):
    """The ids of the rules that match it: for every value, and for some values only"""
    examples = "\n".join(message.examples()).encode()
    always, sometimes = set(), set()
    for ident, code, conditional in patterns:
        if code.in_lines(examples):
            (sometimes if conditional else always).add(ident)
    return always, sometimes - always


def tree_of(root):
    """Which of the three is it?"""
    for name, (mark, globs, but) in TREES.items():
        if (root / mark).exists():
            return name, globs, but
    raise SystemExit(f"{root}: neither Linux nor DPDK nor rdma-core: none of "
                     f"{', '.join(mark for mark, _, _ in TREES.values())} is there")


def main():
    """The command"""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("--rules", type=pathlib.Path, default=ROOT / "share/rules")
    parser.add_argument("--harmless", type=pathlib.Path, default=ROOT / "scripts/harmless-messages.txt")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    name, globs, but = tree_of(options.tree)
    patterns = read_rules(options.rules)
    harmless = read_harmless(options.harmless)
    messages, without, some, known = 0, 0, 0, 0
    for path in sorted({path for glob in globs for path in options.tree.glob(glob)}):
        shown = path.relative_to(options.tree)
        if but and re.match(but, str(shown)):
            continue
        for message in READERS[name](shown, path.read_text(errors="replace")):
            always, sometimes = matching(message, patterns)
            messages += 1
            is_known = not always and not sometimes and message.text in harmless
            known += is_known
            without += not always and not sometimes and not is_known
            some += not always and bool(sometimes)
            if (always or is_known) and not options.all:
                continue
            ids = " ".join(sorted(always)) or (
                f"for some values: {' '.join(sorted(sometimes))}" if sometimes else
                "harmless" if is_known else "no rule")
            print(f"{shown}:{message.line}: {message.level}: {message.text}  [{ids}]")
    if not messages:
        raise SystemExit(f"{options.tree}: no messages found; is the tree complete?")
    sys.stdout.flush()
    print(f"{name}: {messages} messages at error or warning level, {without} without a rule, "
          f"{some} with a rule for some values only, {known} harmless", file=sys.stderr)
    return 1 if without else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SystemExit as end:
        if isinstance(end.code, str):
            print(f"unmatched-messages.py: {end.code}", file=sys.stderr)
            sys.exit(2)
        raise
