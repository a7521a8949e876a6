#!/usr/bin/env python3
"""Compiles every header of lib/ and tests/support alone: a header must bring what it uses.

Takes the flags of each module from the build directory's compile_commands.json, so a header sees
what its module's sources see; one for AVX-512 (*_avx512.h) sees what sources of that name see.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def kind_of(path: pathlib.PurePath) -> tuple:
    return "/".join(path.parts[:2]), path.stem.endswith("_avx512")


def module_flags(root: pathlib.Path, build: pathlib.Path) -> dict:
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
        path = pathlib.PurePath(source)
        if len(path.parts) < 3 or path.parts[0] not in {"lib", "tests"}:
            continue
        words = [w for w in shlex.split(entry["command"]) if w[:2] in {"-I", "-D", "-W", "-m", "-f"}
                 or w.startswith(("-std", "-isystem"))]
        flags.setdefault(kind_of(path), (entry["directory"], words))
    return flags


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
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, errors in pool.map(check, headers):
            if code != 0:
                broken += 1
                print(f"{name} does not compile alone:\n{errors}")
    print(f"{len(headers) - broken} of {len(headers)} headers compile alone")
    return 1 if broken else 0


sys.exit(main())
