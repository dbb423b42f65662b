// SPDX-License-Identifier: Apache-2.0
#include "lib/process/shell_words.hpp"

#include <algorithm>

namespace streamutils {

namespace {

constexpr std::string_view kRemedy =
    "nothing is expanded or redirected here; quote it, or let a shell do it: sh -c '...'";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// NAME=VALUE, which a shell takes for an assignment when it stands where the command should.
bool is_assignment(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0 || (word[0] >= '0' && word[0] <= '9')) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), is_name_char);
}

class Splitter {
 public:
  Splitter(std::string_view text, TextOrigin origin) : text_(text), origin_(origin) {}

  /// The commands between unquoted '|'. One that is empty has no words.
  Result<std::vector<ShellCommand>> split() {
    begin_command();
    while (at_ < text_.size()) STREAM_TRY(step());
    end_word();
    return std::move(commands_);
  }

  [[nodiscard]] Status error(TextOrigin where, std::string_view what) const {
    if (where.line == 0) return usage_error("column {}: {}", where.column, what);
    return usage_error("line {}, column {}: {}", where.line, where.column, what);
  }

  /// The place of text_[offset].
  [[nodiscard]] TextOrigin place(size_t offset) const {
    TextOrigin where = origin_;
    for (size_t i = 0; i < offset; ++i) {
      if (text_[i] == '\n') {
        where.line = std::max(where.line, 1) + 1;
        where.column = 1;
      } else if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) {  // UTF-8: count characters
        ++where.column;
      }
    }
    return where;
  }

 private:
  Status step() {
    const char c = text_[at_];
    switch (c) {
      case '\'':
        return single_quoted();
      case '"':
        return double_quoted();
      case '\\':
        return escaped();
      case '|':
        end_word();
        ++at_;
        begin_command();
        return {};
      case '\n':
        return newline();
      case '#':
        if (in_word_) break;
        at_ = std::min(text_.find('\n', at_), text_.size());
        return {};
      case '~':
        if (!in_word_) return special();
        break;
      default:
        if (is_blank(c)) {
          end_word();
          ++at_;
          return {};
        }
        if (std::string_view("$`*?[;&<>()\0", 12).find(c) != std::string_view::npos) return special();
    }
    append(c);
    ++at_;
    return {};
  }

  Status special() const {
    const char c = text_[at_];
    if (c == '\0') return error(place(at_), "a NUL byte cannot be part of a command");
    return error(place(at_), fmt::format("unquoted '{}': {}", c, kRemedy));
  }

  Status single_quoted() {
    const size_t close = text_.find('\'', at_ + 1);
    if (close == std::string_view::npos) return error(place(at_), "the quote ' is not closed");
    const std::string_view inside = text_.substr(at_ + 1, close - at_ - 1);
    if (inside.find('\0') != std::string_view::npos) {
      return error(place(at_), "a NUL byte cannot be part of a command");
    }
    begin_word();
    word_ += inside;
    at_ = close + 1;
    return {};
  }

  Status double_quoted() {
    const size_t open = at_;
    begin_word();
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      if (c == '\0') return special();
      if (c == '$' || c == '`') {
        return error(place(at_),
                     fmt::format("'{}' in double quotes: nothing is expanded here; use single quotes, or let "
                                 "a shell do it: sh -c '...'",
                                 c));
      }
      if (c == '\\' && at_ + 1 < text_.size() &&
          std::string_view("$`\"\\\n").find(text_[at_ + 1]) != std::string_view::npos) {
        ++at_;
        if (text_[at_] == '\n') continue;
      }
      word_ += text_[at_];
    }
    return error(place(open), "the quote \" is not closed");
  }

  Status escaped() {
    if (at_ + 1 == text_.size()) return error(place(at_), "nothing follows the backslash");
    const char c = text_[at_ + 1];
    at_ += 2;
    if (c == '\n') return {};  // the line goes on
    if (c == '\0') return error(place(at_ - 1), "a NUL byte cannot be part of a command");
    append(c);
    return {};
  }

  /// A newline ends a command: it may stand around commands, not inside one.
  Status newline() {
    end_word();
    const bool inside = !commands_.back().words.empty();
    const size_t start = at_;
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '\n')) ++at_;
    if (!inside || at_ == text_.size() || text_[at_] == '#') return {};
    return error(place(start), "the command ends at this newline; put '|' before it, or '\\' to go on");
  }

  void begin_word() {
    if (in_word_) return;
    in_word_ = true;
    if (commands_.back().words.empty()) commands_.back().origin = place(at_);
  }
  void append(char c) {
    begin_word();
    word_ += c;
  }
  void end_word() {
    if (!in_word_) return;
    commands_.back().words.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }
  void begin_command() {
    commands_.emplace_back();
    commands_.back().origin = place(at_);
  }

  std::string_view text_;
  TextOrigin origin_;
  size_t at_ = 0;
  std::vector<ShellCommand> commands_;
  std::string word_;
  bool in_word_ = false;
};

Status check_command(const Splitter& splitter, const ShellCommand& command) {
  if (!command.words.empty() && is_assignment(command.words.front())) {
    return splitter.error(command.origin,
                          fmt::format("'{0}' is not a command; write: env {0} COMMAND", command.words.front()));
  }
  return {};
}

}  // namespace

Result<ShellCommand> split_command(std::string_view text, TextOrigin origin) {
  Splitter splitter(text, origin);
  STREAM_ASSIGN(auto commands, splitter.split());
  if (commands.size() > 1) {
    return splitter.error(commands[1].origin, "one command is wanted here, not a pipeline; use sh -c 'a | b'");
  }
  if (commands[0].words.empty()) return splitter.error(origin, "the command is missing");
  STREAM_TRY(check_command(splitter, commands[0]));
  return std::move(commands[0]);
}

Result<std::vector<ShellCommand>> split_pipeline(std::string_view text, TextOrigin origin) {
  Splitter splitter(text, origin);
  STREAM_ASSIGN(auto commands, splitter.split());
  for (size_t i = 0; i < commands.size(); ++i) {
    if (commands[i].words.empty()) {
      const std::string_view where = commands.size() == 1 ? "" : i + 1 < commands.size() ? " before '|'" : " after '|'";
      return splitter.error(commands[i].origin, fmt::format("a command is missing{}", where));
    }
    STREAM_TRY(check_command(splitter, commands[i]));
  }
  return commands;
}

Result<std::vector<std::string>> split_words(std::string_view text, TextOrigin origin) {
  Splitter splitter(text, origin);
  STREAM_ASSIGN(auto commands, splitter.split());
  if (commands.size() > 1) {
    return splitter.error(commands[1].origin, fmt::format("unquoted '|' just before: {}", kRemedy));
  }
  return std::move(commands[0].words);
}

std::string join_words(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%{}^";
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) {
      if (c == '\'') {
        out += R"('\'')";
      } else {
        out += c;
      }
    }
    out += '\'';
  }
  return out;
}

}  // namespace streamutils
