#!/usr/bin/env bash
# tools/check.sh [JOBS]: what a change must pass besides its tests: layers and style limits, types of the Python SDK, formatting, a build without a
# warning (-Wall -Wextra -Wconversion -Werror), and the checks of .clang-tidy where clang-tidy is installed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=${1:-$(nproc)} failed=0

.venv/bin/python tools/check_layers.py || failed=1

if types=$(cd python && ../.venv/bin/python -m mypy --strict relationalai_gnns 2>&1); then
  echo "check: types of python/relationalai_gnns ok"
else
  printf '%s\n' "$types" >&2
  failed=1
fi

mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.h' '*.cc')
if unformatted=$(clang-format --dry-run -Werror "${sources[@]}" 2>&1); then
  echo "check: format ok (${#sources[@]} files)"
else
  printf '%s\n' "$unformatted" | grep -oE '^[^: ]+\.(h|cc):[0-9]+:[0-9]+: error' | cut -d: -f1 | sort -u | sed 's/^/check: not formatted: /' >&2
  echo "check: run make format" >&2
  failed=1
fi

if build_log=$(tools/build.sh release "$jobs" 2>&1); then
  echo "check: build ok, without a warning"
else
  printf '%s\n' "$build_log" | grep -E 'error|warning|FAILED' | head -n 20 >&2
  echo "check: the build fails; clang-tidy left out" >&2
  exit 1
fi

tidy=$(command -v clang-tidy || command -v clang-tidy-14 || true)
if [ -z "$tidy" ]; then
  echo "check: clang-tidy is not installed (apt-get install clang-tidy): left out"
else
  mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep -E '^engine/.*\.cc$' | grep -vE '_(test|bench)\.cc$')
  if printf '%s\0' "${units[@]}" | xargs -0 -n 1 -P "$jobs" "$tidy" -p build/release --quiet 2>/dev/null; then  # errors are on stdout
    echo "check: clang-tidy ok (${#units[@]} files)"
  else
    failed=1
  fi
fi
exit $failed
