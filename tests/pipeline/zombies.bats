# SPDX-License-Identifier: Apache-2.0
# Two starts of one pipeline at a time, which a lost lock makes possible: the older one is refused wherever it writes.
# shellcheck disable=SC2154,SC2030,SC2031 # start sets arrays by name; each test is a subshell of its own
load ../helpers/common

setup_file() {
  own_kafka
  start_redis --durable
}
teardown_file() {
  stop_redis
  stop_own_kafka
}

setup() {
  work_in_tmp
  export STREAM_CHECKPOINT=$PWD/checkpoint
  redis FLUSHALL >/dev/null
  started=()
  topic=$(unique_topic 3)
  kafka_admin create "$topic-main" 2
  kafka_admin create "$topic-side" 2
}

teardown() {
  local pid
  for pid in "${started[@]}"; do
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}

# feed FIRST LAST: records at 2000 a second in the background, every tenth without a time.
feed() {
  seq "$1" "$2" | awk '{printf $1 % 10 ? "k%d\t{\"n\":%d,\"t\":%d}\n" : "k%d\t{\"n\":%d}\n", $1 % 97, $1, 1700000000 + $1}
    $1 % 100 == 0 {fflush(); system("sleep 0.05")}' | kafka_admin produce "$topic" -1 --key 2>>producer.err 3>&- &
  started+=("$!")
}

# sink KIND PART: its command.
sink() {
  case $1 in
    redis) echo "ssink-redis --url $REDIS_URL --stream $2" ;;
    kafka) echo "ssink-kafka -b $BOOTSTRAP -t $topic-$2" ;;
    file) echo "ssink-file -d $PWD/$2" ;;
  esac
}

# stages MAIN SIDE: sets the array.
stages() {
  stages=("skafka-cat -b $BOOTSTRAP -o beginning --checkpoint-interval 100ms $topic" "swatermark --time t"
    "sdivert --exec 'invalid=$(sink "$2" side)'" "$(sink "$1" main)")
}

# start NAME: the four stages, each a process of ours: pids in the array NAME, what they say in NAME.err.
start() {
  local -n pids=$1
  local i
  pids=()
  for i in 1 2 3; do mkfifo "$1.$i"; done
  for i in 3 2 1 0; do
    if ((i == 3)); then
      eval "exec ${stages[i]}" <"$1.3" 2>"$1.$i.err" 3>&- &
    elif ((i == 0)); then
      eval "exec ${stages[i]}" >"$1.1" 2>"$1.$i.err" 3>&- &
    else
      eval "exec ${stages[i]}" <"$1.$i" >"$1.$((i + 1))" 2>"$1.$i.err" 3>&- &
    fi
    pids=("$!" "${pids[@]}")
  done
  started+=("${pids[@]}")
}

branch_of() { pgrep -P "${1}"; }
newest() { find "$STREAM_CHECKPOINT/manifest" -type f 2>/dev/null | sort | tail -n 1; }
# How many records the newest manifest covers.
covered() {
  local manifest
  manifest=$(newest)
  [[ $manifest ]] || manifest=/dev/null
  jq -s 'map(select(."$stream" == "barrier").positions[]) | add // 0' "$manifest" 2>/dev/null || echo 0
}
covers() { (($(covered) >= $1)); }
gone() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  [[ ${stat##*) } == [ZX]* ]]
}

# ended CODE PID
ended() {
  local code=0
  wait_until 60 gone "$2" || return
  wait "$2" || code=$?
  same "$1" "$code" || {
    head ./*.err >&2
    return 1
  }
}

# stuck MEMBER: an epoch is decided whose spool MEMBER still has to write, and nothing moves any more.
stuck() {
  local before
  before=$(newest)
  jq -se --arg member "$1" '(map(select(."$stream" == "barrier").epoch)[0] | tostring) as $epoch
    | any(.[]; ."$stream" == "ack" and .stage == $member
        and any(.objects[]; .name | test("^spool/[^/]*/" + $epoch + "/")))' "$before" >/dev/null || return
  sleep 0.7
  [[ $(newest) == "$before" ]]
}

# hold KIND, release KIND: the sink's store takes nothing, and takes it again.
hold() {
  case $1 in
    redis) kill_redis ;;
    kafka) kill_kafka ;;
    file) : >hold ;;
  esac
}
release() {
  case $1 in
    redis) restart_redis ;;
    kafka) restart_kafka ;;
    file) rm hold ;;
  esac
}

