// SPDX-License-Identifier: Apache-2.0
// Saving and restoring a WindowOperator: at every item, with other options, from damaged bytes.
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class RestoreTest : public OperatorTest {
 protected:
  std::string save() {
    StateWriter out;
    EXPECT_TRUE(op_->snapshot(out).ok());
    return out.bytes();
  }
  Status restore(const std::string& bytes) {
    StateReader in(bytes);
    return op_->restore(in);
  }

  static WindowSettings rich(WindowKind kind) {
    WindowSettings s = plain_settings();
    s.kind = kind;
    if (kind == WindowKind::aligned) s.slide = Duration{4 * kSecond};
    s.allowed_lateness = Duration{15 * kSecond};
    s.late_fire = Duration{3 * kSecond};
    s.early = Duration{2 * kSecond};
    s.aggregates = "n=count(), d=distinct(v), p=p90(v), s=sum(v), l=last(v)";
    s.time_format = TimeFormat::us;
    return s;
  }

  /// One step of a stream of 120 items; steps depend on nothing but their number.
  void step(int i) {
    const int key = i * 7 % 3, unit = i % 2;
    if (i % 8 == 7) {
      watermark(i / 2 + i % 3, fmt::format("t/{}", unit));
    } else if (i % 16 == 12) {
      clock_.advance(Duration{3 * kSecond});
      EXPECT_TRUE(op_->on_deadline(out_).ok());
    } else {
      record(fmt::format(R"({{"t":{},"k":{},"v":{}.5}})", i / 2 - i * i % 17, key, i), fmt::format("t/{}", unit));
    }
  }

  void cut_everywhere(const WindowSettings& settings) {
    constexpr int kSteps = 120;
    clock_ = FakeClock();
    make(settings);
    for (int i = 0; i < kSteps; ++i) step(i);
    end();
    const Lines expected = take();
    EXPECT_GT(expected.size(), 40u);
    for (int cut = 0; cut <= kSteps; ++cut) {
      clock_ = FakeClock();
      make(settings);
      for (int i = 0; i < kSteps; ++i) {
        if (i == cut) {
          const std::string saved = save();
          make(settings);
          ASSERT_TRUE(restore(saved).ok());
          ASSERT_EQ(save(), saved) << "saved again it is the same";
        }
        step(i);
      }
      end();
      ASSERT_EQ(take(), expected) << "cut before step " << cut;
    }
  }
};

TEST_F(RestoreTest, SlidingWindowsCutAtEveryItem) { cut_everywhere(rich(WindowKind::aligned)); }
TEST_F(RestoreTest, SessionsCutAtEveryItem) { cut_everywhere(rich(WindowKind::session)); }
TEST_F(RestoreTest, ScopeUnitCutAtEveryItem) {
  WindowSettings s = rich(WindowKind::aligned);
  s.scope = Scope::unit;
  cut_everywhere(s);
}

TEST_F(RestoreTest, ASnapshotChangesNothing) {
  make(rich(WindowKind::session));
  for (int i = 0; i < 60; ++i) step(i);
  EXPECT_EQ(save(), save());
}

TEST_F(RestoreTest, LateBeforeIsLateAfter) {
  make(plain_settings());
  at(9);
  watermark(10);
  const std::string saved = save();
  take();
  make(plain_settings());
  ASSERT_TRUE(restore(saved).ok());
  at(8);
  EXPECT_EQ(results(), (Lines{"late"}));
}

TEST_F(RestoreTest, ALongerLatenessDoesNotBringBackWhatIsGone) {
  make(plain_settings());
  at(9);
  at(19);
  watermark(10);
  const std::string saved = save();
  take();
  WindowSettings longer = plain_settings();
  longer.allowed_lateness = Duration{100 * kSecond};
  make(longer);
  ASSERT_TRUE(restore(saved).ok());
  at(8);  // revision 0 of [0,10) is out: a second revision 0 would contradict it
  watermark(20);
  at(18);
  EXPECT_EQ(results(), (Lines{"late", "[10,20) 1 on-time 0", "[10,20) 2 late 1"}));
}

TEST_F(RestoreTest, AShorterLatenessForgetsAtOnceAndLeaksNothing) {
  WindowSettings longer = plain_settings();
  longer.allowed_lateness = Duration{100 * kSecond};
  longer.late_fire = Duration{50 * kSecond};
  make(longer);
  at(9);
  watermark(20);
  at(8);
  const std::string saved = save();
  take();
  WindowSettings shorter = plain_settings();
  make(shorter);
  ASSERT_TRUE(restore(saved).ok());
  at(7);
  watermark(21);
  EXPECT_EQ(results(), (Lines{"late", "[0,10) 2 late 1"})) << "the correction that was owed is given";
  EXPECT_EQ(metrics_.gauge("stream_open_windows", "").value(), 0);
  EXPECT_EQ(metrics_.gauge("stream_keys", "").value(), 0);
}

TEST_F(RestoreTest, OtherOptionsAreRefusedWithTheDifference) {
  make(plain_settings());
  const std::string saved = save();
  WindowSettings other = plain_settings();
  other.size = other.slide = Duration{60 * kSecond};
  make(other);
  const Status status = restore(saved);
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_EQ(
      status.message(),
      "the checkpoint was made with --tumbling 10s, this start has --tumbling 1m; start over with --fresh, or use "
      "the old options");
}

TEST_F(RestoreTest, TheFormatOfTimesMayChange) {
  make(plain_settings());
  at(1);
  const std::string saved = save();
  WindowSettings other = plain_settings();
  other.time_format = TimeFormat::iso;
  other.early = Duration{kSecond};
  make(other);
  EXPECT_TRUE(restore(saved).ok());
}

TEST_F(RestoreTest, EveryCutOfTheBytesIsRefused) {
  for (const WindowKind kind : {WindowKind::aligned, WindowKind::session}) {
    make(rich(kind));
    for (int i = 0; i < 60; ++i) step(i);
    const std::string saved = save();
    for (size_t size = 0; size < saved.size(); ++size) {
      make(rich(kind));
      ASSERT_FALSE(restore(saved.substr(0, size)).ok()) << size << " of " << saved.size();
    }
  }
}

TEST_F(RestoreTest, DamagedBytesNeverCrash) {
  for (const WindowKind kind : {WindowKind::aligned, WindowKind::session}) {
    make(rich(kind));
    for (int i = 0; i < 60; ++i) step(i);
    const std::string saved = save();
    uint64_t random = 1;
    for (int i = 0; i < 2000; ++i) {
      std::string damaged = saved;
      random = random * 6364136223846793005u + 1442695040888963407u;
      damaged[(random >> 33) % damaged.size()] ^= static_cast<char>(1 + (random >> 20) % 255);
      make(rich(kind));
      if (!restore(damaged).ok()) continue;
      at(50, "t/0");
      end();
      take();
    }
  }
}

}  // namespace
}  // namespace streamutils::window
