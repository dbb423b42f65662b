# SPDX-License-Identifier: Apache-2.0
# srun: stages start, end, fail, restart and die together.
load ../helpers/common

# A source that goes on until SIGTERM, and says so.
slow_source() {
  cat >source <<'END'
#!/bin/sh
trap 'echo stopped; exit 0' TERM
echo ready
while :; do sleep 0.02; done
END
  chmod +x source
}
has_line() { grep -q "$1" "$2"; }
none_left() { [[ -z $(pgrep -f -- "^$1") ]]; }

@test "stages are joined; stdin goes to the first, stdout comes from the last" {
  same $'2\n1' "$(seq 3 | srun 'head -n 2 | sort -r')"
  same 'a  b|c$d' "$(srun "printf %s 'a  b|c\$d' | cat")"
}

@test "a pipeline from a file, with environment, quotes and comments" {
  cat >p.conf <<'END'
# what it does
name = test
stage = sh -c 'echo "$A $B #3"'   # prints
stage = sed \
  -e 's/^/x /'
env = A=1 'B=2 3'
stage_timeout = 5s
END
  srun --check p.conf
  same 'x 1 2 3 #3' "$(srun p.conf)"
}

@test "exit code: 2 before 3 before the rightmost failure" {
  code() { run srun "$1"; same "$2" "$status"; }
  code "true | cat" 0
  code "sh -c 'exit 4' | cat" 4
  code "sh -c 'exit 4' | sh -c 'cat; exit 5'" 5
  code "sh -c 'exit 3' | sh -c 'cat; exit 5'" 3
  code "sh -c 'exit 3' | sh -c 'cat; exit 2' | sh -c 'cat; exit 5'" 2
  code "sh -c 'kill -SEGV \$\$' | cat" 139
  code "seq 1000000 | head -n 1" 141
}

@test "no pipeline, no command, bad quotes: exit 2 and the place" {
  run srun no-such-file
  same 2 "$status"
  contains "$output" "there is no file 'no-such-file'"
  run srun 'cat | no-such-command x'
  same 2 "$status"
  contains "$output" "srun: stage 2: cannot find 'no-such-command' in PATH"
  run srun "cat | sed 's/x"
  same 2 "$status"
  contains "$output" "srun: column 11: the quote ' is not closed"
  run srun 'cat > x'
  same 2 "$status"
  contains "$output" "column 5: unquoted '>': nothing is expanded or redirected here"
  run srun
  same 2 "$status"
}

@test "stderr comes line by line with the stage in front, the program's name once" {
  run srun "sh -c 'echo one >&2; printf two >&2' | swatermark --tim t"
  same 2 "$status"
  contains "$output" '[1 sh] one'
  contains "$output" '[1 sh] two'
  contains "$output" "[2 swatermark] unknown option '--tim'"
  contains "$output" "srun: stage 2 'swatermark' exited with 2"
}

@test "binary between our programs only" {
  keep='#!/bin/sh
echo "$0 ${STREAM_FORMAT-none}" >&2; cat'
  for name in sfilter sexec; do printf '%s\n' "$keep" >$name && chmod +x $name; done
  printf '%s\n' "$keep" >other && chmod +x other
  run srun './sfilter | ./sexec | ./other | ./sfilter' </dev/null
  same '[1 sfilter] ./sfilter binary
[2 sexec] ./sexec text
[3 other] ./other text
[4 sfilter] ./sfilter none' "$(sort <<<"$output")"
  printf 'binary = false\nstage = ./sfilter\nstage = ./sexec\n' >p.conf
  run srun p.conf </dev/null
  contains "$output" './sfilter text'
  same 3 "$(printf '%s\n' '{"t":1}' '{"t":2}' '{"t":3}' | srun 'swatermark --time t | sdivert --to late=l' | grep -vc stream)"
}

