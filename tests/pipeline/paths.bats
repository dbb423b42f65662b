# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016
# Whichever way records go through sfilter, swatermark and swindow, the same bytes come out: results, watermarks, and side
# records at their places, though one event in a hundred is hostile. STREAM_PATHS_EVENTS=5000000 makes it a long run, which
# prints what was taken out and why.
load ../helpers/common

events=${STREAM_PATHS_EVENTS:-200000}
stages=(
  "sfilter --require event_type:string --where 'event_type != \"click\"'"
  'swatermark --time event_time --bounded 2s --max-future 1000d'
  "swindow --tumbling 5s --key ad_id --allowed-lateness 1s \
    --agg 'n=count(), v=distinct(event_type), s=sum(number), m=max(number), u=distinct(user_id), t=last(event_time)'"
)

# way NAME: runs all of 'in' so, into NAME and NAME.err.
way() {
  local threads='' format=text
  [[ $1 != *threads* ]] || threads=' --threads 2'
  [[ $1 != binary* ]] || format=binary
  local -x STREAM_FIELDS=
  [[ $1 != *fields* ]] || STREAM_FIELDS=$'ad_id\nevent_time\nevent_type\nnumber\nuser_id' # as srun asks for them
  case $1 in
    fused*) eval "sfuse$threads" '"${stages[0]} | ${stages[1]} | ${stages[2]}" <in 2>$1.err | cat >$1.out' ;;
    *)
      STREAM_FORMAT=$format bash -c "${stages[0]}$threads" <in 2>"$1.err1" |
        STREAM_FORMAT=$format bash -c "${stages[1]}$threads" 2>"$1.err2" |
        STREAM_FORMAT=text bash -c "${stages[2]}$threads" 2>"$1.err3" | cat >"$1.out"
      cat "$1".err? >"$1.err"
      ;;
  esac
  # As the conformance cases do: only the binary encoding carries offsets from stage to stage.
  LC_ALL=C sed -E '1s/"run":"[^"]*"/"run":"*"/
    /^\{"\$stream":"side"/s/("unit":"[^"]*"),"offset":[0-9]+/\1/' "$1.out" >"$1"
  LC_ALL=C sort -o "$1.err" "$1.err"
  rm "$1.out"
}

@test "text, binary, fused and on threads: the same bytes of $events events" {
  hostile_events "$events" 7 >in
  way text
  grep -o '"label":"[^"]*","reason":"[^"]*"' text | sort | uniq -c >reasons
  local name
  for name in binary fused fused-threads text-threads binary-threads binary-fields binary-fields-threads; do
    way "$name"
    cmp text "$name" || fail "$name: $(diff text "$name" | head -n 8 | cut -c 1-400)"
    same "$(<text.err)" "$(<"$name.err")"
    rm "$name"
  done
  local kind
  for kind in not_json not_object bad_utf8 too_deep too_large missing_field bad_time missing_key bad_key key_too_large window_gone max_future; do
    grep -q "\"$kind" reasons || fail "no event is $kind: $(<reasons)"
  done
  (($(grep -c '"firing":"late"' text) > 0 && $(grep -c '"firing":"on-time"' text) >= events / 100)) || fail 'too few results'
  ((events <= 200000)) || { cat reasons && grep -o '"firing":"[^"]*"' text | sort | uniq -c; } >&3
}
