# SPDX-License-Identifier: Apache-2.0
# ssink-kafka with a checkpoint: each chunk is in the topic once, whoever dies, and nobody waits for a dead producer.
load ../helpers/common

setup_file() { own_kafka; }
teardown_file() { stop_own_kafka; }
setup() {
  work_in_tmp
  started=()
  pipeline=$(</proc/sys/kernel/random/uuid)
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
}

# Steps come from standard input; answers go to the file `said`.
steps() { timeout 120 kafka_sink_steps "$BOOTSTRAP" "$topic" "$pipeline" "$@" >>said 2>>err; }
committed() { timeout 60 kcat -C -b "$BOOTSTRAP" -t "$1" -e -q -o beginning -X isolation.level=read_committed; }
# "2 a 3 b": how many values begin with each letter.
tally() { committed "$topic" | cut -c 3 | sort | uniq -c | awk '{printf "%s%s %s", n++ ? " " : "", $1, $2}'; }
answers() { cut -d ' ' -f 1-2 said | paste -sd ' '; }
log_end() { kafka_admin offsets "$1" | awk '{n += $3} END {print n + 0}'; }
grown() { (($(log_end "$1") >= $2)); }

@test "a chunk given twice is there once; one that is no successor is refused; a fence may be repeated" {
  topic=$(unique_topic 2)
  steps <<'END'
s fence 1 reset 0 0
s apply 0 0 1 1 5 a
s apply 0 0 1 1 5 a
s apply 1 1 1 2 3 b
s apply 0 0 1 1 5 a
s apply 4 1 5 1 3 x
s fence 1 0 0 1 2
s apply 1 1 1 2 3 b
s apply 1 2 4 1 2 c
t fence 2 1 2 4 1
t apply 1 2 4 1 2 c
END
  same 's ok s ok s ok s ok s ok s 2 s ok s ok s ok t ok t ok' "$(answers)"
  same 't ok 4 1' "$(sed -n 10p said)"
  contains "$(sed -n 6p said)" 'is at epoch 1, chunk 2'
  same '5 a 3 b 2 c' "$(tally)"
  same "$pipeline/sink"' {"generation":2,"epoch":4,"chunk":1}' "$(timeout 60 kcat -C -b "$BOOTSTRAP" \
    -t "streamutils-cursors.$pipeline.sink" -e -q -o beginning -f '%k %s\n' | tail -n 1)"
}

@test "a zombie's commit is refused: it ends with 2, and its twin goes on" {
  topic=$(unique_topic 1)
  steps <<'END'
zombie fence 1 reset 0 0
zombie apply 0 0 1 1 2 a
twin fence 2 0 0 1 1
zombie apply 1 1 2 1 9 z
twin apply 1 1 2 1 2 b
zombie apply 1 1 2 1 9 z
END
  same 'zombie ok zombie ok twin ok zombie 2 twin ok zombie 2' "$(answers)"
  contains "$(sed -n 4p said)" 'a later start of this pipeline (generation 2) has taken over from this one (generation 1)'
  same '2 a 2 b' "$(tally)"
}

@test "a zombie that starts after its twin ends with 2; the twin ends with 1, and its next start goes on" {
  topic=$(unique_topic 1)
  steps <<'END'
twin fence 2 reset 0 0
twin apply 0 0 1 1 2 a
zombie fence 1 reset 0 0
twin apply 1 1 2 1 3 b
next fence 3 1 1 2 1
next apply 1 1 2 1 3 b
END
  same 'twin ok twin ok zombie 2 twin 1 next ok next ok' "$(answers)"
  contains "$(sed -n 4p said)" 'took over'
  same '2 a 3 b' "$(tally)"
}

