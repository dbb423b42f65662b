// SPDX-License-Identifier: Apache-2.0
#include "lib/cli/argv.hpp"

#include <algorithm>

namespace streamutils::cli {
namespace {

/// Optimal string alignment: insert, delete, replace, swap of neighbours.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

Status unknown_option(const Declarations& declarations, std::string_view shown, std::string_view word) {
  std::vector<std::string> candidates{"help", "version"};
  for (const Group& group : declarations.groups) {
    for (const Option& option : group.options) {
      for (const std::string& name : option.names) {
        if (name.starts_with("--")) candidates.push_back(name.substr(2));
      }
    }
  }
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  const std::string near = closest(word, candidates);
  const std::string hint = near.empty() ? std::string() : fmt::format(" (did you mean '--{}'?)", near);
  return usage_error("unknown option '{}'{}{}", shown, hint, remedy(declarations));
}

class Walker {
 public:
  Walker(const Declarations& declarations, int argc, const char* const* argv)
      : declarations_(declarations), argc_(argc), argv_(argv) {}

  Result<PlainArgv> walk() {
    while (next_ < argc_ && !done()) {
      const std::string_view word = argv_[next_++];
      if (word == "--") {
        while (next_ < argc_) out_.positionals.emplace_back(argv_[next_++]);
      } else if (word.starts_with("--")) {
        STREAM_TRY(long_option(word));
      } else if (word.size() > 1 && word[0] == '-') {
        STREAM_TRY(short_options(word));
      } else {
        out_.positionals.emplace_back(word);
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool done() const { return out_.help || out_.version || out_.generate; }

  Status take_value(std::string_view name, std::string& value) {
    if (next_ == argc_) return usage_error("option '{}' needs a value{}", name, remedy(declarations_));
    value = argv_[next_++];
    return {};
  }

  Status long_option(std::string_view word) {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const bool has_value = equals != std::string_view::npos;
    std::string value(has_value ? word.substr(equals + 1) : std::string_view());
    if (name == "--generate" && !declarations_.find(name)) {
      if (!has_value) STREAM_TRY(take_value(name, value));
      out_.generate = std::move(value);
      return {};
    }
    const Option* option = declarations_.find(name);
    const bool help = is_help(declarations_, name);
    const bool version = !option && name == "--version";
    if (!option && !help && !version) return unknown_option(declarations_, name, name);
    if (has_value && !(option && option->takes_value())) {
      return usage_error("option '{}' takes no value{}", name, remedy(declarations_));
    }
    out_.help = help;
    out_.version = version;
    if (!option) return {};
    if (option->takes_value() && !has_value) STREAM_TRY(take_value(name, value));
    add(*option, std::move(value));
    return {};
  }

  /// "-e", "-vv", "-c5", "-qc5", "-c 5"
  Status short_options(std::string_view word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const std::string name{'-', word[i]};
      if (is_help(declarations_, name)) {
        out_.help = true;
        return {};
      }
      const Option* option = declarations_.find(name);
      if (!option) {
        // "-tumbling 1m" is a long option that lacks a dash; a name of several bytes is shown whole.
        const bool ascii = static_cast<unsigned char>(word[i]) < 0x80;
        return unknown_option(declarations_, i == 1 && ascii ? name : std::string(word), word);
      }
      std::string value;
      if (option->takes_value()) {
        if (i + 1 < word.size()) {
          value = word.substr(i + 1);
        } else {
          STREAM_TRY(take_value(name, value));
        }
      }
      add(*option, std::move(value));
      if (option->takes_value()) break;
    }
    return {};
  }

  void add(const Option& option, std::string value) {
    out_.options.push_back(option.display_name());
    if (option.takes_value()) out_.options.push_back(std::move(value));
  }

  const Declarations& declarations_;
  int argc_;
  const char* const* argv_;
  int next_ = 1;
  PlainArgv out_;
};

}  // namespace

bool is_help(const Declarations& declarations, std::string_view name) {
  return (name == "--help" || name == "-h") && !declarations.find(name);
}

Result<PlainArgv> plain_argv(const Declarations& declarations, int argc, const char* const* argv) {
  return Walker(declarations, argc, argv).walk();
}

std::string remedy(const Declarations& declarations) {
  return fmt::format("; try '{} --help'", declarations.info.name);
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 64;  // nothing that long is a slip of the fingers
  if (word.size() > kLongestWord) return {};
  std::string best;
  size_t best_distance = (word.size() + 1) / 3 + 1;
  for (const std::string& candidate : candidates) {
    // A beginning ("--bound") is nearer than its length says.
    const size_t distance = word.size() > 2 && candidate.starts_with(word) ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace streamutils::cli
