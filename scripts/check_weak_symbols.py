#!/usr/bin/env python3
"""Fails when an object that is compiled for a wider instruction set defines a weak symbol.

A weak symbol (an inline function or template of a shared header) may be picked by the linker for the
whole program, and then every other CPU dies of an illegal instruction.

usage: check_weak_symbols.py LIBRARY...
"""
import subprocess
import sys


def main() -> int:
    weak = []
    for library in sys.argv[1:]:
        listing = subprocess.run(["nm", "--defined-only", library], capture_output=True, text=True,
                                 check=True).stdout
        for line in listing.splitlines():
            words = line.split()
            if len(words) == 3 and words[1] in "wWvVu":
                weak.append(f"{library}: {words[2]} is weak")
    print("\n".join(weak) or f"{len(sys.argv) - 1} libraries define no weak symbol")
    return 1 if weak else 0


sys.exit(main())
