// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/sstate.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>

#include "lib/cli/argv.hpp"
#include "lib/cli/cli.hpp"
#include "lib/cli/log.hpp"
#include "tools/sstate/commands.hpp"

namespace streamutils::sstate {

namespace {

const cli::Info kInfo{
    .name = "sstate",
    .summary = "look into the checkpoints of a pipeline",
    .usage =
        "ls DIR [--json]\nshow DIR [N]\ncat DIR [N] [--stage NAME] [--key K]\nverify DIR\n"
        "rm DIR (N | --older-than N | --all --yes)",
    .description =
        "DIR is what --checkpoint or STREAM_CHECKPOINT names, N an epoch; without N the newest is shown. ls lists the "
        "epochs that are kept, show tells what one consists of, cat prints the states in it as NDJSON (open windows "
        "with "
        "their aggregates so far, watermarks, what sinks remember), verify reads everything and checks it. They change "
        "nothing and may be used while the pipeline runs. rm removes epochs, and is refused while it runs.",
    .examples = {
        {"the windows of one user that are open",
         R"x(STREAM_CHECKPOINT=cp srun "skafka-cat -b localhost -e --keep-open clicks | swatermark --time event_time | )x"
         R"x(swindow --tumbling 1m --key user_id --agg 'n=count()' | ssink-redis --url redis://localhost --hash )x"
         R"x('c:{user_id}:{window_start}'" && sstate cat cp --stage swindow --key u1)x"},
        {"what is kept, and is all of it as it was written", "sstate ls cp && sstate verify cp"}}};

struct Arguments {
  std::vector<std::string> words;
  bool json = false, all = false, yes = false;
  std::string stage;
  std::optional<std::string> key;
  std::optional<int64_t> older_than;
  int verbose = 0;
};

void declare(cli::Cli& cli, Arguments& a) {
  cli.positionals("COMMAND DIR [N]", a.words, "ls, show, cat, verify or rm; the checkpoint directory; an epoch", 2, 3);
  cli.group("Options");
  cli.flag("--json", a.json, "ls: NDJSON instead of a table");
  cli.text("--stage", "NAME", a.stage, "cat: only the state of this stage, as show names it ('swindow-2')");
  cli.text("--key", "K", a.key,
           "cat: only what belongs to keys with the value K, as JSON or as plain text, or with the fields of K when it "
           "is a JSON object");
  cli.integer("--older-than", "N", a.older_than, "rm: the epochs before N, but never the newest");
  cli.flag("--all", a.all, "rm: everything; the pipeline begins from nothing then");
  cli.flag("--yes", a.yes, "rm: yes, all of it");
  cli.group("General options");
  cli.flag("-v,--verbose", a.verbose, "say more on stderr");
}

Result<std::optional<uint64_t>> number_of(const Arguments& a) {
  if (a.words.size() < 3) return std::optional<uint64_t>();
  const std::string& text = a.words[2];
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return usage_error("'{}' is not the number of an epoch", text);
  return std::optional(number);
}

/// Options that are for another command.
Status check_options(const cli::Cli& cli, std::string_view command) {
  constexpr std::pair<std::string_view, std::string_view> kBelongs[] = {
      {"--json", "ls"}, {"--stage", "cat"}, {"--key", "cat"}, {"--older-than", "rm"}, {"--all", "rm"}, {"--yes", "rm"}};
  for (const auto& [option, owner] : kBelongs) {
    if (owner != command && cli.given(option)) return usage_error("{} is for {}", option, owner);
  }
  return {};
}

Status remove(checkpoint::ObjectStore& store, const Arguments& a, std::optional<uint64_t> number, Printer& out) {
  if (int{number.has_value()} + int{a.older_than.has_value()} + int{a.all} != 1) {
    return usage_error("rm: give one of N, --older-than N, --all");
  }
  if (a.all && !a.yes)
    return usage_error("--all removes every checkpoint, and the pipeline begins from nothing then; add --yes");
  if (a.older_than && *a.older_than < 0) return usage_error("--older-than: an epoch is not below 0");
  RemoveOptions options{.number = number, .older_than = {}, .all = a.all};
  if (a.older_than) options.older_than = static_cast<uint64_t>(*a.older_than);
  return remove(store, options, out);
}

Status execute(const cli::Cli& cli, const Arguments& a, Context& context, Printer& out) {
  const std::string& command = a.words[0];
  const std::vector<std::string> commands = {"ls", "show", "cat", "verify", "rm"};
  if (std::find(commands.begin(), commands.end(), command) == commands.end()) {
    const std::string near = cli::closest(command, commands);
    return usage_error("unknown command '{}'{}; commands are ls, show, cat, verify, rm", command,
                       near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
  }
  STREAM_TRY(check_options(cli, command));
  STREAM_ASSIGN(const auto number, number_of(a));
  if (number && (command == "ls" || command == "verify")) return usage_error("{} takes no epoch", command);
  const auto files = checkpoint::posix_file_system();
  STREAM_ASSIGN(const auto store, checkpoint::open_existing_store(a.words[1], *files));
  if (command == "ls") return list(*store, a.json, out);
  if (command == "show") return show(*store, number, out);
  if (command == "verify") return verify(*store, out);
  if (command == "rm") return remove(*store, a, number, out);
  return print_state(*store, {.number = number, .stage = a.stage, .key = a.key}, context, out);
}

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a write reports EPIPE instead, and the exit code is 141
  SystemClock clock;
  cli::StderrLog log("sstate", 0, clock);
  cli::Cli cli(kInfo);
  Arguments arguments;
  declare(cli, arguments);
  const auto outcome = cli.parse(argc, argv);
  Status status = outcome.status.clone();
  if (!outcome.exit) {
    log.set_verbose(arguments.verbose);
    Metrics metrics;
    Units units;
    Context context{clock, log, metrics, units};
    Printer out(STDOUT_FILENO);
    status = execute(cli, arguments, context, out);
    Status written = out.flush();
    if (status.ok()) status = std::move(written);
  }
  if (!status.ok() && status.code() != Code::broken_pipe) log.error("{}", status.message());
  return status.exit_code();
}

}  // namespace streamutils::sstate
