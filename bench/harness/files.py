# SPDX-License-Identifier: Apache-2.0
"""W1, W2, W4 and W8: jobs over a file."""
from . import measure, results, setup
from .book import contest
from .contestants import duckdb, flink, forms, python_peer
from .measure import Contestant

WATERMARK = ["swatermark", "--time", "event_time", "--bounded", "10s"]
VIEWS = 'event_type == "view"'


def simdjson_loop(source, expected):
    """Its counts are of other groups than the windows': the sum is compared."""
    total = sum(n for n, in expected.values())
    return Contestant("limit: plain simdjson loop, 1 thread", [["limit", "simdjson", source]], kind="limit",
                      read=lambda path: expected if results.read_total(path) == total else results.read_total(path),
                      note="counts views per ad; no event time, no windows")


def project(book, settings):
    """W1: twice, since the slow need minutes for what is too short a moment for the fast."""
    select = ["sfilter", "--where", VIEWS, "--select", "ad_id,event_time"]
    keep = 'select(.event_type == "view") | {ad_id, event_time}'
    miller = ["mlr", "--ijsonl", "--ojsonl", "filter", '$event_type == "view"', "then", "cut", "-o", "-f",
              "ad_id,event_time"]

    def ours(source):
        return [Contestant("sfilter, text", [select + ["--plain"]], source=source, read=results.read_lines),
                Contestant("sfilter, binary", [select + ["--binary"]], source=source, read=results.read_lines,
                           checked=[select + ["--binary"], ["sfilter", "--plain"]])]

    events = settings.sized(5_000_000)
    source = setup.ysb(events)
    samples = contest(book, settings, "keep views, project two fields, one thread", events, ours(source) + [
        duckdb("DuckDB, 1 thread", "project", source, 1, results.read_lines),
        python_peer("polars", "polars", "Polars, 1 thread", "project", source, 1, results.read_lines),
        Contestant("limit: reading the file", [["limit", "read", source]], kind="limit"),
    ], results.model_project(source))
    for form in ("text", "binary"):
        book.ratio(f"sfilter, {form}: faster than DuckDB, 1 thread", samples, "DuckDB, 1 thread", f"sfilter, {form}", 2.5)

    events = settings.sized(1_000_000)
    source = setup.ysb(events)
    samples = contest(book, settings, "the same, against programs for lines", events, ours(source) + [
        Contestant("jq", [["jq", "-c", keep]], kind="peer", peer="jq", source=source, read=results.read_lines),
        Contestant("jaq", [["jaq", "-c", keep]], kind="peer", peer="jaq", source=source, read=results.read_lines),
        Contestant("Miller, 1 thread", [["env", "GOMAXPROCS=1", *miller]], kind="peer", peer="miller", source=source,
                   read=results.read_lines),
        Contestant("Miller, 2 threads", [miller], kind="peer", peer="miller", source=source, read=results.read_lines),
    ], results.model_project(source))
    for form in ("text", "binary"):
        for peer, floor in (("jq", 25), ("jaq", 20), ("Miller, 1 thread", 70)):
            book.ratio(f"sfilter, {form}: faster than {peer}", samples, peer, f"sfilter, {form}", floor)


def tumbling(book, settings):
    """W2."""
    events = settings.sized(5_000_000)
    source = setup.ysb(events)
    read = results.windows("n")
    window = ["swindow", "--tumbling", "10s", "--key", "ad_id", "--where", VIEWS, "--agg", "n=count()", "--plain",
              "--time-format", "ms"]
    expected = results.model_tumbling(source, 10_000)
    samples = contest(book, settings, "tumbling 10 s, count per ad over views", events, [
        *forms(window, source, read, WATERMARK),
        simdjson_loop(source, expected),
        duckdb("DuckDB, 1 thread", "tumbling", source, 1, read),
        duckdb("DuckDB, 2 threads", "tumbling", source, 2, read),
        python_peer("polars", "polars", "Polars, 2 threads", "tumbling", source, 2, read),
        flink("Flink DataStream", "tumbling-datastream", source, 1, read),
        flink("Flink DataStream", "tumbling-datastream", source, 2, read),
        flink("Flink SQL", "tumbling-sql", source, 1, read),
        flink("Flink SQL", "tumbling-sql", source, 2, read),
        python_peer("spark", "spark", "PySpark, 2 threads", "tumbling", setup.halves(source), 2, read, (" cold", " warm"),
                    "Structured Streaming, availableNow; without the start of Spark"),
    ], expected)
    book.ratio("fused, 2 threads: faster than DuckDB, 2 threads", samples, "DuckDB, 2 threads", "fused, 2 threads", 3)
    book.ratio("fused, 1 thread: faster than DuckDB, 1 thread", samples, "DuckDB, 1 thread", "fused, 1 thread", 3)
    book.ratio("fused, 1 thread: faster than the plain simdjson loop", samples, "limit: plain simdjson loop, 1 thread",
               "fused, 1 thread", 1.5)
    book.ratio("two processes, binary: speed against DuckDB, 2 threads", samples, "DuckDB, 2 threads",
               "two processes, binary", 1.5)
    book.ratio("two processes, text: speed against DuckDB, 2 threads", samples, "DuckDB, 2 threads",
               "two processes, text", 0.6)
    for form in ("fused, 1 thread", "fused, 2 threads", "two processes, binary"):
        for peer, floor in (("Flink SQL", 15), ("Flink DataStream", 8)):
            # The parallelism at which it needs less.
            ratios = [measure.median(measure.paired(samples, f"{peer}, parallelism {n} warm", form, "cpu")) for n in (1, 2)]
            book.target(f"{form}: less CPU than {peer}, warm", min((r for r in ratios if r), default=None), floor)


