"""Floods from addresses that nobody has: 200 established connections do not notice, newcomers hardly.

200 connections, half of them over IPv6, send bytes of their own all the time and compare what comes
back.  Then come floods, each of one kind, and beside them 200 honest connections per second.  No
established connection may lose a byte, get a wrong one or be reset.  Of the new ones those count
that were served within half a second; per second there must be at least nine tenths of those beside the
same flood when it goes elsewhere.  floods.py says why that is the fair comparison.

Where the flooder is faster than the tap, packets of honest clients are lost before Sallyport sees
them: its CPU goes into two system calls per packet then, not into its answers.  So the tests ask for no more than
MAX_RATE; scripts/bench.sh floods asks for all that the flooder can make on the CPU that it shares
with clients and backends.
"""
import os
import time
import unittest

import floods
from appliance import ECHO, NGINX, SERVICE4, SERVICE6
from cases import OnBed, limit, on_each
from floods import CLIENT, CONNECTIONS, HEAD, HONEST, Flood, Ground, Reporter

MAX_RATE = 300_000  # packets per second
MAX_RATE_SANITIZED = 3_000  # there floods are for what the sanitizers can find, however slow the machine
HONEST_SANITIZED = 20
MIN_RATIO = 0.9
MIN_ARRIVED, MIN_ARRIVED_SANITIZED = 0.5, 0.1  # of the packets of a flood, or it was none
FEW, MANY = 2, 5  # windows of each phase; MANY where the rate of handshakes is the point
TRIES = 3  # where nothing is compared


@unittest.skipIf(len(floods.CPUS) < 2, "needs a CPU for Sallyport and another one for everybody else")
class Floods(OnBed):
    settings = floods.BED
    standing_connections = CONNECTIONS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(os.sched_setaffinity, 0, set(floods.CPUS))
        if cls.programs.sanitized():  # nothing is compared, so nothing spoils it
            cls.ground = Ground(cls.bed, max_stolen=float("inf"))
            cls.rate, cls.few, cls.many, cls.min_arrived = MAX_RATE_SANITIZED, 1, 1, MIN_ARRIVED_SANITIZED
            cls.honest = HONEST_SANITIZED
        else:
            cls.ground = Ground(cls.bed)
            cls.rate, cls.few, cls.many, cls.min_arrived = MAX_RATE, FEW, MANY, MIN_ARRIVED
            cls.honest = HONEST
        cls.rows: list[Flood] = []

    @classmethod
    def tearDownClass(cls):
        said = cls.ground.established.end()
        print(f"     {HEAD}", *[f"     {flood.row()}" for flood in cls.rows], sep="\n", flush=True)
        print(f"     {said['done']} connections ended well, {said['failed']} failed; {said['bytes']:,} bytes verified")
        super().tearDownClass()
        if said["done"] != CONNECTIONS or said["failed"] != 0:
            raise AssertionError(f"{said}\n{cls.ground.established.process.output()[-4000:]}")

    def tearDown(self):
        super().tearDown()
        said = self.ground.established.last()
        self.assertEqual((said["open"], said["failed"]), (CONNECTIONS, 0),
                         self.ground.established.process.output()[-4000:])

    def judge(self, flood: Flood, compare: bool = True) -> None:
        self.rows.append(flood)
        self.assertEqual(flood.lost, 0)
        is_too_little = flood.seconds == 0 or compare and not self.is_served(flood)
        if is_too_little and (flood.is_disturbed() or not flood.is_compared()):
            self.skipTest(f"{flood.name}: the host took the CPUs away in {flood.spoilt} windows, too few were left")
        self.assertGreater(flood.arrived(), self.min_arrived, "the flood hardly got there")
        # Every connection sends several times per second of it.
        self.assertGreater(flood.verified, CONNECTIONS * 500 * flood.seconds, "the connections hardly moved")
        if compare and not self.programs.sanitized():
            self.assertGreaterEqual(flood.ratio(), MIN_RATIO, f"{flood.flooded} of {flood.calm}")

    def compare(self, kind: str, family: int, windows: int, seconds: float) -> Flood:
        """compare adds windows while the figures are too low: other work spoils some of them, a defect spoils all."""
        honest = self.ground.fetcher(family, self.honest)
        flood = self.ground.compare(kind, family, self.rate, windows, seconds, honest, self.is_served)
        honest.end()
        return flood

    def is_served(self, flood: Flood) -> bool:
        return flood.arrived() > self.min_arrived and (self.programs.sanitized() or flood.ratio() >= MIN_RATIO)

    @on_each(family=[4, 6])
    @limit(150)
    def test_syns(self, family):
        self.judge(self.compare("syn", family, self.many, 1.0))
        self.assertLess(self.open_connections(), 2 * CONNECTIONS, "SYNs hold state")

    @on_each(flood=[(kind, family) for kind in ("ack", "rst", "fin", "data", "fragment") for family in (4, 6)])
    @limit(400)
    def test_other_kinds(self, flood):
        kind, family = flood
        self.judge(self.compare(kind, family, self.few, 0.6))

    @on_each(flood=[(kind, family) for kind in ("syn", "ack", "rst", "fin", "data") for family in (4, 6)])
    @limit(150)
    def test_segments_in_the_name_of_a_client_with_connections(self, flood):
        """Their ports are drawn, so some hit connections: with sequence numbers that are drawn, too."""
        kind, family = flood
        of_client = Flood(f"{kind} IPv{family}, as the client")
        for _ in range(TRIES):
            if self.ground.window(of_client, kind, CLIENT[family], family, self.rate, 1.0, 7, None, counts=True) \
                    and of_client.arrived() > self.min_arrived:
                break
        if kind == "syn":
            self.assertGreater(self.drops().get("tcp_syn_in_connection", 0), 0, "no connection was hit")
        self.judge(of_client, compare=False)

    @limit(60)
    def test_client_hellos_and_what_is_none_over_real_connections(self):
        honest = self.ground.fetcher(4, self.honest)
        flood = Flood("half handshakes, both")
        half = Reporter(self.bed, "hello", "hello", f"{SERVICE4},{NGINX}", f"{SERVICE6},{ECHO}")
        half.wait("done", 50, 20)
        begin = time.monotonic()
        before = self.ground.received()
        time.sleep(5)
        end = time.monotonic()
        flood.seconds, flood.received = end - begin, self.ground.received() - before
        flood.verified = self.ground.add_established(flood, begin, end)
        served = honest.rate(begin, end)
        honest.end()
        half_made = half.end()["done"]
        flood.name += f" ({half_made})"
        self.rows.append(flood)
        print(f"     {served:.0f} new connections per second beside {half.rate(begin, end):.0f} half ones")
        failures = self.failures()
        for reason in ("not_tls", "decode_error", "client_closed"):
            self.assertGreater(failures.get(reason, 0), 0, failures)
        self.wait_until_idle()
