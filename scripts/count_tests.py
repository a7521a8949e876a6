#!/usr/bin/env python3
"""Adds up test results and prints one line: "N passed, N failed, N skipped".

    count_tests.py [--meson DIR]... [--json FILE]...

--meson takes a Meson log directory (meson-logs): a GoogleTest program counts case by case, any other
test as one.  The program's own verdict decides: one that crashed, timed out or leaked after its last
case counts as a failure even when every case passed.  --json takes {"passed", "failed", "skipped"}.
A missing file counts as a failure.  What failed or was skipped is named first.  Exit code 1 on any
failure, and when nothing ran at all.
"""
import argparse
import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

Tally = collections.Counter


def gtest_cases(junit: pathlib.Path) -> dict[str, Tally]:
    """gtest_cases maps Meson's name of a test to the verdicts of its cases."""
    found: dict[str, Tally] = collections.defaultdict(Tally)
    for suite in xml.parse(junit).getroot().iter("testsuite"):
        name = suite.get("name", "").split(".", 1)[-1]
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                verdict = "failed"
            elif case.find("skipped") is not None or case.get("result") == "skipped":
                verdict = "skipped"
                print(f"skipped: {name} {case.get('name')}")
            else:
                verdict = "passed"
            found[name][verdict] += 1
    return found


def meson_tally(logs: pathlib.Path) -> Tally:
    tally = Tally()
    cases = gtest_cases(logs / "testlog.junit.xml")
    for line in (logs / "testlog.json").read_text().splitlines():
        test = json.loads(line)
        name, result = test["name"], test["result"]
        # A GoogleTest suite appears as "NAME.Suite"; every other test only as itself.
        own = sum((count for suite, count in cases.items() if suite.startswith(name + ".")), Tally())
        if result in ("OK", "EXPECTEDFAIL"):
            tally += own or Tally(passed=1)
        elif result == "SKIP":
            tally["skipped"] += 1
            print(f"skipped: {name}")
        else:
            tally += own
            tally["failed"] += 0 if own["failed"] else 1
            print(f"failed: {name} ({result}), see {logs / 'testlog.txt'}")
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meson", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--json", type=pathlib.Path, action="append", default=[])
    options = parser.parse_args()
    total = Tally()
    for read, sources in ((meson_tally, options.meson),
                          (lambda file: Tally(json.loads(file.read_text())), options.json)):
        for source in sources:
            try:
                total += read(source)
            except (OSError, ValueError, xml.ParseError) as why:
                print(f"failed: no results in {source}: {why}")
                total["failed"] += 1
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 0 if total["failed"] == 0 and total["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
