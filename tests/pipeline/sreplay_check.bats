# SPDX-License-Identifier: Apache-2.0
# sreplay --check tells a pipeline that repeats its results from one that does not.
bats_require_minimum_version 1.5.0
load ../helpers/common

setup() {
  work_in_tmp
  awk 'BEGIN { srand(3); for (i = 0; i < 3000; i++) printf "{\"t\":%.0f,\"k\":\"k%d\",\"v\":%d}\n", 1700000000000 + i * 20 - (rand() < 0.1 ? 700 : 0), i % 7, i }' >a
  awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"t\":%.0f,\"k\":\"k%d\",\"v\":%d}\n", 1700000000010 + i * 60, i % 3, i }' >b
  export WINDOWS="swatermark --time t --bounded 500ms | swindow --tumbling 5s --key k --agg 'n=count(), s=sum(v)'"
}

check() { timeout -k 5 120 sreplay --time t --check-pauses 300ms "${@:2}" --check "$1" a b; }

# said WANTED_STATUS PIPELINE [OPTION…]: runs the check, leaves out and err.
said() {
  local status=0
  check "${@:2}" >out 2>err || status=$?
  [[ $status == "$1" ]] || fail "exit $status instead of $1: $2"$'\n'"$(cat out err)"
}

@test "windows of event time are the same, and the hash is that of the results" {
  said 0 "$WINDOWS"
  sreplay --time t a b | swatermark --time t --bounded 500ms 2>/dev/null |
    swindow --tumbling 5s --key k --agg 'n=count(), s=sum(v)' --plain 2>/dev/null >results
  same "the same in 4 runs: $(wc -l <results) results, $(stat -c %s results) bytes, SHA-256 $(sha256sum <results | cut -d ' ' -f 1); side records: late" \
    "$(sed 's/late .*/late/' out)"
  ((${#WINDOWS} > 0 && $(wc -l <results) > 50))
  # What a pipeline says is heard once.
  same 1 "$(grep -c 'in no window' err)"
}

@test "also in one process, through filters of others, at a given speed, and from a topic's worth of pieces" {
  said 0 "sfuse \"$WINDOWS\""
  said 0 "cat | $WINDOWS | grep k1"
  said 0 "$WINDOWS" --speed 100x
  said 0 "$WINDOWS" --check-seed 99
  said 0 'head -n 3'
}

@test "early results of the clock are found, with both lines" {
  said 1 "swatermark --time t | swindow --tumbling 1h --early 20ms --agg 'n=count()'" --check-pauses 4s
  same '' "$(cat out)"
  grep -qE '^sreplay: the output differs in line [0-9]+ at byte [0-9]+; these are the lines of$' err
  grep -q '^sreplay: run 1 (text, as fast as possible): {' err
  grep -q '^sreplay: run 3 (text, one record at a time, with pauses): .*"early"' err
}

@test "what depends on how the input is cut is found: a reader that takes one read for all" {
  cat >greedy.py <<'END'
import os, sys
print(sum(1 for line in os.read(0, 1 << 20).split(b"\n")))
while os.read(0, 1 << 20):
    pass
END
  said 1 'python3 greedy.py' --check-pauses 4s # a busy machine may take a second to start it
  grep -q 'differs in line 1 at byte 1;' err
}

@test "an output that ends early, or goes on, is a difference" {
  said 1 "sh -c 'cat >/dev/null; test -e second || { touch second; echo more; }'"
  grep -q 'run 2 (binary, as fast as possible): (nothing: the output ends before)' err
  rm second
  said 1 "sh -c 'cat >/dev/null; echo one; test ! -e second || echo two; touch second'"
  grep -q 'the output differs in line 2 at byte 1;' err
  grep -q 'run 2 (binary, as fast as possible): two' err
}

@test "a pipeline that fails: its code, the stage, and what it said, also in a later run" {
  said 2 'swatermark --time t | swindow --tumbling 10s'
  contains "$(cat err)" "its stage 2, 'swindow', exited with 2"
  said 3 'sfilter --require none:number --strict'
  said 137 "sh -c 'kill -9 \$\$' | sfilter"
  contains "$(cat err)" "its stage 1, 'sh', was killed by SIGKILL"
  said 7 "sh -c 'cat; test ! -e second || { echo sorry >&2; exit 7; }; touch second'"
  contains "$(cat err)" 'sorry'
  contains "$(cat err)" "run 2 (binary, as fast as possible): the pipeline failed: its stage 1, 'sh', exited with 7"
}

@test "a pipeline that hangs is given up, wherever it does, and nothing stays behind" {
  said 1 "sh -c 'cat >/dev/null; exec sleep 1234567'" --check-timeout 300ms
  contains "$(cat err)" 'neither read nor written for 300ms, although its input has ended'
  said 1 "sh -c 'exec sleep 1234567 >&-'" --check-timeout 300ms
  for i in $(seq 20); do cat a; done >many
  status=0
  timeout 60 sreplay --check 'sleep 1234567' --check-timeout 300ms many 2>err || status=$?
  same 1 "$status"
  contains "$(cat err)" 'neither read nor written for 300ms (--check-timeout'
  run ! pgrep -f 'sleep 1234567'
}

@test "SIGTERM ends it, with its pipeline" {
  sreplay --check 'sh -c "cat >/dev/null; exec sleep 7654321"' a 2>err 3>&- &
  pid=$!
  wait_until 20 pgrep -f '^sleep 7654321'
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  same 1 "$status"
  contains "$(cat err)" 'ended by a signal'
  run ! pgrep -f 'sleep 7654321'
}

@test "an input that changes meanwhile is said" {
  cp b c
  status=0
  sreplay --check "sh -c 'cat >/dev/null; echo \"{}\" >>c'" c 2>err || status=$?
  same 1 "$status"
  contains "$(cat err)" 'the replay itself has changed, from 1000 records to 1001'
}

@test "usage: quotes, sources, sinks, programs that are not there, options that say nothing" {
  for bad in '' "cat 'x" 'skafka-cat t' 'sfilter | ssink-file -d x' no-such-program 'cat > x' 'cat $HOME' '| cat'; do
    said 2 "$bad"
    contains "$(cat err)" 'sreplay: --check: '
  done
  for bad in '--check-timeout 0s' '--check-timeout 2d' '--check-pauses -1s' '--check-seed -1' --plain --binary '--metrics-file m'; do
    # shellcheck disable=SC2086
    said 2 cat $bad
  done
  run sreplay --check-seed 1 a
  same 2 "$status"
  contains "$output" 'needs --check'
  run sfuse 'sreplay --check cat a | sfilter'
  same 2 "$status"
  run env STREAM_CHECK=1 sreplay --check cat a
  same '0 ' "$status $output"
}
