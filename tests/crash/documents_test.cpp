// SPDX-License-Identifier: Apache-2.0
// docs/exactly-once.md has a row for every crash point, and none for a point that is never reached; the tests that it
// names are there.
#include <fstream>
#include <regex>
#include <set>

#include "tests/crash/results.hpp"

namespace streamutils::crash {
namespace {

struct Row {
  std::vector<std::string> points, tests;
};

/// The words in backquotes.
std::vector<std::string> quoted(const std::string& cell) {
  std::vector<std::string> words;
  const std::regex word("`([^`]+)`");
  for (std::sregex_iterator at(cell.begin(), cell.end(), word), end; at != end; ++at) words.push_back((*at)[1]);
  return words;
}

/// The rows of the table whose head begins with "point".
std::vector<Row> crash_point_table() {
  std::ifstream file(STREAM_SOURCE_DIR "/docs/exactly-once.md");
  EXPECT_TRUE(file.good());
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    inside = line.starts_with("| point |") || (inside && line.starts_with("|"));
    if (!inside || !line.starts_with("| `")) continue;
    const size_t first = line.find(" | "), last = line.rfind(" | ");
    rows.push_back({quoted(line.substr(0, first)), quoted(line.substr(last))});
  }
  return rows;
}

/// `<member>` and `<sink>` stand for any name.
std::regex pattern(const std::string& point) {
  return std::regex(std::regex_replace(point, std::regex("<[a-z]+>"), "[^ ]+"));
}

TEST(Documents, EveryPointHasARow) {
  const auto rows = crash_point_table();
  ASSERT_GT(rows.size(), 10u) << "docs/exactly-once.md has no table of crash points";
  std::vector<std::pair<std::string, std::regex>> documented;
  for (const Row& row : rows) {
    for (const std::string& point : row.points) documented.emplace_back(point, pattern(point));
  }
  std::set<std::string> unreached;
  for (const auto& [text, regex] : documented) EXPECT_TRUE(unreached.insert(text).second) << "two rows: " << text;
  for (const auto& [point, times] : undisturbed().reached) {
    int found = 0;
    for (const auto& [text, regex] : documented) {
      if (!std::regex_match(point, regex)) continue;
      ++found;
      unreached.erase(text);
    }
    EXPECT_EQ(found, 1) << "rows for the point '" << point << "'";
  }
  for (const std::string& text : unreached) ADD_FAILURE() << "a row, but no run reaches it: " << text;
  fmt::print("{} points, {} rows\n", undisturbed().reached.size(), rows.size());
}

TEST(Documents, TheTestsInTheTableExist) {
  std::set<std::string> known;
  // A test with a parameter is "All/CrashPoints.KilledAtEveryPoint/fused".
  const auto without_parameter = [](std::string name) { return name.substr(0, name.find('/')); };
  const auto* all = ::testing::UnitTest::GetInstance();
  for (int i = 0; i < all->total_test_suite_count(); ++i) {
    const auto* suite = all->GetTestSuite(i);
    const std::string suite_name = suite->name();
    known.insert(suite_name.substr(suite_name.find('/') + 1));
    for (int j = 0; j < suite->total_test_count(); ++j) known.insert(without_parameter(suite->GetTestInfo(j)->name()));
  }
  for (const Row& row : crash_point_table()) {
    EXPECT_FALSE(row.tests.empty()) << row.points.front();
    for (const std::string& test : row.tests) EXPECT_TRUE(known.contains(test)) << test;
  }
}

}  // namespace
}  // namespace streamutils::crash
