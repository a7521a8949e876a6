#!/usr/bin/env bash
# Shows Sallyport at work on this machine, without a NIC: network namespaces, two backends, Sallyport
# on a DPDK tap port, and pages fetched through it over TLS 1.3 and 1.2, IPv4 and IPv6.
#
#   scripts/demo.sh          stays until Ctrl-C and prints commands to try
#   scripts/demo.sh --once   ends after the checks; the exit code is 0 only when all passed
#
# Builds first where nothing is built.  Everything it makes is removed at the end, and what a killed
# run left behind at the next start.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "" | --once) ;;
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
esac

build=${BUILD:-build}
scripts/install_deps.sh
[[ -f $build/build.ninja ]] || meson setup "$build" >/dev/null
echo "Building ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ninja -C "$build" app/sallyport/sallyport app/sallyctl/sallyctl tests/system/lossy_bridge >"$log" 2>&1 || { cat "$log"; exit 1; }

as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "demo.sh: network namespaces need root: run this as root" >&2; exit 1; }
  as_root=(sudo)
fi
rm -f "$log"
exec "${as_root[@]}" /usr/bin/python3 scripts/demo.py --build "$build" "$@"
