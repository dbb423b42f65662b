// SPDX-License-Identifier: Apache-2.0
// --partial and --merge: what a partial is, and what is not taken for one. That stages equal one stage is in
// partial_property_test.cpp.
#include <xxhash.h>

#include "lib/base/base64.hpp"
#include "tests/unit/window/partial_chain.hpp"

namespace streamutils::window {
namespace {

class PartialTest : public OperatorTest {
 protected:
  static WindowSettings partial(std::string aggregates = "n=count()") {
    WindowSettings s = plain_settings();
    s.aggregates = std::move(aggregates);
    s.partial = true;
    return s;
  }
  static WindowSettings merge(std::string aggregates = "n=count()", int64_t size = 60) {
    WindowSettings s = plain_settings();
    s.size = s.slide = Duration{size * kSecond};
    s.aggregates = std::move(aggregates);
    s.merge = true;
    return s;
  }
  static std::string field(const std::string& line) {
    const size_t from = line.find("\"partial\":\"") + 11;
    return line.substr(from, line.find('"', from) - from);
  }
  /// The partial of the records of a window, as base64.
  std::string partial_of(const std::string& aggregates, const std::vector<std::string>& records) {
    make(partial(aggregates));
    for (const std::string& r : records) record(r);
    end();
    return field(take().front());
  }
  /// A record with a partial; `t` is what swatermark has read.
  static std::string with(const std::string& partial, int64_t t = 0) {
    return fmt::format(R"({{"t":{},"k":"a","partial":"{}"}})", t, partial);
  }
  /// Why the operator does not take the record; empty when it does.
  std::string reason(const std::string& json) {
    record(json);
    const Lines lines = take();
    if (lines.empty()) return "";
    const size_t from = lines.back().find("\"reason\":\"") + 10;
    return lines.back().substr(from, lines.back().find('"', from) - from);
  }
  std::string refused(const WindowSettings& settings) {
    const auto made = WindowOperator::create(settings, context_);
    if (made.ok()) return "";
    EXPECT_EQ(made.status().exit_code(), 2);
    return std::string(made.status().message());
  }
  /// With the checksum made right.
  static std::string sealed(std::string bytes) {
    if (bytes.size() >= 5) {
      const std::string_view body = std::string_view(bytes).substr(5);
      const auto sum = static_cast<uint32_t>(XXH3_64bits(body.data(), body.size()));
      std::memcpy(bytes.data() + 1, &sum, sizeof sum);
    }
    std::string text;
    append_base64(text, bytes);
    return text;
  }
  Status restart(const WindowSettings& settings) {
    StateWriter saved;
    EXPECT_TRUE(op_->snapshot(saved).ok());
    make(settings);
    StateReader in(saved.bytes());
    return op_->restore(in);
  }
  const std::vector<std::string> kRecords = {R"({"t":1,"k":"a","v":1.5,"m":"x"})", R"({"t":7,"k":"a","v":3,"m":"y"})"};
};

TEST_F(PartialTest, APartialHoldsWhatCameSinceTheLast) {
  WindowSettings s = partial();
  s.allowed_lateness = Duration{50 * kSecond};
  s.early = Duration{kSecond};
  make(s);
  EXPECT_FALSE(out_.open.results) << "none replaces another";
  at(1);
  clock_.advance(Duration{kSecond});
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  watermark(10);
  at(2);
  at(3);
  Lines lines = take();
  std::erase_if(lines, [](const std::string& line) { return line.find("$stream") != std::string::npos; });
  ASSERT_EQ(lines.size(), 3U) << "nothing on time: it was given early";
  EXPECT_EQ(lines[0],
            fmt::format(R"({{"window_start":0,"window_end":10,"k":"a","partial":"{}","firing":"early","revision":0}})",
                        field(lines[0])));
  EXPECT_NE(lines[1].find(R"("firing":"late","revision":1})"), std::string::npos);
  EXPECT_NE(lines[2].find(R"("firing":"late","revision":2})"), std::string::npos);
  EXPECT_EQ(field(lines[0]), field(lines[1])) << "one record each";
  make(merge());
  for (const std::string& line : lines) record(line);
  end();
  EXPECT_EQ(results(), Lines{"[0,60) 3 on-time 0"});
}

TEST_F(PartialTest, AListMayBeAPartOfThePartials) {
  const std::string held = partial_of("sd=stddev(v), n=count(), t=topk(m, 2), p=p99(v), x=n*2", kRecords);
  make(merge("a=avg(v), s=sum(v), v=var(v), p=p50(v), c=count(v), mo=mode(m), twice=c*2, t=topk(m, 3)"));
  EXPECT_EQ(reason(with(held)), "");
  end();
  EXPECT_NE(take().front().find(R"("a":2.25,"s":4.5,"v":1.125,"p":1.5)"), std::string::npos);

  for (const char* lacking :
       {"s=sum(w)", "n=count() where v > 1", "p=p99(v) where v > 1", "h=histogram(v, 1)", "m=max(v)"}) {
    make(merge(lacking));
    log_.lines.clear();
    EXPECT_EQ(reason(with(held)), "partial_lacks_aggregates") << lacking;
    EXPECT_EQ(reason(with(held)), "partial_lacks_aggregates") << lacking;
    ASSERT_EQ(log_.lines.size(), 1U);
    const std::string call = std::string(lacking).substr(std::string_view(lacking).find('=') + 1);
    EXPECT_NE(log_.lines[0].find(call.substr(0, call.find(' '))), std::string::npos) << log_.lines[0];
  }
}

TEST_F(PartialTest, PartialsOfSeveralListsMeet) {
  const std::string wide = partial_of("n=count(), s=sum(v), sd=stddev(v)", kRecords);
  const std::string narrow = partial_of("s=sum(v), n=count()", kRecords);
  make(merge("n=count(), s=sum(v)"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reason(with(wide)), "");
    EXPECT_EQ(reason(with(narrow)), "");
  }
  end();
  EXPECT_NE(take().front().find(R"("n":12,"s":27)"), std::string::npos);
}

TEST_F(PartialTest, WhatIsNoPartialIsInvalid) {
  const std::string good = partial_of("n=count(), d=distinct(m), p=p99(v)", kRecords);
  make(merge("n=count(), d=distinct(m), p=p99(v)"));
  EXPECT_EQ(reason(R"({"t":1,"k":"a"})"), "missing_partial");
  EXPECT_EQ(reason(R"({"t":1,"k":"a","partial":null})"), "missing_partial");
  EXPECT_EQ(reason(R"({"t":1,"k":"a","partial":["AQ=="]})"), "missing_partial");
  EXPECT_EQ(reason(fmt::format(R"({{"t":1,"partial":"{}"}})", good)), "missing_key");
  for (const std::string& bad : {std::string(), std::string("A"), std::string("no partial!"), std::string("AAAA"),
                                 good.substr(0, good.size() - 4), good + "AAAA"}) {
    EXPECT_EQ(reason(with(bad)), "bad_partial") << bad;
  }
  std::string bytes;
  ASSERT_TRUE(append_base64_decoded(bytes, good));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes, text;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    append_base64(text, changed);
    EXPECT_EQ(reason(with(text)), i == 0 ? "partial_version" : "bad_partial") << i;
  }
  EXPECT_EQ(reason(with(good)), "") << "it goes on";
  std::string escaped = good;
  for (size_t at = 0; (at = escaped.find('/', at)) != std::string::npos; at += 2) escaped.insert(at, "\\");
  EXPECT_EQ(reason(with(escaped)), "") << "as some JSON writers have it";
  end();
  EXPECT_NE(take().front().find(R"("n":4,"d":2,"p":3,)"), std::string::npos);
}

TEST_F(PartialTest, DamageThatTheChecksumDoesNotShowIsInvalidToo) {
  const std::string good = partial_of("n=count(), d=distinct(m), f=first(m), s=sum(v)", kRecords);
  std::string bytes;
  ASSERT_TRUE(append_base64_decoded(bytes, good));
  make(merge("n=count(), d=distinct(m), f=first(m), s=sum(v)"));
  ASSERT_EQ(reason(with(sealed(bytes))), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(reason(with(sealed(bytes.substr(0, size)))), "bad_partial") << size;
  }
  EXPECT_EQ(reason(with(sealed(bytes + '\0'))), "bad_partial");
}

TEST_F(PartialTest, WindowsOfTheMergeAreInsideOrOutside) {
  const std::string held = partial_of("n=count()", kRecords);  // [0, 10)
  const auto tried = [&](int64_t size, int64_t slide, int64_t offset = 0) {
    WindowSettings s = merge("n=count()", size);
    s.slide = Duration{slide * kSecond};
    s.offset = Duration{offset * kSecond};
    make(s);
    return reason(with(held));
  };
  EXPECT_EQ(tried(10, 10), "");
  EXPECT_EQ(tried(30, 10), "");
  EXPECT_EQ(tried(5, 5), "window_straddles");
  EXPECT_EQ(tried(15, 15, 7), "window_straddles");
  EXPECT_EQ(tried(60, 4), "window_straddles");
  EXPECT_EQ(tried(10, 60), "");
  EXPECT_EQ(tried(10, 60, 30), "") << "in a gap";
  EXPECT_EQ(tried(10, 60, 5), "window_straddles");
  EXPECT_EQ(tried(5, 60), "window_straddles") << "its end is in a gap";
  EXPECT_EQ(tried(2, 60, 4), "window_straddles") << "both are";
}

TEST_F(PartialTest, TheBoundsThatCountAreThePartials) {
  const std::string held = partial_of("n=count()", kRecords);
  make(merge());
  record(R"({"t":5000,"window_start":90,"window_end":100,"k":"a","partial":")" + held + "\"}");
  end();
  EXPECT_EQ(results(), Lines{"[0,60) 2 on-time 0"});
}

