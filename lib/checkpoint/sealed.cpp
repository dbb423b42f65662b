// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/sealed.hpp"

#include <algorithm>

#include "lib/checkpoint/manifest.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr std::string_view kHead = R"({"sha256":")";
constexpr std::string_view kTail = "\"}\n";
constexpr size_t kDigits = 64;
constexpr size_t kLine = kHead.size() + kDigits + kTail.size();

}  // namespace

std::string sealed(std::string text) {
  const std::string sha = sha256_hex(text);
  text += kHead;
  text += sha;
  text += kTail;
  return text;
}

Unsealed unsealed(std::string_view bytes) {
  Unsealed result{.text = bytes};
  const std::string_view last = bytes.substr(bytes.size() - std::min(bytes.size(), kLine));
  result.sealed = last.size() == kLine && last.starts_with(kHead) && last.ends_with(kTail);
  if (!result.sealed) return result;
  result.text.remove_suffix(kLine);
  result.intact = last.substr(kHead.size(), kDigits) == sha256_hex(result.text);
  return result;
}

}  // namespace streamutils::checkpoint
