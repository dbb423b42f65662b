// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/resume.hpp"

#include <gtest/gtest.h>

namespace streamutils::kafka {
namespace {

using Positions = std::map<std::string, int64_t, std::less<>>;

// The log holds 100 to 200; -o says 150.
PartitionRange range(int32_t partition) {
  return {.topic = "t", .partition = partition, .low = 100, .high = 200, .start = 150, .end = 200};
}

checkpoint::ResumePoint point(Positions positions, Positions ends = {}) {
  return {.first = false, .finished = false, .positions = std::move(positions), .ends = std::move(ends)};
}

std::string message(const Status& status) {
  EXPECT_EQ(status.code(), Code::usage);
  return std::string(status.message());
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Resume, GoesOnAtThePositionsAndNewPartitionsFromTheirBeginning) {
  std::vector<PartitionRange> ranges{range(0), range(1), range(2), range(3)};
  ASSERT_TRUE(resume_ranges(ranges, point({{"t/0", 100}, {"t/1", 170}, {"t/2", 200}}), false).ok());
  EXPECT_EQ(ranges[0].start, 100);
  EXPECT_EQ(ranges[1].start, 170);
  EXPECT_EQ(ranges[2].start, 200);
  EXPECT_EQ(ranges[3].start, 100) << "it was added, so -o does not count";
}

TEST(Resume, OnlyAFixedRangeKeepsItsFirstEnd) {
  const auto known = point({{"t/0", 120}, {"t/1", 120}}, {{"t/0", 130}});
  std::vector<PartitionRange> ranges{range(0), range(1)};
  ASSERT_TRUE(resume_ranges(ranges, known, true).ok());
  EXPECT_EQ(ranges[0].end, 130);
  EXPECT_EQ(ranges[1].end, 200) << "a range that was read to its end gets new bounds";
  ranges = {range(0), range(1)};
  ASSERT_TRUE(resume_ranges(ranges, known, false).ok());
  EXPECT_EQ(ranges[0].end, 200) << "-e ends where the log ends now";
  ranges[0].end.reset();
  ASSERT_TRUE(resume_ranges(ranges, known, false).ok());
  EXPECT_FALSE(ranges[0].end) << "-e was dropped";
}

TEST(Resume, NamesWhatExpired) {
  std::vector<PartitionRange> ranges{range(0), range(1), range(2)};
  const auto known = point({{"t/0", 100}, {"t/1", 90}, {"t/2", 60}});
  EXPECT_FALSE(lies_beyond(ranges, known, false));
  const std::string text = message(resume_ranges(ranges, known, false));
  EXPECT_CONTAINS(text, "'t/1' is to go on at offset 90, but its log holds 100 to 200");
  EXPECT_CONTAINS(text, "up to 10 records were deleted");
  EXPECT_CONTAINS(text, "and 1 more partition likewise");
  EXPECT_CONTAINS(text, "--fresh");
  EXPECT_CONTAINS(text, "--from-epoch");
  EXPECT_CONTAINS(text, "retention.ms");
}

TEST(Resume, NamesALogThatIsTooShort) {
  std::vector<PartitionRange> ranges{range(0)};
  const auto known = point({{"t/0", 201}});
  EXPECT_TRUE(lies_beyond(ranges, known, false));
  const std::string text = message(resume_ranges(ranges, known, false));
  EXPECT_CONTAINS(text, "'t/0' is to go on at offset 201, but its log holds 100 to 200: the last 1 offsets");
  EXPECT_CONTAINS(text, "--fresh");

  const auto ended = point({{"t/0", 150}}, {{"t/0", 300}});
  EXPECT_FALSE(lies_beyond(ranges, ended, false));
  EXPECT_TRUE(lies_beyond(ranges, ended, true)) << "it would wait for ever for its end";
  EXPECT_CONTAINS(message(resume_ranges(ranges, ended, true)), "'t/0' is to be read to offset 300");
}

TEST(Resume, NamesAPartitionThatIsNotReadAnyMore) {
  std::vector<PartitionRange> ranges{range(0)};
  const std::string text = message(resume_ranges(ranges, point({{"t/0", 150}, {"t/1", 7}, {"u/0", 8}}), false));
  EXPECT_CONTAINS(text, "'t/1' at offset 7, which is not read now (and 1 more partition likewise)");
}

TEST(Resume, AFirstStartThatCouldNotBeIsStillToCome) {
  std::vector<PartitionRange> ranges{range(0)};
  ASSERT_TRUE(resume_ranges(ranges, point({{"t/0", kNoStart}}), false).ok());
  EXPECT_EQ(ranges[0].start, 150);
  ranges[0].bad_start = "offset 7 is outside";
  EXPECT_EQ(message(resume_ranges(ranges, point({{"t/0", kNoStart}}), false)), "offset 7 is outside");
}

}  // namespace
}  // namespace streamutils::kafka
