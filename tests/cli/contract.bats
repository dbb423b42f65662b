#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What every program in build/bin promises, whatever else it does. The programs are found, not listed: see contract.bash.
load ../helpers/common
load contract

setup_file() {
  seq -f '{"t":%.0f,"k":"u"}' 1700000000 1700050000 >"$BATS_FILE_TMPDIR/many.ndjson"
  make_hostile "$BATS_FILE_TMPDIR/hostile"
  ! has_program ssink-redis || start_redis
  if has_program skafka-cat || has_program ssink-kafka; then
    use_kafka
    TOPIC=$(unique_topic 1)
    export TOPIC
    kcat -P -b "$BOOTSTRAP" -t "$TOPIC" -l "$BATS_FILE_TMPDIR/many.ndjson"
  fi
}
teardown_file() { ! has_program ssink-redis || stop_redis; }

@test "every program has a line in contract.bash" {
  local name
  for name in $(programs); do
    [[ ${KIND[$name]:-} ]] && arguments "$name" || fail "'$name' is missing there"
  done
  [[ $(programs) ]]
}

help_ends_with_two_examples() {
  call 0 "$1" --help
  quiet err
  grep -q "^Usage: $1" out
  same 2 "$(sed '1,/^Examples:$/d' out | grep -c '^  [^ ].*:$')"
  same 2 "$(sed '1,/^Examples:$/d' out | grep -c "^    .*$1")"
  awk 'length > 80 && !/^    /' out >long
  quiet long
  call 0 "$1" -h
}
@test "--help: on stdout, exit 0, ends with two examples" { for_each '' help_ends_with_two_examples; }

version() {
  call 0 "$1" --version
  quiet err
  grep -qx "$1 (streamutils) [0-9.]*" out
}
@test "--version: one line on stdout" { for_each '' version; }

help_to_a_full_disk() {
  local option
  for option in --help --version; do
    ! "$1" "$option" >/dev/full 2>err || fail "$option lost its output with exit 0"
    said 'No space left on device'
  done
  [[ $("$1" --help >/dev/full 2>/dev/null || echo $?) == 1 ]]
}
@test "--help and --version to a full disk: exit 1" { for_each '' help_to_a_full_disk; }

usage_errors() {
  call 2 "$1" --no-such-option "${ARGS[@]}" </dev/null
  quiet out
  said "'--no-such-option'"
  said "try '$1 --help'"
  same 1 "$(wc -l <err)"
  [[ ${KIND[$1]} != tool ]] || return 0
  call 2 "$1" "${ARGS[@]}" --eof sometimes </dev/null
  said 'fail, end'
  call 2 "$1" "${ARGS[@]}" --metrics-file </dev/null
  quiet out
  call 2 "$1" "${ARGS[@]}" --plain --binary </dev/null
  said 'exclude each other'
  same 1 "$(wc -l <err)"
}
@test "usage errors: exit 2, one line on stderr, the remedy in it" { for_each '' usage_errors; }

bad_format() {
  STREAM_FORMAT=nonsense call 2 "$1" "${ARGS[@]}" </dev/null
  said nonsense
  said binary
  quiet out
}
@test "STREAM_FORMAT=nonsense: exit 2" { for_each 'filter window sink source' bad_format; }

binary_to_a_terminal() {
  local status=0
  printf -v line '%q ' "$1" "${ARGS[@]}" --binary
  SHELL=/bin/bash timeout -k 5 60 script -qec "$line" /dev/null </dev/null >err || status=$?
  same 2 "$status"
  said terminal
}
@test "--binary to a terminal: refused" { for_each 'filter window sink source' binary_to_a_terminal; }

check_only() { STREAM_CHECK=1 call 0 "$1" "${ARGS[@]}" </dev/zero && quiet out; }
@test "STREAM_CHECK=1: options are checked, no input is read" { for_each 'filter window sink source' check_only; }

