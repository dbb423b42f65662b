// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils::sdivert {

/// One --to or --exec: side records with `label` ("*": with a label that no other names) go to `target`.
struct Diversion {
  std::string label;
  std::string target;  ///< a file, or a command before it is split
};

struct Options {
  std::vector<Diversion> files;
  std::vector<Diversion> commands;
  std::vector<std::string> copies;
  bool raw = false;
  bool append = false;
  bool binary = false;      ///< what branches of our programs get
  std::string checkpoint;   ///< --checkpoint or STREAM_CHECKPOINT; branches are given it
  bool check_only = false;  ///< nothing will be started: look whether it could be
};

/// "late=late.ndjson" or "late=ssink-kafka -t late". On failure: a usage error that shows the form; `what` names the
/// target in it.
Result<Diversion> parse_diversion(std::string_view text, std::string_view what);

int run(int argc, char** argv);

}  // namespace streamutils::sdivert
