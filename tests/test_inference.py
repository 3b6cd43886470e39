"""Exact inference on the real program: the same as sampling with fanouts that no list reaches, refused where it means nothing."""
import pyarrow.compute as pc
from runs import predict
from shop import Shop


def fitted(rle, folder, **config):
    shop = Shop(folder)
    shop.spec["config"].update(config)
    shop.write()
    return rle("fit", "spec.json", "--model", "m", "--quiet")


def test_exact_is_sampling_of_all_neighbours(rle, tmp_path):
    assert fitted(rle, tmp_path, fanouts=[100000, 100000]).returncode == 0
    sampled = predict(rle, "spec.json", "m", tmp_path / "sampled.parquet")
    exact = predict(rle, "spec.json", "m", tmp_path / "exact.parquet", "--set", "config.inference=exact")
    assert exact.schema == sampled.schema and exact.num_rows == sampled.num_rows > 0
    column = next(name for name in ("predicted_prob", "predicted_value") if name in exact.column_names)
    assert pc.max(pc.abs(pc.subtract(exact[column], sampled[column]))).as_py() < 1e-4


def test_evaluate_takes_it_and_says_nothing_of_unused_options(rle, tmp_path):
    assert fitted(rle, tmp_path, fanouts=[2, 1]).returncode == 0
    sampled, exact = (rle("evaluate", "spec.json", "--model", "m", "--json", "--set", f"config.inference={how}") for how in ("sampled", "exact"))
    assert sampled.returncode == exact.returncode == 0
    assert sampled.stdout != exact.stdout
    assert "not used" not in exact.stderr


def test_instance_norm_is_refused(rle, tmp_path):
    assert fitted(rle, tmp_path, gnn_norm="instance_norm").returncode == 0
    result = rle("evaluate", "spec.json", "--model", "m", "--set", "config.inference=exact")
    assert result.returncode == 2
    assert "config.inference: exact inference has one subgraph for all seeds" in result.stderr and "instance_norm" in result.stderr
