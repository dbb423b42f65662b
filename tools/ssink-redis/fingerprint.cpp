// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/fingerprint.hpp"

#include <string_view>

namespace streamutils::ssink_redis {

namespace {

constexpr uint8_t kVersion = 1;
constexpr std::array<std::string_view, 6> kNames{"--hash", "--zset", "--member", "--counter", "--by", "--string"};

std::string words(const std::optional<std::string>& value) { return value ? fmt::format("'{}'", *value) : "not given"; }

}  // namespace

Fingerprint::Fingerprint(const Options& o) : values_{o.hash, o.zset, o.member, o.counter, o.by, o.string} {}

void Fingerprint::write(StateWriter& out) const {
  out.u8(kVersion);
  for (const auto& value : values_) {
    out.u8(value ? 1 : 0);
    out.text(value.value_or(""));
  }
}

Result<Fingerprint> Fingerprint::read(StateReader& in) {
  if (const uint8_t version = in.u8(); in.ok() && version != kVersion) {
    return failed("the saved options of ssink-redis have version {}, this program reads {}", version, kVersion);
  }
  Fingerprint result;
  for (auto& value : result.values_) {
    const bool given = in.u8() != 0;
    const std::string_view text = in.text();
    if (given) value.emplace(text);
  }
  STREAM_TRY(in.status("ssink-redis"));
  return result;
}

Status Fingerprint::check(const Fingerprint& earlier, const SinkMemory::Counts& counts, Log& log) const {
  const std::array<size_t, 6> remembered{counts.hash,    counts.zset,    counts.zset,
                                         counts.counter, counts.counter, counts.string};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto &before = earlier.values_[i], &now = values_[i];
    if (before == now) continue;
    if (before && remembered[i] > 0) {
      return usage_error(
          "{} was {} when the checkpoint was made and is {} now, and {} open result{} written under the earlier one; "
          "give "
          "the earlier one, or start the pipeline with --fresh",
          kNames[i], words(before), words(now), remembered[i], remembered[i] == 1 ? " was" : "s were");
    }
    if (!before && kNames[i] != "--member" && kNames[i] != "--by") {
      log.info("{} {} was not there when the checkpoint was made: it gets what comes from now on", kNames[i],
               words(now));
    }
  }
  return {};
}

}  // namespace streamutils::ssink_redis
