// SPDX-License-Identifier: Apache-2.0
// sreplay --check: runs a pipeline over the same replay several times, at different speeds and batchings, and compares
// what comes out, byte for byte.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/program/program.hpp"
#include "lib/stream/source.hpp"

namespace streamutils::sreplay {

struct CheckOptions {
  std::optional<std::string> pipeline;
  Duration pauses{2'000'000};    ///< of the slow run, in all
  Duration timeout{60'000'000};  ///< for a pipeline that neither reads nor writes
  std::optional<int64_t> seed;
};

/// Makes the replay anew. `paced`: at the pace of --speed, if there is one.
using MakeSource = std::function<Result<std::unique_ptr<Source>>(bool paced)>;

/// `paced`: there is a --speed, for the slow run.
/// 0: all runs gave the same, which is said on stdout. 1: they did not, or could not be compared; the exit code of a
/// pipeline that fails. What is wrong is said on stderr.
int check(Program& program, const CheckOptions& options, const MakeSource& make_source, bool paced);

}  // namespace streamutils::sreplay
