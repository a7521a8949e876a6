#!/usr/bin/env python3
"""A backend for tests and the demo: one process, three TCP ports, in plaintext or TLS.

    backend.py --name NAME --page FILE [--http PORT] [--echo PORT] [--hash PORT] [--tls CHAIN KEY]

http  GET /             the page
      GET /bytes/N      N bytes that depend on N alone, as fast as the reader takes them
      GET /slow/N       the same in lumps of 16 KiB, one every 20 ms
      PUT /upload       answers the SHA-256 of the body
      GET /form         a form, which sends itself when the address ends in #send
      GET /form?close   the same, after which the connection is closed
      POST /form        answers with what was sent
      GET /who          the name of this backend and the address of its peer
echo  sends back what it gets; ends when its peer has ended
hash  reads to the end, then answers "LENGTH SHA-256" and closes: its answer crosses a half-closed
      connection
"""
import argparse
import asyncio
import hashlib
import html
import pathlib
import signal
import ssl

LUMP = 65536


def pattern(length: int) -> bytes:
    """pattern is a lump of bytes in which a lost, repeated or moved piece shows."""
    return hashlib.shake_128(b"sallyport").digest(length)


BLOCK = pattern(1 << 20)


def generated(length: int):
    """generated yields `length` bytes: the block again and again, each time marked by its number."""
    number = 0
    while length > 0:
        lump = (number.to_bytes(8, "big") + BLOCK)[:min(length, len(BLOCK))]
        yield lump
        length -= len(lump)
        number += 1


FORM = b"""<!doctype html>
<html><head><title>Form</title><style>body { font: 20px sans-serif; background: #eef; }</style></head>
<body><h1>A form</h1>
<form method="post" action="/form">
  <p>Word <input name="word" value="sallyport"></p>
  <p>Kind <select name="kind"><option>gate</option><option>wall</option></select></p>
  <p><input type="submit" value="Send"></p>
</form>
<script>if (location.hash === "#send") document.forms[0].submit();</script>
</body></html>
"""
MAX_FORM = 65536


class Backend:
    def __init__(self, name: str, page: bytes):
        self.name = name
        self.page = page

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            close = headers.get(b"connection", b"") == b"close" or path.endswith("?close")
            if headers.get(b"expect") == b"100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = hashlib.sha256()
            left = int(headers.get(b"content-length", 0))
            form = b""
            while left > 0:
                lump = await reader.read(min(left, LUMP))
                if not lump:
                    return
                body.update(lump)
                if method == "POST" and len(form) < MAX_FORM:
                    form += lump
                left -= len(lump)
            sent = form if method == "POST" else body.hexdigest().encode()
            await self.answer(writer, method, path, sent, close)
            if close:
                return

    async def answer(self, writer, method: str, path: str, sent: bytes, close: bool) -> None:
        words = path.partition("?")[0].strip("/").split("/")
        slow = words[0] == "slow"
        if method == "PUT":
            lumps, length = [sent], len(sent)
        elif words[0] == "form":
            text = FORM if method == "GET" else b"<p>received " + html.escape(sent.decode()).encode() + b"</p>"
            lumps, length = [text], len(text)
        elif words[0] in ("bytes", "slow"):
            length = int(words[1])
            lumps = generated(length)
        elif words[0] == "who":
            text = f"{self.name} {writer.get_extra_info('peername')[0]}\n".encode()
            lumps, length = [text], len(text)
        else:
            lumps, length = [self.page], len(self.page)
        writer.write(f"HTTP/1.1 200 OK\r\nServer: {self.name}\r\nContent-Length: {length}\r\n"
                     f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n".encode())
        for lump in lumps:
            for start in range(0, len(lump), 16384 if slow else len(lump)):
                writer.write(lump[start:start + 16384] if slow else lump)
                await writer.drain()
                if slow:
                    await asyncio.sleep(0.02)

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while lump := await reader.read(LUMP):
            writer.write(lump)
            await writer.drain()

    async def hash(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        digest, length = hashlib.sha256(), 0
        while lump := await reader.read(LUMP):
            digest.update(lump)
            length += len(lump)
        writer.write(f"{length} {digest.hexdigest()}".encode())
        await writer.drain()


def closing(serve):
    async def handler(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # the peer went away, or spoke something else: no business of a test backend
        finally:
            writer.close()
    return handler


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--name", required=True)
    parser.add_argument("--page", type=pathlib.Path, required=True)
    for port in ("http", "echo", "hash"):
        parser.add_argument(f"--{port}", type=int)
    parser.add_argument("--tls", type=pathlib.Path, nargs=2)
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    backend = Backend(options.name, options.page.read_bytes())
    for port in ("http", "echo", "hash"):
        if (number := getattr(options, port)) is not None:
            await asyncio.start_server(closing(getattr(backend, port)), ["0.0.0.0", "::"], number,
                                       limit=1 << 17, backlog=4096, ssl=context)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
