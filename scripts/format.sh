#!/usr/bin/env bash
# Formats every C++ file in place; with --check, fails when one would change.  The version is pinned:
# another clang-format would format differently.
set -euo pipefail
cd "$(dirname "$0")/.."
formatter=clang-format-14
command -v "$formatter" >/dev/null || { echo "format.sh: $formatter is not installed (scripts/install_deps.sh)"; exit 1; }
mapfile -t files < <(find lib app tests -name '*.h' -o -name '*.cc')
if [[ "${1:-}" == --check ]]; then
  "$formatter" --dry-run -Werror "${files[@]}" && echo "${#files[@]} files are formatted"
else
  "$formatter" -i "${files[@]}"
fi
