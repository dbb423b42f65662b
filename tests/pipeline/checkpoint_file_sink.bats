# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# ssink-file with a checkpoint, in real pipelines: each record is in the files once, whoever dies, and a directory that is
# not what the checkpoint has is never gone on with in silence.
load ../helpers/common

setup_file() { use_kafka; }
setup() {
  work_in_tmp
  started=()
  topic=$(unique_topic 2)
  export STREAM_CHECKPOINT=$PWD/store
}
teardown() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
}

produce() { seq -f '{"n":%.0f}' "$1" "$2" | kafka_admin produce "$topic" -1; }
# source [OPTION]… and sink [OPTION]…: the two stages.
source_stage() { skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval 100ms "$@" "$topic" 2>source.err 3>&-; }
sink_stage() { ssink-file -d out "$@" 2>sink.err 3>&-; }
# The lines of all finished files, in their order; plain, gzip or zstd.
lines() { find out -name 'part-*' -print0 | LC_ALL=C sort -z | xargs -0r -n 1 sh -c 'zcat -f <"$0" 2>/dev/null || zstdcat "$0"'; }
numbers() { lines | tr -dc '0-9\n' | sort -n; }
cursor_epoch() { cat out/.streamutils/*/cursor-* 2>/dev/null | jq -r 'select(.epoch) | .epoch' | sort -n | tail -n 1; }
beyond() { (($(cursor_epoch || echo 0) > $1)); }
hidden() { find out -name '*.open*' -not -path '*/.streamutils/*'; }

# start [SINK OPTION]…: in the background, through a fifo. Sets source and sink.
start() {
  local fifo
  fifo=$(mktemp -u fifo.XXXXXX)
  mkfifo "$fifo"
  skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval 100ms "$topic" >"$fifo" 2>source.err 3>&- &
  source=$!
  ssink-file -d out "$@" <"$fifo" 2>sink.err 3>&- &
  sink=$!
  started+=("$source" "$sink")
}

@test "killed again and again: every record once, in rolled and compressed files" {
  local round had
  produce 1 3000
  for round in 1 2 3 4; do
    produce $((round * 10000)) $((round * 10000 + 500))
    had=$(cursor_epoch || true)
    start -z gzip --path '{n}' --max-open 20 --roll-size 200
    wait_until 60 beyond "${had:-0}"
    case $round in
      1 | 3) kill -9 "$sink" ;;
      2) kill -9 "$source" ;;
      4) kill -9 "$sink" "$source" ;;
    esac
    wait "$sink" || true
    wait "$source" || true
  done
  source_stage -e | sink_stage -z gzip --path '{n}' --max-open 20 --roll-size 200
  { seq 1 3000; for round in 1 2 3 4; do seq $((round * 10000)) $((round * 10000 + 500)); done; } | sort -n >wanted
  numbers | cmp wanted -
  same '' "$(hidden)"
  # The pipeline is finished: starting it again writes nothing.
  source_stage -e | sink_stage -z gzip --path '{n}' --max-open 20 --roll-size 200
  numbers | cmp wanted -
}

@test "a part goes on across starts, and becomes visible at the end" {
  produce 1 100
  start
  wait_until 60 beyond 1
  kill -9 "$sink" "$source"
  wait "$sink" || true
  wait "$source" || true
  same '' "$(lines)"
  produce 101 200
  source_stage -e | sink_stage
  seq 1 200 >wanted
  numbers | cmp wanted -
  same out/part-00000001.ndjson "$(find out -name 'part-*')"
}

@test "a zombie is refused, ends with 2, and has harmed nothing" {
  produce 1 1000
  start
  wait_until 60 beyond 1
  kill -STOP "$sink" "$source"
  local zombie=$sink zombie_source=$source status=0 source_status=0
  mv store/lock store/lost # as a store would that forgets its locks
  start
  had=$(cursor_epoch)
  produce 1001 2000
  wait_until 60 beyond "$((had + 1))"
  kill -CONT "$zombie" "$zombie_source"
  produce 2001 2100
  wait "$zombie" || status=$?
  wait "$zombie_source" || source_status=$?
  # Either may be refused first; the other then says that its neighbour is gone.
  [[ $status == 2 || "$status $source_status" == '1 2' ]] || fail "sink $status, source $source_status"
  kill -TERM "$source"
  wait "$source" "$sink"
  # What came after the end is for the next start.
  source_stage -e | sink_stage
  seq 1 2100 >wanted
  numbers | cmp wanted -
}

@test "a directory that was emptied: exit 2 with the choices; --fresh starts over" {
  produce 1 50
  start
  wait_until 60 beyond 1
  had=$(cursor_epoch)
  produce 51 100
  wait_until 60 beyond "$had" # now the directory holds what no spool does
  kill -9 "$sink" "$source"
  wait "$sink" || true
  wait "$source" || true
  mv out away
  local status=0
  source_stage -e | sink_stage || status=$?
  same 2 "$status"
  contains "$(cat sink.err)" 'emptied'
  contains "$(cat sink.err)" '--fresh'
  [[ ! $(find out -name '*part-*') ]] || fail 'it wrote'
  source_stage -e | sink_stage --fresh
  seq 1 100 >wanted
  numbers | cmp wanted -
}

@test "a full disk: exit 1, and the next start goes on" {
  produce 1 60000
  local status=0
  export -f source_stage
  export topic
  bash -c 'set -o pipefail; source_stage -e | (ulimit -f 300; trap "" XFSZ; exec ssink-file -d out --checkpoint "$1" 2>sink.err)' - "$PWD/store" || status=$?
  [[ $status != 0 ]] || fail 'it did not fail'
  grep -q 'File too large' sink.err || fail "$(cat sink.err)"
  same '' "$(lines)"
  source_stage -e | sink_stage
  seq 1 60000 >wanted
  numbers | cmp wanted -
}

@test "in a branch of sdivert: late records are in files once" {
  for n in $(seq 1 50); do printf '{"t":%s,"n":%s}\n' "$((1700000000 + n % 10 * 100))" "$n"; done | kafka_admin produce "$topic" 0
  local round
  for round in 1 2; do
    skafka-cat -b "$BOOTSTRAP" -o beginning -e "$topic" 2>source.err 3>&- | swatermark --time t | swindow --tumbling 10s --agg 'n=count()' |
      sdivert --exec late='ssink-file -d out --prefix part' | ssink-file -d main 2>sink.err
  done
  same 50 "$(($(lines | wc -l) + $(cat main/part-* | jq -s 'map(.n) | add')))"
}
