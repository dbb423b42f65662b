# SPDX-License-Identifier: Apache-2.0
# sreplay merges files and partitions by event time, the same at every pace, and disturbs nobody.
bats_require_minimum_version 1.5.0
load ../helpers/common

setup_file() { use_kafka; }

# Two files of 30 and 20 records with ties, disorder and records without a time.
setup() {
  work_in_tmp
  awk 'BEGIN { for (i = 0; i < 30; i++) { t = i % 7 == 6 ? i - 5 : i
    if (i % 11 == 10) printf "{\"f\":\"a\",\"i\":%d}\n", i; else printf "{\"t\":1700000%06d,\"f\":\"a\",\"i\":%d}\n", t * 20, i } }' >a
  awk 'BEGIN { for (i = 0; i < 20; i++) printf "{\"t\":1700000%06d,\"f\":\"b\",\"i\":%d}\n", i * 30, i }' >b
}

# model FILE…: the merge as it is defined, by an independent hand: heads compared, ties to the earlier file.
model() {
  python3 - "$@" <<'END'
import json, sys
files = []
for name in sys.argv[1:]:
    last, rows = -1, []
    for line in open(name):
        last = json.loads(line).get("t", last)
        rows.append((last, line))
    files.append(rows)
while any(files):
    best = min((f for f in files if f), key=lambda f: f[0][0])
    sys.stdout.write(best.pop(0)[1])
END
}

@test "files are merged by event time, ties by argument, disorder and lines without a time stay behind their neighbours" {
  sreplay --time t a b --plain >out
  same "$(model a b)" "$(cat out)"
  sreplay --time t b a --plain >out
  same "$(model b a)" "$(cat out)"
  [[ $(model a b) != "$(model b a)" ]]
}

@test "gzip and zstd, whole or in parts, give what the plain files give" {
  sreplay --time t a b >wanted.raw | cat
  sreplay --time t a b | sed 1d >wanted
  mkdir z
  head -n 10 a | gzip >z/a
  tail -n +11 a | gzip >>z/a
  zstd -q b -o z/b
  (cd z && sreplay --time t a b | sed 1d) >out
  same "$(cat wanted)" "$(cat out)"
  contains "$(cat out)" '{"$stream":"end","fire":true}'
}

@test "without --time files follow one another; nothing at all is a stream too" {
  : >empty
  sreplay b empty a --plain >out
  same "$(cat b a)" "$(cat out)"
  sreplay empty | cat >out
  same '{"$stream":"open"' "$(head -c 17 out)"
  same '{"$stream":"end","fire":true}' "$(tail -n 1 out)"
}

@test "any speed gives the same bytes" {
  sreplay --time t a b | sed 1d >max
  for speed in 1x 10x 0.9; do
    timeout 30 sreplay --time t --speed "$speed" a b | sed 1d >out
    same "$(cat max)" "$(cat out)"
  done
}

@test "windows behind a replay do not depend on its pace, although one file ends early" {
  # What holds the watermark after the end of a file must not be a question of the clock.
  { cat b; awk 'BEGIN { for (i = 20; i < 60; i++) printf "{\"t\":1700000%06d,\"i\":%d}\n", i * 30 - (i % 9 == 8) * 500, i }'; } >long
  head -n 12 a >short
  windows() {
    sreplay --time t --speed "$1" short long | swatermark --time t --idle-after 100ms | swindow --tumbling 200ms --agg 'n=count()' | sed 1d
  }
  windows max >max
  windows 1x >paced
  same "$(grep -v caught-up max)" "$(grep -v caught-up paced)"
  contains "$(cat max)" '"label":"late"'
}

@test "--speed keeps the pace: what is not due has not left" {
  printf '{"t":1}\n{"t":2}\n{"t":100000}\n' >far
  sreplay --time t --time-unit s --speed 1x far --plain >out &
  pid=$!
  wait_until 20 grep -q '"t":2' out
  same '{"t":1} {"t":2}' "$(paste -sd ' ' out)"
  kill -TERM "$pid"
  wait "$pid"
}

@test "SIGTERM ends a paced replay cleanly, without fire" {
  printf '{"t":1}\n{"t":100000}\n' >far
  mkfifo pipe
  timeout 60 sreplay --time t --time-unit s --speed 1x far >pipe &
  pid=$!
  cat pipe >out &
  reader=$!
  wait_until 20 grep -q '"t":1' out
  kill -TERM "$(pgrep -P "$pid" sreplay)"
  wait "$pid"
  wait "$reader"
  same '{"$stream":"end","fire":false}' "$(tail -n 1 out)"
  same 1 "$(grep -c '"t":1' out)"
}

