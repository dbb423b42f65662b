// SPDX-License-Identifier: Apache-2.0
// One declaration of a program's options gives its parser, --help, the OPTIONS of its man page and its shell
// completions. The only user of CLI11, which parses argv; every text is written by us.
//
// Thread rule: used by the main thread before the program starts working.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"

namespace streamutils::cli {

struct Example {
  std::string what;     ///< "count clicks per user and minute"
  std::string command;  ///< works when pasted
};

struct Info {
  std::string name;              ///< "swindow"
  std::string summary = {};      ///< one line, lower case, no full stop: the NAME line of the man page
  std::string usage = {};        ///< what follows the name: "[OPTION]... TOPIC..."; a line for each alternative
  std::string description = {};  ///< filled to the width of the terminal; lines that begin with a space are kept
  std::vector<Example> examples = {};
};

using Choices = std::vector<std::string>;

class Cli {
 public:
  explicit Cli(Info info);
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  /// Options declared from here on are listed under `title`.
  void group(std::string_view title);

  // Declarations. `names` as "-b,--brokers" or "--key"; `help` is one or more sentences, first word lower case. Targets
  // must outlive parse(). A repeated single-value option takes the last value. Names of values (metavar) are upper
  // case.
  void flag(std::string_view names, bool& target, std::string_view help);
  void flag(std::string_view names, int& count, std::string_view help);  ///< -v -v counts
  void text(std::string_view names, std::string_view metavar, std::string& target, std::string_view help);
  void text(std::string_view names, std::string_view metavar, std::optional<std::string>& target,
            std::string_view help);
  /// May be repeated; each value is appended as given (no splitting), and takes no positional with it.
  void texts(std::string_view names, std::string_view metavar, std::vector<std::string>& target, std::string_view help);
  void duration(std::string_view names, Duration& target, std::string_view help);
  void duration(std::string_view names, std::optional<Duration>& target, std::string_view help);
  void integer(std::string_view names, std::string_view metavar, std::optional<int64_t>& target, std::string_view help);
  /// One of `choices`, given to `set` as its index.
  void choice(std::string_view names, Choices choices, std::function<void(size_t)> set, std::string_view help);
  /// Calls `parse` for each value in the order of argv; its error message is prefixed with the option's name.
  void custom(std::string_view names, std::string_view metavar, std::function<Status(std::string_view)> parse,
              std::string_view help);
  /// The positional arguments. At least `min_count`, at most `max_count` (0: no bound).
  void positionals(std::string_view metavar, std::vector<std::string>& target, std::string_view help, size_t min_count,
                   size_t max_count = 0);
  /// Marks a declared option as required.
  void require(std::string_view name);

  /// What the caller has to do after parse().
  struct Outcome {
    bool exit = false;  ///< true: end now with `status`; what had to be printed (--help, --version) has been
    Status status;
  };
  /// Reads argv. Handles --help, --version, and the hidden --generate man-options|man-synopsis|bash|zsh|fish, which
  /// print to stdout (a failed write, as to /dev/full, is a failed status). Unknown options, missing values, missing
  /// required ones are usage errors that end with the remedy: "unknown option '--tumblin' (did you mean '--tumbling'?);
  /// try 'swindow --help'". A value that begins with '-' is taken as the value of the option before it ("-o -10",
  /// "--offset -8h").
  Outcome parse(int argc, const char* const* argv);

  [[nodiscard]] const Info& info() const;
  /// Was the option given on the command line?
  [[nodiscard]] bool given(std::string_view name) const;
  /// Every given option and positional in canonical order and form, for fingerprints of what shapes state.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> given_values() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils::cli
