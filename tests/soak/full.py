# SPDX-License-Identifier: Apache-2.0
"""A pipeline at its full rate, that nobody kills: what it keeps in memory must not grow, and its rate must not fall."""

import os
import shutil
import signal
import subprocess
import time

from checkpoint import decided_in
from pipeline import descendants, resident_kib
from servers import ADMIN, BIN, BUILD, call

EVENT = 254  # bytes, with the newline
BLOCK = 4096  # events
LAG = 2_000_000  # so many events the producer may be ahead of the pipeline
SAMPLE = 10.0
WARM_UP = 30.0, 0.1  # the samples of so many seconds, or of this part of the run, are printed, and not judged
# A source's queue fills and empties between two looks: what leaks raises also the least that is held. So there are many
# looks a sample, and the floor of the last third is judged by that of the middle one: the first time that a neighbour on
# the machine holds up a pipeline its queues take memory which they then keep, once.
LOOK = 0.5
SLACK_KIB, SLACK_PART = 4096, 0.10  # what an allocator gives back at times, and takes again
LONG_MINUTES = 10  # in less a neighbour on the machine looks like a fall of the rate: it is printed, and not judged
RATE_FALL = 0.25
RETENTION = {"retention.bytes": 1 << 30, "segment.bytes": 64 << 20}  # of each of two partitions: twice the lag and more
BROKER = ("log.retention.check.interval.ms=3000", "log.segment.delete.delay.ms=1000")


class FullRate:
    """Events from a generator through Kafka, five stages under a checkpoint, counters in Redis."""

    def __init__(self, folder, redis, kafka, seconds):
        self.folder, self.redis, self.kafka, self.seconds = folder, redis, kafka, seconds
        self.topic = f"full-{os.getpid()}"
        self.checkpoint = os.path.join(folder, "checkpoint")
        self.log = os.path.join(folder, "log")
        self.made = self.views = 0
        self.problems = []
        self.floors, self.peaks = {}, {}  # KiB of each stage since the last sample, and of all time
        self.samples = []  # (seconds, floors, events decided)

    def start(self, *source_options):
        stages = [["skafka-cat", "-b", self.kafka.brokers, "-o", "beginning", "--checkpoint-interval", "1s", *source_options,
                   self.topic],
                  ["sfilter", "--require", "ad_id:string, event_type:string, event_time"],
                  ["swatermark", "--time", "event_time", "--bounded", "10s"],
                  ["swindow", "--tumbling", "10s", "--key", "ad_id", "--where", 'event_type == "view"', "--agg", "n=count()"],
                  ["ssink-redis", "--url", self.redis.url, "--hash", "latest:{ad_id}", "--counter", "total", "--by", "n"]]
        path = os.path.join(self.folder, "pipeline.conf")
        with open(path, "w", encoding="utf-8") as file:
            quoted = [" ".join(f"'{word}'" for word in stage) for stage in stages]
            file.write(f"name = full\ncheckpoint = {self.checkpoint}\n" + "".join(f"stage = {stage}\n" for stage in quoted))
        with open(self.log, "a", encoding="utf-8") as log:
            return subprocess.Popen([os.path.join(BIN, "srun"), path], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True)

    def produce(self, runner, began):
        """Until the time is over, as fast as the pipeline takes them."""
        generator = subprocess.Popen([os.path.join(BUILD, "bench", "ysb"), str(10**12)], stdout=subprocess.PIPE)
        with open(os.path.join(self.folder, "producer.log"), "w", encoding="utf-8") as errors:
            producer = subprocess.Popen(["kcat", "-P", "-b", self.kafka.brokers, "-t", self.topic, "-X", "linger.ms=20"],
                                        stdin=subprocess.PIPE, stderr=errors)
        due, look, decided = began + SAMPLE, began, 0
        try:
            while (now := time.monotonic()) < began + self.seconds:
                if runner.poll() is not None:
                    self.problems.append(f"srun ended with {runner.returncode}: see {self.log}")
                    return
                if now >= look:
                    look = now + LOOK
                    self.look(runner)
                if now >= due:
                    due += SAMPLE
                    self.sample(now - began)
                if self.made - decided > LAG:
                    decided = decided_in(self.checkpoint)
                    if self.made - decided > LAG:
                        time.sleep(0.02)
                        continue
                block = generator.stdout.read(EVENT * BLOCK)
                self.made += BLOCK
                self.views += block.count(b'"event_type":"view"')
                producer.stdin.write(block)
            producer.stdin.close()
            if producer.wait() != 0:
                self.problems.append("the producer failed")
        finally:
            for process in (generator, producer):
                process.kill()
                process.wait()

    def look(self, runner):
        for pid, name in [(runner.pid, "srun"), *((pid, name) for pid, (name, _) in descendants([runner.pid]).items())]:
            if (kib := resident_kib(pid)) > 0:
                self.floors[name] = min(self.floors.get(name, kib), kib)
                self.peaks[name] = max(self.peaks.get(name, kib), kib)

    def sample(self, at):
        self.samples.append((at, self.floors, decided_in(self.checkpoint)))
        print(f"{at:6.0f} s: {self.samples[-1][2]:,} events; at least KiB: " +
              ", ".join(f"{n} {k:,}" for n, k in self.floors.items()), flush=True)
        self.floors = {}

    def judge(self):
        """The last third of the samples against those before: rates against the first, memory against the middle."""
        steady = [sample for sample in self.samples if sample[0] > max(WARM_UP[0], WARM_UP[1] * self.seconds)]
        if len(steady) < 6:
            print("too short to say whether memory grows", flush=True)
            return
        third = len(steady) // 3
        early, middle, late = steady[: third + 1], steady[third : -third], steady[-third - 1 :]
        for stage in sorted(late[-1][1]):
            floors = [min(stages[stage] for _, stages, _ in part if stage in stages) for part in (early, middle, late)]
            print(f"  {stage:<12}at least {floors[0]:>8,} KiB in the first third, {floors[1]:>8,} in the second, {floors[2]:>8,} in the "
                  f"last; {self.peaks[stage]:>8,} at most", flush=True)
            if floors[2] > floors[1] * (1 + SLACK_PART) + SLACK_KIB:
                self.problems.append(f"{stage}: memory grows")
        rates = [(part[-1][2] - part[0][2]) / (part[-1][0] - part[0][0]) for part in (early, late)]
        print(f"  {rates[0]:,.0f} events/s in the first third, {rates[1]:,.0f} in the last", flush=True)
        if self.seconds >= LONG_MINUTES * 60 and rates[1] < (1 - RATE_FALL) * rates[0]:
            self.problems.append("the rate falls")

    def run(self):
        os.makedirs(self.folder)
        call(ADMIN, "-b", self.kafka.brokers, "create", self.topic, "2", *(f"{k}={v}" for k, v in RETENTION.items()))
        runner = self.start()
        try:
            self.produce(runner, time.monotonic())
            runner.send_signal(signal.SIGTERM)
            if runner.wait(60) != 0:
                self.problems.append(f"srun did not end well: see {self.log}")
            runner = self.start("-e")
            if runner.wait(120) != 0:
                self.problems.append(f"the last start did not end well: see {self.log}")
        finally:
            runner.kill()
            runner.wait()
        self.judge()
        total = int(float(self.redis.ask(("GET", "total"))[0] or 0))
        if total != self.views:
            self.problems.append(f"{self.views} views were produced, {total} are counted")
    def clean_up(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def line(self):
        return f"full rate for {self.seconds:.0f} s: {self.made:,} events, {self.views:,} views: {'FAILED' if self.problems else 'ok'}"
