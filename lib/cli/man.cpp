// SPDX-License-Identifier: Apache-2.0
// scdoc(5) source of the generated parts of a man page.
#include <cctype>

#include "lib/cli/texts.hpp"

namespace streamutils::cli {
namespace {

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// What scdoc would take for markup, behind a backslash; '+' because "++" at the end of a line is a break.
void append_escaped(std::string& out, char c) {
  constexpr std::string_view kInline = "\\_*+`";
  if (kInline.find(c) != std::string_view::npos) out += '\\';
  out += c;
}

/// `text` as one line of scdoc. REQUIRES: it stands at the beginning of a line, but for indentation.
std::string escaped_line(std::string_view text) {
  constexpr std::string_view kAtStart = "#-;[]| ";
  std::string out;
  if (text.starts_with('.')) {
    // scdoc 1.11 reads a list item, and behind a backslash writes a roff request. Bold hides it from both.
    out += "*.*";
    text.remove_prefix(1);
  } else if (!text.empty() && kAtStart.find(text[0]) != std::string_view::npos) {
    out += '\\';
  }
  for (const char c : text) append_escaped(out, c);
  return out;
}

std::string marked(char mark, std::string_view text) {
  std::string out(1, mark);
  for (const char c : text) append_escaped(out, c);
  return out + mark;
}

/// Usage text with options bold and names of values underlined: "[--every D]" becomes "[*--every* _D_]".
std::string marked_usage(std::string_view usage) {
  std::string out;
  size_t i = 0;
  while (i < usage.size()) {
    const char before = i == 0 ? ' ' : usage[i - 1];
    size_t end = i;
    if (usage[i] == '-' && !is_alnum(before)) {
      while (end < usage.size() && (is_alnum(usage[end]) || usage[end] == '-')) ++end;
      out += marked('*', usage.substr(i, end - i));
    } else if (std::isupper(static_cast<unsigned char>(usage[i])) && !is_alnum(before)) {
      while (end < usage.size() && (is_alnum(usage[end]) || usage[end] == '_')) ++end;
      out += marked('_', usage.substr(i, end - i));
    } else {
      append_escaped(out, usage[end++]);
    }
    i = end;
  }
  return out;
}

void append_help(std::string& out, std::string_view help) {
  while (true) {
    const size_t end = std::min(help.find('\n'), help.size());
    if (end > 0) {
      const std::string_view line = help.substr(0, end);
      const size_t begin = std::min(line.find_first_not_of(' '), end);
      out += '\t' + escaped_line(line.substr(begin)) + '\n';
    }
    out += '\n';
    if (end == help.size()) return;
    help.remove_prefix(end + 1);
  }
}

void append_option(std::string& out, const Option& option) {
  bool first = true;
  for (const std::string& name : option.names) {
    if (!first) out += ", ";
    first = false;
    out += marked('*', name);
  }
  if (option.takes_value()) {
    out += ' ';
    if (option.choices.empty()) {
      out += marked('_', option.metavar);
    } else {
      for (const char c : option.metavar) append_escaped(out, c);
    }
  }
  out += '\n';
  append_help(out, option.help);
}

}  // namespace

std::string man_synopsis(const Declarations& declarations) {
  std::string out;
  std::string_view usage = declarations.info.usage;
  while (true) {
    const size_t end = std::min(usage.find('\n'), usage.size());
    if (!out.empty()) out += '\n';  // a paragraph each
    out += marked('*', declarations.info.name);
    if (end > 0) out += ' ' + marked_usage(usage.substr(0, end));
    out += '\n';
    if (end == usage.size()) return out;
    usage.remove_prefix(end + 1);
  }
}

std::string man_options(const Declarations& declarations) {
  std::string out;
  const Positionals& positionals = declarations.positionals;
  if (!positionals.metavar.empty()) {
    out += "## Arguments\n\n" + marked('_', positionals.metavar) + (positionals.max_count == 1 ? "\n" : "...\n");
    append_help(out, positionals.help);
  }
  for (const Group& group : declarations.groups) {
    if (group.options.empty()) continue;
    out += "## " + escaped_line(group.title) + "\n\n";
    for (const Option& option : group.options) append_option(out, option);
  }
  for (const Option& option : built_in_options(declarations)) append_option(out, option);
  return out;
}

}  // namespace streamutils::cli
