#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of a document in the current folder, one after the other, and compares what they print.

usage: run_examples.py README.md | PAGE.scd | --help-of PROGRAM

In a document an example is a block between ``` lines whose first line starts with "$ ". Each "$ " begins a command, which goes on in
the next line as long as one ends with '|', '&&' or a backslash. The lines behind it, up to the next command, a blank line
or the end of the block, are the expected standard output; without any only the exit code counts: 0, or 141 for a pipeline whose
reader left. In the text of --help all commands under "Examples:" are run.

Environment: BOOTSTRAP and REDIS_URL stand for localhost in the commands. Run ids in the output are not compared.
"""
import difflib
import os
import re
import signal
import subprocess
import sys

FOLLOW_SECONDS = 6  # a pipeline that follows a topic is stopped after this, as by Ctrl-C
LIMIT_SECONDS = 120


def is_unfinished(line):
    return line.rstrip().endswith(("|", "&&", "\\"))


def commands_of(block):
    """[(command, expected lines)] of the lines of one block."""
    found, lines = [], iter(block)
    for line in lines:
        if line.startswith("$ "):
            command = [line[2:]]
            while is_unfinished(command[-1]):
                command.append(next(lines))
            found.append(("\n".join(command), []))
        elif not line.strip():
            break
        else:
            found[-1][1].append(line)
    return found


def examples_in_document(path):
    text = open(path, encoding="utf-8").read()
    found, block = [], None
    for line in text.splitlines():
        if line.startswith("```"):
            if block and block[0].startswith("$ "):
                found += commands_of(block)
            block = [] if block is None else None
        elif block is not None:
            block.append(re.sub(r"\\(.)", r"\1", line) if path.endswith(".scd") else line)
    return found


def examples_in_help(program):
    text = subprocess.run([program, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    commands = re.findall(r"^    (.+)$", text.split("\nExamples:\n")[1], re.MULTILINE)
    return [(command, []) for command in commands]


def with_servers(command):
    command = re.sub(r"(-b )localhost\b(:9092)?", r"\g<1>" + os.environ.get("BOOTSTRAP", "localhost"), command)
    url = os.environ.get("REDIS_URL", "redis://localhost")
    return re.sub(r"redis://localhost(?:/(\d+))?", lambda m: url + (f"?db={m[1]}" if m[1] else ""), command)


def follows(command):
    return "skafka-cat" in command and not re.search(r" (-e|-c|--to|--from|-L|--exit)\b", command)


def run(command):
    """Exit code, standard output, standard error."""
    script = "trap : TERM; set -o pipefail; " + with_servers(command)
    child = subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = child.communicate(timeout=FOLLOW_SECONDS if follows(command) else LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGTERM if follows(command) else signal.SIGKILL)
        try:
            out, err = child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
    return child.returncode, out, err


def comparable(text):
    return re.sub(r'"run":"[0-9a-f]{16}"', '"run":"-"', text).rstrip("\n").split("\n")


def main():
    if sys.argv[1] == "--help-of":
        examples = examples_in_help(sys.argv[2])
    else:
        examples = examples_in_document(sys.argv[1])
    failed = 0
    for command, expected in examples:
        code, out, err = run(command)
        wanted, got = comparable("\n".join(expected)), comparable(out)
        if code in (0, 141) and (not expected or wanted == got):
            continue
        failed += 1
        print(f"FAILED ({code}): {command}\n{err}", end="")
        if expected:
            print("\n".join(difflib.unified_diff(wanted, got, "document", "printed", lineterm="")))
    print(f"{len(examples)} examples, {failed} failed")
    return 1 if failed or not examples else 0


sys.exit(main())
