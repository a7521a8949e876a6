"""Thousands of spoilt frames and handshakes: nothing crashes, all is counted, nobody else notices."""
import asyncio
import contextlib
import random
import re
import socket
import ssl

import clients
import frames
from appliance import ECHO, SERVER_NAME, SERVICE4, WEB
from cases import OnBed, limit
from testbed import CLIENT6, GATE4, GATE6
from test_failures import client_hello


class BadInput(OnBed):
    settings = {"handshake_seconds": 2, "client_hello_seconds": 2}
    standing_connections = 1

    def setUp(self):
        self.companion = clients.Companion(self.bed)

    def tearDown(self):
        super().tearDown()
        self.assertGreater(self.companion.stop(), 100_000, "the honest connection hardly moved")

    def mac(self, namespace, device: str) -> bytes:
        text = namespace.run("cat", f"/sys/class/net/{device}/address").stdout.strip()
        return bytes.fromhex(text.replace(":", ""))

    def number(self, most: int) -> int:
        """number is how many bad inputs are worth their time: the sanitizers see most of what they can do."""
        return most if self.programs.sanitized() else most // 10

    def gate_mac(self) -> bytes:
        """gate_mac is Sallyport's own address, as the client's kernel has learnt it."""
        self.bed.client.run("ping", "-c", "1", "-W", "2", SERVICE4)
        known = self.bed.client.run("ip", "neigh", "show", SERVICE4).stdout
        return bytes.fromhex(re.search(r"lladdr (\S+)", known)[1].replace(":", ""))

    @limit(150)
    def test_20000_spoilt_frames_crash_nothing_and_are_counted_by_reason(self):
        draw = random.Random(1)
        gate, client = self.gate_mac(), self.mac(self.bed.client, "eth0")
        before = self.drops()
        with self.bed.client.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as raw:
            raw.bind(("eth0", 0))
            for number in range(400):
                for frame in frames.good_frames(gate, client, WEB, draw):
                    spoilt = frames.spoil(frame, draw)
                    with contextlib.suppress(OSError):  # longer than the MTU: the kernel refuses it
                        raw.send(spoilt)
                self.assertTrue(self.bed.sallyport.process.running(), f"ended after round {number}")
        # The client's kernel answers some SYN-ACKs with RST and may have believed a forged neighbour
        # message; what counts is that honest work goes on.
        after = self.wait_until(
            lambda: (now := self.drops()) and sum(now.values()) - sum(before.values()) > 5_000 and now,
            "hardly a drop is counted", 20)
        rising = {name for name, count in after.items() if count > before.get(name, 0)}
        for reason in ("frame_truncated", "ip_malformed", "ip_bad_checksum", "tcp_bad_checksum", "ip_fragment",
                       "tcp_malformed", "tcp_no_connection", "tcp_land", "ip_protocol_unknown", "ip_bad_source"):
            self.assertIn(reason, rising)
        self.assertIn("<h1>", self.bed.curl().stdout)

    @limit(150)
    def test_spoilt_client_hellos_crash_nothing(self):
        draw = random.Random(2)
        hello = client_hello()
        self.send_each([spoil_stream(hello, draw) for _ in range(self.number(3000))])
        failures = self.wait_until(lambda: self.failures(), "no failure is counted")
        for reason in ("decode_error", "timed_out", "not_tls"):
            self.assertGreater(failures.get(reason, 0), 0, failures)
        self.wait_until_idle(30)
        self.assertIn("<h1>", self.bed.curl().stdout)

    @limit(150)
    def test_handshakes_spoilt_after_the_server_answered_crash_nothing(self):
        draw = random.Random(3)

        async def all_of_them():
            gate = asyncio.Semaphore(20)

            async def one(version: ssl.TLSVersion, seed: int):
                async with gate:
                    await spoilt_handshake(clients.context(self.bed, version), random.Random(seed))
            await asyncio.gather(*[one(draw.choice((clients.TLS12, clients.TLS13)), seed)
                                   for seed in range(self.number(1000))])
        clients.in_namespace(self.bed, all_of_them)
        failures = self.wait_until(lambda: self.failures(), "no failure is counted")
        self.assertGreater(failures.get("bad_record_mac", 0), 0, failures)
        self.wait_until_idle(30)
        self.assertIn("<h1>", self.bed.curl().stdout)

    @limit(90)
    def test_a_flood_of_syns_from_spoofed_sources_holds_no_state(self):
        draw = random.Random(4)
        gate, client = self.gate_mac(), self.mac(self.bed.client, "eth0")
        flood = [frames.ethernet(gate, client, 0x0800, frames.tcp(
            f"198.19.{draw.randrange(256)}.{draw.randrange(1, 255)}", SERVICE4, draw.randrange(1024, 65536), WEB,
            frames.SYN, draw.randrange(1 << 32), 0, b"\x02\x04\x05\xb4")) for _ in range(2000)]
        with self.bed.client.open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind(("eth0", 0))
            for number in range(20):
                for frame in flood:
                    raw.send(frame)
                self.assertIn("<h1>", self.bed.curl().stdout)
        self.assertLess(self.open_connections(), 10)

    @limit(90)
    def test_a_flood_of_forged_arp_and_neighbour_messages_exhausts_nothing(self):
        draw = random.Random(5)
        gate, client = self.gate_mac(), self.mac(self.bed.client, "eth0")
        resident = self.bed.sallyport.resident_bytes()
        with self.bed.client.open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind(("eth0", 0))
            for number in range(20_000):
                mac = b"\x02" + draw.randbytes(5)
                raw.send(frames.ethernet(gate, client, 0x0806, frames.arp(
                    2, mac, f"198.19.{draw.randrange(256)}.{draw.randrange(1, 255)}", GATE4)))
                raw.send(frames.ethernet(gate, client, 0x86DD, frames.neighbour_message(
                    136, CLIENT6, GATE6, f"2001:db8::{draw.randrange(0x100, 0x10000):x}", mac)))
        self.assertIn("<h1>", self.bed.curl().stdout)
        self.assertLess(self.bed.sallyport.resident_bytes() - resident, 1 << 20)

    def send_each(self, streams: list[bytes]) -> None:
        """send_each sends every stream over a connection of its own and reads until the other side ends."""
        async def all_of_them():
            gate = asyncio.Semaphore(100)

            async def one(stream: bytes):
                async with gate:
                    with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                        reader, writer = await asyncio.open_connection(SERVICE4, WEB)
                        with contextlib.closing(writer):
                            writer.write(stream)
                            await asyncio.wait_for(reader.read(-1), 6)
            await asyncio.gather(*[one(stream) for stream in streams])
        clients.in_namespace(self.bed, all_of_them)


