"""Large transfers, many connections, and what is left of them afterwards: nothing."""
import asyncio
import hashlib
import resource

import backend
import clients
from appliance import ECHO, NGINX, SERVICE4, SERVICE6, WEB
from cases import OnBed, limit, on_each
from testbed import Faults

MEGABYTE = 1_000_000


class TransferCases(OnBed):
    def download(self, length: int, seconds: float, address: str = SERVICE4, *words, port: int = WEB) -> None:
        expected = hashlib.sha256()
        for lump in backend.generated(length):
            expected.update(lump)
        done = self.bed.client.run(
            "sh", "-c", 'curl --silent --show-error --fail --insecure --max-time "$1" $3 "$2" | sha256sum', "sh",
            int(seconds), f"https://{f'[{address}]' if ':' in address else address}:{port}/bytes/{length}",
            " ".join(words), timeout=seconds + 10)
        self.assertEqual(done.stdout.split()[0], expected.hexdigest())

    def upload(self, length: int, seconds: float, address: str = SERVICE4, *words, port: int = WEB) -> None:
        file = self.bed.directory / f"upload-{length}"
        digest = hashlib.sha256()
        with file.open("wb") as output:
            for lump in backend.generated(length):
                output.write(lump)
                digest.update(lump)
        done = self.bed.curl("--upload-file", file, "--header", "Expect:", "--fail", *words, address=address,
                             port=port, path="/upload", seconds=seconds)
        file.unlink()
        self.assertEqual(done.stdout, digest.hexdigest())


