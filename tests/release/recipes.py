#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the recipes for other machines say, for the tests.

  recipes.py workflow FILE DIR
        Check a workflow of GitHub: each job has a machine and steps, each step runs or uses something,
        each job that is needed is there. The shell of each step goes to a file in DIR.
  recipes.py container FILE
        The steps of a Containerfile, a line each: STAGE<tab>COMMAND<tab>ARGUMENT, with continued lines
        joined; only the instructions that the test can carry out are taken.
  recipes.py packed BUILD SOURCE
        Which package has what "meson install" installs: what is in none or in two of Debian's or the
        spec's lists is an error.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys


def workflow(path, out):
    import yaml
    with open(path, encoding="utf-8") as file:
        flow = yaml.safe_load(file)
    assert flow["name"] and True in flow, "a name, and 'on'"  # YAML 1.1 reads the word on as true
    assert flow.get("permissions"), "the token's rights are named"
    jobs = flow["jobs"]
    for name, job in jobs.items():
        assert isinstance(job["runs-on"], str), f"{name}: runs-on"
        needs = job.get("needs", [])
        assert set(needs) <= set(jobs), f"{name}: needs {needs}"
        matrix = job.get("strategy", {}).get("matrix", {})
        used = set(re.findall(r"\${{ *matrix\.(\w+) *}}", json.dumps(job)))
        assert used == set(matrix), f"{name}: the matrix has {sorted(matrix)}, used are {sorted(used)}"
        for number, step in enumerate(job["steps"]):
            assert ("run" in step) != ("uses" in step), f"{name}: step {number} runs or uses something"
            assert set(step) <= {"name", "run", "uses", "with"}, f"{name}: step {number} has {sorted(step)}"
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]), step["uses"]
            else:
                assert "${{" not in step["run"], f"{name}: step {number}: what is put in is not quoted"
                with open(os.path.join(out, f"{name}-{number}.sh"), "w", encoding="utf-8") as file:
                    file.write("#!/bin/sh\n" + step["run"])
    return 0


def container(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.MULTILINE).replace("\\\n", " ")
    stage = -1
    for line in text.splitlines():
        if not line.strip():
            continue
        command, argument = line.split(None, 1)
        assert command in ("FROM", "RUN", "COPY", "WORKDIR", "CMD"), f"unknown instruction {command}"
        stage += command == "FROM"
        print(stage, command, re.sub(r"\s+", " ", argument), sep="\t")
    return 0


def matches(path, pattern):
    return fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(path, pattern + "/*")


def debian(source):
    for package in ("manakin", "librte-net-manakin", "manakin-lab"):
        with open(f"{source}/debian/{package}.install", encoding="utf-8") as file:
            yield package, ["/" + line.split()[0] for line in file if line.strip()]


def spec(source):
    text = subprocess.run(["rpmspec", "--parse", f"{source}/share/rpm/manakin.spec"], capture_output=True, text=True,
                          check=True).stdout
    for header, body in re.findall(r"^%files *(.*)\n((?:(?!^%(?:files|changelog)).*\n)*)", text, re.MULTILINE):
        lines = [line.split()[-1] for line in body.splitlines()
                 if line.strip() and not line.startswith(("%dir", "%license", "#"))]
        yield header or "manakin", lines


def packed(build, source):
    installed = json.loads(subprocess.run(["meson", "introspect", "--installed", build], capture_output=True, text=True,
                                          check=True).stdout)
    prefix = next(one["value"] for one in json.loads(subprocess.run(
        ["meson", "introspect", "--buildoptions", build], capture_output=True, text=True, check=True).stdout)
        if one["name"] == "prefix")
    wrong = 0
    for name, lists in (("debian", dict(debian(source))), ("rpm", dict(spec(source)))):
        for path in sorted(set(installed.values())):
            path = path.replace(prefix, "/usr", 1)
            if name == "rpm":
                path = re.sub(r"/usr/lib/[a-z0-9_]+-linux-gnu", "/usr/lib64", path)
            # A folder that is installed whole is in a list, or what is in it is.
            owners = [package for package, patterns in lists.items()
                      if any(matches(path, one) or one.startswith(path + "/") for one in patterns)]
            if len(owners) != 1 and not path.endswith("/LICENSE"):
                print(f"{name}: {path} is in {owners or 'no package'}")
                wrong = 1
    return wrong


def main():
    commands = {"workflow": workflow, "container": container, "packed": packed}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    return commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