def spoil_stream(stream: bytes, draw: random.Random) -> bytes:
    kind = draw.randrange(12)
    if kind == 0:  # such a client waits, and so does the server: few, because each costs its time-out
        return stream[:draw.randrange(len(stream))]
    if kind == 1:
        return draw.randbytes(draw.randrange(1, 600))
    if kind == 2:
        return stream[:3] + draw.randbytes(2) + stream[5:]  # another record length
    if kind == 3:
        return stream * draw.randrange(2, 40)
    spoilt = bytearray(stream)
    for _ in range(draw.choice((1, 2, 5, 20))):
        bit = draw.randrange(len(spoilt) * 8)
        spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


async def spoilt_handshake(tls: ssl.SSLContext, draw: random.Random) -> None:
    """spoilt_handshake spoils one of the flights that an honest client sends after its ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.wrap_bio(incoming, outgoing, server_hostname=SERVER_NAME)
    victim = draw.randrange(1, 4)
    with contextlib.suppress(ConnectionError, asyncio.TimeoutError, ssl.SSLError):
        reader, writer = await asyncio.open_connection(SERVICE4, ECHO)
        with contextlib.closing(writer):
            for flight in range(6):
                try:
                    client.do_handshake()
                    client.write(b"application data")
                except ssl.SSLWantReadError:
                    pass
                out = outgoing.read()
                if out and flight >= victim:
                    out = spoil_stream(out, draw)
                writer.write(out)
                received = await asyncio.wait_for(reader.read(65536), 6)
                if not received:
                    return
                incoming.write(received)
