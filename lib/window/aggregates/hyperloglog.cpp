// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/hyperloglog.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace streamutils::window {

namespace {

constexpr auto kM = static_cast<double>(HyperLogLog::kRegisters);

/// Ertl's sigma: what the registers that are still zero contribute. REQUIRES: 0 <= x < 1.
double sigma(double x) {
  double y = 1;
  double z = x;
  double before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

/// Ertl's tau: what the registers at their limit contribute.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void HyperLogLog::add(uint64_t hash) {
  const uint64_t rest = hash << kPrecision;
  const int rank = rest == 0 ? kMaxRank : std::countl_zero(rest) + 1;
  uint8_t& target = registers_[hash >> (64 - kPrecision)];
  target = std::max(target, static_cast<uint8_t>(rank));
}

void HyperLogLog::merge(const HyperLogLog& other) {
  for (size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

uint64_t HyperLogLog::estimate() const {
  std::array<uint32_t, kMaxRank + 1> having{};                // registers by their value
  std::array<std::array<uint32_t, kMaxRank + 1>, 4> lanes{};  // neighbours often have one value: do not wait for it
  for (size_t i = 0; i < kRegisters; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) ++lanes[lane][registers_[i + lane]];
  }
  for (size_t k = 0; k < having.size(); ++k) having[k] = lanes[0][k] + lanes[1][k] + lanes[2][k] + lanes[3][k];
  if (having[0] == kRegisters) return 0;
  double z = kM * tau(1 - having[kMaxRank] / kM);
  for (size_t k = kMaxRank - 1; k >= 1; --k) z = 0.5 * (z + having[k]);
  z += kM * sigma(having[0] / kM);
  constexpr double kAlpha = 0.72134752044448170;  // 1 / (2 ln 2)
  return static_cast<uint64_t>(kAlpha * kM * kM / z + 0.5);
}

bool HyperLogLog::set_bytes(std::string_view bytes) {
  const auto is_rank = [](char c) { return static_cast<uint8_t>(c) <= kMaxRank; };
  if (bytes.size() != kRegisters || !std::all_of(bytes.begin(), bytes.end(), is_rank)) return false;
  std::memcpy(registers_.data(), bytes.data(), kRegisters);
  return true;
}

}  // namespace streamutils::window
