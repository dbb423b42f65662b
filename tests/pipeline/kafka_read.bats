# SPDX-License-Identifier: Apache-2.0
# skafka-cat reads what the log holds, ends where it should, and says what is wrong.
load ../helpers/common

setup_file() { use_kafka; }

numbers() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }
# cat_plain OPTION… TOPIC: the records alone.
cat_plain() { timeout 30 skafka-cat -b "$BOOTSTRAP" --plain "$@"; }

@test "-e reads every partition once, in order, and ends" {
  topic=$(unique_topic 2)
  numbers 1 300 | kafka_admin produce "$topic" 0
  numbers 301 500 | kafka_admin produce "$topic" 1
  cat_plain -e "$topic" >out
  same "$(numbers 1 300)" "$(grep -E '"n":([12]?[0-9]?[0-9]|300)}' out)"
  same "$(numbers 1 500)" "$(sort -t: -k2n out)"
}

@test "the stream opens with pinned ranges, assigns all units first, and ends with fire" {
  topic=$(unique_topic 2)
  numbers 1 3 | kafka_admin produce "$topic" 1
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e "$topic" | cat >out
  same '{"unit":"T/0","start":0,"end":0} {"unit":"T/1","start":0,"end":3}' \
    "$(sed -n 1p out | jq -c '.sources[]' | sed "s/$topic/T/" | paste -sd ' ')"
  same "{\"\$stream\":\"assign\",\"unit\":\"$topic/0\",\"position\":0,\"units\":2}" "$(sed -n 2p out)"
  same "{\"\$stream\":\"assign\",\"unit\":\"$topic/1\",\"position\":0,\"units\":2}" "$(sed -n 3p out)"
  same '{"$stream":"end","fire":true}' "$(tail -n 1 out)"
}

@test "--keep-open ends without fire" {
  topic=$(unique_topic 1)
  numbers 1 3 | kafka_admin produce "$topic" 0
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e --keep-open "$topic" | tail -n 1 >out
  same '{"$stream":"end","fire":false}' "$(cat out)"
}

@test "an empty topic ends at once" {
  topic=$(unique_topic 3)
  run cat_plain -e "$topic"
  same 0 "$status"
  same '' "$output"
}

