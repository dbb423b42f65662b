// SPDX-License-Identifier: Apache-2.0
// Control items as JSON: the lines of the text encoding, and the payload of the binary encoding's control frames.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "lib/stream/items.hpp"

namespace streamutils {

/// How every control line starts, exactly.
inline constexpr std::string_view kControlPrefix = R"({"$stream":)";
/// How a stream starts.
inline constexpr std::string_view kOpenPrefix = R"({"$stream":"open")";
/// Longest control line that is read: a side record's 1 MiB in base64 or escaped, and its fields.
inline constexpr size_t kMaxControlBytes = 8 << 20;

/// Appends `item` as one JSON object that starts with kControlPrefix, without a newline.
void append_control(std::string& out, const Control& item, const Units& units);

/// One JSON object on one line, which may stand in a control line as it is?
bool is_json_record(std::string_view record);

/// Appends a side record's members without the braces: `"label":"late",...,"record":{...}`. A record that is not one
/// line of JSON is given as "record_base64"; one that was cut adds "record_bytes" and "record_xxh3".
void append_side_members(std::string& out, const SideRecord& item, const Units& units);

/// Appends the record's wrapping: {"$stream":"record","raw":"..."}, or "raw_base64" when it is not UTF-8.
void append_wrapped_record(std::string& out, std::string_view record);
/// Appends `{"$stream":"unit","unit":"..."}`.
void append_unit(std::string& out, std::string_view unit);

/// Reads what the functions above write.
class ControlParser {
 public:
  explicit ControlParser(Units& units);
  ~ControlParser();
  ControlParser(const ControlParser&) = delete;
  ControlParser& operator=(const ControlParser&) = delete;

  enum class Kind { control, unit, record };
  struct Parsed {
    Kind kind = Kind::control;
    Control item;                  ///< kind control
    UnitId unit = Units::kStream;  ///< kind unit
    std::string_view record;       ///< kind record, padded; without newlines
  };
  /// REQUIRES: kJsonPadding readable bytes behind `line`. Views in the result live until the next call.
  /// On failure: what is wrong with the line.
  Result<Parsed> parse(std::string_view line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
