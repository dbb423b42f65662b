# SPDX-License-Identifier: Apache-2.0
# ssink-redis when Redis dies, hangs, loses replies or forgets: nothing lost, nothing twice, or a clear end.
load ../helpers/common

setup_file() { start_redis --durable; }
teardown_file() { stop_redis; }
setup() {
  work_in_tmp
  restart_if_down
  redis flushall >/dev/null
}
teardown() { [[ -z ${background:-} ]] || kill "$background" 2>/dev/null || true; }
# ends_with CODE: what the program in the background exits with.
ends_with() {
  local code=0
  wait "$background" || code=$?
  same "$1" "$code"
}
restart_if_down() { redis ping >/dev/null 2>&1 || restart_redis; }

targets=(--hash 'h:{user}:{window_start}' --zset 'top:{window_start}' --score n --member '{user}' --counter 'total:{group}'
  --by n --string 's:{user}')

# busy_stream WINDOWS USERS: results with corrections, withdrawals and older revisions among them, always the same.
busy_stream() {
  awk -v windows="$1" -v users="$2" '
    function line(u, w, n, revision, more) {
      printf "{\"window_start\":%d,\"window_end\":%d,\"user\":\"u%d\",\"group\":%d,\"n\":%s,\"firing\":\"on-time\",\"revision\":%d%s}\n",
        w * 60, w * 60 + 60, u, (u + revision) % 7, n, revision, more
    }
    BEGIN {
      print "{\"$stream\":\"open\",\"version\":1,\"run\":\"busy\",\"stages\":[],\"time\":{\"field\":\"window_end\",\"unit\":\"s\"},\"keys\":[\"user\"],\"results\":true,\"lateness_us\":60000000}"
      for (w = 0; w < windows; ++w) {
        for (u = 0; u < users; ++u) line(u, w, (u * 37 + w) % 1000 "." w % 10, 0, "")
        for (u = 0; u < users; u += 3) line(u, w, (u * 11 + w) % 500, 1, "")
        for (u = 0; u < users; u += 9) line(u, w, (u * 11 + w) % 500, 2, ",\"retracted\":true")
        for (u = 0; u < users; u += 5) line(u, w, 77777, 0, "")
        printf "{\"$stream\":\"watermark\",\"unit\":\"-\",\"time\":\"1970-01-01T%02d:%02d:00Z\"}\n", (w + 1) / 60, (w + 1) % 60
      }
      print "{\"$stream\":\"end\",\"fire\":true}"
    }'
}

