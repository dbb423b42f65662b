# SPDX-License-Identifier: Apache-2.0
# sstate: looks into checkpoints that real pipelines have left.
load ../helpers/common

setup_file() {
  local topic
  use_kafka
  start_redis
  topic=$(unique_topic 1)
  export TOPIC=$topic CP=$BATS_FILE_TMPDIR/cp
  printf '%s\n' '{"t":1700000001,"user":"ann","n":1}' '{"t":1700000002,"user":"bob","n":5}' |
    kcat -P -b "$BOOTSTRAP" -t "$topic"
  run_pipeline --keep-open
  printf '%s\n' '{"t":1700000003,"user":"ann","n":2}' '{"t":1700000011,"user":"bob","n":1.50}' \
    '{"t":1700000012,"user":5,"n":7}' | kcat -P -b "$BOOTSTRAP" -t "$topic"
  run_pipeline --keep-open
}
teardown_file() { stop_redis; }

# run_pipeline OPTION…: the topic so far, in windows of 10 s. Windows from :10 on stay open.
run_pipeline() {
  STREAM_CHECKPOINT=$CP bash -o pipefail -c '
    skafka-cat -b "$BOOTSTRAP" -e "$@" "$TOPIC" | swatermark --time t |
      swindow --tumbling 10s --key user --agg "n=count(), sum=sum(n)" --allowed-lateness 1m |
      ssink-redis --url "$REDIS_URL" --hash "r:{user}:{window_start}"' - "$@" 2>"$BATS_FILE_TMPDIR/err" ||
    { cat "$BATS_FILE_TMPDIR/err" >&2 && return 1; }
}

