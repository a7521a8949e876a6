"""What benchmarks of whole programs have in common: NAMEs on the command line choose figures, each comes out as
a line `metric NAME VALUE UNIT`, everything else goes to standard error, and what was set up is taken down."""
import argparse
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))

import testbed  # noqa: E402


def say(text: str) -> None:
    print(f"   {text}", file=sys.stderr, flush=True)


def interrupt(*_) -> None:
    raise KeyboardInterrupt


def main(title: str, description: str, kinds, figures, lacking, run) -> int:
    """The title chooses all figures; figures(kind) are their names, lacking() is what is missing, or empty, and
    run(build, kinds) gives the lines."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-release")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()

    def wanted(name: str) -> bool:
        return not options.names or any(word == title or word in name for word in options.names)

    kinds = [kind for kind in kinds if any(wanted(name) for name in figures(kind))]
    if not kinds:
        return 0
    if reason := testbed.why_not() or lacking():
        say(f"{title}: left out, {reason}")
        return 0
    # SIGTERM ends as Ctrl-C does, so that everything is cleaned up.
    signal.signal(signal.SIGTERM, interrupt)
    for name in testbed.remove_leftovers():
        say(f"removed what run {name} had left behind")
    try:
        for line in run(options.build.resolve(), kinds):
            if wanted(line.split()[1]):
                print(line)
        return 0
    except (testbed.TestbedError, subprocess.TimeoutExpired) as why:
        say(f"{title}: {why}")
    except KeyboardInterrupt:
        say(f"{title}: interrupted")
    return 1
