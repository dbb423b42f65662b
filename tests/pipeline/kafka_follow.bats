# SPDX-License-Identifier: Apache-2.0
# skafka-cat follows a log: ends by signal, groups, commits, a broker that dies.
load ../helpers/common

setup_file() { use_kafka; }

setup() {
  work_in_tmp
  started=()
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
}

numbers() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }

# follow NAME OPTION…: skafka-cat in the background, into NAME and NAME.err; its pid in $pid.
follow() {
  local name=$1
  shift
  skafka-cat -b "$BOOTSTRAP" "$@" > >(cat >"$name") 2>"$name.err" 3>&- &
  pid=$!
  started+=("$pid")
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# ended CODE PID: waits for it and checks its exit code.
ended() {
  local code=0
  wait_until 60 gone "$2" || return
  wait "$2" || code=$?
  same "$1" "$code"
}

lines_in() { [[ $(grep -c "$2" "$1") -ge $3 ]]; }

@test "signals that come at once are one request: systemd signals all of a unit, and srun its source" {
  topic=$(unique_topic 1)
  numbers 1 3 | kafka_admin produce "$topic" 0
  follow out "$topic"
  wait_until 20 grep -q '"caught-up"' out
  kill -TERM "$pid"
  kill -TERM "$pid"
  kill -INT "$pid"
  ended 0 "$pid"
  wait_until 5 grep -q '"end"' out
}

@test "following: new records come, caught-up and behind are told, SIGTERM ends without fire" {
  topic=$(unique_topic 1)
  numbers 1 3 | kafka_admin produce "$topic" 0
  follow out "$topic"
  wait_until 20 grep -q '"caught-up"' out
  ! grep -q '"n"' out || fail 'the default start is the end'
  numbers 4 5 | kafka_admin produce "$topic" 0
  wait_until 20 grep -q '"n":5' out
  wait_until 20 lines_in out '"caught-up"' 2
  same 1 "$(grep -c '"behind"' out)"
  kill -TERM "$pid"
  ended 0 "$pid"
  wait_until 5 grep -q '"end"' out
  same '{"$stream":"end","fire":false}' "$(tail -n 1 out)"
  same '' "$(cat out.err)"
}

@test "SIGUSR1 is answered at once, also where nothing comes" {
  topic=$(unique_topic 1)
  numbers 1 3 | kafka_admin produce "$topic" 0
  follow out -o beginning "$topic"
  wait_until 20 grep -q '"caught-up"' out
  kill -USR1 "$pid"
  wait_until 20 grep -q '3 records' out.err
  kill -TERM "$pid"
  ended 0 "$pid"
}

@test "--drain: SIGINT ends with fire" {
  topic=$(unique_topic 1)
  follow out --drain "$topic"
  wait_until 20 grep -q '"caught-up"' out
  kill -INT "$pid"
  ended 0 "$pid"
  wait_until 5 grep -q '"end"' out
  same '{"$stream":"end","fire":true}' "$(tail -n 1 out)"
}

@test "a partition that is added while the topic is followed is told of" {
  topic=$(unique_topic 1)
  follow out -X topic.metadata.refresh.interval.ms=1000 "$topic"
  wait_until 20 grep -q '"caught-up"' out
  kafka_admin grow "$topic" 2
  wait_until 20 grep -q "topic '$topic' has a new partition 1" out.err
  kill -TERM "$pid"
  ended 0 "$pid"
}

@test "a topic that is deleted while it is followed: exit 1" {
  topic=$(unique_topic 1)
  follow out -X topic.metadata.refresh.interval.ms=1000 -X topic.metadata.propagation.max.ms=500 "$topic"
  wait_until 20 grep -q '"caught-up"' out
  kafka_admin delete "$topic"
  wait_until 30 grep -q 'a topic was lost' out.err
  ended 1 "$pid"
}

@test "records deleted before they were read: exit 1, saying so" {
  topic=$(unique_topic 1)
  wide() { seq "$1" "$2" | awk '{printf "{\"n\":%d,\"pad\":\"%0250d\"}\n", $1, 0}'; }
  wide 1 150000 | kafka_admin produce "$topic" 0
  mkfifo fifo
  # It stops by itself: the 40 MB pass in the time that a look at its output takes.
  { head -c 30000 && until [[ -e go ]]; do sleep 0.05; done && cat; } <fifo >out 3>&- &
  reader=$!
  skafka-cat -b "$BOOTSTRAP" -o beginning "$topic" >fifo 2>err 3>&- &
  pid=$!
  started+=("$pid" "$reader")
  wait_until 30 lines_in out '"n"' 100
  kafka_admin delete-records "$topic" 0 149000
  touch go
  ended 1 "$pid"
  contains "$(cat err)" 'not in the log any more'
}

@test "a stop while there is no broker ends soon" {
  follow out -X socket.connection.setup.timeout.ms=60000 -b 127.0.0.1:1 x
  sleep 0.5
  kill -TERM "$pid"
  ended 0 "$pid"
}

@test "a second member: assign, then revoke and a smaller assign; both together read everything once" {
  topic=$(unique_topic 4)
  group=g-$topic
  follow one -G "$group" -o beginning --commit-interval 200ms "$topic"
  wait_until 30 lines_in one '"assign"' 4
  for p in 0 1 2 3; do numbers $((p * 100)) $((p * 100 + 49)) | kafka_admin produce "$topic" "$p"; done
  wait_until 30 lines_in one '"n"' 200
  one=$pid
  follow two -G "$group" -o beginning --commit-interval 200ms "$topic"
  two=$pid
  wait_until 30 lines_in two '"assign"' 2
  wait_until 30 lines_in one '"assign"' 6
  same 4 "$(grep -c '"revoke"' one)"
  same 2 "$(grep '"assign"' two | grep -c '"position":50,"units":4')"
  for p in 0 1 2 3; do numbers $((p * 100 + 50)) $((p * 100 + 99)) | kafka_admin produce "$topic" "$p"; done
  wait_until 30 lines_in two '"n"' 100
  wait_until 30 lines_in one '"n"' 300
  kill -TERM "$one" "$two"
  ended 0 "$one"
  ended 0 "$two"
  same "$(numbers 0 399)" "$(grep -h '"n"' one two | sort -t: -k2n)"
}

# A member that committed nothing went back to -o after every rebalance, also in the partitions that it kept.
@test "without commits: what a member has read it does not read again after a rebalance" {
  topic=$(unique_topic 2)
  group=g-$topic
  follow one -G "$group" -o beginning "$topic"
  one=$pid
  wait_until 30 lines_in one '"assign"' 2
  for p in 0 1; do numbers $((p * 100)) $((p * 100 + 49)) | kafka_admin produce "$topic" "$p"; done
  wait_until 30 lines_in one '"n"' 100
  follow two -G "$group" -o beginning "$topic"
  wait_until 30 lines_in two '"n"' 50
  grep -q 'committed no offset' two.err && fail 'the first assignment of a member is no surprise'
  wait_until 30 lines_in one '"assign"' 3
  kill -TERM "$pid"
  ended 0 "$pid"
  wait_until 30 lines_in one '"assign"' 5
  for p in 0 1; do numbers $((p * 100 + 50)) $((p * 100 + 99)) | kafka_admin produce "$topic" "$p"; done
  wait_until 30 lines_in one '"n"' 200
  kill -TERM "$one"
  ended 0 "$one"
  same "$(numbers 0 199)" "$(grep '"n"' one | sort -t: -k2n)"
}

# A partition added to the topic started at its end, like the others: what had been written before it was seen was lost.
@test "a partition that is added to a group's topic is read from its beginning" {
  topic=$(unique_topic 1)
  follow out -G "g-$topic" -X topic.metadata.refresh.interval.ms=500 "$topic"
  wait_until 30 grep -q '"caught-up"' out
  numbers 0 9 | kafka_admin produce "$topic" 0
  wait_until 30 lines_in out '"n"' 10
  kafka_admin grow "$topic" 2
  numbers 10 19 | kafka_admin produce "$topic" 1
  numbers 20 29 | kafka_admin produce "$topic" 0
  wait_until 30 lines_in out '"n"' 30
  kill -TERM "$pid"
  ended 0 "$pid"
  same "$(numbers 0 29)" "$(grep '"n"' out | sort -t: -k2n)"
}

@test "--commit-interval: the next start goes on where this one ended, and lag tools see it" {
  topic=$(unique_topic 2)
  numbers 0 9 | kafka_admin produce "$topic" 0
  same 10 "$(timeout 30 skafka-cat -b "$BOOTSTRAP" --plain -G "g-$topic" -e --commit-interval 10s "$topic" | wc -l)"
  same '0 10' "$(kafka_admin committed "g-$topic" "$topic" | head -n 1)"
  numbers 10 12 | kafka_admin produce "$topic" 0
  same "$(numbers 10 12)" "$(timeout 30 skafka-cat -b "$BOOTSTRAP" --plain -G "g-$topic" -e --commit-interval 10s "$topic")"
}

@test "without --commit-interval nothing is committed" {
  topic=$(unique_topic 1)
  numbers 0 9 | kafka_admin produce "$topic" 0
  same 10 "$(timeout 30 skafka-cat -b "$BOOTSTRAP" --plain -G "g-$topic" -e "$topic" | wc -l)"
  same '0 -' "$(kafka_admin committed "g-$topic" "$topic")"
}

@test "--commit-interval: a reader that left is no reason to commit" {
  topic=$(unique_topic 1)
  numbers 0 99999 | kafka_admin produce "$topic" 0
  timeout 30 skafka-cat -b "$BOOTSTRAP" --plain -G "g-$topic" -o beginning --commit-interval 1h "$topic" | head -n 5 >/dev/null || true
  same '0 -' "$(kafka_admin committed "g-$topic" "$topic")"
}

@test "-o stored without a stored offset: exit 2 with the way out" {
  topic=$(unique_topic 1)
  run timeout 30 skafka-cat -b "$BOOTSTRAP" -G "g-$topic" -o stored "$topic"
  same 2 "$status"
  contains "$output" 'no stored offset'
}

@test "--metrics-file holds the lag in records and seconds" {
  topic=$(unique_topic 1)
  numbers 0 9 | kafka_admin produce "$topic" 0
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e -c 4 -o beginning --metrics-file metrics "$topic" >/dev/null
  contains "$(cat metrics)" 'stream_lag_records{topic="'"$topic"'",partition="0"}'
  follow out -o beginning --metrics-file live "$topic"
  wait_until 20 grep -qF 'stream_lag_records{topic="'"$topic"'",partition="0"} 0' live
  wait_until 20 grep -qF 'stream_lag_seconds{topic="'"$topic"'",partition="0"} 0' live
  kill -TERM "$pid"
  ended 0 "$pid"
}

@test "a second member joins a stream-scope pipeline: exit 2 with the remedy, nothing fires" {
  topic=$(unique_topic 2)
  printf '{"t":%s}\n' 1 2 3 | kafka_admin produce "$topic" 0
  # The sides of tee see what the source gives; swindow is the last of the pipeline.
  bash -c "set -o pipefail; skafka-cat -b $BOOTSTRAP -G g-$topic -o beginning $topic | tee seen | swatermark --time t |
    swindow --tumbling 10s --agg 'n=count()' >out 2>err" 3>&- &
  pipeline=$!
  started+=("$pipeline")
  wait_until 30 lines_in seen '"t":' 3
  follow other -G "g-$topic" -o beginning "$topic"
  ended 2 "$pipeline"
  contains "$(cat err)" '--scope unit'
  ! grep -q '"n"' out || fail 'something fired'
  kill -TERM "$pid"
}
