// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "lib/json/text.hpp"
#include "lib/stream/binary.hpp"
#include "lib/stream/state.hpp"

namespace streamutils {

BinaryDecoder::BinaryDecoder(Units& units, const DecodeSettings& settings)
    : units_(units), settings_(settings), controls_(units), fields_(settings.fields) {}

Result<size_t> BinaryDecoder::decode(std::string_view bytes, bool at_eof, Output& out) {
  size_t taken = 0;
  if (!magic_seen_) {
    if (bytes.size() < kBinaryMagic.size()) return failed("the input is too short for a binary stream");
    taken = kBinaryMagic.size();
    magic_seen_ = true;
  }
  while (bytes.size() - taken >= sizeof(FrameHeader)) {
    FrameHeader header;
    std::memcpy(&header, bytes.data() + taken, sizeof header);
    if (header.payload_bytes > kMaxFrameBytes || header.payload_bytes % 8 != 0) {
      return failed("byte {}: not a frame of a binary stream", position_ + taken);
    }
    if (bytes.size() - taken - sizeof header < header.payload_bytes) break;
    const std::string_view payload = bytes.substr(taken + sizeof header, header.payload_bytes);
    if (ended_) return failed("byte {}: something follows the end of the stream", position_ + taken);
    Status status = take_frame(header, payload, out);
    if (!status.ok()) {
      return status.code() == Code::failed && status.message().starts_with("frame")
                 ? std::move(status).at(fmt::format("byte {}", position_ + taken))
                 : std::move(status);
    }
    taken += sizeof header + header.payload_bytes;
  }
  position_ += taken;
  if (at_eof) {
    if (ended_ && taken < bytes.size()) return failed("byte {}: something follows the end of the stream", position_);
    if (!ended_ && !(settings_.eof_is_end && opened_)) return cut_off_error();
    if (!ended_) {
      ended_ = true;
      STREAM_TRY(out.control(End{.fire = true}));
    }
    return bytes.size();
  }
  return taken;
}

Status BinaryDecoder::take_frame(const FrameHeader& header, std::string_view payload, Output& out) {
  switch (static_cast<FrameType>(header.type)) {
    case FrameType::records:
      return take_records(header, payload, out);
    case FrameType::watermark: {
      WatermarkFrame frame;
      if (payload.size() != sizeof frame) return failed("frame 'watermark' of a wrong size");
      std::memcpy(&frame, payload.data(), sizeof frame);
      STREAM_TRY(check_unit(frame.unit));
      return out.control(Watermark{numbers_[frame.unit], EventTime{frame.time}});
    }
    case FrameType::unit:
      return take_unit(payload);
    case FrameType::control:
      return take_control(payload, out);
    case FrameType::fields:
      return fields_.declare(payload);
  }
  return failed("frame of unknown type {}", header.type);
}

Status BinaryDecoder::check_unit(uint32_t number) const {
  if (number >= numbers_.size()) return failed("frame of a unit that was not declared");
  return opened_ ? Status() : failed("frame of a unit comes before 'open'");
}

Status BinaryDecoder::take_unit(std::string_view payload) {
  StateReader in(payload);
  const uint32_t number = in.u32();
  const std::string_view name = in.raw(in.u32());
  if (!in.ok() || number != numbers_.size() || !is_valid_utf8(name)) return failed("frame 'unit' is malformed");
  numbers_.push_back(units_.id(name));
  return {};
}

Status BinaryDecoder::take_control(std::string_view payload, Output& out) {
  StateReader in(payload);
  const std::string_view text = in.raw(in.u32());
  if (!in.ok()) return failed("frame 'control' is malformed");
  auto parsed = controls_.parse(text);
  if (!parsed.ok()) return parsed.take_status().at("frame 'control'");
  if (parsed->kind != ControlParser::Kind::control) return failed("frame 'control' holds no control item");
  if (const Open* open = std::get_if<Open>(&parsed->item)) {
    if (opened_) return failed("frame 'open' comes twice");
    if (open->version != 1)
      return failed("the input is a stream of version {}; this program reads version 1", open->version);
    opened_ = true;
  }
  if (!opened_) return failed("frame 'control' comes before 'open'");
  if (std::holds_alternative<End>(parsed->item)) ended_ = true;
  return out.control(parsed->item);
}

Status BinaryDecoder::take_records(const FrameHeader& header, std::string_view payload, Output& out) {
  RecordsHeader records;
  if (payload.size() < sizeof records) return failed("frame 'records' is too short");
  std::memcpy(&records, payload.data(), sizeof records);
  STREAM_TRY(check_unit(records.unit));
  const bool has_fields = (header.columns & kColumnFields) != 0;
  const uint64_t columns =
      static_cast<unsigned>(__builtin_popcount(header.columns & 7U)) + (has_fields ? fields_.width() : 0);
  const uint64_t fixed = sizeof records + uint64_t{records.count} * (sizeof(Slice) + 8 * columns);
  if (header.columns > 15 || (has_fields && fields_.width() == 0) || fixed + records.bytes > payload.size()) {
    return failed("frame 'records' is malformed");
  }
  const char* at = payload.data() + sizeof records;
  Batch batch;
  batch.unit = numbers_[records.unit];
  batch.records = {reinterpret_cast<const Slice*>(at), records.count};
  at += records.count * sizeof(Slice);
  const auto column = [&](uint8_t bit) {
    std::span<const int64_t> values;
    if (header.columns & bit) {
      values = {reinterpret_cast<const int64_t*>(at), records.count};
      at += records.count * sizeof(int64_t);
    }
    return values;
  };
  batch.times = column(kColumnTimes);
  batch.offsets = column(kColumnOffsets);
  batch.kafka_times = column(kColumnKafkaTimes);
  const auto* fields = reinterpret_cast<const uint64_t*>(at);
  if (has_fields) at += records.count * fields_.width() * sizeof(uint64_t);
  batch.bytes = at;
  if (std::memchr(at, '\n', records.bytes)) return failed("frame 'records' holds a record of more than one line");

  for (const Slice slice : batch.records) {
    if (uint64_t{slice.offset} + slice.size > records.bytes) return failed("frame 'records' is malformed");
  }
  if (has_fields) STREAM_TRY(fields_.read(fields, batch));
  size_t first = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Slice slice = batch.records[i];
    if (slice.size <= settings_.max_record_bytes) continue;
    if (i > first) STREAM_TRY(out.records(batch.part(first, i - first)));
    STREAM_TRY(out.control(too_large(batch.unit, batch.offset(i), batch.record(i))));
    first = i + 1;
  }
  if (first == 0) return batch.size() ? out.records(batch) : Status();
  return first < batch.size() ? out.records(batch.part(first, batch.size() - first)) : Status();
}

}  // namespace streamutils
