"""Keys and times of the Formula 1 tables."""

KEYS = {  # table -> (key, {column: link}, time column)
    "circuits": ("circuitId", {}, None),
    "constructors": ("constructorId", {}, None),
    "drivers": ("driverId", {}, None),
    "races": ("raceId", {"circuitId": "circuits.circuitId"}, "date"),
    "results": ("resultId", {"raceId": "races.raceId", "driverId": "drivers.driverId", "constructorId": "constructors.constructorId"}, "date"),
    "standings": ("driverStandingsId", {"raceId": "races.raceId", "driverId": "drivers.driverId"}, "date"),
    "constructor_results": ("constructorResultsId", {"raceId": "races.raceId", "constructorId": "constructors.constructorId"}, "date"),
    "constructor_standings": ("constructorStandingsId", {"raceId": "races.raceId", "constructorId": "constructors.constructorId"}, "date"),
    "qualifying": ("qualifyId", {"raceId": "races.raceId", "driverId": "drivers.driverId", "constructorId": "constructors.constructorId"}, "date"),
}
