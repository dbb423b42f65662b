// SPDX-License-Identifier: Apache-2.0
// What text_fuzz and binary_fuzz share: any bytes behind a valid start of a stream, or alone. They give the same items
// however they are cut, and what they give is written and read again as the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/stream/binary.hpp"
#include "tests/helpers/decode_all.hpp"
#include "tests/helpers/item_recorder.hpp"

namespace streamutils::fuzz {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// Does the input bring its own `open`? Another is given one with a run id that nobody can foretell.
inline bool is_stream(std::string_view bytes) {
  return bytes.starts_with(kOpenPrefix) || bytes.starts_with(kBinaryMagic);
}

struct Run {
  std::vector<std::string> items;
  Status status;
};

inline Run run(std::string_view bytes, const DecodeSettings& settings, bool columns,
               const std::function<size_t(size_t)>& next_cut) {
  Units units;
  ItemRecorder recorder(units, columns);
  Status status = decode_all(bytes, units, settings, recorder, next_cut);
  if (!is_stream(bytes) && !recorder.items.empty()) recorder.items.erase(recorder.items.begin());
  return {std::move(recorder.items), std::move(status)};
}

/// The items of `bytes`, written by `make` and read again.
inline std::vector<std::string> again(std::string_view bytes, const DecodeSettings& settings, bool columns,
                                      std::unique_ptr<Encoder> (*make)(const Units&)) {
  static IoBuffer buffer;  // its first allocation costs more than all the rest
  Units units;
  EncodingOutput out(make(units));
  std::swap(out.buffer, buffer);
  out.buffer.clear();
  require(decode_whole(bytes, units, settings, out).ok());
  Units fresh;
  ItemRecorder recorder(fresh, columns);
  require(decode_whole(out.buffer.view(), fresh, settings, recorder).ok());
  if (!is_stream(bytes)) recorder.items.erase(recorder.items.begin());
  std::swap(out.buffer, buffer);
  return std::move(recorder.items);
}

/// `seed` moves the cuts and sets what the end of input means.
inline void check(std::string_view bytes, uint8_t seed) {
  const DecodeSettings settings{.max_record_bytes = 64, .eof_is_end = (seed & 1) != 0};
  const auto whole_cut = [](size_t) { return ~size_t{0}; };
  const Run whole = run(bytes, settings, true, whole_cut);
  uint32_t state = seed;
  const auto any_cut = [&](size_t) {
    state = state * 1'664'525 + 1'013'904'223;
    return size_t{1} + (state >> 24) % (1 + seed);
  };
  const Run cut = run(bytes, settings, true, any_cut);
  require(whole.items == cut.items && whole.status.code() == cut.status.code());
  require(whole.status.message() == cut.status.message());
  if (!whole.status.ok()) return;
  require(again(bytes, settings, true, &make_binary_encoder) == whole.items);
  const std::vector<std::string> without_columns = run(bytes, settings, false, whole_cut).items;
  require(again(bytes, settings, false, &make_text_encoder) == without_columns);
}

}  // namespace streamutils::fuzz