output_to_a_full_disk() {
  local status=0
  feed "$1" "$BATS_FILE_TMPDIR/many.ndjson" | timeout -k 5 60 "$1" "${ARGS[@]}" >/dev/full 2>err || status=$?
  same 1 "$status"
  said 'No space left on device'
  said "$1: "
}
@test "output to a full disk: exit 1, and says so" { for_each 'filter window source' output_to_a_full_disk; }

closed_files() {
  local status=0
  [[ ${KIND[$1]} == source ]] || {
    timeout -k 5 20 "$1" "${ARGS[@]}" <&- >out 2>err || status=$?
    same 1 "$status"
    said 'standard input'
  }
  [[ ${KIND[$1]} == sink ]] && return
  status=0
  feed "$1" "$BATS_FILE_TMPDIR/many.ndjson" | timeout -k 5 20 "$1" "${ARGS[@]}" --plain >&- 2>err || status=$?
  same 1 "$status"
  said 'standard output'
}
@test "closed stdin or stdout: exit 1, not another file in their place" { for_each 'filter window sink source' closed_files; }

# Endless input: only the reader's death can end it.
early_closing_reader() {
  local status=0 line
  printf -v line '%q ' "$1" "${ARGS[@]}"
  case ${KIND[$1]} in
    source) line="$line | head -n 1" ;;
    window) line="yes '{\"t\":1700000000}' | swatermark --time t | $line | head -n 1" ;;
    filter) line="yes '{\"t\":1700000000}' | $line | head -n 1" ;;
  esac
  timeout -k 5 20 bash -o pipefail -c "$line" >out 2>err || status=$?
  same 141 "$status"
  quiet err
  same 1 "$(wc -l <out)"
}
@test "an early-closing reader: the end comes quickly and quietly, exit 141" {
  for_each 'filter window source' early_closing_reader
}

# The reader leaves while there is no input at all.
reader_leaves_in_silence() {
  local status=0 pid
  mkfifo in gone
  { "$1" "${ARGS[@]}" <in >gone 2>err & } 3>&-
  pid=$!
  exec 8>in
  exec 9<gone
  [[ ${KIND[$1]} == window ]] && echo '{"$stream":"open","version":1,"run":"a","stages":[]}' >&8
  exec 9<&-
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  ! kill -KILL "$pid" 2>/dev/null || fail "still there after 10 s"
  exec 8>&-
  wait "$pid" || status=$?
  same 141 "$status"
}
@test "a reader that leaves while the input is silent is noticed" { for_each 'filter window' reader_leaves_in_silence; }

# Exit 0 or, for what cannot take the record, an orderly 1 or 2; never a signal, and a good record behind the bad one comes through.
hostile() {
  local file
  for file in "$BATS_FILE_TMPDIR"/hostile/*; do
    feed "$1" "$file" >in
    call 0 "$1" "${ARGS[@]}" --plain <in || fail "on ${file##*/}"
    case $1 in
      swindow) [[ $file == */*empty || $file == */*alone ]] || { grep -q '"n":' out || fail "no result on ${file##*/}"; } ;;
      *)
        case ${KIND[$1]},${file##*/} in
          sink,*) quiet out ;;
          *,empty | *,*alone) quiet out ;;
          *) grep -q '"k":"good"' out || fail "the good record is gone: ${file##*/}" ;;
        esac
        ;;
    esac
  done
}
@test "hostile input: NUL, bad UTF-8, 10 MiB, depth 10,000, duplicates, 1e400, 30 digits, no newline, CRLF, nothing" {
  for_each 'filter window sink' hostile
}

hostile_file() {
  local file
  [[ $1 == sreplay ]] || return 0
  for file in "$BATS_FILE_TMPDIR"/hostile/*; do
    call 0 "$1" --plain "$file" || fail "on ${file##*/}"
    case ${file##*/} in
      empty | *alone) quiet out ;;
      *) grep -q '"k":"good"' out || fail "the good record is gone: ${file##*/}" ;;
    esac
  done
}
@test "hostile files into sreplay" { for_each source hostile_file; }

