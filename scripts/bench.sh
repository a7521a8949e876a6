#!/usr/bin/env bash
# Builds a release tree and runs the benchmarks; prints one line per figure: metric NAME VALUE UNIT.
#
#   scripts/bench.sh [NAME...]   only the benchmark programs whose name contains a NAME
#
# Everything else they say goes to standard error.  The exit code is 0 only when every program ended
# well and at least one figure was printed.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
esac

scripts/install_deps.sh --test
[[ -f build-release/build.ninja ]] || meson setup build-release --buildtype=release >/dev/null

mapfile -t programs < <(meson introspect --targets build-release | /usr/bin/python3 -c '
import json, os, sys
wanted = sys.argv[1:]
for target in json.load(sys.stdin):
    name = target["name"]
    if name.startswith("bench_") and (not wanted or any(word in name for word in wanted)):
        print(os.path.relpath(target["filename"][0], "build-release"))
' "$@")
[[ ${#programs[@]} -gt 0 ]] || { echo "bench.sh: no benchmark is called ${*:-anything}" >&2; exit 1; }
ninja -C build-release "${programs[@]}" >&2 </dev/null

failed=0 figures=0
for program in "${programs[@]}"; do
  echo "-- $program" >&2
  output=$(timeout 900 "build-release/$program" </dev/null) || { echo "bench.sh: $program failed" >&2; failed=1; }
  while IFS= read -r line; do
    case "$line" in
      "metric "*) echo "$line"; figures=$((figures + 1)) ;;
      ?*) echo "$line" >&2 ;;
    esac
  done <<<"$output"
done
[[ $figures -gt 0 ]] || { echo "bench.sh: no figure was printed" >&2; failed=1; }
exit "$failed"
