"""What the sanitizer builds (CMakePresets.json: asan with UBSan, tsan) are run with, and what they found. The engine is held to no finding
at all; libduckdb, which is built without them, is left out by tools/sanitizers/*.supp."""
import os
import re
import shutil
from pathlib import Path

SUPPRESSIONS = Path(__file__).resolve().parent / "sanitizers"


def kind_of(build):
    """"asan", "tsan" or None."""
    cache = (build / "CMakeCache.txt").read_text() if (build / "CMakeCache.txt").exists() else ""
    found = re.search(r"^CMAKE_CXX_FLAGS:.*-fsanitize=(address|thread)", cache, re.MULTILINE)
    return {"address": "asan", "thread": "tsan"}[found[1]] if found else None


class Reports:
    """A run of a sanitizer build: its environment, and the files into which every process that finds something writes it, so that a
    finding is one even where a test expects its process to fail."""

    def __init__(self, build):
        self.kind = kind_of(build)
        self.folder = build / "sanitizer-reports"
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.kind:
            self.folder.mkdir()

    def environment(self):
        if not self.kind:
            return dict(os.environ)
        # detect_stack_use_after_return stays off: GCC 12 then aligns stack frames too little for AVX-512 vectors (GCC bug 110027).
        common = f"log_path={self.folder}/report:abort_on_error=1:halt_on_error=1:handle_abort=0"
        return {**os.environ, "RLE_SANITIZER": self.kind,
                "ASAN_OPTIONS": f"{common}:detect_stack_use_after_return=0:check_initialization_order=1:strict_string_checks=1:"
                                "detect_leaks=1:max_allocation_size_mb=4096",
                "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
                "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/lsan.supp:print_suppressions=0",
                "TSAN_OPTIONS": f"{common}:suppressions={SUPPRESSIONS}/tsan.supp:ignore_noninstrumented_modules=1:second_deadlock_stack=1"}

    def found(self):
        """Texts of the reports."""
        return [path.read_text(errors="replace") for path in sorted(self.folder.glob("report.*"))] if self.kind else []
