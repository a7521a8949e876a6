#!/usr/bin/env python3
"""Compiles every header of lib/ and tests/support alone: a header must bring what it uses.

Takes the flags of each module from the build directory's compile_commands.json, so a header sees
what its module's sources see; one for AVX-512 (*_avx512.h) sees what sources of that name see.  A
header that stands first in such a source has been compiled with nothing before it when that source
was, so only the others are compiled here.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys


def kind_of(path: pathlib.PurePath) -> tuple:
    return "/".join(path.parts[:2]), path.stem.endswith("_avx512")


def first_include(source: pathlib.Path) -> str | None:
    """The header that a source includes before it says anything else."""
    for line in source.read_text().splitlines():
        if line.strip() and not line.startswith("//"):
            found = re.match(r'#include "([^"]+)"', line)
            return found[1] if found else None
    return None


def sources(root: pathlib.Path, build: pathlib.Path):
    """Each source of lib/ and tests/: its path below the root, and what is known of its compilation."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.PurePath(os.path.relpath(os.path.join(entry["directory"], entry["file"]), root))
        if len(path.parts) >= 3 and path.parts[0] in {"lib", "tests"}:
            yield path, entry


def module_flags(root: pathlib.Path, build: pathlib.Path) -> dict:
    flags = {}
    for path, entry in sources(root, build):
        words = [w for w in shlex.split(entry["command"]) if w[:2] in {"-I", "-D", "-W", "-m", "-f"}
                 or w.startswith(("-std", "-isystem"))]
        flags.setdefault(kind_of(path), (entry["directory"], words))
    return flags


def compiled_first(root: pathlib.Path, build: pathlib.Path) -> set:
    """The headers that stand first in a source of their module whose object is newer than both."""
    headers = set()
    for path, entry in sources(root, build):
        name = first_include(root / path)
        made = pathlib.Path(entry["directory"], entry["output"])
        if name is None or kind_of(pathlib.PurePath(name)) != kind_of(path) or not made.exists():
            continue
        if made.stat().st_mtime > max(p.stat().st_mtime for p in (root / path, root / name)):
            headers.add(name)
    return headers


def main() -> int:
    root, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    flags = module_flags(root, build)
    fallback = next(iter(flags.values()))
    compiler = os.environ.get("CXX", "c++")

    def check(header: pathlib.Path):
        name = header.relative_to(root).as_posix()
        directory, words = flags.get(kind_of(pathlib.PurePath(name)), fallback)
        done = subprocess.run(
            [*shlex.split(compiler), *words, "-I", str(root), "-fsyntax-only", "-x", "c++", "-"],
            input=f'#include "{name}"\n', cwd=directory, capture_output=True, text=True)
        return name, done.returncode, done.stderr

    headers = sorted([*(root / "lib").rglob("*.h"), *(root / "tests/support").rglob("*.h")])
    already = compiled_first(root, build)
    others = [header for header in headers if header.relative_to(root).as_posix() not in already]
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, errors in pool.map(check, others):
            if code != 0:
                broken += 1
                print(f"{name} does not compile alone:\n{errors}")
    print(f"{len(headers) - broken} of {len(headers)} headers compile alone")
    return 1 if broken else 0


sys.exit(main())
