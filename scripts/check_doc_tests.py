#!/usr/bin/env python3
"""Every test that a document names exists: `Suite.Name` of GoogleTest, `Class.test_name` of tests/system, files.

`Suite.Name/Case` names one case of a table: the source of the test has to say "Case".

    check_doc_tests.py ROOT
"""
import pathlib
import re
import sys

NAMED = re.compile(r"`([A-Z][A-Za-z0-9]+)\.([A-Za-z][A-Za-z0-9_]+)(?:/([A-Za-z0-9_]+))?`")
FILE = re.compile(r"`((?:tests|lib|scripts|docs)/[A-Za-z0-9_./-]+)`")
CASE = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")
CLASS = re.compile(r"^class (\w+)\(|^    def (test_\w+)\(", re.MULTILINE)


def existing(root: pathlib.Path) -> dict:
    """existing maps each test to the source that it stands in."""
    names = {}
    for path in (root / "tests").rglob("*.cc"):
        text = path.read_text()
        names.update((name, text) for name in CASE.findall(text))
    for path in (root / "tests/system").glob("test_*.py"):
        owner = ""
        for made, test in CLASS.findall(path.read_text()):
            owner = made or owner
            if test:
                names[owner, test] = ""
    return names


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    known = existing(root)
    named, wrong = 0, 0
    for path in sorted([root / "README.md", *(root / "docs").glob("*.md")]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for suite, test, case in NAMED.findall(line):
                named += 1
                if (suite, test) not in known:
                    wrong += 1
                    print(f"{path.relative_to(root)}:{number}: there is no test {suite}.{test}")
                elif case and f'"{case}"' not in known[suite, test]:
                    wrong += 1
                    print(f"{path.relative_to(root)}:{number}: {suite}.{test} has no case {case}")
            for file in FILE.findall(line):
                # Without a suffix it may be a module: its header or its folder.
                if not (root / file).exists() and not (root / f"{file}.h").exists():
                    wrong += 1
                    print(f"{path.relative_to(root)}:{number}: there is no file {file}")
    print(f"{named} tests are named in documents")
    return 1 if wrong or named == 0 else 0


sys.exit(main())
