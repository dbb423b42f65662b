// SPDX-License-Identifier: Apache-2.0
// A stream from a file descriptor: stdin of every program that is not a source of its own.
//
// Invariants:
//  1. What is read is given before anything more is waited for.
//  2. Memory is bounded by the largest item: about 1 MiB for lines of records, kMaxControlBytes for control lines,
//  kMaxFrameBytes
//     for a binary frame.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "lib/stream/decoder.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/prefetch.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

class StreamReader final : public Source {
 public:
  /// Does not own `fd`. `name` is for messages: "standard input", a file name.
  StreamReader(int fd, std::string name, Units& units, const DecodeSettings& settings);
  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) override;
  [[nodiscard]] bool can_keep(const char* bytes) const override;
  void keep(IoBuffer& to) override;
  bool prefetch() override;
  [[nodiscard]] bool is_ready() const override;

  /// For whoever waits inside an operator: true when the writer of a stream has gone and left no `end` in the pipe.
  /// What it did leave is read into memory (at most the pipe's size) and delivered by the next poll(). False for plain
  /// inputs, whose EOF is their end.
  bool writer_died();
  /// True when no writer holds the input open any more. False for files.
  [[nodiscard]] bool closed() const;

 private:
  Result<bool> fill();
  void carry(IoBuffer& to);
  void take(Prefetch::Block& block);
  Result<State> decode(Output& out);
  Result<State> stop(Output& out);
  [[nodiscard]] bool ends_at_stop() const { return !decoder_ || !decoder_->is_stream(); }
  [[nodiscard]] bool takes_unaligned() const { return decoder_ && decoder_->takes_unaligned(); }
  /// What was read and not taken.
  [[nodiscard]] std::string_view rest() const { return buffer_.view().substr(start_ + taken_); }

  int fd_;
  std::string name_;
  Units& units_;
  DecodeSettings settings_;
  std::unique_ptr<Decoder> decoder_;
  IoBuffer buffer_;
  size_t start_ = 0;                  // of what is in buffer_
  size_t taken_ = 0;                  // behind that: given by the last poll
  std::optional<Prefetch> prefetch_;  // of a regular file
  IoBuffer ahead_;                    // read by writer_died() while views into buffer_ were alive
  bool ahead_eof_ = false;
  bool eof_ = false;
};

}  // namespace streamutils
