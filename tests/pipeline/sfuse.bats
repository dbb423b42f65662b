# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# Programs in one process: the same bytes, messages and exit codes as in a pipeline. The conformance cases run so, too.
load ../helpers/common

setup_file() { start_redis; }
teardown_file() { stop_redis; }
setup() {
  work_in_tmp
  redis FLUSHALL >/dev/null
}

# 20,000 events of three layouts, 1 % of them hostile.
events() {
  python3 - <<'END'
import json, random
random.seed(7)
bad = ['', '{', '{"t":}', 'null', '[1]', '{"t":"noon","k":"a"}', '{"t":1,"k":[]}', '{"t":1}', '{"t":1,"k":"\\u12"}', '\x01']
for i in range(20000):
    t = 1_700_000_000_000 + i * 10 - random.randrange(3000)
    k, v = f"k{random.randrange(50)}", random.randrange(1000)
    if random.random() < 0.01:
        print(random.choice(bad))
    elif i % 3 == 0:
        print(json.dumps({"k": k, "v": v, "t": t, "note": "ü\"x" * (i % 7)}, ensure_ascii=i % 2 == 0))
    elif i % 3 == 1:
        print(json.dumps({"t": str(t), "nested": {"list": [i, None, {"a": True}]}, "v": v / 8, "k": k}, separators=(",", ":")))
    else:
        print(json.dumps({"v": None, "k": k, "t": t}) + " " * (i % 40))
END
}
masked() { sed 's/"run":"[^"]*"/"run":"*"/; s/,"offset":[0-9]*//'; }

@test "the same stream comes out, side records at their places" {
  events >in
  where='v == null || v < 900'
  sfilter --where "$where" <in 2>err1 | swatermark --time t --bounded 1s 2>err2 |
    swindow --tumbling 5s --key k --agg 'n=count(), s=sum(v), m=max(v)' --allowed-lateness 1s 2>err3 | cat >piped
  sfuse "sfilter --where '$where' | swatermark --time t --bounded 1s |
    swindow --tumbling 5s --key k --agg 'n=count(), s=sum(v), m=max(v)' --allowed-lateness 1s" <in 2>err | cat >fused
  (($(grep -c '"label":"late"' piped) > 10)) || fail 'nothing was late'
  (($(grep -c '"label":"invalid"' piped) > 100)) || fail 'nothing was invalid'
  cmp <(masked <piped) <(masked <fused)
  same "$(cat err1 err2 err3 | sort)" "$(sort err)"
}

@test "the last program's encoding, and a fused part between others" {
  events >in
  swatermark --time t --plain <in 2>/dev/null | md5sum >wanted
  sfuse 'sfilter | swatermark --time t --binary' <in 2>/dev/null | sfuse 'sfilter | sfilter --plain' 2>/dev/null | md5sum >got
  cmp wanted got
  STREAM_FORMAT=binary sfuse 'sfilter | swatermark --time t' <in 2>/dev/null | head -c 8 >head
  ! grep -q stream head || fail "text: $(cat head)"
}

@test "messages and exit codes are those of the program that failed" {
  run sfuse 'swatermark --time t | swindow --tumbling 10'
  same 2 "$status"
  contains "$output" 'swindow: '
  run sfuse 'swatermark --time t | sfilter --strict --require "v:number" | swindow --tumbling 10s --agg "n=count()"' <<<'{"t":1}'
  same 3 "$status"
  contains "$output" 'sfilter: line 1: invalid record'
  run sfuse 'swatermark --time t --strict | ssink-redis --url unix:///nowhere --retry-for 0s --string x' <<<'{"t":1}'
  same 1 "$status"
  contains "$output" 'ssink-redis: cannot reach redis'
  run bash -c 'yes "{\"t\":1}" | sfuse "swatermark --time t | sfilter" | head -n 1; echo "${PIPESTATUS[1]}"'
  same 141 "${lines[-1]}"
  same 2 "${#lines[@]}"
}

@test "how little is handed to other threads is a number" {
  local bytes
  for bytes in x -1 16KiB 99999999999999999999; do
    STREAM_READ_AHEAD_BYTES=$bytes run swatermark --time t --threads 2 <<<'{"t":1}'
    same 2 "$status"
    contains "$output" "swatermark: STREAM_READ_AHEAD_BYTES is '$bytes'; it takes a number of bytes"
  done
  STREAM_READ_AHEAD_BYTES=0 run swatermark --time t --threads 2 --plain <<<'{"t":1}'
  same '{"t":1}' "$output"
}

@test "what cannot be fused is named, with what can" {
  run sfuse 'swatermark --time t | jq -c .'
  same 2 "$status"
  contains "$output" "'jq' cannot be run in one process with others; these can: skafka-cat, "
  run sfuse 'swatermark --time t | skafka-cat -b x y'
  same 2 "$status"
  contains "$output" 'skafka-cat reads no stream: it must be the first'
  run sfuse 'ssink-file -d x | sfilter'
  same 2 "$status"
  contains "$output" 'ssink-file writes no stream: it must be the last'
  run sfuse ''
  same 2 "$status"
}

@test "srun --fuse: what is ours runs in one process, what is not keeps its own" {
  events >in
  cat >p.conf <<END
name = p
fuse = true
stage = swatermark --time t --bounded 1s
stage = sfilter
stage = cat
stage = sfilter
stage = swindow --tumbling 5s --key k --agg 'n=count()' --plain
END
  srun --check p.conf
  srun -v p.conf <in >fused 2>log
  same 3 "$(grep -c 'is process' log)"
  sed -i 's/^fuse.*/fuse = false/' p.conf
  srun p.conf <in >piped 2>/dev/null
  cmp piped fused
  srun --fuse -v p.conf <in 2>log | cmp - fused
  same 3 "$(grep -c 'is process' log)"
  sed -i 's/^fuse.*/fuse = maybe/' p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "line 2: fuse is 'maybe'"
  run srun --fuse --check 'swatermark --time t | ssink-file -d x | sfilter'
  same 2 "$status"
  contains "$output" 'ssink-file writes no stream'
  run srun --fuse --check 'swatermark --time t | swindow --tumbling 5 --agg "n=count()"'
  same 2 "$status"
  contains "$output" 'swindow: --tumbling'
}

@test "--metrics-file of each program, SIGUSR1 and SIGTERM" {
  events >in
  sfuse 'swatermark --time t --metrics-file a.prom | swindow --tumbling 5s --key k --agg "n=count()" --metrics-file b.prom --plain' \
    <in >out 2>/dev/null
  records=$(sed -n 's/^stream_records_in_total //p' b.prom)
  same "$(sed -n 's/^stream_records_out_total //p' a.prom)" "$records"
  ((records > 19000)) || fail "$records"
  mkfifo pipe
  sfuse 'sfilter | swatermark --time t' <pipe >out 2>err 3>&- &
  pid=$!
  exec 9>pipe
  echo '{"t":5}' >&9
  wait_until 20 grep -q '"t":5' out
  kill -USR1 "$pid"
  wait_until 20 grep -q 'swatermark: ' err
  kill -TERM "$pid"
  wait "$pid"
  exec 9>&-
}
