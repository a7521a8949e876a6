#!/usr/bin/env python3
"""Runs the system tests: real clients, a real Sallyport on a tap interface, real backends.

    tests/system/run.py [--build DIR] [--json FILE] [--list] [PATTERN ...]

A PATTERN selects the tests whose "Class.test_name" contains it; with none, all run.  Needs root.
The exit code is 0 when no test failed.

What fails while the host of a virtual machine takes its CPUs away is repeated on a new bed: tests with real time in
them then say as much about the host as about Sallyport.  What fails without that, or ATTEMPTS times, has failed.
"""
import argparse
import collections
import json
import pathlib
import signal
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import appliance  # noqa: E402
import host  # noqa: E402
import testbed  # noqa: E402
from cases import OnBed  # noqa: E402

LONGEST_LINE = 600
ATTEMPTS = 3
MAX_STOLEN = 0.02  # of the time of all CPUs during a test; hosts that are not overcommitted take less than 0.01
MODULES = ("test_clients", "test_transfers", "test_failures", "test_bad_input", "test_lossy", "test_floods",
           "test_odd_segments", "test_resumption", "test_client_certificates", "test_introduction",
           "test_backend_tls", "test_handshake_forms", "test_compatible", "test_other_clients", "test_chromium",
           "test_tls_audit", "test_hardening")


def sentence(test: unittest.TestCase) -> str:
    name = test.id().split(".", 1)[1] if "." in test.id() else test.id()
    return name.replace(".test_", ": ").replace("_", " ")


class OneLineEach(unittest.TestResult):
    """OneLineEach prints each test's verdict as one line, and what went wrong below it.

    Failures that it may repeat are not counted: their tests are in `to_repeat`, by id.  When a bed cannot be built
    or taken down, these are all tests that are made on it.
    """

    def __init__(self, tests: list[unittest.TestCase], may_repeat: bool):
        super().__init__()
        self.tests, self.may_repeat = tests, may_repeat
        self.to_repeat: dict[str, unittest.TestCase] = {}
        self.passed: set[str] = set()
        self.began, self.stolen, self.failed_subtests = time.monotonic(), host.stolen(), 0

    def startTest(self, test):
        super().startTest(test)
        self.began, self.stolen, self.failed_subtests = time.monotonic(), host.stolen(), 0

    def say(self, verdict: str, test, why: str = "") -> None:
        took = time.monotonic() - self.began
        print(f"{verdict:4} {took:6.1f} s  {sentence(test)}{': ' + why if why else ''}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        if self.failed_subtests == 0:
            self.passed.add(test.id())
            self.say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, reason)

    def addFailure(self, test, error):
        self.complain(test, error)
        if not self.is_to_repeat(test):
            super().addFailure(test, error)

    def addError(self, test, error):
        self.complain(test, error)
        if not self.is_to_repeat(test):
            super().addError(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.failed_subtests += 1
            self.complain(subtest, error)
            if self.is_to_repeat(test):
                return
        super().addSubTest(test, subtest, error)

    def is_to_repeat(self, test) -> bool:
        share = (host.stolen() - self.stolen) / (time.monotonic() - self.began) / len(host.CPUS)
        if not self.may_repeat or share <= MAX_STOLEN:
            return False
        if isinstance(test, unittest.TestCase):
            self.to_repeat[test.id()] = test
        else:  # "setUpClass (module.Class)"
            of_class = [one for one in self.tests if test.id().endswith(f"({one.id().rpartition('.')[0]})")]
            self.to_repeat |= {one.id(): one for one in of_class}
        print(f"     To be repeated: the host took {share:.0%} of the CPUs meanwhile.", flush=True)
        return True

    def complain(self, test, error) -> None:
        self.say("FAIL", test)
        text = "".join(traceback.format_exception(*error))
        for line in text.strip().splitlines():
            print("     " + (line if len(line) < LONGEST_LINE else line[:LONGEST_LINE] + " ..."), flush=True)
        bed = getattr(getattr(test, "test_case", test), "bed", None)
        if bed is not None:
            print(bed.logs(), flush=True)

    def counts(self) -> dict:
        return {"passed": len(self.passed - self.to_repeat.keys()), "failed": len(self.failures) + len(self.errors),
                "skipped": sum(test.id() not in self.to_repeat for test, _ in self.skipped)}


def select(suite: unittest.TestSuite, patterns: list[str]):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from select(item, patterns)
        elif not patterns or any(pattern in item.id() for pattern in patterns):
            yield item


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()

    programs = appliance.Programs(options.build.resolve())
    tests = list(select(unittest.defaultTestLoader.loadTestsFromNames(MODULES), options.patterns))
    if options.list:
        print("\n".join(test.id() for test in tests))
        return 0
    counts = collections.Counter(passed=0, failed=0, skipped=0)
    reason = testbed.why_not()
    if not reason and (missing := programs.missing()):
        reason = "not built: " + ", ".join(missing)
    if reason:
        result = OneLineEach(tests, may_repeat=False)
        for test in tests:
            result.addSkip(test, reason)
        counts.update(result.counts())
    else:
        # SIGTERM ends as Ctrl-C does, so that everything is cleaned up.
        signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        for name in testbed.remove_leftovers():
            print(f"removed what run {name} had left behind")
        for test in tests:
            type(test).programs = programs
        OnBed.programs = programs
        for attempt in range(ATTEMPTS):
            result = OneLineEach(tests, may_repeat=attempt < ATTEMPTS - 1)
            unittest.TestSuite(tests).run(result)
            counts.update(result.counts())
            tests = list(result.to_repeat.values())
            if not tests:
                break
            print(f"again: {', '.join(sentence(test) for test in tests)}", flush=True)
    print(f"system: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    if options.json:
        options.json.write_text(json.dumps(counts))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