TEST_F(PartialTest, ALatePartialIsLate) {
  const std::string held = partial_of("n=count()", kRecords);
  WindowSettings s = merge();
  s.allowed_lateness = Duration{5 * kSecond};
  make(s);
  watermark(64);
  record(with(held));
  watermark(65);
  record(with(held));
  EXPECT_EQ(results(), (Lines{"[0,60) 2 late 0", "late"}));
}

TEST_F(PartialTest, UnitsAreMerged) {
  WindowSettings first = partial("d=distinct(m), n=count()");
  first.scope = Scope::unit;
  first.time_format = TimeFormat::us;
  WindowSettings last = merge("n=count(), d=distinct(m)");
  Chain chain({first, last});
  chain.assign("t/0", 2);
  chain.assign("t/1", 2);
  chain.record(R"({"t":1,"k":"a","m":1})", "t/0");
  chain.record(R"({"t":1,"k":"a","m":2})", "t/1");
  chain.record(R"({"t":1,"k":"a","m":1.0})", "t/1");
  chain.watermark(60 * kSecond, "t/0");
  EXPECT_EQ(chain.take(), Lines()) << "of one unit only";
  chain.watermark(60 * kSecond, "t/1");
  EXPECT_EQ(chain.take().front(),
            R"({"window_start":0,"window_end":60,"k":"a","n":3,"d":2,"firing":"on-time","revision":0})");
}

