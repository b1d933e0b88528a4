#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Install what BUILD has built, below DESTDIR, after looking whether all of it can be installed.

usage: install.py BUILD

Meson finds a directory that it may not write to only when it comes to it, and what it has installed
before that stays.
"""
import json
import os
import subprocess
import sys


ELSEWHERE = "name another place: make install PREFIX=DIR"


def obstacle(directory):
    """Why nothing can be put into a directory, which need not exist yet, and what helps; or None"""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        return f"{directory} is not a directory", f"move it away, or {ELSEWHERE}"
    if os.access(directory, os.W_OK | os.X_OK):
        return None
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        return f"{directory} is on a read-only file system", ELSEWHERE
    return f"this user may not write to {directory}", f"run sudo make install, or {ELSEWHERE}"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = sys.argv[1]
    listed = subprocess.run(["meson", "introspect", "--installed", build], stdout=subprocess.PIPE, check=True).stdout
    below = os.environ.get("DESTDIR", "")
    below = below and os.path.abspath(below)
    places = [below + path for path in json.loads(listed.decode()).values()]
    for directory in sorted({path if os.path.isdir(path) else os.path.dirname(path) for path in places}):
        found = obstacle(directory)
        if found:
            print(f"cannot install into {directory}: {found[0]}; nothing was installed; {found[1]}", file=sys.stderr)
            return 1
    # Meson takes a relative DESTDIR from the build directory, and says why it stops on standard output.
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild"], stdout=subprocess.PIPE,
                          env=dict(os.environ, DESTDIR=below))
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
