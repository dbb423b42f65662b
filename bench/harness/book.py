# SPDX-License-Identifier: Apache-2.0
"""What a workload found: tables of contestants, floors that are held or missed, and peers that are faster."""
import json
import os
import statistics

from . import measure, setup
from .setup import say


class Book:
    """The figures of one workload, kept as JSON in build/bench/results until the next run of it."""

    def __init__(self, workload, title):
        self.data = {"workload": workload, "title": title, "tables": [], "targets": [], "faster": [], "notes": []}

    def table(self, title, events, contestants, samples, **extra):
        rows = []
        for contestant in contestants:
            for index in range(len(contestant.labels)):
                name = contestant.row(index)
                taken = samples.get(name)
                if not taken:
                    continue
                rows.append({"name": name, "kind": contestant.kind, "note": contestant.note, "runs": len(taken),
                             "wall": statistics.median(s.wall for s in taken),
                             "wall_min": min(s.wall for s in taken), "wall_max": max(s.wall for s in taken),
                             "cpu": statistics.median(s.cpu for s in taken),
                             "peak_kib": max(s.peak_kib for s in taken)})
        self.data["tables"].append({"title": title, "events": events, "rows": rows, **extra})
        print_table(self.data["tables"][-1])
        self.find_faster(title, rows, samples)

    def find_faster(self, title, rows, samples):
        """Peers that beat a form of ours, in either measure: said, not hidden."""
        for ours in (row for row in rows if row["kind"] == "ours"):
            for peer in (row for row in rows if row["kind"] == "peer"):
                for metric, what in (("wall", "wall time"), ("cpu", "CPU time")):
                    ratio = measure.median(measure.paired(samples, ours["name"], peer["name"], metric))
                    if ratio and ratio > 1:
                        self.data["faster"].append({"table": title, "peer": peer["name"], "ours": ours["name"],
                                                    "metric": what, "ratio": ratio})
                        print(f"FASTER: {peer['name']} takes {ratio:.2f}x less {what} than {ours['name']}", flush=True)

    def target(self, name, value, floor, at_most=False, unit="x"):
        """A floor (or ceiling) and what was reached; value None: one of its contestants did not take part."""
        good = None if value is None else (value <= floor if at_most else value >= floor)
        self.data["targets"].append({"name": name, "value": value, "floor": floor, "at_most": at_most, "ok": good,
                                     "unit": unit})

    def ratio(self, name, samples, upper, lower, floor, metric="wall", at_most=False):
        """The median of the paired ratios of two rows."""
        self.target(name, measure.median(measure.paired(samples, upper, lower, metric)), floor, at_most)

    def note(self, text):
        self.data["notes"].append(text)
        print(f"note: {text}", flush=True)

    def keep(self):
        os.makedirs(setup.RESULTS, exist_ok=True)
        with open(f"{setup.RESULTS}/{self.data['workload']}.json", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)


def contest(book, settings, title, events, contestants, expected, **extra):
    """Checks all, runs all by turns, enters the table. Returns the samples by row."""
    taking_part = [c for c in contestants if settings.takes_part(c.kind, c.peer)]
    say(f"{book.data['workload']}: {title}, {events:,} records, {len(taking_part)} contestants")
    measure.check_results(taking_part, expected, settings)
    samples = measure.interleave(taking_part)
    book.table(title, events, taking_part, samples, **extra)
    return samples


def print_table(table):
    print(f"\n{table['title']}, {table['events']:,} records")
    print(f"{'':<40}{'wall s':>9}{'M/s':>9}{'CPU s per M':>13}{'peak MiB':>10}{'runs':>6}")
    for row in table["rows"]:
        print(f"{row['name']:<40}{row['wall']:>9.3f}{table['events'] / row['wall'] / 1e6:>9.2f}"
              f"{row['cpu'] / table['events'] * 1e6:>13.3f}{row['peak_kib'] / 1024:>10.1f}{row['runs']:>6}")
    print(flush=True)


def print_targets(books):
    """Every floor at one glance; the number of those missed."""
    targets = [(book["workload"], target) for book in books for target in book["targets"]]
    if targets:
        print(f"\n{'':<76}{'value':>11}   {'floor':>9}")
    for workload, target in targets:
        value = "-" if target["value"] is None else f"{target['value']:.2f}"
        unit = target["unit"] if target["value"] is not None else ""
        verdict = {True: "OK", False: "MISSED", None: "not measured"}[target["ok"]]
        print(f"{workload:<5}{target['name']:<71}{value:>11}{unit:<4}{'<=' if target['at_most'] else '>='}"
              f"{target['floor']:>9.2f}{target['unit']:<4} {verdict}")
    return sum(target["ok"] is False for _, target in targets)
