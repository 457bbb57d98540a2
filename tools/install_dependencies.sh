#!/usr/bin/env bash
# Installs the packages that tenfold needs on Debian 12 and Ubuntu 24.04, and says which.
#
# usage: tools/install_dependencies.sh [build|test|develop]
#
#   build     what the program needs to be built (default)
#   test      build, and what its tests need
#   develop   test, and the formatter, the linter, the fuzzers and gnuplot
#
# What is already there is left alone: with everything installed it neither calls apt nor needs the network. Nothing is
# removed: where that would be needed it stops and says so.
set -euo pipefail

group=${1:-build}

# One package per word; alternatives are separated by "|", the first that exists is taken: what
# belongs to the newer system stands last unless the older name lives on there.
packages=(
  g++ cmake ninja-build pkg-config
  "libboost1.81-dev|libboost1.83-dev" "libboost-json1.81-dev|libboost-json1.83-dev"
  libfmt-dev libspdlog-dev libcli11-dev libexpected-dev libpcre2-dev libutf8proc-dev libxxhash-dev prometheus-cpp-dev
  libcurl4-openssl-dev libssl-dev ca-certificates
)
case "$group" in
  build) ;;
  test | develop) packages+=(libgtest-dev libgmock-dev librapidcheck-dev python3) ;;&
  develop) packages+=(clang "libclang-rt-18-dev|libclang-rt-14-dev" clang-format clang-tidy gnuplot-nox) ;;
  test) ;;
  *)
    echo "usage: $0 [build|test|develop]" >&2
    exit 2
    ;;
esac

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian or Ubuntu system. Install by your own means: ${packages[*]}" >&2
  exit 1
fi

missing=()
for choice in "${packages[@]}"; do
  found=
  for name in ${choice//|/ }; do
    installed "$name" && found=yes
  done
  [ -n "$found" ] || missing+=("$choice")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages: ${missing[*]}. Install them as root, or install sudo." >&2
    exit 1
  fi
  as_root=sudo
fi

$as_root apt-get update -qq
wanted=()
for choice in "${missing[@]}"; do
  name=
  for candidate in ${choice//|/ }; do
    if [ -z "$name" ] && apt-cache show "$candidate" >/dev/null 2>&1; then name=$candidate; fi
  done
  if [ -z "$name" ]; then
    echo "No package $choice in this system's sources; tenfold is built on Debian 12 and Ubuntu 24.04." >&2
    exit 1
  fi
  wanted+=("$name")
done
echo "Installing: ${wanted[*]}"
if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "${wanted[@]}" >/dev/null; then
  echo "apt-get could not install ${wanted[*]} without removing others; a different libboost-dev is the usual reason:" >&2
  echo "remove it (apt-get remove libboost1.74-dev) and try again." >&2
  exit 1
fi
