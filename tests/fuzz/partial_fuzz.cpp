// SPDX-License-Identifier: Apache-2.0
// Any bytes as a partial, with a right checksum: alone, and as changes to a good one. They are refused, or merge with
// others, fire, and give a partial and a saved state that are good ones.
#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/base64.hpp"
#include "lib/window/window_operator.hpp"

namespace {

using namespace streamutils;

constexpr int64_t kSecond = 1'000'000;
constexpr std::array<const char*, 4> kLists = {
    "n=count(), s=sum(v), d=distinct(v), q=p50(v), m=max(v), f=first(v), x=stddev(w), c=count(w)",
    "va=var(v), sk=skewness(w), co=corr(v, w), tk=topk(v, 2), h=histogram(v, 1, 5), cl=collect(v, 3)",
    "am=argmin(k, v), lb=last_by(v, w), dd=distinct(k, v), r=rate(v), mo=mode(k), l=last(v)",
    "a=avg(w), n=count(v)",  // can be made of others' accumulators
};

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// Keeps the results, and counts what was refused.
class Kept final : public Output {
 public:
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) results.emplace_back(batch.record(i));
    return {};
  }
  Status control(const Control& item) override {
    if (std::holds_alternative<SideRecord>(item)) ++refused;
    return {};
  }
  std::vector<std::string> results;
  size_t refused = 0;
};

struct Subject {
  Subject(const char* list, bool partial, bool merge, int64_t size) {
    window::WindowSettings s;
    s.size = s.slide = Duration{size * kSecond};
    s.keys = {"k"};
    s.aggregates = list;
    s.time_format = TimeFormat::us;
    s.allowed_lateness = Duration{7 * kSecond};
    s.partial = partial;
    s.merge = merge;
    op = *window::WindowOperator::create(s, context);
    Open open;
    open.time = TimeField{"t", TimeUnit::s, {}};
    require(op->on_open(open, out).ok());
  }
  void record(const std::string& json) {
    builder.clear(units.id("-"));
    builder.append(json);
    require(op->on_records(builder.batch(), out).ok());
  }
  void end() { require(op->on_end({.fire = true}, out).ok()); }

  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  Kept out;
  BatchBuilder builder;
  std::unique_ptr<window::WindowOperator> op;
};

/// The field of a partial record.
std::string_view field(std::string_view record) {
  constexpr std::string_view kName = "\"partial\":\"";
  const size_t at = record.find(kName);
  require(at != std::string_view::npos);
  record.remove_prefix(at + kName.size());
  return record.substr(0, record.find('"'));
}

const std::string& good_partial(size_t list) {
  static const auto partials = [] {
    std::array<std::string, kLists.size()> made;
    for (size_t i = 0; i < kLists.size(); ++i) {
      Subject subject(kLists[i], true, false, 10);
      for (int n = 0; n < 12; ++n) {
        subject.record(fmt::format(R"({{"t":{},"k":"k","v":{}.{},"w":{}}})", 1'700'000'000 + n % 9, n, n, n));
      }
      subject.end();
      require(append_base64_decoded(made[i], field(subject.out.results.at(0))));
    }
    return made;
  }();
  return partials[list];
}

/// Four bytes each: where, how many bytes are left out there, and what comes in their place.
std::string changed(std::string bytes, std::string_view changes) {
  for (; changes.size() >= 4; changes.remove_prefix(4)) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(changes[i]); };
    const size_t at = (size_t{byte(0)} << 8 | byte(1)) % (bytes.size() + 1);
    bytes.replace(at, byte(2) & 7, byte(2) >> 4, changes[3]);
  }
  return bytes;
}

std::string as_record(std::string bytes) {
  if (bytes.size() >= 5) {
    const auto sum = static_cast<uint32_t>(XXH3_64bits(bytes.data() + 5, bytes.size() - 5));
    std::memcpy(bytes.data() + 1, &sum, sizeof sum);
  }
  std::string record = R"({"t":0,"k":"k","partial":")";
  append_base64(record, bytes);
  return record + "\"}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t written = data[0] % kLists.size(), read = data[0] / 4 % kLists.size();
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = (data[0] & 128) != 0 ? std::string(given) : changed(good_partial(written), given);
  Subject subject(kLists[read], true, true, 60);
  subject.record(as_record(bytes));
  if (subject.out.refused > 0) {
    require((data[0] & 128) != 0 || !given.empty() || written != read);
    return 0;
  }
  subject.record(as_record(bytes));
  subject.record(as_record(good_partial(read)));
  StateWriter state;
  require(subject.op->snapshot(state).ok());
  Subject next(kLists[read], true, true, 60);
  StateReader in(state.bytes());
  require(next.op->restore(in).ok());
  next.end();
  // What it gives is good.
  Subject last(kLists[read], false, true, 60);
  for (const std::string& record : next.out.results) last.record(record);
  require(last.out.refused == 0);
  last.end();
  require(last.out.results.size() <= next.out.results.size());
  return 0;
}
