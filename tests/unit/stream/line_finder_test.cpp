// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/line_finder.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "lib/stream/control_json.hpp"

namespace streamutils {
namespace {

TEST(LineFinder, EveryKindOfProcessorSeesTheSameNewlines) {
  std::mt19937_64 random(1);
  std::string bytes;
  for (int i = 0; i < 64 * 40 + 5; ++i) bytes += random() % 4 == 0 ? "\n\x0b\x09\x8a"[random() % 4] : char(random());
  for (size_t start = 0; start < 5; ++start) {
    for (const NewlineMasks fill : newline_masks()) {
      std::vector<uint64_t> masks(40);
      fill(bytes.data() + start, masks.size(), masks.data());
      for (size_t i = 0; i < masks.size() * 64; ++i) {
        ASSERT_EQ(masks[i / 64] >> (i % 64) & 1, bytes[start + i] == '\n' ? 1U : 0U) << i;
      }
    }
  }
}

/// What find_lines() is to find, byte by byte. `room`: for so many lines.
std::vector<std::string> expected(std::string_view bytes, size_t from, const LineRules& rules, size_t& end) {
  std::vector<std::string> lines;
  for (end = from;;) {
    const size_t newline = bytes.find('\n', end);
    if (newline == std::string_view::npos) return lines;
    std::string_view line = bytes.substr(end, newline - end);
    if (line.size() > rules.max_bytes) return lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (rules.stop_at_controls && bytes.substr(end).starts_with(kControlPrefix))) return lines;
    lines.emplace_back(line);
    end = newline + 1;
  }
}

TEST(LineFinder, FindsWhatLooksLikeARecordAndStopsBeforeAllElse) {
  std::mt19937_64 random(2);
  size_t found_lines = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string bytes;
    const size_t longest = 1 + random() % 300;
    for (size_t n = random() % 60; n > 0; --n) {
      if (random() % 100 == 0) bytes += kControlPrefix;
      bytes.append(1 + random() % longest, 'x');
      if (random() % 100 == 0) bytes += "\n";
      if (random() % 9 == 0) bytes += "\r";
      bytes += '\n';
    }
    if (random() % 2 == 0) bytes.append(random() % 100, 'y');
    const size_t from = bytes.empty() ? 0 : random() % bytes.size();
    const LineRules rules{64 + random() % 250, random() % 2 == 0};
    const std::string padded = bytes + std::string(kJsonPadding, '\n');
    std::vector<Slice> slices(kLinesAtOnce + 3'000);
    const LinesFound found = find_lines(std::string_view(padded).substr(0, bytes.size()), from, rules, slices);
    size_t end = 0;
    const auto lines = expected(bytes, from, rules, end);
    ASSERT_EQ(found.count, lines.size());
    ASSERT_EQ(found.end, end);
    for (size_t l = 0; l < lines.size(); ++l) {
      ASSERT_EQ(padded.substr(slices[l].offset, slices[l].size), lines[l]);
    }
    found_lines += found.count;
  }
  EXPECT_GT(found_lines, 20'000U);
}

TEST(LineFinder, GoesOnWhereTheRoomEnded) {
  std::string bytes;
  for (int i = 0; i < 5'000; ++i) bytes += std::to_string(i) + '\n';
  const std::string padded = bytes + std::string(kJsonPadding, '\0');
  std::vector<Slice> slices(kLinesAtOnce + 1);
  size_t at = 0, lines = 0;
  while (at < bytes.size()) {
    const LinesFound found = find_lines(std::string_view(padded).substr(0, bytes.size()), at, {100, false}, slices);
    ASSERT_GT(found.count, 0U);
    for (size_t i = 0; i < found.count; ++i) {
      ASSERT_EQ(padded.substr(slices[i].offset, slices[i].size), std::to_string(lines++));
    }
    at = found.end;
  }
  EXPECT_EQ(lines, 5'000U);
}

}  // namespace
}  // namespace streamutils
