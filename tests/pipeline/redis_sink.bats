# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# What ssink-redis leaves in a real Redis: every target, corrections, withdrawals, lives of keys, bad input.
load ../helpers/common

setup_file() { start_redis; }
teardown_file() { stop_redis; }
setup() {
  work_in_tmp
  redis flushall >/dev/null
}

open_results() {
  printf '{"$stream":"open","version":1,"run":"r","stages":[{"path":"1","program":"swindow","stateful":true}],'
  printf '"time":{"field":"window_end","unit":"iso","shift_us":-1},"keys":["user"],"results":true,"lateness_us":30000000}\n'
}
end_stream() { printf '{"$stream":"end","fire":true}\n'; }

# result USER MINUTE N REVISION [MORE]
result() {
  printf '{"window_start":"2026-01-31T12:%02d:00Z","window_end":"2026-01-31T12:%02d:00Z","user":"%s","n":%s,"firing":"on-time","revision":%s%s}\n' \
    "$2" "$(($2 + 1))" "$1" "$3" "$4" "${5:-}"
}
results() {
  open_results
  cat
  end_stream
}
sink() { ssink-redis --url "$REDIS_URL" "$@"; }
hash_text() { redis hgetall "$1" | paste -sd ' '; }

@test "a hash holds every field, numbers as in the JSON" {
  printf '%s\n' '{"user":"ann","n":1.50,"big":9007199254740993,"e":1E2,"s":"a\"b\u00e4","z":null,"t":true,"o":{"x":[1]}}' |
    sink --hash 'h:{user}'
  same 'user ann n 1.50 big 9007199254740993 e 1E2 s a"bä z null t true o {"x":[1]}' "$(hash_text h:ann)"
  same -1 "$(redis ttl h:ann)"
}

@test "several targets of one command" {
  printf '%s\n' '{"user":"ann","n":7}' '{"user":"bob","n":2.5}' |
    sink --hash 'h:{user}' --zset top --score n --member 'u/{user}' --counter total --by n --string 's:{user}' --stream log
  same 'user bob n 2.5' "$(hash_text h:bob)"
  same 'u/bob 2.5 u/ann 7' "$(redis zrange top 0 -1 withscores | paste -sd ' ')"
  same 9.5 "$(redis get total)"
  same '{"user":"ann","n":7}' "$(redis get s:ann)"
  same 2 "$(redis xlen log)"
  contains "$(redis xrange log - + | paste -sd ' ')" 'user bob n 2.5'
}

@test "records are published" {
  redis subscribe news >got 3>&- &
  local subscriber=$!
  subscribed() { grep -q subscribe got; }
  wait_until 10 subscribed
  printf '%s\n' '{"n":1}' '{"n":2}' | sink --publish news
  both() { grep -q '^{"n":2}$' got; }
  wait_until 10 both
  kill "$subscriber"
  same '{"n":1} {"n":2}' "$(grep '^{' got | paste -sd ' ')"
}

@test "a correction replaces what its result wrote" {
  { result ann 0 5 0 ',"m":"x","only":1' && result ann 0 8.25 1 ',"m":"y"'; } | results |
    sink -v --hash 'h:{user}:{window_start}' --zset top --score n --member '{user}/{m}' --counter c --by n --string 's:{user}' 2>log
  same 'window_start 2026-01-31T12:00:00Z window_end 2026-01-31T12:01:00Z user ann n 8.25 firing on-time revision 1 m y' \
    "$(hash_text h:ann:2026-01-31T12:00:00Z)"
  same 'ann/y 8.25' "$(redis zrange top 0 -1 withscores | paste -sd ' ')"
  same 8.25 "$(redis get c)"
  contains "$(redis get s:ann)" '"revision":1'
  contains "$(cat log)" '1 results written, 1 corrections, 0 withdrawals'
}

@test "a counter whose key changes leaves the old one" {
  { result ann 0 5 0 ',"m":"x"' && result bob 0 1 0 ',"m":"x"' && result ann 0 6 1 ',"m":"y"'; } | results |
    sink --counter 'c:{m}' --by n
  same '1 6' "$(redis mget c:x c:y | paste -sd ' ')"
}

@test "a withdrawal removes what its result wrote" {
  { result ann 0 5 0 && result bob 0 2 0 && result ann 0 5 1 ',"retracted":true'; } | results |
    sink --hash 'h:{user}' --zset top --score n --member '{user}' --counter c --by n --string 's:{user}' --stream log
  same 'c h:bob log s:bob top' "$(redis keys '*' | grep -v streamutils | LC_ALL=C sort | paste -sd ' ')"
  same bob "$(redis zrange top 0 -1)"
  same 2 "$(redis get c)"
  same 3 "$(redis xlen log)"
  contains "$(redis xrevrange log + - COUNT 1 | paste -sd ' ')" 'revision 1 retracted true'
}

