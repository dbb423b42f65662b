// SPDX-License-Identifier: Apache-2.0
// Random streams through one swindow, and through partials that are merged in one and two stages: the same results
// byte for byte, and the same accumulators.
#include <algorithm>
#include <map>
#include <random>

#include "tests/unit/window/partial_chain.hpp"

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;

constexpr int64_t kMinute = 60 * kSecond;
constexpr std::string_view kList =
    "n=count(), c=count(v) where w > 3, s=sum(v), a=avg(v), lo=min(m), hi=max(m), f=first(m), l=last(m), sd=stddev(w), "
    "d=distinct(m), p50=p50(v), p99=p99(v) where w < 8, md=median(v), va=var(v), sk=skewness(v), co=corr(v, w), "
    "r=rate(v), mo=mode(m), tk=topk(m, 5), h=histogram(v, -100, 0, 0.5, 100), cl=collect(m, 7), am=argmin(m, v), "
    "ax=argmax(v, m), fb=first_by(m, w), lb=last_by(m, w), an=any(m), dd=distinct(g, m), both=s+n";

struct Step {
  enum class Kind { record, watermark, clock, restart };
  Kind kind = Kind::record;
  int64_t time = 0;
  std::string json;
};

/// Records in disorder, none too late for the minute that it is in; over some hours that skip many minutes.
std::vector<Step> random_steps(Random& random, int64_t lateness, bool equal_times) {
  std::vector<Step> steps;
  const uint64_t values = random() % 2 == 0 ? 5 : 3000;
  const int64_t pace = static_cast<int64_t>(1 + random() % 300) * kSecond / 4;
  int64_t now = static_cast<int64_t>(random() % 3) * 1'000'000 * kMinute - 120 * kMinute, watermark = kBeforeAll.us;
  std::map<int64_t, bool> used;
  for (uint64_t n = random() % 5 == 0 ? 4000 : 50 + random() % 300; n > 0; --n) {
    now += static_cast<int64_t>(random() % 10) * pace / 8;
    switch (random() % 12) {
      case 0:
        watermark = std::max(watermark, now - static_cast<int64_t>(random() % 3) * 20 * kSecond);
        steps.push_back({Step::Kind::watermark, watermark, {}});
        break;
      case 1:
        if (random() % 8 == 0) steps.push_back({Step::Kind::clock, 5 * kSecond, {}});
        break;
      default: {
        int64_t time = now - static_cast<int64_t>(random() % 100) * kSecond;
        if (watermark != kBeforeAll.us) time = std::max(time, watermark - lateness);
        if (equal_times) time -= time % (10 * kSecond) - (time % (10 * kSecond) < 0 ? -10 * kSecond : 0) - 9 * kSecond;
        while (!equal_times && used[time]) ++time;
        used[time] = true;
        const std::string m =
            random() % 3 == 0 ? std::to_string(random() % values) : fmt::format("\"m{}\"", random() % values);
        steps.push_back({Step::Kind::record, time,
                         fmt::format(R"({{"t":{},"k":"k{}","g":{},"v":{}.{:02},"w":{},"m":{}}})", time, random() % 4,
                                     random() % 3, static_cast<int64_t>(random() % 400) - 200, random() % 100,
                                     random() % 10, random() % 11 == 0 ? "null" : m)});
      }
    }
  }
  steps.insert(steps.begin() + static_cast<ptrdiff_t>(random() % steps.size()), {Step::Kind::restart, 0, {}});
  return steps;
}

std::vector<std::string> run(const std::vector<Step>& steps, std::vector<WindowSettings> stages, bool restarts) {
  Chain chain(std::move(stages));
  for (const Step& step : steps) {
    switch (step.kind) {
      case Step::Kind::record:
        chain.record(step.json);
        break;
      case Step::Kind::watermark:
        chain.watermark(step.time);
        break;
      case Step::Kind::clock:
        chain.clock(Duration{step.time});
        break;
      case Step::Kind::restart:
        if (restarts) chain.restart();
    }
  }
  chain.end();
  return chain.take();
}

WindowSettings tumbling(int64_t size) {
  WindowSettings s;
  s.size = s.slide = Duration{size};
  s.keys = {"k", "g"};
  s.aggregates = kList;
  s.time_format = TimeFormat::us;
  return s;
}
WindowSettings partial(WindowSettings s) {
  s.partial = true;
  return s;
}
WindowSettings merge(WindowSettings s) {
  s.merge = true;
  return s;
}

