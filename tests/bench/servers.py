#!/usr/bin/env python3
"""CPU time of one full TLS 1.3 handshake and one small request: nginx, HAProxy and Sallyport.

    tests/bench/servers.py [--build DIR] [NAME...]

NAME is "servers" (everything) or a part of the figures that are wanted.  Prints `metric NAME VALUE UNIT`
lines; everything else goes to standard error.  Needs root, for network namespaces.  What is measured and
what is not the same on all sides: docs/performance.md.
"""
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import program  # first: it brings tests/system into reach
from program import say

import appliance
import testbed

TURNS = 13
PER_TURN = 512  # handshakes
CLIENTS = 32  # at once
SECONDS = 100  # after which no further turn begins
KINDS = {"tls13_ecdsa_full": "ecdsa", "tls13_rsa2048_full": "rsa"}
# HAProxy has no word for it: without this, "no-tls-tickets" sends two tickets all the same.
NO_TICKETS = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = contexts
[contexts]
NumTickets = 0
"""
CIPHER, GROUP = "TLS_AES_128_GCM_SHA256", "X25519"
NGINX_PORTS = {"ecdsa": 4431, "rsa": 4432}
HAPROXY_PORTS = {"ecdsa": 4433, "rsa": 4434}
SALLYPORT_PORTS = {"ecdsa": appliance.WEB, "rsa": appliance.WEB_RSA}


def nginx_configuration(directory: pathlib.Path) -> str:
    servers = "".join(f"""
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_certificate {directory}/{kind}.pem;
    ssl_certificate_key {directory}/{kind}.key;
    location / {{ return 200 "ok\\n"; }}
  }}""" for kind, port in NGINX_PORTS.items())
    temporary = "".join(f"  {name}_temp_path {directory}/nginx-{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
{temporary}  default_type text/plain;
  ssl_protocols TLSv1.3;
  ssl_ecdh_curve {GROUP};
  ssl_conf_command Ciphersuites {CIPHER};
  ssl_conf_command NumTickets 0;
  ssl_session_cache off;
  ssl_session_tickets off;
  ssl_buffer_size 4k;{servers}
}}
"""


def haproxy_configuration(directory: pathlib.Path) -> str:
    binds = "".join(f"  bind 127.0.0.1:{port} ssl crt {directory}/{kind}.both curves {GROUP}\n"
                    for kind, port in HAPROXY_PORTS.items())
    return f"""
global
  nbthread 1
  maxconn 4096
  tune.ssl.cachesize 0
  ssl-default-bind-ciphersuites {CIPHER}
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend web
{binds}  http-request return status 200 content-type text/plain string "ok"
"""


@dataclasses.dataclass(frozen=True)
class Spent:
    """Spent is processor time in seconds."""
    total: float
    user: float = 0.0
    system: float = 0.0

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.total - other.total, self.user - other.user, self.system - other.system)


def processor_time(pid: int) -> Spent:
    """processor_time is what all threads of a process have spent.

    The total is the scheduler's own sum in nanoseconds; user and system are in clock ticks.
    """
    clock = ctypes.c_int()
    if testbed.LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        raise testbed.TestbedError(f"no CPU clock of process {pid}")
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return Spent(time.clock_gettime(clock.value), int(fields[11]) / tick, int(fields[12]) / tick)


def client_failed(output: str) -> bool:
    return (re.search(rf"Complete requests:\s+{PER_TURN}\n", output) is None
            or re.search(r"Failed requests:\s+0\n", output) is None or "Non-2xx" in output)


def fetch(namespace: testbed.Namespace, address: str, port: int) -> None:
    """fetch makes PER_TURN connections with ApacheBench: a full handshake and one request each."""
    done = namespace.run("ab", "-q", "-f", "TLS1.3", "-n", PER_TURN, "-c", CLIENTS, "-s", 10,
                         "-H", "Connection: close", f"https://{address}:{port}/", timeout=60)
    if client_failed(done.stdout):
        raise testbed.TestbedError(f"ab on {address}:{port} did not get all answers:\n{done.stdout}{done.stderr}")


