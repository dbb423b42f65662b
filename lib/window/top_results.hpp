// SPDX-License-Identifier: Apache-2.0
// --top: of the results of one window, those with the largest values of one aggregate.
//
// Thread rule: one thread. Complexity: what is held is N results at most; a result costs a comparison, and the
// logarithm of N when it is among the best so far.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/decimal.hpp"
#include "lib/json/value.hpp"

namespace streamutils::window {

class TopResults {
 public:
  /// `most`: how many to keep. REQUIRES: at least 1.
  explicit TopResults(int64_t most) : most_(static_cast<size_t>(most)) {}

  /// One result. Better is a larger value: strings by their bytes are above numbers; what has no order (null, booleans,
  /// arrays, objects) is below all. Of equal ones the smaller key is better. REQUIRES: keys of a window differ.
  void offer(std::string_view key, std::string_view aggregates, const JsonValue& value);

  [[nodiscard]] bool empty() const { return kept_.empty(); }
  /// Calls `use(key, aggregates)` for each that is kept, the best first, and forgets all.
  template <class Use>
  void take(Use use) {
    sort();
    for (const Entry& entry : kept_) use(std::string_view(entry.key), std::string_view(entry.aggregates));
    kept_.clear();
  }

 private:
  struct Value {
    enum class Kind : uint8_t { none, number, string };
    Kind kind = Kind::none;
    Decimal number;
    std::string text;
  };
  struct Entry {
    Value value;
    std::string key, aggregates;
  };
  static Value value_of(const JsonValue& json);
  static bool better(const Value& a, std::string_view a_key, const Value& b, std::string_view b_key);
  static bool better_entry(const Entry& a, const Entry& b) { return better(a.value, a.key, b.value, b.key); }
  void sort();

  size_t most_;
  std::vector<Entry> kept_;  // a heap, the worst in front
};

}  // namespace streamutils::window
