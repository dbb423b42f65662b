# SPDX-License-Identifier: Apache-2.0
"""What the sinks hold, read back and compared with what the workload says, per key and in order."""

import collections
import glob
import gzip
import json
import os


def line_of(key, result):
    start, size, count, total, firing, revision = result
    return (f'{{"window_start":{start},"window_end":{start + size},"k":"{key}","n":{count},"s":{total},'
            f'"firing":"{firing}","revision":{revision}}}')


def differences(what, wanted, got, limit=3):
    """Both are {key: list}: what is missing, doubled, foreign or out of order, as sentences."""
    found = []
    for key in sorted(set(wanted) | set(got)):
        want, have = wanted.get(key, []), got.get(key, [])
        if want == have:
            continue
        missing = collections.Counter(want) - collections.Counter(have)
        beyond = collections.Counter(have) - collections.Counter(want)
        text = f"{what} {key}: {len(want)} wanted, {len(have)} there"
        if missing:
            text += f"; {missing.total()} missing, as {min(missing)}"
        if beyond:
            doubled = sum(count for item, count in beyond.items() if item in want)
            text += f"; {beyond.total()} too many ({doubled} of them doubles), as {min(beyond)}"
        if not missing and not beyond:
            at = next(i for i in range(len(want)) if want[i] != have[i])
            text += f"; out of order from number {at}: {have[at]}"
        found.append(text)
    return found[:limit] + ([f"{what}: {len(found) - limit} more keys differ"] if len(found) > limit else [])


class Checker:
    """Compares one run's sinks with a finished workload."""

    def __init__(self, workload, topic, redis, kafka, now):
        self.workload, self.topic, self.redis, self.kafka, self.now = workload, topic, redis, kafka, now
        size = workload.settings.size
        self.results = {key: [(start, size, *rest) for start, *rest in results] for key, results in workload.results.items()}

    def main(self, kind, part, place):
        """The windows' results in a sink of any kind. part: the prefix or place."""
        wanted = {key: [line_of(key, r) for r in results] for key, results in self.results.items()}
        if kind == "redis":
            return self.main_redis(part)
        lines = self.lines(kind, place)
        return differences(kind, wanted, self.grouped(lines, lambda record: record["k"]))

    def grouped(self, lines, key):
        got = collections.defaultdict(list)
        for line in lines:
            got[key(json.loads(line))].append(line)
        return got

    def lines(self, kind, place):
        """All lines, those of one key in order. A key is in one folder or one partition."""
        if kind == "kafka":
            return [value for _, _, value in self.kafka.committed(place)]
        lines = []
        for folder in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            if folder.startswith("."):
                continue
            for path in sorted(glob.glob(os.path.join(place, folder, "part-*"))):
                with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
                    text = file.read()
                if text and not text.endswith("\n"):
                    lines.append(json.dumps({"k": folder, "unit": folder, "label": "torn", "record": {"id": path}}))
                lines += text.splitlines()
            hidden = [name for name in os.listdir(os.path.join(place, folder)) if name.startswith(".part")]
            lines += [json.dumps({"k": folder, "unit": folder, "label": "unfinished", "record": {"id": name}}) for name in hidden]
        return lines

    def fields(self, key, result):
        start, size, count, total, firing, revision = result
        return (("window_start", str(start)), ("window_end", str(start + size)), ("k", key), ("n", str(count)),
                ("s", str(total)), ("firing", firing), ("revision", str(revision)))

    def main_redis(self, part):
        if self.now:
            return self.shown_at_once(part)
        keys = sorted(self.results)
        streams = self.redis.ask(*[("XRANGE", f"{part}:s:{key}", "-", "+") for key in keys])
        got = {key: [tuple(zip(fields[::2], fields[1::2])) for _, fields in entries] for key, entries in zip(keys, streams)}
        wanted = {key: [self.fields(key, r) for r in results] for key, results in self.results.items()}
        found = differences(f"redis stream {part}", wanted, got)

        last = self.last_revisions()
        counters = self.redis.ask(*[("GET", f"{part}:c:{key}") for key in keys])
        found += differences(f"redis counter {part}", {key: [str(sum(r[2] for r in last[key].values()))] for key in keys},
                             {key: [value] for key, value in zip(keys, counters)})
        found += self.hashes(part, last)
        return found + self.number_of_keys(part, sum(map(len, last.values())) + 2 * len(keys))

    def shown_at_once(self, part):
        """Without streams and counters: hashes, and per key the result that was written last."""
        last, keys = self.last_revisions(), sorted(self.results)
        strings = self.redis.ask(*[("GET", f"{part}:l:{key}") for key in keys])
        found = differences(f"redis string {part}", {key: [line_of(key, self.results[key][-1])] for key in keys},
                            {key: [value] for key, value in zip(keys, strings)})
        found += self.hashes(part, last)
        return found + self.number_of_keys(part, sum(map(len, last.values())) + len(keys))

    def last_revisions(self):
        return {key: {r[0]: r for r in results} for key, results in self.results.items()}

    def hashes(self, part, last):
        names = [(key, start) for key in sorted(last) for start in last[key]]
        hashes = self.redis.ask(*[("HGETALL", f"{part}:h:{key}:{start}") for key, start in names])
        return differences(
            f"redis hash {part}", {name: [tuple(sorted(self.fields(name[0], last[name[0]][name[1]])))] for name in names},
            {name: [tuple(sorted(zip(value[::2], value[1::2])))] for name, value in zip(names, hashes)})

    def number_of_keys(self, part, wanted):
        there = sum(1 for (name,) in self.scan(f"{part}:*"))
        return [f"redis {part}: {there} keys, {wanted} wanted"] if there != wanted else []

    def scan(self, pattern):
        cursor = "0"
        while True:
            ((cursor, names),) = self.redis.ask(("SCAN", cursor, "MATCH", pattern, "COUNT", "5000"))
            yield from ((name,) for name in names)
            if cursor == "0":
                return

    def sides(self, kind, label, place):
        units = [f"{self.topic}/{number}" for number in range(len(self.workload.sides))]
        wanted = {unit: [side for side in sides if label in ("*", side[0])] for unit, sides in zip(units, self.workload.sides)}
        wanted = {unit: sides for unit, sides in wanted.items() if sides}
        got = collections.defaultdict(list)
        if kind == "redis":
            found = self.redis.ask(*[("XRANGE", f"side:s:{unit}", "-", "+") for unit in units])
            for unit, entries in zip(units, found):
                for _, fields in entries:
                    record = dict(zip(fields[::2], fields[1::2]))
                    got[unit].append((record["label"], json.loads(record["record"])["id"]))
            counters = self.redis.ask(*[("GET", f"side:c:{unit}") for unit in wanted])
            sums = differences("redis counter of side records",
                               {unit: [str(sum(number for _, number in sides))] for unit, sides in wanted.items()},
                               {unit: [value] for unit, value in zip(wanted, counters)})
            return sums + differences("redis stream of side records", wanted, got)
        for line in self.lines(kind, place):
            record = json.loads(line)
            got[record["unit"]].append((record["label"], record["record"]["id"]))
        return differences(f"side records in {kind}", wanted, got)
