# SPDX-License-Identifier: Apache-2.0
# A broker that dies under a reader and a writer: nothing is lost, nothing comes twice.
load ../helpers/common

# The log cleaner looks again after 15 s by default.
setup_file() { own_kafka log.cleaner.backoff.ms=200; }
teardown_file() { stop_own_kafka; }
setup() {
  work_in_tmp
  started=()
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
}

numbers() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }
lines_in() { [[ $(grep -c "$2" "$1") -ge $3 ]]; }

@test "kill -9 and restart in the middle of a read: nothing lost, nothing twice" {
  topic=$(unique_topic 2)
  # Far more than the client fetches ahead and the pipe holds: the read cannot be over while its reader stands still.
  wide() { seq "$1" "$2" | awk '{printf "{\"n\":%d,\"pad\":\"%0250d\"}\n", $1, 0}'; }
  wide 1 100000 | kafka_admin produce "$topic" 0
  wide 100001 200000 | kafka_admin produce "$topic" 1
  mkfifo fifo
  cat <fifo >out 3>&- &
  reader=$!
  skafka-cat -b "$BOOTSTRAP" -o beginning "$topic" >fifo 2>err 3>&- &
  pid=$!
  started+=("$pid" "$reader")
  wait_until 30 lines_in out '"n"' 100
  kill -STOP "$reader"
  kill_kafka
  kill -CONT "$reader"
  wait_until 30 grep -q 'lost Kafka' err
  ! lines_in out '"n"' 200000 || fail 'the read was over before the broker died'
  restart_kafka
  wide 200001 201000 | kafka_admin produce "$topic" 0
  wait_until 60 lines_in out '"n"' 201000
  kill -TERM "$pid"
  wait "$pid"
  wait "$reader"
  grep -q '"end"' out
  same "$(seq 1 201000 | md5sum)" "$(grep -o '"n":[0-9]*' out | cut -c 5- | sort -n | md5sum)"
}

@test "a compacted topic: a bounded read ends by itself over what is gone" {
  topic=$(unique_topic 1 cleanup.policy=compact segment.ms=500 min.cleanable.dirty.ratio=0.01 max.compaction.lag.ms=500 delete.retention.ms=100)
  for _ in 1 2 3 4; do
    for i in $(seq 0 99); do printf 'k%s\t{"n":%s}\n' "$((i % 10))" "$i"; done | kafka_admin produce "$topic" 0 --key
    kafka_admin tombstone "$topic" 0 k3
    sleep 0.6
  done
  printf 'last\t{"n":-1}\n' | kafka_admin produce "$topic" 0 --key
  remaining() { kcat -C -b "$BOOTSTRAP" -t "$topic" -e -q -o beginning | wc -l; }
  few() { (($(remaining) < 130)); }
  wait_until 30 few
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e "$topic" | tail -n 2 >out
  same '{"n":-1} {"$stream":"end","fire":true}' "$(paste -sd ' ' out)"
  # A start inside a hole is a start at the next record.
  timeout 30 skafka-cat -b "$BOOTSTRAP" --plain -e -o 5 "$topic" >/dev/null
}

@test "a unit is not caught up while its broker is dead" {
  topic=$(unique_topic 1)
  skafka-cat -b "$BOOTSTRAP" "$topic" > >(cat >out) 2>err 3>&- &
  pid=$!
  started+=("$pid")
  wait_until 20 grep -q '"caught-up"' out
  kill_kafka
  wait_until 20 grep -q '"behind"' out
  contains "$(cat err)" 'lost Kafka'
  restart_kafka
  wait_until 30 lines_in out '"caught-up"' 2
  kill -TERM "$pid"
  wait "$pid"
}

@test "ssink-kafka: kill -9 and restart in the middle of a write: everything once" {
  topic=$(unique_topic 1)
  { numbers 1 20000; sleep 3; numbers 20001 40000; } | ssink-kafka -b "$BOOTSTRAP" -t "$topic" 2>err 3>&- &
  pid=$!
  wait_until 30 bash -c "kafka_admin offsets $topic | grep -q ' [1-9][0-9]*\$'"
  kill_kafka
  sleep 1
  restart_kafka
  wait "$pid"
  same "$(numbers 1 40000 | md5sum)" "$(timeout 60 skafka-cat -b "$BOOTSTRAP" --plain -e "$topic" | md5sum)"
}

@test "ssink-kafka: a broker that stays away fails the delivery: exit 1 with topic and reason" {
  topic=$(unique_topic 1)
  { numbers 1 10; sleep 2; numbers 11 20; } | ssink-kafka -b "$BOOTSTRAP" -t "$topic" -X message.timeout.ms=3000 2>err 3>&- &
  pid=$!
  wait_until 30 bash -c "kafka_admin offsets $topic | grep -q ' [1-9][0-9]*\$'"
  kill_kafka
  code=0
  wait "$pid" || code=$?
  restart_kafka
  same 1 "$code"
  contains "$(cat err)" "cannot write to topic '$topic'"
}