WindowSettings random_windows(Random& random) {
  WindowSettings s = tumbling(60 * kMinute);
  switch (random() % 6) {
    case 0:
      s.slide = Duration{20 * kMinute};
      break;
    case 1:
      s.kind = WindowKind::cumulate;
      s.slide = Duration{10 * kMinute};
      break;
    case 2:
      s.kind = WindowKind::global;
      break;
    case 3:
      s.calendar = CalendarSpan::parse("1day");
      s.calendar->zone = "Europe/Berlin";
      s.size = s.slide = s.calendar->nominal();
      break;
    case 4:
      s.size = Duration{60 * kMinute};
      s.slide = Duration{70 * kMinute};  // gaps
      break;
    default:
      break;
  }
  return s;
}

/// What of the lines stands at the end: the last revision of each key and window.
std::map<std::string, std::string> last_results(const std::vector<std::string>& lines) {
  std::map<std::string, std::string> last;
  for (const std::string& line : lines) {
    const size_t key_end = line.find(",\"n\":");
    if (key_end != std::string::npos) last[line.substr(0, key_end)] = line.substr(0, line.find(",\"firing\""));
  }
  return last;
}

class PartialProperty : public testing::TestWithParam<uint64_t> {};

TEST_P(PartialProperty, StagesEqualOneStage) {
  Random random(GetParam());
  const int64_t lateness = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 300) * kSecond;
  const std::vector<Step> steps = random_steps(random, lateness, GetParam() % 2 == 0);
  WindowSettings whole = random_windows(random);
  WindowSettings minute = tumbling(kMinute), ten = tumbling(10 * kMinute);
  for (WindowSettings* s : {&whole, &minute, &ten}) {
    if (s->kind != WindowKind::global) s->allowed_lateness = Duration{lateness};
  }
  // When the first stage gives what it has is nothing that the results depend on.
  if (random() % 2 == 0) minute.early = Duration{2 * kSecond};
  if (random() % 2 == 0) ten.early = Duration{3 * kSecond};

  const std::vector<std::string> one = run(steps, {whole}, false);
  EXPECT_GT(last_results(one).size(), 5U);
  EXPECT_EQ(run(steps, {partial(minute), merge(whole)}, true), one);
  EXPECT_EQ(run(steps, {partial(minute), partial(merge(ten)), merge(whole)}, true), one);

  if (lateness > 0) minute.late_fire = Duration{7 * kSecond};
  EXPECT_EQ(last_results(run(steps, {partial(minute), merge(whole)}, true)), last_results(one));
}

TEST_P(PartialProperty, TheAccumulatorsAreTheSame) {
  Random random(GetParam());
  const int64_t lateness = static_cast<int64_t>(random() % 300) * kSecond;
  const std::vector<Step> steps = random_steps(random, lateness, GetParam() % 2 == 0);
  WindowSettings minute = tumbling(kMinute), ten = tumbling(10 * kMinute), hour = tumbling(60 * kMinute);
  for (WindowSettings* s : {&minute, &ten, &hour}) s->allowed_lateness = Duration{lateness};
  EXPECT_EQ(run(steps, {partial(minute), partial(merge(ten)), partial(merge(hour))}, true),
            run(steps, {partial(hour)}, false));
}

TEST_P(PartialProperty, FewerKeys) {
  Random random(GetParam());
  const int64_t lateness = static_cast<int64_t>(random() % 300) * kSecond;
  const std::vector<Step> steps = random_steps(random, lateness, false);
  WindowSettings minute = tumbling(kMinute), ten = tumbling(10 * kMinute), whole = random_windows(random);
  whole.keys = {"g"};
  if (whole.kind != WindowKind::global) whole.allowed_lateness = Duration{lateness};
  ten.allowed_lateness = minute.allowed_lateness = Duration{lateness};
  ten.keys = random() % 2 == 0 ? std::vector<std::string>{"g", "k"} : std::vector<std::string>{"g"};
  // Where the first gives the partials of several keys at once, each corrects the result: only the last is the same.
  const std::vector<std::string> one = run(steps, {whole}, false);
  EXPECT_EQ(last_results(run(steps, {partial(minute), merge(whole)}, true)), last_results(one));
  EXPECT_EQ(last_results(run(steps, {partial(minute), partial(merge(ten)), merge(whole)}, true)), last_results(one));
}

INSTANTIATE_TEST_SUITE_P(Seeds, PartialProperty, testing::Range<uint64_t>(0, 60));

}  // namespace
}  // namespace streamutils::window
