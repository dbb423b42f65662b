// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/cursor.hpp"

#include <charconv>

#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace streamutils::ssink_file {

namespace {

constexpr uint64_t kVersion = 1;

void append_part(std::string& out, std::string_view kind, std::string_view part, const DirectoryState::Part& state) {
  out += fmt::format("{{\"{}\":", kind);
  append_json_string(out, part);
  out += fmt::format(",\"bytes\":{},\"generation\":{}}}\n", state.length, state.generation);
}

std::string sum(std::string_view text) {
  return fmt::format("{{\"xxh3\":\"{:016x}\"}}\n", XXH3_64bits(text.data(), text.size()));
}

class LineReader {
 public:
  LineReader() {
    for (const char* name : {"version", "pipeline", "member", "generation", "epoch", "chunk", "next", "open", "finish",
                             "remove", "bytes", "committed"}) {
      if (!fields_.add(name).ok()) bad_ = true;
    }
    parser_.emplace(fields_);
    values_.resize(fields_.size());
  }

  bool read(std::string_view line) {
    line_.assign(line).append(kJsonPadding, '\0');
    bad_ = parser_->parse(std::string_view(line_).substr(0, line.size()), values_) != ParseError::none;
    return !bad_;
  }
  [[nodiscard]] bool has(size_t slot) const { return values_[slot].type != JsonType::missing; }
  uint64_t number(size_t slot) {
    uint64_t n = 0;
    const std::string_view raw = values_[slot].raw;
    const auto result = std::from_chars(raw.data(), raw.data() + raw.size(), n);
    if (result.ec != std::errc() || result.ptr != raw.data() + raw.size()) bad_ = true;
    return n;
  }
  std::string text(size_t slot) {
    std::string out;
    if (values_[slot].type != JsonType::string) {
      bad_ = true;
    } else {
      append_unescaped(out, values_[slot].string_body());
    }
    return out;
  }
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  FieldSet fields_;
  std::optional<RecordParser> parser_;
  std::vector<JsonValue> values_;
  std::string line_;
  bool bad_ = false;
};

enum Slot : size_t {
  kVersionSlot,
  kPipeline,
  kMember,
  kGeneration,
  kEpoch,
  kChunk,
  kNext,
  kOpen,
  kFinish,
  kRemove,
  kBytes,
  kCommitted
};

}  // namespace

std::string format_cursor(const DirectoryState& state) {
  std::string text = fmt::format("{{\"version\":{},\"pipeline\":", kVersion);
  append_json_string(text, state.pipeline);
  text += ",\"member\":";
  append_json_string(text, state.member);
  text += fmt::format(",\"generation\":{},\"committed\":{},\"epoch\":{},\"chunk\":{},\"next\":{}}}\n", state.generation,
                      state.committed, state.cursor.epoch, state.cursor.chunk, state.next);
  for (const auto& [part, its] : state.open) append_part(text, "open", part, its);
  for (const auto& [part, its] : state.finishing) append_part(text, "finish", part, its);
  for (const auto& [part, generation] : state.garbage) append_part(text, "remove", part, {0, generation});
  return text + sum(text);
}

Result<DirectoryState> parse_cursor(std::string_view text) {
  const size_t last = text.size() < 2 ? std::string_view::npos : text.rfind('\n', text.size() - 2);
  if (last == std::string_view::npos || sum(text.substr(0, last + 1)) != text.substr(last + 1)) {
    return failed("it is damaged");
  }
  text = text.substr(0, last + 1);
  DirectoryState state;
  LineReader line;
  for (bool head = true; !text.empty(); head = false) {
    const size_t end = text.find('\n');
    if (!line.read(text.substr(0, end))) return failed("it is damaged");
    text.remove_prefix(end + 1);
    if (head) {
      if (const uint64_t version = line.number(kVersionSlot); version != kVersion) {
        return failed("it is of format {}, which this version of ssink-file does not know", version);
      }
      state.pipeline = line.text(kPipeline);
      state.member = line.text(kMember);
      state.generation = line.number(kGeneration);
      state.committed = line.number(kCommitted);
      state.cursor = {line.number(kEpoch), line.number(kChunk)};
      state.next = line.number(kNext);
    } else if (line.has(kRemove)) {
      state.garbage.emplace_back(line.text(kRemove), line.number(kGeneration));
    } else {
      const bool open = line.has(kOpen);
      const DirectoryState::Part part{line.number(kBytes), line.number(kGeneration)};
      (open ? state.open : state.finishing).emplace(line.text(open ? kOpen : kFinish), part);
    }
    if (line.bad()) return failed("it is damaged");
  }
  return state;
}

}  // namespace streamutils::ssink_file
