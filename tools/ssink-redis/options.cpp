// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/options.hpp"

#include <functional>

#include "lib/program/program.hpp"
#include "tools/ssink-redis/sink.hpp"

namespace streamutils::ssink_redis {

namespace {

const cli::Info kInfo{
    .name = "ssink-redis",
    .summary = "write results to Redis",
    .usage = "--url URL TARGET... [OPTION]...",
    .description =
        "Reads window results (or any NDJSON) from standard input and writes each to one or more targets in Redis, all "
        "targets of one "
        "result at once. A correction replaces what the earlier revision of its result wrote, a withdrawal removes it. "
        "KEY, CHANNEL and TEMPLATE are names with fields in braces: 'clicks:{user_id}:{window_start}'; '{{' and '}}' "
        "are "
        "the braces themselves. A lost connection is made again, and nothing is lost or written twice.",
    .examples = {
        {"count clicks per user and minute into hashes that live for a day",
         R"(printf '%s\n' '{"t":1,"user":"ann"}' '{"t":2,"user":"bob"}' | swatermark --time t | )"
         R"(swindow --tumbling 1m --key user --agg 'n=count()' | )"
         R"(ssink-redis --url redis://localhost --hash 'clicks:{user}:{window_start}' --ttl 24h)"},
        {"keep a ranking and a total of plain records",
         R"(printf '%s\n' '{"user":"ann","points":7}' '{"user":"bob","points":5}' | )"
         R"(ssink-redis --url redis://localhost --zset ranking --score points --member '{user}' --counter total --by points)"}}};

/// One command writes one target of each kind; the last of two would win unseen.
std::function<Status(std::string_view)> once(std::optional<std::string>& target) {
  return [&target](std::string_view value) -> Status {
    if (target) {
      return usage_error("given twice, as '{}' and '{}'; let 'sdivert --copy' feed a second ssink-redis", *target,
                         value);
    }
    target.emplace(value);
    return {};
  };
}

void declare(cli::Cli& cli, Options& o) {
  cli.group("Server");
  cli.text("--url", "URL", o.url, "the server: redis://[[user]:password@]host[:port][/db] or unix:///path[?db=N]");
  cli.require("--url");
  cli.text("--password-file", "FILE", o.password_file,
           "read the password from FILE; without it, from redis-password in $CREDENTIALS_DIRECTORY if that is there");
  cli.duration("--retry-for", o.retry_for,
               "how long to go on trying to reach the server, at the start and after a lost connection (default 60s)");
  cli.choice(
      "--commit", {"epoch", "now"}, [&o](size_t i) { o.commit = static_cast<redis::Commit>(i); },
      "under a checkpoint: show results once their epoch is decided (default), or now, in which case the next start "
      "takes back what was not decided (only with --hash, --zset and --string)");
  cli.group("Targets");
  cli.custom("--hash", "KEY", once(o.hash),
             "write every field of a result into the hash KEY, numbers as they stand in the JSON");
  cli.custom("--zset", "KEY", once(o.zset), "put a member into the sorted set KEY; needs --score and --member");
  cli.custom("--score", "FIELD", once(o.score), "the number that becomes the score in --zset");
  cli.custom("--member", "TEMPLATE", once(o.member), "the member's name in --zset");
  cli.custom("--counter", "KEY", once(o.counter), "add to the number in KEY; needs --by");
  cli.custom("--by", "FIELD", once(o.by), "the number that is added to --counter, exactly, decimals too");
  cli.custom("--string", "KEY", once(o.string), "write a result's JSON to the string KEY");
  cli.custom("--stream", "KEY", once(o.stream),
             "append every revision, withdrawals too, to the Redis stream KEY, field by field");
  cli.custom("--publish", "CHANNEL", once(o.publish), "publish the JSON of every revision, withdrawals too");
  cli.group("Keys");
  cli.duration("--ttl", o.ttl, "let a key expire this long after it was last written");
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo, Role::sink);
  Options options;
  declare(program.cli(), options);
  if (const auto code = program.parse(argc, argv)) return *code;
  auto sink = RedisSink::create(options, program.context(), [&] { return program.neighbour_died(); });
  if (!sink.ok()) return program.fail(sink.status());
  return program.run_sink(**sink);
}

}  // namespace streamutils::ssink_redis
