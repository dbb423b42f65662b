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

/// Appends records that stand in lines of their own, one behind the other, as one piece.
class Run {
 public:
  Run(const Batch& batch, IoBuffer& out) : batch_(batch), out_(out) {}
  void add(size_t i) {
    const Slice record = batch_.records[i];
    if (!any_ || record.offset != end_ + 1 || batch_.bytes[end_] != '\n') {
      write();
      start_ = record.offset;
      any_ = true;
    }
    end_ = record.offset + record.size;
  }
  void write() {
    if (any_) append_line({batch_.bytes + start_, end_ - start_}, out_);
    any_ = false;
  }

 private:
  const Batch& batch_;
  IoBuffer& out_;
  bool any_ = false;
  size_t start_ = 0, end_ = 0;
};

class TextEncoder final : public Encoder {
 public:
  explicit TextEncoder(const Units& units) : units_(units) {}

  void records(const Batch& batch, IoBuffer& out) override {
    if (batch.size() != 0) switch_unit(batch.unit, out);
    Run run(batch, out);
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::string_view record = batch.record(i);
      if (must_wrap(record)) {
        run.write();
        line_.clear();
        append_wrapped_record(line_, record);
        append_line(line_, out);
      } else {
        run.add(i);
      }
    }
    run.write();
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
    Run run(batch, out);
    for (size_t i = 0; i < batch.size(); ++i) run.add(i);
    run.write();
  }
  void control(const Control&, IoBuffer&) override {}
};

}  // namespace

std::unique_ptr<Encoder> make_text_encoder(const Units& units) { return std::make_unique<TextEncoder>(units); }
std::unique_ptr<Encoder> make_plain_encoder() { return std::make_unique<PlainEncoder>(); }

}  // namespace streamutils
