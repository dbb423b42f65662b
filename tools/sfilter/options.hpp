// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace streamutils::sfilter {

struct Options {
  std::optional<std::string> where;
  std::vector<std::string> require;       ///< each "user_id:string, latency_ms:number"
  std::vector<std::string> select, drop;  ///< each "a,b"
  std::vector<std::string> set;           ///< each "x=EXPR"
};

int run(int argc, char** argv);

}  // namespace streamutils::sfilter
