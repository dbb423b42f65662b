// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/decoder.hpp"

#include <sys/random.h>
#include <xxhash.h>

#include <algorithm>

#include "lib/stream/binary.hpp"
#include "lib/stream/control_json.hpp"
#include "lib/stream/text_decoder.hpp"

namespace streamutils {

std::unique_ptr<Decoder> detect_decoder(std::string_view first_bytes, bool at_eof, Units& units,
                                        const DecodeSettings& settings) {
  const auto matches = [&](std::string_view magic) {
    const size_t known = std::min(first_bytes.size(), magic.size());
    return first_bytes.substr(0, known) == magic.substr(0, known);
  };
  const auto whole = [&](std::string_view magic) { return first_bytes.size() >= magic.size(); };
  if (!at_eof && ((matches(kBinaryMagic) && !whole(kBinaryMagic)) || (matches(kOpenPrefix) && !whole(kOpenPrefix)))) {
    return nullptr;
  }
  if (whole(kBinaryMagic) && matches(kBinaryMagic)) return std::make_unique<BinaryDecoder>(units, settings);
  const bool is_stream = whole(kOpenPrefix) && matches(kOpenPrefix);
  return std::make_unique<TextDecoder>(units, settings, is_stream);
}

std::string make_run_id() {
  uint64_t id = 0;
  if (getrandom(&id, sizeof id, 0) != sizeof id) id = static_cast<uint64_t>(SystemClock().wall().us);
  return fmt::format("{:016x}", id);
}

SideRecord too_large(UnitId unit, int64_t offset, std::string_view record) {
  SideRecord side{.label = "invalid", .reason = "too_large", .unit = unit, .offset = offset};
  side.record = record.substr(0, kSideRecordHead);
  side.full_size = static_cast<int64_t>(record.size());
  side.hash = XXH3_64bits(record.data(), record.size());
  return side;
}

Status cut_off_error() {
  return failed(
      "the input ended without 'end': the program before this one died or was cut off; nothing was fired "
      "(--eof end takes the cut for the end)");
}

}  // namespace streamutils
