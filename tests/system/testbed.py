"""Network namespaces, processes and a running Sallyport, for the system tests and the demo.

Everything made here is written to a state directory before it is used, so that the next run can
remove what a killed run left behind.  Processes are ended by PID, and only when their start time
shows that they are still the ones that were started here.

    client ---+                +--- backend1
              +--- bridge -----+
    sally0 ---+   (in "lan")   +--- backend2

Sallyport runs in the namespace "lan", where its tap interface sally0 joins the bridge.
"""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

STATE_DIRECTORY = pathlib.Path("/run/sallyport-testbed")
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

CLIENT4, CLIENT6 = "198.18.0.2", "2001:db8::2"
GATE4, GATE6 = "198.18.0.1", "2001:db8::1"  # the interface itself
SERVICE4, SERVICE6 = "198.18.0.10", "2001:db8::10"  # the listeners
SOURCE4, SOURCE6 = "198.18.0.11", "2001:db8::11"  # towards the backends
BACKENDS4 = ("198.18.0.20", "198.18.0.21")
BACKENDS6 = ("2001:db8::20", "2001:db8::21")
SERVER_NAME = "sallyport.test"


class TestbedError(RuntimeError):
    """The testbed could not be built; says what to do about it."""


def why_not() -> str:
    """why_not says why no testbed can be built here, or returns an empty string."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces and tap interfaces"
    for tool in ("ip", "ethtool"):
        if shutil.which(tool) is None:
            return f"needs {tool} (scripts/install_deps.sh)"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    probe = f"sallyport-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode != 0:
        return "needs the right to make network namespaces"
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return ""


def start_time(pid: int) -> str | None:
    """start_time tells a process from a later one with the same PID; None when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def end_process(pid: int, started: str, patience: float = 2.0) -> None:
    """end_process ends exactly that process: SIGTERM, then SIGKILL after `patience` seconds."""
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
        if start_time(pid) != started:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and start_time(pid) == started:
            time.sleep(0.02)


class Record:
    """Record is what this run has made, on disk."""

    def __init__(self):
        STATE_DIRECTORY.mkdir(parents=True, exist_ok=True)
        owner = os.getpid()
        self.path = STATE_DIRECTORY / f"{owner}.json"
        self.content = {"owner": [owner, start_time(owner)], "processes": [], "namespaces": [],
                        "directories": []}

    def add(self, kind: str, item) -> None:
        self.content[kind].append(item)
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self.content))
        temporary.rename(self.path)

    def undo(self) -> None:
        undo_record(self.content)
        self.path.unlink(missing_ok=True)


def undo_record(content: dict) -> None:
    for pid, started in reversed(content["processes"]):
        end_process(pid, started)
    for name in reversed(content["namespaces"]):
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    for name in content["directories"]:
        shutil.rmtree(name, ignore_errors=True)


def remove_leftovers() -> list[str]:
    """remove_leftovers undoes the records whose owner no longer lives, and names them."""
    removed = []
    for path in sorted(STATE_DIRECTORY.glob("*.json")):
        try:
            content = json.loads(path.read_text())
        except (ValueError, FileNotFoundError):
            path.unlink(missing_ok=True)
            continue
        pid, started = content["owner"]
        if start_time(pid) == started:
            continue
        undo_record(content)
        path.unlink(missing_ok=True)
        removed.append(path.stem)
    return removed


def die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def command(*words, timeout: float = 15.0, check: bool = True, **more) -> subprocess.CompletedProcess:
    """command runs a program to its end; its output is text, its standard input empty."""
    more.setdefault("stdin", subprocess.DEVNULL) if "input" not in more else None
    more.setdefault("text", True)
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=timeout, **more)
    if check and done.returncode != 0:
        raise TestbedError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n"
                           f"{done.stdout}{done.stderr}")
    return done


