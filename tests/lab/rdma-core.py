#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
rdma-core.py [LIST] OPTION... - run rdma-core's own tests, as Debian has them, and judge them by LIST

In a guest, in /usr/share/doc/rdma-core; the OPTIONs are those of rdma-core's run_tests.py, such as --dev
mana_0 --gid 1. LIST names each test that passes or fails (rdma-core.txt); every other test must skip
itself. Without LIST, prints the outcome of each test.

run_tests.py does not reach the end: after a failure, pyverbs 56.1 destroys queues of a device that is
already closed, which ends the process. Here nothing that a test leaves behind is destroyed, and if the
process still ends, another one continues with the next test.
"""
import gc
import json
import os
import random
import select
import signal
import sys
import traceback
import unittest

TIMEOUT = 300  # seconds without the end of a test: PATIENCE of assert.bash


class Result(unittest.TestResult):
    """what happened to one test"""

    def __init__(self):
        super().__init__()
        self.outcome, self.details = 'ok', ''
        self.kept = []

    def addSkip(self, test, reason):
        self.outcome, self.details = 'skip', reason

    def addError(self, test, err):
        self.outcome, self.details = 'fail', ''.join(traceback.format_exception(*err))
        self.kept.append(err)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self.addError(test, err)


def run(tests, pipe):
    """run the tests, in a process of their own: a line for each"""
    os.setsid()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    gc.disable()
    kept = []
    for test in tests:
        # Some tests choose what to try at random, and skip if that is not supported.
        random.seed(test.id())
        result = Result()
        kept.append(result)
        test.run(result)
        os.write(pipe, (json.dumps([result.outcome, result.details]) + '\n').encode())
    os._exit(0)


def outcomes(tests):
    """run the tests: an outcome for each, with more about it"""
    done = 0
    while done < len(tests):
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            run(tests[done:], writing)
        os.close(writing)
        # Without a buffer: select() knows nothing of lines that are in one.
        with open(reading, 'rb', buffering=0) as lines:
            while select.select([lines], [], [], TIMEOUT)[0] and (line := lines.readline()):
                yield json.loads(line)
                done += 1
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _, status = os.waitpid(pid, 0)
        if done < len(tests):
            yield 'fail', f'this test, or {TIMEOUT} s, ended the process: status {status:#x}'
            done += 1


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def expectations(name):
    """the list: the outcome expected of each test in it"""
    expected = {}
    with open(name, encoding='ascii') as lines:
        for line in lines:
            if not line.strip() or line[0] in '# \t':
                continue
            outcome, test = line.split()
            if outcome not in ('ok', 'fail') or test in expected:
                sys.exit(f'{name}: this line does not belong there: {line}')
            expected[test] = outcome
    return expected


def main():
    arguments = sys.argv[1:]
    expected = expectations(arguments.pop(0)) if arguments[0][0] != '-' else None
    sys.argv[1:] = arguments
    # This file's own folder is not searched.
    sys.path[:1] = [os.getcwd(), os.path.join(os.getcwd(), 'tests')]
    from args_parser import parser
    parser.parse_args()
    import tests as package
    tests = list(tests_of(unittest.defaultTestLoader.loadTestsFromModule(package)))
    counts, wrong = {}, 0
    for test, (outcome, details) in zip(tests, outcomes(tests)):
        counts[outcome] = counts.get(outcome, 0) + 1
        if expected is None:
            print(outcome, test.id(), details.strip().rpartition('\n')[2])
            continue
        wanted = expected.pop(test.id(), 'skip')
        if outcome != wanted:
            wrong += 1
            print(f'{test.id()}: wanted {wanted}, got {outcome}: {details}')
    for test in expected or ():
        wrong += 1
        print(f'{test}: there is no such test')
    print(', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items())))
    sys.exit(wrong > 0 or not tests)


main()
