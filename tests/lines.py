#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lines.py WHAT [FILE] - what a command has printed as JSON, in lines for grep.

findings	of check: VERDICT CHECK SUBJECT EVIDENCE | FIX
rdma		of check's section about RDMA: the same
ids		of diagnose, or of "diagnose --follow": one line
titles		of the same, each: ID TITLE
status		the exit status that check says it has
"""
import json
import sys


def objects(text):
    """The objects in text, one after the other"""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def main():
    what = sys.argv[1]
    with open(sys.argv[2] if len(sys.argv) > 2 else 0, encoding="utf-8") as file:
        said = list(objects(file.read()))
    if what in ("findings", "rdma"):
        for c in said[0]["checks" if what == "findings" else "rdma"]:
            print(c["verdict"], c["check"], c["subject"] or "-", c["evidence"], "|", c["fix"] or "-")
    elif what == "ids":
        print(*[d["id"] for one in said for d in one.get("diagnoses", [one])])
    elif what == "titles":
        for one in said:
            for d in one.get("diagnoses", [one]):
                print(d["id"], d["title"])
    elif what == "status":
        print(said[0]["status"])
    else:
        sys.exit(f"unknown: {what}")


main()