@test "an older revision never overwrites a newer one" {
  { result ann 0 5 2 && result ann 0 1 0 && result ann 0 2 1 && result ann 0 3 2; } | results |
    sink --hash h --counter c --by n
  same 5 "$(redis hget h n)"
  same 5 "$(redis get c)"
}

@test "where windows share a key the later end wins" {
  { result ann 5 50 0 && result ann 4 40 0 && result ann 4 41 1 && result ann 4 41 2 ',"retracted":true'; } | results |
    sink --hash 'last:{user}' --zset top --score n --member '{user}'
  same 50 "$(redis hget last:ann n)"
  same 50 "$(redis zscore top ann)"
}

# Owners of names were forgotten by the watermark of one unit although another, assigned one had brought nothing yet.
@test "a unit that is behind does not overwrite the later window of another" {
  {
    printf '{"$stream":"assign","unit":"t/%d","position":0,"units":2}\n' 0 1
    echo '{"$stream":"unit","unit":"t/0"}' && result ann 9 90 0
    echo '{"$stream":"watermark","unit":"t/0","time":"2026-01-31T13:00:00Z"}'
    echo '{"$stream":"unit","unit":"t/1"}' && result ann 1 10 0
  } | results | sink --hash 'last:{user}'
  same 90 "$(redis hget last:ann n)"
}

@test "after the watermark has passed a window its memory is gone" {
  { result ann 0 5 3 && printf '{"$stream":"watermark","unit":"-","time":"2026-01-31T12:01:30Z"}\n' && result ann 0 1 0; } |
    results | sink --hash h
  same 1 "$(redis hget h n)"
}

@test "plain records are each written as they are" {
  { result ann 0 5 1 && result ann 0 1 0; } | sink --hash h --counter c --by n
  same 1 "$(redis hget h n)"
  same 6 "$(redis get c)"
}

@test "decimal counters are exact" {
  redis set c 1000000.1 >/dev/null
  for _ in {1..1001}; do echo '{"by":0.1}'; done >in
  printf '%s\n' '{"by":-5}' '{"by":1e-9}' >>in
  sink --counter c --by by <in
  same 1000095.200000001 "$(redis get c)"
  redis set c 9007199254740993 >/dev/null
  echo '{"by":9007199254740993}' | sink --counter c --by by
  same 18014398509481986 "$(redis get c)"
  redis set c 9223372036854775807 >/dev/null
  echo '{"by":1}' | sink --counter c --by by
  same 9223372036854775808 "$(redis get c)"
  redis set c 0.5 >/dev/null
  echo '{"by":-0.75}' | sink --counter c --by by
  same -0.25 "$(redis get c)"
  echo '{"by":0.25}' | sink --counter c --by by
  same 0 "$(redis get c)"
}

@test "--ttl gives every written key a life" {
  echo '{"user":"ann","n":1}' |
    sink --ttl 1h --hash h --zset z --score n --member m --counter c --by n --string s --stream x
  local key
  for key in h z c s x; do
    (($(redis ttl $key) > 3500 && $(redis ttl $key) <= 3600)) || fail "$key: $(redis ttl $key)"
  done
}

@test "the sequence is one key per run and sink, and expires" {
  result ann 0 5 0 | results | sink --hash h
  same streamutils:r:2 "$(redis --scan --pattern 'streamutils:*')"
  (($(redis ttl streamutils:r:2) > 80000)) || fail "$(redis ttl streamutils:r:2)"
}

@test "a saved stream is written again when it is replayed" {
  { result ann 0 5 0; } | results >saved
  sink --counter c --by n <saved
  sink --counter c --by n <saved
  same 10 "$(redis get c)"
}

@test "a record that lacks a field is invalid, and said" {
  printf '%s\n' '{"user":"ann"}' 'nonsense' '{"n":1}' '{"user":"bob","n":2}' >in
  sink --hash '{user}' <in 2>log
  contains "$(cat log)" "line 3: field 'user' of an invalid record: missing_field"
  contains "$(cat log)" 'invalid 2'
  same 2 "$(redis hget bob n)"
  run sink --strict --hash '{user}' <in
  same 3 "$status"
}

@test "a hash of another type is not half written" {
  redis set h:b text >/dev/null
  printf '%s\n' '{"k":"a"}' '{"k":"b"}' '{"k":"c"}' >in
  run sink --hash 'h:{k}' --counter n --by one <<<'{"k":"b","one":1}'
  same 1 "$status"
  contains "$output" "cannot write 'h:b': the key holds no hash"
  same '' "$(redis get n)"
  run sink --hash 'h:{k}' <in
  same 1 "$status"
  same h:b "$(redis keys 'h:*')"
  redis set t many >/dev/null
  run sink --counter t --by one <<<'{"one":1}'
  contains "$output" 'a string that is no number'
}

