# SPDX-License-Identifier: Apache-2.0
"""Kills pipelines on a schedule and compares what they leave with what one that nothing disturbed would have left.

scripts/soak is the way to call it.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from full import BROKER, FullRate
from pipeline import resident_kib
from schedule import READ_AGAIN_LIMIT, RESTART_LIMIT, Schedule
from servers import Kafka, Redis

SECONDS = 7.0  # how long the producer runs in a schedule
BROKER_SECONDS = 11.0  # it is away for 4 s of them
SAMPLE = 10.0


def parse():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Kills pipelines, restarts them, and compares the results.",
                                     epilog="A failure keeps its folder, which has the checkpoint, the log and the files.")
    parser.add_argument("--schedules", type=int, default=0, metavar="N", help="run N schedules of up to 15 s")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the first one's seed; the others count from it (1)")
    parser.add_argument("--broker-kills", type=int, default=0, metavar="M", help="kill the broker, too, in M of the schedules")
    parser.add_argument("--minutes", type=float, default=0, metavar="M",
                        help="then one long run with a kill every 5 to 15 s; memory and checkpoint directory every 10 s")
    parser.add_argument("--rate", choices=["steady", "full"], default="steady",
                        help="full: that long run as fast as the pipeline goes, without kills: memory and rate must stay as they are")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="so many schedules at a time (2)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--broker", action="store_true", help="with --seed: the one schedule kills the broker, too")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.one and not options.schedules and not options.minutes:
        options.schedules, options.minutes = (0, 60) if options.rate == "full" else (1, 0)
    return options


def run_one(options):
    """A schedule in a process of its own: its folder is options.work, its Redis is beside it, the broker is shared."""
    kafka = Kafka(os.path.join(os.path.dirname(options.work), "kafka"))
    kafka.start()
    redis = Redis(os.path.join(options.work, "redis"))
    redis.start()
    try:
        seconds = options.minutes * 60 or (BROKER_SECONDS if options.broker else SECONDS)
        if options.rate == "full":
            return end_of(FullRate(os.path.join(options.work, "run"), redis, kafka, seconds))
        apart = (5.0, 15.0) if options.minutes else (2.0, 2.6)
        schedule = Schedule(options.seed, os.path.join(options.work, "run"), redis, kafka, seconds, apart, options.broker)
        monitor = Monitor(schedule) if options.minutes else None
        schedule.watch = monitor.look if monitor else None
        schedule.judge = monitor.judge if monitor else None
        return end_of(schedule)
    finally:
        redis.stop()


def end_of(schedule):
    schedule.run()
    print(schedule.line(), flush=True)
    for problem in schedule.problems:
        print(f"  {problem}", flush=True)
    if not schedule.problems and not os.environ.get("STREAM_SOAK_KEEP"):
        schedule.clean_up()
    return 1 if schedule.problems else 0


class Monitor:
    """Memory of all stages and size of the checkpoint directory, every 10 s."""

    def __init__(self, schedule):
        self.schedule, self.began, self.next = schedule, time.monotonic(), time.monotonic() + SAMPLE
        self.samples = []  # (seconds, KiB of memory, bytes, objects)

    def look(self):
        now = time.monotonic()
        if now < self.next:
            return
        self.next += SAMPLE
        stages = {name: resident_kib(pid) for pid, (name, _) in self.schedule.pipeline.processes().items()}
        size, objects = 0, 0
        for folder, _, files in os.walk(self.schedule.place["checkpoint"]):
            for name in files:
                try:
                    size += os.stat(os.path.join(folder, name)).st_size
                    objects += 1
                except FileNotFoundError:
                    pass
        self.samples.append((now - self.began, sum(stages.values()), size, objects))
        print(f"{now - self.began:6.0f} s: checkpoint {size / 1024:.0f} KiB in {objects} objects; memory "
              f"{sum(stages.values()) / 1024:.0f} MiB: " + ", ".join(f"{n} {k / 1024:.0f}" for n, k in stages.items()), flush=True)

    def judge(self):
        """What has grown: the second half against the first one."""
        half = len(self.samples) // 2
        if half < 2:
            return []
        found = []
        for name, index, slack in (("memory in KiB", 1, 32 << 10), ("bytes of the checkpoint directory", 2, 1 << 20),
                                   ("objects in the checkpoint directory", 3, 20)):
            early, late = (max(s[index] for s in part) for part in (self.samples[:half], self.samples[half:]))
            if late > 1.5 * early + slack:
                found.append(f"the {name} grew from {early} in the first half to {late} in the second")
        return found


class Soak:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix="soak.")
        self.kafka = Kafka(os.path.join(self.work, "kafka"))
        self.lock = threading.Lock()
        self.failed, self.lines, self.ran = [], [], 0

    def run(self):
        self.kafka.start(*(BROKER if self.options.rate == "full" else ()))
        began = time.monotonic()
        options = self.options
        try:
            if options.schedules:
                seeds = list(range(options.seed, options.seed + options.schedules))
                at_the_end = set(seeds[len(seeds) - min(options.broker_kills, len(seeds)) :])
                if options.broker:
                    at_the_end = set(seeds)
                queue = [seed for seed in seeds if seed not in at_the_end]
                workers = [threading.Thread(target=self.work_off, args=(queue,)) for _ in range(options.jobs)]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                for seed in sorted(at_the_end):  # one broker for all: nobody else may be using it
                    self.one(seed, ["--broker"])
            if options.minutes:
                self.one(options.seed, ["--minutes", str(options.minutes), "--rate", options.rate])
        finally:
            self.kafka.run("stop")
        fine = self.say_figures(time.monotonic() - began)
        if not self.failed and not os.environ.get("STREAM_SOAK_KEEP"):
            shutil.rmtree(self.work, ignore_errors=True)
        return 1 if self.failed or not fine else 0

    def work_off(self, queue):
        while True:
            with self.lock:
                if not queue:
                    return
                seed = queue.pop(0)
            self.one(seed, [])

    def one(self, seed, more):
        folder = os.path.join(self.work, f"{seed}{''.join(more[:1])}")
        os.makedirs(folder)
        words = [sys.executable, os.path.abspath(__file__), "--one", "--seed", str(seed), "--work", folder, *more]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in process.stdout:
            if "--minutes" in more:
                print(line, end="", flush=True)
            lines.append(line)
        code = process.wait()
        with self.lock:
            if "--minutes" not in more:
                print("".join(lines), end="", flush=True)
            self.lines += lines
            self.ran += 1
            if code != 0:
                again = " ".join(["scripts/soak", "--seed", str(seed), *more])
                print(f"  its folder is {folder}; again: {again}", flush=True)
                self.failed.append(seed)
            elif not os.environ.get("STREAM_SOAK_KEEP"):
                shutil.rmtree(folder, ignore_errors=True)

    def say_figures(self, seconds):
        """False when restarts were too slow or went back too far."""
        lines = [line for line in self.lines if line.startswith("seed ")]
        if not lines:
            print(f"{self.ran - len(self.failed)} exact, {len(self.failed)} failed", flush=True)
            return True

        def numbers(pattern):
            return [float(match.group(1)) for line in lines if (match := re.search(pattern, line))]

        again = numbers(r"read again ([\d.]+) %")
        quiet = [a for a, line in zip(again, lines) if "broker@" not in line] or [0.0]
        first = [f for f, line in zip(numbers(r"first record ([\d.]+) s"), lines) if "broker@" not in line] or [0.0]
        print(f"{self.ran} schedules in {seconds:.0f} s: {self.ran - len(self.failed)} exact, {len(self.failed)} failed; "
              f"{sum(line.count('@') for line in lines)} kills, {sum(numbers(r'restarts ([0-9]+)')):.0f} starts, "
              f"{sum(numbers(r'records ([0-9]+)')):.0f} records, {sum(numbers(r'results ([0-9]+)')):.0f} results", flush=True)
        average = sum(quiet) / len(quiet)
        print(f"read again: {average:.1f} % of all, {most(quiet):.1f} % in all but 5 of 100 schedules (limit {READ_AGAIN_LIMIT:.0f} %), "
              f"{max(quiet):.1f} % at most; from a kill to the first record: {sorted(first)[len(first) // 2]:.2f} s median, "
              f"{most(first):.2f} s in all but 5 of 100 (limit {RESTART_LIMIT:.0f} s), {max(first):.2f} s at most; "
              "both without broker kills", flush=True)
        return most(first) <= RESTART_LIMIT and max(average, most(quiet)) <= READ_AGAIN_LIMIT


def most(figures):
    """The 95th percentile: one schedule in twenty may meet a machine that has something else to do."""
    return sorted(figures)[int(0.95 * (len(figures) - 1))]


if __name__ == "__main__":
    arguments = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end that stops the servers, like that by Ctrl-C
    sys.exit(run_one(arguments) if arguments.one else Soak(arguments).run())
