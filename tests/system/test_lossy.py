"""Transfers with the Linux kernel's TCP over links with faults: intact, and hardly a byte is repeated without need.

Each transfer is captured at both ends of the bridge that makes the faults, and tshark is asked for
its verdict on the segments that Sallyport sent, to clients and to backends.

At the appliance's end a retransmission is spurious when its acknowledgment has already come in: our
TCP knew better.  There the limit is one per cent of the retransmissions.  It is not zero, because
an ACK lies in the tap's queue for a moment: what is sent then passes it in the capture.

At the other end it is spurious when the peer had acknowledged the data before it came again: what
our TCP took for lost was not.  That verdict is fair only while the bridge neither repeats frames nor
changes their order.  Nobody can avoid it when the ACK of all that was in flight is lost, which
happens as often as any loss, and rather in recovery, when little is in flight: so its limit is some
times the share of frames that is lost.
"""
import dataclasses
import pathlib
import shutil
import unittest

from appliance import INTERFACE, SERVICE4, SERVICE6, WEB, WEB_IPV6
from cases import limit
from testbed import SOURCE4, SOURCE6, Faults, Network, command
from test_transfers import MEGABYTE, TransferCases

FAR_END = "fault1"  # the bridge's side towards clients and backends
OURS = {SERVICE4, SERVICE6, SOURCE4, SOURCE6}
SPURIOUS = "tcp.analysis.spurious_retransmission"
# tshark names each kind of repeated segment once; close behind others it says "out of order", which
# nothing is where it was sent.
REPEATED = ("tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.out_of_order", SPURIOUS)

LENGTH = 3 * MEGABYTE
MAX_SPURIOUS = 0.01  # of the retransmissions
MAX_UNNEEDED = 0.08  # of them, at the other end
FEW = 3  # so many are no statement about a share
MAX_REPEATED_BY_REORDERING = 0.003  # of the segments


@dataclasses.dataclass
class Sent:
    """Sent counts segments with payload that Sallyport sent."""
    segments: int = 0
    repeated: int = 0
    spurious: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(self.segments + other.segments, self.repeated + other.repeated, self.spurious + other.spurious)


class Capture:
    """Capture is what passed an interface until `sent` is called."""

    def __init__(self, network: Network, interface: str):
        self.file = network.directory / f"{interface}.pcap"
        log = network.directory / f"{interface}.log"
        for path in (self.file, log):
            path.unlink(missing_ok=True)
        # In immediate mode, or what waits in a block that is not full would be missing.
        self.process = network.lan.start("tcpdump", "-i", interface, "--immediate-mode", "-s", 128, "-B", 32768,
                                         "-Z", "root", "-w", self.file, "tcp", log=log)
        self.process.wait_for_output("listening", 5)

    def sent(self) -> Sent:
        self.process.stop()
        if "\n0 packets dropped by kernel" not in self.process.output():
            raise RuntimeError(f"the capture is not complete:\n{self.process.output()}")
        return judge(self.file)


def judge(file: pathlib.Path) -> Sent:
    done = command("tshark", "-r", file, "-n", "-o", "tcp.desegment_tcp_streams:FALSE",
                   "--disable-protocol", "tls", "--disable-protocol", "http", "-T", "fields", "-E", "separator=,",
                   *[word for field in ("ip.src", "ipv6.src", "tcp.len", *REPEATED) for word in ("-e", field)],
                   timeout=60)
    sent = Sent()
    for line in done.stdout.splitlines():
        source4, source6, length, *flags = line.split(",")
        if (source4 or source6) in OURS and int(length) > 0:
            sent += Sent(1, any(flags), bool(flags[REPEATED.index(SPURIOUS)]))
    return sent


@unittest.skipUnless(shutil.which("tshark") and shutil.which("tcpdump"),
                     "needs tshark and tcpdump (scripts/install_deps.sh --test)")
class FaultyLinks(TransferCases):
    settings = {"faults": Faults(), "backend_connect_seconds": 5, "handshake_seconds": 20,
                "client_hello_seconds": 10}

    def transfer_both_ways(self, faults: Faults) -> tuple[Sent, Sent]:
        """transfer_both_ways returns what was seen at our end of the bridge and at the far one.

        A download is sent by us to the client, an upload by us to the backend; the kernel sends the
        other half of either.
        """
        self.bed.sallyport.set_faults(faults)
        ours, theirs = Sent(), Sent()
        for transfer in (self.download, self.upload):
            for address, port in ((SERVICE4, WEB), (SERVICE6, WEB_IPV6)):
                near, far = Capture(self.bed.network, INTERFACE), Capture(self.bed.network, FAR_END)
                transfer(LENGTH, 60, address, port=port)
                ours, theirs = ours + near.sent(), theirs + far.sent()
        print(f"     {faults}\n     at our end   {ours}\n     at the other {theirs}", flush=True)
        self.assertGreater(ours.segments, 4 * LENGTH // 1500)
        self.assertLessEqual(ours.spurious, max(FEW, MAX_SPURIOUS * ours.repeated), ours)
        return ours, theirs

    def assert_only_losses_are_repeated(self, faults: Faults) -> None:
        ours, theirs = self.transfer_both_ways(faults)
        self.assertGreater(ours.repeated, faults.loss * ours.segments / 2, "the bridge did no harm")
        self.assertLessEqual(theirs.spurious, max(FEW, MAX_UNNEEDED * theirs.repeated), theirs)

    @limit(200)
    def test_one_frame_in_a_hundred_is_lost(self):
        self.assert_only_losses_are_repeated(Faults(loss=0.01, delay_ms=2, seed=31))

    @limit(200)
    def test_three_frames_in_a_hundred_are_lost(self):
        self.assert_only_losses_are_repeated(Faults(loss=0.03, delay_ms=2, seed=32))

    @limit(200)
    def test_frames_are_lost_in_bursts(self):
        self.assert_only_losses_are_repeated(Faults(loss=0.03, burst=6, delay_ms=2, seed=33))

    @limit(200)
    def test_what_only_arrives_in_another_order_is_not_repeated(self):
        ours, _ = self.transfer_both_ways(Faults(reorder=0.05, delay_ms=5, seed=34))
        # Until a connection has seen reordering, three segments behind a gap are a loss.
        self.assertLessEqual(ours.repeated, MAX_REPEATED_BY_REORDERING * ours.segments, ours)

    @limit(200)
    def test_frames_are_lost_repeated_and_reordered(self):
        ours, _ = self.transfer_both_ways(Faults(loss=0.01, duplicate=0.01, reorder=0.01, delay_ms=2, seed=35))
        self.assertGreater(ours.repeated, 0.005 * ours.segments, "the bridge did no harm")
