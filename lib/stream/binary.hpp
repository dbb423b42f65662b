// SPDX-License-Identifier: Apache-2.0
// The binary encoding: 8 bytes of magic, then frames, each a multiple of 8 bytes. stream(5) draws it field by field.
//
//   frame    u32 payload bytes (multiple of 8) | u8 type | u8 columns | u16 zero | payload
//   unit     u32 number | u32 name bytes | name, padded          numbers count from 0 in order; "-" is declared as well
//   records  u32 unit | u32 count | u32 bytes | u32 zero | count x {u32 offset, u32 size}
//            | i64 times[count]? | i64 offsets[count]? | i64 kafka_times[count]? | u64 fields[count][names]? | bytes,
//            padded
//   watermark u32 unit | u32 zero | i64 time in us
//   fields   u32 names | names x {u32 bytes, path}, padded      before the first column of fields (field_columns.hpp)
//   control  u32 text bytes | the item as in the text encoding, padded
//
// All integers are little-endian. Values are persistent: a type or column number is never used again for something
// else.
#pragma once
#include <string_view>
#include <vector>

#include "lib/stream/control_json.hpp"
#include "lib/stream/decoder.hpp"
#include "lib/stream/field_columns.hpp"

namespace streamutils {

inline constexpr std::string_view kBinaryMagic{"\x89STRM\x00\x01\n", 8};

enum class FrameType : uint8_t { unit = 1, records = 2, watermark = 3, control = 4, fields = 5 };

inline constexpr uint8_t kColumnTimes = 1;
inline constexpr uint8_t kColumnOffsets = 2;
inline constexpr uint8_t kColumnKafkaTimes = 4;
inline constexpr uint8_t kColumnFields = 8;

struct FrameHeader {
  uint32_t payload_bytes;
  uint8_t type;
  uint8_t columns;
  uint16_t zero;
};
static_assert(sizeof(FrameHeader) == 8);

struct RecordsHeader {
  uint32_t unit, count, bytes, zero;
};
static_assert(sizeof(RecordsHeader) == 16 && sizeof(Slice) == 8);

struct WatermarkFrame {
  uint32_t unit, zero;
  int64_t time;
};
static_assert(sizeof(WatermarkFrame) == 16);

/// A frame larger than this is not ours: writers cut batches at kMaxFrameRecords bytes.
inline constexpr uint32_t kMaxFrameBytes = 64 << 20;

class BinaryDecoder final : public Decoder {
 public:
  BinaryDecoder(Units& units, const DecodeSettings& settings);
  /// REQUIRES: `bytes` starts at an address that is a multiple of 8.
  Result<size_t> decode(std::string_view bytes, bool at_eof, Output& out) override;
  [[nodiscard]] bool is_stream() const override { return true; }
  [[nodiscard]] bool ended() const override { return ended_; }
  Status stop(Output&) override { return {}; }

 private:
  Status take_frame(const FrameHeader& header, std::string_view payload, Output& out);
  Status take_unit(std::string_view payload);
  Status take_records(const FrameHeader& header, std::string_view payload, Output& out);
  Status take_control(std::string_view payload, Output& out);
  Status check_unit(uint32_t number) const;

  Units& units_;
  DecodeSettings settings_;
  ControlParser controls_;
  FieldColumnReader fields_;
  std::vector<UnitId> numbers_;  // the writer's unit numbers to ours
  uint64_t position_ = 0;        // of the current frame in the input, for error messages
  bool magic_seen_ = false;
  bool opened_ = false;
  bool ended_ = false;
};

}  // namespace streamutils
