// SPDX-License-Identifier: Apache-2.0
// One event like those of the Yahoo streaming benchmark.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>

#include "bench/generator.hpp"

namespace streamutils::bench {

/// Appends an event of 253 bytes and a newline, of ad number `ad`: user, page, types drawn from `random`, the event
/// time epoch milliseconds as a string, or as a number.
inline void append_event(std::string& out, uint64_t a, Random& random, int64_t time_ms, uint64_t ad,
                         bool numeric = false) {
  static constexpr const char* kTypes[] = {"view", "click", "purchase"};
  static constexpr const char* kAdTypes[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
  const uint64_t b = random.next(), c = random.next();
  const size_t start = out.size();
  fmt::format_to(std::back_inserter(out),
                 R"({{"user_id":"{:08x}-1cf2-4d2c-a1b5-{:012x}","page_id":"{:08x}-77b2-4f4c-9e3d-{:012x}",)"
                 R"("ad_id":"{:08x}-52a0-4c4e-8f5a-{:012x}","ad_type":"{}","event_type":"{}",)"
                 R"("event_time":{}{}{},"ip_address":"1.2.3.4"}})",
                 b & 0xffffffff, b >> 32, c & 0xffffffff, c >> 32, ad * 2654435761U & 0xffffffff, ad,
                 kAdTypes[(a >> 32) % 5], kTypes[(a >> 40) % 3], numeric ? "" : "\"", time_ms, numeric ? "" : "\"");
  // Spaces before the closing brace make every event 253 bytes and a newline.
  const size_t size = out.size() - start;
  if (size < 253) out.insert(out.size() - 1, 253 - size, ' ');
  out += '\n';
}

}  // namespace streamutils::bench
