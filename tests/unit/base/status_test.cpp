// SPDX-License-Identifier: Apache-2.0
#include "lib/base/status.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

TEST(Status, TheCodeIsTheExitCode) {
  EXPECT_EQ(Status().exit_code(), 0);
  EXPECT_EQ(failed("x").exit_code(), 1);
  EXPECT_EQ(usage_error("x").exit_code(), 2);
  EXPECT_EQ(bad_data("x").exit_code(), 3);
  EXPECT_EQ(Status(Code::broken_pipe, "x").exit_code(), 141);
}

TEST(Status, FencedExitsAsAUsageErrorSoThatNobodyRestartsIt) {
  const Status fenced(Code::fenced, "x");
  EXPECT_EQ(fenced.exit_code(), usage_error("x").exit_code());
  EXPECT_EQ(fenced.clone().at("y").code(), Code::fenced);
}

}  // namespace
}  // namespace streamutils