@test "-o: beginning, end, N, -N, s@T and e@T" {
  topic=$(unique_topic 1)
  for i in 0 1 2 3 4 5; do printf '%s\t{"n":%s}\n' $((1000000000000 + i * 1000)) "$i"; done | kafka_admin produce "$topic" 0 --timestamp
  same 0,1,2,3,4,5 "$(cat_plain -e -o beginning "$topic" | jq -s -r 'map(.n)|join(",")')"
  same '' "$(cat_plain -e -o end "$topic")"
  same 4,5 "$(cat_plain -e -o 4 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 3,4,5 "$(cat_plain -e -o -3 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 0,1,2,3,4,5 "$(cat_plain -e -o -99 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 2,3,4,5 "$(cat_plain -e -o s@1000000001500 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 0,1,2 "$(cat_plain -o e@1000000003000 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 2 "$(cat_plain -o s@1000000002000 -o e@1000000003000 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 2,3 "$(cat_plain --from 2001-09-09T01:46:42Z --to 2001-09-09T01:46:44Z "$topic" | jq -s -r 'map(.n)|join(",")')"
  same 4,5 "$(cat_plain --from 1000000004000 "$topic" | jq -s -r 'map(.n)|join(",")')"
  same '' "$(cat_plain --from -1h "$topic")"
  same 0,1,2,3,4,5 "$(cat_plain --to -1h "$topic" | jq -s -r 'map(.n)|join(",")')"
}

@test "-c ends after N records, -p reads only the named partitions" {
  topic=$(unique_topic 3)
  for p in 0 1 2; do numbers $((p * 10)) $((p * 10 + 9)) | kafka_admin produce "$topic" "$p"; done
  same 4 "$(cat_plain -o beginning -c 4 "$topic" | wc -l)"
  timeout 30 skafka-cat -b "$BOOTSTRAP" -o beginning -c 4 "$topic" | tail -n 1 >out
  same '{"$stream":"end","fire":true}' "$(cat out)"
  same "$({ numbers 0 9 && numbers 20 29; })" "$(cat_plain -e -p 0,2 "$topic" | sort -t: -k2n)"
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e -p 2 "$topic" | grep -c '"units":1' >out
  same 1 "$(cat out)"
}

@test "-J wraps key, headers, time and place; a tombstone is null" {
  topic=$(unique_topic 1)
  printf '1000000000000\tk"1\t{"a": 1}\n' | kafka_admin produce "$topic" 0 --timestamp --key
  printf 'no json' | kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0 -H h=1 -H h=2 -H g=x
  kafka_admin tombstone "$topic" 0 gone
  printf '\xff\xfe' | kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0
  cat_plain -e -J "$topic" >out
  same "{\"topic\":\"$topic\",\"partition\":0,\"offset\":0,\"timestamp\":1000000000000,\"key\":\"k\\\"1\",\"headers\":{},\"value\":{\"a\": 1}}" "$(sed -n 1p out)"
  same '{"key":null,"headers":{"h":["1","2"],"g":"x"},"value":"no json"}' "$(sed -n 2p out | jq -c '{key,headers,value}')"
  same '{"key":"gone","value":null}' "$(sed -n 3p out | jq -c '{key,value}')"
  same '"//4="' "$(sed -n 4p out | jq -c .value_base64)"
}

@test "tombstones, empty values, broken and oversized ones are invalid; values over several lines are minified" {
  topic=$(unique_topic 1 max.message.bytes=4000000)
  kafka_admin tombstone "$topic" 0 gone
  printf '{"a": 1,\n "b": [1,\n2]}' | kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0 -D ';'
  printf '{"a":\n' | kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0 -D ';'
  { printf '"'; head -c 2000000 /dev/zero | tr '\0' x; printf '"'; } >big
  kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0 -X message.max.bytes=4000000 big
  printf '{"last":1}' | kcat -P -b "$BOOTSTRAP" -t "$topic" -p 0
  timeout 30 skafka-cat -b "$BOOTSTRAP" -e "$topic" | cat >out
  same 'tombstone not_json too_large' "$(jq -r 'select(.["$stream"] == "side") | .reason' out | paste -sd ' ')"
  same 2000002 "$(jq -r 'select(.reason == "too_large") | .record_bytes' out)"
  contains "$(cat out)" '{"a":1,"b":[1,2]}'
  contains "$(cat out)" '{"last":1}'
  run cat_plain --strict -e "$topic"
  same 3 "$status"
}

@test "a transactional topic: aborted records are left out, and a bounded read ends by itself over the markers" {
  topic=$(unique_topic 1)
  kafka_admin txn-produce "$topic" 0 5 commit
  kafka_admin txn-produce "$topic" 0 7 abort
  kafka_admin txn-produce "$topic" 0 3 commit
  kafka_admin txn-produce "$topic" 0 2 abort
  wait_until 10 bash -c "kafka_admin offsets $topic | grep -q '^0 0 21\$'"
  same 8 "$(cat_plain -e "$topic" | grep -c commit)"
  same 8 "$(cat_plain --from -1h "$topic" | grep -c commit)"
  same 8 "$(cat_plain --from -1h --to 2100-01-01 "$topic" | grep -c commit)"
  same '' "$(cat_plain -e -o 15 "$topic" | grep -v commit)"
}

@test "a transaction that nobody decided: -e ends before it" {
  topic=$(unique_topic 1)
  kafka_admin txn-produce "$topic" 0 4 commit
  kafka_admin txn-produce "$topic" 0 4 leave
  same 4 "$(cat_plain -e "$topic" | wc -l)"
}

@test "a topic that is empty but for aborted records ends" {
  topic=$(unique_topic 2)
  kafka_admin txn-produce "$topic" 1 4 abort
  run cat_plain -e "$topic"
  same 0 "$status"
  same '' "$output"
}

@test "a log whose beginning was deleted: beginning is what is left, an offset before it is refused with the valid range" {
  topic=$(unique_topic 1)
  numbers 0 9 | kafka_admin produce "$topic" 0
  kafka_admin delete-records "$topic" 0 6
  same 6,7,8,9 "$(cat_plain -e "$topic" | jq -s -r 'map(.n)|join(",")')"
  run cat_plain -e -o 2 "$topic"
  same 2 "$status"
  contains "$output" "offset 2 is outside '$topic/0', which holds 6 to 10"
}

@test "--order time merges by timestamp, ties by partition and offset, again and again the same" {
  topic=$(unique_topic 3)
  for p in 0 1 2; do
    for i in $(seq 0 400); do printf '%s\t{"p":%s,"i":%s}\n' $((1000000000000 + i / 2 * (p + 1) * 10)) "$p" "$i"; done |
      kafka_admin produce "$topic" "$p" --timestamp
  done
  cat_plain -e --order time -J "$topic" >out
  same 1203 "$(wc -l <out)"
  jq -r '[.timestamp, .partition, .offset] | @tsv' out >order
  same "$(sort -n -k1,1 -k2,2 -k3,3 order)" "$(cat order)"
  cat_plain -e --order time -J "$topic" | cmp - out
}

@test "a missing topic, a bad offset, a missing partition: exit 2 at once, with the way out" {
  topic=$(unique_topic 1)
  run cat_plain -e no-such-topic
  same 2 "$status"
  contains "$output" "topic 'no-such-topic' does not exist"
  contains "$output" "-L"
  run cat_plain -e -o 17 "$topic"
  same 2 "$status"
  contains "$output" 'which holds 0 to 0'
  run cat_plain -e -p 4 "$topic"
  same 2 "$status"
  contains "$output" 'no partition 4'
}

@test "a wrong broker: exit 1 within a bound, naming it" {
  run timeout 30 skafka-cat -b 127.0.0.1:1 -X socket.connection.setup.timeout.ms=1000 -e x
  same 1 "$status"
  contains "$output" "cannot reach Kafka at '127.0.0.1:1'"
  contains "$output" 'check -b'
}

@test "refused credentials: exit 2 at once" {
  printf 'security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=a\nsasl.password=hunter2\n' >properties
  run timeout 30 skafka-cat -b "$BOOTSTRAP" -F properties -e x
  same 2 "$status"
  contains "$output" 'refuses the credentials'
  [[ $output != *hunter2* ]] || fail 'a secret was told'
}

@test "options that exclude each other, and unsafe properties: exit 2" {
  for options in '-G g -p 0' '--commit-interval 1s' '-o stored' '--order time' '-G g --order time -e' '--from -1h -o 3' '-c 0' \
    '-o sometimes' '--from yesterday' '-X plugin.library.paths=/x.so' '-X sasl.kerberos.kinit.cmd=true' '-X no.such=1' \
    '-X enable.auto.commit=true' '-G g --from -1h' '-X junk'; do
    # shellcheck disable=SC2086
    run timeout 30 skafka-cat -b "$BOOTSTRAP" $options topic
    same "2 for $options" "$status for $options"
  done
  run timeout 30 skafka-cat -b "$BOOTSTRAP" -e '^all.*'
  same 2 "$status"
}

@test "-X dump and errors do not tell secrets" {
  printf 'sasl.password=hunter2\n# a comment\n\nclient.id = me\n' >properties
  run timeout 30 skafka-cat -F properties -X dump
  same 0 "$status"
  contains "$output" 'sasl.password = [redacted]'
  contains "$output" 'client.id = me'
  [[ $output != *hunter2* ]] || fail 'a secret was told'
  printf 'sasl.password hunter2\n' >properties
  run timeout 30 skafka-cat -F properties -X dump
  same 2 "$status"
  contains "$output" 'properties:1'
  [[ $output != *hunter2* ]] || fail 'a secret was told'
}

@test "-L lists topics, as text and as JSON" {
  topic=$(unique_topic 2)
  contains "$(skafka-cat -b "$BOOTSTRAP" -L)" "topic \"$topic\" with 2 partitions"
  same 2 "$(skafka-cat -b "$BOOTSTRAP" -L -J "$topic" | jq '.topics[0].partitions | length')"
  run skafka-cat -b "$BOOTSTRAP" -L no-such-topic
  same 2 "$status"
}

@test "a reader that leaves early ends the read quickly and quietly" {
  topic=$(unique_topic 1)
  numbers 1 20000 | kafka_admin produce "$topic" 0
  run bash -c "set -o pipefail; timeout 20 skafka-cat -b $BOOTSTRAP -o beginning $topic 2>err | head -n 5 | wc -l; echo \"\${PIPESTATUS[@]}\""
  same '5' "${lines[0]}"
  same '141 0 0' "${lines[1]}"
  same '' "$(cat err)"
}

@test "a reader that leaves while nothing comes is noticed" {
  topic=$(unique_topic 1)
  run bash -c "timeout 20 skafka-cat -b $BOOTSTRAP $topic 2>err | true; echo \"\${PIPESTATUS[0]}\""
  same 141 "$output"
  same '' "$(cat err)"
}
