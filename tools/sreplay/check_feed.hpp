// SPDX-License-Identifier: Apache-2.0
// Gives a replay to a checked pipeline in pieces: how many records at once, how many bytes a write, where it pauses.
#pragma once
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "lib/stream/encoder.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/loop.hpp"
#include "tools/sreplay/check_pipeline.hpp"

namespace streamutils::sreplay {

/// How a run is different from the others.
struct Manner {
  std::string name;     ///< "text, one record at a time"
  bool binary = false;  ///< the encoding, also between the programs
  bool paced = false;   ///< at --speed
  size_t at_once = 0;   ///< at most so many records, at random; 0: as many as there are, in writes of 1 MiB
  Duration pauses{0};   ///< in all
};

class CheckFeed final : public Terminal {
 public:
  /// `binary`: what the first program reads. `records_in_all`: of the replay, for the places of the pauses.
  CheckFeed(CheckedPipeline& pipeline, const Manner& manner, bool binary, uint64_t records_in_all, uint64_t seed,
            const Units& units);
  Status records(const Batch& batch) override;
  Status control(const Control& item) override;
  Status flush() override { return send(); }

  [[nodiscard]] uint64_t records() const { return records_; }
  /// Of all records, their units and their order: two replays that differ in it are not the same.
  [[nodiscard]] uint64_t hash() const { return hash_; }

 private:
  static constexpr size_t kWholeWrite = 1 << 20;
  /// So many records are given in the smallest pieces; a long replay would take for ever that way.
  static constexpr uint64_t kFineRecords = 20'000;
  static constexpr size_t kCoarse = 4096;
  static constexpr uint64_t kPauses = 40;

  Status send();
  Status pause_when_due();
  size_t random(size_t least, size_t most) { return std::uniform_int_distribution<size_t>(least, most)(random_); }

  CheckedPipeline& pipeline_;
  const Manner& manner_;
  const Units& units_;
  const uint64_t in_all_;
  const std::unique_ptr<Encoder> encoder_;
  IoBuffer buffer_;
  uint64_t records_ = 0, hash_ = 0;
  uint64_t paused_ = 0;  // how often
  std::mt19937_64 random_;
};

}  // namespace streamutils::sreplay
