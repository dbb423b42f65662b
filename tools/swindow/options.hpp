// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "lib/window/settings.hpp"

namespace streamutils::cli {
class Cli;
}

namespace streamutils::swindow {

struct Options {
  std::optional<int64_t> max_keys, count, top;
  bool global = false;
  std::optional<std::string> tumbling;  ///< a duration, or days, weeks, months of a calendar
  std::optional<std::string> tz;
  std::optional<Duration> sliding, cumulate, every, session;
  std::string keys;               ///< "a,b.c"
  window::WindowSettings window;  ///< all that is one option here and one setting there
};

/// Declares the options; `options` outlives `cli`.
void declare(cli::Cli& cli, Options& options);
/// The settings that the options ask for. On failure: a usage error that names the options.
Result<window::WindowSettings> settings(const Options& options);

int run(int argc, char** argv);

}  // namespace streamutils::swindow
