// SPDX-License-Identifier: Apache-2.0
// Bytes to items. The two encodings behind one interface, so that a reader does not know which one it reads.
#pragma once
#include <memory>
#include <string_view>

#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils {

struct DecodeSettings {
  size_t max_record_bytes =
      1 << 20;  ///< a larger record becomes a side record `invalid`, reason `too_large`; at least 64
  const SharedFields* fields = nullptr;  ///< what stages want that a binary stream may carry; null: nothing
  bool eof_is_end = false;               ///< a stream that is cut off counts as ended (with fire)
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Gives the whole items at the front of `bytes` to `out` and returns how many bytes they took. What is left is given
  /// again, at the front, with more behind it. At the end of input (`at_eof`) everything is taken and a stream that has
  /// not ended is an error; a plain input then gets its `end`. REQUIRES: kJsonPadding readable bytes behind `bytes`.
  virtual Result<size_t> decode(std::string_view bytes, bool at_eof, Output& out) = 0;
  /// True when the input brings its own `open` and `end`.
  [[nodiscard]] virtual bool is_stream() const = 0;
  /// May `bytes` begin anywhere? Else at a multiple of 8.
  [[nodiscard]] virtual bool takes_unaligned() const { return false; }
  /// True once `end` was given: nothing may follow.
  [[nodiscard]] virtual bool ended() const = 0;
  /// Ends a plain input before its EOF: `open` if it is still due, then `end` without fire. REQUIRES: !is_stream().
  virtual Status stop(Output& out) = 0;
};

/// Picks the encoding from the first bytes of the input. Empty while they do not tell yet. REQUIRES: at_eof when
/// nothing will follow.
std::unique_ptr<Decoder> detect_decoder(std::string_view first_bytes, bool at_eof, Units& units,
                                        const DecodeSettings& settings);

/// A random name for one start of a pipeline: 16 hexadecimal digits.
std::string make_run_id();

/// What stands for a record beyond DecodeSettings::max_record_bytes. Views `record`.
SideRecord too_large(UnitId unit, int64_t offset, std::string_view record);

/// The error of a stream that ends without `end`.
Status cut_off_error();

}  // namespace streamutils
