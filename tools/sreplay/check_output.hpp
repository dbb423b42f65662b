// SPDX-License-Identifier: Apache-2.0
// What a checked pipeline writes, compared with what it wrote before.
//
// Compared are the lines of the text encoding: records, the units they are of, side records (but for their offsets,
// which the text encoding does not carry) and watermarks. Left out is what is not of the results: the name of the run
// in `open`, and whether a unit was read to its end when. An output that is no stream of ours is compared as it is.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/checkpoint/manifest.hpp"
#include "lib/process/child.hpp"
#include "lib/stream/batch.hpp"
#include "lib/stream/decoder.hpp"
#include "lib/stream/encoder.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/writer.hpp"

namespace streamutils::sreplay {

/// The lines of the first run, in a file without a name.
class Reference {
 public:
  static Result<std::unique_ptr<Reference>> create();
  Status append(std::string_view bytes);
  /// Up to `size` bytes from `position` on; fewer only at the end.
  Result<size_t> read(char* bytes, size_t size, uint64_t position) const;
  /// The line that begins at `position`, at most `limit` bytes of it.
  Result<std::string> line(uint64_t position, size_t limit) const;
  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  explicit Reference(Fd file) : file_(std::move(file)) {}
  Fd file_;
  uint64_t size_ = 0;
};

class CheckOutput final : private Output {
 public:
  /// `writes`: the first run, whose lines become the reference; otherwise they are compared with it.
  CheckOutput(Reference& reference, bool writes) : reference_(reference), writes_(writes) {}

  /// Bytes that the pipeline has written.
  Status take(std::string_view bytes);
  /// There are no more.
  Status finish();

  /// It is known that they differ, and both lines are whole.
  [[nodiscard]] bool differs() const { return difference_ && difference_->whole; }
  struct Difference {
    uint64_t line = 1;                   ///< counted from 1
    uint64_t column = 1;                 ///< the byte that differs, from 1
    std::optional<std::string> was, is;  ///< the lines; none: the output ends before it
    bool whole = false;
  };
  /// REQUIRES: differs(), or finish() was called.
  [[nodiscard]] const std::optional<Difference>& difference() const { return difference_; }

  [[nodiscard]] uint64_t bytes_taken() const { return bytes_taken_; }
  [[nodiscard]] uint64_t results() const { return results_; }
  /// Of the results alone, a line each: what --plain would write.
  [[nodiscard]] uint64_t result_bytes() const { return result_bytes_; }
  [[nodiscard]] const SideCounts& sides() const { return sides_; }
  /// SHA-256 of the same. To be called once.
  std::string result_hash() { return sha_.hex(); }

 private:
  static constexpr size_t kShownLine = 64 << 10;
  // What the decoder gives.
  Status records(const Batch& batch) override;
  Status control(const Control& item) override;

  Status decode(bool at_eof);
  Status raw(std::string_view bytes);
  void count_result(std::string_view bytes);
  Status compare_encoded();
  Status compare(std::string_view bytes);
  Status note_difference(std::string_view rest);

  Reference& reference_;
  const bool writes_;
  Units units_;
  std::unique_ptr<Decoder> decoder_;
  const std::unique_ptr<Encoder> encoder_ = make_text_encoder(units_);
  IoBuffer buffer_;   // not yet decoded
  IoBuffer encoded_;  // not yet compared
  std::string chunk_;
  uint64_t bytes_taken_ = 0, results_ = 0, result_bytes_ = 0;
  checkpoint::Sha256 sha_;
  SideCounts sides_;
  uint64_t position_ = 0, line_ = 1, line_start_ = 0;
  bool ends_in_newline_ = true;  // of a raw output
  std::optional<Difference> difference_;
};

}  // namespace streamutils::sreplay
