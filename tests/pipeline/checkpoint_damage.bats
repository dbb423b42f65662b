# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# A checkpoint or a Redis that is damaged, full, emptied, set back or forbidden, in real pipelines: a clear error with
# the way out, or the right continuation; nothing wrong is restored and nothing begins again by itself.
load ../helpers/common

setup_file() {
  use_kafka
  start_redis # without AOF: what a restart brings back is what SAVE has written
}
teardown_file() { stop_redis; }

setup() {
  work_in_tmp
  redis PING >/dev/null || restart_redis
  redis FLUSHALL >/dev/null
  redis CONFIG SET maxmemory-policy noeviction >/dev/null
  redis CONFIG SET maxmemory 0 >/dev/null
  topic=$(unique_topic 1)
  cp=$PWD/cp
  sink_options=()
  group=
  mounted=
}

teardown() {
  [[ -z $group ]] || kill -9 -- "-$group" 2>/dev/null || true
  [[ -z $mounted ]] || umount -l "$mounted"
}

stages='skafka-cat -b "$BOOTSTRAP" -o beginning --checkpoint-interval "$interval" "$@" "$topic" 2>source.err |
  swatermark --time t 2>swatermark.err |
  swindow --tumbling 10s --key user --agg "n=count(), s=sum(v)" 2>swindow.err |
  ssink-redis --url "$url" --hash "h:{user}:{window_start}" --counter "c:{user}" --by n $sink_options 2>sink.err
  echo "${PIPESTATUS[*]}" >codes.new; mv codes.new codes'

