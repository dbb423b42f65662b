// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/binary.hpp"
#include "lib/stream/encoder.hpp"
#include "lib/stream/field_columns.hpp"

namespace streamutils {

namespace {

constexpr size_t padded(size_t size) { return (size + 7) & ~size_t{7}; }

class BinaryEncoder final : public Encoder {
 public:
  BinaryEncoder(const Units& units, const SharedFields* fields) : units_(units), fields_(fields) {}

  void records(const Batch& batch, IoBuffer& out) override { frames(batch, out, nullptr); }
  void records(const Batch& batch, IoBuffer& out, std::vector<Borrowed>& borrowed) override {
    frames(batch, out, &borrowed);
  }

  void control(const Control& item, IoBuffer& out) override {
    start(out);
    if (const auto* watermark = std::get_if<Watermark>(&item)) {
      const WatermarkFrame payload{declare(watermark->unit, out), 0, watermark->time.us};
      header(FrameType::watermark, 0, sizeof payload, out);
      append(&payload, sizeof payload, out);
      return;
    }
    text_.clear();
    append_control(text_, item, units_);
    sized_text(FrameType::control, text_, out);
  }

 private:
  static constexpr size_t kCutBytes = 256 << 10;
  static constexpr size_t kBorrowBytes = 64 << 10;  // less is copied sooner than written by itself

  void frames(const Batch& batch, IoBuffer& out, std::vector<Borrowed>* borrowed) {
    start(out);
    const uint32_t unit = declare(batch.unit, out);
    // A frame is cut where its bytes pass 256 KiB, so that the reader's buffer stays small; empty records have bytes
    // too.
    for (size_t first = 0; first < batch.size();) {
      size_t count = 0, bytes = 0;
      while (first + count < batch.size() && bytes + count < kCutBytes) bytes += batch.records[first + count++].size;
      frame(batch.part(first, count), unit, bytes, out, borrowed);
      first += count;
    }
  }

  static void append(const void* data, size_t size, IoBuffer& out) {
    out.append(std::string_view(static_cast<const char*>(data), size));
  }
  static void pad(size_t size, IoBuffer& out) { out.append(std::string_view("\0\0\0\0\0\0\0", padded(size) - size)); }
  static void header(FrameType type, uint8_t columns, size_t payload, IoBuffer& out) {
    const FrameHeader h{static_cast<uint32_t>(padded(payload)), static_cast<uint8_t>(type), columns, 0};
    append(&h, sizeof h, out);
  }
  void start(IoBuffer& out) {
    if (started_) return;
    started_ = true;
    out.append(kBinaryMagic);
  }
  void sized_text(FrameType type, std::string_view text, IoBuffer& out) {
    header(type, 0, 4 + text.size(), out);
    const auto size = static_cast<uint32_t>(text.size());
    append(&size, sizeof size, out);
    out.append(text);
    pad(4 + text.size(), out);
  }
  /// The unit's number in this output; declared on first use.
  uint32_t declare(UnitId unit, IoBuffer& out) {
    if (unit >= numbers_.size()) numbers_.resize(unit + 1, kNone);
    if (numbers_[unit] != kNone) return numbers_[unit];
    numbers_[unit] = next_++;
    const std::string& name = units_.name(unit);
    header(FrameType::unit, 0, 8 + name.size(), out);
    const uint32_t head[2] = {numbers_[unit], static_cast<uint32_t>(name.size())};
    append(head, sizeof head, out);
    out.append(name);
    pad(8 + name.size(), out);
    return numbers_[unit];
  }

  void frame(const Batch& batch, uint32_t unit, size_t bytes, IoBuffer& out, std::vector<Borrowed>* borrowed) {
    const size_t n = batch.size();
    uint8_t columns = 0;
    if (!batch.times.empty()) columns |= kColumnTimes;
    if (!batch.offsets.empty()) columns |= kColumnOffsets;
    if (!batch.kafka_times.empty()) columns |= kColumnKafkaTimes;
    size_t width = static_cast<size_t>(__builtin_popcount(columns));
    if (fields_.read(batch)) {
      if (!fields_declared_) declare_fields(out);
      columns |= kColumnFields;
      width += fields_.width();
    }
    const size_t payload = sizeof(RecordsHeader) + n * (sizeof(Slice) + 8 * width) + bytes;
    const bool one_run = bytes > 0 && is_one_run(batch, bytes);
    // A multiple of 8: what follows in `out` stays aligned.
    const size_t lent = one_run && borrowed && bytes >= kBorrowBytes ? bytes & ~size_t{7} : 0;
    out.ensure(sizeof(FrameHeader) + padded(payload) - lent);
    header(FrameType::records, columns, payload, out);
    const RecordsHeader head{unit, static_cast<uint32_t>(n), static_cast<uint32_t>(bytes), 0};
    append(&head, sizeof head, out);
    slices(batch, out);
    for (const auto& column : {batch.times, batch.offsets, batch.kafka_times}) {
      if (!column.empty()) append(column.data(), n * sizeof(int64_t), out);
    }
    if (columns & kColumnFields) append(fields_.column().data(), fields_.column().size() * sizeof(uint64_t), out);
    if (lent > 0) borrowed->push_back({out.size(), {batch.record(0).data(), lent}});
    if (one_run) {
      out.append({batch.record(0).data() + lent, bytes - lent});
    } else {
      char* at = out.data() + out.size();
      for (const Slice& slice : batch.records) {
        std::memcpy(at, batch.bytes + slice.offset, slice.size);
        at += slice.size;
      }
      out.resize(out.size() + bytes);
    }
    pad(payload, out);
  }
  /// Whether the records lie one behind the other: those of a binary input do, and those that a stage has made.
  static bool is_one_run(const Batch& batch, size_t bytes) {
    uint32_t next = batch.records.front().offset;
    if (batch.records.back().offset + batch.records.back().size != next + bytes) return false;
    for (const Slice& slice : batch.records) {
      if (slice.offset != next) return false;
      next += slice.size;
    }
    return true;
  }
  void declare_fields(IoBuffer& out) {
    fields_declared_ = true;
    const std::string names = fields_.names();
    header(FrameType::fields, 0, names.size(), out);
    out.append(names);
    pad(names.size(), out);
  }
  static void slices(const Batch& batch, IoBuffer& out) {
    auto* at = reinterpret_cast<Slice*>(out.data() + out.size());
    uint32_t offset = 0;
    for (const Slice& slice : batch.records) {
      *at++ = Slice{offset, slice.size};
      offset += slice.size;
    }
    out.resize(out.size() + batch.size() * sizeof(Slice));
  }

  static constexpr uint32_t kNone = ~0U;
  const Units& units_;
  FieldColumnWriter fields_;
  bool started_ = false, fields_declared_ = false;
  std::vector<uint32_t> numbers_;
  uint32_t next_ = 0;
  std::string text_;
};

}  // namespace

std::unique_ptr<Encoder> make_binary_encoder(const Units& units) { return make_binary_encoder(units, nullptr); }
std::unique_ptr<Encoder> make_binary_encoder(const Units& units, const SharedFields* fields) {
  return std::make_unique<BinaryEncoder>(units, fields);
}

}  // namespace streamutils
