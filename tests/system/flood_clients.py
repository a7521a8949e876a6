#!/usr/bin/env python3
"""Clients of the flood tests, one kind per process; each prints a line of JSON every 50 ms.

    flood_clients.py hold --number N --ca FILE PEER...   N connections, shared out between the PEERs;
                each sends bytes of its own again and again and compares what the echo brings back
    flood_clients.py fetch --rate N --ca FILE PEER...   N new connections per second: handshake, request,
                answer, end; "done" are those that took less than half a second for all of it
    flood_clients.py hello PEER...   connections that end after the first flight: a ClientHello, or
                bytes that are none

A PEER is ADDRESS,PORT.  SIGTERM ends it with a last line; the exit code is 0 when nothing had failed.
"""
import argparse
import asyncio
import json
import random
import resource
import signal
import socket
import ssl
import struct
import time
import traceback

SERVER_NAME = "sallyport.test"
MEAN_PAUSE = 0.3  # seconds between two lumps of one connection
LONGEST_LUMP = 4000
PATIENCE = 30.0  # seconds without an answer are a failure
HALF_AT_ONCE = 20
IN_TIME = 0.5  # seconds
MOST_AT_ONCE = 500
REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n".encode()


class Clients:
    """Clients counts what its connections do, and says so."""

    def __init__(self, options: argparse.Namespace):
        self.peers = [(address, int(port)) for address, port in (peer.split(",") for peer in options.peers)]
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if options.ca:
            self.tls.load_verify_locations(options.ca)
        self.number, self.rate = options.number, options.rate
        self.stopping = False
        self.open = self.done = self.bytes = self.failed = 0
        self.longest = 0.0  # seconds that an answer took, since the last line

    def say(self, **more) -> None:
        print(json.dumps({"at": time.monotonic(), "open": self.open, "done": self.done, "bytes": self.bytes,
                          "failed": self.failed, "longest": round(self.longest, 4), **more}), flush=True)
        self.longest = 0.0

    def fail(self) -> None:
        self.failed += 1
        traceback.print_exc()

    async def connect(self, peer: tuple[str, int]):
        return await asyncio.wait_for(asyncio.open_connection(
            *peer, ssl=self.tls, server_hostname=SERVER_NAME,
            family=socket.AF_INET6 if ":" in peer[0] else socket.AF_INET), PATIENCE)

    async def hold_one(self, index: int) -> None:
        draw = random.Random(index)
        try:
            reader, writer = await self.connect(self.peers[index % len(self.peers)])
            self.open += 1
            while not self.stopping:
                sent = draw.randbytes(draw.randrange(1, LONGEST_LUMP))
                began = time.monotonic()
                writer.write(sent)
                received = await asyncio.wait_for(reader.readexactly(len(sent)), PATIENCE)
                if received != sent:
                    raise ValueError("other bytes came back than were sent")
                self.bytes += len(sent)
                self.longest = max(self.longest, time.monotonic() - began)
                await asyncio.sleep(draw.uniform(0, 2 * MEAN_PAUSE))
            writer.close()
            await writer.wait_closed()
            self.done += 1
        except Exception:
            self.fail()

    async def hold(self) -> None:
        await asyncio.gather(*[self.hold_one(index) for index in range(self.number)])

    async def fetch_one(self, number: int) -> None:
        began = time.monotonic()
        try:
            reader, writer = await self.connect(self.peers[number % len(self.peers)])
            writer.write(REQUEST)
            answer = await asyncio.wait_for(reader.read(-1), PATIENCE)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise ValueError(f"an answer of {len(answer)} bytes: {answer[:40]!r}")
            took = time.monotonic() - began
            self.done += took < IN_TIME
            self.longest = max(self.longest, took)
            writer.close()
            await writer.wait_closed()
        except Exception:
            self.fail()
        finally:
            self.open -= 1

    async def fetch(self) -> None:
        # Whatever became of the last one: who waits for the slow would ask less of a server that is slow.
        began, number, tasks = time.monotonic(), 0, set()
        while not self.stopping:
            due = began + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            if self.open < MOST_AT_ONCE:
                self.open += 1
                tasks.add(task := asyncio.create_task(self.fetch_one(number)))
                task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def hello_one(self, draw: random.Random, peer: tuple[str, int]) -> None:
        outgoing = ssl.MemoryBIO()
        client = self.tls.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=SERVER_NAME)
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        flight = outgoing.read()
        kind = draw.randrange(4)
        if kind == 0:
            flight = draw.randbytes(len(flight))
        elif kind == 1:
            flight = flight[:9] + draw.randbytes(len(flight) - 9)  # called a ClientHello
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(*peer), PATIENCE)
            writer.write(flight)
            await asyncio.wait_for(reader.read(65536), PATIENCE)
            if draw.randrange(2):  # every second one leaves with a RST
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                           struct.pack("ii", 1, 0))
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.TimeoutError):
            pass  # a server that is flooded may do that to such a client
        self.done += 1

    async def hello(self) -> None:
        async def one_after_the_other(seed: int) -> None:
            draw = random.Random(seed)
            while not self.stopping:
                await self.hello_one(draw, self.peers[self.done % len(self.peers)])
        await asyncio.gather(*[one_after_the_other(seed) for seed in range(HALF_AT_ONCE)])

    async def run(self, what) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: setattr(self, "stopping", True))

        async def report() -> None:
            while True:
                self.say()
                await asyncio.sleep(0.05)
        reporting = asyncio.create_task(report())
        await what()
        reporting.cancel()
        self.say(ended=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("hold", "fetch", "hello"))
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--ca")
    parser.add_argument("peers", nargs="+", metavar="PEER")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    clients = Clients(options)
    asyncio.run(clients.run(getattr(clients, options.what)))
    return 1 if clients.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
