// SPDX-License-Identifier: Apache-2.0
#include "lib/base/base64.hpp"

#include <array>
#include <cstdint>

namespace streamutils {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i) values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> kValues = make_values();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const size_t before = out.size();
  out.resize(before + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + before;
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
  const auto put = [&to](uint32_t group) {
    to[0] = kDigits[group >> 18];
    to[1] = kDigits[group >> 12 & 63];
    to[2] = kDigits[group >> 6 & 63];
    to[3] = kDigits[group & 63];
    to += 4;
  };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) put(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2));
  const size_t rest = bytes.size() - i;
  if (rest == 0) return;
  put(byte(i) << 16 | (rest == 2 ? byte(i + 1) << 8 : 0));
  to[-1] = '=';
  if (rest == 1) to[-2] = '=';
}

bool append_base64_decoded(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  const size_t padding = text.back() != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
  const size_t before = out.size();
  out.resize(before + text.size() / 4 * 3);
  char* to = out.data() + before;
  const auto value = [&](size_t i) { return int32_t{kValues[static_cast<unsigned char>(text[i])]}; };
  const auto put = [&to](int32_t a, int32_t b, int32_t c, int32_t d) {
    const uint32_t group = static_cast<uint32_t>(a) << 18 | static_cast<uint32_t>(b) << 12 |
                           static_cast<uint32_t>(c) << 6 | static_cast<uint32_t>(d);
    to[0] = static_cast<char>(group >> 16);
    to[1] = static_cast<char>(group >> 8);
    to[2] = static_cast<char>(group);
    to += 3;
    return (a | b | c | d) >= 0;  // none of them is -1
  };
  bool good = true;
  const size_t last = text.size() - 4;
  for (size_t i = 0; i < last; i += 4) good &= put(value(i), value(i + 1), value(i + 2), value(i + 3));
  good &= put(value(last), value(last + 1), padding == 2 ? 0 : value(last + 2), padding > 0 ? 0 : value(last + 3));
  out.resize(out.size() - padding);
  return good;
}

}  // namespace streamutils
