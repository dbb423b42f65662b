// SPDX-License-Identifier: Apache-2.0
// Records are read and added by blocks of a batch: what comes out is what comes of records that come one by one.
#include <random>

#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class BlocksTest : public OperatorTest, public testing::WithParamInterface<uint64_t> {
 protected:
  /// Lines of the records and watermarks that the seed makes, in batches of up to `largest` records.
  Lines run(WindowSettings settings, size_t largest) {
    make(std::move(settings));
    std::mt19937_64 random(GetParam()), cuts(largest);
    int64_t now = 100;
    for (int round = 0; round < 12; ++round) {
      std::vector<std::string> records;
      for (uint64_t n = random() % 300; n > 0; --n) records.push_back(next(random, now));
      for (size_t i = 0; i < records.size();) {
        builder_.clear(Units::kStream);
        for (size_t count = 1 + cuts() % largest; count > 0 && i < records.size(); --count)
          builder_.append(records[i++]);
        EXPECT_TRUE(op_->on_records(builder_.batch(), out_).ok());
      }
      now += static_cast<int64_t>(random() % 8);
      watermark(now - 5);
    }
    StateWriter state;
    EXPECT_TRUE(op_->snapshot(state).ok());
    end();
    Lines lines = take();
    lines.push_back(state.bytes());
    return lines;
  }

 private:
  static std::string next(std::mt19937_64& random, int64_t now) {
    const int64_t time = now - 12 + static_cast<int64_t>(random() % 20);  // some late, some gone
    const uint64_t v = random() % 100;
    switch (random() % 20) {
      case 0:
        return "{broken";
      case 1:
        return fmt::format(R"({{"k":1,"v":{}}})", v);
      case 2:
        return fmt::format(R"({{"t":{},"v":{}}})", time, v);
      case 3:
        return fmt::format(R"({{"t":{},"k":"x","v":"no number"}})", time);
      case 4:
        return fmt::format(R"({{"t":{},"k":"\u0061{}","v":{}}})", time, v % 7, v);
      case 5:
        return fmt::format(R"({{"t":{},"k":{}.0,"v":{}}})", time, v % 7, v);
      default:
        return fmt::format(R"({{"t":{},"k":"a{}","e":"{}","v":{}}})", time, v % 7, v % 3 == 0 ? "view" : "click", v);
    }
  }
};

TEST_P(BlocksTest, AreTheRecordsOneByOne) {
  for (const bool sliding : {false, true}) {
    for (const bool by_event : {false, true}) {
      WindowSettings settings = plain_settings();
      if (sliding) settings.slide = Duration{kSecond};
      settings.aggregates = "n=count(), s=sum(v), m=max(v), p=p90(v), d=distinct(v), big=count() where v > 50";
      if (by_event) settings.where = R"(e == "view" || v > 30)";
      settings.allowed_lateness = Duration{3 * kSecond};
      const Lines one_by_one = run(settings, 1);
      EXPECT_EQ(run(settings, 1000), one_by_one);
      EXPECT_EQ(run(settings, 100), one_by_one);
      EXPECT_GT(one_by_one.size(), 100U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BlocksTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace streamutils::window
