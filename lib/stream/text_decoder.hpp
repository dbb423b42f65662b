// SPDX-License-Identifier: Apache-2.0
// NDJSON to items: a plain input, or the text encoding of a stream.
//
// Blank lines carry nothing and are passed over; one '\r' before the newline is not part of the record.
// Complexity: linear in the bytes, however they are cut into calls.
#pragma once
#include <string>
#include <vector>

#include "lib/stream/control_json.hpp"
#include "lib/stream/decoder.hpp"

namespace streamutils {

class TextDecoder final : public Decoder {
 public:
  /// `is_stream`: the input starts with an `open` line. In one that does not, no line is a control line.
  TextDecoder(Units& units, const DecodeSettings& settings, bool is_stream);
  ~TextDecoder() override;

  Result<size_t> decode(std::string_view bytes, bool at_eof, Output& out) override;
  [[nodiscard]] bool is_stream() const override { return is_stream_; }
  [[nodiscard]] bool takes_unaligned() const override { return true; }
  [[nodiscard]] bool ended() const override { return ended_; }
  Status stop(Output& out) override;

 private:
  struct LongLine;

  size_t take_lines(std::string_view bytes, size_t position);
  Status take_line(std::string_view line, size_t start, Output& out);
  Status take_control(std::string_view line, Output& out);
  Status give_records(Output& out);
  Status give_large(Output& out);
  Status open_plain(bool empty_input, Output& out);
  Status start_large(std::string_view line);
  [[nodiscard]] bool is_control(std::string_view line) const;
  [[nodiscard]] bool is_large(std::string_view line) const;
  [[nodiscard]] bool is_cut(std::string_view line);

  Units& units_;
  DecodeSettings settings_;
  const bool is_stream_;
  bool opened_ = false;
  bool ended_ = false;
  ControlParser controls_;
  UnitId unit_ = Units::kStream;
  int64_t line_ = 0;    // of the line being read, from 1
  size_t scanned_ = 0;  // bytes at the front that hold no newline
  const char* base_ = nullptr;
  size_t records_ = 0;              // found and not yet given
  std::vector<Slice> slices_;       // the first records_ of them
  std::vector<int64_t> lines_;      // their numbers, unless it is a stream
  std::unique_ptr<LongLine> long_;  // a line beyond the limit, while it is being passed over
};

}  // namespace streamutils
