# SPDX-License-Identifier: Apache-2.0
"""Writes COUNT synthetic clicks as NDJSON to standard output, the same at every run, in the order in which they arrive.

usage: clicks.py COUNT

25 clicks a second of event time by 200 users, a few of them busy. Most arrive within 8 s of their time, two in a hundred
up to 60 s later (a window that has fired is corrected), one in two hundred some minutes later (late).
"""

import datetime
import random
import sys

START = datetime.datetime(2024, 6, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)
USERS, PER_SECOND = 200, 25
PAGES = ["/", "/search", "/cart", "/checkout"] + [f"/product/{i}" for i in range(40)]


def delay(random_):
    kind = random_.random()
    if kind < 0.005:
        return random_.uniform(150, 400)
    if kind < 0.025:
        return random_.uniform(15, 60)
    return min(random_.expovariate(1 / 1.5), 8)


def main(count):
    random_ = random.Random(20240601)
    weights = [1 / (rank + 12) for rank in range(USERS)]
    users = random_.choices([f"u{i:03}" for i in range(USERS)], weights, k=count)
    clicks = []
    for i, user in enumerate(users):
        time = i / PER_SECOND + random_.random()
        status = random_.choices((200, 404, 500), (950, 35, 15))[0]
        latency = random_.lognormvariate(4, 0.7) * (8 if status == 500 else 1)
        stamp = (START + datetime.timedelta(seconds=time)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = (f'{{"event_time":"{stamp}","user_id":"{user}","page":"{random_.choice(PAGES)}",'
                f'"status":{status},"latency_ms":{latency:.1f}}}\n')
        clicks.append((time + delay(random_), i, line))
    clicks.sort()
    sys.stdout.writelines(line for _, _, line in clicks)


if __name__ == "__main__":
    main(int(sys.argv[1]))
