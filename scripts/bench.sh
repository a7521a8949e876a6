#!/usr/bin/env bash
# Builds a release tree and runs the benchmarks; prints one line per figure: metric NAME VALUE UNIT.
#
#   scripts/bench.sh [NAME...]   only the figures whose name contains a NAME
#   scripts/bench.sh million     a million connections in one process, which needs 2 GiB and two
#                                minutes; runs only when asked for by this name
#   scripts/bench.sh servers     nginx and HAProxy against Sallyport; needs root (two minutes)
#   scripts/bench.sh floods      connections old and new in floods of six kinds; needs root (three minutes)
#
# Everything else they say goes to standard error.  The exit code is 0 only when every program ended
# well and at least one figure was printed.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
esac

scripts/install_deps.sh --bench
[[ -f build-release/build.ninja ]] || meson setup build-release --buildtype=debugoptimized >/dev/null

programs=(tests/bench/bench_batch tests/bench/bench_certificates tests/bench/bench_handshake)
programs+=(tests/bench/bench_timers tests/bench/bench_worker)
[[ " $* " != *" million "* ]] || programs+=(tests/bench/bench_million)
ninja -C build-release "${programs[@]}" app/sallyport/sallyport app/sallyctl/sallyctl \
  tests/system/flood >&2 </dev/null

failed=0 figures=0
for program in "${programs[@]/#/build-release/}" tests/bench/servers.py tests/bench/floods.py; do
  echo "-- $program" >&2
  # In the foreground, so that Ctrl-C reaches what has to clean up.
  output=$(timeout --foreground 900 "$program" "$@" </dev/null) || { echo "bench.sh: $program failed" >&2; failed=1; }
  while IFS= read -r line; do
    case "$line" in
      "metric "*) echo "$line"; figures=$((figures + 1)) ;;
      ?*) echo "$line" >&2 ;;
    esac
  done <<<"$output"
done

# Instructions of one handshake, counted by callgrind: the same on a busy machine as on a quiet
# one.  The difference of two runs leaves out what is done once.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    --toggle-collect='sallyport::testing::Simulation::process_and_execute*' \
    build-release/tests/bench/bench_handshake --count "$1" "$2" 2>&1 </dev/null |
    sed -n 's/.*Collected : //p'
}
for kind in tls13_ecdsa_full tls12_ecdsa_full tls13_psk tls12_ticket; do
  name=${kind}_instructions
  [[ $# -eq 0 || $name == *"$1"* ]] || continue
  few=$(count 8 "$kind") many=$(count 40 "$kind")
  [[ -n "$few" && -n "$many" ]] || { echo "bench.sh: callgrind counted nothing" >&2; failed=1; continue; }
  echo "metric $name $(((many - few) / 32)) instructions"
  figures=$((figures + 1))
done
[[ $figures -gt 0 ]] || { echo "bench.sh: no figure was printed" >&2; failed=1; }
exit "$failed"
