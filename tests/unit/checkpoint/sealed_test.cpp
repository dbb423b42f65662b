// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/sealed.hpp"

#include <gtest/gtest.h>

namespace streamutils::checkpoint {
namespace {

TEST(Sealed, EveryChangeIsSeen) {
  const std::string text = "{\"a\":1}\n{\"b\":2}\n", whole = sealed(text);
  const Unsealed same = unsealed(whole);
  EXPECT_TRUE(same.intact);
  EXPECT_EQ(same.text, text);
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      EXPECT_FALSE(unsealed(changed).intact) << i;
    }
    EXPECT_FALSE(unsealed(whole.substr(0, i)).intact) << i;
    EXPECT_FALSE(unsealed(whole.substr(i + 1)).intact) << i;
  }
  EXPECT_FALSE(unsealed(whole + "\n").intact);
  EXPECT_FALSE(unsealed("").sealed);
  EXPECT_TRUE(unsealed(sealed("")).intact);
}

}  // namespace
}  // namespace streamutils::checkpoint
