# SPDX-License-Identifier: Apache-2.0
# What sfilter refuses to take out of a stream.
load ../helpers/common

setup() { work_in_tmp; }

@test "the field around a nested event time stays, and the message says why" {
  echo '{"t":{"x":1700000000},"k":1}' | swatermark --time t.x | cat >in
  run sfilter --drop t <in
  same 2 "$status"
  contains "$output" "'t' must stay as it is: it holds the event time ('t.x')"
  run sfilter --drop k <in
  same 0 "$status"
}
