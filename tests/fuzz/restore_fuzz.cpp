// SPDX-License-Identifier: Apache-2.0
// Any bytes as the saved state of an operator: alone, and as changes to a good one. They are refused, or give an
// operator that goes on and whose own saved state is a good one.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/window/window_operator.hpp"
#include "tools/ssink-redis/memory.hpp"
#include "tools/swatermark/swatermark.hpp"

namespace {

using namespace streamutils;

constexpr int64_t kSecond = 1'000'000;
constexpr int kKinds = 10;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

class Nowhere final : public Output {
 public:
  Status records(const Batch&) override { return {}; }
  Status control(const Control&) override { return {}; }
};

/// One of the operators, new, with options that have much to restore.
struct Subject {
  explicit Subject(int kind) : kind(kind) {
    if (kind == 5) {
      memory = std::make_unique<ssink_redis::SinkMemory>();
      memory->set_lateness(Duration{5 * kSecond});
      return;
    }
    if (kind == 4) {
      swatermark::Options options;
      options.time_field = "t";
      op = *swatermark::Swatermark::create(options, context);
      return;
    }
    window::WindowSettings s;
    s.kind = kind == 1 ? window::WindowKind::session : window::WindowKind::aligned;
    s.size = Duration{10 * kSecond};
    s.slide = Duration{4 * kSecond};
    s.keys = {"k"};
    s.aggregates = "n=count(), s=sum(v), d=distinct(v), q=p50(v), m=max(v), f=first(v), x=stddev(w), c=count(w)";
    if (kind == 1) {
      s.aggregates =
          "va=var(v), sk=skewness(w), co=corr(v, w), tk=topk(v, 2), h=histogram(v, 1, 5), cl=collect(v, 3), "
          "am=argmin(k, v), lb=last_by(v, w), dd=distinct(k, v), r=rate(v)";
    }
    if (kind == 3) s.aggregates = "c=count(w), l=last(v), n=count()";  // restores what kind 0 has saved
    s.time_format = TimeFormat::us;
    s.scope = kind == 2 ? window::Scope::unit : window::Scope::stream;
    s.allowed_lateness = Duration{7 * kSecond};
    s.late_fire = Duration{3 * kSecond};
    s.early = Duration{2 * kSecond};
    if (kind == 6) {
      s.kind = window::WindowKind::count;
      s.count = 3;
    } else if (kind == 7) {
      s.kind = window::WindowKind::global;
      s.having = "n < 3";
    } else if (kind == 8) {
      s.slide = s.size;
      s.fill = "0";
      s.fill_for = Duration{50 * kSecond};
      s.having = "n < 3";
    } else if (kind == 9) {
      s.kind = window::WindowKind::cumulate;
      s.slide = Duration{2 * kSecond};
    }
    if (kind == 6 || kind == 7) {
      s.allowed_lateness = {};
      s.late_fire.reset();
    }
    if (kind == 6) s.early.reset();
    op = *window::WindowOperator::create(s, context);
    Open open;
    open.time = TimeField{"t", TimeUnit::s, {}};
    require(op->on_open(open, out).ok());
  }

  void record(std::string_view unit, int64_t time, int n) {
    if (memory) {
      auto& entry = memory->entry(units.id(unit), EventTime{(time - 10) * kSecond}, EventTime{time * kSecond},
                                  fmt::format("\"k{}\"", n));
      entry.revision = n;
      const std::string key = fmt::format("key{}", n % 3), amount = fmt::format("{}", n);
      ssink_redis::Written written;
      written.hash = written.zset = written.counter = written.string = true;
      written.hash_key = written.zset_key = written.member = written.counter_key = written.string_key = key;
      written.amount = amount;
      memory->set_written(entry, written);
      memory->set_field_names(entry, "n,m");
      memory->claim(entry, ssink_redis::SinkMemory::Kind::hash, key);
      memory->claim(entry, ssink_redis::SinkMemory::Kind::zset, key, key);
      memory->claim(entry, ssink_redis::SinkMemory::Kind::string, key);
      return;
    }
    builder.clear(units.id(unit));
    builder.append(fmt::format(R"({{"t":{},"k":"k{}","v":{}.{},"w":{}}})", time, n % 3, n, n, n));
    require(op->on_records(builder.batch(), out).ok());
  }
  void watermark(std::string_view unit, int64_t time) {
    if (memory) return memory->advance(units.id(unit), EventTime{time * kSecond});
    require(op->on_watermark({units.id(unit), EventTime{time * kSecond}}, out).ok());
  }
  void drive(int64_t from) {
    for (int i = 0; i < 12; ++i) record(i % 2 ? "t/0" : "t/1", from + i * 3 % 17, i);
    watermark("t/0", from + 9);
    watermark("t/1", from + 10);
    record("t/0", from + 8, 1);
    record("t/1", from + 14, 2);
    clock.advance(Duration{2 * kSecond});
    if (op) require(op->on_deadline(out).ok());
  }
  [[nodiscard]] std::string save() const {
    StateWriter state;
    if (memory) {
      memory->snapshot(state, units);
    } else {
      require(op->snapshot(state).ok());
    }
    return state.bytes();
  }
  Status restore(std::string_view bytes) {
    StateReader in(bytes);
    return memory ? memory->restore(in, units) : op->restore(in);
  }

  int kind;
  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  Nowhere out;
  BatchBuilder builder;
  std::unique_ptr<Operator> op;
  std::unique_ptr<ssink_redis::SinkMemory> memory;
};

const std::string& good_state(int kind) {
  static const auto states = [] {
    std::array<std::string, kKinds> made;
    for (int k = 0; k < kKinds; ++k) {
      Subject subject(k);
      subject.drive(1'700'000'000);
      made[static_cast<size_t>(k)] = subject.save();
    }
    made[3] = made[0];
    return made;
  }();
  return states[static_cast<size_t>(kind)];
}

/// Four bytes each: where, how many bytes are left out there, and what comes in their place.
std::string changed(std::string state, std::string_view changes) {
  for (; changes.size() >= 4; changes.remove_prefix(4)) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(changes[i]); };
    const size_t at = (size_t{byte(0)} << 8 | byte(1)) % (state.size() + 1);
    state.replace(at, byte(2) & 7, byte(2) >> 4, changes[3]);
  }
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const int kind = data[0] % kKinds;
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = (data[0] & 128) != 0 ? std::string(given) : changed(good_state(kind), given);
  Subject subject(kind);
  if (!subject.restore(bytes).ok()) {
    require((data[0] & 128) != 0 || !given.empty());
    return 0;
  }
  subject.drive(1'700'000'010);
  Subject next(kind);
  require(next.restore(subject.save()).ok());
  next.drive(1'700'000'020);
  if (next.op) require(next.op->on_end({.fire = true}, next.out).ok());
  return 0;
}
