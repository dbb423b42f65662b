// SPDX-License-Identifier: Apache-2.0
#include "lib/cli/cli.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include "lib/cli/argv.hpp"
#include "lib/cli/declaration.hpp"
#include "lib/cli/parser.hpp"
#include "lib/cli/texts.hpp"

namespace streamutils::cli {

const std::string& Option::display_name() const {
  for (const std::string& name : names) {
    if (name.starts_with("--")) return name;
  }
  return names.front();
}

bool Option::has_name(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Option* Declarations::find(std::string_view name) const {
  for (const Group& group : groups) {
    for (const Option& option : group.options) {
      if (option.has_name(name)) return &option;
    }
  }
  return nullptr;
}

Option* Declarations::find(std::string_view name) { return const_cast<Option*>(std::as_const(*this).find(name)); }

struct Cli::Impl {
  Declarations declarations;
  size_t current_group = 0;

  Option& add(std::string_view names, std::string_view metavar, std::string_view help);
};

namespace {

std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> out;
  while (true) {
    const size_t comma = std::min(names.find(','), names.size());
    std::string_view name = names.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    out.emplace_back(name);
    if (comma == names.size()) return out;
    names.remove_prefix(comma + 1);
  }
}

bool is_option_name(std::string_view name) {
  const bool is_long = name.starts_with("--");
  if (is_long ? name.size() < 3 : name.size() != 2 || name[0] != '-') return false;
  const std::string_view rest = name.substr(is_long ? 2 : 1);
  return rest[0] != '-' && rest.find_first_of("= ,") == std::string_view::npos;
}

/// What --scope shows for its value: the choices, or "VALUE" where they would fill the line.
std::string choices_metavar(const Choices& choices) {
  constexpr size_t kRoom = 40;
  std::string out;
  for (const std::string& choice : choices) out += (out.empty() ? "" : "|") + choice;
  return out.size() <= kRoom ? out : "VALUE";
}

std::string joined(const Choices& choices) {
  std::string out;
  for (const std::string& choice : choices) out += (out.empty() ? "" : ", ") + choice;
  return out;
}

size_t terminal_width() {
  constexpr size_t kDefault = 80;
  constexpr size_t kWidest = 120;  // longer lines are hard to read
  constexpr size_t kNarrowest = 40;
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefault;
  return std::clamp<size_t>(size.ws_col, kNarrowest, kWidest);
}

Status print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      return {Code::broken_pipe, "the reader of standard output is gone"};
    } else if (errno != EINTR) {
      return errno_status(errno, "write to", "standard output");
    }
  }
  return {};
}

Status check_positionals(const Declarations& declarations, const std::vector<std::string>& given) {
  const Positionals& positionals = declarations.positionals;
  const size_t max_count = positionals.metavar.empty()  ? 0
                           : positionals.max_count == 0 ? SIZE_MAX
                                                        : positionals.max_count;
  if (given.size() > max_count)
    return usage_error("unexpected argument '{}'{}", given[max_count], remedy(declarations));
  if (given.size() < positionals.min_count) {
    return usage_error("missing {}{}", positionals.metavar, remedy(declarations));
  }
  return {};
}

}  // namespace

Option& Cli::Impl::add(std::string_view names, std::string_view metavar, std::string_view help) {
  Option option;
  option.names = split_names(names);
  option.metavar = metavar;
  option.help = help;
  for (const std::string& name : option.names) {
    if (!is_option_name(name)) throw std::logic_error(fmt::format("bad option name '{}'", name));
    if (declarations.find(name)) throw std::logic_error(fmt::format("option '{}' is declared twice", name));
  }
  if (declarations.groups.empty()) declarations.groups.push_back({"Options", {}});
  std::vector<Option>& options = declarations.groups[current_group].options;
  options.push_back(std::move(option));
  return options.back();
}

Cli::Cli(Info info) : impl_(std::make_unique<Impl>()) { impl_->declarations.info = std::move(info); }
Cli::~Cli() = default;

void Cli::group(std::string_view title) {
  std::vector<Group>& groups = impl_->declarations.groups;
  const auto found =
      std::find_if(groups.begin(), groups.end(), [&](const Group& group) { return group.title == title; });
  impl_->current_group = static_cast<size_t>(found - groups.begin());
  if (found == groups.end()) groups.push_back({std::string(title), {}});
}

void Cli::flag(std::string_view names, bool& target, std::string_view help) {
  impl_->add(names, "", help).set = [&target](std::string_view) -> Result<std::string> {
    target = true;
    return std::string("true");
  };
}

void Cli::flag(std::string_view names, int& count, std::string_view help) {
  Option& option = impl_->add(names, "", help);
  option.repeatable = true;
  option.set = [&count](std::string_view) -> Result<std::string> {
    ++count;
    return std::string("true");
  };
}

void Cli::text(std::string_view names, std::string_view metavar, std::string& target, std::string_view help) {
  impl_->add(names, metavar, help).set = [&target](std::string_view value) -> Result<std::string> {
    return target = value;
  };
}

