// SPDX-License-Identifier: Apache-2.0
// Completion scripts of bash, zsh and fish.
#include <algorithm>

#include "lib/cli/texts.hpp"

namespace streamutils::cli {
namespace {

std::vector<Option> all_options(const Declarations& declarations) {
  std::vector<Option> options;
  for (const Group& group : declarations.groups) {
    options.insert(options.end(), group.options.begin(), group.options.end());
  }
  const std::vector<Option> built_in = built_in_options(declarations);
  options.insert(options.end(), built_in.begin(), built_in.end());
  return options;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}

/// For the inside of single quotes in bash and zsh.
std::string quoted_inside(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out;
}

/// `text` with a backslash before each of `specials`.
std::string backslashed(std::string_view text, std::string_view specials) {
  std::string out;
  for (const char c : text) {
    if (specials.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string bash_reply(Completes what, const Choices& choices) {
  const std::string_view reply = "mapfile -t COMPREPLY < <(compgen ";
  switch (what) {
    case Completes::choices:
      return fmt::format("{}-W '{}' -- \"$cur\")", reply, quoted_inside(join(choices, " ")));
    case Completes::files:
      return fmt::format("compopt -o filenames 2>/dev/null; {}-f -- \"$cur\")", reply);
    case Completes::directories:
      return fmt::format("compopt -o filenames 2>/dev/null; {}-d -- \"$cur\")", reply);
    case Completes::nothing:
      break;
  }
  return {};
}

std::string zsh_action(Completes what, const Choices& choices) {
  switch (what) {
    case Completes::choices:
      return "(" + join(choices, " ") + ")";
    case Completes::files:
      return "_files";
    case Completes::directories:
      return "_files -/";
    case Completes::nothing:
      break;
  }
  return " ";
}

std::string function_name(std::string_view program) {
  std::string out = "_";
  for (const char c : program) out += c == '-' ? '_' : c;
  return out;
}

}  // namespace

Completes completes(std::string_view metavar) {
  if (metavar.find('=') != std::string_view::npos) return Completes::nothing;
  if (metavar.find("FILE") != std::string_view::npos) return Completes::files;
  if (metavar.starts_with("DIR")) return Completes::directories;
  return Completes::nothing;
}

Completes completes(const Option& option) {
  return option.choices.empty() ? completes(option.metavar) : Completes::choices;
}

std::string_view first_clause(std::string_view help) {
  size_t end = std::min({help.find(". "), help.find("; "), help.find('\n'), help.find(": "), help.size()});
  if (end == help.size() && help.ends_with('.')) --end;
  return help.substr(0, end);
}

std::string bash_completion(const Declarations& declarations) {
  const std::string function = function_name(declarations.info.name);
  std::string out = fmt::format(
      "# bash completion of {}, written by '{} --generate bash'\n"
      "{}() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  COMPREPLY=()\n"
      "  # bash cuts words at '='\n"
      "  if [[ $cur == = ]]; then\n"
      "    cur=\n"
      "  elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then\n"
      "    prev=${{COMP_WORDS[COMP_CWORD-2]}}\n"
      "  fi\n",
      declarations.info.name, declarations.info.name, function);
  std::string cases, names;
  for (const Option& option : all_options(declarations)) {
    names += (names.empty() ? "" : " ") + join(option.names, " ");
    if (!option.takes_value()) continue;
    const std::string reply = bash_reply(completes(option), option.choices);
    cases += fmt::format("    {})\n{}      return\n      ;;\n", join(option.names, " | "),
                         reply.empty() ? "" : "      " + reply + "\n");
  }
  if (!cases.empty()) out += "  case $prev in\n" + cases + "  esac\n";
  out += fmt::format("  if [[ $cur == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")\n", names);
  const std::string positional = bash_reply(completes(declarations.positionals.metavar), {});
  if (!positional.empty()) out += fmt::format("  else\n    {}\n", positional);
  out += fmt::format("  fi\n}}\ncomplete -F {} {}\n", function, declarations.info.name);
  return out;
}

std::string zsh_completion(const Declarations& declarations) {
  std::string out = fmt::format("#compdef {}\n# zsh completion, written by '{} --generate zsh'\n_arguments -s -S",
                                declarations.info.name, declarations.info.name);
  for (const Option& option : all_options(declarations)) {
    const std::string help = quoted_inside(backslashed(first_clause(option.help), "[]\\:"));
    for (const std::string& name : option.names) {
      const bool is_long = name.starts_with("--");
      std::string spec = option.repeatable ? std::string("*") : fmt::format("({})", join(option.names, " "));
      spec += name;
      if (option.takes_value()) spec += is_long ? "=" : "+";
      spec += "[" + help + "]";
      if (option.takes_value()) {
        const std::string metavar = option.choices.empty() ? option.metavar : std::string("value");
        spec += fmt::format(":{}:{}", quoted_inside(backslashed(metavar, "\\:")),
                            quoted_inside(zsh_action(completes(option), option.choices)));
      }
      out += " \\\n  '" + spec + "'";
    }
  }
  const Positionals& positionals = declarations.positionals;
  if (!positionals.metavar.empty()) {
    out += fmt::format(" \\\n  '*:{}:{}'", quoted_inside(backslashed(positionals.metavar, "\\:")),
                       zsh_action(completes(positionals.metavar), {}));
  }
  return out + "\n";
}

std::string fish_completion(const Declarations& declarations) {
  const std::string& program = declarations.info.name;
  std::string out = fmt::format("# fish completion of {}, written by '{} --generate fish'\n", program, program);
  if (completes(declarations.positionals.metavar) == Completes::nothing) {
    out += fmt::format("complete -c {} -f\n", program);
  }
  for (const Option& option : all_options(declarations)) {
    out += fmt::format("complete -c {}", program);
    for (const std::string& name : option.names) {
      out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (option.takes_value()) {
      switch (completes(option)) {
        case Completes::choices:
          out += fmt::format(" -x -a '{}'", backslashed(join(option.choices, " "), "\\'"));
          break;
        case Completes::files:
          out += " -r -F";
          break;
        case Completes::directories:
          out += " -x -a '(__fish_complete_directories)'";
          break;
        case Completes::nothing:
          out += " -x";
          break;
      }
    }
    out += fmt::format(" -d '{}'\n", backslashed(first_clause(option.help), "\\'"));
  }
  return out;
}

Result<std::string> generate(const Declarations& declarations, std::string_view kind) {
  if (kind == "man-options") return man_options(declarations);
  if (kind == "man-synopsis") return man_synopsis(declarations);
  if (kind == "bash") return bash_completion(declarations);
  if (kind == "zsh") return zsh_completion(declarations);
  if (kind == "fish") return fish_completion(declarations);
  return usage_error("--generate: '{}' is not one of man-options, man-synopsis, bash, zsh, fish", kind);
}

}  // namespace streamutils::cli