TEST_F(PartialTest, ManyDistinctValues) {
  std::vector<WindowSettings> stages = {partial("d=distinct(m), p=p99(m)"), merge("d=distinct(m), p=p99(m)", 100)};
  stages[0].size = stages[0].slide = Duration{10};
  stages[1].size = stages[1].slide = Duration{100'000};
  for (WindowSettings& s : stages) s.time_format = TimeFormat::us;
  WindowSettings one = stages[1];
  one.merge = false;
  Chain two_stages(stages), one_stage({one});
  for (int i = 0; i < 20'000; ++i) {
    const std::string json = fmt::format(R"({{"t":{},"k":"a","m":{}}})", i, i);
    two_stages.record(json);
    one_stage.record(json);
    if (i % 100 == 0) two_stages.watermark(i);
  }
  two_stages.end();
  one_stage.end();
  EXPECT_EQ(two_stages.take().at(200), one_stage.take().at(0));
}

TEST_F(PartialTest, AStartGoesOn) {
  make(partial("n=count(), s=sum(v)"));
  record(kRecords[0]);
  const Status other = restart(partial("n=count(), s=sum(v), d=distinct(m)"));
  EXPECT_EQ(other.exit_code(), 2) << "a partial cannot say that a part of it began later";
  EXPECT_NE(other.message().find("--agg"), std::string_view::npos) << other.message();

  const std::string held = partial_of("n=count(), sd=stddev(v)", kRecords);
  make(merge("s=sum(v)"));
  EXPECT_EQ(reason(with(held)), "");
  ASSERT_TRUE(restart(merge("s=sum(v), sd=stddev(v), n=count()")).ok());
  EXPECT_EQ(reason(with(held)), "");
  end();
  EXPECT_NE(take().front().find(R"("s":9,"sd":1.0606601717798212,"n":2)"), std::string::npos);

  make(merge());
  WindowSettings raw = merge();
  raw.merge = false;
  EXPECT_EQ(restart(raw).exit_code(), 2);
}

TEST_F(PartialTest, WhatDoesNotGoTogether) {
  const auto changed = [](WindowSettings s, const auto& change) {
    change(s);
    return s;
  };
  EXPECT_EQ(refused(partial()), "");
  EXPECT_EQ(refused(merge()), "");
  for (const auto& [settings, option] : std::vector<std::pair<WindowSettings, std::string_view>>{
           {changed(partial(), [](auto& s) { s.slide = Duration{kSecond}; }), "--sliding"},
           {changed(partial(),
                    [](auto& s) {
                      s.kind = WindowKind::session;
                      s.time_format = TimeFormat::us;
                    }),
            "--session"},
           {changed(partial(), [](auto& s) { s.kind = WindowKind::global; }), "--global"},
           {changed(partial(), [](auto& s) { s.having = "n > 1"; }), "--having"},
           {changed(partial(),
                    [](auto& s) {
                      s.top = 1;
                      s.top_by = "n";
                    }),
            "--top"},
           {changed(partial(), [](auto& s) { s.fill = "0"; }), "--fill"},
           {changed(partial(), [](auto& s) { s.keys = {"partial"}; }), "--key"},
           {changed(merge(), [](auto& s) { s.keys = {"partial"}; }), "--key"},
           {changed(merge(),
                    [](auto& s) {
                      s.kind = WindowKind::session;
                      s.time_format = TimeFormat::us;
                    }),
            "--merge"},
           {changed(merge(),
                    [](auto& s) {
                      s.kind = WindowKind::count;
                      s.count = 2;
                      s.time_format = TimeFormat::us;
                    }),
            "--merge"}}) {
    EXPECT_NE(refused(settings).find(option), std::string::npos) << option << ": " << refused(settings);
  }
}

}  // namespace
}  // namespace streamutils::window
