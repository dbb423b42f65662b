// SPDX-License-Identifier: Apache-2.0
#include "lib/base/base64.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

std::string encoded(std::string_view bytes) {
  std::string text = "before:";
  append_base64(text, bytes);
  return text.substr(7);
}

std::string decoded(std::string_view text) {
  std::string bytes = "before:";
  return append_base64_decoded(bytes, text) ? bytes.substr(7) : "refused";
}

TEST(Base64, TheVectorsOfTheRfc) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"},
                                                                   {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
  }
}

TEST(Base64, EveryByteAtEveryPlace) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(decoded(encoded(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(Base64, WhatIsNoneIsRefused) {
  for (const char* text : {"Z", "Zg", "Zg=", "=", "==", "===", "====", "Z===", "Zg==Zg==", "Zm=v", "Zm9v\n", "Zm9-",
                           "Zm9_", "Zm9 ", " Zm9", "Zm9v====", "Z\xffg="}) {
    EXPECT_EQ(decoded(text), "refused") << text;
  }
  for (int c = 0; c < 256; ++c) {
    const bool digit =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
    for (size_t at = 0; at < 4; ++at) {
      std::string text = "AAAAAAAA";
      text[at] = static_cast<char>(c);
      EXPECT_EQ(decoded(text) != "refused", digit) << c;
    }
  }
}

}  // namespace
}  // namespace streamutils
