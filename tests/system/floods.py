"""What floods are measured on: a bed with 200 honest connections, a flooder, and a place that swallows a flood.

    lan:  client --- bridge --- sally0          the flood, while it counts
                     |  |
             flooder +  +--- drain              the same flood, for comparison; answers to floods

A flood costs twice: what it does to Sallyport, and the processor time that making it takes away from
everybody else on the machine.  Only the first is of interest.  So the comparison is with the same
flood, made by the same program at the same rate, whose frames go to another MAC address: the bridge
carries them to another tap, which nobody reads.  The answers to a flood end there, too.

The I/O lcore has a CPU of its own, as it should have anywhere: it is pinned, and takes precedence
over whatever else may run there.  All others (flooder, clients, backends) share another CPU in both
phases.  Honest connections begin at a fixed rate, about half of what their client could make on that
CPU, and count when they are served in time: a client that waited for each would measure how the
flooder's path differs from one tap to the other.  Phases take turns, and medians are compared.

A virtual machine whose host takes its CPUs away loses packets and time in either phase.  The kernel
counts what it takes; a window that it spoilt compares nothing, and another one takes its place.
"""
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import signal
import statistics
import struct
import time

import host
import testbed
from appliance import ECHO, INTERFACE, NGINX, Bed
from testbed import CLIENT4, CLIENT6, SERVICE4, SERVICE6

HERE = pathlib.Path(__file__).resolve().parent
CPUS = host.CPUS
OURS, THEIRS = CPUS[-1], CPUS[0]  # of the I/O lcore, and of everything else
BED = {"io_lcores": (OURS,), "services": ("web", "web6", "echo", "nginx")}
CONNECTIONS = 200
HONEST = 200  # new connections per second: about half of what the client could make on its CPU

FLOODER_MAC, DRAIN_MAC = "02:00:00:00:00:66", "02:00:00:00:00:77"
# Addresses that nobody has, and those of a client whose connections are to be hit.
STRANGERS = {4: "198.19.0.0/16", 6: "2001:db8:f00d::/48"}
CLIENT = {4: f"{CLIENT4}/32", 6: f"{CLIENT6}/128"}
TARGET = {4: f"{SERVICE4}:{ECHO}", 6: f"[{SERVICE6}]:{ECHO}"}
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SETTLE = 0.25  # seconds between the start of a flood and that of a window
MAX_STOLEN = 0.05  # CPU seconds per second that the host may take
RECOVERY = 1.0  # seconds after a spoilt window: connections that waited in it are still behind
PATIENCE = 3  # compare may take so often as long as its windows do, and no window begins after that
ROUNDS = 5  # so often it may add windows: a median that is looked at long enough is good enough once


@dataclasses.dataclass
class Flood:
    """Flood is what was measured while one kind of flood ran: `lost` and `longest` in spoilt windows as well."""
    name: str
    sent: int = 0
    received: int = 0  # by Sallyport, its other traffic included
    seconds: float = 0.0
    verified: int = 0  # bytes of the established connections that came back intact
    lost: int = 0  # of them: closed, reset, or given other bytes than they had sent
    longest: float = 0.0  # seconds that one of them waited for its echo
    calm: list[float] = dataclasses.field(default_factory=list)  # handshakes per second beside the same flood
    flooded: list[float] = dataclasses.field(default_factory=list)  # and in it
    spoilt: int = 0  # windows in which the host took the CPUs away
    least: int = 1  # windows of either phase that make a comparison

    def arrived(self) -> float:
        """arrived is the share of what was sent that the kernel could hand over."""
        return self.received / self.sent if self.sent else 0.0

    def is_compared(self) -> bool:
        return min(len(self.calm), len(self.flooded)) >= self.least

    def is_disturbed(self) -> bool:
        """is_disturbed says that windows were spoilt so often that it is luck which were not."""
        return 4 * self.spoilt > len(self.flooded)

    def ratio(self) -> float:
        """ratio is 0 as well when nobody was served beside the flood that went elsewhere: then nothing was compared."""
        calm = statistics.median(self.calm) if self.is_compared() else 0.0
        return statistics.median(self.flooded) / calm if calm else 0.0

    def row(self) -> str:
        rates = f"{statistics.median(self.flooded):6.0f} of {statistics.median(self.calm):4.0f}  {self.ratio():5.2f}" \
            if self.is_compared() else f"{'':14}  {'':5}"
        return (f"{self.name:28} {self.sent:10,} {self.received:10,} {self.kpps():6.0f}  {rates}"
                f" {self.verified / 1e6:8.2f} {self.lost:5} {self.longest * 1000:8.0f} {self.spoilt:6}")

    def kpps(self) -> float:
        return self.sent / self.seconds / 1000 if self.seconds else 0.0


