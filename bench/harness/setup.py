# SPDX-License-Identifier: Apache-2.0
"""Where things are, what is asked for, and how commands are run."""
import atexit
import dataclasses
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("STREAM_BUILD", "build"))
DATA = os.path.join(BUILD, "data")
OUT = os.path.join(BUILD, "bench", f"out-{os.getpid()}")
RESULTS = os.path.join(BUILD, "bench", "results")
PEERS = os.path.join(BUILD, "peers")
PEERS_SOURCE = os.path.join(ROOT, "bench", "peers-src")
os.environ["PATH"] = f"{BUILD}/bin:{BUILD}/bench:{BUILD}/tests:{PEERS}/jaq/bin:" + os.environ["PATH"]
# These change what our programs do.
for variable in ("STREAM_FORMAT", "STREAM_CHECKPOINT"):
    os.environ.pop(variable, None)


def begin(whole):
    """Makes the folder for what runs write, gone at the end. Figures of small data, or of some of the contestants, are kept
    apart: those of the last whole run are what the documentation is made of."""
    global RESULTS
    if not whole:
        RESULTS = os.path.join(BUILD, "bench", "results-of-parts")
    os.makedirs(OUT, exist_ok=True)
    atexit.register(shutil.rmtree, OUT, ignore_errors=True)


class Problem(Exception):
    """Something that ends the comparison, said in one line."""


@dataclasses.dataclass
class Settings:
    """What was asked for on the command line."""
    runs: int = 7
    slow_runs: int = 3
    slow_seconds: float = 20.0
    events: int | None = None
    only: frozenset = frozenset()

    def sized(self, events):
        """The size of a workload whose full size is `events`."""
        return min(events, self.events) if self.events else events

    def takes_part(self, kind, peer):
        return not self.only or kind in self.only or peer in self.only


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def shell(command, **kwargs):
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, cwd=ROOT, **kwargs)


def output(command):
    return shell(command, stdout=subprocess.PIPE, text=True).stdout.strip()


def first_line(command):
    """The first line that a command prints, or '' when it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0].strip()


def knows_option(program, option):
    done = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=False)
    return option in done.stdout


def versions():
    """The pinned versions of the peers."""
    with open(os.path.join(ROOT, "bench", "versions"), encoding="utf-8") as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#"))


def make(path, command):
    """Makes a file of data once, whole or not at all, and has it in memory."""
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        say(f"making {os.path.relpath(path, ROOT)}")
        shell(f"{command} > {path}.{os.getpid()} && mv {path}.{os.getpid()} {path}")
    shell(f"cat {path} > /dev/null")
    return path


def ysb(events):
    return make(f"{DATA}/ysb-{events}.ndjson", f"ysb {events}")


def halves(path):
    """A folder with the two halves of a file, for readers that take one file a thread."""
    folder = f"{path}.halves"
    if not os.path.isdir(folder):
        made = f"{folder}.{os.getpid()}"
        shell(f"mkdir {made} && split -n l/2 {path} {made}/ && mv -T {made} {folder}")
    return folder
