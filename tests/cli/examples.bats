#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every example of every --help, man page and README works as it stands there.
load ../helpers/common

setup_file() {
  local topic
  start_redis
  use_kafka
  for topic in clicks clicks-late clicks-results views; do
    kafka_admin -b "$BOOTSTRAP" delete "$topic" >/dev/null 2>&1 || true
  done
  for topic in clicks clicks-late clicks-results views; do
    wait_until 30 "$ROOT/scripts/kafka" topic "$topic" 3
  done
  seq 0 299 | awk '{ printf "{\"event_time\":%d,\"user_id\":\"u%d\",\"latency_ms\":%d}\n", 1700000000 + $1, $1 % 7, $1 * 37 % 500 }' |
    kcat -P -b "$BOOTSTRAP" -t clicks
  mkdir "$BATS_FILE_TMPDIR/bin"
  printf '#!/bin/sh\nexec /usr/bin/redis-cli -s "$REDIS_SOCKET" "$@"\n' >"$BATS_FILE_TMPDIR/bin/redis-cli"
  chmod +x "$BATS_FILE_TMPDIR/bin/redis-cli"
}
teardown_file() { stop_redis; }

# run_all ARGUMENTS…: of run_examples.py, in a folder of its own.
run_all() {
  mkdir -p "$BATS_TEST_TMPDIR/${!#}.d"
  (cd "$BATS_TEST_TMPDIR/${!#}.d" && PATH=$BATS_FILE_TMPDIR/bin:$PATH "$ROOT/tests/cli/run_examples.py" "$@")
}

@test "the examples of every --help" {
  local program failed=''
  for program in "$BUILD"/bin/*; do
    redis flushall >/dev/null
    run_all --help-of "${program##*/}" || failed+=" ${program##*/}"
  done
  [[ ! $failed ]] || fail "failed:$failed"
}

@test "the examples of every man page" {
  local page failed=''
  for page in "$ROOT"/man/*.scd; do
    grep -q '^\$ ' "$page" || continue
    redis flushall >/dev/null
    mkdir -p "$BATS_TEST_TMPDIR/page"
    (cd "$BATS_TEST_TMPDIR/page" && rm -rf ./* && PATH=$BATS_FILE_TMPDIR/bin:$PATH "$ROOT/tests/cli/run_examples.py" "$page") ||
      failed+=" ${page##*/}"
  done
  [[ ! $failed ]] || fail "failed:$failed"
}

@test "every page of section 1 has examples that are run" {
  local page
  for page in "$ROOT"/man/*.1.scd; do
    grep -q '^\$ ' "$page" || fail "none in '$page'"
  done
}

@test "every program has a man page" {
  local program
  for program in "$BUILD"/bin/*; do
    [[ -f $ROOT/man/${program##*/}.1.scd ]] || fail "no man/${program##*/}.1.scd"
  done
}

@test "the examples of README.md" {
  redis flushall >/dev/null
  PATH=$BATS_FILE_TMPDIR/bin:$PATH "$ROOT/tests/cli/run_examples.py" "$ROOT/README.md"
}

# So the page cannot show what the programs do not write.
@test "every control line shown in stream(5) is read, and written back as it stands there" {
  sed -n 's/\\\(.\)/\1/g; /^{"$stream":/p' "$ROOT/man/stream.5.scd" >shown
  grep -v -e '"open"' -e '"end"' shown >between
  [[ $(wc -l <between) -ge 14 ]]
  {
    grep -m 1 '"open"' shown
    cat between
    echo '{"$stream":"end","fire":false,"last_epoch":7,"positions":{}}'
  } >in
  sfilter <in | cat >out
  sed -i 's/,{"path":"3","program":"sfilter"}//' out
  diff in out
}

@test "a wrong example is found" {
  printf '```\n$ echo a |\n  cat\nb\n```\n' >wrong.md
  ! "$ROOT/tests/cli/run_examples.py" wrong.md || fail "a wrong output passed"
  printf '```\n$ false\n```\n' >wrong.md
  ! "$ROOT/tests/cli/run_examples.py" wrong.md || fail "a failure passed"
  : >wrong.md
  ! "$ROOT/tests/cli/run_examples.py" wrong.md || fail "a document without examples passed"
}
