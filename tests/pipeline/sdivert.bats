# SPDX-License-Identifier: Apache-2.0
# sdivert: side records leave the stream for files and commands; copies go to commands.
load ../helpers/common

# Three good records, one that is no JSON, one without a readable time.
input() { printf '%s\n' '{"t":1700000100}' oops '{"t":"x"}' '{"t":1700000101}' '{"t":1700000102}'; }
stream() { input | swatermark --time t 2>/dev/null; }
# keeper NAME [CODE]: a command of that name that keeps its input in NAME.in.
keeper() {
  printf '#!/bin/sh\ncat >%s\nexit %s\n' "$PWD/$1.in" "${2-0}" >"$1"
  chmod +x "$1"
}
main_records() { grep -v '^{"$stream"' "$1"; }

@test "--to writes one compact JSON object a line, and the main stream goes on" {
  stream | sdivert --to invalid=bad.ndjson | cat >out
  same '3' "$(main_records out | wc -l)"
  run grep -c '"side"' out
  same 0 "$output"
  same '["not_json",2,"b29wcw==",null]
["bad_time",3,null,{"t":"x"}]' "$(jq -c '[.reason, .offset, .record_base64, .record]' bad.ndjson)"
  run grep -c stream bad.ndjson
  same 0 "$output"
  same '{"$stream":"end","fire":true}' "$(tail -n 1 out)"
}

@test "labels that are not named pass on; * takes them" {
  stream | sdivert --to late=late.ndjson | cat >out
  same 2 "$(grep -c '"side","label":"invalid"' out)"
  same '' "$(cat late.ndjson)"
  stream | sdivert --to late=late.ndjson --to '*=rest.ndjson' | cat >out
  same 2 "$(wc -l <rest.ndjson)"
}

@test "FILE starts empty; --append keeps it; --raw writes the record's own bytes" {
  echo old >f
  stream | sdivert --raw --append --to invalid=f >/dev/null
  same $'old\noops\n{"t":"x"}' "$(cat f)"
  stream | sdivert --raw --to invalid=f >/dev/null
  same $'oops\n{"t":"x"}' "$(cat f)"
}

@test "a full disk and a missing folder are errors" {
  run bash -o pipefail -c "printf 'x\n' | swatermark --time t | sdivert --to invalid=/dev/full | cat"
  same 1 "$status"
  contains "$output" "sdivert: cannot write to '/dev/full': No space left on device"
  run sdivert --to late=no/such/file </dev/null
  same 1 "$status"
  contains "$output" "sdivert: cannot open 'no/such/file': No such file or directory"
}

@test "one of our programs gets a stream with the branch's path, any other lines" {
  keeper ssink-file
  keeper other
  stream | sdivert --exec invalid=./ssink-file --copy ./other >/dev/null
  same '["1","swatermark"] ["2","sdivert"] ["2.invalid.0","sdivert"]' \
    "$(sed -n 1p ssink-file.in | jq -c '.stages[] | [.path, .program]' | paste -sd ' ')"
  same null "$(sed -n 1p ssink-file.in | jq .time)"
  same '{"$stream":"end","fire":true}' "$(tail -n 1 ssink-file.in)"
  same 2 "$(main_records ssink-file.in | jq -r .label | grep -c invalid)"
  same '{"t":1700000100} {"t":1700000101} {"t":1700000102}' "$(paste -sd ' ' other.in)"
}

@test "a copy is the whole main stream, with its own path" {
  keeper ssink-file
  stream | sdivert --copy true --copy ./ssink-file --to invalid=i >/dev/null 2>&1 || true
  keeper ssink-http
  stream | sdivert --copy ./ssink-file --copy ./ssink-http --to invalid=i >out
  stream | sdivert --copy ./ssink-file --copy ./ssink-http | cat >out
  same "$(grep -v '"side"\|"open"' out)" "$(grep -v '"open"' ssink-http.in)"
  same 2.copy2.0 "$(sed -n 1p ssink-http.in | jq -r '.stages[-1].path')"
  same t "$(sed -n 1p ssink-http.in | jq -r .time.field)"
}

@test "a real program in a branch adds itself with the next path; its stdout goes to our stderr" {
  { stream | sdivert --exec invalid='swatermark --time time' >out; } 2>&1 | cat >err
  same 3 "$(wc -l <out)"
  same 2.invalid.1 "$(grep '"open"' err | jq -r '.stages[-1].path')"
}

