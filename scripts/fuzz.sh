#!/usr/bin/env bash
# Fuzzes with clang's libFuzzer, ASan and UBSan: every harness of tests/fuzz in turn.
#
#   scripts/fuzz.sh [--seconds N] [NAME...]   N seconds for each (default 60); NAME as in fuzz_NAME
#
# All of lib/ is instrumented, not only the harnesses, or the fuzzer would not see where it gets.  It
# starts from tests/fuzz/corpus and from what earlier runs found, which is kept in build-fuzz/corpus.
# An input that breaks something is written to build-fuzz/findings: add it to the corpus together with
# the fix.  The exit code is 0 when nothing was found.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60 wanted=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    -*) echo "fuzz.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
    *) wanted+=("$1") ;;
  esac
  shift
done

scripts/install_deps.sh --test
[[ -f build-fuzz/build.ninja ]] || CC=clang CXX=clang++ meson setup build-fuzz \
  -Dfuzz_engine=libfuzzer -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dcpp_args=-fsanitize=fuzzer-no-link >/dev/null
mapfile -t programs < <(meson introspect --targets build-fuzz | /usr/bin/python3 -c '
import json, sys
for target in json.load(sys.stdin):
    if target["name"].startswith("fuzz_"):
        print(target["name"].removeprefix("fuzz_"))
')
[[ ${#wanted[@]} -gt 0 ]] || wanted=("${programs[@]}")
ninja -C build-fuzz "${wanted[@]/#/tests/fuzz/fuzz_}" </dev/null

mkdir -p build-fuzz/findings
found=()
for name in "${wanted[@]}"; do
  kept=build-fuzz/corpus/$name
  mkdir -p "$kept"
  echo "== $name, $seconds s"
  # Only the last lines say how it ended: executions, coverage, or the finding.
  nice "build-fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="build-fuzz/findings/$name-" "$kept" "tests/fuzz/corpus/$name" \
    >"build-fuzz/$name.log" 2>&1 </dev/null ||
    found+=("$name")
  tail -n 8 "build-fuzz/$name.log"
done
if [[ ${#found[@]} -gt 0 ]]; then
  echo "found something: ${found[*]} (build-fuzz/NAME.log, build-fuzz/findings)"
  exit 1
fi
echo "${#wanted[@]} harnesses, nothing found"