@test "memory is lent to a pipe whose reader came with srun, and to no other" {
  printf '%s\n' '#!/bin/sh' 'test "${STREAM_LEND-none}" = "$(stat -L -c %i "/proc/$$/fd/1")" && echo lent >&2 || echo "${STREAM_LEND-none}" >&2' \
    'cat' >sexec
  chmod +x sexec
  contains "$(srun './sexec | swatermark --time t' </dev/null 2>&1)" '[1 sexec] lent'
  contains "$(srun './sexec | ./sexec' </dev/null 2>&1)" '[1 sexec] none'
  contains "$(srun './sexec | cat' </dev/null 2>&1)" '[1 sexec] none'
  contains "$(srun './sexec | swatermark --time t' </dev/null 2>&1 >/dev/null)" '[1 sexec] lent'
  contains "$(STREAM_LEND=1 srun './sexec | cat' </dev/null 2>&1)" '[1 sexec] none'
}

@test "what was lent arrives as it was written" {
  seq 300000 | sed 's/.*/{"t":&,"k":"a&","filler":"0123456789012345678901234567890123456789"}/' >in
  sfilter --where 't % 7 != 0' <in >want
  srun "sfilter --where 't % 7 != 0' | swatermark --time t --time-unit s | sfilter --plain" <in >got
  cmp want got
}

@test "pipes hold 1 MiB" {
  same 1048576 "$(srun "true | python3 -c 'import fcntl; print(fcntl.fcntl(0, 1032))'")"
}

@test "one stage's failure stops the pipeline" {
  run timeout 60 srun "sleep 600 | sh -c 'exit 4' | cat"
  same 4 "$status"
  contains "$output" "srun: stage 2 'sh' exited with 4"
}

@test "a stage that does not listen is killed after stage_timeout" {
  cat >p.conf <<'END'
stage = sh -c 'trap "" TERM; while :; do sleep 0.05; done'
stage = sh -c 'exit 4'
stage_timeout = 200ms
END
  run timeout 60 srun p.conf
  same 4 "$status"
  contains "$output" "stage 1 'sh' has not ended within 200ms: killed"
}

@test "SIGTERM goes to the source, and the rest drains" {
  slow_source
  srun "./source | sh -c 'cat; sleep 0.2; echo drained'" >out 2>err 3>&- &
  wait_until 20 has_line ready out
  kill -TERM $!
  wait $!
  same 'ready stopped drained' "$(paste -sd ' ' out)"
  same '' "$(cat err)"
}

@test "a stream that is stopped ends without fire" {
  mkfifo in
  exec 7<>in
  srun 'swatermark --time t | sdivert --to late=l' <in >out 2>err 3>&- 7>&- &
  printf '{"t":1700000000}\n' >&7
  # To a file go records only: the pipe in between carries the end.
  wait_until 20 has_line 1700000000 out
  kill -TERM $!
  wait $!
  exec 7>&-
  same '{"t":1700000000}' "$(cat out)"
}

@test "a source that is not ours is stopped without a half-full window" {
  cat >source <<'END'
#!/bin/sh
trap 'exit 0' TERM
printf '{"t":%d}\n' 1700000001 1700000012
while :; do sleep 0.02; done
END
  chmod +x source
  srun "./source | cat | swatermark --time t | swindow --tumbling 10s --agg 'n=count()'" >out 2>err 3>&- &
  # The first window is complete: every stage is at work.
  wait_until 20 has_line 22:13:30 out
  kill -TERM $!
  wait $!
  same 1 "$(wc -l <out)"
  same '' "$(cat err)"
}

@test "a second signal kills everything" {
  cat >p.conf <<'END'
stage = sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
stage = cat
END
  srun p.conf >out 2>err 3>&- &
  wait_until 20 has_line ready out
  kill -TERM $!
  sleep 0.2
  kill -TERM $!
  code=0
  wait $! || code=$?
  same 143 "$code"
}

@test "a killed srun leaves no stage" {
  slow_source
  seconds=$((600000 + RANDOM))
  srun "sleep $seconds | ./source | sdivert --copy 'sleep $seconds.5' | sleep $seconds" >out 2>err 3>&- &
  wait_until 20 pgrep -f "^sleep $seconds.5" # of the branch
  stages=$(pgrep -P $!)
  same 4 "$(wc -l <<<"$stages")"
  kill -KILL $!
  wait $! || true
  gone() { for stage in $stages; do ! kill -0 "$stage" 2>/dev/null || return 1; done; }
  wait_until 20 gone
  wait_until 20 none_left "sleep $seconds"
}

