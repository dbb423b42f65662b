# SPDX-License-Identifier: Apache-2.0
# For bats files: load ../helpers/common
#
#   setup_file() { start_redis; use_kafka; }
#   teardown_file() { stop_redis; }
#   @test "…" { topic=$(unique_topic 3); … }
#
# Each test runs in its own empty folder; a file with a setup() of its own calls work_in_tmp there.
# Exported: ROOT (the checkout), BUILD (build tree, $STREAM_BUILD overrides build/), and PATH with our programs first.
# shellcheck shell=bash
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${STREAM_BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
PATH=$BUILD/bin:$BUILD/tests:$PATH
export ROOT BUILD PATH

work_in_tmp() { cd "$BATS_TEST_TMPDIR" || return; }
setup() { work_in_tmp; }

# start_redis [--durable] [OPTION VALUE]…: a server of this file's own on a unix socket. Sets REDIS_URL and REDIS_SOCKET.
start_redis() {
  local line
  export STREAM_REDIS_DIR=$BATS_FILE_TMPDIR/redis
  line=$("$ROOT/scripts/redis" start "$@" 3>&-) || return
  export REDIS_URL=${line#url=}
  export REDIS_SOCKET=${REDIS_URL#unix://}
}

# kill -9; a connection that is refused, until restart_redis.
kill_redis() { "$ROOT/scripts/redis" kill 3>&-; }
restart_redis() { "$ROOT/scripts/redis" restart 3>&- >/dev/null; }
stop_redis() { "$ROOT/scripts/redis" stop 3>&-; }
redis() { redis-cli -s "$REDIS_SOCKET" "$@"; }

# use_kafka: the broker that all files share, started by whoever comes first and stopped by scripts/test. Sets BOOTSTRAP.
# Never kill this one.
use_kafka() {
  local line
  unset STREAM_KAFKA_DIR
  line=$("$ROOT/scripts/kafka" start 3>&-) || return
  export BOOTSTRAP=${line#bootstrap=}
}

# own_kafka [KEY=VALUE…]: a broker of this file's own, to be killed and restarted. Sets BOOTSTRAP. End it with
# stop_own_kafka in teardown_file.
own_kafka() {
  local line
  export STREAM_KAFKA_DIR=$BATS_FILE_TMPDIR/kafka
  line=$("$ROOT/scripts/kafka" start "$@" 3>&-) || return
  export BOOTSTRAP=${line#bootstrap=}
}

own_kafka_only() { [[ ${STREAM_KAFKA_DIR:-} == "$BATS_FILE_TMPDIR"/* ]] || fail "$1 is for a broker from own_kafka"; }

kill_kafka() {
  own_kafka_only kill_kafka || return
  "$ROOT/scripts/kafka" kill 3>&-
}

restart_kafka() {
  own_kafka_only restart_kafka || return
  "$ROOT/scripts/kafka" restart 3>&- >/dev/null
}

stop_own_kafka() {
  own_kafka_only stop_own_kafka || return
  "$ROOT/scripts/kafka" stop 3>&-
}

# unique_topic [PARTITIONS [KEY=VALUE…]]: prints a topic name no one else has; creates it when PARTITIONS is given.
unique_topic() {
  local name=t-${BATS_TEST_NUMBER:-0}-$$-$SRANDOM
  (($# == 0)) || "$ROOT/scripts/kafka" topic "$name" "$@" 3>&- || return
  printf '%s\n' "$name"
}

# produce FROM TO: into $topic, a record a second of event time for each number, of three users.
produce() {
  seq "$1" "$2" | awk '{printf "{\"t\":%d,\"user\":\"u%d\",\"v\":%d}\n", 1700000000 + $1, $1 % 3, $1}' |
    kafka_admin produce "$topic" 0
}

# wait_until SECONDS COMMAND…: runs COMMAND until it succeeds; when it never does, fails with what it last said.
wait_until() {
  local limit=$1 end said
  end=$((SECONDS + limit + 1))
  shift
  until said=$("$@" 2>&1); do
    if ((SECONDS >= end)); then
      printf 'not within %s s: %s\n%s\n' "$limit" "$*" "$said" >&2
      return 1
    fi
    sleep 0.05
  done
}

# fail MESSAGE…: ends the test. same WANTED GOT and contains TEXT PART show what differs.
fail() {
  printf '%s\n' "$*" >&2
  return 1
}

same() {
  [[ $1 == "$2" ]] || {
    diff --label wanted --label got -u <(printf '%s\n' "$1") <(printf '%s\n' "$2") >&2
    return 1
  }
}

contains() { [[ $1 == *"$2"* ]] || fail "no '$2' in: $1"; }
