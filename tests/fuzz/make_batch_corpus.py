#!/usr/bin/env python3
"""Writes the corpus of fuzz_batch anew: edges of what each kernel takes, alone and in mixed lanes.

usage: make_batch_corpus.py DIRECTORY
"""
import hashlib
import pathlib
import sys

P25519 = 2**255 - 19
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B256 = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G256 = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def noise(name, length):
    out = b""
    while len(out) < length:
        out += hashlib.sha256(f"{name} {len(out)}".encode()).digest()
    return out[:length]


def point(x, y, form=4):
    return bytes([form]) + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def y_of(x):
    square = (x**3 - 3 * x + B256) % P256
    y = pow(square, (P256 + 1) // 4, P256)
    return y if y * y % P256 == square else None


def x25519():
    yield "random", [noise(f"x {i}", 64) for i in range(8)]
    edges = [0, 1, 2, 9, P25519 - 1, P25519, P25519 + 1, 2**255 - 1, 2**256 - 1, 2**51, 2**52 - 1]
    for n, e in enumerate(edges):
        yield f"share-{n}", [noise("s", 32) + e.to_bytes(32, "little")]
        yield f"scalar-{n}", [e.to_bytes(32, "little") + noise("u", 32)]
    yield "mixed", [noise("s", 32) + e.to_bytes(32, "little") for e in edges[:8]]


def p256():
    xs = [x for x in range(40) if y_of(x)] + [P256 - x for x in range(1, 40) if y_of(P256 - x)]
    good = [point(x, y_of(x)) for x in xs[:6]] + [point(*G256), point(G256[0], P256 - G256[1])]
    yield "points", [noise(f"p {i}", 32) + p for i, p in enumerate(good)]
    bad = [
        point(G256[0], G256[1] ^ 1),
        point(*G256, form=2),
        point(*G256, form=6),
        point(0, 0),
        point(P256, G256[1]),
        point(2**256 - 1, 2**256 - 1),
        point(xs[0] + P256 if xs[0] + P256 < 2**256 else P256, y_of(xs[0])),
        bytes(65),
    ]
    yield "bad", [noise(f"b {i}", 32) + p for i, p in enumerate(bad)]
    yield "mixed", [noise(f"m {i}", 32) + (good[i] if i % 2 else bad[i]) for i in range(8)]
    for n, k in enumerate([0, 1, 2, N256 - 1, N256, N256 + 1, 2**256 - 1, 2**128, 2**52 - 1]):
        yield f"scalar-{n}", [k.to_bytes(32, "big") + point(*G256)]


def rsa():
    yield "random", [bytes([i]) + noise(f"r {i}", 255) for i in range(8)]
    edges = [0, 1, 2, 2**52, 2**52 - 1, 2**1024, 2**2040 - 1, 2**2048 - 1]
    yield "edges", [e.to_bytes(256, "big") for e in edges]
    yield "one", [noise("one", 256)[:1] + bytes(255)]
    yield "above", [b"\xff" + noise(f"a {i}", 255) if i % 2 else noise(f"a {i}", 256) for i in range(8)]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (kernel, cases) in enumerate({"x25519": x25519, "p256": p256, "rsa": rsa}.items()):
        for name, lanes in cases():
            content = bytes([number, len(lanes) - 1]) + b"".join(lanes)
            (folder / f"{kernel}-{name}").write_bytes(content)


if __name__ == "__main__":
    main()