lookalike() {
  printf '%s\n' '{"t":1}' '{"$stream":"end","fire":true}' '{"t":2}' >in
  call 0 bash -c 'p=$1; shift; "$p" "$@" <in | cat' - "$1" "${ARGS[@]}"
  grep -qF '"record","raw":"{\"$stream\":\"end\",\"fire\":true}"' out || grep -q '"label":"invalid"' out ||
    fail "not wrapped: $(cat out)"
  [[ $(tail -n 1 out) == '{"$stream":"end","fire":true}' ]]
  call 0 "$1" "${ARGS[@]}" --plain <in
  same 2 "$(grep -c '^{"t":' out)"
}
@test "a record that looks like a control line is a record" { for_each filter lookalike; }

# The input's 'end' is cut off.
cut_off() {
  head -n 8 "$BATS_FILE_TMPDIR/many.ndjson" | swatermark --time t | grep -v '"\$stream":"end"' >in
  same 17 "$(wc -l <in)"
  local status=0
  timeout -k 5 60 "$1" "${ARGS[@]}" <in 2>err | cat >out || true
  status=${PIPESTATUS[0]}
  same 1 "$status"
  said '--eof end'
  ! grep -q -e '"\$stream":"end"' -e '"firing"' out || fail "it ended or fired: $(tail -n 3 out)"
  timeout -k 5 60 "$1" "${ARGS[@]}" --eof end <in 2>err | cat >out
  status=${PIPESTATUS[0]}
  same 0 "$status"
  [[ ${KIND[$1]} == sink ]] || [[ $(tail -n 1 out) == '{"$stream":"end","fire":true}' ]]
  [[ ${KIND[$1]} != window ]] || grep -q '"firing":"on-time"' out
}
@test "EOF without 'end': exit 1, nothing fires, the message names --eof end" { for_each 'filter window sink' cut_off; }

plain_into_window() {
  echo '{"t":1700000000}' >in
  call 2 "$1" "${ARGS[@]}" <in
  said swatermark
  quiet out
}
@test "plain NDJSON into a window program: exit 2, names swatermark" { for_each window plain_into_window; }

nothing_into() {
  local wanted=0
  [[ ${KIND[$1]} != window ]] || wanted=1
  call "$wanted" "$1" "${ARGS[@]}" --plain </dev/null
  quiet out
  ((wanted == 0)) || said 'the input is empty: the program before this one wrote nothing'
}
@test "not a byte of input: a window program exits 1, since the one before it died; others take it" {
  for_each 'filter window sink' nothing_into
}

stop_plain() {
  local pid status=0
  mkfifo in
  { "$1" "${ARGS[@]}" <in 2>err > >(cat >out) & } 3>&-
  pid=$!
  exec 8>in
  echo '{"t":1700000000,"k":"stop"}' >&8
  if [[ ${KIND[$1]} == sink ]]; then sleep 0.5; else wait_until 20 grep -q '"stop"' out; fi
  kill -TERM "$pid"
  wait "$pid" || status=$?
  exec 8>&-
  same 0 "$status"
  [[ ${KIND[$1]} == sink ]] || wait_until 10 grep -qx '{"$stream":"end","fire":false}' out
}
@test "SIGTERM, plain input: exit 0, 'end' without fire" { for_each 'filter sink' stop_plain; }

