// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/options.hpp"

#include <algorithm>

#include "lib/program/program.hpp"
#include "tools/sdivert/sdivert.hpp"

namespace streamutils::sdivert {

namespace {

const cli::Info kInfo{
    .name = "sdivert",
    .summary = "take side records out of a stream, or copy it",
    .usage = "(--to LABEL=FILE | --exec LABEL=COMMAND | --copy COMMAND)... [OPTION]...",
    .description =
        "Passes a stream from standard input to standard output. Side records (late, invalid, early) whose label is "
        "named are "
        "taken out and written to a file or to a command, one JSON object a line; the others pass on. --copy gives the "
        "main "
        "stream to a second command as well: the way to several sinks.",
    .examples = {
        {"records behind the watermark go to a file",
         R"(printf '%s\n' '{"t":1700000100}' '{"t":1700000001}' '{"t":1700000200}' | swatermark --time t | )"
         R"(swindow --tumbling 10s --agg 'n=count()' | sdivert --to late=late.ndjson)"},
        {"what is no JSON goes through a command",
         R"(printf '%s\n' '{"t":1700000100}' 'oops' | swatermark --time t | sdivert --raw --exec invalid='sed s/^/bad:/')"}}};

bool is_label(std::string_view text) {
  if (text == "*") return true;
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void declare(cli::Cli& cli, Options& o) {
  const auto into = [](std::vector<Diversion>& list, std::string_view what) {
    return [&list, what](std::string_view text) -> Status {
      STREAM_ASSIGN(Diversion diversion, parse_diversion(text, what));
      list.push_back(std::move(diversion));
      return {};
    };
  };
  cli.group("Where records go");
  cli.custom(
      "--to", "LABEL=FILE", into(o.files, "FILE"),
      "write side records with this label to FILE, which starts empty; LABEL * takes every label that is not named "
      "otherwise. May be repeated");
  cli.custom("--exec", "LABEL=COMMAND", into(o.commands, "COMMAND"),
             "write side records with this label to the standard input of COMMAND. One of our programs gets a stream, "
             "any other "
             "plain lines; its standard output goes to our standard error. May be repeated");
  cli.texts("--copy", "COMMAND", o.copies,
            "write the main stream to the standard input of COMMAND, too. May be repeated");
  cli.group("How they are written");
  cli.flag("--raw", o.raw, "write the side records' own bytes instead of JSON objects that describe them");
  cli.flag("--append", o.append,
           "keep what is in the files, and write behind it; with a checkpoint a restart keeps them in any case");
}

Status check(const Options& o) {
  if (o.files.empty() && o.commands.empty() && o.copies.empty()) {
    return usage_error("nothing to divert: give --to, --exec or --copy");
  }
  for (size_t i = 0; i < o.commands.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (o.commands[i].label == o.commands[k].label) {
        return usage_error("--exec names the label '{}' twice; let the first command be 'sdivert --copy ...'",
                           o.commands[i].label);
      }
    }
  }
  return {};
}

}  // namespace

Result<Diversion> parse_diversion(std::string_view text, std::string_view what) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 == text.size()) {
    return usage_error("'{}' has no {}; write LABEL={}, as in late={}", text, what, what,
                       what == "FILE" ? "late.ndjson" : "'ssink-kafka ...'");
  }
  const std::string_view label = text.substr(0, equals);
  if (!is_label(label)) {
    return usage_error("'{}' is not a label; labels are words such as late, invalid, early, or * for all others",
                       label);
  }
  return Diversion{std::string(label), std::string(text.substr(equals + 1))};
}

int run(int argc, char** argv) {
  Program program(kInfo);
  Options options;
  declare(program.cli(), options);
  if (const auto code = program.parse(argc, argv)) return *code;
  if (Status status = check(options); !status.ok()) return program.fail(status);
  options.binary = program.common().binary;
  options.checkpoint = program.common().checkpoint;
  options.check_only = program.check_only();
  auto op = Sdivert::create(options, program.context(), [&program] { return program.neighbour_died(); });
  if (!op.ok()) return program.fail(op.status());
  if (Status status = (*op)->start(); !status.ok()) {
    const int code = program.fail(status);
    program.fail((*op)->finish(status.code()));  // of the commands that were started
    return code;
  }
  if (!options.checkpoint.empty()) (*op)->hold_output();
  program.while_others_wait([&op] { return (*op)->look_at_branches(); });
  const int code = program.run(**op);
  const int finished = program.fail((*op)->finish(static_cast<Code>(code)));
  return finished != 0 && (code == 0 || static_cast<Code>(code) == Code::broken_pipe) ? finished : code;
}

}  // namespace streamutils::sdivert
