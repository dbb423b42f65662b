# SPDX-License-Identifier: Apache-2.0
"""One schedule: a topic, a producer, a pipeline, kills, and the comparison."""

import os
import random
import shutil
import threading
import time

from checkpoint import decided_in
from pipeline import Run, Shape
from results import Checker
from servers import Producer
from workload import RECORDS_A_SECOND, Settings, Workload

PROCESSED_BYTES = 16 << 10  # a stage that has written so much has processed records
RESTART_LIMIT = 2.0
APART = 2.0  # seconds between kills, at least
READ_AGAIN_LIMIT = 30.0  # percent


class Kill:
    def __init__(self, at, what):
        self.at, self.what = at, what

    def __str__(self):
        return f"{self.what}@{self.at:.1f}"


def written_by(pid):
    """How many bytes a process has written; None when it is gone."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("wchar")).split()[1])
    except (OSError, StopIteration):
        return None


def draw_kills(draw, shape, seconds, apart, broker):
    """Kills at least 2 s apart while the producer runs; the broker, if it is to be killed, as one of them."""
    targets = ["stage"] * 4 + ["all"] * 2 + (["srun"] * 3 if shape.srun else []) + (["branch"] * 2 if shape.side or shape.copy else [])
    if "redis" in (shape.main, shape.side, shape.copy):
        targets += ["redis"] * 2
    kills, at = [], draw.uniform(0.05, 1.5)
    while at < seconds:
        kills.append(Kill(at, draw.choice(targets)))
        at += draw.uniform(*apart)
    if broker and kills:
        draw.choice(kills[:-1] or kills).what = "broker"
    return kills


class Schedule:
    def __init__(self, seed, folder, redis, kafka, seconds, apart=(APART, 2.6), broker=False):
        self.seed, self.folder, self.redis, self.kafka, self.seconds = seed, folder, redis, kafka, seconds
        self.draw = random.Random(f"schedule {seed}")
        self.shape = Shape(self.draw)
        if self.shape.fused:  # by itself, so that all else is what the seed always drew
            self.shape.threads = random.Random(f"threads {seed}").choice([1, 2])
        self.settings = Settings(self.draw, self.shape.stream_scope)
        self.kills = draw_kills(self.draw, self.shape, seconds - 4 if broker else seconds, apart, broker)
        self.topic = f"soak-{seed}-{os.getpid()}"
        self.workload = Workload(seed, self.settings)
        self.how = self.draw.choice(["term", "term", "kill"])  # how it is ended before the last start
        self.kills = self.kills if self.how == "term" else [kill for kill in self.kills if kill.at <= seconds - APART]
        self.problems, self.again, self.slowest = [], 0, 0.0
        self.base, self.last = 0, 0.0  # where the start that runs began, at most; when something was killed last
        self.runs = 0
        self.watch = None  # called by a long run while it waits
        self.judge = None  # called at its end, for further problems

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        place = {"brokers": self.kafka.brokers, "redis": self.redis.url, "topic": self.topic,
                 "checkpoint": os.path.join(self.folder, "checkpoint")}
        self.kafka.topic(self.topic, 3)
        for part, kind in (("main", self.shape.main), ("side", self.shape.side), ("copy", self.shape.copy)):
            place[part] = f"{self.topic}-{part}" if kind == "kafka" else os.path.join(self.folder, part)
            if kind == "kafka":
                self.kafka.topic(place[part], 2)
        self.redis.ask(("FLUSHALL",))
        self.place = place
        self.pipeline = Run(self.shape, self.settings, place, self.folder)

    def decided(self):
        return decided_in(self.place["checkpoint"])

    def at_risk(self):
        """How many records were read and are not decided, at most: no record is shorter on its way than in the topic."""
        read, stages = self.workload.made, self.pipeline.processes()
        for pid in (pid for pid, (name, _) in stages.items() if name == "skafka-cat"):
            read = min(read, self.base + (written_by(pid) or 0) / self.workload.record_bytes())
        return max(0, int(read) - self.decided())

    def fail(self, text):
        self.problems.append(text)

    def runner_ended(self, code):
        self.fail(f"{'srun' if self.shape.srun else 'the shell'} ended with {code}")

    def choose(self, what):
        """The pids that a kill is for, with their names."""
        stages = self.pipeline.processes()
        if what == "srun":
            return [self.pipeline.root.pid], ["srun"]
        if what == "all":
            return list(stages), ["all"]
        wanted = what == "branch"
        names = sorted({name for name, branch in stages.values() if branch == wanted})
        if not names:
            return [], ["nobody"]
        name = self.draw.choice(names)
        return [pid for pid, (other, branch) in stages.items() if other == name and branch == wanted][:1], [name]

    def strike(self, kill):
        if kill.what in ("redis", "broker"):
            server = self.redis if kill.what == "redis" else self.kafka
            server.kill()
            time.sleep(self.draw.uniform(0.1, 0.8))
            server.restart()
            return
        made, at_risk = self.workload.made, self.at_risk()
        before = self.pipeline.processes()
        pids, names = self.choose(kill.what)
        if not pids:
            kill.what += "(nobody there)"
            return
        began = self.last = time.monotonic()
        self.pipeline.say(f"kill {kill.what} {names} {pids}, {at_risk} records at risk")
        self.pipeline.kill(pids)
        kill.what = names[0] if kill.what in ("stage", "branch") else kill.what
        self.again += at_risk
        if names == ["srun"]:
            self.pipeline.root.wait()
            if left := self.pipeline.gone(before):
                self.fail(f"srun was killed and left {[before[pid] for pid in left]} behind")
            self.pipeline.start()
        self.measure_restart(before, began, made)
        self.base = self.decided()

    def measure_restart(self, before, began, made):
        """Until swatermark of the next start has written records; where it shares a process, until more is decided."""
        if made < 2000:
            return  # it may have been killed before it had anything to do
        if self.shape.fused:
            decided = self.decided()
            while self.decided() <= decided and self.pipeline.root.poll() is None:
                if time.monotonic() > began + 10:
                    self.fail("nothing was decided within 10 s of a kill")
                    return
                time.sleep(0.02)
            self.slowest = max(self.slowest, time.monotonic() - began)
            return
        pid = None
        while time.monotonic() < began + 10 and self.pipeline.root.poll() is None:
            # Not the first one that is seen: srun has just asked each program what it reads, in a process of that name.
            pid = self.pipeline.find("swatermark", patience=0.1, other_than=before)
            if pid is not None and (written_by(pid) or 0) > PROCESSED_BYTES:
                self.slowest = max(self.slowest, time.monotonic() - began)
                return
            time.sleep(0.01)
        if self.pipeline.root.poll() is None:
            self.fail(f"no record was processed within 10 s of a kill ({pid})")

    def disturb(self, producing):
        began = time.monotonic()
        for kill in list(self.kills):
            while (left := began + kill.at - time.monotonic()) > 0:
                time.sleep(min(left, 0.2))
                if self.watch:
                    self.watch()
                if self.pipeline.root.poll() is not None:
                    return
            self.strike(kill)
            began = max(began, time.monotonic() - kill.at - 1.0)  # a slow restart of a server does not push kills together
        while producing.is_alive():
            producing.join(0.2)
            if self.watch:
                self.watch()

    def finish(self):
        """A stop, clean or not, and a start that reads to the end; in some schedules killed once more."""
        if self.pipeline.root.poll() is not None:
            self.runner_ended(self.pipeline.root.returncode)
            return
        self.kills.append(Kill(self.seconds, self.how))
        if self.how == "term":
            self.pipeline.stop()
            if (code := self.pipeline.wait(20)) != 0:
                self.fail("it did not stop within 20 s" if code is None else f"it stopped with {code}")
                self.pipeline.destroy()
        else:
            self.again += self.at_risk()
            self.last = time.monotonic()
            self.pipeline.destroy()
        once_more = self.draw.random() < 0.4
        if once_more:
            time.sleep(max(0.0, self.last + APART - time.monotonic()))
        self.base = self.decided()
        self.pipeline.start(["-e"])
        if once_more:
            time.sleep(self.draw.uniform(0.05, 0.5))
            kill = Kill(self.seconds + 1, self.draw.choice(["stage", "all"]))
            self.kills.append(kill)
            self.again += self.at_risk()
            pids, names = self.choose(kill.what)
            self.pipeline.say(f"kill {names} {pids}")
            self.pipeline.kill(pids)
            kill.what = f"-e:{names[0]}"
        code = self.pipeline.wait(30)
        if code != 0:
            self.fail("the last start did not end within 30 s" if code is None else f"the last start ended with {code}")

    def run(self):
        self.prepare()
        producer = Producer(self.kafka, self.topic, self.workload, RECORDS_A_SECOND, os.path.join(self.folder, "producer.log"))
        failure = []

        def produce():
            try:
                producer.run(self.seconds)
            except Exception as error:  # pylint: disable=broad-except
                failure.append(error)

        producing = threading.Thread(target=produce)
        self.pipeline.start()
        producing.start()
        try:
            self.disturb(producing)
            producing.join()
            if failure:
                raise failure[0]
            self.finish()
        finally:
            self.pipeline.destroy()
            producer.process.kill()
        self.compare()
        if self.judge:
            self.problems += self.judge()

    def compare(self):
        if self.pipeline.root.returncode != 0 and self.problems:
            return  # it is not complete, and known not to be
        if (ends := sum(self.kafka.offsets(self.topic))) != self.workload.made:
            self.fail(f"the topic has {ends} records, {self.workload.made} were made")
        checker = Checker(self.workload, self.topic, self.redis, self.kafka, self.shape.now)
        self.problems += checker.main(self.shape.main, "main", self.place["main"])
        if self.shape.copy:
            self.problems += [f"copy: {p}" for p in checker.main(self.shape.copy, "copy", self.place["copy"])]
        if self.shape.side:
            self.problems += checker.sides(self.shape.side, self.shape.side_label, self.place["side"])

    def read_again(self):
        """At most so many percent: what was read and not decided when something was killed."""
        return 100.0 * self.again / max(1, self.workload.made)

    def clean_up(self):
        for topic in [self.topic] + [self.place[p] for p in ("main", "side", "copy") if self.place[p].startswith(self.topic)]:
            self.kafka.remove(topic)
        shutil.rmtree(self.folder, ignore_errors=True)

    def line(self):
        results = sum(len(r) for r in self.workload.results.values())
        return (f"seed {self.seed:<5} {str(self.shape):<38} {' '.join(map(str, self.kills)):<60} "
                f"restarts {self.pipeline.restarts()}, records {self.workload.made}, results {results}, late {self.workload.late()}, "
                f"read again {self.read_again():.1f} %, to the first record {self.slowest:.2f} s: "
                f"{'ok' if not self.problems else 'FAILED'}")
