// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/row.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <charconv>
#include <cmath>

#include "lib/json/text.hpp"
#include "lib/redis/chunk.hpp"

namespace streamutils::ssink_redis {

namespace {

/// The path of the top-level field with exactly this name.
std::string literal_path(std::string_view name) {
  std::string path;
  for (const char c : name) {
    if (c == '.') path.push_back('\\');
    path.push_back(c);
  }
  return path;
}

/// Is it a number that a double can hold without overflow?
bool is_score(const JsonValue& value) {
  if (value.type != JsonType::number) return false;
  if (value.raw.size() < 100 && value.raw.find_first_of("eE") == std::string_view::npos) return true;
  const auto decimal = Decimal::parse(value.raw);
  return decimal && std::isfinite(decimal->to_double());
}

bool contains(const std::vector<redis::Field>& fields, std::string_view name) {
  for (const redis::Field& field : fields) {
    if (field.name == name) return true;
  }
  return false;
}

constexpr size_t kFewFields = 24;  // up to here comparing is cheaper than hashing

}  // namespace

RowReader::RowReader(Targets targets) : targets_(std::move(targets)) { prepare(); }

Status RowReader::open(const Open& open) {
  if (!open.results) return {};
  ResultFields result;
  const auto slot = [&](std::string_view name, size_t& out) -> Status {
    STREAM_ASSIGN(out, targets_.fields.add(literal_path(name)));
    return {};
  };
  result.keys.resize(open.keys.size());
  for (size_t i = 0; i < open.keys.size(); ++i) STREAM_TRY(slot(open.keys[i], result.keys[i]));
  STREAM_TRY(slot("window_start", result.start));
  STREAM_TRY(slot("window_end", result.end));
  STREAM_TRY(slot("revision", result.revision));
  STREAM_TRY(slot("retracted", result.retracted));
  if (open.time) result.unit = open.time->unit;
  results_ = std::move(result);
  prepare();
  return {};
}

/// A result's key field may be called "user.id": `{user.id}` finds it when there is no id inside a user.
void RowReader::prepare() {
  flat_.clear();
  const size_t asked = targets_.fields.size();
  for (size_t slot = 0; slot < asked; ++slot) {
    const auto& parts = targets_.fields.parts(slot);
    if (parts.size() < 2) continue;
    std::string name = parts.front();
    for (size_t i = 1; i < parts.size(); ++i) name.append(".").append(parts[i]);
    if (const auto flat = targets_.fields.add(literal_path(name)); flat.ok()) flat_.emplace_back(slot, *flat);
  }
  values_.resize(targets_.fields.size());
  parser_.emplace(targets_.fields);
}

std::string_view RowReader::blamed(size_t slot, std::string_view reason) {
  blame_ = targets_.fields.text(slot);
  return reason;
}

std::string_view RowReader::read(std::string_view record, Row& row) {
  blame_.clear();
  if (const ParseError error = parser_->parse(record, values_); error != ParseError::none) return reason(error);
  for (const auto& [slot, flat] : flat_) {
    if (values_[slot].type == JsonType::missing) values_[slot] = values_[flat];
  }
  row.record = record;
  if (results_) {
    if (const auto reason = read_identity(row); !reason.empty()) return reason;
  }
  if (const auto reason = read_names(row); !reason.empty()) return reason;
  if (const auto reason = read_numbers(row); !reason.empty()) return reason;
  return targets_.takes_all_fields() ? read_fields(record, row) : std::string_view();
}

std::string_view RowReader::read_identity(Row& row) {
  row.keys.clear();
  for (const size_t slot : results_->keys) {
    if (!row.keys.empty()) row.keys.push_back(',');
    if (values_[slot].type == JsonType::missing) return blamed(slot, "missing_key");
    if (!append_canonical(row.keys, values_[slot])) return blamed(slot, "bad_key");
  }
  for (const auto& [slot, target] : {std::pair(results_->start, &row.start), std::pair(results_->end, &row.end)}) {
    if (values_[slot].type == JsonType::missing) return blamed(slot, "missing_field");
    if (values_[slot].type == JsonType::null) {  // a window without bounds
      *target = target == &row.start ? kBeforeAll : kAfterAll;
      continue;
    }
    const auto time = read_event_time(values_[slot], results_->unit);
    if (!time) return blamed(slot, "bad_time");
    *target = *time;
  }
  const JsonValue& revision = values_[results_->revision];
  if (revision.type == JsonType::missing) return blamed(results_->revision, "missing_field");
  const char* end = revision.raw.data() + revision.raw.size();
  const auto parsed = std::from_chars(revision.raw.data(), end, row.revision);
  if (parsed.ec != std::errc() || parsed.ptr != end || row.revision < 0) {
    return blamed(results_->revision, "bad_revision");
  }
  row.retracted = values_[results_->retracted].is_true();
  return {};
}

std::string_view RowReader::read_names(Row& row) {
  const std::pair<const std::optional<Template>&, std::string&> names[] = {
      {targets_.hash, row.hash_key},       {targets_.zset, row.zset_key},     {targets_.member, row.member},
      {targets_.counter, row.counter_key}, {targets_.string, row.string_key}, {targets_.stream, row.stream_key},
      {targets_.publish, row.channel}};
  for (const auto& [name, text] : names) {
    if (!name) continue;
    text.clear();
    size_t slot = 0;
    const auto outcome = name->render(values_, text, &slot);
    if (outcome != Template::Outcome::ok) return blamed(slot, reason(outcome));
  }
  return {};
}

std::string_view RowReader::read_numbers(Row& row) {
  if (targets_.zset) {
    const JsonValue& score = values_[targets_.score];
    if (score.type == JsonType::missing) return blamed(targets_.score, "missing_field");
    if (!is_score(score)) return blamed(targets_.score, "bad_score");
    row.score = score.raw;
  }
  if (targets_.counter) {
    const JsonValue& by = values_[targets_.by];
    if (by.type == JsonType::missing) return blamed(targets_.by, "missing_field");
    if (by.type == JsonType::null) {
      row.amount = 0;  // the sum of nothing
      return {};
    }
    auto amount = by.type == JsonType::number ? Decimal::parse(by.raw) : std::nullopt;
    if (!amount || !redis::plain_text(*amount)) return blamed(targets_.by, "bad_amount");
    row.amount = *std::move(amount);
  }
  return {};
}

std::string_view RowReader::read_fields(std::string_view record, Row& row) {
  if (const ParseError error = parser_->parse_members(record, members_); error != ParseError::none)
    return reason(error);
  if (members_.empty()) return "empty_record";
  row.fields.clear();
  row.field_names.clear();
  unescaped_.clear();
  unescaped_.reserve(record.size());  // unescaping never lengthens: no view into it moves
  const auto plain = [&](const JsonValue& value) -> std::string_view {
    if (value.type != JsonType::string) return value.raw;
    if (!value.escaped) return value.string_body();
    const size_t start = unescaped_.size();
    append_unescaped(unescaped_, value.string_body());
    return std::string_view(unescaped_).substr(start);
  };
  boost::unordered_flat_set<std::string_view> seen;
  for (const RecordParser::Member& member : members_) {
    const bool escaped = member.raw_key.find('\\') != std::string_view::npos;
    const std::string_view name = plain({JsonType::string, escaped, member.raw_key});
    if (members_.size() <= kFewFields ? contains(row.fields, name) : !seen.insert(name).second) continue;
    row.fields.push_back({name, plain(member.value)});
    const auto size = static_cast<uint32_t>(name.size());
    row.field_names.append(reinterpret_cast<const char*>(&size), sizeof size).append(name);
  }
  return row.fields.size() > redis::kMaxFields ? std::string_view("too_many_fields") : std::string_view();
}

}  // namespace streamutils::ssink_redis