@test "restart = on-failure starts again with backoff, until it works" {
  cat >fails <<'END'
#!/bin/sh
echo x >>tries
[ "$(wc -l <tries)" -ge 3 ] || exit 1
END
  chmod +x fails
  printf 'name = mine\nrestart = on-failure\nstage = ./fails\nstage = cat\n' >p.conf
  run timeout 60 srun --metrics-file m.prom p.conf
  same 0 "$status"
  same 3 "$(wc -l <tries)"
  contains "$output" "srun: the pipeline 'mine' failed: stage 1 'fails' exited with 1; starting again in 500ms (restart 1)"
  contains "$output" "starting again in 1s (restart 2)"
  contains "$(cat m.prom)" 'stream_restarts_total 2'
  contains "$(cat m.prom)" 'stream_stage_up{stage="2",program="cat"} 0'
}

# failing_stage NAME TIMES: a program that fails TIMES times, and notes what it was given.
failing_stage() {
  rm -f tries
  cat >"$1" <<END
#!/bin/sh
echo "\${STREAM_CHECKPOINT-none}:\$*" >>tries
[ "\$(wc -l <tries)" -gt $2 ] || exit \${CODE:-1}
END
  chmod +x "$1"
}

@test "with a checkpoint a failed pipeline is started again, at once and then with growing waits" {
  failing_stage works-later 2
  run timeout 60 srun --checkpoint cp './works-later | cat'
  same 0 "$status"
  contains "$output" "srun: the pipeline 'pipeline' failed: stage 1 'works-later' exited with 1; starting again at once (restart 1)"
  contains "$output" "starting again in 500ms (restart 2)"
  same 'cp: cp: cp:' "$(paste -sd ' ' tries)"
}

@test "a checkpoint from the file, its env or our environment; restart = never still counts" {
  failing_stage works-later 1
  printf 'checkpoint = from file # why\nstage = ./works-later\nstage = cat\n' >p.conf
  STREAM_CHECKPOINT=other timeout 60 srun p.conf
  same 'from file: from file:' "$(paste -sd ' ' tries)"
  failing_stage works-later 1
  printf 'env = STREAM_CHECKPOINT=env\nstage = ./works-later\nstage = cat\n' >p.conf
  timeout 60 srun p.conf
  same 'env: env:' "$(paste -sd ' ' tries)"
  failing_stage works-later 1
  STREAM_CHECKPOINT=outer timeout 60 srun './works-later | cat'
  same 'outer: outer:' "$(paste -sd ' ' tries)"
  failing_stage works-later 1
  printf 'restart = never\nstage = ./works-later\n' >p.conf
  run timeout 60 srun --checkpoint cp p.conf
  same 1 "$status"
  run timeout 60 srun --checkpoint '' p.conf
  same 2 "$status"
}

@test "with a checkpoint, too, exit 0, 2 and 3 are final" {
  for code in 0 2 3; do
    rm -f tries
    run timeout 60 srun --checkpoint cp "sh -c 'echo x >>tries; exit $code' | cat"
    same $code "$status"
    same 1 "$(wc -l <tries)"
  done
}

@test "with a checkpoint the stages that are left are killed soon, whatever stage_timeout says" {
  cat >p.conf <<'END'
checkpoint = cp
restart = never
stage_timeout = 10m
stage = sh -c 'trap "" TERM; while :; do sleep 0.05; done'
stage = sh -c 'exit 4'
END
  run timeout 60 srun p.conf
  same 4 "$status"
  [[ $output != *'has not ended'* ]]
}

