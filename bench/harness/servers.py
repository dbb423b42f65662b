# SPDX-License-Identifier: Apache-2.0
"""W3 and W9: from Kafka to Redis, with a broker and a server of their own."""
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from . import measure, results, setup
from .book import contest
from .measure import Contestant
from .setup import Problem, output, say, shell

# What skafka-cat sets and what decides how fast a consumer is: the bare drain gets the same.
SETTINGS = ("queued.max.messages.kbytes", "queued.min.messages", "fetch.wait.max.ms", "fetch.error.backoff.ms",
            "isolation.level", "check.crcs")


HOP_SECONDS = 0.05  # of CPU: a hop that needs less cannot be seen beside two runs of some seconds


class Servers:
    """A broker and a Redis on a unix socket, both ended with the block."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="stream-bench-")
        os.environ.update(STREAM_KAFKA_DIR=f"{self.dir}/kafka", STREAM_REDIS_DIR=f"{self.dir}/redis",
                          STREAM_KAFKA_HEAP="512m")
        try:
            self.broker = output("scripts/kafka start").split("=", 1)[1]
            self.url = output("scripts/redis start").split("=", 1)[1]
        except BaseException:
            self.__exit__()
            raise
        self.socket = self.url.removeprefix("unix://")
        return self

    def __exit__(self, *_):
        shell("scripts/kafka stop; scripts/redis stop", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def cli(self, command):
        return output(f"redis-cli -s {self.socket} {command}")

    def topic(self, name, partitions):
        shell(f"STREAM_KAFKA_DIR={self.dir}/kafka scripts/kafka topic {name} {partitions}", stdout=subprocess.DEVNULL)

    def load(self, name, source):
        self.topic(name, 2)
        say(f"loading topic {name}")
        shell(f"ssink-kafka -b {self.broker} -t {name} --key ad_id < {source}")

    def views(self):
        """{(window start, ad): (n,)} of the hashes views:AD:START."""
        keys = f"{setup.OUT}/keys"
        shell(f"redis-cli -s {self.socket} --scan --pattern 'views:*' > {keys}")
        counts = output(f"sed 's/.*/hget \"&\" n/' {keys} | redis-cli -s {self.socket}").split()
        found = {}
        with open(keys, encoding="utf-8") as lines:
            for key, count in zip(lines, counts, strict=True):
                _, ad, start = key.strip().split(":")
                found[int(start), ad] = (int(count),)
        return found


def drain_settings():
    """The properties in force in skafka-cat, as it says itself."""
    shown = output("skafka-cat -X dump x").splitlines()
    found = dict(line.split(" = ", 1) for line in shown if " = " in line)
    return [f"{key}={found[key]}" for key in SETTINGS]


def srun(pipeline, fused):
    threads = ["--threads", "2"] if fused and setup.knows_option("srun", "--threads") else []
    return [["srun", *(["--fuse"] if fused else []), *threads, pipeline]]


def to_redis(servers, topic, *before):
    stages = [f"skafka-cat -b {servers.broker} -e {topic}", *before, "swatermark --time event_time --bounded 10s",
              "swindow --tumbling 10s --key ad_id --where 'event_type == \"view\"' --agg 'n=count()' --time-format ms",
              f"ssink-redis --url {servers.url} --hash 'views:{{ad_id}}:{{window_start}}' --ttl 1h"]
    return " | ".join(stages)


def with_flush(contestants, servers):
    """Redis is emptied before each run of those that write there; by a stage's shell it would count as theirs."""
    for contestant in contestants:
        contestant.before = lambda: servers.cli("flushall")
    return contestants


