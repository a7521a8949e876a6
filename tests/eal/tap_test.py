#!/usr/bin/env python3
"""Runs tap_responder against the kernel of a network namespace: ping through net_tap, with one and
with two lcores.  Skipped (exit 77) without root, /dev/net/tun or network namespaces."""
import os
import pathlib
import subprocess
import sys
import time

SKIP = 77


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(words, capture_output=True, text=True)


def exchange(responder: str, namespace: str, num_lcores: int) -> bool:
    iface = f"tap{os.getpid() % 100000}"
    process = subprocess.Popen([responder, iface, "198.18.0.10", str(num_lcores), "60"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 20
        while run("ip", "link", "show", iface).returncode != 0:
            if time.monotonic() > deadline or process.poll() is not None:
                print("the interface did not appear")
                return False
            time.sleep(0.1)
        # The interface moves while the port is open.
        for command in (["ip", "link", "set", iface, "netns", namespace],
                        ["ip", "-n", namespace, "addr", "add", "198.18.0.1/24", "dev", iface],
                        ["ip", "-n", namespace, "link", "set", iface, "up"]):
            done = run(*command)
            if done.returncode != 0:
                print(" ".join(command), done.stderr)
                return False
        ping = run("ip", "netns", "exec", namespace, "ping", "-c", "200", "-i", "0.005", "-W", "2",
                   "-s", "1400", "198.18.0.10")
        print(ping.stdout[-200:])
        return " 0% packet loss" in ping.stdout
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
        print(output)
        if process.returncode != 0:
            print(f"responder ended with {process.returncode}")
            return False


def main() -> int:
    if os.geteuid() != 0 or not pathlib.Path("/dev/net/tun").exists():
        print("needs root and /dev/net/tun")
        return SKIP
    namespace = f"sallyport-eal-{os.getpid()}"
    if run("ip", "netns", "add", namespace).returncode != 0:
        print("needs network namespaces")
        return SKIP
    try:
        good = all([exchange(sys.argv[1], namespace, n) for n in (1, 2)])
    finally:
        run("ip", "netns", "del", namespace)
    return 0 if good else 1


sys.exit(main())
