// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/control_json.hpp"
#include "lib/stream/encoder.hpp"

namespace streamutils {

namespace {

void append_line(std::string_view record, IoBuffer& out) {
  out.ensure(record.size() + 1);
  char* at = out.data() + out.size();
  std::memcpy(at, record.data(), record.size());
  at[record.size()] = '\n';
  out.resize(out.size() + record.size() + 1);
}

class TextEncoder final : public Encoder {
 public:
  explicit TextEncoder(const Units& units) : units_(units) {}

  void records(const Batch& batch, IoBuffer& out) override {
    if (batch.size() != 0) switch_unit(batch.unit, out);
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::string_view record = batch.record(i);
      if (must_wrap(record)) {
        line_.clear();
        append_wrapped_record(line_, record);
        append_line(line_, out);
      } else {
        append_line(record, out);
      }
    }
  }

  void control(const Control& item, IoBuffer& out) override {
    line_.clear();
    append_control(line_, item, units_);
    append_line(line_, out);
  }

 private:
  void switch_unit(UnitId unit, IoBuffer& out) {
    if (unit == unit_) return;
    unit_ = unit;
    line_.clear();
    append_unit(line_, units_.name(unit));
    append_line(line_, out);
  }
  /// A record that would be read back as something else: as a control line, a blank one, without its last '\r', or as
  /// two (what is not JSON may hold a newline).
  static bool must_wrap(std::string_view record) {
    return record.empty() || record.back() == '\r' || record.starts_with(kControlPrefix) ||
           record.find('\n') != std::string_view::npos;
  }

  const Units& units_;
  UnitId unit_ = Units::kStream;
  std::string line_;
};

class PlainEncoder final : public Encoder {
 public:
  void records(const Batch& batch, IoBuffer& out) override {
    for (size_t i = 0; i < batch.size(); ++i) append_line(batch.record(i), out);
  }
  void control(const Control&, IoBuffer&) override {}
};

}  // namespace

std::unique_ptr<Encoder> make_text_encoder(const Units& units) { return std::make_unique<TextEncoder>(units); }
std::unique_ptr<Encoder> make_plain_encoder() { return std::make_unique<PlainEncoder>(); }

}  // namespace streamutils
