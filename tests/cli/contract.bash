# SPDX-License-Identifier: Apache-2.0
# The table behind contract.bats: what kind each program in build/bin is, and arguments that are enough to start it.
# shellcheck shell=bash

# kind: filter (stdin to stdout, any record), window (stdin to stdout, needs watermarks), sink (stdin, no stdout),
# source (no stdin), tool (neither reads nor writes a stream). A new program needs a line here; the first test says so.
declare -gA KIND=(
  [swatermark]=filter [sfilter]=filter [sdivert]=filter [srun]=filter [sfuse]=filter
  [swindow]=window
  [ssink-redis]=sink [ssink-kafka]=sink [ssink-file]=sink
  [skafka-cat]=source [sreplay]=source
  [sstate]=tool
)

# arguments PROGRAM: puts them into the array ARGS.
arguments() {
  case $1 in
    swatermark) ARGS=(--time t) ;;
    sfilter) ARGS=() ;;
    sdivert) ARGS=(--to late=diverted.ndjson) ;;
    sfuse) ARGS=('sfilter | swatermark --time t') ;;
    srun) ARGS=('sfilter | sfilter') ;;
    swindow) ARGS=(--tumbling 10s --agg 'n=count()') ;;
    ssink-redis) ARGS=(--url "${REDIS_URL:-unix:///nowhere}" --string "contract:{k}") ;;
    ssink-kafka) ARGS=(-b "${BOOTSTRAP:-127.0.0.1:9}" -t "${TOPIC:-none}") ;;
    ssink-file) ARGS=(-d files --path '{k}') ;;
    skafka-cat) ARGS=(-b "${BOOTSTRAP:-127.0.0.1:9}" -o beginning -e "${TOPIC:-none}") ;;
    sreplay) ARGS=("$BATS_FILE_TMPDIR/many.ndjson") ;;
    sstate) ARGS=(ls nowhere) ;;
    *) return 1 ;;
  esac
}

# programs [KIND…]: the names of those in build/bin.
programs() {
  local file name
  for file in "$BUILD"/bin/*; do
    name=${file##*/}
    (($# == 0)) || [[ " $* " == *" ${KIND[$name]:-unknown} "* ]] || continue
    printf '%s\n' "$name"
  done
}

has_program() { [[ -x $BUILD/bin/$1 ]]; }

# for_each 'KINDS' FUNCTION: calls FUNCTION PROGRAM for each program in an empty folder of its own, with ARGS set; goes on
# after a failure, names every program that failed.
for_each() {
  local program status failed='' kinds=$1 check=$2
  # shellcheck disable=SC2086
  for program in $(programs $kinds); do
    arguments "$program" || { failed+=" $program(no arguments in contract.bash)"; continue; }
    mkdir -p "$BATS_TEST_TMPDIR/$program"
    set +e # a subshell in front of '||' would ignore its own 'set -e'
    (
      set -e
      cd "$BATS_TEST_TMPDIR/$program"
      "$check" "$program"
    )
    status=$?
    set -e
    ((status == 0)) || failed+=" $program"
  done
  [[ ! $failed ]] || fail "failed for:$failed"
}

# call WANTED_STATUS COMMAND…: runs with stdin as it is, leaves the files out and err.
call() {
  local wanted=$1 status=0
  shift
  timeout -k 5 60 "$@" >out 2>err || status=$?
  [[ $status == "$wanted" ]] || fail "exit $status instead of $wanted: $*"$'\n'"stderr: $(head -c 2000 err)"
}

# feed PROGRAM FILE: FILE as PROGRAM takes it: a window program needs watermarks.
feed() {
  if [[ ${KIND[$1]} == window ]]; then
    swatermark --time t <"$2" 2>/dev/null | cat # to a pipe, also when our stdout is a file
  else
    cat "$2"
  fi
}

# The programs in an sfuse speak for it.
said() { grep -qF -e "$1" err || { [[ $1 == sfuse:* ]] && grep -qE '^(sfilter|swatermark): ' err; } || fail "nothing about '$1' on stderr: $(head -c 2000 err)"; }
quiet() { [[ ! -s $1 ]] || fail "$1 is not empty: $(head -c 2000 "$1")"; }

# only_data FILE: every line is a JSON object.
only_data() { jq -e -n 'all(inputs; type == "object")' <"$1" >/dev/null || fail "not only data: $(head -c 2000 "$1")"; }

# The records that one good program should get through whatever came before them. Names say what is hostile.
make_hostile() {
  local dir=$1 good='{"t":1700000000,"k":"good"}' open deep
  mkdir -p "$dir"
  open='{"t":1700000000,"k":"x"}'
  deep=$(printf '%*s' 10000 '')
  printf '%s' "$good" >"$dir/no-final-newline"
  printf '%s\r\n\r\n%s\r\n' "$open" "$good" >"$dir/crlf"
  printf '\n\n%s\n\n' "$good" >"$dir/blank-lines"
  printf '{"t":1700000000,"k":"\0"}\n\0\n%s\n' "$good" >"$dir/nul"
  printf '{"t":1700000000,"k":"\xff\xfe"}\n\xc0\xaf\n%s\n' "$good" >"$dir/bad-utf8"
  {
    printf '{"t":1700000000,"k":"'
    head -c 10485760 /dev/zero | tr '\0' a
    printf '"}\n%s\n' "$good"
  } >"$dir/10-mib-line"
  { head -c 10485760 /dev/zero | tr '\0' a; } >"$dir/10-mib-line-alone"
  printf '{"t":1700000000,"k":%s1%s}\n%s\n' "${deep// /[}" "${deep// /]}" "$good" >"$dir/depth-10000"
  printf '{"t":1700000000,"k":%s\n%s\n' "${deep// /[}" "$good" >"$dir/depth-10000-open"
  printf '{"t":1700000000,"k":"x","t":"no time","k":1}\n%s\n' "$good" >"$dir/duplicate-keys"
  printf '{"t":1e400,"k":1e400}\n{"t":1700000000,"k":-1e400}\n%s\n' "$good" >"$dir/1e400"
  printf '{"t":123456789012345678901234567890,"k":1}\n{"t":1700000000,"k":-123456789012345678901234567890}\n%s\n' "$good" \
    >"$dir/30-digits"
  printf '%s\n{"$stream":"end","fire":true}\n{"$stream":"open","version":1}\n%s\n' "$good" "$good" >"$dir/control-lookalike"
  printf 'null\n[]\n"text"\n1\ntrue\n{}\n{\n}\n,\n%s\n' "$good" >"$dir/not-objects"
  : >"$dir/empty"
}
