#!/usr/bin/env bash
# make demo: from nothing to predictions. Trains on the Formula 1 database of examples/f1, judges the model beside simple
# baselines, and writes the predictions into a new table of demo-output/predictions.duckdb. Removes only demo-output/ first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SPEC=examples/f1/driver-position.yaml
OUT=$PWD/demo-output
TABLE=predictions_driver_position
export PATH="$PWD/.venv/bin:$PATH"

now() { date +%s.%N; }
step() { printf '\n=== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
spent() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f s", b - a }'; }

rm -rf "$OUT"
t_start=$(now)
step "1/5 Setting up (downloads what is missing; nothing the second time)"
tools/setup.sh
t_setup=$(now)
step "2/5 Building the engine"
tools/build.sh release "$(nproc)" rle
t_build=$(now)
rle=build/release/rle

step "3/5 Training: a driver's mean finishing position over the next 60 days, from nine tables"
mkdir -p "$OUT"
show $rle fit $SPEC --model "demo-output/model"
t_fit=$(now)

step "4/5 Judging it, beside baselines that need no model"
show $rle evaluate $SPEC --model "demo-output/model"

step "5/5 Predicting the test rows into a new table"
show $rle predict $SPEC --model "demo-output/model" --output $TABLE --set "output.database=$OUT/predictions.duckdb"
t_end=$(now)

query="SELECT * FROM $TABLE LIMIT 5"
printf '\nThe first rows of table %s:\n' $TABLE
python - "$OUT/predictions.duckdb" "$query" <<'PYTHON'
import sys
import duckdb
print(duckdb.connect(sys.argv[1], read_only=True).sql(sys.argv[2]))
PYTHON
cat <<END
Query it yourself, with DuckDB's command line or from Python:
  duckdb demo-output/predictions.duckdb "$query"
  .venv/bin/python -c 'import duckdb; print(duckdb.connect("demo-output/predictions.duckdb").sql("$query"))'

Wall time: $(spent "$t_setup" "$t_end") without downloads
  downloads and installation $(spent "$t_start" "$t_setup") (apart)
  build                      $(spent "$t_setup" "$t_build")
  training                   $(spent "$t_build" "$t_fit")
  judging and predicting     $(spent "$t_fit" "$t_end")
The model is in demo-output/model; another question on the same data: examples/f1/driver-dnf.yaml
END
