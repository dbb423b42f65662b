# SPDX-License-Identifier: Apache-2.0
"""A pipeline of a drawn shape, under srun or in a shell that starts it again, and its processes."""

import os
import shlex
import signal
import subprocess
import time

from servers import BIN

SINKS = ["redis", "kafka", "file"]
OURS = ("skafka-cat", "sfilter", "swatermark", "swindow", "sdivert", "sfuse", "ssink-redis", "ssink-kafka", "ssink-file")

# What srun makes of exit codes: a 2 ends it, unless a stage before has failed otherwise.
LOOP = """#!/usr/bin/env bash
export PATH={bin}:$PATH {environment}
while :; do
  echo "soak: start" >>{log}
  {pipeline}
  codes=("${{PIPESTATUS[@]}}")
  echo "soak: ended: ${{codes[*]}}" >>{log}
  again=
  for code in "${{codes[@]}}"; do
    case $code in
      0 | 141) ;;
      2 | 3) [[ $again ]] || exit "$code" ;;
      *) again=1 ;;
    esac
  done
  [[ $again ]] || exit 0
  sleep 0.02
done
"""


class Shape:
    """Drawn from a seed: the stages, how they are started, and where results go."""

    def __init__(self, draw):
        self.stream_scope = draw.random() < 0.2
        self.main = draw.choice(SINKS)
        self.side = draw.choice([s for s in SINKS if s != self.main]) if draw.random() < 1 / 3 else None
        self.side_label = draw.choice(["late", "*"]) if not self.stream_scope else "*"  # nothing is late there
        self.copy = draw.choice([s for s in SINKS if s not in (self.main, self.side)]) if draw.random() < 0.25 else None
        self.srun = draw.random() < 0.5
        self.binary = draw.random() < 0.5
        self.compression = draw.choice(["none", "gzip"])
        self.fused = self.srun and draw.random() < 0.25  # all but the branches in one process
        self.now = draw.random() < 0.5  # ssink-redis --commit now: hashes alone
        self.threads = 1  # of the fused process

    def __str__(self):
        fused = "fused" if self.threads == 1 else f"fused-{self.threads}"
        words = [(fused if self.fused else "srun") if self.srun else "shell", "binary" if self.binary else "text", self.main]
        if self.side:
            words.append(f"{self.side_label}={self.side}")
        if self.copy:
            words.append(f"copy={self.copy}")
        if self.now and "redis" in (self.main, self.copy):
            words.append("now")
        if self.stream_scope:
            words.append("scope=stream")
        return " ".join(words)

    def sink(self, kind, part, place):
        """The command of a sink. part: main, side, copy."""
        key = "unit" if part == "side" else "k"
        if kind == "kafka":
            return ["ssink-kafka", "-b", place["brokers"], "-t", place[part], "--key", key]
        if kind == "file":
            return ["ssink-file", "-d", place[part], "--path", f"{{{key}}}", "--roll-size", "4KiB", "--roll-every", "2s",
                    "-z", self.compression]
        words = ["ssink-redis", "--url", place["redis"], "--stream", f"{part}:s:{{{key}}}"]
        if part == "side":
            return words + ["--counter", "side:c:{unit}", "--by", "record.id"]
        if self.now:
            return words[:3] + ["--commit", "now", "--hash", f"{part}:h:{{k}}:{{window_start}}", "--string", f"{part}:l:{{k}}"]
        return words + ["--hash", f"{part}:h:{{k}}:{{window_start}}", "--counter", f"{part}:c:{{k}}", "--by", "n"]

    def stages(self, settings, place, source_options):
        stages = [["skafka-cat", "-b", place["brokers"], "-o", "beginning", "--checkpoint-interval", "300ms",
                   *source_options, place["topic"]]]
        if settings.where:
            stages.append(["sfilter", "--where", " && ".join(f"v != {v}" for v in range(7, 100, 10))])
        stages.append(["swatermark", "--time", "t", "--time-unit", "ms", "--bounded", f"{settings.bounded}ms",
                       *(["--idle-after", "10m"] if self.stream_scope else [])])
        stages.append(["swindow", "--scope", "stream" if self.stream_scope else "unit", "--tumbling", f"{settings.size}ms",
                       "--key", "k", "--agg", "n=count(), s=sum(v)", "--time-format", "ms",
                       *(["--allowed-lateness", f"{settings.lateness}ms"] if settings.lateness else [])])
        divert = []
        if self.side:
            divert += ["--exec", f"{self.side_label}={shlex.join(self.sink(self.side, 'side', place))}"]
        if self.copy:
            divert += ["--copy", shlex.join(self.sink(self.copy, "copy", place))]
        if divert:
            stages.append(["sdivert", *divert])
        stages.append(self.sink(self.main, "main", place))
        return stages


