# SPDX-License-Identifier: Apache-2.0
"""The servers of a schedule: scripts/redis and scripts/kafka, and a small Redis client."""

import os
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("STREAM_BUILD", "build"))
BIN = os.path.join(BUILD, "bin")
ADMIN = os.path.join(BUILD, "tests", "kafka_admin")


def call(*words, **environment):
    done = subprocess.run(words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


class Redis:
    """A server of one's own that has on disk what it confirms."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = os.path.join(folder, "redis.sock")
        self.url = f"unix://{self.socket}"

    def run(self, *words):
        return call(os.path.join(ROOT, "scripts", "redis"), *words, STREAM_REDIS_DIR=self.folder)

    def start(self):
        self.run("start", "--durable")

    def kill(self):
        self.run("kill")

    def restart(self):
        self.run("restart")

    def stop(self):
        self.run("stop")

    def ask(self, *commands):
        """The replies to commands, which are tuples of words; errors are raised."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            stream = connection.makefile("rwb")
            replies = []
            for at in range(0, len(commands), 500):
                for words in commands[at : at + 500]:
                    words = [str(word).encode() for word in words]
                    stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
                stream.flush()
                replies += [self.reply(stream) for _ in commands[at : at + 500]]
            return replies

    def reply(self, stream):
        line = stream.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RuntimeError(f"redis: {rest.decode()}")
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.reply(stream) for _ in range(int(rest))]
        raise RuntimeError(f"redis: the connection ended: {line!r}")


class Kafka:
    def __init__(self, folder):
        self.folder = folder
        self.brokers = None

    def run(self, *words):
        return call(os.path.join(ROOT, "scripts", "kafka"), *words, STREAM_KAFKA_DIR=self.folder)

    def start(self, *properties):
        self.brokers = self.run("start", *properties).strip().removeprefix("bootstrap=")

    def kill(self):
        self.run("kill")

    def restart(self):
        self.run("restart")

    def topic(self, name, partitions):
        call(ADMIN, "-b", self.brokers, "create", name, str(partitions))

    def remove(self, name):
        call(ADMIN, "-b", self.brokers, "delete", name)

    def offsets(self, name):
        """The end of each partition's log."""
        lines = call(ADMIN, "-b", self.brokers, "offsets", name).splitlines()
        return [int(line.split()[2]) for line in lines]

    def committed(self, name):
        """(partition, key, value) of what a reader of committed records sees, in order within a partition."""
        out = call("kcat", "-C", "-b", self.brokers, "-t", name, "-e", "-q", "-o", "beginning", "-X",
                   "isolation.level=read_committed", "-f", "%p\t%k\t%s\n")
        return [line.split("\t", 2) for line in out.splitlines()]


class Producer:
    """Writes the records of a workload to a topic, so many a second by the clock."""

    def __init__(self, kafka, topic, workload, rate, log):
        self.workload, self.rate = workload, rate
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen([ADMIN, "-b", kafka.brokers, "produce", topic, "-1", "--key"],
                                            stdin=subprocess.PIPE, stderr=errors)

    def run(self, seconds):
        began = time.monotonic()
        total = int(self.rate * seconds)
        while self.workload.made < total:
            due = min(total, int((time.monotonic() - began) * self.rate))
            if due > self.workload.made:
                self.process.stdin.write(self.workload.make(min(due - self.workload.made, 2000)))
                self.process.stdin.flush()
            else:
                time.sleep(0.01)
        self.workload.finish()
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError("the producer failed")