# each test damages or removes things in a copy of its own
copy() { cp -r "$CP" mine; }
flip() { printf '\xff' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

@test "ls: a line for each epoch, as a table and as NDJSON" {
  sstate ls "$CP" >table
  same 3 "$(wc -l <table)"
  contains "$(sed -n 1p table)" 'EPOCH KIND'
  sstate ls --json "$CP" >json
  same '[2,"ended",1,3] [4,"ended",3,3]' \
    "$(jq -c '[.epoch, .kind, .generation, .members]' json | paste -sd ' ')"
  jq -e 'select(.epoch == 4) | .bytes > 100 and (.created | startswith("20")) and (.pipeline | length == 36)' json
}

@test "show: the newest, or one that is asked for" {
  sstate show "$CP" >out
  grep -q '^epoch  *4 (ended: ' out
  grep -q '^lock  *free, last held by pid ' out
  grep -q '^stage  *3 swindow, keeps state$' out
  grep -q "^position  *$TOPIC/0 next 5 (began at 0, ends at 5)" out
  grep -q '^member  *swindow, of epoch 4$' out
  grep -q '^member  *ssink-redis, of epoch 4, cursor epoch 4 chunk 1$' out
  grep -q '^  object  *spool/.*/4/ssink-redis [0-9]* bytes, sha256 [0-9a-f]\{64\}$' out
  sstate show "$CP" 2 | grep -q '^position  *.* next 2 (began at 0, ends at 2)'
  run sstate show "$CP" 7
  same 2 "$status"
  contains "$output" "has no epoch 7; it keeps 2, 4"
}

@test "cat: windows with their aggregates so far" {
  sstate cat "$CP" --stage swindow >out
  same '{"stage":"swindow","unit":"-","watermark":"2023-11-14T22:13:32Z","window_start":"2023-11-14T22:13:20Z","window_end":"2023-11-14T22:13:30Z","key":{"user":"ann"},"values":{"n":2,"sum":3},"fired":true,"next_revision":1}
{"stage":"swindow","unit":"-","watermark":"2023-11-14T22:13:32Z","window_start":"2023-11-14T22:13:20Z","window_end":"2023-11-14T22:13:30Z","key":{"user":"bob"},"values":{"n":1,"sum":5},"fired":true,"next_revision":1}
{"stage":"swindow","unit":"-","watermark":"2023-11-14T22:13:32Z","window_start":"2023-11-14T22:13:30Z","window_end":"2023-11-14T22:13:40Z","key":{"user":"bob"},"values":{"n":1,"sum":1.5},"fired":false,"next_revision":0}
{"stage":"swindow","unit":"-","watermark":"2023-11-14T22:13:32Z","window_start":"2023-11-14T22:13:30Z","window_end":"2023-11-14T22:13:40Z","key":{"user":5},"values":{"n":1,"sum":7},"fired":false,"next_revision":0}' "$(sort out)"
}

@test "cat: watermarks and what a sink remembers" {
  same "[\"$TOPIC/0\",\"2023-11-14T22:13:32Z\",\"2023-11-14T22:13:32Z\",false]" \
    "$(sstate cat "$CP" --stage swatermark | jq -c '[.unit, .watermark, .newest_record, .idle]')"
  same '{"hash":"r:ann:2023-11-14T22:13:20Z"} {"hash":"r:bob:2023-11-14T22:13:20Z"}' \
    "$(sstate cat "$CP" --stage ssink-redis | jq -c .written | sort | paste -sd ' ')"
  same 'ssink-redis swatermark swindow' "$(sstate cat "$CP" 4 | jq -r .stage | sort -u | paste -sd ' ')"
}

@test "cat --key: JSON, plain text, an object" {
  count() { sstate cat "$CP" --key "$1" | wc -l; }
  same 3 "$(count bob)"
  same 3 "$(count '"bob"')"
  same 3 "$(count '{"user":"bob"}')"
  same 1 "$(count 5)"
  same 1 "$(count 5.0)"
  same 0 "$(count '"5"')"
  same 0 "$(count '{"usr":"bob"}')"
  run sstate cat "$CP" --key '{"user":[1]}'
  same 2 "$status"
}

@test "verify: all is well, and nothing was changed by looking" {
  before=$(find "$CP" -type f -printf '%P %s %T@\n' | sort)
  sstate verify "$CP" >out
  grep -q '^epoch 4: ok, 4 objects, [0-9]* bytes$' out
  sstate ls "$CP" >/dev/null && sstate show "$CP" >/dev/null && sstate cat "$CP" >/dev/null
  same "$before" "$(find "$CP" -type f -printf '%P %s %T@\n' | sort)"
}

@test "verify names what is damaged, cut short, missing or of nobody" {
  copy
  mkdir -p mine/state/none/2
  : >mine/state/none/2/swindow
  sstate verify mine >out
  grep -q '^no epoch needs state/none/2/swindow$' out
  rm -r mine/state/none
  last=$(jq -r '.run // empty' mine/manifest/*4 | head -n 1)
  flip "mine/state/$last/4/swindow" 40
  truncate -s -3 "mine/spool/$last/4/ssink-redis"
  rm "mine/state/$last/4/swatermark"
  run sstate verify mine
  same 1 "$status"
  contains "$output" '4/swindow is damaged'
  contains "$output" '4/ssink-redis is damaged (it is cut short)'
  contains "$output" '4/swatermark is missing'
  contains "$output" '3 objects are damaged'
  run sstate cat mine
  same 2 "$status"
  flip mine/manifest/00000000000000000004 30
  run sstate verify mine
  same 1 "$status"
  contains "$output" 'epoch 4: damaged: manifest/00000000000000000004 is damaged'
  run sstate ls mine
  same 1 "$status"
  contains "$output" '4 damaged: manifest/00000000000000000004'
}

@test "rm: one, the older ones, all; never the newest by itself, and not while a pipeline runs" {
  copy
  run sstate rm mine 4
  same 2 "$status"
  contains "$output" 'epoch 4 is the newest'
  run sstate rm mine
  same 2 "$status"
  run sstate rm mine --all
  same 2 "$status"
  contains "$output" 'add --yes'
  printf 'pid 1 on there' >mine/lock
  exec 9<mine/lock
  flock 9
  run sstate rm mine 2
  same 2 "$status"
  contains "$output" 'is in use (pid 1 on there): stop the pipeline first'
  sstate show mine | grep -q '^lock  *held by pid 1 on there$'
  exec 9<&-
  sstate rm mine 2 | grep -q 'removed epoch 2'
  sstate verify mine >out
  ! grep -q 'epoch 2' out || fail "epoch 2 is still there"
  sstate rm mine --older-than 100
  same 4 "$(sstate ls --json mine | jq .epoch)"
  sstate rm --all --yes mine
  same '' "$(find mine -type f ! -name lock ! -name format)"
  same 'there are no epochs' "$(sstate verify mine)"
}

@test "rm leaves what a pipeline needs to go on" {
  copy
  sstate rm mine --older-than 4
  CP=$PWD/mine run_pipeline --keep-open
  same 'ended' "$(sstate ls --json mine | tail -n 1 | jq -r .kind)"
  sstate verify mine
}

@test "usage: what is wrong is named" {
  run sstate
  same 2 "$status"
  run sstate lss "$CP"
  same 2 "$status"
  contains "$output" "did you mean 'ls'?"
  run sstate ls .
  same 2 "$status"
  contains "$output" "'.' holds no checkpoints"
  run sstate ls nowhere
  same 2 "$status"
  contains "$output" nowhere
  run sstate ls --key x "$CP"
  same 2 "$status"
  contains "$output" '--key is for cat'
  run sstate show "$CP" x
  same 2 "$status"
  run sstate cat "$CP" --stage none
  same 2 "$status"
  contains "$output" "has no stage 'none'; it has swatermark, swindow, ssink-redis"
}
