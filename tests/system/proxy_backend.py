#!/usr/bin/env python3
"""A backend that reads headers of the PROXY protocol, version 2, and answers HTTP with what they said, as JSON.

    proxy_backend.py PORT

Written from HAProxy's proxy-protocol.txt; what is no such header closes the connection.
"""
import asyncio
import ipaddress
import json
import signal
import struct
import sys

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FAMILIES = {0x11: 4, 0x21: 16}
NAMES = {0x01: "alpn", 0x02: "authority", 0x03: "crc32c", 0x20: "ssl",
         0x21: "version", 0x22: "cn", 0x23: "cipher", 0x24: "sig_alg", 0x25: "key_alg"}


def crc32c(data: bytes) -> int:
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def values(data: bytes):
    """values yields name, value and where the value begins."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("!BH", data, at)
        at += 3
        if at + length > len(data):
            raise ValueError("a value ends behind the header")
        yield NAMES.get(kind, f"0x{kind:02X}"), data[at:at + length], at
        at += length


def parse(header: bytes) -> dict:
    if header[12] != 0x21:
        raise ValueError(f"version and command {header[12]:#x}")
    size = FAMILIES[header[13]]
    body = header[16:]
    source, destination = (str(ipaddress.ip_address(body[i * size:(i + 1) * size])) for i in (0, 1))
    ports = struct.unpack_from("!HH", body, 2 * size)
    said = {"source": [source, ports[0]], "destination": [destination, ports[1]]}
    begin = 16 + 2 * size + 4
    for name, value, at in values(header[begin:]):
        if name == "crc32c":
            zeroed = bytearray(header)
            zeroed[begin + at:begin + at + 4] = bytes(4)
            said[name] = struct.unpack("!I", value)[0] == crc32c(bytes(zeroed))
        elif name == "ssl":
            client, verify = struct.unpack_from("!BI", value)
            said[name] = {"client": client, "verify": verify}
            said[name].update((inner, text.decode()) for inner, text, _ in values(value[5:]))
        else:
            said[name] = value.decode()
    return said


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        front = await reader.readexactly(16)
        if front[:12] != SIGNATURE:
            raise ValueError("no header")
        said = parse(front + await reader.readexactly(struct.unpack("!H", front[14:])[0]))
        request = await reader.readuntil(b"\r\n\r\n")
        said["request"] = request.split(b"\r\n")[0].decode()
        text = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()
    except (ValueError, KeyError, struct.error, asyncio.IncompleteReadError, ConnectionError) as error:
        print("refused:", error, flush=True)
    finally:
        writer.close()


async def main() -> None:
    await asyncio.start_server(serve, ["0.0.0.0", "::"], int(sys.argv[1]))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