@test "a cursor that is gone, set back or ahead ends the start, and nothing is written; --fresh and --from-epoch set it" {
  topic=$(unique_topic 1)
  cursors=streamutils-cursors.$pipeline.sink
  steps <<'END'
s fence 1 reset 0 0
s apply 0 0 3 1 2 a
back fence 2 4 1 5 1
ahead fence 2 1 1 2 1
rewound fence 3 reset 1 1
rewound apply 1 1 4 1 2 b
END
  same 's ok s ok back 2 ahead 2 rewound ok rewound ok' "$(answers)"
  contains "$(sed -n 3p said)" 'was set back: it is at epoch 3, chunk 1'
  contains "$(sed -n 3p said)" '--from-epoch'
  contains "$(sed -n 4p said)" 'ahead of the checkpoint'
  same 4 "$(committed "$cursors" | wc -l)"
  kafka_admin tombstone "$cursors" 0 "$pipeline/sink"
  printf 'gone fence 4 4 1 5 1\nspool fence 4 0 0 5 1\nnew fence 4 0 0 0 0\n' | steps
  same 'gone 2 spool 2 new ok' "$(answers | cut -d ' ' -f 13-)"
  contains "$(sed -n 7p said)" 'is gone'
  contains "$(sed -n 8p said)" 'is gone' # the spool from the beginning on may be in the topic
  printf '%s\t%s\n' "$pipeline/sink" 'junk' | kafka_admin produce "$cursors" 0 --key
  echo 'junk fence 5 reset 0 0' | steps
  contains "$(sed -n 10p said)" 'is no cursor of ssink-kafka'
}

@test "the topic of the cursors: made compacted; one that forgets is refused" {
  topic=$(unique_topic 1)
  named=$(unique_topic)
  echo 's fence 1 reset 0 0' | steps --cursor-topic "$named"
  # It is compacted: a record without a key is not allowed in it.
  run bash -c "echo x | kcat -P -b $BOOTSTRAP -t $named -X message.timeout.ms=5000"
  contains "$output" 'Broker'
  for policy in delete compact,delete; do
    forgets=$(unique_topic 1 cleanup.policy=$policy)
    echo 's fence 1 reset 0 0' | steps --cursor-topic "$forgets"
    contains "$(tail -n 1 said)" 's 2 topic'
    contains "$(tail -n 1 said)" 'cleanup.policy=compact'
    same 0 "$(log_end "$forgets")"
  done
}

