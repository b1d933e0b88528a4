#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Replace in a text what 'manakin report --json' has replaced in a report.

usage: replace.py TABLE <TEXT
"""
import json
import re
import sys

replaced = json.load(open(sys.argv[1]))["replaced"]
table = {line["original"]: line["replacement"] for line in replaced}
words = sorted(table, key=len, reverse=True)
text = sys.stdin.read()
if words:
    text = re.sub(r"(?<![\w])(" + "|".join(map(re.escape, words)) + r")(?![\w])", lambda m: table[m[1]], text)
# In names that are made of an address (enx6045bda6bd76)
for line in replaced:
    if line["kind"] == "MAC address":
        text = text.replace(*(line[key].replace(":", "") for key in ("original", "replacement")))
sys.stdout.write(text)
