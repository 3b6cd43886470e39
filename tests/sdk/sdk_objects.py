"""Tables, tasks, datasets and trainers of the package on the school's data, and how a host that it started is ended."""

import contextlib
import json
import os
import signal
import time


class Objects:
    """Short ways to what most tests need. Every keyword overrides an argument."""

    def __init__(self, connector, folder):
        self.connector, self.folder = connector, folder

    def source(self, name):
        return str(self.folder / f"{name}.parquet")

    def table(self, name, file, **more):
        from relationalai_gnns import GNNTable

        return GNNTable(connector=self.connector, name=name, source=self.source(file), **more)

    def students(self, **more):
        return self.table("Students", "students", **{"primary_key": "studentId", **more})

    def classes(self, **more):
        return self.table("Classes", "classes", **{"primary_key": "classId", **more})

    def takes(self, **more):
        from relationalai_gnns import ForeignKey

        keys = [ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")]
        return self.table("Takes", "students_take_class", **{"foreign_keys": keys, **more})

    def task(self, **more):
        from relationalai_gnns import NodeTask, TaskType

        given = {
            "name": "pass",
            "task_data_source": {s: self.source(s) for s in ("train", "validation", "test")},
            "source_entity_column": "studentId",
            "source_entity_table": "Students",
            "target_column": "label",
            "task_type": TaskType.BINARY_CLASSIFICATION,
            **more,
        }
        return NodeTask(connector=self.connector, **{k: v for k, v in given.items() if v is not ...})

    def links(self, file="link", **more):
        """Which articles customers buy; file: "link" (lists) or "pairs" (one row a pair)."""
        from relationalai_gnns import LinkTask, TaskType

        given = {
            "name": "buys",
            "task_data_source": {s: self.source(f"{file}_{s}") for s in ("train", "validation", "test")},
            "source_entity_column": "customer_id",
            "source_entity_table": "customers",
            "target_entity_column": "article_id",
            "target_entity_table": "articles",
            "task_type": TaskType.LINK_PREDICTION,
            "time_column": "timestamp",
            **more,
        }
        return LinkTask(connector=self.connector, **{k: v for k, v in given.items() if v is not ...})

    def shop(self, task=None, name="shop"):
        """Customers, articles and purchases, with a link task."""
        from relationalai_gnns import Dataset, ForeignKey

        keys = [ForeignKey("customer_id", "customers.customer_id"), ForeignKey("article_id", "articles.article_id")]
        tables = [
            self.table("customers", "customers", primary_key="customer_id", time_column="joined"),
            self.table("articles", "articles", primary_key="article_id"),
            self.table("purchases", "purchases", time_column="at", foreign_keys=keys),
        ]
        return Dataset(self.connector, name, tables, task or self.links())

    def dataset(self, task=None, tables=None, name="school"):
        from relationalai_gnns import Dataset

        return Dataset(self.connector, name, tables or [self.students(), self.classes(), self.takes()], task or self.task())

    def trainer(self, **config):
        from relationalai_gnns import Trainer, TrainerConfig

        return Trainer(self.connector, TrainerConfig(self.connector, **config))


def stop_host(state):
    """Ends the host that host.json names, and waits until it is gone."""
    try:
        pid = json.loads((state / "host.json").read_text())["pid"]
        os.kill(pid, signal.SIGTERM)
        for _ in range(300):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError, KeyError):
        pass
