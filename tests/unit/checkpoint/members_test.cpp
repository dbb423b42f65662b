// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/members.hpp"

#include <gtest/gtest.h>

#include "lib/checkpoint/stage_member.hpp"
#include "tests/helpers/item_recorder.hpp"
#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

constexpr std::string_view kNothingCame =
    "the input ended before it began: the program before this one has failed; its message says why";

Open pipeline(bool with_source) {
  Open open;
  open.run = "0123456789abcdef";
  if (with_source) {
    open.stages.push_back({"1", "skafka-cat", false, "/cp"});
    open.sources.push_back({"clicks/0", 0, std::nullopt});
  }
  open.stages.push_back({with_source ? "2" : "1", "ssink-redis", true, "/cp"});
  return open;
}

TEST(Members, AnInputThatNeverBeganIsNotAPlainOne) {
  EXPECT_TRUE(find_members(pipeline(true), "/cp").ok());
  Open plain = pipeline(false);
  EXPECT_NE(find_members(plain, "/cp").status().message().find("this input is plain"), std::string_view::npos);
  plain.empty_input = true;
  const Status status = find_members(plain, "/cp").take_status();
  EXPECT_EQ(status.message(), kNothingCame);
  EXPECT_EQ(status.code(), Code::failed) << "the program before may be worth a restart; if not, its exit code says so";
}

class NoPatience final : public Patience {
 public:
  Status pause(Duration) override { return failed("nothing to wait for"); }
  [[nodiscard]] bool input_closed() const override { return true; }
};

class Stateful final : public Operator {
  [[nodiscard]] bool stateful() const override { return true; }
};

// An `open` of its own would look to the next program like a plain input.
TEST(Members, AStageWithoutInputGivesNothingOn) {
  MemoryStore store;
  NoPatience patience;
  FakeClock clock;
  Units units;
  Metrics metrics;
  NullLog log;
  Context context{clock, log, metrics, units};
  Stateful op;
  StageMember member(op, "swindow", *store, patience, context);
  ItemRecorder out(units);
  Open open = pipeline(false);
  open.empty_input = true;
  EXPECT_EQ(member.on_open(open, out).message(), kNothingCame);
  EXPECT_TRUE(out.items.empty());
}

}  // namespace
}  // namespace streamutils::checkpoint
