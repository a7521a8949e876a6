"""A host without a TCP of its own: it sends packets made by hand and sees what comes back."""
import dataclasses
import socket
import struct
import time

import frames
import testbed
from appliance import WEB, Bed
from testbed import SERVICE4, SERVICE6

PROBER4, PROBER6 = "198.18.0.66", "2001:db8::66"  # no kernel answers for them
MAC = bytes.fromhex("020000000055")
MARKER_PORTS = range(60_000, 64_000)
QUIET = 0.01  # seconds without another answer


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer is a segment that came back."""
    source_port: int
    port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    options: bytes
    payload: bytes

    def timestamp(self) -> int | None:
        """timestamp is TSval, where there is one."""
        rest = self.options
        while rest and rest[0] != 0:
            if rest[0] == 1:
                rest = rest[1:]
            elif rest[0] == 8:
                return struct.unpack("!I", rest[2:6])[0]
            else:
                rest = rest[rest[1]:]
        return None


def parse(frame: bytes) -> Answer | None:
    if frame[:6] != MAC:
        return None
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00" and packet[9] == frames.TCP:
        whole = packet[(packet[0] & 15) * 4:struct.unpack("!H", packet[2:4])[0]]
    elif kind == b"\x86\xdd" and packet[6] == frames.TCP:
        whole = packet[40:40 + struct.unpack("!H", packet[4:6])[0]]
    else:
        return None
    source_port, port, sequence, acknowledgment, words, flags, window = struct.unpack("!HHIIBBH", whole[:16])
    return Answer(source_port, port, sequence, acknowledgment, flags, window, whole[20:words // 16 * 4],
                  whole[words // 16 * 4:])


class Prober:
    def __init__(self, bed: Bed):
        network = bed.network
        self.host = testbed.Namespace(network.record, f"{network.prefix}-prober")
        self.host.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        network.lan.ip("link", "add", "prober", "type", "veth", "peer", "name", "eth0", "netns", self.host.name)
        network.lan.ip("link", "set", "prober", "master", "br0", "up")
        self.host.ip("link", "set", "eth0", "address", ":".join(f"{byte:02x}" for byte in MAC), "up")
        bed.client.run("ping", "-c", "1", "-W", "2", SERVICE4)
        known = bed.client.run("ip", "neigh", "show", SERVICE4).stdout
        self.gate = bytes.fromhex(known.split("lladdr ")[1].split()[0].replace(":", ""))
        self.raw = self.host.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.raw.bind(("eth0", 0x0003))
        self.markers = 0

    def close(self) -> None:
        self.raw.close()

    def send(self, packet: bytes, to: bytes | None = None, source: bytes = MAC) -> None:
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
        self.raw.send(frames.ethernet(to or self.gate, source, kind, packet))

    def receive(self, seconds: float) -> Answer | None:
        """receive returns the next segment for us, or None when none came in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.raw.settimeout(left)
            try:
                frame = self.raw.recv(65536)
            except TimeoutError:
                return None
            if (answer := parse(frame)) is not None:
                return answer
        return None

    def answers(self, seconds: float = 5.0) -> list[Answer]:
        """answers returns what came back for all that was sent before.

        A SYN goes behind it: once that is answered, so is everything else but for an instant.
        """
        port = MARKER_PORTS[self.markers % len(MARKER_PORTS)]
        self.markers += 1
        self.send(frames.tcp(PROBER4, SERVICE4, port, WEB, frames.SYN, 77))
        found: list[Answer] = []
        deadline = time.monotonic() + seconds
        while (answer := self.receive(deadline - time.monotonic())) is not None:
            if answer.port == port and answer.acknowledgment == 78:
                deadline = min(deadline, time.monotonic() + QUIET)
            else:
                found.append(answer)
        return found

    def ask(self, packet: bytes, to: bytes | None = None, source: bytes = MAC) -> list[Answer]:
        self.send(packet, to, source)
        return self.answers()


class Peer:
    """Peer is our end of one connection, without any of TCP's automatic answers."""

    def __init__(self, prober: Prober, family: int, source_port: int, port: int = WEB, timestamps: bool = False):
        self.prober = prober
        self.here, self.there = (PROBER4, SERVICE4) if family == 4 else (PROBER6, SERVICE6)
        self.source_port, self.port = source_port, port
        self.sequence, self.tsval = 5000, 1000
        syn = b"\x02\x04\x05\xa0" + (b"\x01\x01\x08\x0a" + struct.pack("!II", self.tsval, 0) if timestamps else b"")
        prober.send(frames.tcp(self.here, self.there, source_port, port, frames.SYN, self.sequence, 0, syn))
        reply = next(answer for answer in prober.answers() if answer.port == source_port)
        assert reply.flags == frames.SYN | frames.ACK and reply.acknowledgment == self.sequence + 1, reply
        self.echo = reply.timestamp()
        assert (self.echo is not None) == timestamps, reply
        self.sequence += 1
        self.acknowledgment = reply.sequence + 1

    def send(self, flags: int, payload: bytes = b"", advance: int = 0, ahead: int = 0, bare: bool = False, **more):
        """send returns the answers; the segment lies `advance` behind what is expected, acknowledges `ahead` too much.

        `bare` leaves out the timestamp.
        """
        options = b""
        if self.echo is not None and not bare:
            self.tsval += 1
            options = b"\x01\x01\x08\x0a" + struct.pack("!II", self.tsval, self.echo)
        return self.prober.ask(frames.tcp(
            self.here, self.there, self.source_port, self.port, flags, self.sequence + advance,
            (self.acknowledgment + ahead) % 2**32, options, payload, **more))
