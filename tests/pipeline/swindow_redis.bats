# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# What windows leave in a real Redis: those of all time and of N records, results that are withdrawn, gaps.
load ../helpers/common

setup_file() { start_redis; }
teardown_file() { stop_redis; }
setup() {
  work_in_tmp
  redis flushall >/dev/null
}

windows() { swatermark --time t | swindow --agg 'n=count()' "$@"; }
sink() { ssink-redis --url "$REDIS_URL" "$@"; }

@test "one window for all time is there early and at the end" {
  mkfifo input
  (swatermark --time t <input | swindow --global --early 20ms --key k --agg 'n=count()' |
    sink --hash 'total:{k}' 3>&-) &
  local pipeline=$!
  exec 4>input
  printf '{"t":%d,"k":"a"}\n' 1 2 >&4
  two() { [[ $(redis hget total:a n) == 2 ]]; }
  wait_until 10 two
  same early "$(redis hget total:a firing)"
  printf '{"t":%d,"k":"%s"}\n' 3 a 4 b >&4
  exec 4>&-
  wait "$pipeline"
  same '3 on-time' "$(redis hmget total:a n firing | paste -sd ' ')"
  same 1 "$(redis hget total:b n)"
}

@test "windows of N records with equal bounds are results of their own" {
  printf '{"t":%d}\n' 1 1 1 1 1 | windows --count 2 | sink --counter all --by n --hash 'w:{window_number}'
  same 5 "$(redis get all)"
  same '2 2 1' "$(for n in 0 1 2; do redis hget "w:$n" n; done | paste -sd ' ')"
}

@test "what --having no longer wants is taken back" {
  printf '{"t":%d}\n' 1 12 2 25 | windows --tumbling 10s --allowed-lateness 30s --having 'n < 2' --time-format s |
    sink --hash 'w:{window_start}'
  same 'w:10 w:20' "$(redis keys 'w:*' | sort | paste -sd ' ')"
}

@test "gaps and ranks are results as others" {
  printf '{"t":%d,"k":"%s"}\n' 1 a 2 a 3 b 31 a | windows --tumbling 10s --key k --fill 0 --top 1 --by n --time-format s |
    sink --hash 'w:{window_start}:{rank}'
  same 'a2 a0 a0 a1' "$(for w in 0 10 20 30; do redis hmget "w:$w:1" k n | paste -sd ''; done | paste -sd ' ')"
}
