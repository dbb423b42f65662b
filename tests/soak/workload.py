# SPDX-License-Identifier: Apache-2.0
"""The records of a schedule, and what must come of them, computed by definition while they are made.

Nothing is shared with the programs under test but the definitions in their manuals: a record is judged against the
watermark of its partition that stood before it, windows are per partition, and a window is gone when W >= end + lateness.
"""

import collections
import random
import zlib

PARTITIONS = 3
RECORDS_A_SECOND = 20_000
BASE = 1_700_000_000_000  # event time of the first record, in milliseconds
STEP = 100  # swatermark --step


class Settings:
    """What shapes the results. Milliseconds."""

    def __init__(self, draw, stream_scope):
        self.size = draw.choice([1000, 2000, 5000])
        self.keys = draw.choice([20, 60, 150])
        self.lateness = 0 if stream_scope else draw.choice([0, 0, 3000])
        # In stream scope nothing may be late: a partition may be ahead of another by what one fetch brings.
        self.bounded = 40_000 if stream_scope else draw.choice([300, 500, 1500])
        self.where = draw.random() < 0.25  # sfilter in front: drops every tenth value


class Unit:
    """One partition: its windows, as swindow --scope unit has them."""

    def __init__(self, settings):
        self.settings = settings
        self.newest = self.watermark = None
        self.windows = {}  # by end: by key: [count, sum, revision of the last result or None]
        self.fired_to = 0  # windows that end at or before this were fired

    def add(self, number, time, key, value, results, sides):
        settings = self.settings
        end = time - time % settings.size + settings.size
        watermark = self.watermark
        if watermark is not None and watermark >= end + settings.lateness:
            sides.append(("late", number))
        else:
            window = self.windows.setdefault(end, {}).setdefault(key, [0, 0, None])
            window[0] += 1
            window[1] += value
            if watermark is not None and watermark >= end:
                self.fire(results, end, key, window, "late")
        if self.newest is None or time > self.newest:
            self.newest = time
            reached = (time - settings.bounded) // STEP * STEP
            if watermark is None or reached > watermark:
                self.watermark = reached
                if watermark is None or reached // settings.size != watermark // settings.size:
                    self.advance(results)

    def fire(self, results, end, key, window, firing):
        window[2] = 0 if window[2] is None else window[2] + 1
        results[key].append((end - self.settings.size, window[0], window[1], firing, window[2]))

    def advance(self, results):
        for end in sorted(self.windows):
            if end > self.watermark:
                break
            if end > self.fired_to:
                self.fire_window(results, end)
            if end + self.settings.lateness <= self.watermark:
                del self.windows[end]
        self.fired_to = self.watermark

    def fire_window(self, results, end):
        for key in sorted(self.windows[end]):
            if self.windows[end][key][2] is None:
                self.fire(results, end, key, self.windows[end][key], "on-time")

    def finish(self, results):
        for end in sorted(self.windows):
            self.fire_window(results, end)


class Workload:
    def __init__(self, seed, settings):
        self.settings = settings
        self.random = random.Random(f"records {seed}")
        self.keys = [f"k{i}" for i in range(settings.keys)]
        self.units_of = [zlib.crc32(key.encode()) % PARTITIONS for key in self.keys]  # librdkafka's partitioner
        self.units = [Unit(settings) for _ in range(PARTITIONS)]
        self.results = collections.defaultdict(list)  # by key: (start, count, sum, firing, revision), in order
        self.sides = [[] for _ in range(PARTITIONS)]  # (label, id), in order
        self.made = self.bytes = 0

    def make(self, count):
        """The next records as lines 'KEY TAB VALUE'."""
        lines = []
        bits, keys, where = self.random.getrandbits, self.keys, self.settings.where
        for number in range(self.made, self.made + count):
            dice = bits(48)
            index = (dice & 0xFFFF) % len(keys)
            value = (dice >> 16 & 0xFF) % 100
            kind = (dice >> 24 & 0xFFFF) % 1000
            back = (dice >> 40) * 700 // 256  # most records are out of order by less than 700 ms
            if kind < 4:
                back = 4000 + back * 20
            time = BASE + number - back
            key = keys[index]
            partition = self.units_of[index]
            unit = self.units[partition]
            if kind == 999:
                lines.append(f'{key}\t{{"id":{number},"k":"{key}","v":{value}}}\n')
                if not (where and value % 10 == 7):
                    self.sides[partition].append(("invalid", number))
            else:
                lines.append(f'{key}\t{{"id":{number},"t":{time},"k":"{key}","v":{value}}}\n')
                if not (where and value % 10 == 7):
                    unit.add(number, time, key, value, self.results, self.sides[partition])
        self.made += count
        text = "".join(lines)
        self.bytes += len(text) - sum(line.index("\t") + 1 for line in lines)
        return text.encode()

    def record_bytes(self):
        return self.bytes / max(1, self.made)

    def finish(self):
        for unit in self.units:
            unit.finish(self.results)

    def late(self):
        return sum(label == "late" for unit in self.sides for label, _ in unit)
