#!/usr/bin/env bash
# tools/fuzz_host.sh BUILD [EXAMPLES]: requests made up from GET /openapi.json (schemathesis, in build/schemathesis-venv) to a
# host of its own. Exit 1: an answer that the document doesn't have, or a mistake of the host.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1 examples=${2:-40} venv=build/schemathesis-venv
[ -x $venv/bin/schemathesis ] || { python3 -m venv $venv && $venv/bin/pip install -q --disable-pip-version-check schemathesis==4.32.5; }
folder=$(mktemp -d)
mkdir "$folder/data"
"$build/rle" serve --state "$folder/state" --data-root "$folder/data" --log json 2>"$folder/log" &
host=$!
trap 'kill $host 2>/dev/null; wait $host || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do [ -s "$folder/state/host.json" ] && break; sleep 0.1; done
url=$(sed -n 's/.*"url": "\(.*\)",*/\1/p' "$folder/state/host.json")
$venv/bin/schemathesis --config-file tools/schemathesis.toml run "$url/openapi.json" -H "Authorization: Bearer $(cat "$folder/state/token")" \
  --phases examples,coverage,fuzzing --max-examples "$examples" --suppress-health-check all --no-color
