# SPDX-License-Identifier: Apache-2.0
"""Contestants, their runs by turns, and the medians of paired ratios."""
import dataclasses
import glob
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

from . import setup
from .setup import Problem, say


@dataclasses.dataclass
class Sample:
    """One run: seconds, and the largest resident memory of all its processes together."""
    wall: float
    cpu: float
    peak_kib: int = 0


@dataclasses.dataclass
class Contestant:
    """A way to do the job: a pipeline that reads `source` on stdin and writes results to stdout, or, when `reports`, a
    program that is given its result file and a file for its own figures of each run in place of {out} and {report}."""
    name: str
    stages: list
    kind: str = "ours"  # ours, peer or limit
    peer: str = ""  # what bench/peers calls it
    source: str = "/dev/null"
    checked: list | None = None  # a pipeline for the check instead, whose output can be read
    read: Callable | None = None  # the results of a file, canonical; None: they are not compared
    reports: bool = False
    labels: tuple = ("",)  # of the runs in one process, as (" cold", " warm")
    folder: bool = False  # results go to a folder
    note: str = ""
    before: Callable | None = None  # called before each run, outside of what is measured
    runs: int = 0

    def row(self, index):
        return self.name + self.labels[index]


def run(stages, source, out, report):
    """Runs a pipeline under `timed`; its report."""
    arguments = []
    for stage in stages:
        arguments += (["|"] if arguments else []) + stage
    done = subprocess.run(["timed", report, source, out, *arguments], cwd=setup.ROOT, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Problem(f"timed failed: {done.stderr.decode(errors='replace')}")
    with open(report, encoding="utf-8") as file:
        figures = json.load(file)
    if any(stage["code"] != 0 for stage in figures["stages"]):
        words = done.stderr.decode(errors="replace").strip().splitlines()[-12:]
        raise Problem(f"'{' | '.join(' '.join(s) for s in stages)}' failed: {figures['stages']}\n" + "\n".join(words))
    figures["cpu"] = sum(stage["cpu"] for stage in figures["stages"]) + figures["orphans_cpu"]
    figures["peak_kib"] = sum(stage["peak_kib"] for stage in figures["stages"]) + figures["orphans_kib"]
    figures["stderr"] = done.stderr.decode(errors="replace")
    return figures


def filled(stages, **words):
    return [[with_words(argument, words) for argument in stage] for stage in stages]


def with_words(argument, words):
    for name, value in words.items():
        argument = argument.replace("{" + name + "}", value)
    return argument


def measure(contestant, out="/dev/null", check=False):
    """One sample for each label: a program that reports by itself is believed for the seconds, never for its memory."""
    stages = contestant.checked if check and contestant.checked else contestant.stages
    report = f"{setup.OUT}/report"
    if contestant.before:
        contestant.before()
    runs = "1" if check else str(len(contestant.labels))
    figures = run(filled(stages, out=out, report=f"{report}.own", runs=runs), contestant.source,
                  "/dev/null" if contestant.reports else out, report)
    if not contestant.reports:
        return [Sample(figures["wall"], figures["cpu"], figures["peak_kib"])]
    with open(f"{report}.own", encoding="utf-8") as file:
        return [Sample(own["wall"], own["cpu"], figures["peak_kib"]) for own in map(json.loads, file)]


def check_results(contestants, expected, settings):
    """Every contestant once, with the results kept and compared. Says of each how often it is to run."""
    for contestant in contestants:
        out = f"{setup.OUT}/results"
        shutil.rmtree(out, ignore_errors=True)
        if os.path.exists(out):
            os.remove(out)
        if contestant.folder:
            os.makedirs(out)
        begun = time.monotonic()
        measure(contestant, out, check=True)
        took = (time.monotonic() - begun) * len(contestant.labels)
        contestant.runs = settings.runs if took < settings.slow_seconds else min(settings.runs, settings.slow_runs)
        verdict = "not compared"
        if contestant.read:
            got = contestant.read(out)
            if got != expected:
                raise Problem(f"{contestant.name} gives other results: {difference(got, expected)}")
            verdict = "equal"
        say(f"  {contestant.name}: results {verdict}, {took:.1f} s, {contestant.runs} runs")
    if os.path.isdir(f"{setup.OUT}/results"):
        shutil.rmtree(f"{setup.OUT}/results")


def difference(got, expected):
    if not isinstance(got, dict) or not isinstance(expected, dict):
        return f"{str(got)[:200]} instead of {str(expected)[:200]}"
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    other = [(key, got[key], expected[key]) for key in got if key in expected and got[key] != expected[key]]
    return (f"{len(missing)} missing {missing[:2]}, {len(extra)} too many {extra[:2]}, "
            f"{len(other)} others (key, got, expected) {other[:2]}")


def warm(paths):
    """Reads files: what runs in between may drive them out of memory, and disks are not what is compared."""
    block = bytearray(1 << 20)
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(block):
                pass


def interleave(contestants):
    """All by turns, so that what else the machine does meets all alike. A turn begins with another one each time: who
    comes behind a program that leaves a gigabyte to be freed is slower by a third. Samples by row."""
    samples = {contestant.row(i): [] for contestant in contestants for i in range(len(contestant.labels))}
    sources = [path for source in {contestant.source for contestant in contestants}
               for path in (source, *glob.glob(f"{source}.halves/*")) if os.path.isfile(path)]
    for turn in range(max((c.runs for c in contestants), default=0)):
        say(f"  turn {turn + 1}")
        first = turn % len(contestants)
        for contestant in contestants[first:] + contestants[:first]:
            if turn < contestant.runs:
                warm(sources)
                for i, sample in enumerate(measure(contestant)):
                    samples[contestant.row(i)].append(sample)
    return samples


def paired(samples, upper, lower, metric="wall"):
    """The ratios of the runs of two rows in the same turn."""
    if not samples.get(upper) or not samples.get(lower):
        return []
    return [getattr(a, metric) / max(getattr(b, metric), 1e-9) for a, b in zip(samples[upper], samples[lower])]


def median(values):
    return statistics.median(values) if values else None
