#!/usr/bin/env bash
# bench/run.sh [--jobs-only] BUILD SPEC...: what `make bench` prints. First the micro-benchmarks of BUILD (google-benchmark),
# then per specification one short training run with its figures: ingest rows/s, graph, seeds/s, ms a step, peak memory.
# Timings on a machine that does other work are worth little; the load is printed beside them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
micro=yes
if [ "${1:-}" = --jobs-only ]; then micro=no; shift; fi
build=$1; shift
echo "bench: $(nproc) CPUs, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), load $(cut -d' ' -f1-3 /proc/loadavg)"
if [ $micro = yes ]; then
  for program in "$build"/*_bench; do
    if [ ! -x "$program" ]; then echo "bench: no micro-benchmarks in $build"; break; fi
    echo "== $(basename "$program")"
    "$program" --benchmark_min_time="${BENCH_MIN_TIME:-0.2}" --benchmark_color=false 2>/dev/null
  done
fi
if [ $# -gt 0 ] && [ ! -x "$build/bench/rle_bench" ]; then
  echo "bench: $build/bench/rle_bench is not built (RLE_BENCH is off, or the build is incomplete): run make build" >&2
  exit 1
fi
for spec in "$@"; do
  echo "== $spec"
  "$build/bench/rle_bench" "$spec"
done
