// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/cli/argv.hpp"
#include "lib/cli/texts.hpp"

namespace streamutils::cli {
namespace {

constexpr size_t kHelpColumn = 28;
constexpr char kGlue = '\x01';  // a space at which usage lines are not broken
constexpr size_t kNarrow = 60;  // below this, help goes under its option

/// Appends `text` filled to `width`, each line behind `indent` spaces; the first line continues at `column`.
/// A newline in the text stays; a line that begins with a space is kept as it is.
void append_filled(std::string& out, std::string_view text, size_t column, size_t indent, size_t width) {
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const bool verbatim = line.starts_with(' ');
    if (!line.empty() && column < indent) {
      out.append(indent - column, ' ');
      column = indent;
    }
    if (verbatim) {
      out += line;
      line = {};
    }
    bool first = true;
    while (!line.empty()) {
      const size_t space = std::min(line.find(' '), line.size());
      const std::string_view word = line.substr(0, space);
      line.remove_prefix(std::min(space + 1, line.size()));
      if (word.empty()) continue;
      const size_t needed = text_width(word) + (first ? 0 : 1);
      if (!first && column + needed > width) {
        out += '\n';
        out.append(indent, ' ');
        column = indent + text_width(word);
      } else {
        if (!first) out += ' ';
        column += needed;
      }
      out += word;
      first = false;
    }
    out += '\n';
    column = 0;
  }
}

void append_entry(std::string& out, const std::string& left, std::string_view help, size_t width) {
  out += left;
  size_t column = text_width(left);
  const size_t indent = width < kNarrow ? 8 : kHelpColumn;
  if (column + 2 > indent) {
    out += '\n';
    column = 0;
  }
  append_filled(out, help, column, indent, width);
}

std::string left_side(const Option& option) {
  std::string names;
  for (const std::string& name : option.names) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  if (option.takes_value()) names += ' ' + option.metavar;
  return (option.names.front().starts_with("--") ? "      " : "  ") + names;
}

void append_group(std::string& out, const std::string& title, const std::vector<Option>& options, size_t width) {
  if (options.empty()) return;
  out += '\n' + title + ":\n";
  for (const Option& option : options) append_entry(out, left_side(option), option.help, width);
}

/// `usage` with the spaces inside brackets replaced by kGlue where the whole bracket has room on a line, so that
/// filling does not part "[-p N,…]".
std::string glued(std::string_view usage, size_t room) {
  std::string out(usage);
  size_t depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const bool opens = out[i] == '(' || out[i] == '[';
    const bool closes = out[i] == ')' || out[i] == ']';
    if (opens && depth++ == 0) begin = i;
    if (!closes || depth == 0 || --depth > 0) continue;
    if (text_width(std::string_view(out).substr(begin, i + 1 - begin)) > room) continue;
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.begin() + static_cast<std::ptrdiff_t>(i), ' ',
                 kGlue);
  }
  return out;
}

void append_usage(std::string& out, const Info& info, size_t width) {
  std::string_view usage = info.usage;
  std::string_view lead = "Usage: ";
  const size_t indent = lead.size() + info.name.size() + 1;
  while (true) {
    const size_t end = std::min(usage.find('\n'), usage.size());
    std::string line(lead);
    line += info.name;
    if (end > 0) {
      line += ' ';
      append_filled(line, glued(usage.substr(0, end), width > indent ? width - indent : 0), indent, indent, width);
    } else {
      line += '\n';
    }
    std::replace(line.begin(), line.end(), kGlue, ' ');
    out += line;
    if (end == usage.size()) return;
    usage.remove_prefix(end + 1);
    lead = "   or: ";
  }
}

void append_examples(std::string& out, const std::vector<Example>& examples) {
  if (examples.empty()) return;
  out += "\nExamples:\n";
  bool first = true;
  for (const Example& example : examples) {
    if (!first) out += '\n';
    first = false;
    out += "  " + example.what + ":\n    ";
    for (const char c : example.command) {  // never filled: it must work when pasted
      out += c;
      if (c == '\n') out += "    ";
    }
    out += '\n';
  }
}

}  // namespace

size_t text_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<Option> built_in_options(const Declarations& declarations) {
  std::vector<Option> options;
  Option help;
  for (const char* name : {"-h", "--help"}) {
    if (is_help(declarations, name)) help.names.emplace_back(name);
  }
  help.help = "print this help and exit";
  if (!help.names.empty()) options.push_back(std::move(help));
  if (!declarations.find("--version")) {
    Option version;
    version.names = {"--version"};
    version.help = "print the version and exit";
    options.push_back(std::move(version));
  }
  return options;
}

std::string help_text(const Declarations& declarations, size_t width) {
  std::string out;
  append_usage(out, declarations.info, width);
  out += '\n';
  const Info& info = declarations.info;
  append_filled(out, info.description.empty() ? info.summary : info.description, 0, 0, width);
  const Positionals& positionals = declarations.positionals;
  if (!positionals.metavar.empty()) {
    out += "\nArguments:\n";
    append_entry(out, "  " + positionals.metavar + (positionals.max_count == 1 ? "" : "..."), positionals.help, width);
  }
  const std::vector<Option> built_in = built_in_options(declarations);
  for (size_t i = 0; i < declarations.groups.size(); ++i) {
    const Group& group = declarations.groups[i];
    std::vector<Option> options = group.options;
    if (i + 1 == declarations.groups.size()) options.insert(options.end(), built_in.begin(), built_in.end());
    append_group(out, group.title, options, width);
  }
  if (declarations.groups.empty()) append_group(out, "Options", built_in, width);
  append_examples(out, info.examples);
  return out;
}

}  // namespace streamutils::cli