@test "configuration errors exit 2 and name the remedy" {
  local args
  for args in '--hash h --url localhost' '--hash h --url rediss://h' '--url redis://h' '--url redis://h --hash {x' \
    '--url redis://h --zset z' '--url redis://h --counter c' '--url redis://h --hash h --ttl 0' '--hash h'; do
    # shellcheck disable=SC2086
    run ssink-redis $args </dev/null
    ((status == 2)) || fail "$args: $status $output"
  done
  run ssink-redis --url redis://:hunter2@h:x --hash h </dev/null
  [[ $output != *hunter2* ]]
}

@test "a server that wants a password" {
  echo secret >pw
  redis config set requirepass secret >/dev/null
  # shellcheck disable=SC2317
  restore() { redis -a secret --no-auth-warning config set requirepass '' >/dev/null; }
  run sink --hash h <<<'{"a":1}'
  local without=$status:$output
  run sink --hash h --password-file <(echo wrong) <<<'{"a":1}'
  local wrong=$status:$output
  run sink --hash h --password-file pw <<<'{"a":1}'
  local right=$status
  mkdir creds && cp pw creds/redis-password
  CREDENTIALS_DIRECTORY=$PWD/creds run sink --hash h2 <<<'{"a":1}'
  local credentials=$status
  run ssink-redis --url "unix://:secret@$REDIS_SOCKET" --hash h3 <<<'{"a":1}'
  local url=$status
  restore
  contains "$without" 2:
  contains "$without" --password-file
  contains "$wrong" 2:
  contains "$wrong" WRONGPASS
  same '0 0 0' "$right $credentials $url"
  same 3 "$(redis keys 'h*' | wc -l)"
}

@test "a user without the rights is told which" {
  redis acl setuser limited on '>pw' '~h*' '~streamutils:*' '&*' '+@all' -hset >/dev/null
  run ssink-redis --url "unix://limited:pw@$REDIS_SOCKET" --hash h <<<'{"a":1}'
  same 2 "$status"
  contains "$output" HSET
  run ssink-redis --url "unix://limited:pw@$REDIS_SOCKET" --string other <<<'{"a":1}'
  same 2 "$status"
  contains "$output" NOPERM
  redis acl deluser limited >/dev/null
}

@test "no memory left exits 1 with the remedy" {
  redis config set maxmemory 1mb >/dev/null
  run sink --hash h <<<'{"a":1}'
  redis config set maxmemory 0 >/dev/null
  same 1 "$status"
  contains "$output" maxmemory
}

@test "hostile records" {
  python3 -c 'print("{\"k\":\"" + "x" * 2000000 + "\"}"); print("{\"k\":\"" + "y" * 5000 + "\"}"); print("{\"k\":" + "[" * 10000 + "]" * 10000 + "}"); print("{\"k\":\"a\\u0000b\",\"k\":2}"); print("{\"k\":\"ok\"}", end="")' >in
  printf '{"k":"\xff"}\n{"$stream":"end"}\n' | cat - in >in2
  run sink --hash 'h:{k}' --publish c <in2
  same 0 "$status"
  contains "$output" 'invalid 5'
  same 2 "$(redis keys 'h:*' | wc -l)"
}

@test "sessions that merge behind real windows leave only what stands" {
  local record
  for record in 0:a 1:b 12:a 5:a 30:a 31:b; do
    printf '{"t":%s,"user":"%s"}\n' "${record%:*}" "${record#*:}"
  done >in
  local encoding
  for encoding in text binary; do
    redis flushall >/dev/null
    STREAM_FORMAT=$encoding bash -o pipefail -c "swatermark --time t --time-unit s <in |
      swindow --session 10s --key user --agg 'n=count()' --allowed-lateness 20s --time-format us |
      ssink-redis -v --url '$REDIS_URL' --hash 'h:{user}:{window_start}' --counter total --by n --zset 'z:{user}' --score n --member '{window_end}'" 2>log
    contains "$(cat log)" '1 withdrawals'
    same 'h:a:0 h:a:30000000 h:b:1000000 h:b:31000000' "$(redis keys 'h:*' | LC_ALL=C sort | paste -sd ' ')"
    same 'window_start 0 window_end 22000000 user a n 3 firing on-time revision 0' "$(hash_text h:a:0)"
    same 6 "$(redis get total)"
    same '40000000 1 22000000 3' "$(redis zrange z:a 0 -1 withscores | paste -sd ' ')"
  done
}

@test "a target given twice is refused: the last would win unseen" {
  local option
  for option in --hash --zset --counter --string --stream --publish --score --member --by; do
    run ssink-redis --url "$REDIS_URL" --string s --counter c --by n --zset z --score n --member m "$option" one "$option" two </dev/null
    same 2 "$status"
    contains "$output" "$option: given twice"
    contains "$output" 'sdivert --copy'
  done
}

@test "a server that cannot be reached: nothing was read, so no result is missed" {
  run ssink-redis --url "unix://$PWD/nobody" --retry-for 200ms --string s </dev/null
  same 1 "$status"
  contains "$output" 'cannot reach redis'
  [[ $output != *'not confirmed'* ]] || fail "$output"
}
