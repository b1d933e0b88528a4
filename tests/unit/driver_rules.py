#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does docs/driver-rules.md have the examiner's rules, in its words and its order?

With --self-test, documents that are wrong are made and have to be refused.

usage: driver_rules.py ROOT | driver_rules.py --self-test
"""
import pathlib
import re
import sys

RULE = re.compile(r'\[RULE_\w+\] = \{\s*("(?:[^"\\]|\\.)*"(?:\s*,?\s*"(?:[^"\\]|\\.)*")*)', re.S)
ROW = re.compile(r"^\| `([a-z-]+)` \| (.*) \| (.*) \| (.*) \|$", re.M)


def rules_of(source):
    """The rules of examine_rules.c: (id, topic, must, source, breaks)"""
    found = []
    for match in RULE.finditer(source):
        fields = re.sub(r'"\s*\n\s*"', "", match[1])
        found.append(tuple(text.replace('\\"', '"') for text in
                           re.findall(r'"((?:[^"\\]|\\.)*)"', fields)))
    return found


def rows_of(document):
    """The rows of the document's tables, with their heading: the same"""
    found, topic = [], None
    for line in document.splitlines():
        if line.startswith("## "):
            topic = line[3:]
        match = ROW.match(line)
        if match:
            found.append((match[1], topic, match[2], match[3], match[4]))
    return found


def compare(source, document):
    """Messages about differences"""
    rules, rows = rules_of(source), rows_of(document)
    wrong = [] if rules else ["there are no rules in the source"]
    if [rule[0] for rule in rules] != [row[0] for row in rows]:
        return wrong + ["the rules are not the same, in the same order: "
                        + ", ".join(sorted({r[0] for r in rules} ^ {r[0] for r in rows}))]
    return wrong + [f"{rule[0]}: the document says {row[1:]}, the source {rule[1:]}"
                    for rule, row in zip(rules, rows) if rule != row]


def self_test():
    """A document that is right, and three that are not"""
    source = '[RULE_A] = {\n"a-b", "Top",\n"must "\n"so",\n"S \\"q\\"",\n"else",\n},\n'
    good = '## Top\n| `a-b` | must so | S "q" | else |\n'
    cases = [(good, 0), (good.replace("must", "may"), 1), (good.replace("Top", "Other"), 1),
             (good.replace("a-b", "a-c"), 1)]
    return sum(len(compare(source, text)) != want for text, want in cases)


if len(sys.argv) != 2:
    sys.exit(__doc__)
if sys.argv[1] == "--self-test":
    sys.exit(self_test())
root = pathlib.Path(sys.argv[1])
messages = compare((root / "src/device/examine_rules.c").read_text(),
                   (root / "docs/driver-rules.md").read_text())
print("\n".join(messages))
sys.exit(bool(messages))
