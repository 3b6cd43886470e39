"""What a model keeps: training that meets a value that is not finite; embeddings of rows, and rows without one."""
import pytest
from shop import Shop

LARGE = ["config.lr_schedule=constant", "config.weight_decay=0", "config.n_epochs=40", "config.max_iters=1", "config.patience=null"]


def fit(rle, folder, rate):
    Shop(folder).write()
    return rle("fit", "spec.json", "--model", "m", "--quiet", *(w for o in [*LARGE, f"config.lr={rate}"] for w in ("--set", o)))


def test_the_best_model_so_far_is_kept(rle, tmp_path):
    result = fit(rle, tmp_path, 1e12)  # some epochs pass before a product overflows
    assert result.returncode == 1
    assert "not finite" in result.stderr and "the best model so far (epoch" in result.stderr and "is in m" in result.stderr
    scores = rle("evaluate", "spec.json", "--model", "m")
    assert scores.returncode == 0, scores.stderr


def test_validation_names_epoch_step_and_module(rle, tmp_path):
    result = fit(rle, tmp_path, 1e30)
    assert result.returncode == 1
    for part in ("after epoch 1 (step 1 of 1;", "validation split", "the first module whose output was not finite is ", "lower learning rate"):
        assert part in result.stderr
    assert not (tmp_path / "m/model.safetensors").exists()


@pytest.mark.parametrize("until", ["2020-04-20", "null"])
def test_shallow_embeddings_of_a_timed_table_with_more_history(rle, tmp_path, until):
    shop = Shop(tmp_path)
    shop.spec["config"].update(shallow_embeddings_list=["customers", "orders"], visible_until="2020-04-20")
    shop.write()
    assert rle("fit", "spec.json", "--model", "m", "--quiet").returncode == 0
    result = rle("evaluate", "spec.json", "--model", "m", "--set", f"config.visible_until={until}")
    assert result.returncode == 0, result.stderr
    assert "rows that training does not see have no shallow embedding: " in result.stdout + result.stderr
