#!/usr/bin/env bash
# Installs the Debian packages that building, testing and running need: only what is missing, as
# root or through sudo.
#
#   scripts/install_deps.sh            to build and to run the demo
#   scripts/install_deps.sh --test     also what the tests need
#   scripts/install_deps.sh --bench    also what the benchmarks compare with
set -euo pipefail

build=(g++ meson ninja-build pkg-config python3 libdpdk-dev libipsec-mb-dev libssl-dev
  zlib1g-dev libbrotli-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev)
run=(iproute2 ethtool curl openssl nginx-light procps)
check=(clang clang-format-14 libclang-rt-14-dev valgrind gnutls-bin tcpdump tshark nmap hping3 python3-scapy
  iputils-ping iputils-arping golang-go default-jdk-headless nodejs libnss3-tools wget chromium sslscan testssl.sh)
compare=(haproxy apache2-utils)

command -v dpkg-query >/dev/null || {
  echo "install_deps.sh: knows Debian only; install what these packages contain: ${build[*]} ${run[*]} ${check[*]} ${compare[*]}" >&2
  exit 1
}

wanted=("${build[@]}" "${run[@]}")
[[ "${1:-}" == --test || "${1:-}" == --bench ]] && wanted+=("${check[@]}")
[[ "${1:-}" == --bench ]] && wanted+=("${compare[@]}")

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "install_deps.sh: missing: ${missing[*]}; run this as root, or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
