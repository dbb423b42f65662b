#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The comparison runs, compares, and refuses results that are not equal; without peers, on little data.
load ../helpers/common

@test "compare lists its workloads and contestants" {
  run "$ROOT/bench/compare" --list
  [[ $status == 0 ]]
  [[ $output == *W2*W10*duckdb*flink* ]]
}

@test "compare runs our programs on little data and finds their results equal to the model's" {
  run "$ROOT/bench/compare" --events 20000 --runs 1 --only ours,limit W1 W2 W4 W8
  [[ $status == 0 ]] || fail "$output"
  [[ $output != *"gives other results"* ]]
  [[ $output == *"W2   fused, 1 thread: faster than the plain simdjson loop"* ]] || fail "$output"
  equal=$(grep -c 'results equal' <<<"$output")
  ((equal >= 15)) || fail "only $equal results were compared: $output"
}

@test "compare ends when a contestant gives other results" {
  local build=$BATS_TEST_TMPDIR/build program
  mkdir -p "$build/bin"
  ln -s "$BUILD/bench" "$BUILD/tests" "$build/"
  for program in "$BUILD"/bin/*; do
    ln -s "$program" "$build/bin/"
  done
  rm "$build/bin/sfilter"
  printf '#!/bin/sh\n"%s" "$@" | tail -n +2\n' "$BUILD/bin/sfilter" >"$build/bin/sfilter"
  chmod +x "$build/bin/sfilter"
  # What it makes and keeps goes to a folder of its own.
  rm "$build/bench"
  mkdir "$build/bench"
  ln -s "$BUILD"/bench/{ysb,timed,limit} "$build/bench/"
  STREAM_BUILD=$build run "$ROOT/bench/compare" --events 2000 --runs 1 --only ours W1
  [[ $status == 2 ]] || fail "$output"
  [[ $output == *"sfilter, text gives other results"* ]] || fail "$output"
}

@test "compare names what is wrong with its arguments" {
  run "$ROOT/bench/compare" W99
  [[ $status == 2 && $output == *"unknown workload 'W99'"* ]]
  run "$ROOT/bench/compare" --only nobody
  [[ $status == 2 && $output == *"unknown 'nobody'"* ]]
  run "$ROOT/bench/compare" --runs 0
  [[ $status == 2 && $output == *"--runs"* ]]
}

@test "the plain loops count what is there" {
  "$BUILD/bench/ysb" 3000 >"$BATS_TEST_TMPDIR/events"
  views=$(grep -c '"event_type":"view"' "$BATS_TEST_TMPDIR/events")
  run "$BUILD/bench/limit" simdjson "$BATS_TEST_TMPDIR/events"
  [[ $status == 0 && $output == *'"records":3000,"views":'"$views"',"ads":'*'"bad":0'* ]] || fail "$output"
  run "$BUILD/bench/limit" read "$BATS_TEST_TMPDIR/events"
  [[ $status == 0 && $output == *'"bytes":762000,'* ]] || fail "$output"
  run "$BUILD/bench/limit" pipe 762001
  [[ $status == 0 && $output == *'"bytes":762001,'* ]] || fail "$output"
}