class Process:
    """Process is a program in the background whose output goes to a file."""

    def __init__(self, record: Record, words, log: pathlib.Path, environment=None):
        self.words = [str(word) for word in words]
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=die_with_parent)
        self.started = start_time(self.popen.pid)
        record.add("processes", [self.popen.pid, self.started])

    @property
    def pid(self) -> int:
        return self.popen.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_for_output(self, text: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output():
            if not self.running():
                raise TestbedError(f"{self.words} ended with {self.popen.returncode}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise TestbedError(f"{self.words} never said {text!r}:\n{self.output()}")
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        return self.popen.wait(seconds)

    def kill(self) -> None:
        """kill ends it at once, as a crash would."""
        if self.running():
            self.popen.kill()
        self.popen.wait(5)

    def stop(self, seconds: float = 5.0) -> int:
        """stop asks it to end, insists after `seconds`, and returns its exit code."""
        if self.running():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self.popen.wait(5)


class Namespace:
    """Namespace is a network namespace of its own."""

    def __init__(self, record: Record, name: str):
        self.record = record
        self.name = name
        if os.path.exists(f"/run/netns/{name}"):
            # Not ours: it must not get into the record, which is what gets removed.
            raise TestbedError(f"the namespace {name} exists already: another run, or remove it with "
                               f"ip netns del {name}")
        record.add("namespaces", name)
        command("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words) -> None:
        command("ip", "-n", self.name, *words)

    def sysctl(self, **settings) -> None:
        """sysctl sets net.* keys; a double underscore stands for a dot."""
        self.run("sysctl", "-q", "-w",
                 *[f"net.{key.replace('__', '.')}={value}" for key, value in settings.items()])

    def inside(self, *words) -> list[str]:
        return ["ip", "netns", "exec", self.name, *[str(word) for word in words]]

    def run(self, *words, **more) -> subprocess.CompletedProcess:
        return command(*self.inside(*words), **more)

    def start(self, *words, log: pathlib.Path, environment=None) -> Process:
        return Process(self.record, self.inside(*words), log, environment)

    @contextlib.contextmanager
    def entered(self):
        """entered moves the calling thread into the namespace: sockets it makes belong there."""
        home = os.open(f"/proc/{os.getpid()}/task/{LIBC.gettid()}/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if LIBC.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                LIBC.setns(home, CLONE_NEWNET)
        finally:
            os.close(there)
            os.close(home)

    def open_socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0) -> socket.socket:
        with self.entered():
            return socket.socket(family, kind, protocol)

    def connect(self, address: str, port: int, seconds: float = 10.0) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = self.open_socket(family)
        made.settimeout(seconds)
        try:
            made.connect((address, port))
        except BaseException:
            made.close()
            raise
        return made


@dataclasses.dataclass(frozen=True)
class Faults:
    """Faults of the bridge before Sallyport: probabilities per frame, where nothing else is said."""
    loss: float = 0.0
    burst: float = 1.0  # frames lost in a row, on average
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    delay_ms: int = 0  # each way
    seed: int = 1


class Network:
    """Network is the picture at the top of this file, without anything that runs in it."""

    def __init__(self, prefix: str, faults: Faults | None = None, wire_size: bool = False):
        self.record = Record()
        self.prefix = prefix
        self.faults = faults
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-"))
        self.directory.chmod(0o755)
        self.record.add("directories", str(self.directory))
        try:
            self._build(prefix, wire_size or faults is not None)
        except BaseException:
            self.close()
            raise

    def _build(self, prefix: str, wire_size: bool) -> None:
        self.lan = Namespace(self.record, f"{prefix}-lan")
        self.lan.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        # Where bridges hand their frames to the IP filter, that drops what is malformed.
        if pathlib.Path("/proc/sys/net/bridge").exists():
            self.lan.run("sysctl", "-q", "-w", "net.bridge.bridge-nf-call-iptables=0",
                         "net.bridge.bridge-nf-call-ip6tables=0", "net.bridge.bridge-nf-call-arptables=0")
        # The bridge must not learn multicast listeners: it would hide solicited-node groups.
        self.lan.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "stp_state", "0")
        self.lan.ip("link", "set", "br0", "up")
        self.client = self._host(f"{prefix}-client", "client", CLIENT4, CLIENT6, wire_size)
        self.client.sysctl(ipv4__ip_local_port_range="10000 65000", ipv4__tcp_tw_reuse=1)
        self.backends = [
            self._host(f"{prefix}-backend{i + 1}", f"backend{i + 1}", BACKENDS4[i], BACKENDS6[i],
                       wire_size) for i in range(2)]

    def _host(self, name: str, port: str, address4: str, address6: str, wire_size: bool) -> Namespace:
        host = Namespace(self.record, name)
        host.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0,
                    ipv6__conf__default__accept_ra=0)
        self.lan.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        self.lan.ip("link", "set", port, "master", "br0", "up")
        host.ip("addr", "add", f"{address4}/24", "dev", "eth0")
        host.ip("addr", "add", f"{address6}/64", "dev", "eth0", "nodad")
        if wire_size:
            host.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        host.ip("link", "set", "eth0", "up")
        return host

    def attach(self, interface: str, bridge_program: pathlib.Path | None) -> Process | None:
        """attach joins Sallyport's interface with the bridge, directly or through the faults."""
        if self.faults is None:
            self.lan.ip("link", "set", interface, "master", "br0", "up")
            return None
        self.lan.ip("link", "add", "fault0", "type", "veth", "peer", "name", "fault1")
        self.lan.ip("link", "set", "fault1", "master", "br0", "up")
        self.lan.ip("link", "set", "fault0", "up")
        self.lan.ip("link", "set", interface, "up")
        return self.start_bridge(interface, bridge_program, self.faults)

    def start_bridge(self, interface: str, bridge_program: pathlib.Path, faults: Faults) -> Process:
        """start_bridge carries frames between Sallyport's interface and the others, with faults."""
        log = self.directory / "lossy_bridge.log"
        log.unlink(missing_ok=True)
        chances = dataclasses.asdict(faults)
        process = self.lan.start(bridge_program, "--left", interface, "--right", "fault0",
                                 *[word for key, value in chances.items() for word in (f"--{key}", value)],
                                 log=log)
        process.wait_for_output("ready", 5)
        return process

    def close(self) -> None:
        self.record.undo()


@dataclasses.dataclass(frozen=True)
class Certificate:
    chain: pathlib.Path
    key: pathlib.Path


# What `openssl req` is told to make a key of each kind.
NEW_KEY = {"ecdsa": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
           "p384": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
           "rsa": ("-newkey", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"),
           "ed25519": ("-newkey", "ed25519")}


def make_certificate(directory: pathlib.Path, name: str, algorithm: str) -> Certificate:
    """make_certificate writes a self-signed one for SERVER_NAME; algorithm: one of NEW_KEY."""
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    command("openssl", "req", "-x509", *NEW_KEY[algorithm], "-nodes", "-sha256", "-days", "30", "-subj", f"/CN={SERVER_NAME}", "-addext", f"subjectAltName=DNS:{SERVER_NAME}",
            "-keyout", made.key, "-out", made.chain)
    return made
