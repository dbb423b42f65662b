# SPDX-License-Identifier: Apache-2.0
"""The tumbling count of bench/compare in PySpark, Structured Streaming over what is there. Arguments: see peer.py."""
import json
import os
import shutil
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

import peer

session = None
java_pid = None


def start(threads):
    global session, java_pid
    session = (SparkSession.builder.master(f"local[{threads}]").appName("bench")
               .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", threads)
               .config("spark.sql.session.timeZone", "UTC").config("spark.driver.memory", "2g")
               .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate())
    session.sparkContext.setLogLevel("OFF")
    java_pid = session._jvm.java.lang.ProcessHandle.current().pid()
    return session


def cpu():
    """That of the Java machine and our own."""
    with open(f"/proc/{java_pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return peer.cpu_seconds() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tumbling(spark, source, out):
    windows = {}

    def keep(batch, _):
        for row in batch.collect():
            windows[row.window_start, row.ad_id] = row.n

    folder = tempfile.mkdtemp(prefix="stream-bench-spark-")
    events = spark.readStream.schema("ad_id STRING, event_type STRING, event_time STRING").json(source)
    counts = (events.where("event_type = 'view'")
              .withColumn("time", f.timestamp_millis(f.col("event_time").cast("long")))
              .withWatermark("time", "10 seconds").groupBy(f.window("time", "10 seconds"), "ad_id")
              .agg(f.count("*").alias("n"))
              .select(f.unix_millis("window.start").alias("window_start"), "ad_id", "n"))
    query = (counts.writeStream.outputMode("update").foreachBatch(keep).trigger(availableNow=True)
             .option("checkpointLocation", folder).start())
    query.awaitTermination()
    shutil.rmtree(folder, ignore_errors=True)
    with open(out, "w", encoding="utf-8") as lines:
        for (window_start, ad_id), n in windows.items():
            lines.write(json.dumps({"window_start": window_start, "ad_id": ad_id, "n": n}) + "\n")


peer.main({"tumbling": tumbling}, start, cpu)
