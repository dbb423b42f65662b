// SPDX-License-Identifier: Apache-2.0
// Looking into a saved state with nothing but the state.
#include "lib/window/saved_windows.hpp"

#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class SavedWindowsTest : public OperatorTest {
 protected:
  std::string save() {
    StateWriter out;
    EXPECT_TRUE(op_->snapshot(out).ok());
    return out.bytes();
  }
  /// "unit W [start,end) key aggregates fired next_revision", times in seconds.
  Lines look(const std::string& state) {
    Units units;
    Context context{clock_, log_, metrics_, units};
    auto windows = open_saved_windows(state, context);
    EXPECT_TRUE(windows.ok()) << windows.status().message();
    Lines lines;
    EXPECT_TRUE((*windows)
                    ->visit_windows([&](const WindowOperator::View& v) {
                      std::string key;
                      for (const std::string_view part : v.key) key += std::string(part) + ';';
                      lines.push_back(fmt::format("{} {} [{},{}) {} {} {} {}", v.unit,
                                                  v.watermark == kBeforeAll ? -1 : v.watermark.us / kSecond,
                                                  v.window.start / kSecond, v.window.end / kSecond, key, v.aggregates,
                                                  v.fired, v.next_revision));
                      return Status();
                    })
                    .ok());
    return lines;
  }
};

TEST_F(SavedWindowsTest, TumblingWithCorrections) {
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{10 * kSecond};
  s.aggregates = "n=count() where v > 1, p=max(v), share=n/2";
  s.where = "k != \"x\"";
  make(s);
  for (const int t : {1, 2, 12}) record(fmt::format(R"({{"t":{},"k":"b","v":{}}})", t, t));
  at(3);
  record(R"({"t":3,"k":"x"})");
  watermark(11);
  record(R"({"t":4,"k":"b","v":4})");
  const std::string saved = save();
  const Lines expected = {R"(- 11 [0,10) "a"; ,"n":0,"p":null,"share":0 true 1)",
                          R"(- 11 [0,10) "b"; ,"n":2,"p":4,"share":1 true 2)",
                          R"(- 11 [10,20) "b"; ,"n":1,"p":12,"share":0.5 false 0)"};
  EXPECT_EQ(look(saved), expected);
  // Looking changes nothing: neither what is saved, nor what fires.
  int seen = 0;
  EXPECT_TRUE(op_->visit_windows([&seen](const WindowOperator::View&) { return ++seen, Status(); }).ok());
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(save(), saved);
}

TEST_F(SavedWindowsTest, SlidingByUnit) {
  WindowSettings s = plain_settings();
  s.slide = Duration{5 * kSecond};
  s.keys = {"k", "v.w"};
  s.scope = Scope::unit;
  s.offset = Duration{-kSecond};
  make(s);
  record(R"({"t":6,"k":"a,b","v":{"w":1.0}})", "t/1");
  record(R"({"t":11,"k":"a,b","v":{"w":1}})", "t/1");
  record(R"({"t":6,"k":null,"v":{"w":true}})", "t/0");
  watermark(10, "t/1");
  const Lines expected = {R"(t/0 -1 [-1,9) null;true; ,"n":1 false 0)", R"(t/0 -1 [4,14) null;true; ,"n":1 false 0)",
                          R"(t/1 10 [4,14) "a,b";1; ,"n":2 false 0)", R"(t/1 10 [9,19) "a,b";1; ,"n":1 false 0)"};
  EXPECT_EQ(look(save()), expected);
}

TEST_F(SavedWindowsTest, Sessions) {
  WindowSettings s = plain_settings();
  s.kind = WindowKind::session;
  s.keys.clear();
  s.time_format = TimeFormat::iso;
  s.allowed_lateness = Duration{100 * kSecond};
  make(s);
  for (const int t : {30, 1, 5}) at(t);
  watermark(20);
  const Lines expected = {R"(- 20 [1,15)  ,"n":2 true 1)", R"(- 20 [30,40)  ,"n":1 false 0)"};
  EXPECT_EQ(look(save()), expected);
}

TEST_F(SavedWindowsTest, PartialsAndWhatTheyAreMergedTo) {
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{10 * kSecond};
  s.partial = true;
  make(s);
  at(1);
  at(12);
  watermark(11);
  EXPECT_EQ(look(save()), (Lines{R"(- 11 [0,10) "a"; ,"n":0 true 1)", R"(- 11 [10,20) "a"; ,"n":1 false 0)"}))
      << "what was given is gone";
  const std::string partial = take().front();
  s.partial = false;
  s.merge = true;
  s.slide = Duration{5 * kSecond};
  make(s);
  record(partial);
  EXPECT_EQ(look(save()), Lines()) << "the windows of 10 s every 5 s have edges inside of it";
  s.size = Duration{40 * kSecond};
  s.slide = Duration{20 * kSecond};
  make(s);
  record(partial);
  EXPECT_EQ(look(save()), (Lines{R"(- -1 [-20,20) "a"; ,"n":1 false 0)", R"(- -1 [0,40) "a"; ,"n":1 false 0)"}));
}

TEST_F(SavedWindowsTest, DamagedStatesAreFailures) {
  make(plain_settings());
  for (int t = 0; t < 30; ++t) at(t);
  const std::string saved = save();
  Units units;
  Context context{clock_, log_, metrics_, units};
  for (size_t cut = 0; cut < saved.size(); ++cut) EXPECT_FALSE(open_saved_windows(saved.substr(0, cut), context).ok());
  for (size_t at = 0; at < saved.size(); ++at) {
    std::string flipped = saved;
    flipped[at] = static_cast<char>(~flipped[at]);
    (void)open_saved_windows(flipped, context).ok();  // whatever it says, it does not crash
  }
}

}  // namespace
}  // namespace streamutils::window
