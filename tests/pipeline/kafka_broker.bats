# SPDX-License-Identifier: Apache-2.0
# A broker that dies under a reader and a writer: nothing is lost, nothing comes twice.
load ../helpers/common

setup_file() { own_kafka; }
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

@test "kill -9 and restart in the middle of a read: nothing lost, nothing twice, and a dead broker is not an end of the log" {
  topic=$(unique_topic 2)
  numbers 1 30000 | kafka_admin produce "$topic" 0
  numbers 30001 60000 | kafka_admin produce "$topic" 1
  # A slow reader keeps the read going over the restart.
  skafka-cat -b "$BOOTSTRAP" -o beginning "$topic" 2>err 3>&- > >(while IFS= read -r -d '' -n 65536 chunk || [[ $chunk ]]; do
    printf '%s' "$chunk"
    sleep 0.02
  done >out) &
  pid=$!
  started+=("$pid")
  wait_until 30 lines_in out '"n"' 1000
  kill_kafka
  sleep 1
  restart_kafka
  numbers 60001 61000 | kafka_admin produce "$topic" 0
  wait_until 60 lines_in out '"n"' 61000
  kill -TERM "$pid"
  wait "$pid"
  wait_until 10 grep -q '"end"' out
  same "$(numbers 1 61000 | md5sum)" "$(grep '"n"' out | sort -t: -k2n | md5sum)"
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
  wait_until 30 bash -c "kafka_admin offsets $topic | grep -q '[1-9]\$'"
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
  wait_until 30 bash -c "kafka_admin offsets $topic | grep -q '[1-9]\$'"
  kill_kafka
  code=0
  wait "$pid" || code=$?
  restart_kafka
  same 1 "$code"
  contains "$(cat err)" "cannot write to topic '$topic'"
}