# run_pipeline [SOURCE OPTION]…: until the end of the topic as it is now; exit codes in $codes.
run_pipeline() {
  rm -f codes
  topic=$topic url=${url:-$REDIS_URL} interval=${interval:-100ms} sink_options=${sink_options[*]} \
    STREAM_CHECKPOINT=${checkpoint-$cp} timeout 120 bash -c "$stages" - -e "$@" 3>&-
  codes=$(<codes)
}
# round FROM TO: so many more records, in one epoch; windows that are not over stay open.
round() {
  produce "$1" "$2"
  interval=1h run_pipeline --keep-open
  same '0 0 0 0' "$codes" || said
}
last_round() {
  run_pipeline
  same '0 0 0 0' "$codes" || said
}
said() { cat ./*.err >&2 && return 1; }

# start_pipeline: in the background, until it is stopped; its exit codes come into the file codes.
start_pipeline() {
  rm -f codes
  topic=$topic url=$REDIS_URL interval=${interval:-100ms} sink_options=${sink_options[*]} \
    STREAM_CHECKPOINT=$cp setsid bash -c "$stages" - 3>&- &
  group=$!
}
ended() { [[ -e codes ]]; }
await_end() {
  wait_until 60 ended || said
  codes=$(<codes)
  group=
}

# dump [DB]: all keys of ours and what they hold.
dump() {
  local key
  for key in $(redis -n "${1:-0}" --raw KEYS '[ch]:*' | LC_ALL=C sort); do
    case $key in
      h:*) redis -n "${1:-0}" --raw HGETALL "$key" | paste - - | LC_ALL=C sort | sed "s/^/$key /" ;;
      c:*) echo "$key $(redis -n "${1:-0}" --raw GET "$key")" ;;
    esac
  done
}
counted() { (($(redis --raw GET c:u1 || echo 0) >= $1)); }
# Equal to what one run over the whole topic, without any checkpoint, writes.
exact() {
  sink_options=()
  checkpoint='' url=$REDIS_URL?db=1 run_pipeline
  same '0 0 0 0' "$codes" || said
  [[ $(dump 1 | wc -l) -gt 10 ]]
  same "$(dump 1)" "$(dump)"
}
hashes() { dump "$@" | grep '^h:'; }

# refused STAGE FILE PART…: that stage (from 1) ended with 2 and said all parts; nothing was written.
refused() {
  local stage=$1 file=$2 part before
  shift 2
  before=$(dump)
  run_pipeline
  same 2 "$(cut -d ' ' -f "$stage" <<<"$codes")" || said
  for part; do contains "$(<"$file")" "$part"; done
  same "$before" "$(dump)"
}

newest() { find "$cp/$1" -name "$2" -printf '%h/%f\n' | awk -F/ '{print $(NF - 1), $0}' | sort -n | tail -n 1 | cut -d ' ' -f 2-; }
newest_spool() { newest spool ssink-redis; }
newest_manifest() { find "$cp/manifest" -type f | sort | tail -n 1; }
flip() { # FILE: a bit in its middle
  local at byte
  at=$(($(stat -c %s "$1") / 2))
  byte=$(od -An -tu1 -j "$at" -N 1 "$1")
  printf "\\x$(printf %x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

@test "a bit flipped in the newest state of swindow: exit 2 names it; --from-epoch goes on from the one before" {
  round 1 100
  round 101 150
  round 151 200
  flip "$(newest state swindow)"
  refused 3 swindow.err "checkpoint '$cp': state/" '/swindow is damaged' --fresh '--from-epoch N' "sstate ls $cp"
  run sstate verify "$cp"
  [[ $status -ne 0 ]]
  contains "$output" swindow
  sink_options=(--from-epoch "$(sstate ls --json "$cp" | jq -s 'map(select(.kind == "ended").epoch) | sort | .[-2]')")
  last_round
  contains "$(<sink.err)" 'going back to epoch'
  sink_options=()
  checkpoint='' url=$REDIS_URL?db=1 run_pipeline
  same "$(hashes 1)" "$(hashes)"
}

@test "a spool that is cut, a manifest that is cut: exit 2 names it; put back, all goes on exactly" {
  local kind object
  round 1 100
  round 101 150
  for kind in spool manifest; do
    object=$(newest_$kind)
    cp "$object" kept
    truncate -s -7 "$object"
    refused 4 sink.err "checkpoint '$cp'" "${object#"$cp"/} is damaged" --fresh --from-epoch
    mv kept "$object"
  done
  last_round
  exact
}

@test "manifests that are gone are no first start; --fresh is" {
  round 1 100
  rm -r "$cp/manifest"
  refused 4 sink.err "checkpoint '$cp' has no manifest" 'put them back' --fresh
  redis FLUSHALL
  sink_options=(--fresh)
  last_round
  exact
}

@test "a disk that is full: exit 1 says so; room is made, and all goes on exactly" {
  mkdir disk
  mount -t tmpfs -o size=2m none disk 2>err || skip "mounting a tmpfs is not permitted here: $(<err)"
  mounted=$PWD/disk
  cp=$mounted/cp
  produce 1 100
  start_pipeline
  wait_until 60 counted 20 || said
  head -c 4m /dev/zero >disk/filler 2>/dev/null || true
  produce 101 200
  await_end
  grep -q 1 <<<"$codes"
  if grep -q 2 <<<"$codes"; then fail "a full disk is no usage error: $codes"; fi
  cat ./*.err | grep "checkpoint '$cp': cannot .*: No space left on device (free some; the pipeline goes on from"
  run_pipeline
  grep -q 1 <<<"$codes"
  cat ./*.err | grep 'No space left on device (free some'
  rm disk/filler
  last_round
  exact
}

@test "a disk that fails: exit 1 says so, and the next start goes on exactly" {
  strace -o /dev/null true 2>err || skip "strace is not permitted here: $(<err)"
  local real=$stages
  round 1 100
  produce 101 150
  # The third sync of each stage fails once.
  stages=${stages//swindow --tumbling/strace -f -o trace -e trace=fsync -e inject=fsync:error=EIO:when=3 swindow --tumbling}
  run_pipeline
  stages=$real
  same 1 "$(cut -d ' ' -f 3 <<<"$codes")" || said
  contains "$(<swindow.err)" "checkpoint '$cp': cannot sync"
  contains "$(<swindow.err)" 'Input/output error (see to the disk; the pipeline goes on from its last checkpoint'
  last_round
  exact
}

@test "Redis emptied: exit 2 with the ways out, nothing is written; --fresh into the empty one is exact" {
  round 1 100
  round 101 150
  redis FLUSHALL
  refused 4 sink.err 'the cursor of this pipeline is gone' --fresh
  same 0 "$(redis DBSIZE)"
  sink_options=(--fresh)
  last_round
  exact
}

@test "Redis emptied while the pipeline runs: it ends, is not gone on with, and says why" {
  produce 1 100
  start_pipeline
  wait_until 60 counted 20 || said
  redis FLUSHALL
  produce 101 200
  await_end
  same 2 "$(cut -d ' ' -f 4 <<<"$codes")" || said
  contains "$(<sink.err)" "(key 'streamutils:"
  refused 4 sink.err 'the cursor of this pipeline is gone'
  same 0 "$(redis DBSIZE)"
}

@test "the cursor evicted alone: exit 2, and nothing is written" {
  round 1 100
  same 1 "$(redis DEL "$(redis --raw KEYS 'streamutils:*')")"
  produce 101 150
  refused 4 sink.err 'the cursor of this pipeline is gone' 'has evicted it'
}

# set_back: Redis as it was when `redis SAVE` was called last.
set_back() {
  kill_redis
  restart_redis
}

@test "Redis set back by one epoch: its spool is written again, and all goes on exactly" {
  round 1 100
  redis SAVE
  round 101 150
  set_back
  produce 151 200
  last_round
  exact
}

@test "Redis set back by more: exit 2, nothing is written; --from-epoch of where it stands is exact" {
  round 1 100
  redis SAVE
  epoch=$(sstate ls --json "$cp" | jq -s 'map(select(.kind == "ended").epoch) | max')
  round 101 150
  round 151 200
  set_back
  refused 4 sink.err 'set back in time' "stands at epoch $epoch, " --from-epoch --fresh
  sink_options=(--from-epoch "$epoch")
  last_round
  exact
}

@test "the checkpoint set back: Redis is ahead of it, exit 2, nothing is written" {
  round 1 100
  cp -a "$cp" copy
  round 101 150
  round 151 200
  mv "$cp" newer
  mv copy "$cp"
  refused 4 sink.err 'a later start of this pipeline' 'the checkpoint is an older copy' 'use the newest'
  rm -r "$cp"
  mv newer "$cp"
  last_round
  exact
}

@test "Redis that may evict the cursor is refused until its policy is changed" {
  redis CONFIG SET maxmemory 100mb
  redis CONFIG SET maxmemory-policy allkeys-lru
  produce 1 100
  refused 4 sink.err allkeys-lru noeviction 'redis-cli config set maxmemory-policy'
  same 0 "$(redis DBSIZE)"
  redis CONFIG SET maxmemory-policy volatile-lru
  last_round
  exact
}

@test "the directory removed while the pipeline runs: exit 2 says so, and nothing begins again" {
  produce 1 100
  start_pipeline
  wait_until 60 counted 20 || said
  mv "$cp" away
  await_end
  grep -q 2 <<<"$codes"
  cat ./*.err | grep "checkpoint '$cp' was removed while it was in use: put it back"
  [[ ! -e $cp ]]
  mv away "$cp"
  produce 101 150
  last_round
  exact
}

@test "a directory of another version, of something else, or without its format: exit 2" {
  round 1 100
  produce 101 150
  cp "$cp/format" kept
  echo 'streamutils checkpoints, version 2' >"$cp/format"
  refused 1 source.err "checkpoint '$cp' is of format 2, this program knows 1: use the version that wrote it"
  same '2 2 2 2' "$codes"
  rm "$cp/format"
  refused 4 sink.err "checkpoint '$cp': its file 'format' is missing: put it back"
  mv kept "$cp/format"
  mkdir other
  echo hello >other/file
  checkpoint=$PWD/other refused 4 sink.err "'$PWD/other' holds other files"
  same 'file' "$(ls other)"
  last_round
  exact
}

@test "a directory that may not be written, or is a file: exit 2 names it" {
  local place code=0
  place=$(mktemp -d "${TMPDIR:-/tmp}/damage.XXXXXX")
  chmod 755 "$place"
  cp "$BUILD/bin/swatermark" "$place"
  mkdir -m 755 "$place/cp"
  local as=(env)
  if ((EUID == 0)); then as=(setpriv --reuid 65534 --clear-groups); else chmod 555 "$place/cp"; fi
  "${as[@]}" "$place/swatermark" --time t --checkpoint "$place/cp/a" </dev/null >out 2>err || code=$?
  same 2 "$code"
  contains "$(<err)" "'$place/cp/a': Permission denied; give --checkpoint a directory that this user can make and write"
  rm -r "$place"
  echo >file
  code=0
  swatermark --time t --checkpoint "$PWD/file" </dev/null >out 2>err || code=$?
  same 2 "$code"
  contains "$(<err)" "'$PWD/file': Not a directory"
}
