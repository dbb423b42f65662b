# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# ssink-redis --commit now: results are seen before their epoch is decided, and a start takes back what never was.
load ../helpers/common

setup_file() {
  use_kafka
  start_redis
}
teardown_file() { stop_redis; }

setup() {
  work_in_tmp
  redis FLUSHALL >/dev/null
  topic=$(unique_topic 1)
  group=
}
teardown() { [[ -z $group ]] || kill -9 -- "-$group" 2>/dev/null || true; }

stages='skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval "$interval" "$@" "$topic" | swatermark --time t |
  swindow --tumbling 10s --key user --agg "n=count(), s=sum(v)" |
  ssink-redis --url "$REDIS_URL" --commit now --hash "h:{user}:{window_start}" --string "last:{user}" --zset top \
    --score s --member "{user}"'
run_pipeline() {
  topic=$topic interval=$interval STREAM_CHECKPOINT=$PWD/cp timeout 120 bash -o pipefail -c "$stages" - -e "$@" 2>err 3>&- ||
    { cat err >&2 && return 1; }
}
contents() {
  local key
  for key in $(redis --raw KEYS 'h:*' | sort); do
    echo "$key" "$(redis --raw HGETALL "$key" | tr '\n' ' ')"
  done
  redis --raw MGET last:u0 last:u1 last:u2
  redis --raw ZRANGE top 0 -1 WITHSCORES
}
hashes() { redis --raw KEYS 'h:*' | grep -c .; }
undo() { redis --raw HKEYS "$(redis --raw KEYS 'streamutils:*')" | grep '^undo '; }
taken_back() { ! undo >/dev/null; }
at_least() { (($(hashes) >= $1)); }

@test "--commit now: seen at once, taken back after kill -9, the same in the end" {
  produce 0 59
  interval=1h run_pipeline --keep-open # windows up to 50 are decided
  decided=$(contents)
  same 15 "$(hashes)"

  # No epoch of this start is ever decided.
  interval=1h topic=$topic STREAM_CHECKPOINT=$PWD/cp setsid bash -c "$stages" - 2>err 3>&- &
  group=$!
  produce 60 199
  wait_until 60 at_least 57
  [[ $(contents) != "$decided" ]]
  kill -9 -- "-$group"
  wait "$group" || true
  group=

  # A start that reads nothing shows what is decided. (A filter may come and go: it has no state.)
  undo | grep -q .
  interval=1h topic=$topic STREAM_CHECKPOINT=$PWD/cp \
    setsid bash -c "${stages/swatermark/sfilter --where \"v < 0\" | swatermark}" - 2>err 3>&- &
  group=$!
  wait_until 60 taken_back
  same "$decided" "$(contents)"
  kill -9 -- "-$group"
  wait "$group" || true
  group=

  interval=100ms run_pipeline
  mv cp first
  final=$(contents)
  redis FLUSHALL >/dev/null
  interval=1h run_pipeline
  same "$(contents)" "$final"
}

@test "--commit now: what cannot be taken back is refused, and --commit epoch needs a checkpoint" {
  run ssink-redis --url "$REDIS_URL" --commit now --hash h --counter c --by n </dev/null
  same 2 "$status"
  contains "$output" '--commit now cannot be combined with --counter'
  contains "$output" 'sdivert --copy'
  run bash -c 'echo "{}" | ssink-redis --url "$REDIS_URL" --commit epoch --hash h'
  same 2 "$status"
  contains "$output" '--commit epoch needs a checkpoint'
}
