# SPDX-License-Identifier: Apache-2.0
"""W6 and W10: many keys, start-up, rest."""
import json
import os
import re
import subprocess
import time

from . import measure, setup
from .setup import Problem, say

PIPELINE = ("swatermark --time event_time --bounded 10s | swindow --tumbling 24h --key ad_id --agg 'n=count()' --plain"
            " --time-format ms")
KEY_BYTES = 36
ACCUMULATOR_BYTES = 8


def many_keys(book, settings):
    """W6: taking in and firing apart: the feeder says when its last byte was taken, the drain when the last came out."""
    keys = settings.sized(10_000_000)
    if not settings.takes_part("ours", ""):
        return
    source = setup.make(f"{setup.DATA}/keys-{keys}.ndjson", f"ysb {keys} 0 0")
    few = setup.ysb(settings.sized(1_000_000))
    say(f"W6: {keys:,} keys in a window")
    out, report = f"{setup.OUT}/drained", f"{setup.OUT}/report"
    check(source, keys)
    base = measure.run([["sfuse", PIPELINE]], few, "/dev/null", report)["stages"][0]["peak_kib"]
    threads = ["--threads", "2"] if setup.knows_option("sfuse", "--threads") else []
    forms = {"fused, 1 thread": ["sfuse", PIPELINE]}
    if threads:
        forms["fused, 2 threads"] = ["sfuse", *threads, PIPELINE]
    figures = {name: [] for name in forms}
    for turn in range(settings.runs):
        say(f"  turn {turn + 1}")
        for name, stage in forms.items():
            run = measure.run([["limit", "feed", source], stage, ["limit", "drain"]], "/dev/null", out, report)
            fed = json.loads(re.search(r'\{"limit":"feed".*\}', run["stderr"]).group(0))["done"]
            with open(out, encoding="utf-8") as file:
                drained = json.load(file)
            if drained["lines"] != keys:
                raise Problem(f"{drained['lines']:,} results of {keys:,} keys")
            figures[name].append({
                "ingest": keys / (fed - run["started"]), "firing": keys / (drained["last"] - fed),
                "key": (run["stages"][1]["peak_kib"] - base) * 1024 / keys - KEY_BYTES - ACCUMULATOR_BYTES,
                "sample": measure.Sample(run["wall"], run["stages"][1]["cpu"], run["stages"][1]["peak_kib"])})
    contestants = [measure.Contestant(name, []) for name in forms]
    book.table("as many keys as records in one window", keys, contestants,
               {name: [f["sample"] for f in taken] for name, taken in figures.items()})
    for name, taken in figures.items():
        middle = {what: measure.median([f[what] for f in taken]) for what in ("ingest", "firing", "key")}
        book.note(f"{name}: {middle['ingest'] / 1e6:.2f} M events/s taken in, {middle['firing'] / 1e6:.2f} M results/s fired, "
                  f"{middle['key']:.0f} bytes per key beyond the key's {KEY_BYTES} and the accumulator's {ACCUMULATOR_BYTES}")
        book.target(f"{name}: ingest", middle["ingest"] / 1e6, 1.2, unit="M/s")
        book.target(f"{name}: firing", middle["firing"] / 1e6, 1.0, unit="M/s")
        book.target(f"{name}: bytes per key beyond key and accumulator", middle["key"], 100, True, "B")


def check(source, keys):
    """Every key once, each with the count 1: the numbers in the keys tell which they are."""
    out = f"{setup.OUT}/results"
    measure.run([["sfuse", PIPELINE]], source, out, f"{setup.OUT}/report")
    seen = bytearray(keys)
    with open(out, encoding="utf-8") as lines:
        for line in lines:
            if '"n":1,' not in line:
                raise Problem(f"a key was not counted once: {line}")
            at = line.index('"ad_id":"') + 9
            seen[int(line[at + 24:at + 36], 16)] += 1
    os.remove(out)
    if seen != bytes([1]) * keys:
        raise Problem(f"{seen.count(0):,} keys without a result")


def small(book, settings):
    """W10: a start of each program, and swindow while nothing comes."""
    if not settings.takes_part("ours", ""):
        return
    programs = sorted(p for p in os.listdir(f"{setup.BUILD}/bin") if os.access(f"{setup.BUILD}/bin/{p}", os.X_OK))
    times = {}
    for program in programs:
        taken = []
        for _ in range(51 if settings.runs > 1 else 3):
            begun = time.monotonic()
            subprocess.run([f"{setup.BUILD}/bin/{program}", "--version"], stdout=subprocess.DEVNULL, check=True)
            taken.append((time.monotonic() - begun) * 1000)
        times[program] = measure.median(taken[1:])
    book.note("start-up, median of 50, ms: " + ", ".join(f"{name} {ms:.1f}" for name, ms in times.items()))
    slowest = max(times, key=times.get)
    book.target(f"start-up of the slowest program, {slowest} --version", times[slowest], 5, True, "ms")
    with subprocess.Popen(["swindow", "--tumbling", "10s", "--key", "k", "--agg", "n=count()"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
            resident = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024
        process.stdin.close()
    book.target("swindow at rest, resident", resident, 12, True, "MiB")