@test "a topic of the cursors that may not be made: exit 2 with the command that makes it" {
  export STREAM_KAFKA_DIR=$BATS_TEST_TMPDIR/other
  line=$("$ROOT/scripts/kafka" start default.replication.factor=3 3>&-)
  topic=$(BOOTSTRAP=${line#bootstrap=} unique_topic 1)
  echo 's fence 1 reset 0 0' | BOOTSTRAP=${line#bootstrap=} steps
  "$ROOT/scripts/kafka" stop 3>&-
  contains "$(cat said)" 's 2 cannot make topic'
  contains "$(cat said)" "--create --topic streamutils-cursors.$pipeline.sink --partitions 1 --config cleanup.policy=compact"
}

@test "in a shared topic of cursors somebody's open transaction is waited for, and the cursor behind it is found" {
  topic=$(unique_topic 1)
  shared=$(unique_topic 1 cleanup.policy=compact)
  printf 's fence 1 reset 0 0\ns apply 0 0 1 1 2 a\n' | steps --cursor-topic "$shared"
  # A transaction that is open below our next record: read-committed readers see nothing of what follows.
  kafka_admin txn-produce "$shared" 0 1 leave somebody
  printf 's fence 2 1 1 1 1\n' >in
  steps --cursor-topic "$shared" <in &
  started+=("$!")
  wait_until 30 grep -q 'waiting for a transaction' err
  ! grep -q 's ok 1 1' said || fail 'it did not wait'
  kafka_admin txn-produce "$shared" 0 1 abort somebody
  wait_until 30 grep -q 's ok 1 1' said
}

@test "kill -9 in a transaction: readers of committed records go on as soon as the next start has fenced" {
  topic=$(unique_topic 1)
  # One record a request, so that the transaction takes its time.
  printf 's fence 1 reset 0 0\ns apply 0 0 1 1 3 a\ns apply 1 1 2 1 90000 x\n' >in
  kafka_sink_steps "$BOOTSTRAP" "$topic" "$pipeline" -X transaction.timeout.ms=60000 -X batch.num.messages=1 \
    <in >first 2>>err 3>&- &
  pid=$!
  started+=("$pid")
  wait_until 60 grown "$topic" 10 # 3 and their marker; then those of the open transaction
  kill -9 "$pid"
  wait "$pid" || true
  same 2 "$(wc -l <first)" # it was killed before it was through
  before=$SECONDS
  echo '{"p":1}' | kafka_admin produce "$topic" 0
  same '3 a' "$(tally)" # the record behind the open transaction is hidden
  printf 's fence 2 1 1 2 1\n' | steps
  same 's ok 1 1' "$(cat said)"
  seen() { [[ $(tally) == '3 a 1 p' ]]; }
  wait_until 20 seen
  # By itself the transaction ends 60 s after it began, at the earliest.
  ((SECONDS - before < 55)) || fail 'the time-out may have ended the transaction'
  printf 's fence 3 1 1 2 1\ns apply 1 1 2 1 4 b\n' | steps
  same '3 a 4 b 1 p' "$(tally)"
}

@test "the broker is killed while chunks are written: they are written once, by the same process" {
  topic=$(unique_topic 2)
  {
    echo 's fence 1 reset 0 0'
    echo 's apply 0 0 1 1 5 a'
    for n in $(seq 1 2000); do echo "s apply 1 $n 1 $((n + 1)) 20 b"; done
    echo 's apply 1 2001 2 1 5 c'
  } >in
  steps <in &
  pid=$!
  started+=("$pid")
  some() { (($(wc -l <said) > $1)); }
  wait_until 60 some 20
  kill_kafka
  wait_until 30 grep -q 'lost Kafka' err
  some 2002 && fail 'it was through before the broker died'
  restart_kafka
  wait "$pid"
  same 2003 "$(grep -c '^s ok' said)"
  same '5 a 40000 b 5 c' "$(tally)"
}

@test "a pipeline that is killed again and again: every record once, for readers of committed records" {
  in=$(unique_topic 2)
  topic=$(unique_topic 2)
  seq 1 3000 | sed 's/.*/{"n":&}/' | kafka_admin produce "$in" -1
  export STREAM_CHECKPOINT=$PWD/store
  pipe() {
    skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval 100ms "$@" "$in" 2>source.err 3>&- |
      ssink-kafka -b "$BOOTSTRAP" -t "$topic" --key n 2>sink.err 3>&-
  }
  progress() { (($(log_end "$topic") > $1)); }
  for round in 1 2 3; do
    seq $((round * 10000)) $((round * 10000 + 500)) | sed 's/.*/{"n":&}/' | kafka_admin produce "$in" -1
    had=$(log_end "$topic")
    mkfifo "fifo$round"
    skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval 100ms "$in" >"fifo$round" 2>source.err 3>&- &
    source=$!
    ssink-kafka -b "$BOOTSTRAP" -t "$topic" --key n <"fifo$round" 2>sink.err 3>&- &
    sink=$!
    started+=("$source" "$sink")
    wait_until 60 progress "$had"
    kill -9 "$sink"
    wait "$sink" || true
    wait "$source" || true
  done
  pipe -e
  contains "$(cat sink.err)" "written to topic '$topic' in transactions"
  committed "$topic" | tr -dc '0-9\n' | sort -n >got
  { seq 1 3000; for round in 1 2 3; do seq $((round * 10000)) $((round * 10000 + 500)); done; } | sort -n >wanted
  cmp wanted got
  # The pipeline is finished: starting it again writes nothing.
  pipe -e
  committed "$topic" | tr -dc '0-9\n' | sort -n | cmp wanted -
}
