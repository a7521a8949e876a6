#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_client_hello and fuzz_tls_stream below tests/fuzz/corpus/.

Every file is a meaningful input with a name that says what it is; fuzzing engines start from them.
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "tests/fuzz/corpus"


def vec8(body): return bytes([len(body)]) + body
def vec16(body): return struct.pack(">H", len(body)) + body
def u16s(*values): return b"".join(struct.pack(">H", v) for v in values)
def ext(number, body): return struct.pack(">H", number) + vec16(body)


VERSIONS = ext(43, vec8(u16s(0x0304)))
GROUPS = ext(10, vec16(u16s(0x001D, 0x0017)))
SCHEMES = ext(13, vec16(u16s(0x0403, 0x0804, 0x0401)))
SHARE = ext(51, vec16(u16s(0x001D) + vec16(bytes(range(32)))))
SHARE_P256 = ext(51, vec16(u16s(0x0017) + vec16(b"\x04" + bytes(64))))
NAME = ext(0, vec16(b"\x00" + vec16(b"www.site.test")))
ALPN = ext(16, vec16(vec8(b"h2") + vec8(b"http/1.1")))
EMS, RENEGOTIATION, EARLY = ext(23, b""), ext(0xFF01, b"\x00"), ext(42, b"")
PSK = ext(45, b"\x01\x01") + ext(41, vec16(vec16(b"ticket") + bytes(4)) + vec16(vec8(bytes(32))))
GREASE = ext(0x0A0A, b"") + ext(0x1A1A, b"\x00")


def hello(extensions, version=0x0303, suites=(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F), session=32,
          compression=b"\x00"):
    body = u16s(version) + bytes(32) + vec8(bytes(session)) + vec16(u16s(*suites))
    body += vec8(compression)
    return body if extensions is None else body + vec16(extensions)


BASE = VERSIONS + GROUPS + SCHEMES + SHARE
HELLOS = {
    "tls13": hello(BASE),
    "tls13_full": hello(GREASE + NAME + BASE + ALPN + EMS + RENEGOTIATION),
    "tls13_retry": hello(VERSIONS + GROUPS + SCHEMES + ext(51, vec16(b""))),
    "tls13_p256": hello(VERSIONS + GROUPS + SCHEMES + SHARE_P256),
    "tls13_psk_early_data": hello(BASE + EARLY + PSK),
    "tls13_psk_not_last": hello(PSK + BASE),
    "tls13_duplicate": hello(BASE + VERSIONS),
    "tls13_missing_share": hello(VERSIONS + GROUPS + SCHEMES),
    "tls13_padding": hello(BASE + ext(21, bytes(300))),
    "tls13_cookie": hello(BASE + ext(44, vec16(b"cookie"))),
    "tls12": hello(GROUPS + SCHEMES + EMS + RENEGOTIATION + ext(11, b"\x01\x00"), session=0),
    "tls12_no_extensions": hello(None, session=0),
    "tls12_scsv": hello(SCHEMES, suites=(0xC02F, 0x00FF, 0x5600), session=0),
    "tls11": hello(GROUPS + SCHEMES, version=0x0302),
    "ssl30": hello(BASE, version=0x0300),
    "many_extensions": hello(BASE + b"".join(ext(0x4000 + i, b"") for i in range(60))),
    "two_names": hello(BASE + ext(0, vec16(b"\x00\x00\x01a\x00\x00\x01b"))),
}


def item(control, kind, content): return bytes([control, kind]) + vec16(content)
def message(kind, body): return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


