# SPDX-License-Identifier: Apache-2.0
"""What the Python peers share: argv, and a report of wall and CPU seconds per run as lines of JSON.

usage: PEER.py JOB INPUT OUT THREADS RUNS REPORT      OUT is /dev/null when only the time counts
"""
import json
import os
import sys
import time


def cpu_seconds():
    times = os.times()
    return times.user + times.system


def main(jobs, start, cpu=cpu_seconds):
    """Starts the engine, then runs the job as often as asked: the time is that of the job alone, with the engine ready."""
    job, source, out, threads, runs, report = sys.argv[1:7]
    begun = time.monotonic()
    engine = start(int(threads))
    started = time.monotonic() - begun
    with open(report, "w", encoding="utf-8") as lines:
        for run in range(int(runs)):
            before, begun = cpu(), time.monotonic()
            jobs[job](engine, source, out)
            print(json.dumps({"run": run + 1, "wall": time.monotonic() - begun, "cpu": cpu() - before, "start": started}),
                  file=lines)