# Everything in a database but the sequences, one key a line.
dump() {
  redis -n "$1" eval '
    local keys, out = redis.call("KEYS", "*"), {}
    table.sort(keys)
    for _, key in ipairs(keys) do
      local kind, value = redis.call("TYPE", key).ok, nil
      if kind == "hash" and string.sub(key, 1, 12) ~= "streamutils:" then value = redis.call("HGETALL", key) end
      if kind == "zset" then value = redis.call("ZRANGE", key, 0, -1, "WITHSCORES") end
      if kind == "string" then value = {redis.call("GET", key)} end
      if value then out[#out + 1] = key .. " " .. table.concat(value, " ") end
    end
    return out' 0
}

sequence() { redis hvals "streamutils:busy:1" 2>/dev/null | tail -n 1; }
reached() { (($(sequence || echo 0) + 0 >= $1)); }

# What an undisturbed run leaves, from database 1.
undisturbed() {
  ssink-redis --url "$REDIS_URL?db=1" "${targets[@]}" <in
  dump 1 >wanted
  [[ -s wanted ]] || fail 'the undisturbed run wrote nothing'
}

same_as_undisturbed() {
  dump 0 >got
  cmp -s wanted got || { diff wanted got | head -n 20 >&2 && fail 'the store differs from an undisturbed run'; }
}

@test "killed and started again mid-write, the store is as after an undisturbed run" {
  busy_stream 30 3000 >in
  undisturbed
  ssink-redis -v --url "$REDIS_URL" "${targets[@]}" <in 2>log 3>&- &
  background=$!
  local at
  for at in 20 80 150; do
    wait_until 60 reached $at
    kill_redis
    restart_redis
  done
  wait "$background" || fail "$(cat log)"
  contains "$(cat log)" 'lost redis at'
  contains "$(cat log)" '3 reconnects'
  same_as_undisturbed
}

@test "connections cut again and again lose nothing and double nothing" {
  busy_stream 30 3000 >in
  undisturbed
  ssink-redis -v --url "$REDIS_URL" "${targets[@]}" <in 2>log 3>&- &
  background=$!
  local at
  for at in 5 30 55 80 105 130 155; do
    wait_until 60 reached $at
    redis client kill type normal skipme yes >/dev/null
  done
  wait "$background" || fail "$(cat log)"
  contains "$(cat log)" 'lost redis at'
  same_as_undisturbed
}

@test "lost replies double no counter and no event" {
  busy_stream 12 1000 >in
  python3 "$ROOT/tests/helpers/cut_proxy.py" "$PWD/proxy" "$REDIS_SOCKET" 6 3>&- &
  background=$!
  wait_until 20 test -S proxy
  # shellcheck disable=SC2094
  ssink-redis -v --url "unix://$PWD/proxy" --counter 'total:{group}' --by n --stream log <in 2>log
  contains "$(cat log)" '6 reconnects'
  ssink-redis --url "$REDIS_URL?db=1" --counter 'total:{group}' --by n --stream log <in
  same "$(redis -n 1 mget total:{0..6})" "$(redis mget total:{0..6})"
  same "$(redis -n 1 xlen log)" "$(redis xlen log)"
}

@test "a server that hangs is waited for" {
  busy_stream 15 2500 >in
  undisturbed
  ssink-redis --url "$REDIS_URL" "${targets[@]}" <in 2>log 3>&- &
  background=$!
  wait_until 60 reached 20
  local pid
  pid=$(redis info server | tr -d '\r' | sed -n 's/^process_id://p')
  kill -STOP "$pid"
  sleep 0.5
  kill -CONT "$pid"
  wait "$background" || fail "$(cat log)"
  same_as_undisturbed
}

@test "scripts that are flushed are loaded again" {
  busy_stream 15 2500 >in
  undisturbed
  ssink-redis --url "$REDIS_URL" "${targets[@]}" <in 2>log 3>&- &
  background=$!
  wait_until 60 reached 10
  redis script flush >/dev/null
  wait "$background" || fail "$(cat log)"
  same_as_undisturbed
}

@test "a store that went back in time is an error" {
  busy_stream 80 3000 >in
  ssink-redis --url "$REDIS_URL" "${targets[@]}" <in 2>log 3>&- &
  background=$!
  wait_until 60 reached 20
  redis flushall >/dev/null
  ends_with 1
  contains "$(cat log)" 'went back in time'
  contains "$(cat log)" appendfsync
}

@test "a server that is away for longer than --retry-for exits 1" {
  run ssink-redis --url "unix://$PWD/none" --hash h --retry-for 300ms <<<'{"a":1}'
  same 1 "$status"
  contains "$output" 'No such file or directory'
  contains "$output" 'for 300ms'
  busy_stream 80 3000 >in
  ssink-redis --url "$REDIS_URL" --retry-for 400ms "${targets[@]}" <in 2>log 3>&- &
  background=$!
  wait_until 60 reached 10
  kill_redis
  ends_with 1
  contains "$(cat log)" "cannot write to redis"
}

@test "a server that comes late is waited for at the start" {
  kill_redis
  ssink-redis --url "$REDIS_URL" --hash h <<<'{"a":1}' 2>log 3>&- &
  background=$!
  # shellcheck disable=SC2317
  said() { grep -q 'cannot reach redis' log; }
  wait_until 20 said
  restart_redis
  wait "$background"
  same 1 "$(redis hget h a)"
}

@test "while it waits it notices that its writer died" {
  mkfifo pipe
  ssink-redis --url "$REDIS_URL" --hash h --retry-for 10m <pipe 2>log 3>&- &
  background=$!
  exec 8>pipe
  busy_stream 1 10 | head -n 3 >&8
  written() { [[ -n $(redis keys h) ]]; }
  wait_until 20 written
  kill_redis
  busy_stream 1 10 | head -n 4 | tail -n 1 >&8
  lost() { grep -q 'lost redis' log; }
  wait_until 20 lost
  exec 8>&-
  run timeout 20 tail --pid="$background" -f /dev/null
  same 0 "$status"
  ends_with 1
  contains "$(cat log)" 'the writer of the input died'
}

@test "a writer that has ended cleanly is not a dead one" {
  busy_stream 10 2000 >in
  undisturbed
  kill_redis
  { cat in; } | ssink-redis --url "$REDIS_URL" "${targets[@]}" 2>log 3>&- &
  background=$!
  # shellcheck disable=SC2317
  said() { grep -q 'cannot reach redis' log; }
  wait_until 20 said
  sleep 0.5
  restart_redis
  wait "$background" || fail "$(cat log)"
  same_as_undisturbed
}
