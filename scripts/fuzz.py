#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the fuzz targets of tests/fuzz; docs/fuzzing.md has more.

  fuzz.py run [--minutes N] [--jobs N] [--build DIR] [--corpus DIR] [TARGET...]
        Build all targets with clang's libFuzzer, run them one after another within N minutes, and
        print what each has done. Exits with 0, 1 if there is a finding, 2 if there is nothing to run.
  fuzz.py replay [--build DIR] TARGET FILE...
        Run single inputs, such as a finding.
  fuzz.py distil [--most N] [TARGET...]
        Add to tests/fuzz/corpus the smallest inputs kept so far that reach code which those there do not.
  fuzz.py coverage [TARGET...]
        What the inputs kept so far, and those of tests/fuzz/corpus, reach of each room of src/.
  fuzz.py tally
        What all runs of this user have done so far.

Inputs that reach something new are kept in ~/.cache/manakin/fuzz/TARGET, the next run starts from
there; a finding is kept in DIR/findings.
"""
import argparse
import collections
import csv
import datetime
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
SEEDS = SOURCE / "tests/fuzz/corpus"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "manakin/fuzz"
STATUS_S = 30  # between lines that say how far a target is
FINDINGS_MAX = 3  # of one target in a run; it is run again after each
SLOT_MIN = 2  # seconds: less is not worth a start
# What is built with which sanitizers. A name that starts with one of these has threads of its own.
THREADED = "race"
SANITIZERS = {"address": "address,undefined", "thread": "thread"}
SAME_INPUT = {"race": "device"}  # targets that have the inputs of others
NOISY = ("session", "options")  # what they print is not worth seeing
OPTIONS = {
    "ASAN_OPTIONS": "malloc_context_size=3:quarantine_size_mb=8:detect_leaks=1:handle_abort=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
STATUS = re.compile(r"^#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/\S+.*exec/s: (\d+)")


def say(text):
    print(text, flush=True)


def fail(text):
    print(f"fuzz.py: {text}", file=sys.stderr)
    sys.exit(2)


class Build:
    """A build directory in which everything is instrumented, with one kind of sanitizer."""

    def __init__(self, directory, kind):
        self.kind = kind
        self.path = directory if kind == "address" else directory.with_name(f"{directory.name}-{kind}")

    def make(self):
        environment = dict(os.environ, CC="clang")
        if not (self.path / "build.ninja").exists():
            headers = SOURCE / "build/dpdk-headers"
            if headers.is_dir() and not (self.path / "dpdk-headers").exists():
                shutil.copytree(headers, self.path / "dpdk-headers")
            self.run(["meson", "setup", self.path, "-Dfuzz=true", "-Dvector=false", "-Db_lundef=false",
                      f"-Db_sanitize={SANITIZERS[self.kind]}"], environment)
        self.run(["ninja", "-C", self.path, "fuzz-targets"], environment)

    @staticmethod
    def run(command, environment):
        done = subprocess.run([str(word) for word in command], cwd=SOURCE, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            sys.stderr.write(done.stdout)
            print(f"fuzz.py: {' '.join(map(str, command))} failed", file=sys.stderr)
            sys.exit(2)

    def targets(self):
        programs = sorted((self.path / "tests/fuzz").glob("fuzz-*"))
        names = [program.name[len("fuzz-"):] for program in programs
                 if program.is_file() and os.access(program, os.X_OK)]
        return [name for name in names if self.kind == "address" or name.startswith(THREADED)]

    def program(self, target):
        return self.path / "tests/fuzz" / f"fuzz-{target}"


class Run:
    """One target's slot."""

    def __init__(self, build, target, corpus):
        self.build, self.target = build, target
        self.name = target if build.kind == "address" else f"{target} ({build.kind})"
        self.corpus = corpus / target
        self.findings = []
        self.executions = self.edges_before = self.edges = self.inputs_before = self.inputs = 0
        self.seconds = self.cpu = 0.0
        self.last = ""

    def command(self, seconds):
        seeds = SEEDS / SAME_INPUT.get(self.target, self.target)
        dictionary = SOURCE / "tests/fuzz/words" / self.target
        found = self.build.path / "findings"
        found.mkdir(exist_ok=True)
        self.corpus.mkdir(parents=True, exist_ok=True)
        return [self.build.program(self.target), f"-max_total_time={max(1, int(seconds) - 1)}", "-print_final_stats=1",
                "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", "-reload=0", "-entropic=0", "-print_funcs=0",
                f"-artifact_prefix={found}/{self.target}-",
                *(["-close_fd_mask=3"] if self.target in NOISY else []),
                *([f"-dict={dictionary}"] if dictionary.exists() else []),
                self.corpus, *([seeds] if seeds.is_dir() else [])]

    def go(self, seconds):
        end = time.monotonic() + seconds
        while seconds >= SLOT_MIN and len(self.findings) < FINDINGS_MAX:
            if not self.once(seconds):
                break
            seconds = end - time.monotonic()

    def once(self, seconds):
        """Run until the time is over or something is found; true if it was."""
        began = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said, executions, lines = began, 0, []
        child = subprocess.Popen([str(word) for word in self.command(seconds)], cwd=SOURCE,
                                 env={**os.environ, **OPTIONS}, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, errors="replace")
        for line in child.stderr:
            status = STATUS.match(line)
            if not status:
                lines = (lines + [line.rstrip()])[-200:]
                units = re.match(r"stat::number_of_executed_units:\s*(\d+)", line)
                executions = int(units[1]) if units else executions
                continue
            executions = int(status[1])
            self.edges, self.inputs = int(status[3]), int(status[5])
            if status[2] == "INITED":
                self.edges_before = self.edges_before or self.edges
                self.inputs_before = self.inputs_before or self.inputs
            if time.monotonic() - said >= STATUS_S:
                said = time.monotonic()
                say(f"   {self.name}: {said - began:.0f} of {seconds:.0f} s, {executions} executions, "
                    f"{int(executions / (said - began))} a second, {self.edges} edges")
        child.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.seconds += time.monotonic() - began
        self.executions += executions
        if not child.returncode:
            return False
        self.keep_finding(child.returncode, lines)
        return True

    def keep_finding(self, status, lines):
        text = "\n".join(lines)
        artifact = re.search(r"Test unit written to (\S+)", text)
        summary = re.search(r"^SUMMARY: (.*)$", text, re.MULTILINE)
        path = pathlib.Path(artifact[1]) if artifact else None
        log = (path or self.build.path / "findings" / f"{self.target}-{int(time.time())}").with_suffix(".log")
        log.write_text(text + "\n", encoding="utf-8")
        self.findings.append(path or log)
        say(f"!! {self.name}: {summary[1] if summary else f'ended with status {status}'}\n"
            f"   the input: {path}; what was printed: {log}")

    def note(self):
        """Add a line to the tally of all runs."""
        tally = CACHE / "tally.csv"
        new = not tally.exists()
        with tally.open("a", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            if new:
                out.writerow(["when", "target", "seconds", "cpu_seconds", "executions", "edges", "findings"])
            out.writerow([datetime.datetime.now().isoformat(timespec="seconds"), self.name, f"{self.seconds:.1f}",
                          f"{self.cpu:.1f}", self.executions, self.edges, len(self.findings)])


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        say("  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def run(arguments):
    builds = [Build(arguments.build, "address"), Build(arguments.build, "thread")]
    say("== building the targets")
    runs = []
    for build in builds:
        if build.kind == "thread" and not (SOURCE / f"tests/fuzz/{THREADED}.c").exists():
            continue
        build.make()
        runs += [Run(build, name, arguments.corpus) for name in build.targets()]
    unknown = set(arguments.targets) - {each.target for each in runs}
    if unknown:
        fail(f"there is no target '{sorted(unknown)[0]}'; there are {', '.join(sorted({r.target for r in runs}))}")
    runs = [each for each in runs if not arguments.targets or each.target in arguments.targets]
    slot = arguments.minutes * 60 * arguments.jobs / len(runs)
    if slot < SLOT_MIN:
        fail(f"{len(runs)} targets need at least {len(runs) * SLOT_MIN / 60 / arguments.jobs:.1f} minutes")
    say(f"== {len(runs)} targets, {slot:.0f} s each, {arguments.jobs} at a time; what they keep: {arguments.corpus}")
    waiting, lock = list(runs), threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                each = waiting.pop(0)
                number = len(runs) - len(waiting)
            say(f"-- {number}/{len(runs)} {each.name}")
            each.go(slot)
            with lock:
                each.note()

    workers = [threading.Thread(target=work) for _ in range(arguments.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    say("")
    table(["target", "seconds", "executions", "a second", "edges", "new edges", "inputs", "new", "findings"],
          [[each.name, f"{each.seconds:.0f}", each.executions, int(each.executions / max(each.seconds, 1)),
            each.edges, each.edges - each.edges_before, each.inputs, each.inputs - each.inputs_before,
            len(each.findings)] for each in runs])
    found = [path for each in runs for path in each.findings]
    for path in found:
        say(f"finding: {path}")
    say(f"{sum(each.seconds for each in runs) / 60:.1f} minutes, {sum(each.executions for each in runs)} executions, "
        f"{len(found)} finding{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


def replay(arguments):
    kind = "thread" if arguments.thread else "address"
    build = Build(arguments.build, kind)
    build.make()
    return subprocess.call([str(build.program(arguments.target)), *arguments.files], env={**os.environ, **OPTIONS})


def distil(arguments):
    build = Build(arguments.build, "address")
    build.make()
    for target in arguments.targets or build.targets():
        kept, seeds = arguments.corpus / target, SEEDS / SAME_INPUT.get(target, target)
        if not kept.is_dir():
            continue
        seeds.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            chosen = pathlib.Path(scratch)
            for seed in seeds.iterdir():
                shutil.copy(seed, chosen / seed.name)
            before = {path.name for path in chosen.iterdir()}
            # Smaller inputs come first; one is chosen if it reaches an edge that the chosen ones do not.
            subprocess.run([str(build.program(target)), "-merge=1", "-use_counters=0", "-max_len=4096",
                            str(chosen), str(kept)],
                           env={**os.environ, **OPTIONS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           check=True)
            added = sorted((path for path in chosen.iterdir() if path.name not in before),
                           key=lambda path: path.stat().st_size)[:arguments.most]
            for path in added:
                shutil.copy(path, seeds / path.name[:8])
            say(f"{target}: {len(added)} inputs added to {len(before)}")
    return 0


def room_of(name):
    parts = pathlib.Path(name).resolve().relative_to(SOURCE / "src").parts
    return "/".join(parts[:2] if parts[0] == "host" else parts[:1])


def coverage(arguments):
    path = arguments.build.with_name("build-coverage")
    if not (path / "build.ninja").exists():
        headers = SOURCE / "build/dpdk-headers"
        if headers.is_dir() and not (path / "dpdk-headers").exists():
            shutil.copytree(headers, path / "dpdk-headers")
        Build.run(["meson", "setup", path, "-Dvector=false", "-Dc_link_args=-fprofile-instr-generate",
                   "-Dc_args=-fprofile-instr-generate -fcoverage-mapping"], dict(os.environ, CC="clang"))
    Build.run(["ninja", "-C", path, "fuzz-targets"], os.environ)
    names = [program.name[len("fuzz-"):] for program in sorted((path / "tests/fuzz").glob("fuzz-*"))
             if program.is_file() and os.access(program, os.X_OK)]
    profiles, programs = [], []
    for name in [name for name in names if not arguments.targets or name in arguments.targets]:
        folders = [folder for folder in (SEEDS / SAME_INPUT.get(name, name), arguments.corpus / name)
                   if folder.is_dir()]
        programs.append(path / "tests/fuzz" / f"fuzz-{name}")
        profiles.append(path / f"{name}.profraw")
        subprocess.run([str(word) for word in [programs[-1], 0, *folders]], cwd=SOURCE, check=True, timeout=600,
                       env=dict(os.environ, LLVM_PROFILE_FILE=str(profiles[-1])), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not programs:
        fail("there is no such target")
    merged = path / "fuzz.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", *map(str, profiles), "-o", str(merged)], check=True)
    objects = [str(programs[0])] + [word for program in programs[1:] for word in ("-object", str(program))]
    report = json.loads(subprocess.run(["llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", *objects],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
    for each in report["data"][0]["files"]:
        name = os.path.join(path, each["filename"]) if not os.path.isabs(each["filename"]) else each["filename"]
        if not pathlib.Path(name).resolve().is_relative_to(SOURCE / "src"):
            continue
        for at, number in enumerate([name.endswith(".c"), each["summary"]["lines"]["count"], each["summary"]["lines"]["covered"],
                                     each["summary"]["branches"]["count"], each["summary"]["branches"]["covered"]]):
            rooms[room_of(name)][at] += number
    say("| room | files | lines | reached | branches | reached |\n|---|---|---|---|---|---|")
    for room, (files, lines, seen, branches, taken) in sorted(rooms.items()):
        say(f"| `{room}/` | {files} of {len(list((SOURCE / 'src' / room).glob('*.c')))} | {lines} | "
            f"{100 * seen // max(lines, 1)} % | {branches} | {100 * taken // max(branches, 1)} % |")
    return 0


def tally(_):
    path = CACHE / "tally.csv"
    if not path.exists():
        fail(f"there is no {path}: nothing has been run yet")
    sums = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            seconds, cpu, executions, found = sums.get(row["target"], (0, 0, 0, 0))
            sums[row["target"]] = (seconds + float(row["seconds"]), cpu + float(row["cpu_seconds"]),
                                   executions + int(row["executions"]), found + int(row["findings"]))
    table(["target", "minutes", "executions", "a second of CPU time", "findings"],
          [[name, f"{s / 60:.1f}", n, int(n / max(cpu, 1)), found] for name, (s, cpu, n, found) in sorted(sums.items())])
    total = [sum(column) for column in zip(*sums.values())]
    say(f"{total[0] / 3600:.2f} hours, {total[2]} executions, {total[3]} findings")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in [("run", run), ("replay", replay), ("distil", distil), ("coverage", coverage),
                           ("tally", tally)]:
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(), default=SOURCE / "build-fuzz")
        command.add_argument("--corpus", type=lambda text: pathlib.Path(text).resolve(), default=CACHE)
        if name == "run":
            command.add_argument("--minutes", type=float, default=10)
            command.add_argument("--jobs", type=int, default=1, choices=range(1, 257), metavar="N")
        if name == "distil":
            command.add_argument("--most", type=int, default=40)
        if name in ("run", "distil", "coverage"):
            command.add_argument("targets", nargs="*", metavar="TARGET")
        if name == "replay":
            command.add_argument("--thread", action="store_true")
            command.add_argument("target")
            command.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    sys.exit(arguments.function(arguments))


if __name__ == "__main__":
    main()
