// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>
#include <random>

#include "tests/property/stream_case.hpp"

namespace streamutils::property {

namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Case make() {
    choose_windows();
    choose_firing();
    choose_results();
    c_.unit_scope = chance(2);
    c_.has_key = !chance(6);
    if (chance(4)) c_.having = c_.has_key && chance(2) ? 2 : 1;
    c_.units = chance(3) ? 1 : number(2, 4);
    if (chance(4)) c_.shift = number(-3, 3);
    place_in_time();
    fill();
    return c_;
  }

 private:
  bool chance(int n) { return number(1, n) == 1; }
  int64_t number(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }
  /// base + offset, cut at the ends of time.
  int64_t at(int64_t offset) const {
    int64_t time = 0;
    if (__builtin_add_overflow(base_, offset, &time)) return offset > 0 ? kMax : kMin;
    return time;
  }

  void choose_windows() {
    c_.session = chance(3);
    c_.size = number(1, 12);
    c_.slide = c_.size;
    if (!c_.session && chance(2)) c_.slide = number(1, 15);  // sliding: any ratio, also slide > size
    if (!c_.session && chance(5)) {
      c_.cumulate = true;
      c_.slide = number(1, 4);
      c_.size = c_.slide * number(1, 6);
    }
    const int64_t grid = c_.cumulate ? c_.size : c_.slide;
    if (!c_.session && chance(3)) c_.offset = number(-(grid - 1), grid - 1);
  }
  void choose_firing() {
    if (chance(2)) c_.lateness = chance(12) ? kMax - number(0, 3) : number(1, 25);
    if (c_.lateness > 0 && chance(3)) c_.late_fire = number(1, 10);
    if (chance(3)) c_.early = number(1, 5);
  }
  void choose_results() {
    if (chance(8)) {
      c_.session = c_.cumulate = false;
      c_.offset = c_.lateness = c_.late_fire = 0;
      if (chance(2)) {
        c_.count = number(1, 5);
        c_.early = 0;
      } else {
        c_.global = true;
      }
    } else if (chance(4)) {
      c_.session = c_.cumulate = false;
      c_.slide = c_.size = number(1, 6);
      if (c_.offset >= c_.size || c_.offset <= -c_.size) c_.offset = 0;
      c_.fill = true;
      c_.fill_for = chance(2) ? 1000 : number(1, 40);
    }
    if (!c_.session && c_.count == 0 && chance(6)) {
      c_.top = number(1, 3);
      c_.lateness = c_.late_fire = c_.early = 0;
    }
  }
  void place_in_time() {
    switch (number(1, 12)) {
      case 1:
        base_ = kMin;  // windows whose bounds do not fit
        break;
      case 2:
        base_ = kMax - 60;
        break;
      case 3:
        base_ = number(-1'000'000'000'000'000, 1'000'000'000'000'000);
        break;
      default:
        base_ = number(-60, 0);
    }
  }

  void add(Event event) {
    // The largest time is no watermark but the end of time.
    if (event.kind == Event::Kind::watermark && event.time == kMax) --event.time;
    c_.events.push_back(std::move(event));
  }

  void fill() {
    using Kind = Event::Kind;
    now_.assign(static_cast<size_t>(c_.units), 0);
    idle_.assign(static_cast<size_t>(c_.units), false);
    const bool assigns = chance(2);
    for (int u = 0; assigns && u < c_.units; ++u) add({.kind = Kind::assign, .unit = u});
    const int64_t length = number(1, 90), disorder = chance(4) ? 0 : number(1, 20), pace = number(1, 6);
    const bool lawful = chance(2);  // watermarks as swatermark makes them: after each record, behind the newest
    const int64_t bound = number(0, 8);
    for (int64_t i = 0; i < length; ++i) {
      const int unit = static_cast<int>(number(0, c_.units - 1));
      int64_t& now = now_[static_cast<size_t>(unit)];
      const int64_t what = number(1, 24);
      if (what == 1) {
        add({.kind = Kind::clock, .unit = 0, .time = number(1, 6)});
      } else if (what == 2 && c_.units > 1) {
        idle_[static_cast<size_t>(unit)] = !idle_[static_cast<size_t>(unit)];
        add({.kind = idle_[static_cast<size_t>(unit)] ? Kind::idle : Kind::active, .unit = unit});
      } else if (what == 3) {
        add({.kind = Kind::caught_up, .unit = unit});
      } else if (what == 4 && c_.unit_scope && chance(4)) {
        add({.kind = Kind::revoke, .unit = unit});
        add({.kind = Kind::assign, .unit = unit});
      } else if (what <= 9 && !lawful) {
        // Also watermarks that are equal or lower, and leaps over many windows.
        add({.kind = Kind::watermark, .unit = unit, .time = at(now + (chance(8) ? number(0, 60) : number(-10, 3)))});
      } else {
        if (chance(3)) now += number(0, pace);
        add_record(unit, at(now - number(0, disorder)));
        if (lawful) add({.kind = Kind::watermark, .unit = unit, .time = at(now - bound)});
      }
    }
    if (!chance(6)) add({.kind = Kind::end});
  }

  void add_record(int unit, int64_t time) {
    static const char* const kKeys[] = {"\"a\"",       "\"b\"", "null",        "1",      "1.0",
                                        "\"\\u0061\"", "true",  "\"a,\\\"b\"", "\"aa\"", "10e-1"};
    Event e{.kind = Event::Kind::record, .unit = unit, .time = time};
    if (!chance(40)) e.key = kKeys[number(0, chance(3) ? 9 : 1)];
    e.value = static_cast<int>(number(-5, 9));
    e.dropped = chance(20);
    add(std::move(e));
  }

  std::mt19937_64 random_;
  Case c_;
  int64_t base_ = 0;
  std::vector<int64_t> now_;
  std::vector<bool> idle_;
};

}  // namespace

std::string canonical_key(const std::string& spelled) {
  if (spelled == "1.0" || spelled == "10e-1") return "1";
  if (spelled == "\"\\u0061\"") return "\"a\"";
  return spelled;
}

Case generate(uint64_t seed) { return Generator(seed).make(); }

std::string describe(const Case& c) {
  std::string text = fmt::format(
      "{} count {} having '{}' top {} fill {} for {} size {} slide {} offset {} lateness {} late-fire {} early {} "
      "scope {} key {} shift {}\n",
      c.global     ? "global"
      : c.session  ? "session"
      : c.cumulate ? "cumulate"
                   : "aligned",
      c.count, kHaving[c.having], c.top, c.fill, c.fill_for, c.size, c.slide, c.offset, c.lateness, c.late_fire,
      c.early, c.unit_scope ? "unit" : "stream", c.has_key, c.shift);
  static constexpr const char* kWords[] = {"record", "watermark", "idle",  "active", "caught_up",
                                           "assign", "revoke",    "clock", "end"};
  for (const Event& e : c.events) {
    text += fmt::format("  {} u{} {}", kWords[static_cast<int>(e.kind)], e.unit, e.time);
    if (e.kind == Event::Kind::record)
      text += fmt::format(" key {} value {}{}", e.key, e.value, e.dropped ? " dropped" : "");
    text += '\n';
  }
  return text;
}

}  // namespace streamutils::property
