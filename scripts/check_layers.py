#!/usr/bin/env python3
"""Checks every include of lib/ against the layer table (docs/architecture.md shows it).

A module sees only modules below it, and only those that its row names.  Foreign headers are fenced
too: rte_*.h in lib/dpdk; OpenSSL in lib/crypto/openssl, lib/crypto/hash and lib/x509; ipsec-mb in
lib/crypto.  A few C calls have no place in lib/ at all.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base": "",
    "wire": "base",
    "frame": "base",
    "crypto": "base",
    "stats": "base",
    "tcp": "base wire stats",
    "tls": "base wire crypto stats",
    "balance": "base",
    "neighbour": "base wire",
    "x509": "base crypto",
    "snapshot": "base wire crypto tls balance",
    "offload": "base crypto x509 stats",
    "worker": "base frame wire crypto stats tcp tls balance snapshot",
    "config": "base wire crypto x509",
    "control": "base wire stats config snapshot neighbour balance x509",
    "admin": "base stats snapshot config",
    "dpdk": "base frame crypto stats",
}
FENCED = [
    (re.compile(r"#include <rte_"), ("lib/dpdk/",), "rte_*.h belongs in lib/dpdk"),
    (
        re.compile(r"#include <openssl/"),
        ("lib/crypto/openssl/", "lib/crypto/hash/", "lib/x509/"),
        "OpenSSL belongs in lib/crypto/openssl, lib/crypto/hash and lib/x509",
    ),
    (re.compile(r"#include <intel-ipsec-mb"), ("lib/crypto/",), "ipsec-mb belongs in lib/crypto"),
    (re.compile(r"#include <(iostream|sstream|iomanip)>"), (), "no iostreams in lib/"),
    (re.compile(r"\b(std::function|std::shared_mutex|std::mutex)\b"), (), "not in lib/: see CONTRIBUTING"),
]
OWN = re.compile(r'#include "lib/(\w+)/')
DOCUMENTED_ROW = re.compile(r"^\| \d \| `lib/(\w+)` \|.*\|([^|]*)\|$", re.MULTILINE)
PARENT = re.compile(r'#include "(?!lib/|app/|tests/)')


def violations(root: pathlib.Path):
    for path in sorted((root / "lib").rglob("*")):
        if path.suffix not in {".h", ".cc"}:
            continue
        name = path.relative_to(root).as_posix()
        module = name.split("/")[1]
        if module not in MAY_INCLUDE:
            yield f"{name}:1: module {module} has no row in the layer table"
            continue
        allowed = {module, *MAY_INCLUDE[module].split()}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (own := OWN.search(line)) and own[1] not in allowed:
                yield f"{name}:{number}: {module} may not include lib/{own[1]}"
            if PARENT.search(line):
                yield f"{name}:{number}: include from the repository root"
            for pattern, homes, why in FENCED:
                if pattern.search(line) and not name.startswith(homes):
                    yield f"{name}:{number}: {why}"


def stale_rows(root: pathlib.Path):
    """stale_rows compares the table in docs/architecture.md with the one above."""
    document = "docs/architecture.md"
    rows = {module: row for module, row in DOCUMENTED_ROW.findall((root / document).read_text())}
    for module, allowed in MAY_INCLUDE.items():
        if rows.get(module, "").strip("– ").split() != allowed.split():
            yield f"{document}: the row of {module} should say: {allowed or '–'}"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = [*violations(root), *stale_rows(root)]
    print("\n".join(found) or "layers ok")
    return 1 if found else 0


sys.exit(main())
