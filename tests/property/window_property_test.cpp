// SPDX-License-Identifier: Apache-2.0
// Random streams through the real operator and through the model: the same lines in the same order, whatever the
// batches, with times as a column or read from the records, and when the operator is saved and restored in the middle.
//
// PROPERTY_SEED and PROPERTY_STREAMS choose the first seed and how many streams; a failure names its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "lib/stream/state.hpp"
#include "lib/window/window_operator.hpp"
#include "tests/property/model.hpp"

namespace streamutils::property {
namespace {

/// Writes every item as the model does.
class Lines final : public Output {
 public:
  Lines(Units& units, std::vector<std::string>& lines) : units_(units), lines_(lines) {}
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      lines_.push_back(fmt::format("R {} {}", units_.name(batch.unit), batch.record(i)));
      // A result's event time is window_end - 1 us.
      const std::string_view record = batch.record(i);
      if (record.find("\"window_end\":null") != std::string_view::npos) {
        if (!batch.times.empty()) lines_.emplace_back("an event time without bounds");
        continue;
      }
      const size_t end = record.find("\"window_end\":") + 13;
      if (batch.times.empty() || std::stoll(std::string(record.substr(end, 24))) - 1 != batch.times[i]) {
        lines_.emplace_back("wrong event time");
      }
    }
    return {};
  }
  Status control(const Control& item) override {
    std::visit([this](const auto& i) { line(i); }, item);
    return {};
  }

 private:
  static std::string time(const std::optional<EventTime>& t) { return t ? std::to_string(t->us) : "-"; }
  void word(std::string_view what, UnitId unit) { lines_.push_back(fmt::format("{} {}", what, units_.name(unit))); }
  void line(const Open&) {}
  void line(const SideRecord& s) {
    lines_.push_back(fmt::format("S {} {} {} {} {} {} {}", s.label, s.reason, units_.name(s.unit), time(s.time),
                                 time(s.watermark), time(s.window_start), time(s.window_end)));
  }
  void line(const Watermark& w) { lines_.push_back(fmt::format("W {} {}", units_.name(w.unit), w.time.us)); }
  void line(const CaughtUp& c) { word("caught_up", c.unit); }
  void line(const Idle& i) { word(i.idle ? "idle" : "active", i.unit); }
  void line(const Assign& a) { word("assign", a.unit); }
  void line(const Revoke& r) { word("revoke", r.unit); }
  void line(const Barrier&) { lines_.emplace_back("barrier"); }
  void line(const Ack&) { lines_.emplace_back("ack"); }
  void line(const End& e) { lines_.push_back(fmt::format("E {:d}", e.fire)); }
  Units& units_;
  std::vector<std::string>& lines_;
};

window::WindowSettings settings(const Case& c) {
  window::WindowSettings s;
  s.kind = c.global      ? window::WindowKind::global
           : c.count > 0 ? window::WindowKind::count
           : c.session   ? window::WindowKind::session
           : c.cumulate  ? window::WindowKind::cumulate
                         : window::WindowKind::aligned;
  s.size.us = c.size;
  s.slide.us = c.slide;
  s.offset.us = c.offset;
  if (c.has_key) s.keys = {"k"};
  s.aggregates = "n=count(), sum=sum(v), min=min(v), first=first(v), last=last(v)";
  s.where = "!has(drop)";
  s.allowed_lateness.us = c.lateness;
  if (c.late_fire > 0) s.late_fire = Duration{c.late_fire};
  if (c.early > 0) s.early = Duration{c.early};
  s.scope = c.unit_scope ? window::Scope::unit : window::Scope::stream;
  s.time_format = TimeFormat::us;
  s.count = c.count;
  s.having = kHaving[c.having];
  s.top = c.top;
  if (c.top > 0) s.top_by = "sum";
  if (c.fill) {
    s.fill = "0";
    s.fill_for = Duration{c.fill_for};
  }
  return s;
}

std::string json(const Event& e) {
  std::string text = fmt::format(R"({{"t":{},"v":{})", e.time, e.value);
  if (!e.key.empty()) text += ",\"k\":" + e.key;
  if (e.dropped) text += ",\"drop\":1";
  return text + '}';
}

/// Runs a case through the operator.
class Player {
 public:
  Player(const Case& c, uint64_t seed) : c_(c), random_(seed), out_(units_, lines) { start(); }

  /// Feeds the events; before event `cut` the operator is saved and a new one goes on from there.
  void feed(size_t cut) {
    for (size_t i = 0; i < c_.events.size();) {
      if (i == cut) restart(i);
      if (c_.events[i].kind == Event::Kind::record) {
        i = feed_records(i, cut);
      } else {
        feed_item(c_.events[i++]);
      }
    }
  }
  double figure(std::string_view name) { return metrics_.counter(name, "").value(); }

  std::vector<std::string> lines;

