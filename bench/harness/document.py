# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md and its plots, from the figures of the last runs."""
import glob
import json
import os
import platform

from . import plot, setup

HEAD = """# Performance

What this toolkit does beside the programs that people use for the same jobs: the same machine, the same bytes, results that
were compared and are equal. Written by `bench/compare`; nothing in it is typed by hand but the section on the profile.

## To repeat it

    scripts/deps                          # Debian packages of this project
    cmake -G Ninja -S . -B build && ninja -C build
    bench/peers                           # the other programs, into build/peers
    bench/compare                         # everything, and this page; within an hour on two cores
    bench/compare W2 --only ours,duckdb   # a part; bench/compare --help

For each job every contestant runs once and its results are compared with those of a naive model in Python, all of them,
after sorting; an approximate result is compared by its error. Then all run by turns, seven times (three times what needs more than
20 s), so that what else the machine does meets all alike; each turn begins with another one, and before each run the file is
read once, so that it is in memory. Times are medians; a ratio is the median of the ratios of the runs of one turn. CPU seconds count all processes and threads of a contestant, peak memory is the sum of the largest resident
sizes of its processes. Ours count from the start of the first process to the end of the last; of DuckDB, Polars and Spark
only the job counts, the engine already started; Flink counts cold from the start of the Java machine, and warm as the second
run in the same one. Timed runs discard their results.
"""


