// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/options.hpp"

#include "lib/program/program.hpp"
#include "tools/sfilter/sfilter.hpp"

namespace streamutils::sfilter {

namespace {

const cli::Info kInfo{
    .name = "sfilter",
    .summary = "validate, select and rewrite records",
    .usage = "[OPTION]...",
    .description =
        "Reads NDJSON or a stream from standard input and passes records on, in this order: --require, --where, --set, "
        "then --select or "
        "--drop. What is not a valid JSON object, or fails --require, goes to the side stream as 'invalid'. Without "
        "options it validates only. Expressions: see streamutils-expr(7).",
    .examples = {{"server errors, two fields of each",
                  R"(printf '%s\n' '{"url":"/a","status":502}' '{"url":"/b","status":200}' | )"
                  R"(sfilter --where 'status >= 500' --select url,status)"},
                 {"demand fields and derive one", R"(printf '%s\n' '{"user":"u1","ms":1500}' | )"
                                                  R"(sfilter --require 'user:string, ms:number' --set 's=ms/1000')"}}};

void declare(cli::Cli& cli, Options& o) {
  cli.group("Records");
  cli.texts("--require", "SPEC", o.require,
            "fields that every record must have, as 'user_id:string, latency_ms:number'; types: string, number, "
            "integer, boolean, object, array, "
            "any; without a type any value but null will do; 'name?:type' may be absent or null");
  cli.text("--where", "EXPR", o.where, "keep records for which EXPR is true");
  cli.group("Fields");
  cli.texts("--set", "NAME=EXPR", o.set,
            "set a field to a value computed from the record as it came; in its place, or at the end when it is new");
  cli.texts("--select", "FIELD,...", o.select, "keep these fields only, in this order, and those of --set");
  cli.texts("--drop", "FIELD,...", o.drop, "leave these fields out");
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo);
  Options options;
  declare(program.cli(), options);
  program.declare_threads();
  if (const auto code = program.parse(argc, argv)) return *code;
  auto op = Filter::create(options, program.context());
  if (!op.ok()) return program.fail(op.status());
  return program.run(**op);
}

}  // namespace streamutils::sfilter