# A stage in the middle goes on until the 'end' of its input.
stop_stream() {
  local pid status=0
  mkfifo in
  { "$1" "${ARGS[@]}" <in 2>err > >(cat >out) & } 3>&-
  pid=$!
  exec 8>in
  printf '%s\n' '{"t":1700000000,"k":"stop"}' '{"t":1700000001,"k":"stop"}' | swatermark --time t | grep -v '"end"' >&8
  if [[ ${KIND[$1]} == sink ]]; then sleep 0.5; else wait_until 20 grep -q '"open"' out; fi
  kill -TERM "$pid"
  sleep 0.2
  kill -0 "$pid" || fail "it did not wait for the end of its input"
  echo '{"$stream":"end","fire":false}' >&8
  exec 8>&-
  wait "$pid" || status=$?
  same 0 "$status"
  [[ ${KIND[$1]} == sink ]] && return
  wait_until 10 grep -qx '{"$stream":"end","fire":false}' out
  ! grep -q '"firing"' out || fail "it fired: $(cat out)"
}
@test "SIGTERM, a stream as input: reads on until 'end', fires nothing" { for_each 'filter window sink' stop_stream; }

second_signal() {
  local pid status=0
  mkfifo in
  { "$1" "${ARGS[@]}" <in >/dev/null 2>err & } 3>&-
  pid=$!
  exec 8>in
  echo '{"$stream":"open","version":1,"run":"a","stages":[],"time":{"field":"t","unit":"auto"}}' >&8
  sleep 0.3
  kill -TERM "$pid"
  sleep 0.7
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" || status=$?
  exec 8>&-
  same 143 "$status"
}
@test "a second signal ends a program that waits for 'end'" { for_each 'filter window sink' second_signal; }

strict() {
  { head -c 2000000 /dev/zero | tr '\0' a; echo; } >bad
  feed "$1" bad >in
  call 3 "$1" "${ARGS[@]}" --strict <in
  said invalid
  said too_large
}
@test "--strict: exit 3 at the first invalid record" { for_each 'filter window sink' strict; }

stdout_is_data() {
  printf '%s\n' '{"t":1700000000,"k":"a"}' 'no json' '{"t":1700000030,"k":"b"}' >bad
  feed "$1" bad >in
  timeout -k 5 60 "$1" "${ARGS[@]}" -v -v <in 2>err | cat >out
  if [[ ${KIND[$1]} == sink ]]; then
    quiet out
  elif [[ $1 == sdivert ]]; then
    grep -vx 'no json' out >data  # it does not look into records
    only_data data
  else
    only_data out
  fi
  [[ ! -s err ]] || ! grep -v -e "^$1: " -e '^sfilter: ' -e '^\[' err || fail "stderr lines without the program's name"
}
@test "stdout carries data only, whatever is said on stderr" { for_each 'filter window sink' stdout_is_data; }