def machine():
    """What ran: (name, value) pairs."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    with open("/proc/meminfo", encoding="utf-8") as info:
        memory = int(info.readline().split()[1]) / 2**20
    pinned = setup.versions()
    return [
        ("processor", f"{model}, {os.cpu_count()} cores"), ("memory", f"{memory:.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"), ("compiler", setup.first_line(["g++", "--version"])),
        ("jq", setup.first_line(["jq", "--version"])), ("jaq", pinned["jaq"]),
        ("Miller", setup.first_line(["mlr", "--version"])), ("DuckDB", pinned["duckdb"]), ("Polars", pinned["polars"]),
        ("PySpark", pinned["pyspark"]), ("Flink", pinned["flink"]),
        ("Kafka Streams", pinned["kafka_streams"]), ("Java", setup.first_line(["java", "--version"])),
    ]


def cell(text):
    return str(text).replace("|", "\\|")


def floors(books):
    yield "| job | what | reached | floor | |"
    yield "|---|---|---:|---:|---|"
    for book in books:
        for target in book["targets"]:
            space = "" if target["unit"] in ("x", "") else " "
            value = "-" if target["value"] is None else f"{target['value']:.2f}{space}{target['unit']}"
            sign = "≤" if target["at_most"] else "≥"
            verdict = {True: "held", False: "**missed**", None: "not measured"}[target["ok"]]
            yield (f"| {book['workload']} | {cell(target['name'])} | {value} | {sign} {target['floor']:g}{space}"
                   f"{target['unit']} | {verdict} |")


def section(book):
    yield f"## {book['workload']}: {book['title']}\n"
    for index, table in enumerate(book["tables"]):
        yield f"{table['title'][0].upper()}{table['title'][1:]}; {table['events']:,} records.\n"
        yield "| contestant | wall s (least–most) | M records/s | CPU s per M | peak MiB | runs |"
        yield "|---|---:|---:|---:|---:|---:|"
        for row in table["rows"]:
            name = f"**{row['name']}**" if row["kind"] == "ours" else row["name"]
            yield (f"| {cell(name)} | {row['wall']:.3f} ({row['wall_min']:.3f}–{row['wall_max']:.3f}) | "
                   f"{table['events'] / row['wall'] / 1e6:.2f} | {row['cpu'] / table['events'] * 1e6:.3f} | "
                   f"{row['peak_kib'] / 1024:.0f} | {row['runs']} |")
        name = f"{book['workload'].lower()}-{index + 1}"
        yield f"\n![M records per second: {table['title']}](performance/{name}.svg)\n"
        remarks = {}
        for row in table["rows"]:
            if row["note"]:
                remarks.setdefault(row["note"], {})[row["name"].removesuffix(" cold").removesuffix(" warm")] = None
        for remark, names in remarks.items():
            yield f"- {'; '.join(names)}: {remark}."
        if remarks:
            yield ""
        if table.get("errors"):
            yield "Relative error against the exact value (of rank ceil(q n)), largest and mean over all groups:\n"
            yield "| contestant | p50 | p90 | p99 | distinct |"
            yield "|---|---:|---:|---:|---:|"
            for name, columns in table["errors"].items():
                yield f"| {cell(name)} | " + " | ".join(
                    f"{100 * columns[c]['max']:.2f} %, {100 * columns[c]['mean']:.3f} %" for c in
                    ("p50", "p90", "p99", "distinct")) + " |"
            yield ""
    for note in book["notes"]:
        yield f"- {note}"
    if book["notes"]:
        yield ""
    yield from faster(book)


def faster(book):
    """One line a peer and table: what it beats, and by how much."""
    lines = {}
    for found in book["faster"]:
        line = lines.setdefault((found["table"], found["peer"]), {})
        line.setdefault(found["ours"], []).append(f"{found['ratio']:.2f}x in {found['metric']}")
    if lines:
        yield "Peers that are faster:\n"
        for (table, peer), beaten in lines.items():
            yield f"- {table}: **{peer}** than " + "; than ".join(
                f"{ours} ({', '.join(ratios)})" for ours, ratios in beaten.items())
        yield ""
    elif book["tables"] and any(row["kind"] == "peer" for table in book["tables"] for row in table["rows"]):
        yield "No peer is faster than any form of ours here, in wall or CPU time.\n"


def kept(order):
    """The figures of the last runs, in the order of the workloads."""
    books = []
    for path in glob.glob(f"{setup.RESULTS}/*.json"):
        with open(path, encoding="utf-8") as file:
            books.append(json.load(file))
    return sorted((b for b in books if b.get("workload") in order), key=lambda b: order.index(b["workload"]))


def profiles():
    """What bench/profile counted, and what is written about it by hand in docs/performance/profile.md."""
    paths = sorted(glob.glob(f"{setup.RESULTS}/profile-*.json"))
    prose = os.path.join(setup.ROOT, "docs", "performance", "profile.md")
    if not paths and not os.path.exists(prose):
        return
    yield "## Where the instructions go\n"
    if os.path.exists(prose):
        with open(prose, encoding="utf-8") as file:
            yield file.read().rstrip() + "\n"
    for path in paths:
        with open(path, encoding="utf-8") as file:
            profile = json.load(file)
        yield f"{profile['job']}, one thread: {profile['total']:,.0f} instructions per record, by `bench/profile {profile['job']}`.\n"
        yield "| instructions per record | share | function |"
        yield "|---:|---:|---|"
        for name, count in profile["rows"][:15]:
            yield f"| {count:,.1f} | {100 * count / profile['total']:.1f} % | `{name}` |"
        yield ""


def write(order, path):
    """Writes the page to `path`, its plots to the folder performance/ beside it."""
    books = kept(order)
    plots = os.path.join(os.path.dirname(path), "performance")
    os.makedirs(plots, exist_ok=True)
    lines = [HEAD, "## The machine\n", "| | |", "|---|---|"]
    lines += [f"| {name} | {cell(value)} |" for name, value in machine()]
    lines += ["", "## The floors\n", *floors(books), ""]
    for book in books:
        lines += section(book)
        for index, table in enumerate(book["tables"]):
            with open(f"{plots}/{book['workload'].lower()}-{index + 1}.svg", "w", encoding="utf-8") as file:
                file.write(plot.bars(f"{book['workload']}: {table['title']}", "M records/s", [
                    (row["name"], row["kind"], table["events"] / row["wall"] / 1e6) for row in table["rows"]]))
    lines += profiles()
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    setup.say(f"wrote {os.path.relpath(path, setup.ROOT)}")
