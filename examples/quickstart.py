"""From the Formula 1 tables in examples/f1 to predictions: who will not finish the races of the next 30 days.

    PYTHONPATH=python RLE_ENGINE=build/release/rle python examples/quickstart.py
"""
from pathlib import Path

from relationalai_gnns import Dataset, ForeignKey, GNNTable, LocalConnector, NodeTask, OutputConfig, TaskType, Trainer, TrainerConfig

F1 = Path(__file__).parent / "f1"
connector = LocalConnector()


def table(name, key, links=(), time="date"):
    keys = [ForeignKey(link.partition(".")[2], link) for link in links]
    return GNNTable(connector, str(F1 / f"db/{name}.parquet"), name, primary_key=key, foreign_keys=keys, time_column=time)


race, driver, team = "races.raceId", "drivers.driverId", "constructors.constructorId"
tables = [
    table("circuits", "circuitId", time=None), table("constructors", "constructorId", time=None), table("drivers", "driverId", time=None),
    table("races", "raceId", ["circuits.circuitId"]), table("results", "resultId", [race, driver, team]),
    table("qualifying", "qualifyId", [race, driver, team]), table("standings", "driverStandingsId", [race, driver]),
]
splits = {split: str(F1 / f"tasks/driver-dnf/{split}.parquet") for split in ("train", "validation", "test")}
task = NodeTask(connector, "driver-dnf", splits, source_entity_column="driverId", source_entity_table="drivers",
                target_column="did_not_finish", task_type=TaskType.BINARY_CLASSIFICATION, time_column="date")
dataset = Dataset(connector, "f1", tables, task)

config = TrainerConfig(connector, n_epochs=5, train_batch_size=512, lr=0.005, fanouts=[64, 32], channels=64,
                       engine_options={"visible_until": "2010-01-01"})
output = OutputConfig.local("demo-output")
job = Trainer(connector, config).fit_predict(dataset, "driver_dnf", output, overwrite_results=True, compute_test_metrics=True)
print(job.wait().result)
print(job.predictions().slice(0, 5))
