#!/usr/bin/env python3
"""The demo behind scripts/demo.sh: runs on the same testbed as the system tests."""
import argparse
import pathlib
import re
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))

import appliance  # noqa: E402
import testbed  # noqa: E402
from testbed import SERVER_NAME, SERVICE4, SERVICE6  # noqa: E402


SERVICES = ("web", "web6", "rsa", "nginx")


class Interrupted(Exception):
    """Ctrl-C, SIGTERM or a closed terminal: the way out, with everything cleaned up."""


def interrupt(*_) -> None:
    raise Interrupted


def show(title: str, text: str) -> None:
    print(f"\n=== {title}\n", text.strip("\n"), sep="", flush=True)


def fetch_pages(bed: appliance.Bed) -> int:
    """fetch_pages prints each page with the version that was negotiated; returns how many failed."""
    failed = 0
    for version, option in (("TLSv1.3", "--tlsv1.3"), ("TLSv1.2", "--tls-max=1.2")):
        for address in (SERVICE4, SERVICE6):
            for name, port in (("two Python backends", appliance.WEB), ("nginx", appliance.NGINX)):
                done = bed.curl("--verbose", *option.split("="), address=address, port=port, check=False)
                found = re.search(r"SSL connection using (\S+) / (\S+)", done.stderr)
                negotiated, cipher = found.groups() if found else ("no TLS", "")
                good = done.returncode == 0 and negotiated == version and "<h1>" in done.stdout
                failed += not good
                host = f"[{address}]" if ":" in address else address
                show(f"https://{host}:{port}/ ({name}): {negotiated} {cipher}" + ("" if good else "  FAILED"),
                     done.stdout if good else done.stderr)
    names = {bed.curl(path="/who").stdout.split()[0] for _ in range(4)}
    show("Round robin", f"four requests were answered by {', '.join(sorted(names))}")
    return failed + (names != {"backend1", "backend2"})


def commands(bed: appliance.Bed) -> str:
    client = f"sudo ip netns exec {bed.client.name}"
    trust = f"--cacert {bed.authority} --resolve {SERVER_NAME}:{appliance.WEB}:{SERVICE4}"
    return "\n".join([
        f"  {client} curl {trust} https://{SERVER_NAME}/",
        f"  {client} curl --insecure --tls-max 1.2 https://[{SERVICE6}]/who",
        f"  {client} curl --insecure --output /dev/null https://{SERVICE4}/bytes/1000000000",
        f"  {client} openssl s_client -connect {SERVICE4}:443 -servername {SERVER_NAME}",
        f"  {client} ping {SERVICE4}",
        *["  sudo " + " ".join(bed.sallyport.sallyctl_words("show", view))
          for view in ("handshakes", "connections", "lcores", "ports", "backends", "drops")],
        f"  less {bed.sallyport.file}",
    ])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    if reason := testbed.why_not():
        print(f"demo: {reason}", file=sys.stderr)
        return 1
    for name in testbed.remove_leftovers():
        print(f"Removed what run {name} had left behind.")

    ways_out = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in ways_out:
        signal.signal(number, interrupt)
    bed = None
    try:
        print("Starting two backends and Sallyport ...", flush=True)
        bed = appliance.Bed(appliance.Programs(options.build.resolve()), "sally", services=SERVICES)
        show("Sallyport", bed.sallyport.process.output())
        failed = fetch_pages(bed)
        show("sallyctl show handshakes", bed.sallyport.sallyctl("show", "handshakes"))
        if failed:
            show("What the programs said", bed.logs())
        if not options.once:
            show("Running; try these in another terminal, Ctrl-C ends it", commands(bed))
            while bed.sallyport.process.running():
                signal.sigtimedwait([], 1)
            show("Sallyport ended", bed.sallyport.process.output())
            return 1
        code = bed.sallyport.stop()
        print(f"\n{failed} checks failed; Sallyport ended with {code}.")
        return 1 if failed or code != 0 else 0
    except Interrupted:
        print("\nCleaning up ...")
        return 1 if options.once else 0
    except testbed.TestbedError as why:
        print(f"demo: {why}", file=sys.stderr)
        return 1
    finally:
        for number in ways_out:
            signal.signal(number, signal.SIG_IGN)
        if bed is not None:
            bed.close()


if __name__ == "__main__":
    sys.exit(main())