@test "--fresh and --from-epoch go to the last stage until a start has taken them up" {
  # The second try makes a manifest, as a start does.
  failing_stage ssink-none 3
  # shellcheck disable=SC2016
  printf '%s\n' 'if [ "$(wc -l <tries)" = 2 ]; then' 'mkdir -p cp/manifest' \
    'echo "streamutils checkpoints, version 1" >cp/format' ': >cp/manifest/00000000000000000001' fi >makes
  sed -i '2r makes' ssink-none
  mv ssink-none ssink-file
  run timeout 60 srun --fresh --checkpoint cp 'true | ./ssink-file -d x'
  same 0 "$status"
  same 'cp:-d x --fresh|cp:-d x --fresh|cp:-d x|cp:-d x' "$(paste -sd '|' tries)"
  rm tries
  run timeout 60 srun --from-epoch 12 --checkpoint cp 'true | ./ssink-file'
  contains "$(head -n 1 tries)" '--from-epoch 12'
  run srun --fresh --checkpoint cp 'true | cat'
  same 2 "$status"
  contains "$output" "--fresh: the last stage 'cat' is not one of our sinks"
  run srun --fresh 'true | ./ssink-file'
  same 2 "$status"
  contains "$output" "--fresh: there is no checkpoint"
}

@test "no restart after exit 2 or 3, nor by default" {
  for code in 2 3; do
    printf "restart = on-failure\nstage = sh -c 'echo x >>tries; exit $code'\nstage = cat\n" >p.conf
    run timeout 60 srun p.conf
    same $code "$status"
  done
  printf "stage = sh -c 'echo x >>tries; exit 1'\n" >p.conf
  run timeout 60 srun p.conf
  same 1 "$status"
  same 3 "$(wc -l <tries)"
}

@test "what a stage says of the input that a killed one left it does not decide" {
  run srun "sh -c 'kill -KILL \$\$' | sh -c 'cat; exit 2'"
  same 137 "$status"
  run srun "sh -c 'kill -KILL \$\$' | swatermark --time t | sh -c 'cat >/dev/null; exit 3'"
  same 137 "$status"
}

@test "SIGTERM while it waits to start again ends it" {
  printf "restart = on-failure\nstage = sh -c 'exit 5'\nstage = cat\n" >p.conf
  srun p.conf 2>err 3>&- &
  wait_until 20 has_line 'again in 2s' err
  kill -TERM $!
  code=0
  wait $! || code=$?
  same 5 "$code"
}

@test "--check finds everything that is wrong, and runs nothing" {
  cat >p.conf <<'END'
stage = skafka-cat -b localhost x
stage = sh -c 'touch made; cat'
stage = swatermark --time t
stage = sdivert --exec late='swatermark --time t' --to invalid=made
END
  srun --check p.conf
  [[ ! -e made ]]
  printf 'stage = cat\nstage = swatermark --tim t\nstage = sdivert --exec late="swatermark --tim t"\n' >p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "srun: 'p.conf': line 2: swatermark: unknown option '--tim'"
  contains "$output" "srun: 'p.conf': line 3: sdivert: --exec late: swatermark: unknown option '--tim'"
  printf 'stage = cat\nstage = swindow --tumbling 10s --agg n=count()\n' >p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "line 2, column 45: unquoted '('"
  printf "stage = cat\nstage = swindow --tumbling 10s --agg 'n=count()'\n" >p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "srun: 'p.conf': line 2: swindow needs event times: put swatermark before it"
  printf 'stage = ssink-redis --url unix:///nowhere --publish x\nstage = cat\n' >p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "ssink-redis writes no stream: it must be the last stage"
  printf 'stage = cat\n\nstag = x\n' >p.conf
  run srun --check p.conf
  same 2 "$status"
  contains "$output" "srun: 'p.conf': line 3: unknown key 'stag' (did you mean 'stage'?)"
}

@test "the writer of stdin and the reader of stdout see the ends of the stages" {
  run timeout 60 bash -c "yes | srun 'head -n 1 | sleep 0.5'; echo \"\${PIPESTATUS[0]}\""
  same 141 "$output"
}

@test "-v lists the stages" {
  run srun -v 'true | cat'
  same 0 "$status"
  contains "$output" 'srun: stage 1 (text): true'
}
