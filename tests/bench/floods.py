#!/usr/bin/env python3
"""Floods as fast as one core can make them, against 200 established connections and 200 new ones per second.

    tests/bench/floods.py [--build DIR] [NAME ...]

Prints `metric NAME VALUE UNIT` for figures whose name contains a NAME (all with "floods", or without
any), and a table.  tests/system/floods.py says how it is done, and why the comparison is fair.  Needs
root and two CPUs.
"""
import argparse
import pathlib
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))

import appliance  # noqa: E402
import floods  # noqa: E402
import testbed  # noqa: E402

KINDS = ("syn", "ack", "rst", "fin", "data", "fragment")
WINDOWS, SECONDS = 5, 1.0
AS_FAST_AS_POSSIBLE = 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def figures(kind: str) -> list[str]:
    return [f"flood_{kind}_v{family}_{what}" for family in (4, 6) for what in ("kpps", "handshake_ratio")]


def wanted(name: str, words: list[str]) -> bool:
    return not words or any(word == "floods" or word in name for word in words)


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
                lines.append(f"metric flood_{kind}_v{family}_kpps {flood.sent / flood.seconds / 1000:.0f} kpps")
                lines.append(f"metric flood_{kind}_v{family}_handshake_ratio {flood.ratio():.2f} ratio")
            honest.end()
        said = ground.established.end()
        say(f"{said['done']} of {floods.CONNECTIONS} connections ended well; {said['bytes']:,} bytes verified")
        lost = floods.CONNECTIONS - said["done"]
        lines.append(f"metric flood_connections_lost {lost} connections")
        return lines
    finally:
        bed.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-release")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if any(wanted(name, options.names) for name in figures(kind))]
    if not kinds:
        return 0
    reason = testbed.why_not() or ("needs two CPUs" if len(floods.CPUS) < 2 else "")
    if reason:
        say(f"floods: left out, {reason}")
        return 0
    # SIGTERM ends as Ctrl-C does, so that everything is cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for name in testbed.remove_leftovers():
        say(f"removed what run {name} had left behind")
    try:
        for line in run(options.build.resolve(), kinds):
            if wanted(line.split()[1], options.names):
                print(line)
        return 0
    except testbed.TestbedError as why:
        say(f"floods: {why}")
    except KeyboardInterrupt:
        say("floods: interrupted")
    return 1


if __name__ == "__main__":
    sys.exit(main())
