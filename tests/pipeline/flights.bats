# SPDX-License-Identifier: Apache-2.0
# A year of real flights through real Kafka and real Redis: every window equals a slow independent computation, in text and
# in binary, and every late flight is in the dead-letter topic.
load ../helpers/common

# Event time is the scheduled departure, and flights arrive in the order in which they landed: hours late.
BOUNDED=3h BOUNDED_S=10800
LATENESS=1h LATENESS_S=3600

setup_file() {
  use_kafka
  start_redis
  "$ROOT/scripts/flights" "$BUILD/data"
  TOPIC=$(unique_topic 3)
  export TOPIC
  ssink-kafka -b "$BOOTSTRAP" -t "$TOPIC" --key origin -z lz4 <"$BUILD/data/flights.ndjson"
}
teardown_file() { stop_redis; }

# counter FILE NAME: the value of a counter in a metrics file.
counter() { awk -v name="$2" '$1 == name { printf "%d", $2; found = 1 } END { exit !found }' "$1"; }

# pipeline_file LATE_TOPIC PREFIX BINARY: the job, as srun reads it.
pipeline_file() {
  cat <<END
name = flights
binary = $3
stage = skafka-cat -b $BOOTSTRAP -e --metrics-file $PWD/read $TOPIC
stage = swatermark --time event_time --bounded $BOUNDED
stage = swindow --scope unit --sliding 3h --every 1h --key origin --allowed-lateness $LATENESS --metrics-file $PWD/window \\
  --agg 'n=count(), delay=avg(dep_delay), p90=p90(dep_delay), destinations=distinct(dest)'
stage = sdivert --exec late='ssink-kafka -b $BOOTSTRAP -t $1'
stage = ssink-redis --url $REDIS_URL --hash '$2{origin}:{window_start}'
END
}

# compare LATE_TOPIC PREFIX: the model's verdict on what the pipeline left behind.
compare() {
  local read late
  read=$(counter read stream_records_out_total)
  late=$(counter window stream_late_records_total)
  python3 "$ROOT/tests/pipeline/flights_model.py" "$BOOTSTRAP" "$TOPIC" "$1" "$REDIS_SOCKET" "$2" \
    "$BOUNDED_S" "$LATENESS_S" "$read" "$((read - late))" "$late" >report || {
    cat report
    return 1
  }
  sed 's/^/# /' report >&3
}

@test "flights through Kafka, windows, corrections and Redis equal the model: text, in a shell" {
  late=$(unique_topic 1)
  bash -o pipefail -c "$(pipeline_file "$late" text: false | sed -n '/\\$/N; s/\\\n *//; s/^stage = //p' | paste -sd '|')"
  compare "$late" text:
}

@test "the same under srun, binary between the programs" {
  late=$(unique_topic 1)
  pipeline_file "$late" binary: true >flights.conf
  timeout 120 srun flights.conf
  compare "$late" binary:
  grep -q '([1-9][0-9]* with offset)' report
}