# numbers KIND PART: n of every record in a sink.
numbers() {
  case $1 in
    redis) redis --raw XRANGE "$2" - + | awk -v field="$([[ $2 == main ]] && echo n || echo record)" 'last == field {print} {last = $0}' ;;
    kafka) timeout 60 kcat -C -b "$BOOTSTRAP" -t "$topic-$2" -e -q -o beginning -X isolation.level=read_committed ;;
    file) cat "$2"/part-* ;;
  esac | if [[ $1$2 == redismain ]]; then cat; else grep -o '"n":[0-9]*' | cut -d : -f 2; fi | sort -n
}

# all_there MAIN SIDE LAST: each record once, in its sink.
all_there() {
  same "$(seq 1 "$3" | grep -v '0$')" "$(numbers "$1" main)"
  same "$(seq 10 10 "$3")" "$(numbers "$2" side)"
}

# zombie MAIN SIDE WHERE: a start is stopped when its WHERE (main or side) sink has an epoch to write that is decided. Its
# twin takes over. Then that sink goes on: it is refused by its own store.
zombie() {
  local kind=$1 member=ssink-$1 pid before
  if [[ $3 == side ]]; then
    kind=$2 member=sdivert.invalid.ssink-$2
  fi
  stages "$1" "$2"
  feed 1 8000
  LD_PRELOAD=$BUILD/tests/hold_writes.so HOLD_WRITES=$PWD/hold start first
  wait_until 60 covers 200
  hold "$kind"
  wait_until 30 stuck "$member"
  local side
  side=$(branch_of "${first[2]}")
  started+=("$side")
  kill -STOP "${first[@]}" "$side"
  [[ $kind == file ]] || release "$kind"
  rm "$STREAM_CHECKPOINT/lock"

  before=$(covered)
  start twin
  feed 8001 10000
  wait_until 60 covers $((before + 500))
  [[ $kind != file ]] || release "$kind"

  pid=${first[3]}
  [[ $3 == main ]] || pid=$side
  kill -CONT "$pid"
  wait_until 60 gone "$pid"
  if [[ $3 == main ]]; then
    ended 2 "$pid"
    said=$(<first.3.err)
  else
    said=$(<first.2.err)
  fi
  contains "$said" 'a later start of this pipeline (generation'
  contains "$said" 'has taken over from this one (generation 1)'
  [[ $said != *"$STREAM_CHECKPOINT"* ]] || fail "its own store did not refuse it, the checkpoint did: $said"
  if [[ $3 == side ]]; then
    kill -CONT "${first[2]}"
    ended 2 "${first[2]}"
  fi
  kill -CONT "${first[@]}" "$side" 2>/dev/null || true
  for pid in "${first[@]}" "$side"; do wait_until 60 gone "$pid"; done

  wait_until 60 covers 10000
  kill -TERM "${twin[0]}"
  for pid in "${twin[@]}"; do ended 0 "$pid"; done
  all_there "$1" "$2" 10000
}

@test "Redis refuses an older start that was stopped before it wrote a decided epoch" { zombie redis file main; }
@test "Kafka refuses an older start that was stopped before it wrote a decided epoch" { zombie kafka redis main; }
@test "a directory refuses an older start that was stopped before it wrote a decided epoch" { zombie file kafka main; }
@test "Redis refuses it as the sink of a branch" { zombie file redis side; }
@test "Kafka refuses it as the sink of a branch" { zombie redis kafka side; }
@test "a directory refuses it as the sink of a branch" { zombie kafka file side; }

