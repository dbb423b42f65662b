# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# Partials through a topic with another key: what swindow(1) says under TWO STAGES.
load ../helpers/common

setup_file() { use_kafka; }

agg='n=count(), ms=sum(ms), p50=p50(ms), p99=p99(ms), users=distinct(user), first=first(ms), top=topk(user, 2)'

@test "minutes by page over a topic of pages become the hours of one stage" {
  clicks=$(unique_topic 3) partials=$(unique_topic 2)
  # Six hours, up to 17 s out of order.
  seq 1 6000 | awk '{printf "{\"t\":%d,\"user\":\"u%d\",\"page\":\"/%d\",\"ms\":%d.%d}\n",
    1700000000 + $1 * 4 - ($1 * 7) % 18, ($1 * 31) % 97, ($1 * $1) % 11, $1 % 89, $1 % 10}' >records
  ssink-kafka -b "$BOOTSTRAP" -t "$clicks" --key user <records
  skafka-cat -b "$BOOTSTRAP" -e "$clicks" | swatermark --time t |
    swindow --partial --tumbling 1m --key page --agg "$agg" --allowed-lateness 30s |
    ssink-kafka -b "$BOOTSTRAP" -t "$partials" --key page
  skafka-cat -b "$BOOTSTRAP" -e "$partials" | swatermark --time window_start --bounded 30s |
    swindow --merge --tumbling 1h --key page --scope unit --agg "$agg" --plain >hours 2>err
  same '' "$(cat err)"
  swatermark --time t --bounded 20s <records | swindow --tumbling 1h --key page --agg "$agg" --plain >expected
  same 6000 "$(jq -s 'map(.n) | add' expected)"
  same "$(sort expected)" "$(sort hours)"
  kcat -C -b "$BOOTSTRAP" -t "$partials" -e -q -o beginning -f '%p %s\n' >written
  same 2 "$(cut -d ' ' -f 1 written | sort -u | wc -l)"
  grep -q '"firing":"late"' written || fail 'no record was late for its minute'
}
