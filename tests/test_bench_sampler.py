"""`make bench-sampler` in small: both samplers draw subgraphs of the same size, and the figures are written."""
import json
import subprocess
import sys


def test_sampler_beside_numpy(root, build_folder, tmp_path):
    out = tmp_path / "sampler.json"
    run = subprocess.run([sys.executable, root / "bench/bench_sampler.py", root / "examples/f1/driver-position.yaml", "--build", build_folder,
                          "--batch", "256", "--batches", "10", "--passes", "1", "--out", out], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    (result,) = json.loads(out.read_text())
    assert result["batch"] == 256 and result["ours_ms"] > 0 and result["peer_ms"] > 0
    assert abs(result["nodes"] / result["peer_nodes"] - 1) < 0.15  # other seeds, the same rule
    assert abs(result["edges"] / result["peer_edges"] - 1) < 0.15
