"""Students, classes, who takes which, and what they buy: small tables for tests of the Python package and its documentation."""

import datetime as dt
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

STUDENTS, CLASSES = 60, 8


def day(number):
    return dt.datetime(2024, 1, 1) + dt.timedelta(days=number)


def tables(seed=7):
    """Columns as lists, by table. A student passes (label) who takes many credits."""
    random_ = random.Random(seed)
    credits = [random_.choice([2, 4, 6]) for _ in range(CLASSES)]
    takes = [(s, c) for s in range(STUDENTS) for c in random_.sample(range(CLASSES), random_.randrange(1, 5))]
    load = [sum(credits[c] for s, c in takes if s == student) for student in range(STUDENTS)]
    label = [int(x > 9) for x in load]
    level = ["low" if x < 8 else "middle" if x < 14 else "high" for x in load]
    out = {
        "students": {
            "studentId": list(range(STUDENTS)),
            "name": [f"student {i} of the year" for i in range(STUDENTS)],
            "age": [random_.randrange(18, 30) for _ in range(STUDENTS)],
            "email": [f"s{i}@example.org" for i in range(STUDENTS)],
        },
        "classes": {"classId": list(range(CLASSES)), "title": [f"class {i}" for i in range(CLASSES)], "credits": credits},
        "students_take_class": {"studentId": [s for s, _ in takes], "classId": [c for _, c in takes]},
        "customers": {
            "customer_id": list(range(20)),
            "age": [random_.randrange(18, 80) for _ in range(20)],
            "joined": [day(i) for i in range(20)],
        },
        "articles": {"article_id": list(range(10)), "price": [round(random_.uniform(1, 50), 2) for _ in range(10)]},
        "purchases": {
            "customer_id": [random_.randrange(20) for _ in range(80)],
            "article_id": [random_.randrange(10) for _ in range(80)],
            "at": [day(i) for i in range(80)],
        },
    }
    third = STUDENTS // 3
    for i, split in enumerate(("train", "validation", "test")):
        rows = range(i * third, (i + 1) * third)
        out[split] = {
            "studentId": list(rows),
            "label": [label[s] for s in rows],
            "level": [level[s] for s in rows],
            "load": [float(load[s]) for s in rows],
        }
        out[f"link_{split}"] = {
            "customer_id": list(range(20)),
            "timestamp": [day(100 + 10 * i)] * 20,
            "article_id": [[c % 10, (c + 1) % 10] for c in range(20)],
        }
        out[f"link_{split}"]["text_time"] = ["2024-05-01"] * 20
        out[f"link_{split}"]["spent"] = [float(c * 3 % 7) for c in range(20)]
        pairs = [(c, t, a) for c, t, bought in zip(*list(out[f"link_{split}"].values())[:3]) for a in bought]
        out[f"pairs_{split}"] = dict(zip(("customer_id", "timestamp", "article_id"), map(list, zip(*pairs))))
    return out


def write(folder: Path):
    """All tables as Parquet in `folder`; students_take_class also as several CSV files, classes also in school.duckdb. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    arrow = {name: pa.table(columns) for name, columns in tables().items()}
    for name, table in arrow.items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "takes").mkdir()
    half = arrow["students_take_class"].num_rows // 2
    pc.write_csv(arrow["students_take_class"].slice(0, half), folder / "takes" / "1.csv")
    pc.write_csv(arrow["students_take_class"].slice(half), folder / "takes" / "2.csv")
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{folder / 'school.duckdb'}' AS school (STORAGE_VERSION 'v1.4.0')")
        db.execute("CREATE SCHEMA school.uni")
        db.execute(f"CREATE TABLE school.uni.classes AS SELECT * FROM read_parquet('{folder / 'classes.parquet'}')")
    return folder
