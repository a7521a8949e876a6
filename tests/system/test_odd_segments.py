"""Segments that no honest host sends: each gets the answer that RFC 9293 or our policy asks for, or silence.

What is not answered is dropped under a name: the tests compare the counters of `sallyctl show drops` with
what was sent, reason by reason.  All the while an honest connection checks its bytes.
"""
import collections
import pathlib
import re
import shutil
import struct
import time
import unittest

import clients
import frames
from appliance import WEB, WEB_IPV6
from cases import OnBed, limit, on_each
from frames import ACK, FIN, PSH, RST, SYN, TCP, UDP, URG
from prober import MAC, PROBER4, PROBER6, Answer, Peer, Prober
from test_failures import client_hello
from testbed import CLIENT4, SERVICE4, SERVICE6

CLOSED = 1
SEQUENCE, ACKNOWLEDGMENT = 1000, 2_000_000
HERE = {4: PROBER4, 6: PROBER6}
THERE = {4: SERVICE4, 6: SERVICE6}
BROADCAST = b"\xff" * 6


def names(flags: int) -> str:
    return "|".join(name for name, bit in (("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32))
                    if flags & bit) or "none"


class Odd(OnBed):
    """Odd has a prober beside the bed, and an honest connection that must not notice it."""
    settings = {"handshake_seconds": 4, "client_hello_seconds": 4}
    standing_connections = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prober = Prober(cls.bed)
        cls.addClassCleanup(cls.prober.close)
        cls.next_port = 20_000

    def setUp(self):
        self.companion = clients.Companion(self.bed)
        self.drops_before = self.drops()

    def tearDown(self):
        self.assertIn("<h1>", self.bed.curl().stdout)
        super().tearDown()
        self.assertGreater(self.companion.stop(), 1000, "the honest connection hardly moved")

    def port(self) -> int:
        """port is one that was not used before."""
        type(self).next_port += 1
        return self.next_port

    def risen(self) -> dict[str, int]:
        return {reason: count - self.drops_before.get(reason, 0) for reason, count in self.drops().items()
                if count != self.drops_before.get(reason, 0) and reason not in ("icmp_unhandled", "arp_not_for_us")}

    def assert_dropped(self, expected: dict[str, int]) -> None:
        """assert_dropped wants exactly these drops since the test began.

        Only of segments outside of the window there may be more: on a busy machine the kernels at both ends of
        the honest connection send the end of a flight again when our ACK is some milliseconds late.
        """
        deadline = time.monotonic() + 5
        while (risen := self.risen_to(expected)) != expected and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(risen, expected)

    def risen_to(self, expected: dict[str, int]) -> dict[str, int]:
        risen, repeated = self.risen(), "tcp_out_of_window"
        if repeated in risen:
            risen[repeated] = min(risen[repeated], expected.get(repeated, 0))
        return {reason: count for reason, count in risen.items() if count > 0}

    def assert_reset(self, answers: list[Answer], flags: int, length: int, name: str) -> None:
        """[RFC 9293 3.10.7.1] What a RST looks like depends on whether the segment acknowledged something."""
        self.assertEqual(len(answers), 1, name)
        answer = answers[0]
        if flags & ACK:
            self.assertEqual((answer.flags, answer.sequence), (RST, ACKNOWLEDGMENT), name)
        else:
            self.assertEqual((answer.flags, answer.sequence, answer.acknowledgment),
                             (RST | ACK, 0, SEQUENCE + length), name)
        self.assertEqual(answer.payload, b"")

    def assert_syn_ack(self, answers: list[Answer], name: str) -> None:
        self.assertEqual([(answer.flags, answer.acknowledgment) for answer in answers], [(SYN | ACK, SEQUENCE + 1)],
                         name)


class OddFlags(Odd):
    @limit(120)
    def test_every_combination_of_flags(self):
        expected = collections.Counter()
        for family in (4, 6):
            for port in (WEB, CLOSED):
                for flags in range(64):
                    name = f"IPv{family} {names(flags)} to {'a listener' if port == WEB else 'a closed port'}"
                    answers = self.prober.ask(frames.tcp(HERE[family], THERE[family], self.port(), port, flags,
                                                         SEQUENCE, ACKNOWLEDGMENT))
                    what, reason = self.policy(flags, port == WEB)
                    if what == "silence":
                        self.assertEqual(answers, [], name)
                    elif what == "syn-ack":
                        self.assert_syn_ack(answers, name)
                    else:
                        self.assert_reset(answers, flags, bool(flags & SYN) + bool(flags & FIN), name)
                    expected[reason] += reason is not None
        del expected[None]
        self.assert_dropped(expected)

    @staticmethod
    def policy(flags: int, listens: bool) -> tuple[str, str | None]:
        """policy is the answer to flags that belong to no connection, and the name of the drop."""
        if flags & SYN and flags & (FIN | RST):
            return "silence", "tcp_bad_flags"
        if not flags & (SYN | RST | ACK):
            return "silence", "tcp_bad_flags"  # the scans called NULL, FIN and Xmas
        if flags & RST:
            return "silence", "tcp_no_connection"
        if flags & (SYN | ACK) == SYN:
            return ("syn-ack", None) if listens else ("reset", "tcp_no_listener")
        if flags & ACK and not flags & SYN and listens:
            return "reset", "tcp_cookie_refused"
        return "reset", "tcp_no_connection"


class OddHeaders(Odd):
    def packet(self, family: int, **more) -> bytes:
        return frames.tcp(HERE[family], THERE[family], self.port(), WEB, SYN, SEQUENCE, **more)

    def expect(self, cases: dict[str, tuple[bytes, str | None]]) -> None:
        """expect sends each packet: a reason is that of its drop, without an answer; None means a SYN-ACK."""
        expected = collections.Counter()
        for name, (packet, reason) in cases.items():
            answers = self.prober.ask(packet)
            if reason is None:
                self.assert_syn_ack(answers, name)
            else:
                self.assertEqual(answers, [], name)
                expected[reason] += 1
        self.assert_dropped(expected)

    @on_each(family=[4, 6])
    def test_options_of_a_syn(self, family):
        self.drops_before = self.drops()

        def with_options(options: bytes) -> bytes:
            return self.packet(family, options=options)
        self.expect({
            "MSS 0": (with_options(b"\x02\x04\0\0"), None),
            "MSS 1": (with_options(b"\x02\x04\0\x01"), None),
            "MSS 65535": (with_options(b"\x02\x04\xff\xff"), None),
            "MSS twice": (with_options(b"\x02\x04\x05\xb4\x02\x04\0\x01"), None),
            "window scale 255": (with_options(b"\x03\x03\xff\0"), None),
            "unknown kind": (with_options(b"\xfd\x06abcd"), None),
            "all room with NOPs": (with_options(b"\x01" * 40), None),
            "garbage behind the end": (with_options(b"\0\x02\x01\xff"), None),
            "length 0": (with_options(b"\xfd\0\0\0"), "tcp_malformed"),
            "length 1": (with_options(b"\xfd\x01\0\0"), "tcp_malformed"),
            "length beyond the header": (with_options(b"\xfd\x05\x01\x01"), "tcp_malformed"),
            "no length": (with_options(b"\x01\x01\x01\x02"), "tcp_malformed"),
            "MSS of 3 bytes": (with_options(b"\x02\x03\x05\x01"), "tcp_malformed"),
            "timestamps of 9 bytes": (with_options(b"\x08\x09" + bytes(7)), "tcp_malformed"),
            "SACK without a block": (with_options(b"\x05\x02\0\0"), "tcp_malformed"),
        })

    @on_each(family=[4, 6])
    def test_headers_that_contradict_themselves(self, family):
        self.drops_before = self.drops()
        here, there = HERE[family], THERE[family]
        whole = frames.segment(here, there, self.port(), WEB, SYN, SEQUENCE)
        self.expect({
            "with data": (self.packet(family, payload=b"early"), None),
            "urgent pointer": (self.packet(family, urgent=0xffff), None),
            "window 0": (self.packet(family, window=0), None),
            **{f"data offset {words}": (self.packet(family, offset=words), "tcp_malformed")
               for words in (0, 1, 4, 6, 15)},
            "header cut short": (frames.ip(here, there, TCP, whole[:19]), "tcp_malformed"),
            "wrong checksum": (frames.ip(here, there, TCP, whole[:16] + b"\xde\xad" + whole[18:]),
                               "tcp_bad_checksum"),
            "no TCP": (frames.ip(here, there, UDP, struct.pack("!HHHH", 53, WEB, 8, 0)), "ip_protocol_unknown"),
            "protocol 253": (frames.ip(here, there, 253, whole), "ip_protocol_unknown"),
        })

    def test_ipv4_headers(self):
        whole = frames.segment(PROBER4, SERVICE4, self.port(), WEB, SYN, SEQUENCE)

        def changed(at: int, value: bytes, mend: bool = True) -> bytes:
            packet = frames.ip(PROBER4, SERVICE4, TCP, whole)
            packet = packet[:at] + value + packet[at + len(value):]
            if mend:
                packet = packet[:10] + b"\0\0" + packet[12:]
                packet = packet[:10] + struct.pack("!H", frames.checksum(packet[:20])) + packet[12:]
            return packet

        def with_options(options: bytes) -> bytes:
            return frames.ip(PROBER4, SERVICE4, TCP, whole, options)
        self.expect({
            "NOPs": (with_options(b"\x01\x01\x01\0"), None),
            "record route": (with_options(b"\x07\x07\x04\0\0\0\0\0"), None),
            "router alert": (with_options(b"\x94\x04\0\0"), None),
            "loose source route": (with_options(b"\x83\x07\x04" + frames.packed(CLIENT4) + b"\0"), None),
            "options of length 0": (with_options(b"\x07\0\0\0"), None),
            "all room for options": (with_options(b"\x01" * 40), None),
            "wrong checksum": (changed(10, b"\xde\xad", mend=False), "ip_bad_checksum"),
            "version 5": (changed(0, b"\x55"), "ip_malformed"),
            "header of 16 bytes": (changed(0, b"\x44"), "ip_malformed"),
            "total length 19": (changed(2, b"\0\x13"), "ip_malformed"),
            "total length beyond the frame": (changed(2, b"\x05\xdc"), "frame_truncated"),
            "time to live 0": (changed(8, b"\0"), None),
        })

    def test_ipv6_extension_headers(self):
        whole = frames.segment(PROBER6, SERVICE6, self.port(), WEB, SYN, SEQUENCE)

        def chain(*kinds: int, bodies: dict[int, bytes] | None = None) -> bytes:
            """chain puts a header of each kind, with PadN unless `bodies` has something else, before the segment."""
            packet = b""
            for kind, following in zip(kinds, (*kinds[1:], TCP)):
                body = (bodies or {}).get(kind, b"\x01\x04\0\0\0\0")
                packet += bytes([following, (len(body) - 6) // 8]) + body
            return frames.ip(PROBER6, SERVICE6, kinds[0], packet + whole)
        hop, routing, fragment, destination = 0, 43, 44, 60
        self.expect({
            "hop-by-hop options": (chain(hop), None),
            "destination options": (chain(destination), None),
            "both": (chain(hop, destination), None),
            "unknown option to be skipped": (chain(destination, bodies={destination: b"\x1e\x04abcd"}), None),
            "routing header at its end": (chain(routing, bodies={routing: b"\x04\0\0\0\0\0"}), None),
            "three of them": (chain(hop, destination, destination), "ip_extension_headers"),
            "hop-by-hop options twice": (chain(hop, hop), "ip_extension_headers"),
            "more than 64 bytes": (chain(destination, bodies={destination: b"\x01\x44" + bytes(68)}),
                                   "ip_extension_headers"),
            "option that asks for a drop": (chain(destination, bodies={destination: b"\x5e\x04abcd"}),
                                            "ip_extension_headers"),
            "option that asks for an error": (chain(destination, bodies={destination: b"\x9e\x04abcd"}),
                                              "ip_extension_headers"),
            "routing header with a segment left": (chain(routing, bodies={routing: b"\0\x01\0\0\0\0"}),
                                                   "ip_extension_headers"),
            "header beyond the packet": (frames.ip(PROBER6, SERVICE6, destination, b"\x06\x04" + bytes(6)),
                                         "ip_malformed"),
            "option beyond its header": (chain(destination, bodies={destination: b"\x1e\x09abcd"}),
                                         "ip_extension_headers"),
            "atomic fragment": (chain(fragment, bodies={fragment: bytes(6)}), "ip_fragment"),
            "fragment behind options": (chain(hop, fragment, bodies={fragment: b"\0\x01\0\0\0\x09"}), "ip_fragment"),
            "nothing behind it": (frames.ip(PROBER6, SERVICE6, 59, whole), "ip_protocol_unknown"),
            "ICMP of IPv4": (frames.ip(PROBER6, SERVICE6, frames.ICMP, whole), "ip_protocol_unknown"),
        })

    def test_fragments(self):
        """None is put together, so none can overlap another."""
        syn = frames.segment(PROBER4, SERVICE4, self.port(), WEB, SYN, SEQUENCE, payload=bytes(44))
        more = 0x2000
        overlapping = [frames.ip(PROBER4, SERVICE4, TCP, syn[:40], fragment=more),
                       frames.ip(PROBER4, SERVICE4, TCP, syn[24:32], fragment=3)]  # called teardrop
        tiny = [frames.ip(PROBER4, SERVICE4, TCP, syn[:8], fragment=more),
                frames.ip(PROBER4, SERVICE4, TCP, syn[8:], fragment=1)]
        furthest = [frames.ip(PROBER4, SERVICE4, TCP, syn, fragment=0x1fff)]  # beyond 65,535 bytes: ping of death
        syn6 = frames.segment(PROBER6, SERVICE6, self.port(), WEB, SYN, SEQUENCE, payload=bytes(44))
        overlapping6 = [frames.ip(PROBER6, SERVICE6, 44, struct.pack("!BBHI", TCP, 0, at << 3 | follows, 9) + piece)
                        for at, follows, piece in ((0, 1, syn6[:40]), (3, 0, syn6[24:32]))]
        packets = [*overlapping, *tiny, *furthest, *overlapping6]
        self.expect({f"fragment {number}": (packet, "ip_fragment") for number, packet in enumerate(packets)})

    def test_addresses_that_no_peer_can_have(self):
        def syn(source: str, destination: str, source_port: int | None = None) -> bytes:
            return frames.tcp(source, destination, source_port or self.port(), WEB, SYN, SEQUENCE)
        bad = {4: (SERVICE4, "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"),
               6: (SERVICE6, "::1", "::", "ff02::1", "::ffff:198.18.0.66")}
        cases = {f"from {source}": (syn(source, THERE[family]), "ip_bad_source")
                 for family in (4, 6) for source in bad[family]}
        cases |= {f"land {there}": (syn(there, there, WEB), "tcp_land") for there in (SERVICE4, SERVICE6)}
        cases |= {f"to {to}": (syn(PROBER4, to), "ip_not_for_us")
                  for to in ("198.18.0.99", "198.18.0.255", "224.0.0.1", "255.255.255.255", "127.0.0.1")}
        cases |= {f"to {to}": (syn(PROBER6, to), "ip_not_for_us") for to in ("2001:db8::99", "ff02::1", "::1", "::")}
        cases["to a mapped address"] = (syn(PROBER6, "::ffff:198.18.0.10"), "ip_malformed")
        self.expect(cases)

    def test_frames_that_are_not_for_us_alone(self):
        expected = collections.Counter()
        for family, group in ((4, BROADCAST), (6, b"\x33\x33\0\0\0\x01")):
            self.assertEqual(self.prober.ask(self.packet(family), to=group), [])
            expected["ethernet_not_for_us"] += 1
        self.assert_dropped(expected)

    @on_each(family=[4, 6])
    def test_ports_0(self, family):
        self.drops_before = self.drops()
        here, there = HERE[family], THERE[family]
        self.assert_syn_ack(self.prober.ask(frames.tcp(here, there, 0, WEB, SYN, SEQUENCE)), "from port 0")
        self.assert_reset(self.prober.ask(frames.tcp(here, there, self.port(), 0, SYN, SEQUENCE)), SYN, 1, "to port 0")
        self.assert_dropped({"tcp_no_listener": 1})


class OddInConnections(Odd):
    """What RFC 5961 and RFC 7323 ask for once there is a connection."""

    def connect(self, family: int, **more) -> tuple[Peer, bytes]:
        """connect returns a connection whose ClientHello has come but for its last bytes."""
        peer = Peer(self.prober, family, self.port(), **more)
        hello = client_hello()
        answers = peer.send(ACK | PSH, hello[:100])
        peer.sequence += 100
        # The ACK may be delayed; it must not come between what follows and its answer.
        while not any(answer.acknowledgment == peer.sequence for answer in answers):
            answers = [self.prober.receive(2.0)]
            self.assertIsNotNone(answers[0], "no ACK of the first data")
        self.drops_before = self.drops()
        return peer, hello[100:]

    def assert_challenged(self, peer: Peer, answers: list[Answer]) -> None:
        self.assertEqual([(answer.flags, answer.sequence, answer.acknowledgment) for answer in answers],
                         [(ACK, peer.acknowledgment, peer.sequence)])
        time.sleep(0.6)  # challenges have a rate

    def assert_served(self, peer: Peer, rest: bytes) -> None:
        """assert_served finishes the ClientHello: the server's flight comes."""
        flight = [answer for answer in peer.send(ACK | PSH, rest) if answer.payload]
        while not flight:  # a signature takes its time
            answer = self.prober.receive(5.0)
            self.assertIsNotNone(answer, "no ServerHello")
            flight += [answer] if answer.payload else []
        self.assertEqual(flight[0].payload[:1], b"\x16")
        # What is left of the flight, or repeated, is no answer.
        answers = peer.prober.ask(frames.tcp(peer.here, peer.there, peer.source_port, peer.port, RST,
                                             peer.sequence + len(rest)))
        self.assertEqual([answer for answer in answers if not answer.payload], [])

    @on_each(family=[4, 6])
    def test_blind_segments_are_challenged_and_harm_nothing(self, family):
        peer, rest = self.connect(family)
        self.assert_challenged(peer, peer.send(RST, advance=1000))
        self.assert_challenged(peer, peer.send(SYN, advance=1000))
        self.assert_challenged(peer, peer.send(SYN))
        self.assert_challenged(peer, peer.send(ACK | PSH, b"injected", ahead=100_000))
        self.assertEqual(peer.send(RST, advance=10_000_000), [])
        self.assertEqual(peer.send(ACK, advance=10_000_000)[0].flags, ACK)
        self.assertEqual(peer.send(0), [])
        self.assertEqual(peer.send(SYN | FIN), [])
        self.assert_dropped({"tcp_blind_reset": 1, "tcp_syn_in_connection": 2, "tcp_bad_ack": 1,
                             "tcp_out_of_window": 2, "tcp_bad_flags": 2})
        self.assert_served(peer, rest)

    @on_each(family=[4, 6])
    def test_an_exact_reset_ends_a_connection(self, family):
        peer, rest = self.connect(family)
        self.assertEqual(peer.send(RST), [])
        self.wait_until(lambda: self.open_connections() == 1, "the connection is still there")
        # Nobody remembers it now, and data whose cookie is not at its place is believed to come early.
        self.assertEqual(peer.send(ACK | PSH, rest), [])
        self.assertEqual(peer.send(ACK)[0].flags, RST)

    @on_each(family=[4, 6])
    def test_urgent_data_is_data(self, family):
        """[RFC 6093 6] The pointer means nothing to us."""
        peer, rest = self.connect(family)
        peer.send(ACK | PSH | URG, rest[:50], urgent=1)
        peer.sequence += 50
        peer.send(ACK | PSH | URG, rest[50:60], urgent=0xffff)
        peer.sequence += 10
        self.assert_served(peer, rest[60:])
        self.assert_dropped({})

    @on_each(family=[4, 6])
    def test_a_timestamp_that_is_missing_now_and_then(self, family):
        """[RFC 7323 3.2] What has none does not belong to a connection that has them."""
        peer, rest = self.connect(family, timestamps=True)
        self.assertEqual(peer.send(ACK | PSH, rest, bare=True), [])
        peer.tsval -= 500  # [RFC 7323 5.3] and an old one is a duplicate
        self.assertEqual([answer.flags for answer in peer.send(ACK | PSH, rest)], [ACK])
        peer.tsval += 500
        self.assert_dropped({"tcp_paws": 2})
        self.assert_served(peer, rest)


class Scanners(Odd):
    """nmap, hping3 and scapy, which have their own ideas of odd segments."""

    def tool(self, *words, seconds: float = 60) -> str:
        if shutil.which(words[0]) is None:
            self.skipTest(f"needs {words[0]} (scripts/install_deps.sh --test)")
        done = self.bed.client.run(*words, timeout=seconds, check=False)
        return done.stdout + done.stderr

    def nmap(self, *words, address: str = SERVICE4) -> dict[int, str]:
        """nmap returns the state that it sees of each port."""
        output = self.tool("nmap", "-n", "-Pn", "-r", "--reason", "--max-retries", "2", "--host-timeout", "50s",
                           "-p", f"440-{WEB},1000", *words, address)
        states = {int(port): state for port, state in re.findall(r"^(\d+)/tcp +(\S+)", output, re.MULTILINE)}
        every = re.search(r"All 5 scanned ports on \S+ are in ignored states.*?Not shown: 5 (\S+)", output, re.DOTALL)
        if every is not None:
            states = {port: every[1] for port in (440, 441, 442, WEB, 1000)}
        self.assertEqual(sorted(states), [440, 441, 442, WEB, 1000], output)
        return states

    @limit(150)
    def test_nmap_finds_the_listener_when_it_asks_honestly(self):
        for address, more in ((SERVICE4, ()), (SERVICE6, ("-6",))):
            for scan in ("-sS", "-sT"):
                states = self.nmap(scan, *more, address=address)
                self.assertEqual(states, {port: "open" if port == WEB else "closed" for port in states}, scan)

    @limit(150)
    def test_nmap_learns_nothing_from_odd_flags(self):
        """Silence is "open or filtered" to nmap, and a RST in answer to an ACK says nothing about listeners."""
        for scan, state in (("-sF", "open|filtered"), ("-sN", "open|filtered"), ("-sX", "open|filtered"),
                            ("-sA", "unfiltered"), ("-sW", "closed"), ("-sM", "closed")):
            states = self.nmap(scan)
            self.assertEqual(set(states.values()), {state}, scan)

    @limit(150)
    def test_nmap_guesses_the_system_and_nothing_breaks(self):
        output = self.tool("nmap", "-n", "-Pn", "-O", "--max-os-tries", "1", "--max-retries", "2", "--host-timeout",
                           "60s", "-p", f"440-{WEB}", SERVICE4, seconds=90)
        self.assertIn("1 host up", output)

    @limit(120)
    def test_hping3(self):
        number = 100

        def received(*words, address: str = SERVICE4) -> int:
            output = self.tool("hping3", "-c", number, "-i", "u2000", "-q", "-n", "-p", WEB, *words, address)
            found = re.search(rf"{number} packets tran\w+, (\d+) packets received", output)
            self.assertIsNotNone(found, output)
            return int(found[1])
        self.assertEqual(received("-S"), number)
        self.assertEqual(received("-S", "-X", "-Y"), number, "ECE and CWR beside SYN")
        self.assertEqual(received("-S", "-s", 0, "-k"), number, "source port 0")
        self.assertEqual(received("-A"), number, "a RST each, within their rate")
        self.assertEqual(received("-S", "-F"), 0)
        self.assertEqual(received("-R"), 0)
        self.assertEqual(received(), 0, "no flag")
        before = self.drops()
        self.assertEqual(received("-S", "-f", "-d", 600), 0, "fragments")
        self.wait_until(lambda: self.drops()["ip_fragment"] - before.get("ip_fragment", 0) > 2 * number,
                        "fragments are not counted")

    @limit(120)
    def test_scapy_draws_every_field(self):
        if not pathlib.Path("/usr/lib/python3/dist-packages/scapy").exists():
            self.skipTest("needs python3-scapy (scripts/install_deps.sh --test)")
        script = f"""
import random, socket, sys
random.seed(1)
from scapy.all import IP, IPv6, TCP, Ether, Raw, fuzz, raw
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
out.bind(("eth0", 0))
ether = Ether(dst="{self.prober.gate.hex(":")}", src="{MAC.hex(":")}")
sent = 0
for number in range(1500):
    network = IP(src="{PROBER4}", dst="{SERVICE4}") if number % 2 else IPv6(src="{PROBER6}", dst="{SERVICE6}")
    port = {WEB} if number % 3 else {WEB_IPV6}
    segment = fuzz(TCP(dport=port, dataofs=None, chksum=None) if number % 5 else TCP(dport=port))
    try:
        frame = raw(ether / network / segment / Raw(random.randbytes(random.randrange(0, 64))))
    except Exception:  # a value drawn for an option that scapy cannot write
        continue
    out.send(frame)
    sent += 1
print(sent)
"""
        before = self.drops()
        received = self.received()
        done = self.prober.host.run("/usr/bin/python3", "-c", script, timeout=90)
        sent = int(done.stdout)
        self.assertGreater(sent, 1000)
        self.assertEqual([answer for answer in self.prober.answers() if answer.payload], [])
        self.assertGreaterEqual(self.received() - received, sent)
        dropped = self.wait_until(
            lambda: {reason: count - before.get(reason, 0) for reason, count in self.drops().items()
                     if count > before.get(reason, 0)}, "hardly a drop is counted")
        for reason in ("tcp_bad_flags", "tcp_malformed"):
            self.assertIn(reason, dropped)

    def received(self) -> int:
        return int(self.bed.network.lan.run("cat", "/sys/class/net/sally0/statistics/tx_packets").stdout)
