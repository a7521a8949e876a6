#!/usr/bin/env python3
"""Floods as fast as one core can make them, against 200 established connections and 200 new ones per second.

    tests/bench/floods.py [--build DIR] [NAME ...]

Prints `metric NAME VALUE UNIT` for figures whose name contains a NAME (all with "floods", or without
any), and a table.  tests/system/floods.py says how it is done, and why the comparison is fair.  Needs
root and two CPUs.
"""
import pathlib
import sys

import program  # first: it brings tests/system into reach
from program import say

import appliance
import floods

KINDS = ("syn", "ack", "rst", "fin", "data", "fragment")
WINDOWS, SECONDS = 5, 1.0
AS_FAST_AS_POSSIBLE = 0


def figures(kind: str) -> list[str]:
    return [f"flood_{kind}_v{family}_{what}" for family in (4, 6) for what in ("kpps", "handshake_ratio")]


def run(build: pathlib.Path, kinds: list[str]) -> list[str]:
    lines = []
    bed = appliance.Bed(appliance.Programs(build), "sallybench", **floods.BED)
    try:
        ground = floods.Ground(bed)
        say(floods.HEAD)
        for family in (4, 6):
            honest = ground.fetcher(family)
            for kind in kinds:
                flood = ground.compare(kind, family, AS_FAST_AS_POSSIBLE, WINDOWS, SECONDS, honest)
                say(flood.row())
                if not flood.is_compared():
                    say(f"{flood.name}: not measured, the host took the CPUs away")
                    continue
                lines.append(f"metric flood_{kind}_v{family}_kpps {flood.kpps():.0f} kpps")
                lines.append(f"metric flood_{kind}_v{family}_handshake_ratio {flood.ratio():.2f} ratio")
            honest.end()
        said = ground.established.end()
        say(f"{said['done']} of {floods.CONNECTIONS} connections ended well; {said['bytes']:,} bytes verified")
        lost = floods.CONNECTIONS - said["done"]
        lines.append(f"metric flood_connections_lost {lost} connections")
        return lines
    finally:
        bed.close()


def lacking() -> str:
    return "needs two CPUs" if len(floods.CPUS) < 2 else ""


if __name__ == "__main__":
    sys.exit(program.main("floods", __doc__, KINDS, figures, lacking, run))