def stat_of(pid):
    """(name, parent, state) of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return name, int(rest[1]), rest[0]


def descendants(roots):
    """{pid: (name, parent)} of all live processes below the roots."""
    everyone = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := stat_of(entry)) and stat[2] not in "ZX":
            everyone[int(entry)] = stat[:2]
    found, new = {}, set(roots)
    while new:
        new = {pid for pid, (_, parent) in everyone.items() if parent in new and pid not in found}
        found.update({pid: everyone[pid] for pid in new})
    return found


def resident_kib(pid):
    """What belongs to the process alone: files and shared libraries are the kernel's to keep or to drop."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("RssAnon")).split()[1])
    except (OSError, StopIteration):
        return 0


class Run:
    """The process that starts the stages, again and again."""

    def __init__(self, shape, settings, place, folder):
        self.shape, self.settings, self.place, self.folder = shape, settings, place, folder
        self.log = os.path.join(folder, "log")
        self.known = set()  # every stage that was ever seen, with its start time
        self.root = None

    def start(self, source_options=()):
        stages = self.shape.stages(self.settings, self.place, source_options)
        environment = {"STREAM_CHECKPOINT": self.place["checkpoint"]}
        if self.shape.srun:
            path = os.path.join(self.folder, "pipeline.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write("name = soak\n" + ("" if self.shape.binary else "binary = false\n"))
                file.write(f"fuse = true\nthreads = {self.shape.threads}\n" if self.shape.fused else "")
                file.write(f"checkpoint = {self.place['checkpoint']}\n")
                for stage in stages:
                    file.write(f"stage = {shlex.join(stage)}\n")
            words = [os.path.join(BIN, "srun"), "-v", path]
            environment = {"STREAM_READ_AHEAD_BYTES": "0"}
        else:
            if self.shape.binary:
                environment["STREAM_FORMAT"] = "binary"
            log = shlex.quote(self.log)
            path = os.path.join(self.folder, "pipeline.sh")
            with open(path, "w", encoding="utf-8") as file:
                file.write(LOOP.format(bin=shlex.quote(BIN), log=log,
                                       environment=" ".join(f"{k}={shlex.quote(v)}" for k, v in environment.items()),
                                       pipeline=" | ".join(f"{shlex.join(stage)} 2>>{log}" for stage in stages)))
            words = ["bash", path]
        self.say(f"started with {' '.join(source_options) or 'no options'}")
        with open(self.log, "a", encoding="utf-8") as log:
            self.root = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                         env={**os.environ, **environment})

    def say(self, text):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"soak: {time.monotonic():.3f}: {text}\n")

    def processes(self):
        """{pid: (name, branch)} of the stages that run."""
        found = descendants([self.root.pid])
        divert = {pid for pid, (name, _) in found.items() if name in ("sdivert", "sfuse")}
        ours = {pid: (name, parent in divert) for pid, (name, parent) in found.items() if name in OURS}
        self.known |= set(ours)
        return ours

    def find(self, name, branch=False, patience=2.0, other_than=()):
        """The pid of a stage; None when it does not come up."""
        until = time.monotonic() + patience
        while True:
            for pid, (found, is_branch) in self.processes().items():
                if found == name and is_branch == branch and pid not in other_than:
                    return pid
            if time.monotonic() >= until or self.root.poll() is not None:
                return None
            time.sleep(0.005)

    def kill(self, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait(self, seconds):
        """The exit code; None when it has not ended."""
        try:
            return self.root.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        """Asks the source to end: windows stay open."""
        if self.shape.srun:
            self.root.send_signal(signal.SIGTERM)
        elif (source := self.find("skafka-cat")) is not None:
            os.kill(source, signal.SIGTERM)

    def destroy(self):
        """Ends the runner and every stage with SIGKILL."""
        stages = self.processes()
        self.root.kill()
        self.root.wait()
        self.kill(stages)
        self.gone(stages)

    def gone(self, pids, patience=10.0):
        """Waits until the processes are gone; returns those that are not."""
        until = time.monotonic() + patience
        while left := [pid for pid in pids if (stat := stat_of(pid)) and stat[0] in OURS and stat[2] not in "ZX"]:
            if time.monotonic() >= until:
                return left
            time.sleep(0.01)
        return []

    def restarts(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        return text.count("soak: start\n") + text.count("starting again") if self.shape.srun else text.count("soak: start\n")
