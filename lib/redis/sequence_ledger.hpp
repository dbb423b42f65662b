// SPDX-License-Identifier: Apache-2.0
// The sequence of one run: a number per writer in a hash that expires a day after the last chunk.
#pragma once
#include "lib/redis/ledger.hpp"

namespace streamutils::redis {

class SequenceLedger final : public Ledger {
 public:
  /// `place` for messages; `key` is "streamutils:<run>:<sink>"; `writer` this process among all that use the key.
  SequenceLedger(std::string place, std::string key, std::string writer)
      : place_(std::move(place)), key_(std::move(key)), writer_(std::move(writer)) {}

  [[nodiscard]] const std::string& key() const override { return key_; }
  [[nodiscard]] std::string_view script() const override;
  void begin() override { asked_ = false; }
  size_t ask(std::string& out) override;
  Status take(size_t i, const Reply& reply) override;
  Result<uint64_t> stored(uint64_t confirmed, uint64_t last) const override;
  void describe(uint64_t number, std::string& first, std::string& second) const override;
  [[nodiscard]] bool confirms(const Reply& reply, uint64_t number) const override;
  Status refused(const Reply& reply, uint64_t confirmed) const override;
  void confirmed(uint64_t) override {}

 private:
  Status went_back(uint64_t confirmed, uint64_t stored) const;

  std::string place_, key_, writer_;
  bool asked_ = false;
  uint64_t stored_ = 0;
};

}  // namespace streamutils::redis
