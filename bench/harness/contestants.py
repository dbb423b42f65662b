# SPDX-License-Identifier: Apache-2.0
"""How each program is started for a job."""
import glob
import os

from . import setup
from .measure import Contestant

JAVA = ["java", "-Xmx1g", "--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.nio=ALL-UNNAMED", "-XX:+IgnoreUnrecognizedVMOptions"]


def python_peer(peer, script, name, job, source, threads, read, labels=("",), note=""):
    program = f"{setup.PEERS_SOURCE}/python/{script}_peer.py"
    return Contestant(
        name=name, kind="peer", peer=peer, read=read, reports=True, labels=labels, note=note,
        stages=[["env", f"POLARS_MAX_THREADS={threads}", f"{setup.PEERS}/python/bin/python", program, job, source, "{out}",
                 str(threads), "{runs}", "{report}"]])


def duckdb(name, job, source, threads, read):
    return python_peer("duckdb", "duckdb", name, job, source, threads, read,
                       note="the query alone, the engine already started")


def flink(name, job, source, parallelism, read):
    """A file a thread: one alone would be read by one."""
    return Contestant(
        name=f"{name}, parallelism {parallelism}", kind="peer", peer="flink", read=read, reports=True, folder=True,
        labels=(" cold", " warm"), note="warm: the second run in one Java machine; peak of both",
        stages=[JAVA + ["-cp", f"{setup.PEERS}/flink/lib/*", "FlinkPeer", job,
                        source if parallelism == 1 else setup.halves(source), "{out}", str(parallelism), "{runs}",
                        "{report}"]])


def forms(window, source, read, watermark):
    """The three forms of one pipeline of ours, and a fourth where sfuse has threads."""
    pipeline = f"{' '.join(map(quoted, watermark))} | {' '.join(map(quoted, window))}"
    fused = ["sfuse", pipeline]
    threads = setup.knows_option("sfuse", "--threads")
    made = [Contestant("fused, 1 thread", [fused + (["--threads", "1"] if threads else [])], source=source, read=read)]
    if threads:
        made.append(Contestant("fused, 2 threads", [fused + ["--threads", "2"]], source=source, read=read))
    made.append(Contestant("two processes, binary", [["srun", pipeline]], source=source, read=read,
                           note="under srun, which starts them and tells each what the other reads"))
    made.append(Contestant("two processes, text", [watermark, window], source=source, read=read))
    return made


def quoted(word):
    """As a pipeline file quotes words: in single quotes; ours hold none."""
    return word if word.replace("-", "").replace("_", "").isalnum() else f"'{word}'"


def installed(peer):
    """Whether bench/peers has installed it."""
    places = {"duckdb": f"{setup.PEERS}/python/lib/*/site-packages/duckdb", "spark": f"{setup.PEERS}/python/lib/*/site-packages/pyspark",
              "polars": f"{setup.PEERS}/python/lib/*/site-packages/polars", "jaq": f"{setup.PEERS}/jaq/bin/jaq",
              "flink": f"{setup.PEERS}/flink/lib/flink-peer-1.jar", "streams": f"{setup.PEERS}/streams/lib/streams-peer-1.jar",
              "jq": "/usr/bin/jq", "miller": "/usr/bin/mlr"}
    return any(os.path.exists(place) for place in glob.glob(places[peer]))