@test "a reader that leaves ends it quietly" {
  for i in $(seq 3000); do cat a; done >many
  run bash -o pipefail -c 'timeout 20 sreplay --time t many | head -n 5 >/dev/null'
  same 141 "$status"
  same '' "$output"
}

@test "damaged or cut off data is exit 1 with the file's name, and no end" {
  for i in $(seq 2000); do cat a; done >many
  gzip -k many
  size=$(stat -c %s many.gz)
  head -c $((size / 2)) many.gz >cut.gz
  cp many.gz bad.gz
  printf 'XXXXXXXX' | dd of=bad.gz bs=1 seek=$((size / 2)) conv=notrunc status=none
  for file in cut.gz bad.gz; do
    status=0
    timeout 20 sreplay --time t "$file" 2>err >out.raw || status=$?
    same 1 "$status"
    contains "$(cat err)" "sreplay: '$file': the compressed data is "
    { timeout 20 sreplay --time t "$file" 2>/dev/null || true; } | cat >out
    run ! grep -q '"\$stream":"end"' out
  done
  run bash -o pipefail -c "sreplay --time t cut.gz | swatermark --time t | swindow --tumbling 1h --agg 'n=count()' --plain"
  same 1 "$status"
  run ! grep -q window_start <<<"$output"
}

@test "usage errors: a file twice, one that is not there, no times to pace by, a range of a file, a speed of 0" {
  run sreplay a a
  same 2 "$status"
  contains "$output" "'a' is given twice"
  run sreplay a none
  same 1 "$status"
  contains "$output" "cannot open 'none': No such file or directory"
  run sreplay --speed 1x a
  same 2 "$status"
  contains "$output" "--time FIELD"
  run sreplay --from -1h a
  same 2 "$status"
  contains "$output" "-b BROKERS"
  run sreplay --time t --speed 0 a
  same 2 "$status"
  sreplay --time t a | cat >stream
  run sreplay stream
  same 2 "$status"
  contains "$output" "holds a stream"
}

@test "a topic's partitions are merged by event time, and no group notices" {
  topic=$(unique_topic 3)
  kafka_admin produce "$topic" 0 <a
  kafka_admin produce "$topic" 2 <b
  timeout 30 skafka-cat -b "$BOOTSTRAP" -G "$topic-group" -o beginning -c 7 --commit-interval 100ms "$topic" >/dev/null
  kafka_admin committed "$topic-group" "$topic" >before
  contains "$(cat before)" ' '
  timeout 30 sreplay -b "$BOOTSTRAP" --time t "$topic" --plain >out
  same "$(model a b)" "$(cat out)"
  timeout 30 sreplay -b "$BOOTSTRAP" --time t --speed 2x "$topic" | sed 1d >paced
  timeout 30 sreplay -b "$BOOTSTRAP" --time t "$topic" | sed 1d >max
  same "$(cat max)" "$(cat paced)"
  kafka_admin committed "$topic-group" "$topic" >after
  same "$(cat before)" "$(cat after)"
}

@test "--from and --to choose by Kafka time; without --time partitions are merged by it" {
  topic=$(unique_topic 2)
  awk 'BEGIN { for (i = 0; i < 50; i++) printf "1700000%06d\t{\"p\":0,\"i\":%d}\n", i * 1000, i }' | kafka_admin produce "$topic" 0 --timestamp
  awk 'BEGIN { for (i = 0; i < 25; i++) printf "1700000%06d\t{\"p\":1,\"i\":%d}\n", i * 2000, i }' | kafka_admin produce "$topic" 1 --timestamp
  timeout 30 sreplay -b "$BOOTSTRAP" --from 1700000010000 --to 1700000014000 "$topic" --plain >out
  same '{"p":0,"i":10} {"p":1,"i":5} {"p":0,"i":11} {"p":0,"i":12} {"p":1,"i":6} {"p":0,"i":13}' "$(paste -sd ' ' out)"
}

@test "--check replays a topic anew for each run, and says when it grew meanwhile" {
  topic=$(unique_topic 2)
  kafka_admin produce "$topic" 0 <a
  kafka_admin produce "$topic" 1 <b
  run timeout 60 sreplay -b "$BOOTSTRAP" --time t --check-pauses 200ms --check 'swatermark --time t' "$topic"
  same 0 "$status"
  contains "$output" 'the same in 4 runs: '
  run timeout 60 sreplay -b "$BOOTSTRAP" --time t --check-pauses 200ms "$topic" \
    --check "sh -c 'cat >/dev/null; echo \"{}\" | kafka_admin produce $topic 0'"
  same 1 "$status"
  contains "$output" 'the replay itself has changed'
}
