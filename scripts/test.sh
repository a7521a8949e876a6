#!/usr/bin/env bash
# Builds everything twice, with optimisation and with ASan + UBSan, and runs every test.
#
#   scripts/test.sh [--quick | --once] [--only SUITE]... [--no-install]
#
#   --quick        no sanitizer build, no system tests
#   --once         unit tests and corpora only with the sanitizers, except those of cryptography
#   --only SUITE   only these suites: lint, unit, fuzz, scenario, interop, eal, system
#   --no-install   install nothing, even when a package is missing
#
# The last line is "N passed, N failed, N skipped"; what failed or was skipped is named above it.  The
# exit code is 0 only when nothing failed.  System tests need root and skip without it.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false once=false install=true only=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --quick) quick=true ;;
    --once) once=true ;;
    --only) only+=("${2:?--only needs a suite}"); shift ;;
    --no-install) install=false ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
  esac
  shift
done

results=$(mktemp -d)
background=
trap 'end_build; rm -rf "$results"' EXIT
say() { printf '\n== %s (%d min %02d s)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }
wanted() { [[ ${#only[@]} -eq 0 || " ${only[*]} " == *" $1 "* ]]; }
count=()

# meson_tests DIR [meson test options...]
meson_tests() {
  local directory=$1
  shift
  rm -f "$directory"/meson-logs/testlog*
  meson test -C "$directory" --no-rebuild --print-errorlogs "$@" </dev/null || true
  cp -r "$directory/meson-logs" "$results/$directory"
  count+=(--meson "$results/$directory")
}

# set_up DIR [meson setup options...]: a tree that exists already keeps its options.  Line numbers are
# all that the report of a failed test needs; full debug information takes a third of the time.
set_up() {
  local directory=$1
  shift
  [[ -f $directory/build.ninja ]] ||
    meson setup "$directory" -Ddebug=false -Dcpp_args=-g1 "$@" >"$results/setup.log" ||
    { cat "$results/setup.log"; return 1; }
}

# build DIR [meson setup options...]
build() {
  set_up "$@"
  ninja -C "$1" </dev/null
}

# begin_build DIR [meson setup options...] builds with what processor time others leave, until
# end_build; what is not done by then is for build().
begin_build() {
  set_up "$@"
  # A session of its own, so that the kernel's groups of tasks do not give it the same share.
  setsid sh -c 'echo 19 >/proc/self/autogroup; exec chrt --idle 0 ninja -C "$1"' sh "$1" \
    </dev/null >/dev/null 2>&1 &
  background=$!
}
end_build() {
  [[ -n $background ]] || return 0
  kill -TERM -- "-$background" 2>/dev/null || true
  wait "$background" 2>/dev/null || true
  background=
}

# system_tests NAME DIR [patterns...]
system_tests() {
  local name=$1 directory=$2
  shift 2
  tests/system/run.py --build "$directory" --json "$results/$name.json" "$@" </dev/null || true
  count+=(--json "$results/$name.json")
}

suites=() in_meson=false sanitized=false
if [[ ${#only[@]} -eq 0 ]]; then in_meson=true sanitized=true; fi
for suite in "${only[@]}"; do
  [[ $suite == system ]] || { suites+=(--suite "$suite"); in_meson=true; }
  [[ $suite == lint ]] || sanitized=true
done

if $install; then
  say "dependencies"
  scripts/install_deps.sh --test
fi

say "build"
# What a test of one module finds in optimised code, those of whole workers find as well.
if $once && ! $quick; then build build -Dtests=optimised; else build build; fi
if $in_meson; then
  say "tests"
  meson_tests build "${suites[@]}"
fi
# Files of a module are compiled together, because reading headers is most of the work.
sanitizers=(-Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dunity=on -Dunity_size=8)
if wanted system && ! $quick; then
  # System tests mostly wait for each other's programs.
  if $sanitized; then begin_build build-asan "${sanitizers[@]}"; fi
  say "system tests"
  system_tests system build
  if $sanitized; then end_build; fi
fi

if $sanitized && ! $quick; then
  say "build with ASan and UBSan"
  build build-asan "${sanitizers[@]}"
  if $in_meson; then
    say "tests with ASan and UBSan"
    meson_tests build-asan --no-suite lint --timeout-multiplier 4 "${suites[@]}"
  fi
  if wanted system; then
    # The long ones would only be slow here: these are for what the sanitizers can find.
    say "system tests with ASan and UBSan"
    system_tests system-asan build-asan test_clients test_bad_input test_floods test_odd_segments \
      FailingClients FailingBackends LossyNetwork Compatible
  fi
fi

say "results"
scripts/count_tests.py "${count[@]}"