CLIENT_HELLO = message(1, HELLOS["tls13"])
POINT = message(16, vec8(bytes(32)))
CCS = item(0, 20, b"\x01")
STREAMS = {
    "hello13": b"\x00\x00" + item(0, 22, CLIENT_HELLO),
    "hello12": b"\x00\x00" + item(0, 22, message(1, HELLOS["tls12"])),
    "hello_in_pieces": b"\x00\x07" + item(0, 22, CLIENT_HELLO[:40]) + item(0, 22, CLIENT_HELLO[40:]),
    "http": b"\x00\x00" + item(4, 0, b"GET / HTTP/1.1\r\n\r\n"),
    "ssl2": b"\x00\x00" + item(4, 0, b"\x80\x2e\x01\x00\x02\x00\x15"),
    "second_hello": b"\x01\x00" + CCS + item(0, 22, message(1, HELLOS["tls13_p256"])),
    "early_data_after_retry": b"\x01\x00" + item(0, 23, bytes(500)) + CCS,
    "early_data_skipped": b"\x02\x00" + item(0, 23, bytes(500)) + item(0, 23, bytes(40)),
    "wrong_finished13": b"\x03\x00" + CCS + item(3, 22, message(20, bytes(32))),
    "finished13_in_pieces": b"\x03\x03" + item(3, 22, message(20, bytes(32))[:9])
                            + item(3, 22, message(20, bytes(32))[9:]),
    "alert13_plain": b"\x03\x00" + item(0, 21, b"\x02\x28"),
    "data13": b"\x04\x00" + item(1, 23, b"GET / HTTP/1.1\r\n") + item(1, 23, bytes(1000)),
    "key_update": b"\x04\x05" + item(1, 22, message(24, b"\x01")),
    "key_updates_split": b"\x04\x00" + item(1, 22, message(24, b"\x01")[:3])
                         + item(1, 22, message(24, b"\x01")[3:]),
    "close13": b"\x04\x00" + item(1, 21, b"\x01\x00") + item(1, 23, b"late"),
    "empty_records": b"\x04\x00" + item(1, 23, b"") * 9,
    "hello_after_handshake": b"\x04\x00" + item(1, 22, CLIENT_HELLO),
    "key_exchange12": b"\x05\x00" + item(0, 22, POINT) + CCS,
    "early_ccs12": b"\x05\x00" + CCS,
    "ccs12": b"\x06\x02" + CCS + item(1, 22, message(20, bytes(12))),
    "wrong_finished12": b"\x07\x00" + item(3, 22, message(20, bytes(12))),
    "data12": b"\x08\x09" + item(1, 23, bytes(300)) + item(1, 21, b"\x01\x5a"),
    "renegotiation12": b"\x08\x00" + item(1, 22, message(1, HELLOS["tls12"])),
    "key_exchange_cbc": b"\x0e\x00" + item(0, 22, POINT) + CCS,
    "wrong_finished_cbc": b"\x0f\x00" + CCS + item(3, 22, message(20, bytes(12))),
    "data_cbc": b"\x10\x05" + item(1, 23, bytes(300)) + item(1, 23, b"") + item(1, 21, b"\x01\x5a"),
    "spoilt_cbc": b"\x10\x00" + item(4, 0, b"\x17\x03\x03\x00\x40" + bytes(64)),
    "finished_encrypt_then_mac": b"\x12\x00" + item(16, 21, b"\x01\x5a"),
    "data_encrypt_then_mac": b"\x13\x07" + item(1, 23, bytes(500)) + item(1, 23, bytes(600)),
    "spoilt_encrypt_then_mac": b"\x13\x00" + item(4, 0, b"\x17\x03\x03\x00\x44" + bytes(68)),
    "key_exchange_rsa": b"\x14\x00" + item(0, 22, message(16, vec16(bytes(256)))) + CCS,
    "key_exchange_rsa_short": b"\x14\x00" + item(0, 22, message(16, vec16(bytes(47)))),
    "close_behind_finished12": b"\x06\x00" + item(16, 21, b"\x01\x5a") + item(1, 21, b"\x01\x00"),
    "finished_rsa": b"\x15\x00" + item(16, 23, b"early"),
    "data_rsa": b"\x16\x00" + item(1, 23, bytes(100)) + item(1, 21, b"\x01\x00"),
    "key_exchange_dhe": b"\x17\x00" + item(0, 22, message(16, vec16(b"\x01" + bytes(255)))) + CCS,
    "key_exchange_dhe_zero": b"\x17\x00" + item(0, 22, message(16, vec16(b""))),
    "finished_dhe": b"\x18\x00" + item(16, 20, b"\x01"),
    "data_dhe": b"\x19\x00" + item(1, 23, bytes(100)),
    "close12": b"\x08\x00" + item(1, 21, b"\x01\x00"),
}


def main():
    for name, files in (("client_hello", HELLOS), ("tls_stream", STREAMS)):
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)


main()
