"""Fingerprints of TLS clients from a capture: JA3 by tshark, JA4 from the fields that tshark finds.

Written from FoxIO's description of JA4; shares nothing with lib/tls.
"""
import hashlib
import pathlib

import testbed

FIELDS = ("tcp.srcport", "tls.handshake.ja3", "tls.handshake.version", "tls.handshake.ciphersuite",
          "tls.handshake.extension.type", "tls.handshake.extensions.supported_version",
          "tls.handshake.sig_hash_alg", "tls.handshake.extensions_alpn_str")
VERSIONS = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10"}
SERVER_NAME, ALPN = 0, 16


def numbers(text: str) -> list[int]:
    """numbers are those of a field, without GREASE."""
    all_of_them = [int(word, 0) for word in text.split(",") if word]
    return [n for n in all_of_them if not (n & 0xf0f == 0xa0a and n >> 8 == n & 0xff)]


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def ja4(version: str, suites: str, extensions: str, versions: str, algorithms: str, protocols: str) -> str:
    highest = max(numbers(versions) or numbers(version))
    suites, extensions = numbers(suites), numbers(extensions)
    protocol = protocols.split(",")[0] or "00"
    front = "t{}{}{:02}{:02}{}{}".format(VERSIONS[highest], "d" if SERVER_NAME in extensions else "i",
                                         min(len(suites), 99), min(len(extensions), 99), protocol[0], protocol[-1])
    hashed = ",".join(f"{e:04x}" for e in sorted(extensions) if e not in (SERVER_NAME, ALPN))
    if algorithms:
        hashed += "_" + ",".join(f"{a:04x}" for a in numbers(algorithms))
    return "_".join((front, short_hash(",".join(f"{s:04x}" for s in sorted(suites))), short_hash(hashed)))


def of_capture(file: pathlib.Path, port: int) -> dict[int, tuple[str, str]]:
    """of_capture maps the client's port to JA4 and JA3 of the first ClientHello of each connection."""
    words = [word for field in FIELDS for word in ("-e", field)]
    text = testbed.command("tshark", "-r", file, "-d", f"tcp.port=={port},tls", "-Y", "tls.handshake.type == 1",
                           "-T", "fields", *words).stdout
    found = {}
    for line in text.splitlines():
        source, ja3, version, *rest = line.split("\t")
        found.setdefault(int(source), (ja4(version, *rest), ja3))
    return found
