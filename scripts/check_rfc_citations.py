#!/usr/bin/env python3
"""Lists the RFC clauses that code and tests cite, and those that only one of them cites.

    check_rfc_citations.py [--write FILE] [ROOT]

A citation reads [RFC 9293 3.10.7.4]; several are divided by commas or "and", and "except" marks a
deliberate deviation.  In tests a string "RFC 9293 3.10.7.4" is one too: tables of negative cases name
their clauses so.  Fails when a citation does not read so.
"""
import argparse
import collections
import pathlib
import re
import sys

CITATION = re.compile(r"\[(RFC[^]]{1,120})\]")
NAMED = re.compile(r'"(RFC \d+ [^"]{1,120})"')
PIECE = re.compile(r"(?:RFC (?P<rfc>\d+)\s*)?(?P<clause>[0-9A-Z]+(?:\.\d+)*(?:\([A-Z]\))?)?(?P<except> except)?"
                   r"|(?P<rule>(?:MUST|SHLD|MAY)-\d+)")


def citations(path: pathlib.Path, strings: bool):
    """citations yields (RFC, clause, deviates), or (None, text, False) for one that does not parse."""
    text = re.sub(r"\n\s*(//|#)\s*", " ", path.read_text())
    for found in CITATION.findall(text) + (NAMED.findall(text) if strings else []):
        rfc = None
        for piece in re.split(r",\s*|\s+and\s+", found):
            match = PIECE.fullmatch(piece.strip())
            rfc = int(match["rfc"]) if match and match["rfc"] else rfc
            if match is None or rfc is None:
                yield None, found, False
            elif not match["rule"]:
                yield rfc, match["clause"] or "", bool(match["except"])


def order(clause: str) -> list:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in clause.split(".")]


def report(cited: dict) -> str:
    lines = ["# RFC clauses", "",
             "Written by `scripts/check_rfc_citations.py --write`. A clause that only the code cites wants a test",
             "that names it; one that only a test cites is obeyed somewhere without saying so.", ""]
    for rfc in sorted({rfc for rfc, _ in cited}):
        lines += [f"## RFC {rfc}", "", "| clause | code | tests |", "|---|---|---|"]
        for clause in sorted((c for r, c in cited if r == rfc), key=order):
            code, tests = cited[rfc, clause]["code"], cited[rfc, clause]["tests"]
            lines.append(f"| {clause or '(all)'} | {', '.join(sorted(code)) or '–'} | "
                         f"{', '.join(sorted(tests)) or '–'} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("root", type=pathlib.Path, nargs="?", default=pathlib.Path(__file__).resolve().parents[1])
    options = parser.parse_args()

    cited: dict = collections.defaultdict(lambda: {"code": set(), "tests": set()})
    malformed = 0
    for top in ("lib", "app", "tests"):
        for path in sorted((options.root / top).rglob("*")):
            if path.suffix not in {".h", ".cc", ".py"}:
                continue
            name = path.relative_to(options.root).as_posix()
            for rfc, clause, deviates in citations(path, top == "tests"):
                if rfc is None:
                    malformed += 1
                    print(f"{name}: [{clause}] does not read like [RFC 9293 3.10.7.4]", file=sys.stderr)
                    continue
                side = "tests" if top == "tests" else "code"
                cited[rfc, clause][side].add(f"`{name}`" + (" (deviates)" if deviates else ""))
    if options.write:
        options.write.write_text(report(cited))
    both = sum(1 for sides in cited.values() if sides["code"] and sides["tests"])
    code = sum(1 for sides in cited.values() if not sides["tests"])
    print(f"{len(cited)} clauses: {both} in code and tests, {code} only in code, {len(cited) - both - code} only in tests")
    return 1 if malformed else 0


if __name__ == "__main__":
    sys.exit(main())
