#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does each message say what to do next, and none end in a bare errno?

Looks at the calls with a format in SRC: one whose format ends in %s and whose last argument is
strerror() leaves the user with "Permission denied". error_reason() of base/error.h adds what can be
done about it; where more is known, the message says that.
With --self-test, calls that are wrong are made and have to be refused.

usage: messages.py SRC | messages.py --self-test
"""
import pathlib
import re

import source_check

CALL = re.compile(r'\b([a-z_]\w*|PMD_LOG)\s*\(')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
BARE = re.compile(r'\b(?:rte_)?strerror\([^()]*(?:\([^()]*\))?[^()]*\)\s*$')


def arguments(text, start):
    """The arguments of a call, from the character behind its parenthesis; None: it does not end"""
    found, depth, begin, at = [], 0, start, start
    while at < len(text):
        char = text[at]
        if char == '"':
            at = LITERAL.match(text, at).end()
            continue
        if char == "'":
            at += 4 if text[at + 1] == "\\" else 3
            continue
        if char in "([{":
            depth += 1
        elif char in ")]}":
            if not depth:
                return found + [text[begin:at].strip()]
            depth -= 1
        elif char == "," and not depth:
            found.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    return None


def check(text):
    """[(line, message)] of the calls that end in an errno, and how many formats were looked at"""
    wrong, seen = [], 0
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.S)
    for match in CALL.finditer(text):
        try:
            words = arguments(text, match.end())
        except (AttributeError, IndexError):
            continue
        formats = [word for word in words or [] if word.startswith('"')]
        if not formats or match.group(1).endswith("printf"):
            continue
        message = "".join(LITERAL.findall(formats[0]))
        seen += 1
        if message.endswith("%s") and BARE.search(words[-1]):
            wrong.append((text.count("\n", 0, match.start()) + 1, message))
    return wrong, seen


def self_test():
    """The check itself: what it must refuse, and what it must not"""
    cases = [  # a call, is it good?
        ('say("cannot read %s: %s", path, strerror(-err));', False),
        ('error_say(error, "cannot " "read: %s",\n\tstrerror(errno));', False),
        ('say("cannot read: %s", bad ? "it is empty" : strerror(-err));', False),
        ('say("cannot read %s: %s; is it there?", path, strerror(-err));', True),
        ('say("cannot read %s: %s", path, error_reason(-err));', True),
        ('say("%s", error.text);', True),
        ('/* say("%s", strerror(err)); */', True),
        ('PMD_LOG(ERR, "cannot: %s", rte_strerror(rte_errno));', False),
    ]
    failures = 0
    for call, good in cases:
        if bool(check(call)[0]) == good:
            print(f"{call}: {'refused' if good else 'let through'}")
            failures += 1
    return failures


def check_tree(src):
    """Messages that end in an errno alone, and how many were looked at"""
    bare, count = [], 0
    for path in sorted(src.rglob("*.c")):
        found, number = check(path.read_text())
        bare += [f"{path}:{line}: {message}" for line, message in found]
        count += number
    return bare, count


source_check.main(__doc__, self_test, check_tree, "messages")
