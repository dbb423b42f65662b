// SPDX-License-Identifier: Apache-2.0
// Who takes part in a checkpoint, found from the stages that `open` lists.
//
// A member's name is its program's, "swindow", with a number from the second on the same line: "swindow-2". A member in
// a branch of sdivert has the branch in front: "sdivert.late.ssink-kafka". So a stateless stage may come or go without
// moving anybody's state, which numbers of stages would not allow.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::checkpoint {

struct MemberInfo {
  std::string name;
  std::string program;
  bool side = false;  ///< the sink of a branch: its ack comes through the store
};

/// The name of stages[i].
std::string member_name(const std::vector<StageInfo>& stages, size_t i);

/// Fails when not a byte of input has come: the program before this one has failed, and said why.
Status check_begun(const Open& open);

/// All stages that keep state, in the order of `open`.
/// Fails as check_begun() does, and with a usage error, naming the stage and the remedy, unless: the first stage is a
/// source with a store, every stateful one has `store`, the main line ends in a sink, as does every branch.
Result<std::vector<MemberInfo>> find_members(const Open& open, std::string_view store);

}  // namespace streamutils::checkpoint
