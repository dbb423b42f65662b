# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts/kafka after server.bash: the broker's jars and what saves time at its start, cached beside them, and
# how one broker is launched.
#
#   CACHE/CHECKSUM/lib          the jars, fetched once by mvn
#   CACHE/CHECKSUM/formatted    a formatted log folder, to be copied (formatting costs 2 s)
#   CACHE/CHECKSUM/broker.jsa   an archive of the classes the broker loads (saves 1.5 s of each start)
#
# CHECKSUM is that of kafka.pom.xml, so that another version gets another folder. Each part is made under a temporary
# name and renamed, under a lock: whoever finds it, finds it whole.
# shellcheck shell=bash
pom=$ROOT/scripts/lib/kafka.pom.xml
cache=${STREAM_KAFKA_JARS:-$ROOT/build/kafka-jars}
[[ $cache == /* ]] || cache=$PWD/$cache
cache=$cache/$(sha256sum "$pom" | cut -c 1-12)
jars=$cache/lib
template=$cache/formatted
archive=$cache/broker.jsa

# free_port [OTHER]: a port nobody uses now, not OTHER; below the range that outgoing connections are given, so that it
# is still free when a killed broker wants it back.
free_port() {
  local port hex
  while :; do
    port=$((20000 + SRANDOM % 12000))
    printf -v hex ':%04X ' "$port"
    if [[ $port != "${1:-}" ]] && ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q "$hex"; then
      echo "$port"
      return
    fi
  done
}

# broker_properties FOLDER PORT CONTROLLER_PORT [KEY=VALUE…]
broker_properties() {
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$2
controller.listener.names=CONTROLLER
log.dirs=$1/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.min.isr=1
min.insync.replicas=1
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# After a kill -9 the broker waits until its old registration has expired.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Records carry event times of any year: none may be refused, or deleted for its age.
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
# Tests of compacted topics do not wait for it.
log.initial.task.delay.ms=1000
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=16777216
END
  (($# < 4)) || printf '%s\n' "${@:4}"
}

# is_ready FOLDER: whether the broker that was launched there has said so.
is_ready() { grep -qs 'Kafka Server started' "$1/log"; }

# launch_broker FOLDER [JVM_OPTION…]: starts the broker of FOLDER/server.properties; true when it is ready, false when it
# is not to be had, with the reason in FOLDER/log.
launch_broker() {
  local folder=$1 deadline=$((SECONDS + 91)) speed=(-Xms256m -Xmx256m -XX:TieredStopAtLevel=1)
  shift
  if [[ ${STREAM_KAFKA_HEAP:-} ]]; then
    [[ $STREAM_KAFKA_HEAP =~ ^[0-9]+[kmgKMG]?$ ]] || usage_error "STREAM_KAFKA_HEAP='$STREAM_KAFKA_HEAP' is no size like 512m"
    speed=("-Xms$STREAM_KAFKA_HEAP" "-Xmx$STREAM_KAFKA_HEAP")
  fi
  need java setsid
  [[ ! -f $folder/log ]] || mv "$folder/log" "$folder/log.before"
  : >"$folder/log"
  if (($# == 0)) && [[ -f $archive ]]; then
    set -- "-XX:SharedArchiveFile=$archive"
  fi
  spawn "$folder/pid" "$folder/log" java "${speed[@]}" -XX:+UseSerialGC "$@" \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server=info \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -cp "$jars/*" kafka.Kafka "$folder/server.properties"
  until is_ready "$folder"; do
    if ! running_pid "$folder/pid" >/dev/null || ((SECONDS >= deadline)); then
      end_process "$folder/pid" KILL 5
      return 1
    fi
    sleep 0.05
  done
}

fetch_jars() {
  local temp=$cache/lib.$$
  need mvn java
  say "fetching the Kafka broker's jars, 45 MB, once; into '$jars'"
  rm -rf "$cache"/lib.*
  mvn -B -Dstyle.color=never -f "$pom" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$temp" </dev/null |
    awk '/Downloaded from/ && ++n % 50 == 0 { print "kafka: " n " files downloaded" } /ERROR|WARN/ { print } { fflush() }' >&2 ||
    die "mvn could not fetch the broker's jars: its reason is above"
  mv "$temp" "$jars"
  say "$(find "$jars" -name '*.jar' | wc -l) jars fetched"
}

format_template() {
  local temp=$cache/formatted.$$
  rm -rf "$cache"/formatted.* "$temp"
  mkdir "$temp"
  broker_properties "$temp" 1 2 >"$temp/server.properties"
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$jars/*" \
    kafka.tools.StorageTool format -t c3RyZWFtdXRpbHNrYWZrYQ -c "$temp/server.properties" >"$temp/log" 2>&1 </dev/null || {
    cat "$temp/log" >&2
    die "cannot format a log folder for the broker: its reason is above"
  }
  mv "$temp/data" "$template"
  rm -rf "$temp"
}

# One run of the broker that only writes down which classes it loads. The broker does without, only slower.
archive_classes() {
  local folder=$cache/train.$$ port
  rm -rf "$cache"/train.* "$cache"/broker.jsa.*
  mkdir "$folder"
  cp -r "$template" "$folder/data"
  port=$(free_port)
  broker_properties "$folder" "$port" "$(free_port "$port")" >"$folder/server.properties"
  if launch_broker "$folder" "-XX:ArchiveClassesAtExit=$archive.$$"; then
    end_process "$folder/pid" TERM 60
  fi
  if [[ -s $archive.$$ ]]; then
    mv "$archive.$$" "$archive"
  else
    say "no class archive could be made; the broker starts slower without"
    : >"$archive.none"
  fi
  rm -rf "$folder"
}

prepare_kafka() {
  [[ ! -d $jars || ! -d $template || (! -f $archive && ! -f $archive.none) ]] || return 0
  mkdir -p "$cache"
  (
    exec 8>"$cache/lock"
    flock 8
    [[ -d $jars ]] || fetch_jars
    [[ -d $template ]] || format_template
    [[ -f $archive || -f $archive.none ]] || archive_classes
  )
}
