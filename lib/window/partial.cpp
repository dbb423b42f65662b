// SPDX-License-Identifier: Apache-2.0
#include "lib/window/partial.hpp"

#include <xxhash.h>

#include <limits>

#include "lib/base/base64.hpp"
#include "lib/json/text.hpp"

namespace streamutils::window {

namespace {

constexpr uint8_t kVersion = 1;

uint32_t checksum(std::string_view bytes) { return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())); }

}  // namespace

void PartialWriter::append(std::string& out, const char* row, Interval window) {
  if (list_.empty()) {
    for (const PlanPart& part : plan_.parts()) {
      if (!list_.empty()) list_ += '\0';
      list_ += part.call;
    }
  }
  StateWriter body(std::move(body_));
  body.i64(window.start);
  body.i64(window.end);
  body.u32(static_cast<uint32_t>(list_.size()));
  body.raw(list_.data(), list_.size());
  plan_.save(row, body);
  StateWriter whole(std::move(bytes_));
  whole.u8(kVersion);
  whole.u32(checksum(body.bytes()));
  whole.raw(body.bytes().data(), body.bytes().size());
  out.append(",\"").append(kPartialField).append("\":\"");
  append_base64(out, whole.bytes());
  out += '"';
  body_ = body.take();
  bytes_ = whole.take();
}

PartialReader::PartialReader(const AggregatePlan& plan)
    : plan_(plan), memory_(std::make_unique<uint64_t[]>(plan.row_bytes() / sizeof(uint64_t) + 1)) {}

void PartialReader::clear() {
  if (row_ == nullptr) return;
  plan_.destroy(row_);
  row_ = nullptr;
}

std::string_view PartialReader::read(const JsonValue& field) {
  clear();
  if (field.type != JsonType::string) return "missing_partial";
  std::string_view text = field.string_body();
  if (field.escaped) {  // some write / as \/
    text_.clear();
    append_unescaped(text_, text);
    text = text_;
  }
  bytes_.clear();
  if (!append_base64_decoded(bytes_, text)) return "bad_partial";
  return read_bytes(bytes_);
}

std::string_view PartialReader::read_bytes(std::string_view bytes) {
  StateReader head(bytes);
  const uint8_t version = head.u8();
  const uint32_t expected = head.u32();
  if (!head.ok() || version == 0) return "bad_partial";
  if (version != kVersion) return "partial_version";
  const std::string_view body = bytes.substr(sizeof version + sizeof expected);
  if (checksum(body) != expected) return "bad_partial";

  StateReader in(body);
  window_.start = in.i64();
  window_.end = in.i64();
  const std::string_view list = in.raw(in.u32());
  // The smallest time is none.
  if (!in.ok() || window_.start == kBeforeAll.us || window_.start >= window_.end) return "bad_partial";
  const Known& from = known(list);
  if (!from.loader) {
    lacking_ = from.lacking;
    return lacking_.empty() ? "bad_partial" : "partial_lacks_aggregates";
  }
  row_ = reinterpret_cast<char*>(memory_.get());
  plan_.init(row_);
  if (from.loader->load(row_, in) && in.ok() && in.at_end()) return {};
  clear();
  return "bad_partial";
}

const PartialReader::Known& PartialReader::known(std::string_view list) {
  if (last_ && last_->first == list) return last_->second;
  auto found = known_.find(list);
  if (found == known_.end()) {
    if (known_.size() == kMaxKnown) known_.clear();
    Known made;
    auto loader = make_loader(plan_, list);
    if (loader.ok()) {
      made.loader = *std::move(loader);
    } else if (loader.status().exit_code() == 2) {
      made.lacking = loader.status().message();
    }
    found = known_.emplace(std::string(list), std::move(made)).first;
  }
  last_ = &*found;
  return last_->second;
}

Result<RowLoader> PartialReader::make_loader(const AggregatePlan& plan, std::string_view list) {
  std::vector<std::string> calls;
  while (calls.size() <= kMaxPlanParts) {
    const size_t end = list.find('\0');
    calls.emplace_back(list.substr(0, end));
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  return RowLoader::create(plan, calls);
}

}  // namespace streamutils::window
