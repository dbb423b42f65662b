# SPDX-License-Identifier: Apache-2.0
# swatermark says who holds the watermark, and which bound would have kept how many records.
bats_require_minimum_version 1.5.0
load ../helpers/common

# 20000 records, one a millisecond, of which some are up to 9 s, a few up to 2 minutes behind.
setup() {
  work_in_tmp
  awk 'BEGIN { srand(7); for (i = 0; i < 20000; i++) { r = rand()
    d = r < 0.002 ? rand() * 120000 : r < 0.3 ? rand() * 9000 : 0
    printf "{\"t\":%.0f,\"k\":%d}\n", 1700000000000 + i * 10 - d, i % 5 } }' >in
}

# late BOUND…: how many records of 'in' come behind the watermark with it, by the program's own count.
late() {
  swatermark --time t "$@" --metrics-file m.prom <in >/dev/null
  sed -n 's/^stream_behind_watermark_records_total //p' m.prom
}

# Behind a watermark by an independent hand.
model() {
  python3 - "$1" <<'END'
import json, sys
bound, newest, late = int(sys.argv[1]), None, 0
for line in open("in"):
    t = json.loads(line)["t"]
    late += newest is not None and t < (newest - bound) // 100 * 100
    newest = t if newest is None else max(newest, t)
print(late)
END
}

@test "--suggest: each bound, pasted, keeps what it promises, and half of it does not" {
  swatermark --time t --suggest <in >bounds
  same '--bounded --bounded --bounded --bounded --bounded' "$(cut -d ' ' -f 1 bounds | paste -sd ' ')"
  while read -r flag bound _ _ percent _; do
    got=$(late "$flag" "$bound")
    allowed=$(awk -v p="$percent" 'BEGIN { printf "%d", 20000 * (100 - p) / 100 + 0.5 }')
    ((got <= allowed)) || fail "$bound keeps less than $percent %: $got are late"
  done <bounds
  same 0 "$(late --bounded "$(awk '$5 == 100 { print $2 }' bounds)")"
  half=$(($(late --bounded 4s) > 20)) # 99.9 % needs more than 4 s here
  same 1 "$half"
}

@test "the count of late records is that of a model; --why says it, and how far" {
  same "$(model 3000)" "$(late --bounded 3s)"
  swatermark --time t --bounded 3s --why <in 2>err >out
  contains "$(cat err)" "swatermark: $(model 3000) of 20000 records ("
  contains "$(cat err)" "unit '-' holds it (ended)"
  contains "$(cat err)" '1m to 10m'
  same "$(swatermark --time t --bounded 3s <in | tail -n +2)" "$(swatermark --time t --bounded 3s --why <in 2>/dev/null | tail -n +2)"
}

@test "SIGUSR1: which unit holds the watermark, also without --why, alone and in one process with others" {
  for program in 'swatermark --time t' 'sfuse "sfilter | swatermark --time t | sfilter"'; do
    rm -f pipe
    mkfifo pipe
    bash -c "exec $program" <pipe >out 2>err 3>&- &
    pid=$!
    exec 9>pipe
    {
      echo '{"$stream":"open","version":1,"run":"4cba26f5cd0c8d1f","stages":[],"sources":[]}'
      for unit in 0 1; do printf '{"$stream":"assign","unit":"t/%d","position":0,"units":2}\n' $unit; done
      echo '{"$stream":"unit","unit":"t/0"}'
      echo '{"t":1700000000}'
    } >&9
    wait_until 20 grep -q 1700000000 out
    kill -USR1 "$pid"
    wait_until 20 grep -q "no watermark over all units: unit 't/1' holds it back" err
    contains "$(cat err)" 'records in'
    printf '%s\n' '{"$stream":"idle","unit":"t/1"}' '{"t":1700000001}' >&9
    wait_until 20 grep -q 1700000001 out
    kill -USR1 "$pid"
    wait_until 20 grep -q "watermark 2023-11-14T22:13:21Z, 0s behind the newest record: unit 't/0' holds it" err
    printf '{"$stream":"end","fire":true}\n' >&9
    exec 9>&-
    wait "$pid"
  done
}

@test "--suggest: a signal ends the sample; in one process it must be last; no times, a checkpoint, /dev/full" {
  mkfifo pipe
  swatermark --time t --suggest <pipe >out 3>&- &
  pid=$!
  exec 9>pipe
  cat in >&9
  kill -INT "$pid"
  wait_until 20 grep -q '100 %' out
  exec 9>&-
  wait "$pid"
  sfuse 'sfilter | swatermark --time t --suggest' <in >fused
  same "$(swatermark --time t --suggest <in)" "$(cat fused)"
  run sfuse 'swatermark --time t --suggest | sfilter' <in
  same 2 "$status"
  contains "$output" 'must be the last program'
  run swatermark --time none --suggest <in
  same 1 "$status"
  contains "$output" 'there is nothing to suggest'
  run swatermark --time t --suggest --checkpoint store <in
  same 2 "$status"
  contains "$output" '--suggest keeps no state'
  run bash -c 'swatermark --time t --suggest <in >/dev/full'
  same 1 "$status"
  contains "$output" 'No space left'
  run swatermark --time none --suggest --strict <in
  same 3 "$status"
}
