// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bytes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace streamutils {
namespace {

TEST(SameBytes, IsEqualityOfEveryLengthAndEveryByte) {
  for (size_t size = 0; size <= 150; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 23);
    const std::string same = text;
    EXPECT_TRUE(same_bytes(text, same)) << size;
    EXPECT_TRUE(same_bytes_as(text, same)) << size;
    EXPECT_FALSE(same_bytes(text, same + 'a')) << size;
    EXPECT_FALSE(same_bytes_as(text, same + 'a')) << size;
    EXPECT_FALSE(same_bytes_as(same + 'a', text)) << size;
    for (size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] ^= 0x40;
      EXPECT_FALSE(same_bytes(text, other)) << size << ' ' << i;
      EXPECT_FALSE(same_bytes_as(text, other)) << size << ' ' << i;
    }
  }
}

}  // namespace
}  // namespace streamutils
