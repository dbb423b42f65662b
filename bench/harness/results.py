# SPDX-License-Identifier: Apache-2.0
"""Results of every contestant in one form, and naive models in plain Python that say what they must be."""
import datetime
import json
import math
import os
import re

EVENT = re.compile(rb'"ad_id":"([^"]*)","ad_type":"[^"]*","event_type":"([^"]*)","event_time":"?([0-9]*)')


def files_of(path):
    """The file, or the files of a folder."""
    if os.path.isdir(path):
        return [os.path.join(root, name) for root, _, names in os.walk(path) for name in sorted(names)]
    return [path]


def objects(path):
    for name in files_of(path):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("{"):
                    yield json.loads(line)


def time_ms(value):
    """Milliseconds of an integer of them, or of ISO 8601 or SQL text in UTC."""
    if isinstance(value, int):
        return value
    parsed = datetime.datetime.fromisoformat(value.replace(" ", "T").replace("Z", ""))
    return round(parsed.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def windows(*fields):
    """A reader of results per window and ad: {(window start, ad): fields}."""
    def read(path):
        found, known = {}, {}
        for result in objects(path):
            start = result["window_start"]
            if not isinstance(start, int):
                start = known.get(start) or known.setdefault(start, time_ms(start))
            key = (start, result["ad_id"])
            if key in found:
                raise ValueError(f"two results for {key}")
            found[key] = tuple(result[field] for field in fields)
        return found
    return read


def read_lines(path):
    """Projected records as sorted pairs: the spaces and the order of lines are the contestant's own."""
    return sorted((record["ad_id"], record["event_time"]) for record in objects(path))


def read_total(path):
    """What bench/limit's plain loop counted."""
    return sum(result["views"] for result in objects(path))


def events(path):
    """(ad, type, time in ms) of each event of a file."""
    with open(path, "rb") as lines:
        for line in lines:
            ad, kind, time = EVENT.search(line).groups()
            yield ad.decode(), kind == b"view", int(time)


def model_project(path):
    return sorted((ad, str(time)) for ad, view, time in events(path) if view)


def model_tumbling(path, size_ms):
    counts = {}
    for ad, view, time in events(path):
        if view:
            key = (time // size_ms * size_ms, ad)
            counts[key] = counts.get(key, 0) + 1
    return {key: (n,) for key, n in counts.items()}


def model_sliding(path, size_ms, slide_ms):
    """Counts and maxima per slide first, as a person would with pencil and paper; then each window over its slides."""
    panes = {}
    for ad, _, time in events(path):
        slides = panes.setdefault(ad, {})
        n, top = slides.get(time // slide_ms, (0, 0))
        slides[time // slide_ms] = (n + 1, max(top, time))
    width, results = size_ms // slide_ms, {}
    for ad, slides in panes.items():
        for first in range(min(slides) - width + 1, max(slides) + 1):
            inside = [slides[p] for p in range(first, first + width) if p in slides]
            if inside:
                results[first * slide_ms, ad] = (sum(n for n, _ in inside), max(top for _, top in inside))
    return results


def model_percentiles(path):
    """{(window start, service): (p50, p90, p99, users)}, the percentile pNN being the value of rank ceil(NN/100 * n)."""
    groups = {}
    for record in objects(path):
        key = (record["time"] // 10_000 * 10_000, record["service"])
        latencies, users = groups.setdefault(key, ([], set()))
        latencies.append(record["latency_ms"])
        users.add(record["user_id"])
    exact = {}
    for key, (latencies, users) in groups.items():
        latencies.sort()
        ranks = [latencies[max(0, math.ceil(q * len(latencies) / 100) - 1)] for q in (50, 90, 99)]
        exact[key] = (*ranks, len(users))
    return exact


def read_percentiles(path):
    return {(time_ms(r["window_start"]), r["service"]): (r["p50"], r["p90"], r["p99"], r["users"])
            for r in objects(path)}


def errors(got, exact):
    """The largest and the mean relative error of each column; the groups must be the same."""
    if set(got) != set(exact):
        raise ValueError(f"{len(got)} groups instead of {len(exact)}")
    table = {}
    for column, name in enumerate(("p50", "p90", "p99", "distinct")):
        relative = [abs(got[key][column] / exact[key][column] - 1) for key in exact]
        table[name] = {"max": max(relative), "mean": sum(relative) / len(relative)}
    return table
