# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# What ssink-file leaves in a directory: names, rolling, compression, hostile paths, failures; and under a checkpoint after
# kills.
load ../helpers/common

sink() { ssink-file -d out "$@"; }
finished() { (cd out && find . -type f -not -path '*/.*' | sed 's#^\./##' | LC_ALL=C sort); }
hidden() { find out -name '.*.open'; }

@test "records are lines, as they came, in one finished file" {
  printf '%s\n' '{"a": 1}' 'no json' '{"b":"ä"}' >in
  sink <in
  same part-00000001.ndjson "$(finished)"
  cmp in out/part-00000001.ndjson
  [[ ! $(hidden) && ! -e out/.streamutils ]] || fail "left: $(ls -A out)"
}

@test "nothing in, nothing out; the directory is there" {
  sink </dev/null
  [[ -d out && ! $(ls -A out) ]] || fail "$(ls -A out)"
}

@test "STREAM_CHECK=1 touches nothing" {
  STREAM_CHECK=1 sink --path '{a}'
  [[ ! -e out ]] || fail 'made'
}

@test "numbers go on after what is there, also what is hidden" {
  echo '{"n":1}' | sink
  mkdir -p out/deeper
  touch out/.part-00000007.ndjson.x.open out/deeper/part-00000099.ndjson
  echo '{"n":2}' | sink
  same 'deeper/part-00000099.ndjson part-00000001.ndjson part-00000008.ndjson' "$(finished | paste -sd ' ')"
  same '{"n":1}' "$(cat out/part-00000001.ndjson)"
}

@test "--roll-size and --prefix" {
  seq -f '{"n":%.0f}' 1 1000 >in
  sink --roll-size 4kB --prefix day <in
  same 3 "$(finished | grep -c '^day-0000000[123].ndjson$')"
  finished | sed 's#^#out/#' | xargs cat | cmp - in
  local file
  for file in out/*; do
    (($(stat -c %s "$file") <= 4010)) || fail "$file is too large"
    [[ $(tail -c 1 "$file" | od -An -c) == *'\n'* ]] || fail "$file ends inside a line"
  done
}

@test "-z: every part is one file to zcat and zstdcat, and sreplay reads it" {
  seq -f '{"n":%.0f,"text":"some words that repeat"}' 1 200000 >in
  sink -z gzip --roll-size 300kB <in
  (($(finished | wc -l) >= 2)) || fail "$(finished)"
  zcat out/*.ndjson.gz | cmp - in
  sreplay --plain out/*.ndjson.gz | sort >replayed
  sort in | cmp - replayed
  rm -r out
  sink -z zstd <in
  zstdcat out/part-00000001.ndjson.zst | cmp - in
}

@test "--roll-every finishes while the stream goes on" {
  mkfifo in
  ssink-file -d out --roll-every 300ms <in 3>&- &
  local pid=$!
  exec 8>in
  echo '{"n":1}' >&8
  wait_until 10 test -f out/part-00000001.ndjson
  same '{"n":1}' "$(cat out/part-00000001.ndjson)"
  echo '{"n":2}' >&8
  exec 8>&-
  wait "$pid"
  same '{"n":2}' "$(cat out/part-00000002.ndjson)"
}

@test "lines do not wait in memory for long" {
  mkfifo in
  ssink-file -d out <in 3>&- &
  local pid=$!
  exec 8>in
  echo '{"n":1}' >&8
  written() { grep -q '"n":1' out/.part-*.open; }
  wait_until 10 written
  kill -KILL "$pid"
  wait "$pid" || true
  exec 8>&-
  same '' "$(finished)"
  same 1 "$(hidden | wc -l)"
  echo '{"n":2}' | sink
  same part-00000002.ndjson "$(finished)"
}

@test "--path: a folder for each value, --max-open bounds what is in progress" {
  local i
  for i in 1 2 3 1 2 3; do printf '{"k":"k%s","n":%s}\n' "$i" "$i"; done | sink --path '{k}/x{n}' --max-open 2
  same 6 "$(finished | wc -l)"
  same '{"k":"k3","n":3} {"k":"k3","n":3}' "$(cat out/k3/x3/*.ndjson | paste -sd ' ')"
}

@test "hostile values never leave the directory" {
  mkdir safe
  cd safe
  printf '%s\n' '{"k":".."}' '{"k":"../../x"}' '{"k":"/etc/x"}' '{"k":"a\u0000b"}' '{"k":"a\nb"}' '{"k":".streamutils"}' \
    '{"k":""}' '{"k":[]}' '{"x":1}' 'no json' "{\"k\":\"$(printf 'x%.0s' {1..300})\"}" '{"k":"%2E."}' '{"k":null}' >in
  sink --path '{k}' <in 2>log
  same '%252E. %2E. %2E.%2F..%2Fx %2Estreamutils %2Fetc%2Fx a%00b a%0Ab null' \
    "$(find out -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | paste -sd ' ')"
  same 'in log out' "$(find . -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | paste -sd ' ')"
  same safe "$(ls ..)"
  contains "$(cat log)" 'invalid 5'
  contains "$(cat log)" "field 'k'"
}

@test "revisions and withdrawals are lines of their own" {
  printf '{"t":%s,"k":"a"}\n' 0 12 5 30 >in
  swatermark --time t --time-unit s <in | swindow --session 10s --key k --agg 'n=count()' --allowed-lateness 20s --time-format us | sink
  same '1 "retracted":true' "$(grep -o '"retracted":true' out/*.ndjson | sort | uniq -c | sed 's/^ *//')"
  same 4 "$(wc -l <out/part-00000001.ndjson)"
}

@test "wrong options: exit 2, and the remedy" {
  local -a wrong
  for wrong in '--path /x' '--path a/../b' '--path {a' '--prefix a/b' '--prefix .x' '--roll-size 0' '--roll-size x' '--roll-every 0' \
    '--max-open 0' '--compression lz4'; do
    # shellcheck disable=SC2206,SC2128
    wrong=($wrong)
    run sink "${wrong[@]}" </dev/null
    same 2 "$status"
    contains "$output" "${wrong[0]}"
    [[ ! -e out ]] || fail 'made'
  done
  echo >file
  run ssink-file -d file </dev/null
  same 2 "$status"
  contains "$output" "'file'"
}

@test "a full disk: exit 1, says so, and nothing half is seen" {
  seq -f '{"n":%.0f}' 1 300000 >in
  run bash -c 'ulimit -f 1000; trap "" XFSZ; ssink-file -d out <in' # in blocks of 1 KiB
  same 1 "$status"
  contains "$output" 'File too large'
  same '' "$(finished)"
}

@test "an input that was cut off: exit 1, what came stays hidden" {
  printf '{"t":%s}\n' 1 2 3 | swatermark --time t | grep -v '"end"' >in
  run sink <in
  same 1 "$status"
  same '' "$(finished)"
}

@test "a file of somebody else is not replaced" {
  mkfifo in
  ssink-file -d out <in 2>log 3>&- &
  local pid=$! status=0
  exec 8>in
  echo '{"n":1}' >&8
  wait_until 10 test -d out
  sleep 0.2
  echo other >out/part-00000001.ndjson
  exec 8>&-
  wait "$pid" || status=$?
  same 2 "$status"
  contains "$(cat log)" "'out/part-00000001.ndjson' is there already"
  same other "$(cat out/part-00000001.ndjson)"
}
