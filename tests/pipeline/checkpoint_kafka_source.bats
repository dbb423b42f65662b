# SPDX-License-Identifier: Apache-2.0
# skafka-cat under a checkpoint: where it goes on, what it refuses, what it commits.
load ../helpers/common

setup_file() {
  use_kafka
  start_redis
}
teardown_file() { stop_redis; }

setup() {
  work_in_tmp
  export STREAM_CHECKPOINT=$PWD/checkpoint
  redis FLUSHALL >/dev/null
  started=()
  sink_options=()
  starts=0
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
}

numbers() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }
give() { numbers "$1" "$2" | kafka_admin produce "$topic" "${3:-0}"; } # FIRST LAST [PARTITION]

# start OPTION…: skafka-cat into ssink-redis, one entry of the Redis stream 'out' a record; their pids in $pid and $sink,
# what they say in err and sink.err, records given in the metrics file.
start() {
  starts=$((starts + 1))
  mkfifo "pipe$starts"
  ssink-redis --url "$REDIS_URL" --stream out "${sink_options[@]}" <"pipe$starts" 2>sink.err 3>&- &
  sink=$!
  skafka-cat -b "$BOOTSTRAP" --checkpoint-interval 100ms --metrics-file metrics "$@" >"pipe$starts" 2>err 3>&- &
  pid=$!
  started+=("$pid" "$sink")
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# ended CODE PID: waits for it and checks its exit code.
ended() {
  local code=0
  wait_until 60 gone "$2" || return
  wait "$2" || code=$?
  same "$1" "$code" || {
    cat err sink.err >&2
    return 1
  }
}

both_ended() { ended 0 "$pid" && ended 0 "$sink"; }

entries() { redis --raw XRANGE out - + | grep -A1 -x n | grep -x '[0-9][0-9]*'; }
has() { [[ $(redis XLEN out) -eq $1 ]]; }
decided() { has "$1" || { redis XLEN out && cat err sink.err && return 1; }; }

stop() {
  kill -TERM "$pid"
  both_ended
}

stop_at() { # ENTRIES: when there are so many
  wait_until 30 decided "$1"
  stop
}

given() { awk '$1 == "stream_records_in_total" {print $2}' metrics; }

refused() { # PART…: skafka-cat ends with 2 and says all of it; nothing was written.
  local before part
  before=$(redis XLEN out)
  ended 2 "$pid"
  ended 1 "$sink"
  for part; do contains "$(cat err)" "$part"; done
  same "$before" "$(redis XLEN out)"
}

@test "SIGTERM, then a start: each record once, and -o counts on the first start only" {
  topic=$(unique_topic 2)
  give 1 10
  start -o beginning "$topic"
  stop_at 10
  give 11 20
  give 21 30 1
  start -o end "$topic"
  stop_at 30
  same "$(seq 1 30)" "$(entries | sort -n)"
  same 20 "$(given)"
}

@test "the first start is at the end of the log, and the second where that was" {
  topic=$(unique_topic 1)
  give 1 10
  start "$topic"
  wait_until 30 grep -q '^stream_lag_records.* 0' metrics
  kill -9 "$pid"
  ended 1 "$sink"
  give 11 20
  start "$topic"
  stop_at 10
  same "$(seq 11 20)" "$(entries)"
}

@test "kill -9, then a start: goes on behind the last decided epoch" {
  topic=$(unique_topic 1)
  give 1 10
  start -o beginning "$topic"
  wait_until 30 decided 10
  kill -9 "$pid"
  ended 1 "$sink"
  give 11 20
  start -o beginning "$topic"
  wait_until 30 decided 20
  kill -9 "$sink"
  ended 141 "$pid"
  start -o beginning "$topic"
  give 21 25
  stop_at 25
  same "$(seq 1 25)" "$(entries)"
  same 5 "$(given)"
}

@test "offsets that expired: exit 2 with the choices; --fresh is one" {
  topic=$(unique_topic 1)
  give 1 10
  start -o beginning "$topic"
  stop_at 10
  give 11 30
  kafka_admin delete-records "$topic" 0 15
  start -o beginning "$topic"
  refused "'$topic/0' is to go on at offset 10, but its log holds 15 to 30: up to 5 records were deleted" \
    --fresh '--from-epoch N' 'sstate ls' retention.ms
  start -o beginning "$topic"
  refused 'is to go on at offset 10'
  sink_options=(--fresh)
  start -o beginning "$topic"
  stop_at 25
  same "$(seq 1 10; seq 16 30)" "$(entries)"
}

# A partition that ended in transaction markers kept a position before them; once retention had taken everything, a start
# saw records that were never read.
@test "what expired was markers and aborted records alone: goes on" {
  topic=$(unique_topic 1)
  give 1 3
  kafka_admin txn-produce "$topic" 0 5 abort
  high=$(kafka_admin offsets "$topic" | cut -d ' ' -f 3)
  start -e --keep-open "$topic"
  both_ended
  kafka_admin delete-records "$topic" 0 "$high"
  start -o beginning "$topic"
  give 4 5
  stop_at 5
  same "$(seq 1 5)" "$(entries)"
}

@test "a topic that was made anew: exit 2 with the choices" {
  topic=$(unique_topic 1)
  give 1 10
  start -o beginning "$topic"
  stop_at 10
  kafka_admin delete "$topic"
  kafka_admin create "$topic" 1
  give 1 3
  start "$topic"
  refused "'$topic/0' is to go on at offset 10, but its log holds 0 to 3" 'made anew' --fresh
}

@test "a partition or topic that is not read any more: exit 2, naming it; a new one from its beginning" {
  topic=$(unique_topic 1)
  other=$(unique_topic 1)
  give 1 5
  numbers 6 10 | kafka_admin produce "$other" 0
  start -o beginning "$topic"
  stop_at 5
  start -o end "$topic" "$other"
  stop_at 10
  start "$topic"
  refused "'$other/0' at offset 5, which is not read now" --fresh
  kafka_admin grow "$topic" 2
  give 11 15 1
  start -o end "$topic" "$other"
  stop_at 15
  start -p 0 "$topic" "$other"
  refused "'$topic/1' at offset 5, which is not read now"
  same "$(seq 1 15)" "$(entries)"
}

@test "-e may come and go; --keep-open ends without an end of all" {
  topic=$(unique_topic 1)
  give 1 5
  start -e --keep-open "$topic"
  both_ended
  decided 5
  give 6 10
  start "$topic"
  wait_until 30 decided 10
  kill -9 "$pid"
  ended 1 "$sink"
  give 11 15
  start -e "$topic"
  both_ended
  decided 15
  same "$(seq 1 15)" "$(entries)"
  same 5 "$(given)"
}

@test "finished: a later start says so, exits 0 and reads nothing; --fresh starts over" {
  topic=$(unique_topic 1)
  give 1 5
  start -e "$topic"
  both_ended
  give 6 10
  for options in -e -v; do
    start "$options" "$topic"
    both_ended
    contains "$(cat err)" 'is finished'
    contains "$(cat err)" --fresh
    decided 5
    same 0 "$(given)"
  done
  sink_options=(--fresh)
  start -e "$topic"
  both_ended
  decided 15
}

# The merge goes on where it was cut, so the order is that of one read.
@test "a fixed range, killed and stopped on the way, keeps its bounds and its order until it was read" {
  topic=$(unique_topic 2)
  fill() { # FIRST LAST: odd numbers into partition 0, even ones into 1, one a millisecond
    local p
    for p in 0 1; do
      seq $(($1 + p)) 2 "$2" | awk '{printf "%d\t{\"n\":%d,\"pad\":\"%0250d\"}\n", 1000 + $1, $1, 0}' |
        kafka_admin produce "$topic" "$p" --timestamp
    done
  }
  fill 1 40000
  # 10 MB at 64 KiB each 20 ms, so that it ends on the way.
  slow='import sys, time
while data := sys.stdin.buffer.read1(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    time.sleep(0.02)'
  more_than() { [[ $(redis XLEN out) -gt $1 ]]; }
  for signal in KILL TERM; do
    mkfifo "to$signal" "from$signal"
    before=$(redis XLEN out)
    ssink-redis --url "$REDIS_URL" --stream out <"from$signal" 2>sink.err 3>&- &
    sink=$!
    python3 -c "$slow" <"to$signal" >"from$signal" 2>/dev/null 3>&- &
    started+=("$sink" "$!")
    skafka-cat -b "$BOOTSTRAP" --checkpoint-interval 20ms --from 1970-01-01T00:00:01Z --order time --keep-open "$topic" \
      >"to$signal" 2>err 3>&- &
    pid=$!
    started+=("$pid")
    wait_until 30 more_than "$before"
    kill "-$signal" "$pid"
    [[ $signal != KILL ]] || ended 1 "$sink"
    [[ $signal != TERM ]] || both_ended
    [[ $(redis XLEN out) -lt 40000 ]] || fail 'all was read before the signal'
  done
  fill 40001 40100
  start --from 1970-01-01T00:00:05Z --order time --keep-open "$topic"
  both_ended
  same "$(seq 1 40000)" "$(entries)"
  # It was read: the next range has its own end.
  start --from 1970-01-01T00:00:01Z --order time --keep-open "$topic"
  both_ended
  same "$(seq 1 40100)" "$(entries)"
}

@test "-G: reads all partitions and commits what was decided" {
  topic=$(unique_topic 2)
  give 1 10
  start -G "g-$topic" -o beginning -p 0,1 "$topic"
  wait_until 30 decided 10
  committed() { [[ $(kafka_admin committed "g-$topic" "$topic") == "$1" ]]; }
  wait_until 30 committed $'0 10\n1 0'
  give 11 15 1
  stop_at 15
  same $'0 10\n1 5' "$(kafka_admin committed "g-$topic" "$topic")"
  give 16 20 1
  # Another checkpoint begins where the group stands, when told so.
  export STREAM_CHECKPOINT=$PWD/other
  redis DEL out >/dev/null
  start -G "g-$topic" -o stored "$topic"
  stop_at 5
  same "$(seq 16 20)" "$(entries)"
}

@test "a first -o outside the log: exit 2, and the next -o counts" {
  topic=$(unique_topic 1)
  give 1 10
  start -o 99 "$topic"
  refused "offset 99 is outside '$topic/0', which holds 0 to 10"
  start -o 7 "$topic"
  stop_at 3
  # It does not count any more, so it need not be right.
  start -o 99 "$topic"
  give 11 12
  stop_at 5
  same "$(seq 8 12)" "$(entries)"
}

@test "stopped before the cluster was reached: the next start is the first one still" {
  topic=$(unique_topic 1)
  give 1 10
  start -X socket.connection.setup.timeout.ms=60000 -b 127.0.0.1:1 --drain "$topic"
  sleep 0.5
  stop
  start -o 7 "$topic"
  stop_at 3
  same "$(seq 8 10)" "$(entries)"
}

@test "what a checkpoint cannot go with: exit 2, saying why" {
  run skafka-cat -b 127.0.0.1:1 -c 5 x
  same 2 "$status"
  contains "$output" '-c counts the records of one start'
  run skafka-cat -b 127.0.0.1:1 -G g --commit-interval 1s x
  same 2 "$status"
  contains "$output" '--commit-interval commits what was written'
  STREAM_CHECK=1 run skafka-cat -b 127.0.0.1:1 -G g -p 0 --from -1h x
  same 0 "$status"
}

@test "sreplay keeps no checkpoint: a sink that has one refuses it" {
  numbers 1 3 >in.ndjson
  run bash -o pipefail -c "sreplay in.ndjson | ssink-redis --url $REDIS_URL --stream out"
  same 2 "$status"
  contains "$output" sreplay
  same 0 "$(redis XLEN out)"
}

# They blamed the input for being plain.
@test "behind a stage with wrong options the others point at it" {
  topic=$(unique_topic 1)
  run bash -o pipefail -c "skafka-cat -b $BOOTSTRAP $topic | sfilter | swatermark --tim t |
    swindow --tumbling 10s --agg 'n=count()' | sdivert --exec 'late=ssink-file -d late' |
    ssink-redis --url $REDIS_URL --stream out" 3>&-
  same 1 "$status"
  contains "$output" "swatermark: unknown option '--tim'"
  for program in swindow sdivert ssink-file ssink-redis; do
    contains "$output" "$program: the input ended before it began: the program before this one has failed; its message"
  done
  [[ $output != *plain* ]] || fail "$output"
}

# SEMANTICS 51, 52: gaps are no loss, and nothing that was aborted is counted, over a restart too.
@test "aborted transactions over restarts: gaps, and each committed record once" {
  topic=$(unique_topic 1)
  n=0
  for _ in 1 2 3; do
    numbers $((n + 1)) $((n + 5)) | kafka_admin txn-produce "$topic" 0 - commit "id-$topic"
    kafka_admin txn-produce "$topic" 0 7 abort "id-$topic"
    n=$((n + 5))
    start -e --keep-open "$topic"
    both_ended
    decided "$n"
  done
  same "$(seq 1 15)" "$(entries)"
}

@test "cron: three runs of -e --keep-open, and windows go on from one to the next" {
  topic=$(unique_topic 1)
  run_once() {
    printf '{"t":%s}\n' "$@" | kafka_admin produce "$topic" 0
    timeout 60 bash -o pipefail -c "skafka-cat -b $BOOTSTRAP -e --keep-open $topic | swatermark --time t --time-unit s |
      swindow --tumbling 10s --agg 'n=count()' --time-format s | ssink-redis --url $REDIS_URL --stream windows" 3>&-
  }
  windows() { redis --raw XRANGE windows - + | awk 'last == "window_start" {s = $0} last == "n" {print s, $0} {last = $0}'; }
  run_once 1 2 3
  same '' "$(windows)"
  run_once 4 5
  same '' "$(windows)"
  run_once 11 12
  same '0 5' "$(windows)"
  run_once 25
  same $'0 5\n10 2' "$(windows)"
}
