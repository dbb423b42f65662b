// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/targets.hpp"

#include <map>
#include <string_view>

namespace streamutils::ssink_redis {

namespace {

Status parse_name(std::string_view option, const std::optional<std::string>& text, FieldSet& fields,
                  std::optional<Template>& target) {
  if (!text) return {};
  auto parsed = Template::parse(*text, fields);
  if (!parsed.ok()) return parsed.take_status().at(option);
  target = *std::move(parsed);
  return {};
}

Status parse_field(std::string_view option, const std::optional<std::string>& path, FieldSet& fields, size_t& slot) {
  if (!path) return {};
  auto added = fields.add(*path);
  if (!added.ok()) return added.take_status().at(option);
  slot = *added;
  return {};
}

Status check_together(const Options& o) {
  if (!o.hash && !o.zset && !o.counter && !o.string && !o.stream && !o.publish) {
    return usage_error("no target: give one or more of --hash, --zset, --counter, --string, --stream, --publish");
  }
  if (o.zset && (!o.score || !o.member)) return usage_error("--zset needs --score FIELD and --member TEMPLATE");
  if (!o.zset && o.score) return usage_error("--score needs --zset KEY");
  if (!o.zset && o.member) return usage_error("--member needs --zset KEY");
  if (o.counter.has_value() != o.by.has_value()) return usage_error("--counter KEY and --by FIELD need each other");
  std::map<std::string_view, std::string_view> options_by_key;
  const std::pair<std::string_view, const std::optional<std::string>&> keys[] = {
      {"--hash", o.hash}, {"--zset", o.zset}, {"--counter", o.counter}, {"--string", o.string}, {"--stream", o.stream}};
  for (const auto& [option, key] : keys) {
    if (!key) continue;
    const auto [known, is_new] = options_by_key.emplace(*key, option);
    if (!is_new) {
      return usage_error("{} and {} cannot both write '{}'; give them different keys", known->second, option, *key);
    }
  }
  return {};
}

}  // namespace

Result<Targets> parse_targets(const Options& o) {
  STREAM_TRY(check_together(o));
  Targets targets;
  STREAM_TRY(parse_name("--hash", o.hash, targets.fields, targets.hash));
  STREAM_TRY(parse_name("--zset", o.zset, targets.fields, targets.zset));
  STREAM_TRY(parse_name("--member", o.member, targets.fields, targets.member));
  STREAM_TRY(parse_field("--score", o.score, targets.fields, targets.score));
  STREAM_TRY(parse_name("--counter", o.counter, targets.fields, targets.counter));
  STREAM_TRY(parse_field("--by", o.by, targets.fields, targets.by));
  STREAM_TRY(parse_name("--string", o.string, targets.fields, targets.string));
  STREAM_TRY(parse_name("--stream", o.stream, targets.fields, targets.stream));
  STREAM_TRY(parse_name("--publish", o.publish, targets.fields, targets.publish));
  return targets;
}

}  // namespace streamutils::ssink_redis
