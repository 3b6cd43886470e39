#!/usr/bin/env python3
"""How the files beside this script were made: nine Ergast CSV files in, the rel-f1 tables and four task tables out.

    python examples/f1/make_parquet.py CSV_FOLDER [OUT]       (needs pyarrow; OUT: this folder)

CSV_FOLDER holds circuits, constructor_results, constructor_standings, constructors, driver_standings, drivers, qualifying,
races and results (.csv; \\N = null), a dump of August 2023. The rules are RelBench's (arXiv 2407.20060, data set rel-f1):
links, display-only and leaking columns go; every event gets its race's date and time, qualifying one day less; a label at
time t looks at the window (t, t + horizon]. Keys stay Ergast's. The same input gives the same bytes for one pyarrow version.
"""
import csv
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

VALIDATION, TEST = datetime(2005, 1, 1), datetime(2010, 1, 1)
TIMESTAMP = pa.timestamp("us")
# Table -> (its CSV file, column -> Arrow type). Columns that are not listed are dropped; "date" is the time column.
ID, INT, REAL, TEXT = pa.int64(), pa.int64(), pa.float64(), pa.string()
TABLES = {
    "circuits": ("circuits", {"circuitId": ID, "circuitRef": TEXT, "name": TEXT, "location": TEXT, "country": TEXT,
                              "lat": REAL, "lng": REAL, "alt": INT}),
    "constructors": ("constructors", {"constructorId": ID, "constructorRef": TEXT, "name": TEXT, "nationality": TEXT}),
    "drivers": ("drivers", {"driverId": ID, "driverRef": TEXT, "code": TEXT, "forename": TEXT, "surname": TEXT,
                            "dob": pa.date32(), "nationality": TEXT}),
    "races": ("races", {"raceId": ID, "year": INT, "round": INT, "circuitId": ID, "name": TEXT, "date": TIMESTAMP,
                        "time": pa.time64("us")}),
    "results": ("results", {"resultId": ID, "raceId": ID, "driverId": ID, "constructorId": ID, "number": INT, "grid": INT,
                            "position": INT, "positionOrder": INT, "points": REAL, "laps": INT, "milliseconds": INT,
                            "fastestLap": INT, "rank": INT, "statusId": INT, "date": TIMESTAMP}),
    "standings": ("driver_standings", {"driverStandingsId": ID, "raceId": ID, "driverId": ID, "points": REAL,
                                       "position": INT, "wins": INT, "date": TIMESTAMP}),
    "constructor_results": ("constructor_results", {"constructorResultsId": ID, "raceId": ID, "constructorId": ID,
                                                    "points": REAL, "date": TIMESTAMP}),
    "constructor_standings": ("constructor_standings", {"constructorStandingsId": ID, "raceId": ID, "constructorId": ID,
                                                        "points": REAL, "position": INT, "wins": INT, "date": TIMESTAMP}),
    "qualifying": ("qualifying", {"qualifyId": ID, "raceId": ID, "driverId": ID, "constructorId": ID, "number": INT,
                                  "position": INT, "date": TIMESTAMP}),
}


def parse(text, kind):
    """A CSV field as a Python value of an Arrow type."""
    if text in ("", "\\N"):
        return None
    if pa.types.is_int64(kind):
        return int(text)
    if pa.types.is_float64(kind):
        return float(text)
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_time(kind):
        return time.fromisoformat(text)
    return text


def read_tables(folder):
    """Table -> its rows as dicts, by time where there is one; rows of one time keep the dump's order."""
    raw = {}
    for name, (file, _) in TABLES.items():
        with open(folder / f"{file}.csv", encoding="utf-8", newline="") as f:
            raw[name] = list(csv.DictReader(f))
    starts = {}
    for race in raw["races"]:
        if race["time"] == "\\N":
            race["time"] = "00:00:00"
        starts[race["raceId"]] = datetime.fromisoformat(f"{race['date']} {race['time']}")
    tables = {}
    for name, (_, columns) in TABLES.items():
        shift = timedelta(days=1 if name == "qualifying" else 0)
        rows = []
        for fields in raw[name]:
            row = {c: parse(fields[c], kind) for c, kind in columns.items() if c != "date"}
            if "date" in columns:
                row["date"] = starts[fields["raceId"]] - shift
            rows.append({c: row[c] for c in columns})
        tables[name] = sorted(rows, key=lambda r: r["date"]) if "date" in columns else rows
    return tables


def timestamps(split, horizon, most, first, last):
    """The times at which a split's labels are asked for; `most` at most for validation and test."""
    if split == "train":
        start, step, stop, most = VALIDATION - horizon, -horizon, first, None
    elif split == "validation":
        start, step, stop = VALIDATION, horizon, TEST - horizon
    else:
        start, step, stop = TEST, horizon, last - horizon
    times = []
    while (start >= stop if step < timedelta(0) else start <= stop) and len(times) != most:
        times.append(start)
        start += step
    return times


def mean_position(rows):
    return sum(r["positionOrder"] for r in rows) / len(rows)


def any_not_finished(rows):
    return int(any(r["statusId"] != 1 for r in rows))


def any_top3(rows):
    return int(any(r["position"] is not None and r["position"] <= 3 for r in rows))


def circuits(rows):
    return sorted({r["circuitId"] for r in rows})


# Task -> (label column, its type, horizon in days, most times, table it looks at, label of a driver's rows in the window)
TASKS = {
    "driver-position": ("position", REAL, 60, 40, "results", mean_position),
    "driver-dnf": ("did_not_finish", INT, 30, 40, "results", any_not_finished),
    "driver-top3": ("qualifying", INT, 30, 40, "qualifying", any_top3),
    "driver-circuit-compete": ("circuitId", pa.list_(ID), 365, 1, "results", circuits),
}


def label_rows(rows, times, horizon, label):
    """(time, driver, label) for the drivers with a row in (time, time + horizon], by time as given, then driver."""
    out = []
    for t in times:
        drivers = {}
        for row in rows:
            if t < row["date"] <= t + horizon:
                drivers.setdefault(row["driverId"], []).append(row)
        out += [(t, driver, label(drivers[driver])) for driver in sorted(drivers)]
    return out


def write(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(columns.values())]
    table = pa.table(arrays, schema=pa.schema(list(columns.items())))
    pq.write_table(table, path, compression="zstd", compression_level=19, store_schema=False)
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


def main():
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent
    tables = read_tables(Path(sys.argv[1]))
    for name, (_, columns) in TABLES.items():
        write(out / "db" / f"{name}.parquet", columns, [list(row.values()) for row in tables[name]])
    dates = [row["date"] for rows in tables.values() for row in rows if "date" in row]
    circuit = {race["raceId"]: race["circuitId"] for race in tables["races"]}
    for row in tables["results"]:
        row["circuitId"] = circuit[row["raceId"]]
    for task, (target, kind, days, most, source, label) in TASKS.items():
        horizon = timedelta(days=days)
        for split in ("train", "validation", "test"):
            times = timestamps(split, horizon, most, min(dates), max(dates))
            # Train and validation labels come from what was known at the test time, test labels from everything.
            rows = [r for r in tables[source] if split == "test" or r["date"] <= TEST]
            write(out / "tasks" / task / f"{split}.parquet", {"date": TIMESTAMP, "driverId": ID, target: kind},
                  label_rows(rows, times, horizon, label))


if __name__ == "__main__":
    main()
