# SPDX-License-Identifier: Apache-2.0
"""Computes the flights' windows once more, slowly and by definition, and compares every one with what is in Redis.

usage: flights_model.py BROKERS TOPIC LATE_TOPIC REDIS_SOCKET PREFIX BOUNDED_S LATENESS_S READ ON_TIME LATE

TOPIC is read partition by partition in the order of its offsets with kcat. Each partition has its own watermark and
windows of 3 h every 1 h per origin. Nothing is shared with the programs under test but the definitions in their manuals:
a record is judged against the watermark that stood before it; a window is gone when W >= end + lateness.
READ, ON_TIME and LATE are what the pipeline's own counters say. Exits 1 with the first differences when anything differs.
"""

import collections
import datetime
import decimal
import json
import socket
import subprocess
import sys

HOUR = 3600 * 1_000_000
SIZE, SLIDE, STEP = 3 * HOUR, HOUR, 100_000
P90_ERROR = decimal.Decimal("0.005")
FLIGHTS = 336_776
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
decimal.getcontext().prec = 17  # and ROUND_HALF_EVEN: how swindow(1) rounds an average, once


def micros(text):
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // datetime.timedelta(microseconds=1)


def iso(us):
    return (EPOCH + datetime.timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Window:
    def __init__(self):
        self.count, self.delays, self.destinations = 0, [], set()
        self.firing, self.revision = None, None

    def add(self, flight):
        self.count += 1
        if flight["dep_delay"] is not None:
            self.delays.append(flight["dep_delay"])
        self.destinations.add(flight["dest"])

    def fire(self, kind):
        self.firing = kind
        self.revision = 0 if self.revision is None else self.revision + 1

    def average(self):
        return decimal.Decimal(sum(self.delays)) / decimal.Decimal(len(self.delays)) if self.delays else None

    def p90(self):
        """Nearest rank: the value of rank ceil(0.9 n)."""
        return sorted(self.delays)[(9 * len(self.delays) + 9) // 10 - 1] if self.delays else None


def compute(flights, bounded, lateness):
    """The windows by (origin, start), the late flights as (offset, watermark), and how many were on time."""
    windows, unfired, late, on_time = {}, set(), [], 0
    newest = watermark = None
    for offset, flight in flights:
        time = micros(flight["event_time"])
        starts = [s for s in range(time // SLIDE * SLIDE - SIZE, time + 1, SLIDE) if s <= time < s + SIZE]
        alive = [s for s in starts if watermark is None or watermark < s + SIZE + lateness]
        if not alive:
            late.append((offset, watermark))
        else:
            on_time += 1
        for start in alive:
            key = flight["origin"], start
            if key not in windows:
                windows[key] = Window()
                unfired.add(key)
            windows[key].add(flight)
            if watermark is not None and watermark >= start + SIZE:
                windows[key].fire("late")
                unfired.discard(key)
        if newest is None or time > newest:
            newest = time
            watermark = (newest - bounded) // STEP * STEP
            for key in [k for k in unfired if k[1] + SIZE <= watermark]:
                windows[key].fire("on-time")
                unfired.discard(key)
    for key in unfired:  # the end fires what is open
        windows[key].fire("on-time")
    return windows, late, on_time


def read_topic(brokers, topic, partition=None):
    """(offset, value) in the order of the offsets."""
    command = ["kcat", "-C", "-b", brokers, "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%o %s\n"]
    if partition is not None:
        command += ["-p", str(partition)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        offset, value = line.split(b" ", 1)
        yield int(offset), json.loads(value)


def partitions(brokers, topic):
    out = subprocess.run(["kcat", "-L", "-J", "-b", brokers, "-t", topic], check=True, stdout=subprocess.PIPE).stdout
    return sorted(p["partition"] for t in json.loads(out)["topics"] for p in t["partitions"])


class Redis:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, *commands):
        words = b""
        for command in commands:
            words += b"*%d\r\n" % len(command)
            for word in map(str.encode, command):
                words += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(words)
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return rest.decode()

    def hashes(self, prefix):
        found, cursor = set(), "0"
        while True:
            cursor, keys = self.ask(["SCAN", cursor, "MATCH", prefix + "*", "COUNT", "5000"])[0]
            found.update(keys)
            if cursor == "0":
                break
        keys, out = sorted(found), {}
        for i in range(0, len(keys), 500):
            part = keys[i:i + 500]
            for key, flat in zip(part, self.ask(*(["HGETALL", k] for k in part))):
                out[key] = dict(zip(flat[::2], flat[1::2]))
        return out


def number(text):
    return None if text in (None, "", "null") else decimal.Decimal(text)


class Comparison:
    def __init__(self):
        self.differences, self.worst = [], decimal.Decimal(0)

    def check(self, what, wanted, got):
        if wanted != got:
            self.differences.append(f"{what}: {wanted!r} by the model, {got!r} by the pipeline")

    def check_p90(self, what, exact, got):
        if exact is None or got is None or exact == 0:
            return self.check(what, exact, got)
        error = abs(got - exact) / abs(exact)
        self.worst = max(self.worst, error)
        if error > P90_ERROR:
            self.check(what, exact, got)

    def check_window(self, name, origin, start, window, got):
        self.check(name + " origin", origin, got.get("origin"))
        self.check(name + " window_start", iso(start), got.get("window_start"))
        self.check(name + " window_end", iso(start + SIZE), got.get("window_end"))
        self.check(name + " n", str(window.count), got.get("n"))
        self.check(name + " delay", window.average(), number(got.get("delay")))
        self.check(name + " destinations", str(len(window.destinations)), got.get("destinations"))
        self.check(name + " firing", window.firing, got.get("firing"))
        self.check(name + " revision", str(window.revision), got.get("revision"))
        self.check_p90(name + " p90", window.p90(), number(got.get("p90")))


def main(brokers, topic, late_topic, redis_socket, prefix, bounded_s, lateness_s, *counters):
    c = Comparison()
    windows, late, late_offsets, on_time, read, never_landed = {}, collections.Counter(), set(), 0, 0, 0
    for partition in partitions(brokers, topic):
        flights = list(read_topic(brokers, topic, partition))
        read += len(flights)
        found, found_late, found_on_time = compute(flights, int(bounded_s) * 1_000_000, int(lateness_s) * 1_000_000)
        for (origin, start), window in found.items():
            c.check(f"{origin} is in one partition only", False, (origin, start) in windows)
            windows[origin, start] = window
        values = dict(flights)
        late.update((f"{topic}/{partition}", iso(w), json.dumps(values[o])) for o, w in found_late)
        late_offsets.update((f"{topic}/{partition}", o) for o, _ in found_late)
        on_time += found_on_time
        never_landed += sum(f["landed"] is None for f in values.values())
        print(f"partition {partition}: {len(flights)} flights, {found_on_time} on time, {len(found_late)} late")

    hashes = Redis(redis_socket).hashes(prefix)
    names = {f"{prefix}{origin}:{iso(start)}": (origin, start) for origin, start in windows}
    c.check("windows in Redis", sorted(names), sorted(hashes)) if len(names) != len(hashes) else None
    for name, (origin, start) in names.items():
        c.check_window(name, origin, start, windows[origin, start], hashes.get(name, {}))

    diverted = [item for _, item in read_topic(brokers, late_topic)]
    c.check("labels", {"late"} if late else set(), {item["label"] for item in diverted})
    got = collections.Counter((i["unit"], i["watermark"], json.dumps(i["record"])) for i in diverted)
    c.check("late flights in the late topic only", [], list((got - late).elements())[:3])
    c.check("late flights missing in the late topic", [], list((late - got).elements())[:3])
    late_count = sum(late.values())
    # Only the binary encoding carries offsets; where they are known, they are right.
    offsets = {(item["unit"], item["offset"]) for item in diverted if item.get("offset") is not None}
    c.check("offsets of late flights", set(), offsets - late_offsets)

    c.check("flights read", FLIGHTS, read)
    c.check("on time + late", FLIGHTS, on_time + late_count)
    c.check("counters (read, on time, late)", (read, on_time, late_count), tuple(map(int, counters)))
    c.check("messages in the late topic", late_count, len(diverted))
    corrected = sum(window.revision > 0 for window in windows.values())
    # What the test is about must be in the data.
    for what, count in (("late flights", late_count), ("corrected windows", corrected), ("cancelled", never_landed)):
        c.check(f"more than 100 {what}", True, count > 100)
    for difference in c.differences[:20]:
        print("differs: " + difference)
    print(f"{len(windows)} windows, {corrected} of them corrected; {read} read = {on_time} on time + {late_count} late "
          f"({len(offsets)} with offset); {never_landed} never landed; largest error of a p90 {c.worst:.3%}; {len(c.differences)} differences")
    return 1 if c.differences else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
