#!/usr/bin/env python3
"""A program built without unsafe_keylog knows neither the variable nor the labels of the key log."""
import pathlib
import sys

WORDS = (b"SSLKEYLOGFILE", b"CLIENT_TRAFFIC_SECRET_0", b"CLIENT_RANDOM")


def main() -> int:
    program = pathlib.Path(sys.argv[1]).read_bytes()
    # That the program is what it should be: this word must be there.
    if b"sallyport" not in program:
        print(f"{sys.argv[1]} is not Sallyport")
        return 1
    found = [word.decode() for word in WORDS if word in program]
    for word in found:
        print(f"{sys.argv[1]} contains {word}")
    return 1 if found else 0


sys.exit(main())
