#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Replace in a text what 'manakin report --json' has replaced in a report.

usage: replace.py TABLE <TEXT
"""
import json
import re
import sys

table = {line["original"]: line["replacement"] for line in json.load(open(sys.argv[1]))["replaced"]}
words = sorted(table, key=len, reverse=True)
text = sys.stdin.read()
if words:
    text = re.sub(r"(?<![\w])(" + "|".join(map(re.escape, words)) + r")(?![\w])", lambda m: table[m[1]], text)
sys.stdout.write(text)
