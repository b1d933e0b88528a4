# SPDX-License-Identifier: BSD-3-Clause
"""The command line of the checks of the source tree: rooms.py, sizes.py, messages.py."""
import pathlib
import sys


def main(doc, self_test, check, what):
    """CHECK SRC, or CHECK --self-test; ends the process.

    @self_test: how many of its cases went wrong
    @check:     (what is wrong, how many things were looked at) of a tree
    @what:      these things; a tree without any is no source tree
    """
    if len(sys.argv) != 2:
        sys.exit(doc)
    if sys.argv[1] == "--self-test":
        sys.exit(1 if self_test() else 0)
    errors, count = check(pathlib.Path(sys.argv[1]))
    print("\n".join(errors))
    if not count:
        print(f"there are no {what} in {sys.argv[1]}: is it the source tree?")
    print(f"{count} {what}, {len(errors)} wrong")
    sys.exit(1 if errors or not count else 0)