def kafka_to_redis(book, settings):
    """W3: throughput on a topic, then live, then a burst."""
    events = settings.sized(5_000_000)
    source = setup.ysb(events)
    expected = results.model_tumbling(source, 10_000)
    with Servers() as servers:
        servers.load("views", source)
        pipeline = to_redis(servers, "views")
        read = results.windows("n")
        contestants = with_flush([
            Contestant("srun --fuse, to Redis", srun(pipeline, True), read=lambda _: servers.views()),
            Contestant("srun, four binary processes, to Redis", srun(pipeline, False), read=lambda _: servers.views()),
        ], servers)
        contestants.append(Contestant("limit: bare librdkafka drain",
                                      [["limit_kafka", servers.broker, "views", *drain_settings()]], kind="limit",
                                      read=lambda path: expected if next(results.objects(path))["records"] == events else {}))
        for threads in (1, 2):
            contestants.append(Contestant(
                f"Kafka Streams, {threads} thread{'s' if threads > 1 else ''}", kind="peer", peer="streams", reports=True,
                read=read, note="from the start of the Java machine, with the stores it has by default; nothing to Redis", stages=[[
                    "java", "-Xmx1g", "-cp", f"{setup.PEERS}/streams/lib/*", "StreamsPeer", servers.broker, "views",
                    str(events), "{out}", str(threads), "{report}"]]))
        samples = contest(book, settings, "Kafka to Redis, broker and server on the same cores", events, contestants,
                          expected)
        book.ratio("srun --fuse: of the throughput of a bare drain", samples, "limit: bare librdkafka drain",
                   "srun --fuse, to Redis", 0.7)
        if settings.takes_part("ours", ""):
            live(book, settings, servers)
            burst(book, settings, servers)


