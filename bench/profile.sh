#!/usr/bin/env bash
# bench/profile.sh BUILD SPEC [OPTION of rle_bench...]: samples one thread of training with perf (Debian: linux-perf) and prints the share of
# every function that takes 0.5 % or more. The samples stay in build/bench/profile.data, for `perf annotate -i` and `perf report -i`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1 spec=$2; shift 2
perf=$(command -v perf || true)
if [ -z "$perf" ]; then
  echo "profile: perf is not installed: apt-get install linux-perf (Ubuntu: linux-tools-generic)" >&2
  exit 2
fi
mkdir -p build/bench
data=build/bench/profile.data
# cpu-clock, because virtual machines seldom have counters of cycles.
"$perf" record -q -e cpu-clock -F 997 -o "$data" -- "$build/bench/rle_bench" "$spec" --threads 1 --passes 1 --steps 20 "$@"
echo
"$perf" report -q -i "$data" --stdio --percent-limit 0.5 --sort overhead,symbol 2>/dev/null | sed '/^$/d'
