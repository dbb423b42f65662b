// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/operator.hpp"

namespace streamutils {

namespace {

struct Dispatcher {
  Operator& op;
  Output& out;
  Status operator()(const Open& item) {
    Open copy = item;
    return op.on_open(copy, out);
  }
  Status operator()(const SideRecord& item) { return op.on_side(item, out); }
  Status operator()(const Watermark& item) { return op.on_watermark(item, out); }
  Status operator()(const CaughtUp& item) { return op.on_caught_up(item, out); }
  Status operator()(const Idle& item) { return op.on_idle(item, out); }
  Status operator()(const Assign& item) { return op.on_assign(item, out); }
  Status operator()(const Revoke& item) { return op.on_revoke(item, out); }
  Status operator()(const Barrier& item) { return op.on_barrier(item, out); }
  Status operator()(const Ack& item) { return op.on_ack(item, out); }
  Status operator()(const End& item) { return op.on_end(item, out); }
};

}  // namespace

Status dispatch(Operator& op, const Control& item, Output& out) { return std::visit(Dispatcher{op, out}, item); }

}  // namespace streamutils
