# SPDX-License-Identifier: Apache-2.0
"""The jobs of bench/compare in DuckDB. Arguments: see peer.py."""
import duckdb

import peer

EVENTS = """read_json('{source}', format='newline_delimited',
            columns={{ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: '{time}'}})"""
RECORDS = """read_json('{source}', format='newline_delimited',
             columns={{time: 'BIGINT', service: 'VARCHAR', user_id: 'VARCHAR', latency_ms: 'DOUBLE'}})"""


def copy(connection, query, out):
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT JSON, USE_TMP_FILE false)")


def project(connection, source, out):
    events = EVENTS.format(source=source, time="VARCHAR")
    copy(connection, f"SELECT ad_id, event_time FROM {events} WHERE event_type = 'view'", out)


def tumbling(connection, source, out):
    events = EVENTS.format(source=source, time="BIGINT")
    copy(connection, f"""SELECT event_time // 10000 * 10000 AS window_start, ad_id, count(*) AS n FROM {events}
                         WHERE event_type = 'view' GROUP BY ALL""", out)


def sliding_unnest(size_ms, slide_ms):
    def job(connection, source, out):
        events = EVENTS.format(source=source, time="BIGINT")
        copy(connection, f"""
            SELECT window_start, ad_id, count(*) AS n, max(event_time) AS top
            FROM (SELECT ad_id, event_time,
                         unnest(range(event_time // {slide_ms} * {slide_ms} - {size_ms - slide_ms},
                                      event_time // {slide_ms} * {slide_ms} + 1, {slide_ms})) AS window_start
                  FROM {events}) GROUP BY ALL""", out)
    return job


def sliding_panes(size_ms, slide_ms):
    """As one writes it by hand: counts per pane of a slide, on a grid without gaps, and frames of rows over it."""
    panes = size_ms // slide_ms

    def job(connection, source, out):
        events = EVENTS.format(source=source, time="BIGINT")
        copy(connection, f"""
            WITH panes AS (SELECT ad_id, event_time // {slide_ms} AS pane, count(*) AS n, max(event_time) AS top
                           FROM {events} GROUP BY ALL),
                 grid AS (SELECT ad_id, pane FROM (SELECT DISTINCT ad_id FROM panes),
                          (SELECT unnest(range(min(pane), max(pane) + {panes})) AS pane FROM panes)),
                 slid AS (SELECT ad_id, pane, sum(n) OVER frame AS n, max(top) OVER frame AS top
                          FROM grid LEFT JOIN panes USING (ad_id, pane)
                          WINDOW frame AS (PARTITION BY ad_id ORDER BY pane
                                           ROWS BETWEEN {panes - 1} PRECEDING AND CURRENT ROW))
            SELECT (pane - {panes - 1}) * {slide_ms} AS window_start, ad_id, CAST(n AS BIGINT) AS n, top
            FROM slid WHERE n IS NOT NULL""", out)
    return job


def percentiles(quantile, distinct):
    def job(connection, source, out):
        records = RECORDS.format(source=source)
        copy(connection, f"""
            SELECT window_start, service, p[1] AS p50, p[2] AS p90, p[3] AS p99, users
            FROM (SELECT time // 10000 * 10000 AS window_start, service,
                         {quantile}(latency_ms, [0.5, 0.9, 0.99]) AS p, {distinct} AS users
                  FROM {records} GROUP BY ALL)""", out)
    return job


def start(threads):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


peer.main({
    "project": project,
    "tumbling": tumbling,
    "sliding-10s-unnest": sliding_unnest(10_000, 100),
    "sliding-10s-panes": sliding_panes(10_000, 100),
    "sliding-60s-unnest": sliding_unnest(60_000, 1_000),
    "sliding-60s-panes": sliding_panes(60_000, 1_000),
    "percentiles-exact": percentiles("quantile_disc", "count(DISTINCT user_id)"),
    "percentiles-approx": percentiles("approx_quantile", "approx_count_distinct(user_id)"),
}, start)