@test "an older start that wakes up between two epochs is refused at the manifest" {
  stages redis file
  feed 1 6000
  start first
  wait_until 60 covers 200
  side=$(branch_of "${first[2]}")
  kill -STOP "${first[@]}" "$side"
  started+=("$side")
  rm "$STREAM_CHECKPOINT/lock"
  start twin
  wait_until 60 covers $(($(covered) + 500))
  kill -CONT "${first[3]}" # alone: whoever sees it first ends, and the others with it
  ended 2 "${first[3]}"
  kill -CONT "${first[@]}" "$side"
  contains "$(<first.3.err)" "$STREAM_CHECKPOINT: a later start of this pipeline"
  contains "$(<first.3.err)" 'has taken over from this one (generation 1)'
  for pid in "${first[@]}" "$side"; do wait_until 60 gone "$pid"; done
  wait_until 60 covers 6000
  kill -TERM "${twin[0]}"
  for pid in "${twin[@]}"; do ended 0 "$pid"; done
  all_there redis file 6000
}

# under_srun NAME: starts the stages under srun; its pid in $srun.
under_srun() {
  printf 'stage = %s\n' "${stages[@]}" >p.conf
  srun -v p.conf 2>"$1.err" 3>&- &
  srun=$!
  started+=("$srun")
}

# below PID: all processes below it.
below() {
  local pid
  for pid in $(pgrep -P "$1"); do
    echo "$pid"
    below "$pid"
  done
}

@test "under srun: the older start ends with 2 and is not started again" {
  stages kafka redis
  feed 1 6000
  under_srun first
  first=$srun
  wait_until 60 covers 200
  mapfile -t pids < <(below "$first")
  same 5 "${#pids[@]}"
  kill -STOP "$first" "${pids[@]}"
  started+=("${pids[@]}")
  rm "$STREAM_CHECKPOINT/lock"
  under_srun twin
  wait_until 60 covers $(($(covered) + 500))
  kill -CONT "$first" "${pids[@]}"
  ended 2 "$first"
  contains "$(<first.err)" 'has taken over'
  [[ $(<first.err) != *'starting again'* ]] || fail 'it was started again'
  for pid in "${pids[@]}"; do wait_until 60 gone "$pid"; done
  wait_until 60 covers 6000
  kill -TERM "$srun"
  ended 0 "$srun"
  [[ $(<twin.err) != *'starting again'* ]] || fail 'the twin was disturbed'
  all_there kafka redis 6000
}

@test "a plain second start ends with 2 and names the first, which goes on" {
  stages file redis
  feed 1 3000
  start first
  wait_until 60 covers 200
  start second
  ended 2 "${second[3]}"
  contains "$(<second.3.err)" "is in use by another start of the pipeline (pid ${first[3]} on $(</proc/sys/kernel/hostname))"
  for pid in "${second[@]}"; do wait_until 60 gone "$pid"; done
  wait_until 60 covers 3000
  kill -TERM "${first[0]}"
  for pid in "${first[@]}"; do ended 0 "$pid"; done
  all_there file redis 3000
}

@test "a killed srun leaves no stage behind, and the next start is not kept out" {
  stages redis kafka
  feed 1 5000
  for round in 1 2 3; do
    had=$(covered)
    under_srun "run$round"
    wait_until 60 covers $((had + 500))
    mapfile -t pids < <(below "$srun")
    same 5 "${#pids[@]}"
    kill -9 "$srun"
    wait "$srun" || true
    for pid in "${pids[@]}"; do wait_until 30 gone "$pid"; done
  done
  under_srun last
  wait_until 60 covers 5000
  kill -TERM "$srun"
  ended 0 "$srun"
  [[ $(<last.err) != *'in use'* ]] || fail 'it was kept out'
  all_there redis kafka 5000
}