@test "with STREAM_FORMAT=binary our programs get the binary encoding" {
  keeper ssink-file
  keeper other
  stream | STREAM_FORMAT=binary sdivert --copy ./ssink-file --copy ./other | swatermark --time t --plain >out
  same '{"t":1700000100} {"t":1700000101} {"t":1700000102}' "$(paste -sd ' ' out)"
  same "$(cat out)" "$(cat other.in)"
  [[ $(head -c 1 ssink-file.in) != '{' ]]
  same "$(cat out)" "$(swatermark --time t --plain <ssink-file.in)"
}

@test "a failing command is an error that names it" {
  for code in 1 2 3 7; do
    keeper other $code
    want=$((code == 7 ? 1 : code))
    run bash -c "$(declare -f input stream); stream | sdivert --exec invalid=./other >/dev/null"
    same $want "$status"
    same "sdivert: --exec invalid: './other' exited with $code" "$output"
  done
}

@test "a command that dies early ends the program promptly" {
  mkfifo in
  exec 7<>in
  timeout 30 sdivert --copy "sh -c 'exit 7'" <in >out 2>err 3>&- &
  printf '{"t":1}\n' >&7
  code=0
  wait $! || code=$?
  exec 7>&-
  same 1 "$code"
  contains "$(cat err)" "sdivert: --copy: 'sh -c 'exit 7'' exited with 7 before the end of the stream"
}

@test "usage errors exit 2 and name the remedy" {
  for arguments in "" "--to late" "--to =x" "--exec late='a | b'" "--exec late=no-such-command" "--copy 'cat \$x'" \
    "--copy 'skafka-cat t'" "--exec late=cat --exec late=cat"; do
    run bash -c "sdivert $arguments </dev/null"
    same 2 "$status"
    contains "$output" "sdivert: "
  done
  contains "$(sdivert --copy 'cat $x' 2>&1 </dev/null)" "column 5: unquoted '\$': nothing is expanded"
}

@test "STREAM_CHECK=1 looks at commands and their options and touches nothing" {
  echo keep >f
  STREAM_CHECK=1 sdivert --to late=f --exec invalid='swatermark --time t' --copy 'touch made'
  same keep "$(cat f)"
  [[ ! -e made ]]
  STREAM_CHECK=1 run sdivert --exec invalid='swatermark --tim t'
  same 2 "$status"
  contains "$output" "--exec invalid: swatermark: unknown option '--tim'"
  STREAM_CHECK=1 run sdivert --exec invalid="sdivert --exec late='swatermark --tim t'"
  same 2 "$status"
  contains "$output" "swatermark: unknown option '--tim'"
}

@test "when the reader leaves, branches end in peace and the program says nothing" {
  keeper ssink-file
  run bash -c 'seq 1000000 | timeout 60 sdivert --copy ./ssink-file | head -n 2 >/dev/null; echo "${PIPESTATUS[1]}"'
  same 141 "$output"
  same '{"$stream":"end","fire":false}' "$(tail -n 1 ssink-file.in)"
}

@test "the reader's death is noticed while a branch does not read" {
  run bash -c 'seq 1000000 | timeout 60 sdivert --copy "sleep 3" | head -n 1 >/dev/null; echo "${PIPESTATUS[1]}"'
  same 141 "$output"
}

@test "a stream that is cut off leaves the branches without end" {
  keeper ssink-file
  stream | head -n 2 >cut
  run bash -c 'cat cut | sdivert --copy ./ssink-file >/dev/null'
  same 1 "$status"
  run grep -c '"end"' ssink-file.in
  same 0 "$output"
}

@test "a branch of ours fails by itself when the stream is cut off, before or after its records" {
  stream | head -n 3 >cut
  run bash -c 'sdivert --copy sfilter <cut >/dev/null'
  same 1 "$status"
  same 1 "$(grep -c '"\$stream":"open"' <<<"$output")"
  contains "$output" '{"t":1700000100}'
  contains "$output" "sfilter: the input ended without 'end'"
  run grep -c '"end"' <<<"$output"
  same 0 "$output"
  run bash -c "printf '%s\n' '{\"\$stream\":\"open\",\"version\":99}' | sdivert --copy sfilter >/dev/null"
  same 1 "$(grep -c '^sfilter: ' <<<"$output")"
  run grep -c '"end"' <<<"$output"
  same 0 "$output"
}

@test "a command that exits with 0 and has not read all is an error that names it" {
  run bash -c "$(declare -f input stream); stream | sdivert --exec invalid='sh -c \"sleep 0.2; exit 0\"' >/dev/null"
  same 1 "$status"
  contains "$output" "sdivert: --exec invalid: 'sh -c \"sleep 0.2; exit 0\"' ended before it had read all"
  run bash -c "$(declare -f input stream); stream | sdivert --exec invalid='sh -c \"sleep 0.2; cat >/dev/null\"' >/dev/null"
  same 0 "$status"
}