HEAD = (f"{'flood':28} {'sent':>10} {'received':>10} {'kpps':>6}  {'handshakes/s':>14}  ratio {'MB back':>8}  lost "
        f"{'wait ms':>8} {'spoilt':>6}")


def prefer(pid: int, nice: int) -> None:
    """prefer sets the priority of a process, and that of its session where the kernel groups by session.

    Without the right to do so the other work of the machine has a say in the figures, no more.
    """
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), nice)
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(nice))


class Reporter:
    """Reporter is a process of flood_clients.py and what it says."""

    def __init__(self, bed: Bed, name: str, *words):
        self.log = bed.directory / f"{name}.json"
        self.log.unlink(missing_ok=True)
        self.process = bed.client.start("/usr/bin/python3", HERE / "flood_clients.py", *words, log=self.log)
        prefer(self.process.pid, -15)

    def lines(self, begin: float = 0.0, end: float = float("inf")) -> list[dict]:
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                said = json.loads(line)
                if begin <= said["at"] <= end:
                    found.append(said)
        return found

    def last(self) -> dict:
        return (self.lines() or [{"open": 0, "done": 0, "bytes": 0, "failed": 0}])[-1]

    def wait(self, what: str, number: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.last()[what] < number:
            if not self.process.running() or time.monotonic() > deadline:
                raise testbed.TestbedError(f"{self.process.words}: {what} never reached {number}\n"
                                           f"{self.process.output()[-4000:]}")
            time.sleep(0.1)

    def rate(self, begin: float, end: float) -> float:
        """rate is how many were done per second in between."""
        lines = self.lines(begin, end)
        if len(lines) < 2:
            return 0.0
        return (lines[-1]["done"] - lines[0]["done"]) / (lines[-1]["at"] - lines[0]["at"])

    def end(self, seconds: float = 30.0) -> dict:
        """end returns what the process said last, when it has ended by itself."""
        self.process.popen.terminate()
        self.process.wait(seconds)
        return self.last()


class Ground:
    """Ground is a bed, made with the settings BED, and everything that a flood needs."""

    def __init__(self, bed: Bed, max_stolen: float = MAX_STOLEN):
        self.bed, self.max_stolen = bed, max_stolen
        network = bed.network
        self.lan = network.lan
        self.flooder = self._flooder(f"{network.prefix}-flooder")
        self.drain = self._tap_that_nobody_reads("drain", DRAIN_MAC, FLOODER_MAC)
        # As the client knows it.
        bed.client.run("ping", "-c", "1", "-W", "2", SERVICE4)
        self.sallyport_mac = bed.client.run("ip", "neigh", "show", SERVICE4).stdout.split("lladdr ")[1].split()[0]
        # A queue as long as the descriptors of a NIC: what waits while the other CPUs' work delays us.
        self.lan.ip("link", "set", INTERFACE, "txqueuelen", 4096)
        self.separate()
        self.established = Reporter(bed, "hold", "hold", "--number", CONNECTIONS, "--ca", bed.authority,
                                    f"{SERVICE4},{ECHO}", f"{SERVICE6},{ECHO}")
        self.established.wait("open", CONNECTIONS, 60)

    def _flooder(self, name: str) -> testbed.Namespace:
        host = testbed.Namespace(self.bed.network.record, name)
        host.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        self.lan.ip("link", "add", "flooder", "type", "veth", "peer", "name", "eth0", "netns", name)
        self.lan.ip("link", "set", "flooder", "master", "br0", "up")
        self.lan.run("bridge", "link", "set", "dev", "flooder", "learning", "off")
        host.ip("link", "set", "eth0", "up")
        return host

    def _tap_that_nobody_reads(self, name: str, *macs: str):
        """_tap_that_nobody_reads drops what it is given once its queue is full; lives as long as what is returned."""
        with self.lan.entered():
            device = open("/dev/net/tun", "rb", buffering=0)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        self.lan.ip("link", "set", name, "master", "br0", "up")
        for mac in macs:
            self.lan.run("bridge", "fdb", "add", mac, "dev", name, "master", "static")
        return device

    def separate(self) -> None:
        """separate gives the I/O lcore its CPU, and the other one to all processes started from here on."""
        os.sched_setaffinity(0, {THEIRS})
        for process in (*self.bed.servers, self.bed.nginx):
            os.sched_setaffinity(process.pid, {THEIRS})
            prefer(process.pid, -15)
        prefer(self.bed.sallyport.process.pid, -20)

    def received(self) -> int:
        path = f"/sys/class/net/{INTERFACE}/statistics/tx_packets"  # what the kernel gave to Sallyport
        return int(self.lan.run("cat", path).stdout)

    def start(self, kind: str, sources: str, family: int, to: str, rate: int, seed: int) -> testbed.Process:
        log = self.bed.directory / "flood.log"
        log.unlink(missing_ok=True)
        process = self.flooder.start(
            self.bed.programs.flood, "--interface", "eth0", "--from", FLOODER_MAC, "--to", to, "--sources", sources,
            "--target", TARGET[family], "--kind", kind, "--seconds", 30, "--count", 100_000_000, "--rate", rate,
            "--seed", seed,
            log=log)
        prefer(process.pid, -15)
        return process

    def window(self, flood: Flood, kind: str, sources: str, family: int, rate: int, seconds: float, seed: int,
               honest: Reporter | None, counts: bool) -> bool:
        """window floods for so many seconds, Sallyport or, when it does not count, the drain.

        Says whether it was not spoilt.
        """
        before, stolen_before, start = self.received(), host.stolen((OURS, THEIRS)), time.monotonic()
        process = self.start(kind, sources, family, self.sallyport_mac if counts else DRAIN_MAC, rate, seed)
        time.sleep(SETTLE)
        begin = time.monotonic()
        time.sleep(seconds)
        end = time.monotonic()
        process.popen.send_signal(signal.SIGTERM)
        process.wait(10)
        said = json.loads(process.output().splitlines()[-1])
        is_spoilt = (host.stolen((OURS, THEIRS)) - stolen_before) / (time.monotonic() - start) > self.max_stolen
        if counts:
            verified = self.add_established(flood, begin - SETTLE, end)
        if is_spoilt:
            flood.spoilt += 1
            time.sleep(RECOVERY)
            return False
        if honest is not None:
            (flood.flooded if counts else flood.calm).append(honest.rate(begin, end))
        if counts:
            flood.sent += said["sent"]
            flood.seconds += said["seconds"]
            flood.received += self.received() - before
            flood.verified += verified
        return True

    def add_established(self, flood: Flood, begin: float, end: float) -> int:
        """add_established returns the bytes that came back."""
        lines = self.established.lines(begin, end)
        if not lines:  # nor did anybody hear of them in this time; what they say at their end is judged
            return 0
        flood.lost += lines[-1]["failed"] - lines[0]["failed"]
        flood.longest = max(flood.longest, *[line["longest"] for line in lines])
        return lines[-1]["bytes"] - lines[0]["bytes"]

    def compare(self, kind: str, family: int, rate: int, windows: int, seconds: float, honest: Reporter,
                is_enough=lambda flood: True) -> Flood:
        """compare lets windows in the flood and beside it take turns, so many of each and then as many more.

        It ends when that `is_enough`, and after ROUNDS or out of PATIENCE: where most windows are spoilt there are
        fewer then, and nothing is compared.
        """
        flood = Flood(f"{kind} IPv{family}", least=windows)
        deadline = time.monotonic() + PATIENCE * 2 * windows * (SETTLE + seconds)
        for _ in range(ROUNDS):
            if not self._add_windows(flood, kind, family, rate, windows, seconds, honest, deadline) or is_enough(flood):
                break
        return flood

    def _add_windows(self, flood: Flood, kind: str, family: int, rate: int, windows: int, seconds: float,
                     honest: Reporter, deadline: float) -> bool:
        """_add_windows says whether it could before the deadline."""
        for number in range(windows):
            seed = 1 + len(flood.calm)
            for counts in (False, True) if number % 2 == 0 else (True, False):
                is_done = False
                while not is_done:
                    if time.monotonic() > deadline:
                        return False
                    is_done = self.window(flood, kind, STRANGERS[family], family, rate, seconds, seed, honest, counts)
        return True

    def fetcher(self, family: int, rate: int = HONEST) -> Reporter:
        """fetcher starts a client that makes so many new connections per second."""
        made = Reporter(self.bed, "fetch", "fetch", "--rate", rate, "--ca", self.bed.authority,
                        f"{SERVICE4 if family == 4 else SERVICE6},{NGINX}")
        made.wait("done", 10, 20)
        return made
