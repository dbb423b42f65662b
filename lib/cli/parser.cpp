// SPDX-License-Identifier: Apache-2.0
#include "lib/cli/parser.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <unordered_map>

#include "lib/cli/argv.hpp"

namespace streamutils::cli {
namespace {

std::string joined_names(const Option& option) {
  std::string names;
  for (const std::string& name : option.names) {
    if (!names.empty()) names += ',';
    names += name;
  }
  return names;
}

/// One of our options, its twin in CLI11, and how many of its results have been read.
struct Twin {
  Option* option = nullptr;
  size_t read = 0;
};

}  // namespace

Status parse_options(Declarations& declarations, std::vector<std::string> options) {
  ::CLI::App app;
  app.set_help_flag("");
  std::unordered_map<const ::CLI::Option*, Twin> twins;
  for (Group& group : declarations.groups) {
    for (Option& option : group.options) {
      ::CLI::Option* twin = nullptr;
      if (option.takes_value()) {
        // Every occurrence is kept, each with exactly one value; a vector would swallow what follows it.
        twin = app.add_option(joined_names(option), ::CLI::callback_t());
        twin->expected(1)->take_all()->allow_extra_args(false)->required(option.required);
      } else {
        twin = app.add_flag(joined_names(option));
      }
      twins.emplace(twin, Twin{&option});
    }
  }
  std::reverse(options.begin(), options.end());  // CLI11 takes its arguments from the back
  try {
    app.parse(options);
  } catch (const ::CLI::RequiredError& error) {
    for (const auto& [twin, ours] : twins) {
      if (ours.option->required && twin->count() == 0) {
        return usage_error("option '{}' is required{}", ours.option->display_name(), remedy(declarations));
      }
    }
    return usage_error("{}{}", error.what(), remedy(declarations));
  } catch (const ::CLI::Error& error) {  // its exit codes (100 to 127) are all usage errors here
    return usage_error("{}{}", error.what(), remedy(declarations));
  }
  for (const ::CLI::Option* twin : app.parse_order()) {
    Twin& ours = twins.at(twin);
    Option& option = *ours.option;
    const std::string value = option.takes_value() ? twin->results().at(ours.read++) : std::string();
    auto canonical = option.set(value);
    if (!canonical.ok()) return canonical.take_status().at(option.display_name());
    if (!option.repeatable) option.values.clear();
    option.values.push_back(*std::move(canonical));
  }
  return {};
}

}  // namespace streamutils::cli