 private:
  void start() {
    auto made = window::WindowOperator::create(settings(c_), context_);
    ASSERT_TRUE(made.ok()) << made.status().message();
    op_ = *std::move(made);
    Open open;
    open.time = TimeField{"t", TimeUnit::us, Duration{c_.shift}};
    check(op_->on_open(open, out_));
  }
  void restart(size_t at) {
    StateWriter saved, again;
    check(op_->snapshot(saved));
    start();
    StateReader in(saved.bytes());
    check(op_->restore(in));
    EXPECT_TRUE(in.at_end());
    check(op_->snapshot(again));
    EXPECT_EQ(saved.bytes().size(), again.bytes().size());
    if (c_.unit_scope) return;
    for (size_t i = 0; i < at; ++i) {
      if (c_.events[i].kind == Event::Kind::assign) feed_item(c_.events[i]);  // as a source does at every start
    }
  }
  size_t feed_records(size_t from, size_t cut) {
    const bool column = random_() % 2 == 0;
    const size_t most = 1 + random_() % 8;
    builder_.clear(units_.id(unit_name(c_.events[from].unit)));
    size_t i = from;
    for (; i < c_.events.size() && i - from < most && (i == from || i != cut); ++i) {
      const Event& e = c_.events[i];
      if (e.kind != Event::Kind::record || e.unit != c_.events[from].unit) break;
      const auto offset = static_cast<int64_t>(i);
      int64_t time =
          0;  // as a stage before would have put it into the column: the shift in it, the smallest when it is none
      if (e.time == kBeforeAll.us || __builtin_add_overflow(e.time, c_.shift, &time)) time = kBeforeAll.us;
      builder_.append(json(e), column ? &time : nullptr, &offset);
    }
    check(op_->on_records(builder_.batch(), out_));
    return i;
  }
  void feed_item(const Event& e) {
    using Kind = Event::Kind;
    const UnitId unit = units_.id(unit_name(e.unit));
    switch (e.kind) {
      case Kind::record:
        return;
      case Kind::watermark:
        return check(op_->on_watermark({unit, EventTime{e.time}}, out_));
      case Kind::idle:
        return check(op_->on_idle({unit, true}, out_));
      case Kind::active:
        return check(op_->on_idle({unit, false}, out_));
      case Kind::caught_up:
        return check(op_->on_caught_up({unit, true}, out_));
      case Kind::assign:
        return check(op_->on_assign({unit, 0, static_cast<uint32_t>(c_.units)}, out_));
      case Kind::revoke:
        return check(op_->on_revoke({unit}, out_));
      case Kind::clock:
        clock_.advance(Duration{e.time});
        if (op_->deadline() && *op_->deadline() <= clock_.mono()) check(op_->on_deadline(out_));
        return;
      case Kind::end:
        check(op_->on_end({}, out_));
        EXPECT_EQ(figure("stream_keys"), 0);
        EXPECT_EQ(figure("stream_open_windows"), 0);
        return;
    }
  }
  static void check(const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); }

  const Case& c_;
  std::mt19937_64 random_;
  FakeClock clock_;
  NullLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  Lines out_;
  BatchBuilder builder_;
  std::unique_ptr<window::WindowOperator> op_;
};

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string difference(const std::vector<std::string>& model, const std::vector<std::string>& real) {
  size_t i = 0;
  while (i < model.size() && i < real.size() && model[i] == real[i]) ++i;
  const auto line = [i](const std::vector<std::string>& lines) {
    return i < lines.size() ? lines[i] : std::string("(nothing)");
  };
  return fmt::format("first difference in line {}:\n  model   {}\n  swindow {}\n", i, line(model), line(real));
}

TEST(WindowProperty, EqualsTheModel) {
  const uint64_t first = from_environment("PROPERTY_SEED", 20260131);
  const uint64_t streams = from_environment("PROPERTY_STREAMS", 12000);
  fmt::print("seeds {} to {}\n", first, first + streams - 1);
  size_t items = 0, results = 0, side = 0, withdrawn = 0, early = 0, late_firings = 0;
  size_t ranked = 0, filled = 0, numbered = 0, unbounded = 0;
  for (uint64_t seed = first; seed < first + streams; ++seed) {
    const Case c = generate(seed);
    Model model(c);
    const std::vector<std::string> expected = model.run();

    Player whole(c, seed);
    whole.feed(c.events.size());
    ASSERT_EQ(expected, whole.lines) << "seed " << seed << '\n' << difference(expected, whole.lines) << describe(c);
    ASSERT_EQ(whole.figure("stream_late_records_total"), model.late) << "seed " << seed;
    ASSERT_EQ(whole.figure("stream_unassigned_records_total"), model.unassigned) << "seed " << seed;

    const size_t cut = std::mt19937_64(seed)() % c.events.size();
    Player restored(c, seed + 1);
    restored.feed(cut);
    ASSERT_EQ(expected, restored.lines) << "seed " << seed << ", cut before event " << cut << '\n'
                                        << difference(expected, restored.lines) << describe(c);
    items += c.events.size();
    for (const std::string& line : expected) {
      results += line[0] == 'R';
      side += line[0] == 'S';
      withdrawn += line.find("\"retracted\"") != std::string::npos;
      early += line.find("\"firing\":\"early\"") != std::string::npos;
      late_firings += line.find("\"firing\":\"late\"") != std::string::npos;
      ranked += line.find("\"rank\":2") != std::string::npos;
      filled += line.find("\"n\":0") != std::string::npos;
      numbered += line.find("\"window_number\":1") != std::string::npos;
      unbounded += line.find("\"window_end\":null") != std::string::npos;
    }
  }
  fmt::print("{} streams, {} items: {} results ({} early, {} late, {} withdrawals), {} side records\n", streams, items,
             results, early, late_firings, withdrawn, side);
  // A generator that no longer reaches these cases would prove nothing.
  EXPECT_GT(results, streams);
  EXPECT_GT(side, streams / 10);
  EXPECT_GT(withdrawn, streams / 100);
  EXPECT_GT(early, streams / 10);
  EXPECT_GT(late_firings, streams / 10);
  EXPECT_GT(ranked, streams / 100);
  EXPECT_GT(filled, streams / 10);
  EXPECT_GT(numbered, streams / 100);
  EXPECT_GT(unbounded, streams / 100);
}

}  // namespace
}  // namespace streamutils::property
