// SPDX-License-Identifier: Apache-2.0
// min(f), max(f): numbers by exact value, strings by the bytes of their UTF-8; every number comes before every string
// (ordered_value.hpp).
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/ordered_value.hpp"

namespace streamutils::window {

namespace {

/// The extreme value so far: 16 bytes.
template <bool kMax>
class ExtremeState {
 public:
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return OrderedValue::check(value); }

  void add(const JsonValue& value, EventTime, expr::Scratch& scratch) {
    OrderedKey key;
    OrderedKey::read(value, scratch, key);
    offer(key);
  }
  void merge(const ExtremeState& other) {
    if (!other.value_.empty()) offer(other.value_);
  }
  void append(std::string& out) const { value_.append(out); }
  [[nodiscard]] size_t extra_bytes() const { return value_.extra_bytes(); }
  void save(StateWriter& out) const { value_.save(out); }
  bool load(StateReader& in) { return value_.load(in); }

 private:
  template <class Offered>
  void offer(const Offered& value) {
    if (value_.empty()) return value_.assign(value);
    const int order = value_.compare(value);
    if (kMax ? order > 0 : order < 0) value_.assign(value);
  }

  OrderedValue value_;
};

template <bool kMax>
Result<Aggregate> make(std::string_view kind, const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  using State = ExtremeState<kMax>;
  return make_aggregate<State>(kind, [](std::string& out, const State& state) { state.append(out); });
}

}  // namespace

Result<Aggregate> make_min(const expr::AggregateItem& call) { return make<false>("min", call); }
Result<Aggregate> make_max(const expr::AggregateItem& call) { return make<true>("max", call); }

}  // namespace streamutils::window
