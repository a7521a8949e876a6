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
ninja -C build-release >&2 </dev/null

# Programs are registered with Meson's benchmark(), which knows their arguments and order.
mapfile -t programs < <(meson introspect --benchmarks build-release | /usr/bin/python3 -c '
import json, shlex, sys
wanted = sys.argv[1:]
for benchmark in json.load(sys.stdin):
    if not wanted or any(word in benchmark["name"] for word in wanted):
        print(benchmark["name"] + "\t" + shlex.join(benchmark["cmd"]))
' "$@")
[[ ${#programs[@]} -gt 0 ]] || { echo "bench.sh: no benchmark is called ${*:-anything}" >&2; exit 1; }

failed=0 figures=0
for line in "${programs[@]}"; do
  name=${line%%$'\t'*}
  echo "-- $name" >&2
  eval "command=(${line#*$'\t'})"
  # shellcheck disable=SC2154  # assigned by the eval above, from words that shlex has quoted
  output=$(timeout 600 "${command[@]}" </dev/null) || { echo "bench.sh: $name failed" >&2; failed=1; }
  while IFS= read -r word; do
    case "$word" in
      "metric "*) echo "$word"; figures=$((figures + 1)) ;;
      ?*) echo "$word" >&2 ;;
    esac
  done <<<"$output"
done
[[ $figures -gt 0 ]] || { echo "bench.sh: no figure was printed" >&2; failed=1; }
exit "$failed"
