# SPDX-License-Identifier: Apache-2.0
# ssink-kafka writes every record, with the key and into the partition that others expect.
load ../helpers/common

setup_file() { use_kafka; }

@test "records arrive byte for byte, from plain input and from a stream" {
  topic=$(unique_topic 1)
  printf '%s\n' '{"a": 1.0}' '{"b":"\u00e9"}' | ssink-kafka -b "$BOOTSTRAP" -t "$topic" 2>err
  contains "$(cat err)" "2 records written to topic '$topic'"
  printf '{"t":%s}\n' 1 2 | swatermark --time t | cat | ssink-kafka -b "$BOOTSTRAP" -t "$topic"
  kcat -C -b "$BOOTSTRAP" -t "$topic" -e -q -o beginning >out
  same '{"a": 1.0} {"b":"\u00e9"} {"t":1} {"t":2}' "$(paste -sd ' ' out)"
}

@test "--key: strings without quotes, numbers in one form, null and missing as no key" {
  topic=$(unique_topic 1)
  printf '%s\n' '{"k":"a\"b"}' '{"k":1.0}' '{"k":10e-1}' '{"k":null}' '{}' '{"k":[1, 2]}' '{"k":""}' '{"k":true}' |
    ssink-kafka -b "$BOOTSTRAP" -t "$topic" --key k
  kcat -C -b "$BOOTSTRAP" -t "$topic" -e -q -o beginning -f '%K:%k\n' >out
  same '3:a"b 1:1 1:1 -1: -1: 5:[1,2] 0: 4:true' "$(paste -sd ' ' out)"
}

@test "--partitioner: murmur2 as Java clients, crc32 as kcat" {
  topic=$(unique_topic 5)
  other=$(unique_topic 5)
  third=$(unique_topic 5)
  seq 1 50 | sed 's/.*/{"k":"key&"}/' | ssink-kafka -b "$BOOTSTRAP" -t "$topic" --key k
  seq 1 50 | sed 's/.*/{"k":"key&"}/' | ssink-kafka -b "$BOOTSTRAP" -t "$other" --key k --partitioner crc32 -z lz4
  seq 1 50 | sed 's/.*/key&:x/' | kcat -P -b "$BOOTSTRAP" -t "$third" -K :
  places() { kcat -C -b "$BOOTSTRAP" -t "$1" -e -q -o beginning -f '%k %p\n' | sort; }
  same "$(places "$third")" "$(places "$other")"
  [[ $(places "$topic") != "$(places "$other")" ]] || fail 'both partitioners agree'
  # Known from Kafka's own client: murmur2("key1") and so on, modulo 5.
  same 50 "$(places "$topic" | wc -l)"
}

@test "a missing topic: exit 2 even without input; a wrong broker: exit 1" {
  run bash -c "timeout 15 ssink-kafka -b $BOOTSTRAP -t no-such-topic </dev/null"
  same 2 "$status"
  contains "$output" "topic 'no-such-topic' does not exist"
  run bash -c "timeout 20 ssink-kafka -b 127.0.0.1:1 -X socket.connection.setup.timeout.ms=1000 -t x </dev/null"
  same 1 "$status"
  contains "$output" 'cannot reach Kafka'
}

@test "a record too large for the topic: exit 1, naming the remedy" {
  topic=$(unique_topic 1)
  { printf '{"a":"'; head -c 1040000 /dev/zero | tr '\0' x; printf '"}\n'; } >big
  run bash -c "ssink-kafka -b $BOOTSTRAP -t $topic <big"
  same 1 "$status"
  contains "$output" message.max.bytes
}

@test "--key and a record that is not JSON: invalid, counted, --strict exits 3" {
  topic=$(unique_topic 1)
  run bash -c "printf '%s\n' '{\"k\":1}' 'junk' '{\"k\":2}' | ssink-kafka -b $BOOTSTRAP -t $topic --key k"
  same 0 "$status"
  contains "$output" 'invalid'
  same 2 "$(kcat -C -b "$BOOTSTRAP" -t "$topic" -e -q -o beginning | wc -l)"
  run bash -c "printf 'junk\n' | ssink-kafka -b $BOOTSTRAP -t $topic --key k --strict"
  same 3 "$status"
}

@test "a writer that died without end: exit 1" {
  topic=$(unique_topic 1)
  run bash -c "printf '{\"t\":%s}\n' 1 2 | swatermark --time t | cat | head -n 3 | ssink-kafka -b $BOOTSTRAP -t $topic"
  same 1 "$status"
}