class Transfers(TransferCases):
    @limit(200)
    def test_a_download_of_200_megabytes_arrives_intact_over_tls_1_3(self):
        self.download(200 * MEGABYTE, 180)

    @limit(200)
    def test_an_upload_of_200_megabytes_arrives_intact_over_tls_1_3(self):
        self.upload(200 * MEGABYTE, 180)

    @limit(120)
    def test_downloads_arrive_intact_over_tls_1_2_and_ipv6(self):
        self.download(50 * MEGABYTE, 100, SERVICE6, "--tls-max", "1.2")

    @limit(120)
    def test_uploads_arrive_intact_over_tls_1_2_and_ipv6(self):
        self.upload(50 * MEGABYTE, 100, SERVICE6, "--tls-max", "1.2")

    @limit(120)
    def test_both_ways_at_once_on_one_connection(self):
        async def both():
            reader, writer = await clients.open_tls(clients.context(self.bed), ECHO)
            total, lump = 20 * MEGABYTE, backend.pattern(MEGABYTE)

            async def send():
                for _ in range(total // MEGABYTE):
                    writer.write(lump)
                    await writer.drain()
            sending = asyncio.create_task(send())
            for _ in range(total // MEGABYTE):
                self.assertEqual(await reader.readexactly(MEGABYTE), lump)
            await sending
            await clients.close(writer)
        clients.in_namespace(self.bed, both)

    @limit(60)
    def test_a_reader_that_pauses_stops_the_backend_and_loses_nothing(self):
        async def pause():
            reader, writer = await clients.open_tls(clients.context(self.bed), WEB)
            writer.write(clients.request(f"/bytes/{8 * MEGABYTE}"))
            await asyncio.sleep(3)  # every buffer on the way fills, every window closes
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            self.assertEqual(body, b"".join(backend.generated(8 * MEGABYTE)), head)
            await clients.close(writer)
        clients.in_namespace(self.bed, pause)


class ManyConnections(OnBed):
    def setUp(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))

    @limit(120)
    def test_500_connections_at_once_each_get_their_own_bytes_back(self):
        hold_many(self, 500)
        self.wait_until_idle()

    @limit(400)
    def test_10000_connections_in_sequence_leave_nothing_behind(self):
        tls = clients.context(self.bed)
        for _ in range(200):  # warm-up: what grows once is no leak
            clients.fetch(self.bed, port=NGINX, tls=tls)
        self.wait_until_idle()
        before = self.bed.sallyport.resident_bytes()
        with self.bed.client.entered():
            for number in range(10_000):
                body = clients.fetch(self.bed, port=NGINX, tls=tls)
                self.assertIn(b"nginx", body, f"connection {number}")
        self.wait_until_idle()
        grown = self.bed.sallyport.resident_bytes() - before
        self.assertLess(grown, 4 << 20, "resident memory grows with the number of connections")


class TwoWorkers(TransferCases):
    settings = {"io_lcores": (1, 2)}

    @on_each(address=[SERVICE4, SERVICE6])
    def test_pages_come_back_whichever_worker_owns_the_connection(self, address):
        for _ in range(40):
            clients.fetch(self.bed, address=address, port=NGINX)

    def test_both_workers_have_connections(self):
        hold_many(self, 100)
        established = [lcore["established"] for lcore in self.bed.sallyport.show("lcores")["lcores"].values()
                       if lcore["role"] == "io"]
        self.assertEqual(len(established), 2)
        self.assertTrue(all(established), established)

    @limit(120)
    def test_500_connections_at_once_are_served_by_two_workers(self):
        hold_many(self, 500)
        self.wait_until_idle()

    @limit(200)
    def test_transfers_both_ways_arrive_intact(self):
        self.download(50 * MEGABYTE, 90)
        self.upload(50 * MEGABYTE, 90)


class LossyNetwork(TransferCases):
    """One per cent each of all frames is lost, sent twice and reordered, on both sides of the relay."""
    # A lost SYN is repeated after a second, so a second is not enough for a backend here.
    settings = {"faults": Faults(loss=0.01, duplicate=0.01, reorder=0.01, seed=20),
                "backend_connect_seconds": 5, "handshake_seconds": 20, "client_hello_seconds": 10}

    @limit(300)
    def test_a_download_of_20_megabytes_arrives_intact(self):
        self.download(20 * MEGABYTE, 280)

    @limit(300)
    def test_an_upload_of_20_megabytes_arrives_intact(self):
        self.upload(20 * MEGABYTE, 280)

    @limit(120)
    def test_handshakes_survive_the_loss_of_any_frame(self):
        async def many():
            tls = clients.context(self.bed)
            gate = asyncio.Semaphore(20)

            async def one(number: int):
                async with gate:
                    reader, writer = await clients.open_tls(tls, NGINX)
                    writer.write(clients.request("/"))
                    self.assertIn(b"<h1>nginx</h1>", await reader.read(-1), f"connection {number}")
                    await clients.close(writer)
            await asyncio.wait_for(asyncio.gather(*[one(n) for n in range(300)]), 110)
        clients.in_namespace(self.bed, many)

    def test_z_the_bridge_did_harm(self):
        self.bed.sallyport.bridge.stop()
        self.assertRegex(self.bed.sallyport.bridge.output(), r'"lost": [1-9]')


class CorruptingNetwork(TransferCases):
    """Half a per cent of all frames has one bit flipped."""
    settings = {"faults": Faults(corrupt=0.005, seed=21)}

    @limit(200)
    def test_transfers_arrive_intact_and_checksums_are_counted(self):
        self.download(5 * MEGABYTE, 90)
        self.upload(5 * MEGABYTE, 90)
        drops = self.wait_until(lambda: self.drops() if self.drops().get("tcp_bad_checksum") else None,
                                "wrong checksums are not counted")
        self.assertGreater(drops["tcp_bad_checksum"], 10)


def hold_many(test: OnBed, number: int) -> None:
    """hold_many opens `number` connections, sees them all open at once, and uses each of them."""
    async def hold():
        tls = clients.context(test.bed)
        opened = await asyncio.wait_for(
            asyncio.gather(*[clients.open_tls(tls, ECHO) for _ in range(number)]), 60)

        async def use(index: int, reader, writer):
            sent = f"connection {index} ".encode() * 500
            writer.write(sent)
            test.assertEqual(await reader.readexactly(len(sent)), sent)
        for _ in range(3):
            await asyncio.wait_for(asyncio.gather(*[use(i, r, w) for i, (r, w) in enumerate(opened)]), 30)
        # Off the event loop, so that it goes on while we wait for the statistics.
        seen = await asyncio.to_thread(
            test.wait_until, lambda: test.open_connections() >= number, "fewer connections than were opened")
        test.assertTrue(seen)
        await asyncio.gather(*[clients.close(writer) for _, writer in opened])
    clients.in_namespace(test.bed, hold)
