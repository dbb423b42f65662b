// SPDX-License-Identifier: Apache-2.0
// The cursor of a pipeline under a checkpoint: the hash "streamutils:{<pipeline>}:<member>" with the fields generation,
// epoch and chunk. It never expires, and moves in the same script as the effects that it stands for.
//
// Invariants:
//  1. The first connection takes the cursor over (kFenceScript): from then on no earlier generation's script writes.
//  2. With Commit::now: at the first connection what was shown and not settled is taken back; from then on chunks move
//     the fields shown_epoch and shown_chunk, and settling moves the cursor behind them.
//  3. A cursor that is gone, or stands where this pipeline has not brought it, is never written on.
#pragma once
#include <deque>
#include <optional>

#include "lib/base/log.hpp"
#include "lib/checkpoint/sink.hpp"
#include "lib/redis/commit.hpp"
#include "lib/redis/ledger.hpp"

namespace streamutils::redis {

class CursorLedger final : public Ledger {
 public:
  using Expected = checkpoint::TransactionalSink::Expected;

  /// `place` for messages. `log` lives as long as this.
  CursorLedger(std::string place, const checkpoint::SinkIdentity& identity, Expected expected, Commit commit, Log& log);

  /// The last confirmed one. REQUIRES: the cursor was taken over.
  [[nodiscard]] Cursor cursor() const { return confirmed_; }
  /// The next chunk will move the cursor from `after` to `at`. False: it is there or on its way there already. Fails
  /// when the chunk does not follow the one before.
  Result<bool> add(const Cursor& after, const Cursor& at);
  /// The next chunk, an empty one, settles all that was shown up to `at`. False: that is so, or on its way, already.
  /// REQUIRES: Commit::now; a chunk led to `at`.
  bool settle(const Cursor& at);

  [[nodiscard]] const std::string& key() const override { return key_; }
  [[nodiscard]] std::string_view script() const override;
  void begin() override { asked_ = Asked::nothing; }
  size_t ask(std::string& out) override;
  [[nodiscard]] bool may_fail(size_t) const override { return asked_ == Asked::eviction; }
  Status take(size_t i, const Reply& reply) override;
  Result<uint64_t> stored(uint64_t confirmed, uint64_t last) const override;
  void describe(uint64_t number, std::string& first, std::string& second) const override;
  [[nodiscard]] bool confirms(const Reply& reply, uint64_t number) const override;
  Status refused(const Reply& reply, uint64_t confirmed) const override;
  void confirmed(uint64_t number) override;

 private:
  enum class Asked : uint8_t { nothing, eviction, cursor };
  struct Stored {
    uint64_t generation = 0;
    Cursor cursor;
  };
  /// What items[at] and the two behind it say; empty when there is none, or what is there is no cursor.
  static std::optional<Stored> read(const Reply& reply, size_t at);
  Status check_eviction() const;
  Status take_fence(const Reply& reply);
  Status gone() const;
  /// Why a cursor that stands elsewhere than `confirmed_` stops a writer that holds it.
  Status misplaced(const std::optional<Stored>& stored) const;

  std::string place_, key_;
  uint64_t generation_;
  Expected expected_;
  Log& log_;
  Asked asked_ = Asked::nothing;
  const Commit commit_;
  bool fenced_ = false;
  std::string eviction_, max_memory_;  // maxmemory-policy and maxmemory; empty: not to be seen
  std::optional<Stored> found_;
  Cursor confirmed_;  // chunk number confirmed_number_
  uint64_t confirmed_number_ = 0;
  struct Step {
    Cursor at;
    bool settles = false;
  };
  std::deque<Step> ahead_;  // where the chunks behind that one lead
  Cursor last_;             // where the last of them leads
  Cursor settled_;          // or will be by then
  Cursor confirmed_settled_;
};

}  // namespace streamutils::redis