def numbers(events):
    return setup.make(f"{setup.DATA}/ysb-number-{events}.ndjson", f"ysb {events} 0 1000 number")


def sliding(book, settings):
    """W4: windows that overlap a hundredfold and sixtyfold, beside our own tumbling windows; the maximum is of a number."""
    events = settings.sized(1_000_000)
    source = numbers(events)
    read = results.windows("n", "top")

    def window(*shape):
        return ["swindow", *shape, "--key", "ad_id", "--agg", "n=count(), top=max(event_time)", "--plain",
                "--time-format", "ms"]

    for size, every, size_ms, slide_ms in (("10s", "100ms", 10_000, 100), ("60s", "1s", 60_000, 1_000)):
        expected = results.model_sliding(source, size_ms, slide_ms)
        peers = [duckdb(f"DuckDB, {how}, {threads} thread{'s' if threads > 1 else ''}", f"sliding-{size}-{how}", source,
                        threads, read) for how in ("unnest", "panes") for threads in (1, 2)]
        peers += [flink("Flink SQL", f"sliding-{size}-sql", source, parallelism, read) for parallelism in (1, 2)]
        # Not compared here: its windows are others; W2 compares them.
        own = [Contestant(f"our tumbling {size}, fused, 1 thread", form.stages, source=source)
               for form in forms(window("--tumbling", size), source, None, WATERMARK)[:1]]
        samples = contest(book, settings, f"sliding {size} every {every}, count and max per ad", events,
                          forms(window("--sliding", size, "--every", every), source, read, WATERMARK) + own + peers,
                          expected, results=len(expected))
        base = samples.get(f"our tumbling {size}, fused, 1 thread", [])
        form = "fused, 1 thread"
        allowed = [1.25 * tumbled.cpu + len(expected) / 1e6 for tumbled in base]
        used = [slid.cpu / limit for slid, limit in zip(samples.get(form, []), allowed)]
        book.target(f"{size} every {every}: CPU of what is allowed, 1.25 x tumbling + 1 us per result",
                    measure.median(used), 1, at_most=True)
        if size == "10s":
            ratios = [measure.median(measure.paired(samples, f"Flink SQL, parallelism {n} warm", form, "cpu"))
                      for n in (1, 2)]
            book.target(f"{size} every {every}: less CPU than Flink SQL HOP, warm", min((r for r in ratios if r), default=None),
                        60)
            fast = "fused, 2 threads" if "fused, 2 threads" in samples else form
            for threads, ours in ((1, form), (2, fast)):
                name = f"DuckDB, panes, {threads} thread{'s' if threads > 1 else ''}"
                book.ratio(f"{size} every {every}: {ours} faster than {name}", samples, name, ours, 2)
        else:
            ratios = [measure.median(measure.paired(samples, f"DuckDB, panes, {n} thread{'s' if n > 1 else ''}", ours))
                      for n, ours in ((1, form), (2, "fused, 2 threads"))]
            if all(ratios):
                book.note(f"{size} every {every}, without a floor: faster than DuckDB's panes {ratios[0]:.2f}x on one thread, "
                          f"{ratios[1]:.2f}x on two")


def percentiles(book, settings):
    """W8."""
    events = settings.sized(2_000_000)
    source = setup.make(f"{setup.DATA}/latencies-{events}.ndjson", f"latencies {events}")
    exact = results.model_percentiles(source)
    errors = {}

    def judged(name, largest):
        """A reader that compares with the exact results: equal is what errs by no more than it promises."""
        def read(path):
            errors[name] = results.errors(results.read_percentiles(path), exact)
            beyond = [column for column, limit in largest.items() if errors[name][column]["max"] > limit]
            return exact if not beyond else f"{beyond} beyond {largest}: {errors[name]}"
        return read

    window = ["swindow", "--tumbling", "10s", "--key", "service", "--agg",
              "p50=p50(latency_ms), p90=p90(latency_ms), p99=p99(latency_ms), users=distinct(user_id)", "--plain",
              "--time-format", "ms"]
    promise = {"p50": 0.005001, "p90": 0.005001, "p99": 0.005001, "distinct": 0.05}
    contestants = forms(window, source, None, ["swatermark", "--time", "time", "--bounded", "2s"])
    for contestant in contestants:
        contestant.read = judged(contestant.name, promise)
    for threads in (1, 2):
        plural = "s" if threads > 1 else ""
        contestants.append(duckdb(f"DuckDB exact, {threads} thread{plural}", "percentiles-exact", source, threads,
                                  judged(f"DuckDB exact, {threads} thread{plural}", dict.fromkeys(promise, 0))))
        contestants.append(duckdb(f"DuckDB approximate, {threads} thread{plural}", "percentiles-approx", source, threads,
                                  judged(f"DuckDB approximate, {threads} thread{plural}", {})))
    samples = contest(book, settings, "p50, p90, p99 and distinct users per service and 10 s", events, contestants, exact,
                      errors=errors)
    print("relative error against exact (rank ceil(q n)), largest and mean:")
    for name, columns in errors.items():
        print(f"{name:<40}" + "  ".join(f"{c} {e['max']:.4f} {e['mean']:.4f}" for c, e in columns.items()))
    book.note("distinct: our counts are exact up to 1,024 values, which no group here reaches; what is beyond is estimated, "
              "within 2 % in nearly all cases (swindow(1))")
    for threads, ours in ((1, "fused, 1 thread"), (2, "fused, 2 threads")):
        plural = "s" if threads > 1 else ""
        ratios = [measure.median(measure.paired(samples, f"DuckDB {how}, {threads} thread{plural}", ours))
                  for how in ("exact", "approximate")]
        book.target(f"{ours}: faster than DuckDB's faster form, {threads} thread{plural}",
                    min((r for r in ratios if r), default=None), 2)
