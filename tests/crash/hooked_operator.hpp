// SPDX-License-Identifier: Apache-2.0
// An operator that names the points of its barriers and ends, of its own acks, and of the epochs that a source cuts.
#pragma once
#include <functional>
#include <string>

#include "lib/stream/operator.hpp"

namespace streamutils::crash {

class HookedOperator final : public Operator {
 public:
  using Hook = std::function<Status(const std::string& point)>;
  /// `cuts`: barriers begin here, and none come in.
  HookedOperator(Operator& op, std::string name, bool cuts, Hook hook)
      : op_(op), name_(std::move(name)), cuts_(cuts), hook_(std::move(hook)) {}

  Status on_open(Open& open, Output& out) override { return op_.on_open(open, Exit(*this, out).me()); }
  Status on_records(const Batch& b, Output& out) override { return op_.on_records(b, Exit(*this, out).me()); }
  Status on_side(const SideRecord& item, Output& out) override { return op_.on_side(item, Exit(*this, out).me()); }
  Status on_watermark(const Watermark& item, Output& out) override {
    return op_.on_watermark(item, Exit(*this, out).me());
  }
  Status on_caught_up(const CaughtUp& item, Output& out) override {
    return op_.on_caught_up(item, Exit(*this, out).me());
  }
  Status on_idle(const Idle& item, Output& out) override { return op_.on_idle(item, Exit(*this, out).me()); }
  Status on_assign(const Assign& item, Output& out) override { return op_.on_assign(item, Exit(*this, out).me()); }
  Status on_revoke(const Revoke& item, Output& out) override { return op_.on_revoke(item, Exit(*this, out).me()); }
  Status on_barrier(const Barrier& item, Output& out) override {
    return around("barrier", [&] { return op_.on_barrier(item, Exit(*this, out).me()); });
  }
  Status on_ack(const Ack& item, Output& out) override { return op_.on_ack(item, Exit(*this, out).me()); }
  Status on_end(const End& item, Output& out) override {
    return around("end", [&] { return op_.on_end(item, Exit(*this, out).me()); });
  }
  Status on_quiet(Output& out) override { return op_.on_quiet(Exit(*this, out).me()); }
  [[nodiscard]] std::optional<MonoTime> deadline() const override { return op_.deadline(); }
  Status on_deadline(Output& out) override { return op_.on_deadline(Exit(*this, out).me()); }
  [[nodiscard]] bool stateful() const override { return op_.stateful(); }
  Status snapshot(StateWriter& out) const override { return op_.snapshot(out); }
  Status restore(StateReader& in) override { return op_.restore(in); }

 private:
  class Exit final : public Output {
   public:
    Exit(HookedOperator& op, Output& next) : op_(op), next_(next) {}
    Output& me() { return *this; }
    Status records(const Batch& batch) override { return next_.records(batch); }
    Status control(const Control& item) override {
      const auto* ack = std::get_if<Ack>(&item);
      const bool own = ack ? ack->stage == op_.name_ : op_.cuts_ && std::holds_alternative<Barrier>(item);
      if (!own) return next_.control(item);
      return op_.around(ack ? "ack" : "barrier", [&] { return next_.control(item); });
    }
    Status flush() override { return next_.flush(); }

   private:
    HookedOperator& op_;
    Output& next_;
  };

  template <class Call>
  Status around(const char* what, const Call& call) {
    const std::string point = std::string(what) + ' ' + name_;
    STREAM_TRY(hook_(point + " before"));
    STREAM_TRY(call());
    return hook_(point + " after");
  }

  Operator& op_;
  const std::string name_;
  const bool cuts_;
  Hook hook_;
};

}  // namespace streamutils::crash