void Cli::text(std::string_view names, std::string_view metavar, std::optional<std::string>& target,
               std::string_view help) {
  impl_->add(names, metavar, help).set = [&target](std::string_view value) -> Result<std::string> {
    return target.emplace(value);
  };
}

void Cli::texts(std::string_view names, std::string_view metavar, std::vector<std::string>& target,
                std::string_view help) {
  Option& option = impl_->add(names, metavar, help);
  option.repeatable = true;
  option.set = [&target](std::string_view value) -> Result<std::string> { return target.emplace_back(value); };
}

void Cli::duration(std::string_view names, Duration& target, std::string_view help) {
  impl_->add(names, "DURATION", help).set = [&target](std::string_view value) -> Result<std::string> {
    STREAM_ASSIGN(target, parse_duration(value));
    return format_duration(target);
  };
}

void Cli::duration(std::string_view names, std::optional<Duration>& target, std::string_view help) {
  impl_->add(names, "DURATION", help).set = [&target](std::string_view value) -> Result<std::string> {
    STREAM_ASSIGN(target, parse_duration(value));
    return format_duration(*target);
  };
}

void Cli::integer(std::string_view names, std::string_view metavar, std::optional<int64_t>& target,
                  std::string_view help) {
  impl_->add(names, metavar, help).set = [&target](std::string_view value) -> Result<std::string> {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc::result_out_of_range) return usage_error("'{}' is out of range (64 bits)", value);
    if (error != std::errc() || end != value.data() + value.size()) {
      return usage_error("'{}' is not an integer", value);
    }
    target = number;
    return std::to_string(number);
  };
}

void Cli::choice(std::string_view names, Choices choices, std::function<void(size_t)> set, std::string_view help) {
  const std::string metavar = choices_metavar(choices);
  Option& option = impl_->add(names, metavar, help);
  if (metavar == "VALUE") option.help += fmt::format("; one of {}", joined(choices));
  option.choices = choices;
  option.set = [choices = std::move(choices), set = std::move(set)](std::string_view value) -> Result<std::string> {
    const auto found = std::find(choices.begin(), choices.end(), value);
    if (found == choices.end()) {
      const std::string near = closest(value, choices);
      const std::string hint = near.empty() ? std::string() : fmt::format(" (did you mean '{}'?)", near);
      return usage_error("'{}' is not one of {}{}", value, joined(choices), hint);
    }
    set(static_cast<size_t>(found - choices.begin()));
    return *found;
  };
}

void Cli::custom(std::string_view names, std::string_view metavar, std::function<Status(std::string_view)> parse,
                 std::string_view help) {
  Option& option = impl_->add(names, metavar, help);
  option.repeatable = true;
  option.set = [parse = std::move(parse)](std::string_view value) -> Result<std::string> {
    STREAM_TRY(parse(value));
    return std::string(value);
  };
}

void Cli::positionals(std::string_view metavar, std::vector<std::string>& target, std::string_view help,
                      size_t min_count, size_t max_count) {
  impl_->declarations.positionals = {std::string(metavar), std::string(help), min_count, max_count, &target};
}

void Cli::require(std::string_view name) {
  Option* option = impl_->declarations.find(name);
  if (!option || !option->takes_value()) throw std::logic_error(fmt::format("no option '{}' to require", name));
  option->required = true;
}

Cli::Outcome Cli::parse(int argc, const char* const* argv) {
  Declarations& declarations = impl_->declarations;
  auto plain = plain_argv(declarations, argc, argv);
  if (!plain.ok()) return {true, plain.take_status()};
  if (plain->help) return {true, print(help_text(declarations, terminal_width()))};
  if (plain->version) {
    return {true, print(fmt::format("{} (streamutils) {}\n", declarations.info.name, STREAM_VERSION))};
  }
  if (plain->generate) {
    auto text = generate(declarations, *plain->generate);
    return {true, text.ok() ? print(*text) : text.take_status()};
  }
  if (Status status = parse_options(declarations, std::move(plain->options)); !status.ok()) {
    return {true, std::move(status)};
  }
  if (Status status = check_positionals(declarations, plain->positionals); !status.ok()) {
    return {true, std::move(status)};
  }
  if (declarations.positionals.target) *declarations.positionals.target = std::move(plain->positionals);
  return {};
}

const Info& Cli::info() const { return impl_->declarations.info; }

bool Cli::given(std::string_view name) const {
  const Option* option = std::as_const(impl_->declarations).find(name);
  return option && !option->values.empty();
}

std::vector<std::pair<std::string, std::string>> Cli::given_values() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Group& group : impl_->declarations.groups) {
    for (const Option& option : group.options) {
      for (const std::string& value : option.values) out.emplace_back(option.display_name(), value);
    }
  }
  // By name, so that moving a declaration does not change a fingerprint; values of one option stay in the order of
  // argv.
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const Positionals& positionals = impl_->declarations.positionals;
  if (positionals.target) {
    for (const std::string& value : *positionals.target) out.emplace_back(positionals.metavar, value);
  }
  return out;
}

}  // namespace streamutils::cli
