// SPDX-License-Identifier: Apache-2.0
// The only place that includes Boost.Program_options. Its reader takes '#' for a comment even inside quotes, and gives
// no line numbers: so it gets one logical line at a time, with '#' and the newlines of continued lines masked.
#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <sstream>

#include "lib/cli/argv.hpp"
#include "lib/process/shell_words.hpp"
#include "lib/program/program.hpp"
#include "tools/srun/pipeline.hpp"

namespace streamutils::srun {

namespace {

namespace po = boost::program_options;

constexpr char kMaskedHash = '\x01';
constexpr char kMaskedNewline = '\x02';
const std::vector<std::string> kKeys = {"name", "stage",   "restart",       "checkpoint", "binary",
                                        "fuse", "threads", "stage_timeout", "env"};

struct LogicalLine {
  std::string text;  // lines that end with a backslash joined to the next, backslash and newline kept
  int number = 0;    // of its first line
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool continues(std::string_view line) {
  size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> out;
  bool open = false;
  for (int number = 1; !text.empty(); ++number) {
    const size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (open) {
      out.back().text += '\n';
      out.back().text += line;
      open = continues(line);
      continue;
    }
    const auto first = std::find_if_not(line.begin(), line.end(), is_blank);
    if (first == line.end() || *first == '#') continue;
    out.push_back({std::string(line), number});
    open = continues(line);
  }
  return out;
}

std::string masked(std::string text) {
  std::replace(text.begin(), text.end(), '#', kMaskedHash);
  std::replace(text.begin(), text.end(), '\n', kMaskedNewline);
  return text;
}

std::string unmasked(std::string text) {
  std::replace(text.begin(), text.end(), kMaskedHash, '#');
  std::replace(text.begin(), text.end(), kMaskedNewline, '\n');
  return text;
}

const po::options_description& description() {
  static const po::options_description all = [] {
    po::options_description out;
    for (const std::string& key : kKeys) out.add_options()(key.c_str(), po::value<std::vector<std::string>>());
    return out;
  }();
  return all;
}

struct Entry {
  std::string key, value;
  bool known = false;
  TextOrigin origin;  // of the value
};

/// On failure: a message without the line.
Result<Entry> read_entry(const LogicalLine& line) {
  if (line.text.find_first_of("\x01\x02") != std::string::npos || line.text.find('\0') != std::string::npos) {
    return usage_error("there is a control character in it");
  }
  const std::string source = masked(line.text);
  po::parsed_options parsed(nullptr);
  try {
    std::istringstream stream(source);
    parsed = po::parse_config_file(stream, description(), true);
  } catch (const po::error&) {
    return usage_error("'{}' is not of the form KEY = VALUE", line.text);
  }
  if (parsed.options.empty())
    return usage_error("'{}' is not of the form KEY = VALUE; there are no sections", line.text);
  const po::option& option = parsed.options.front();
  Entry entry{option.string_key, option.value.empty() ? "" : unmasked(option.value.front()), !option.unregistered, {}};
  size_t at = line.text.find('=') + 1;
  while (at < line.text.size() && is_blank(line.text[at])) ++at;
  entry.origin = {line.number, static_cast<int>(at) + 1};
  return entry;
}

/// For values that are not commands: a comment behind them is cut off.
std::string word_of(const std::string& value) {
  size_t end = value.size();
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '#' && (i == 0 || is_blank(value[i - 1]))) end = std::min(end, i);
  }
  while (end > 0 && is_blank(value[end - 1])) --end;
  return value.substr(0, end);
}

class FileParser {
 public:
  explicit FileParser(const std::string& name) : name_(name) { pipeline_.name = name; }

  Status take(const LogicalLine& line) {
    auto entry = read_entry(line);
    if (!entry.ok()) return at_line(entry.take_status(), line.number);
    if (!entry->known) {
      const std::string near = cli::closest(entry->key, kKeys);
      return at_line(
          usage_error("unknown key '{}'{}; keys are {}", entry->key,
                      near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), fmt::join(kKeys, ", ")),
          line.number);
    }
    if (entry->key == "stage") return take_stages(*entry);
    if (entry->key == "env") return take_environment(*entry);
    if (std::find(seen_.begin(), seen_.end(), entry->key) != seen_.end()) {
      return at_line(usage_error("'{}' is given twice", entry->key), line.number);
    }
    seen_.push_back(entry->key);
    return at_line(take_setting(entry->key, word_of(entry->value)), line.number);
  }

  Result<Pipeline> finish() {
    if (pipeline_.stages.empty()) {
      return usage_error("'{}': there is no stage; write 'stage = COMMAND' for each, in order", name_);
    }
    return std::move(pipeline_);
  }

 private:
  [[nodiscard]] Status at_line(Status status, int line) const {
    return std::move(status).at(fmt::format("'{}': line {}", name_, line));
  }

  /// Usually one command; `stage = a | b` is two stages.
  Status take_stages(const Entry& entry) {
    auto commands = split_pipeline(entry.value, entry.origin);
    if (!commands.ok()) return commands.take_status().at(fmt::format("'{}'", name_));
    for (ShellCommand& command : *commands) {
      pipeline_.stages.push_back(
          {std::move(command.words), fmt::format("'{}': line {}", name_, command.origin.line), {}});
    }
    return {};
  }

  Status take_environment(const Entry& entry) {
    auto words = split_words(entry.value, entry.origin);
    if (!words.ok()) return words.take_status().at(fmt::format("'{}'", name_));
    if (words->empty()) return at_line(usage_error("env is empty; write env = NAME=VALUE"), entry.origin.line);
    for (const std::string& word : *words) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos || equals == 0) {
        return at_line(usage_error("'{}' is not of the form NAME=VALUE", word), entry.origin.line);
      }
      pipeline_.environment.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return {};
  }

  Status take_setting(std::string_view key, const std::string& value) {
    if (key == "name") {
      if (value.empty()) return usage_error("name is empty");
      pipeline_.name = value;
    } else if (key == "restart") {
      if (value != "never" && value != "on-failure") {
        return usage_error("restart is '{}'; it takes 'never' or 'on-failure'", value);
      }
      pipeline_.restart_on_failure = value == "on-failure";
    } else if (key == "checkpoint") {
      if (value.empty()) return usage_error("checkpoint is empty; give a directory");
      pipeline_.checkpoint = value;
    } else if (key == "binary") {
      if (value != "true" && value != "false") return usage_error("binary is '{}'; it takes 'true' or 'false'", value);
      pipeline_.binary = value == "true";
    } else if (key == "fuse") {
      if (value != "true" && value != "false") return usage_error("fuse is '{}'; it takes 'true' or 'false'", value);
      pipeline_.fuse = value == "true";
    } else if (key == "threads") {
      auto threads = parse_threads(value);
      if (!threads.ok()) return threads.take_status().at("threads");
      pipeline_.threads = *threads;
    } else {
      auto duration = parse_duration(value);
      if (!duration.ok()) return duration.take_status().at("stage_timeout");
      if (duration->us <= 0) return usage_error("stage_timeout must be positive");
      pipeline_.stage_timeout = *duration;
    }
    return {};
  }

  std::string name_;
  Pipeline pipeline_;
  std::vector<std::string> seen_;
};

}  // namespace

Result<Pipeline> parse_pipeline_file(std::string_view text, const std::string& name) {
  FileParser parser(name);
  for (const LogicalLine& line : logical_lines(text)) STREAM_TRY(parser.take(line));
  return parser.finish();
}

}  // namespace streamutils::srun