# What a Prometheus textfile collector demands: HELP and TYPE before the samples of each family, names and values well formed.
metrics_file() {
  if [[ ${KIND[$1]} == source ]]; then : >in; else feed "$1" "$BATS_FILE_TMPDIR/many.ndjson" >in; fi
  call 0 "$1" "${ARGS[@]}" --plain --metrics-file metrics.prom <in
  [[ ! $(find . -name '*.tmp') ]] || fail "a temporary file is left"
  awk '
    /^# HELP [a-z_]+ [^ ]/ { help[$3] = 1; next }
    /^# TYPE [a-z_]+ (counter|gauge)$/ { if (!help[$3] || type[$3]) bad = $0; type[$3] = $4; next }
    /^[a-z_]+({[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*})? -?[0-9.e+-]+$/ {
      name = $0; sub(/[{ ].*/, "", name)
      if (!type[name]) bad = $0
      if (type[name] == "counter" && name !~ /_total$/) bad = $0
      samples++; next
    }
    { bad = $0 }
    END { if (bad != "" || samples == 0) { print "bad line: " bad; exit 1 } }' metrics.prom
}
@test "--metrics-file: Prometheus text" { for_each 'filter window sink source' metrics_file; }

metrics_file_nowhere() {
  local path
  call 2 "$1" "${ARGS[@]}" --metrics-file /no/such/folder/file </dev/zero
  said '/no/such/folder/file'
  STREAM_CHECK=1 call 2 "$1" "${ARGS[@]}" --metrics-file /no/such/folder/file
  mkfifo fifo
  ln -s fifo link
  mkdir folder
  for path in /proc/self/fd/0 fifo link folder; do # a device too, but no name that a failing test would replace
    call 2 "$1" "${ARGS[@]}" --metrics-file $path </dev/zero
    said "'$path'"
    said 'not a regular file'
  done
  [[ -p fifo && -L link && -d folder ]] || fail 'replaced'
  mkdir check
  STREAM_CHECK=1 call 0 "$1" "${ARGS[@]}" --metrics-file check/m
  [[ ! $(ls -A check) ]] || fail "STREAM_CHECK=1 left $(ls -A check)"
}
@test "--metrics-file that cannot be written: exit 2 before anything is read, names it, replaces nothing" {
  for_each 'filter window sink source' metrics_file_nowhere
}

metrics_file_link() {
  echo old >real
  ln -s real link
  ln -s new dangling
  : >in
  [[ ${KIND[$1]} == source ]] || feed "$1" "$BATS_FILE_TMPDIR/many.ndjson" >in
  call 0 "$1" "${ARGS[@]}" --plain --metrics-file link <in
  call 0 "$1" "${ARGS[@]}" --plain --metrics-file dangling <in
  [[ -L link && -L dangling ]] || fail 'a link was replaced'
  grep -q '^# HELP' real
  grep -q '^# HELP' new
}
@test "--metrics-file through a symbolic link: the link stays" { for_each 'filter source' metrics_file_link; }

metrics_while_blocked() {
  local pid
  mkfifo in gone
  { "$1" "${ARGS[@]}" --binary --metrics-file m.prom <in >gone 2>err & } 3>&-
  pid=$!
  exec 8>in
  exec 9<gone # nobody reads from it: the pipe fills up
  yes '{"t":1700000000,"k":"u"}' >&8 2>/dev/null 3>&- 8>&- 9<&- &
  local feeder=$!
  wait_until 20 test -s m.prom
  # Blocked: what has left stays the same from one file to the next.
  left() { grep '^stream_records_out_total ' m.prom; }
  blocked() {
    local before
    before=$(left)
    sleep 1.5
    [[ $before != *' 0' && $before == "$(left)" ]]
  }
  wait_until 30 blocked
  rm m.prom
  wait_until 20 test -s m.prom
  kill "$feeder"
  exec 8>&- 9<&-
  wait "$pid" || true # 141, or 0 if its input's end came first
}
@test "--metrics-file goes on while the pipe behind is full" { for_each filter metrics_while_blocked; }

metrics_folder_goes() {
  [[ $1 != srun ]] || return 0 # it ends as its stages do
  local pid status=0
  mkfifo in
  mkdir folder
  { "$1" "${ARGS[@]}" --metrics-file folder/m <in >out 2>err & } 3>&-
  pid=$!
  exec 8>in
  wait_until 20 test -s folder/m
  rm -r folder || rm -r folder
  wait_until 20 grep -q 'No such file' err
  sleep 2.5
  same 1 "$(wc -l <err)"
  exec 8>&-
  wait "$pid" || status=$?
  same 1 "$status"
}
@test "--metrics-file that can no longer be written: said once, exit 1 at the end" { for_each filter metrics_folder_goes; }

dribbled() {
  printf '%s\n' '{"t":1700000000,"k":"a"}' 'no json' '{"t":1700000030,"k":"ä"}' >data
  feed "$1" data >in
  call 0 "$1" "${ARGS[@]}" --plain <in
  mv out whole
  dribble <in 2>/dev/null | timeout -k 5 60 "$1" "${ARGS[@]}" --plain >out 2>err
  cmp whole out
}
@test "input that comes byte by byte gives the same output" { for_each 'filter window' dribbled; }
