// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/options.hpp"

#include "lib/program/program.hpp"
#include "tools/ssink-file/sink.hpp"

namespace streamutils::ssink_file {

namespace {

const cli::Info kInfo{
    .name = "ssink-file",
    .summary = "write records to files",
    .usage = "-d DIR [OPTION]...",
    .description =
        "Reads NDJSON or a stream from standard input and writes each record of the main stream as a line of a part "
        "file: "
        "DIR/PATH/part-00000001.ndjson. A part in progress is hidden; it gets its name when it is complete and "
        "durable, "
        "and never changes afterwards. Every revision of a window result is a line of its own. With --checkpoint each "
        "record is written exactly once, whatever is killed.",
    .examples = {
        {"write records to a folder a site, compressed",
         R"(printf '%s\n' '{"site":"de","n":1}' '{"site":"fr","n":2}' | ssink-file -d views --path '{site}' -z gzip)"},
        {"keep the results of each minute in a folder of its own",
         R"(printf '%s\n' '{"t":1,"user":"ann"}' '{"t":2,"user":"bob"}' | swatermark --time t | )"
         R"(swindow --tumbling 1m --key user --agg 'n=count()' | ssink-file -d results --path '{window_start}')"}}};

void declare(cli::Cli& cli, Options& o) {
  cli.group("Files");
  cli.text("-d,--directory", "DIR", o.directory, "where the files go; made when it is not there");
  cli.require("--directory");
  cli.text(
      "--path", "TEMPLATE", o.path,
      "the folder of a record below DIR, with fields in braces: '{site}/{window_start}'; '{{' and '}}' are the braces "
      "themselves. In a field's value '/', '%', control characters and a '.' in front are written as %2F and so on");
  cli.text("--prefix", "WORD", o.prefix, "what the names of the files begin with (default 'part')");
  cli.choice(
      "-z,--compression", {"none", "gzip", "zstd"},
      [&o](size_t i) {
        constexpr Compression kinds[] = {Compression::none, Compression::gzip, Compression::zstd};
        o.compression = kinds[i];
      },
      "compress the files, and name them .ndjson.gz or .ndjson.zst; none by default");
  cli.group("When a file is finished");
  cli.custom(
      "--roll-size", "SIZE",
      [&o](std::string_view text) -> Status {
        STREAM_ASSIGN(o.roll_size, parse_bytes(text));
        return {};
      },
      "when it has this many bytes, as it lies there (default 128MiB)");
  cli.duration("--roll-every", o.roll_every, "this long after its first record, by the clock (default 15m)");
  cli.integer(
      "--max-open", "N", o.max_open,
      "when there are this many in progress and a record needs another one, the one that was written least recently "
      "(default 256)");
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo, Role::sink);
  Options options;
  declare(program.cli(), options);
  if (const auto code = program.parse(argc, argv)) return *code;
  auto sink = FileSink::create(options, program.context(), nullptr);
  if (!sink.ok()) return program.fail(sink.status());
  return program.run_sink(**sink);
}

}  // namespace streamutils::ssink_file