class Live:
    """A pipeline that follows a topic into Redis while the block runs."""

    def __init__(self, servers, topic, window):
        self.servers = servers
        servers.topic(topic, 1)
        servers.cli("flushall")
        command = srun(f"skafka-cat -b {servers.broker} -o beginning {topic} | swatermark --time event_time | "
                       f"swindow --tumbling {window} --key ad_id --agg 'n=count()' --time-format ms | "
                       f"ssink-redis --url {servers.url} --hash 'live:{{ad_id}}:{{window_start}}' --counter total --by n",
                       True)[0]
        self.log = open(f"{setup.BUILD}/bench/live.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(command, cwd=setup.ROOT, stderr=self.log)

    def __enter__(self):
        time.sleep(3)  # the start of the source is not what is measured
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def counted(self):
        return int(float(self.servers.cli("get total") or 0))

    def produce(self, topic, rate, seconds, window_ms, warm_up, linger_ms):
        done = subprocess.run(["live", self.servers.broker, topic, self.servers.socket, str(rate), str(seconds),
                               str(window_ms), str(warm_up), f"linger.ms={linger_ms}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        if not done.stdout:
            raise Problem(f"live failed: {done.stderr}")
        return json.loads(done.stdout)

    def wait_for(self, wanted, seconds):
        """When all were counted, by the monotonic clock; None: not within the time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Problem(f"a live pipeline ended: see {self.log.name}")
            if self.counted() >= wanted:
                return time.monotonic()
            time.sleep(0.05)
        return None


def live(book, settings, servers):
    """Latency from the delivery report of the record that closes a window to its result in Redis."""
    rate, seconds, warm_up = (100_000, 60, 10) if not settings.events else (10_000, 5, 1)
    window_ms = 200 if not settings.events else 1000
    say(f"{rate:,} events/s live for {seconds} s")
    with Live(servers, "live", f"{window_ms}ms") as pipeline:
        figures = pipeline.produce("live", rate, seconds + warm_up, window_ms, warm_up, 0)
        pipeline.wait_for(figures["produced"], 30)
        counted = pipeline.counted()
    took = figures["sent"] - figures["started"]
    book.note(f"live: {figures['produced']:,} events at {figures['produced'] / took:,.0f}/s, linger 0, after {warm_up} s of warming up, "
              f"{figures['windows']} windows of {window_ms} ms and 1,000 ads; delivery report to readable in Redis: "
              f"p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f} ms, most {figures['max']:.1f} ms")
    for quantile, ceiling in (("p50", 10), ("p99", 50)):
        book.target(f"live at {rate:,}/s: delivery report to result in Redis, {quantile}",
                    figures[quantile] if figures["windows"] else None, ceiling, True, "ms")
    book.target(f"live at {rate:,}/s: windows whose result did not come", figures["lost"], 0, True, "")
    book.target(f"live at {rate:,}/s: events lost", figures["produced"] - counted, 0, True, "")


def burst(book, settings, servers):
    """A flood, and how long it takes until nothing is left of it."""
    rate, seconds = (500_000, 30) if not settings.events else (20_000, 3)
    say(f"a burst of {rate:,} events/s for {seconds} s")
    with Live(servers, "burst", "1s") as pipeline:
        figures = pipeline.produce("burst", rate, seconds, 1000, 0, 5)
        done = pipeline.wait_for(figures["produced"], 120)
        counted = pipeline.counted()
    took = figures["delivered"] - figures["started"]
    lag = (done - figures["delivered"]) if done else float("inf")
    book.note(f"burst: {figures['produced']:,} events in {took:.1f} s ({figures['produced'] / took:,.0f}/s), "
              f"{counted:,} counted in Redis, the last {lag:.2f} s after the last delivery")
    book.target(f"burst of {rate:,}/s for {seconds} s: events lost", figures["produced"] - counted, 0, True, "")
    book.target(f"burst of {rate:,}/s for {seconds} s: lag is gone after", lag, 30, True, "s")


def hop_bytes(stages, fields):
    """The bytes that pass each hop, as the prefixes of the pipeline write them."""
    sizes = []
    for length in range(1, len(stages)):
        figures = output(f"export STREAM_FORMAT=binary STREAM_FIELDS='{fields}'; " + " | ".join(stages[:length]) + " | limit drain")
        sizes.append(json.loads(figures)["bytes"])
    return sizes


def fields_of(stages):
    """What srun sets STREAM_FIELDS to: what the stages up to swindow say that they read."""
    said = "".join(output(f"STREAM_CHECK=fields {stage}") + "\n" for stage in stages)
    return "\n".join(sorted(set(said.split())))


def in_processes(parts, fields):
    """The pipeline in one process for each part, with the pipes and the environment that srun gives them."""
    words = [f"sfuse {'--binary ' if part is not parts[-1] else ''}{shlex.quote(' | '.join(part))}" for part in parts]
    return [["env", f"STREAM_FIELDS={fields}", "srun", " | ".join(words)]]


def five_stages(book, settings):
    """W9: what processes cost beyond one process, and what a hop costs beyond the bare pipe."""
    events = settings.sized(5_000_000)
    source = setup.ysb(events)
    expected = results.model_tumbling(source, 10_000)
    with Servers() as servers:
        servers.load("stages", source)
        pipeline = to_redis(servers, "stages", "sfilter --require 'ad_id:string, event_type:string, event_time'")
        stages = pipeline.split(" | ")
        fields = fields_of(stage for stage in stages if stage.split()[0] in ("sfilter", "swatermark", "swindow"))
        sizes = hop_bytes(stages, fields)
        hops = range(1, len(stages))
        names = [stage.split()[0] for stage in stages]
        contestants = with_flush([
            Contestant("srun --fuse, five stages", [["srun", "--fuse", pipeline]], read=lambda _: servers.views()),
            Contestant("srun, five binary processes", [["srun", pipeline]], read=lambda _: servers.views()),
            Contestant("one process", in_processes([stages], fields), read=lambda _: servers.views()),
            *(Contestant(f"two processes, cut behind {names[hop - 1]}",
                         in_processes([stages[:hop], stages[hop:]], fields),
                         read=lambda _: servers.views()) for hop in hops)], servers)
        contestants += [Contestant(f"limit: bare pipe behind {names[hop - 1]}", [["limit", "pipe", str(sizes[hop - 1])]],
                                   kind="limit", note=f"{sizes[hop - 1]:,} bytes") for hop in hops]
        samples = contest(book, settings, "five stages, Kafka to Redis", events, contestants, expected)
    book.ratio("five binary processes: CPU of fused", samples, "srun, five binary processes", "srun --fuse, five stages", 2.5,
               "cpu", at_most=True)
    for hop in hops:
        bare = samples.get(f"limit: bare pipe behind {names[hop - 1]}", [])
        both = zip(samples.get(f"two processes, cut behind {names[hop - 1]}", []), samples.get("one process", []), bare)
        ratios = [(cut.cpu - whole.cpu) / max(pipe.cpu, 1e-9) for cut, whole, pipe in both]
        if bare and measure.median([pipe.cpu for pipe in bare]) < HOP_SECONDS:
            book.note(f"hop behind {names[hop - 1]}: {sizes[hop - 1]:,} bytes, which cost less than two runs differ by: not judged")
            continue
        book.target(f"hop behind {names[hop - 1]}: CPU of the bare pipe's", measure.median(ratios), 1.3, True)
