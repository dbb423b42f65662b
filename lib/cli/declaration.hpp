// SPDX-License-Identifier: Apache-2.0
// What a program has declared about its command line, as data. Filled by Cli, read by the parser and by every text
// writer.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/cli/cli.hpp"

namespace streamutils::cli {

struct Option {
  std::vector<std::string> names;  ///< "-b", "--brokers"; never empty
  std::string metavar;             ///< what is shown for the value; empty: a flag
  std::string help;
  Choices choices;          ///< the only values it takes; empty: any
  bool repeatable = false;  ///< each occurrence counts, not only the last one
  bool required = false;
  /// Takes one value ("" for a flag) and returns its canonical form.
  std::function<Result<std::string>(std::string_view)> set;
  std::vector<std::string> values;  ///< canonical forms of what was given, in the order of argv

  [[nodiscard]] bool takes_value() const { return !metavar.empty(); }
  /// The first long name, or the first one.
  [[nodiscard]] const std::string& display_name() const;
  [[nodiscard]] bool has_name(std::string_view name) const;
};

struct Group {
  std::string title;
  std::vector<Option> options;
};

struct Positionals {
  std::string metavar;  ///< empty: the program takes none
  std::string help;
  size_t min_count = 0;
  size_t max_count = 0;  ///< 0: no bound
  std::vector<std::string>* target = nullptr;
};

struct Declarations {
  Info info;
  std::vector<Group> groups;
  Positionals positionals;

  /// The option with this name ("-b" or "--brokers"), or null.
  [[nodiscard]] Option* find(std::string_view name);
  [[nodiscard]] const Option* find(std::string_view name) const;
};

}  // namespace streamutils::cli
