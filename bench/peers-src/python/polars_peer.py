# SPDX-License-Identifier: Apache-2.0
"""The jobs of bench/compare in Polars. Arguments: see peer.py; the threads come as POLARS_MAX_THREADS."""
import polars as pl

import peer

SCHEMA = {"ad_id": pl.String, "event_type": pl.String, "event_time": pl.String}


def views(source):
    return pl.scan_ndjson(source, schema=SCHEMA).filter(pl.col("event_type") == "view")


def project(_, source, out):
    views(source).select("ad_id", "event_time").sink_ndjson(out)


def tumbling(_, source, out):
    (views(source).with_columns((pl.col("event_time").cast(pl.Int64) // 10_000 * 10_000).alias("window_start"))
     .group_by("window_start", "ad_id").agg(pl.len().alias("n")).sink_ndjson(out))


peer.main({"project": project, "tumbling": tumbling}, lambda threads: None)
