#!/usr/bin/env bash
# tools/build.sh [PRESET [JOBS [TARGET...]]]: configures and builds one preset of CMakePresets.json into build/PRESET, all
# of it or the targets named, with ccache where it is installed. Quiet when there is nothing to do; the wall time is the last line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release} jobs=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
launcher=$(command -v ccache || true)
export CCACHE_SLOPPINESS=pch_defines,time_macros  # what ccache asks for where headers are precompiled
started=$(date +%s.%N)
# A launcher that differs from the cached one (ccache installed or removed since) is taken over by the same line.
cmake --preset "$preset" --log-level=NOTICE -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" >"build/configure-$preset.log" 2>&1 || {
  cat "build/configure-$preset.log" >&2
  echo "build: cmake could not configure; tools/setup.sh installs what it needs" >&2
  exit 1
}
grep -A3 -i warning "build/configure-$preset.log" >&2 || true
cmake --build "build/$preset" -j "$jobs" ${1:+--target "$@"}
awk -v p="$preset" -v a="$started" -v b="$(date +%s.%N)" 'BEGIN { printf "build: build/%s is up to date (%.1f s)\n", p, b - a }'
