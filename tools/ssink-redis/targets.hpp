// SPDX-License-Identifier: Apache-2.0
// Where results go, as the options say it, and the fields that this takes.
#pragma once
#include <optional>

#include "lib/json/record_parser.hpp"
#include "lib/json/template.hpp"
#include "tools/ssink-redis/options.hpp"

namespace streamutils::ssink_redis {

struct Targets {
  FieldSet fields;
  std::optional<Template> hash, zset, member, counter, string, stream, publish;
  size_t score = 0, by = 0;  ///< slots, with zset and counter

  /// Are all fields of a record written one by one?
  [[nodiscard]] bool takes_all_fields() const { return hash || stream; }
};

/// On failure: a usage error that names the option.
Result<Targets> parse_targets(const Options& options);

}  // namespace streamutils::ssink_redis