def check_negotiated(namespace: testbed.Namespace, address: str, port: int, kind: str) -> None:
    """check_negotiated raises unless the server negotiates what the figure's name says."""
    done = namespace.run("openssl", "s_client", "-connect", f"{address}:{port}", "-ign_eof", check=False,
                         input="GET / HTTP/1.0\r\nConnection: close\r\n\r\n")
    wanted = [f"New, TLSv1.3, Cipher is {CIPHER}", f"Server Temp Key: {GROUP}",
              "Peer signature type: " + {"ecdsa": "ECDSA", "rsa": "RSA-PSS"}[kind],
              "Server public key is " + {"ecdsa": "256", "rsa": "2048"}[kind] + " bit"]
    absent = [text for text in wanted if text not in done.stdout]
    if absent or " 200" not in done.stdout:
        raise testbed.TestbedError(f"{address}:{port} did not negotiate {absent}:\n{done.stdout}{done.stderr}")
    tickets = done.stdout.count("Post-Handshake New Session Ticket arrived")
    if tickets:
        say(f"{address}:{port} sent {tickets} session tickets")


class KernelServer:
    """KernelServer is nginx or HAProxy on loopback in the namespace of its clients."""

    def __init__(self, name: str, namespace: testbed.Namespace, ports: dict[str, int], words,
                 log: pathlib.Path, environment=None):
        self.name, self.namespace, self.ports = name, namespace, ports
        self.process = namespace.start(*words, log=log, environment=environment)
        deadline = time.monotonic() + 10
        for port in ports.values():
            while True:
                try:
                    namespace.connect("127.0.0.1", port, 1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or not self.process.running():
                        raise testbed.TestbedError(f"{name} does not listen:\n{self.process.output()}") from None
                    time.sleep(0.05)
        for kind, port in ports.items():
            check_negotiated(namespace, "127.0.0.1", port, kind)

    def turn(self, kind: str) -> Spent:
        before = processor_time(self.process.pid)
        fetch(self.namespace, "127.0.0.1", self.ports[KINDS[kind]])
        return processor_time(self.process.pid) - before


class Worker:
    """Worker is Sallyport without a device: bench_handshake hands frames to Worker::process."""
    name = "sallyport"

    def __init__(self, build: pathlib.Path, prefix: list[str]):
        self.words = [*prefix, build / "tests/bench/bench_handshake", "--fetch", PER_TURN]

    def turn(self, kind: str) -> Spent:
        return Spent(int(testbed.command(*self.words, kind, timeout=60).stdout) * 1e-9 * PER_TURN)


class Daemon:
    """Daemon is all of Sallyport, on a tap interface.

    Two bounds from above are known, and the lesser counts: the time in which its I/O lcore had work,
    which goes on when others are given its CPU; and the CPU time of the process, idle polls included.
    """
    name = "sallyport_tap"

    def __init__(self, bed: appliance.Bed):
        self.bed, self.pid = bed, bed.sallyport.process.pid
        for kind, port in SALLYPORT_PORTS.items():
            check_negotiated(bed.client, testbed.SERVICE4, port, kind)

    def working(self) -> float:
        return self.bed.sallyport.show("lcores")["lcores"]["0"]["working_us"] * 1e-6

    def turn(self, kind: str) -> Spent:
        before, working = processor_time(self.pid), self.working()
        fetch(self.bed.client, testbed.SERVICE4, SALLYPORT_PORTS[KINDS[kind]])
        spent, working = processor_time(self.pid) - before, self.working() - working
        return dataclasses.replace(spent, total=min(spent.total, working))


def measure(servers: list, kinds: list[str]) -> list[str]:
    """measure lets the servers take turns and returns the metric lines."""
    lines = []
    deadline = time.monotonic() + SECONDS
    for number, kind in enumerate(kinds):
        spent = {server.name: [] for server in servers}
        last = deadline - SECONDS * (len(kinds) - 1 - number) / len(kinds)
        for server in servers:
            server.turn(kind)  # not counted: what is done once, and cold caches
        while len(spent[servers[0].name]) < TURNS and time.monotonic() < last:
            for server in servers:
                spent[server.name].append(server.turn(kind))
        if len(spent[servers[0].name]) < 3:
            raise testbed.TestbedError(f"{kind}: no time for three turns within {SECONDS} seconds")
        for name, turns in spent.items():
            each = [turn.total / PER_TURN * 1e6 for turn in turns]
            user, system = sum(turn.user for turn in turns), sum(turn.system for turn in turns)
            split = f", {100 * user / (user + system):.0f} % user and {100 * system / (user + system):.0f} % system" \
                if user + system > 0 else ""
            say(f"{name} {kind}: {statistics.median(each):.1f} us of {len(turns)} x {PER_TURN} handshakes, "
                f"{min(each):.1f} to {max(each):.1f}{split}")
            lines.append(f"metric {name}_{kind}_us {statistics.median(each):.1f} us")
        for name in ("nginx", "haproxy"):
            ratios = [theirs.total / ours.total for theirs, ours in zip(spent[name], spent["sallyport"])]
            lines.append(f"metric {kind}_vs_{name} {statistics.median(ratios):.2f} ratio")
            # Whatever else a machine does only adds: this comes nearest to a quiet one.
            least, own = (min(turn.total for turn in spent[each]) for each in (name, "sallyport"))
            lines.append(f"metric {kind}_vs_{name}_least {least / own:.2f} ratio")
            say(f"{kind}_vs_{name}: {min(ratios):.2f} to {max(ratios):.2f}, least against least {least / own:.2f}")
    return lines


def versions() -> str:
    nginx = testbed.command("nginx", "-v").stderr.split("/")[-1].strip()
    haproxy = testbed.command("haproxy", "-v").stdout.split()[2]
    return f"nginx {nginx}, HAProxy {haproxy}, {testbed.command('openssl', 'version').stdout.strip()}"


def run(build: pathlib.Path, kinds: list[str]) -> list[str]:
    """run builds the testbed: what is measured on one CPU, everything else on another, if there are two."""
    allowed = sorted(os.sched_getaffinity(0))
    measured = ["taskset", "-c", str(allowed[-1])]
    say(versions())
    bed = appliance.Bed(appliance.Programs(build), f"bench{os.getpid()}", services=("web", "web6", "rsa"),
                        io_lcores=(allowed[-1],))
    try:
        os.sched_setaffinity(0, {allowed[0]})  # and all that is started from here on
        for process in (*bed.servers, bed.nginx):
            os.sched_setaffinity(process.pid, {allowed[0]})
        directory = bed.directory
        for kind in KINDS.values():  # HAProxy wants chain and key in one file
            (directory / f"{kind}.both").write_text(
                (directory / f"{kind}.pem").read_text() + (directory / f"{kind}.key").read_text())
        (directory / "bench-nginx.conf").write_text(nginx_configuration(directory))
        (directory / "openssl.cnf").write_text(NO_TICKETS)
        (directory / "haproxy.cfg").write_text(haproxy_configuration(directory))
        host = testbed.Namespace(bed.network.record, f"{bed.network.prefix}-servers")
        host.sysctl(ipv4__ip_local_port_range="10000 65000", ipv4__tcp_tw_reuse=1, core__somaxconn=4096)
        return measure([
            KernelServer("nginx", host, NGINX_PORTS,
                         [*measured, "nginx", "-e", "stderr", "-c", directory / "bench-nginx.conf"],
                         directory / "bench-nginx.log"),
            KernelServer("haproxy", host, HAPROXY_PORTS,
                         [*measured, "haproxy", "-db", "-f", directory / "haproxy.cfg"], directory / "haproxy.log",
                         {"OPENSSL_CONF": str(directory / "openssl.cnf")}),
            Worker(build, measured),
            Daemon(bed),
        ], kinds)
    except (testbed.TestbedError, subprocess.TimeoutExpired):
        say(bed.logs())
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        bed.close()


def figures(kind: str) -> list[str]:
    return [f"{name}_{kind}_us" for name in ("nginx", "haproxy", "sallyport", "sallyport_tap")] + [
        f"{kind}_vs_{name}{which}" for name in ("nginx", "haproxy") for which in ("", "_least")]


def lacking() -> str:
    absent = [tool for tool in ("nginx", "haproxy", "ab", "taskset") if not shutil.which(tool)]
    return f"needs {', '.join(absent)} (scripts/install_deps.sh --bench)" if absent else ""


if __name__ == "__main__":
    sys.exit(program.main("servers", __doc__, KINDS, figures, lacking, run))
