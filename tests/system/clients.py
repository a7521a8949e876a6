"""TLS clients in this process, on sockets that belong to a network namespace."""
import asyncio
import contextlib
import hashlib
import random
import socket
import ssl
import threading
import time

from appliance import ECHO, SERVER_NAME, SERVICE4, WEB, Bed

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context(bed: Bed, version: ssl.TLSVersion | None = None, ca: str = "ecdsa") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(bed.directory / f"{ca}.pem")
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


def connect(bed: Bed, port: int = WEB, address: str = SERVICE4, tls: ssl.SSLContext | None = None,
            seconds: float = 15.0, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = bed.client.connect(address, port, seconds)
    try:
        return (tls or context(bed)).wrap_socket(plain, server_hostname=SERVER_NAME, session=session)
    except BaseException:
        plain.close()
        raise


def read_to_end(tls: ssl.SSLSocket) -> bytes:
    """read_to_end reads until close_notify; a truncated stream raises ssl.SSLEOFError."""
    parts = []
    while part := tls.recv(65536):
        parts.append(part)
    return b"".join(parts)


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n".encode()


def fetch(bed: Bed, path: str = "/", **more) -> bytes:
    """fetch returns the body of a page over a connection of its own."""
    with connect(bed, **more) as tls:
        tls.sendall(request(path))
        head, _, body = read_to_end(tls).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return body


def send_and_hash(bed: Bed, port: int, length: int, version: ssl.TLSVersion | None = None) -> tuple[str, str]:
    """send_and_hash sends `length` bytes and close_notify, then reads the answer of the `hash` backend.

    Returns (what was sent, what came back), both "LENGTH SHA-256".  Goes through memory BIOs,
    because SSLSocket cannot read after its own close_notify.
    """
    plain = bed.client.connect(SERVICE4, port, 30.0)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context(bed, version).wrap_bio(incoming, outgoing, server_hostname=SERVER_NAME)

    def pump(step):
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                done = None
            if outgoing.pending:
                plain.sendall(outgoing.read())
            if done is not None:
                return done
            if received := plain.recv(65536):
                incoming.write(received)
            else:
                incoming.write_eof()

    with plain:
        pump(lambda: tls.do_handshake() or True)
        digest = hashlib.sha256()
        lump = random.Random(length).randbytes(min(length, 1 << 20))
        left = length
        while left > 0:
            part = lump[:left]
            tls.write(part)
            plain.sendall(outgoing.read())
            digest.update(part)
            left -= len(part)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        plain.sendall(outgoing.read())
        answer = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):  # the end, when both sides have closed
            while part := pump(lambda: tls.read(4096)):
                answer += part
    return f"{length} {digest.hexdigest()}", answer.decode()


class Companion:
    """Companion is an established connection that compares each byte it gets back, in a thread."""

    def __init__(self, bed: Bed, seed: int = 1, pause: float = 0.005):
        self.tls = connect(bed, ECHO)
        self.random = random.Random(seed)
        self.pause = pause
        self.bytes = 0
        self.failure: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                sent = self.random.randbytes(self.random.randint(1, 20_000))
                self.tls.sendall(sent)
                received = bytearray()
                while len(received) < len(sent):
                    part = self.tls.recv(len(sent) - len(received))
                    if not part:
                        raise ConnectionError("the connection was closed")
                    received += part
                if received != sent:
                    raise AssertionError("other bytes came back than were sent")
                self.bytes += len(sent)
                time.sleep(self.pause)
        except BaseException as failure:  # kept for the test, which raises it again
            self.failure = failure

    def stop(self) -> int:
        """stop returns how many bytes came back intact, or raises what went wrong."""
        self.stopping.set()
        self.thread.join(30)
        self.tls.close()
        if self.failure is not None:
            raise self.failure
        if self.thread.is_alive():
            raise TimeoutError("the connection stands still")
        return self.bytes


def in_namespace(bed: Bed, coroutine_function):
    """in_namespace runs a coroutine function in a thread inside the client's namespace."""
    result: list = []

    def run():
        with bed.client.entered():
            try:
                result.append((True, asyncio.run(coroutine_function())))
            except BaseException as failure:  # raised again below, in the test's own thread
                result.append((False, failure))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    succeeded, value = result[0]
    if not succeeded:
        raise value
    return value


async def open_tls(tls: ssl.SSLContext, port: int, address: str = SERVICE4):
    return await asyncio.open_connection(
        address, port, ssl=tls, server_hostname=SERVER_NAME,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET)


async def close(writer: asyncio.StreamWriter) -> None:
    """close waits until the socket is closed too; who closed first does not matter."""
    writer.close()
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        await writer.wait_closed()
