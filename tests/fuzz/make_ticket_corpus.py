#!/usr/bin/env python3
"""Writes the corpus of fuzz_ticket anew: tickets that are none, and states of every kind."""
import hashlib
import pathlib
import struct

NOW = 1_800_000_000_000
CORPUS = pathlib.Path(__file__).parent / "corpus" / "ticket"


def state(version=0x0304, suite=0x1301, ems=0, secret_len=32, lifetime=3600, age_add=7, issued=NOW - 1000,
          authenticated=NOW - 1000, name=b"site.test", identity=bytes(32), layout=1) -> bytes:
    bound = struct.pack(">H", len(name)) + name + struct.pack(">H", 0)
    return (struct.pack(">BHHBBIIQQ", layout, version, suite, ems, secret_len, lifetime, age_add, issued, authenticated)
            + hashlib.sha256(bound).digest()[:16] + identity + bytes(range(48)))


def main() -> None:
    CORPUS.mkdir(parents=True, exist_ok=True)
    of_tls12 = {"version": 0x0303, "suite": 0xc02b, "ems": 1, "secret_len": 48}
    states = {
        "good": {}, "expired": {"issued": NOW - 3_600_001}, "future": {"issued": NOW + 400_000},
        "other_hash": {"suite": 0x1302, "secret_len": 48}, "other_suite": {"suite": 0x1303}, "no_suite": {"suite": 0},
        "other_name": {"name": b"other.test"}, "short_secret": {"secret_len": 1}, "long_secret": {"secret_len": 49},
        "old_session": {"authenticated": NOW - 7 * 86_400_000}, "no_lifetime": {"lifetime": 0, "issued": NOW},
        "layout": {"layout": 2}, "far": {"issued": 2**64 - 1, "lifetime": 2**32 - 1},
    }
    for name, changes in states.items():
        for kind, base in ((2, {}), (3, {}), (4, of_tls12)):
            (CORPUS / f"{name}_{kind}").write_bytes(bytes([kind]) + state(**{**base, **changes}))
    (CORPUS / "no_extended_master_secret").write_bytes(b"\x04" + state(**{**of_tls12, "ems": 0}))
    (CORPUS / "of_tls12_in_tls13").write_bytes(b"\x03" + state(**of_tls12))
    (CORPUS / "of_tls13_in_tls12").write_bytes(b"\x04" + state())
    (CORPUS / "no_state").write_bytes(b"\x02")
    (CORPUS / "no_ticket").write_bytes(b"\x00")
    (CORPUS / "known_name").write_bytes(b"\x00" + bytes([1]) * 175)
    (CORPUS / "too_long").write_bytes(b"\x00" + bytes([1]) * 176)
    (CORPUS / "untouched").write_bytes(b"\x01")
    for name, at in (("name", 0), ("salt", 16), ("state", 32), ("tag", 174)):
        (CORPUS / f"turned_{name}").write_bytes(bytes([1, at, 0x80]))


if __name__ == "__main__":
    main()
