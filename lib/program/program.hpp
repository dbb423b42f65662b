// SPDX-License-Identifier: Apache-2.0
// What every program shares: the common options, signals, stderr, the metrics file, the exit code.
//
// A program is: declare options, build the operator, run:
//
//   int run(int argc, char** argv) {
//     Program program({.name = "swatermark", ...});
//     Options options;
//     declare(program.cli(), options);
//     if (auto code = program.parse(argc, argv)) return *code;
//     auto watermark = Swatermark::create(options, program.context());
//     if (!watermark.ok()) return program.fail(watermark.status());
//     return program.run(**watermark);
//   }
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/sink.hpp"
#include "lib/checkpoint/source_member.hpp"
#include "lib/cli/cli.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

struct CommonOptions {
  bool plain = false;       ///< --plain: main records only on stdout
  bool binary = false;      ///< --binary or STREAM_FORMAT=binary
  bool strict = false;      ///< --strict: the first invalid record ends the program with exit code 3
  bool eof_is_end = false;  ///< --eof end
  std::string metrics_file;
  int verbose = 0;
  std::string checkpoint;  ///< --checkpoint or STREAM_CHECKPOINT; empty: none
  size_t threads = 1;      ///< --threads
};

/// What a program is in a pipeline; it decides which checkpoint options there are. `other`: none.
enum class Role { stage, source, sink, other };

/// The value of --threads; a usage error when it is none.
Result<size_t> parse_threads(std::string_view text);

class Program {
 public:
  explicit Program(cli::Info info, Role role = Role::stage);
  ~Program();

  cli::Cli& cli();
  Context& context();
  [[nodiscard]] const CommonOptions& common() const;
  /// Requested by the first SIGTERM or SIGINT, for a program that does not run() but has a loop of its own.
  [[nodiscard]] const StopFlag& stop() const;

  /// Declares the common options, parses argv, installs the signal handlers. A value: exit with it now.
  /// With STREAM_CHECK=1 in the environment, run() ends with 0 before any input is read: `srun --check` uses it. With
  /// STREAM_CHECK=fields it also writes the fields that the program wants, one a line.
  std::optional<int> parse(int argc, char** argv);

  /// For programs whose operator finds fields in every record (FieldReader): declares --threads. Before parse().
  void declare_threads();

  /// STREAM_CHECK=1 is set: run() will not run. For programs that would start something before it.
  [[nodiscard]] bool check_only() const;

  /// Prints "prog: message" to stderr (nothing for a broken pipe) and returns the exit code of `status`.
  int fail(const Status& status);

  /// stdin -> op -> stdout until the end; returns the exit code.
  int run(Operator& op);
  /// stdin -> op -> nothing: a sink. Side records that it forwards are counted and said at exit. With a checkpoint: a
  /// usage error.
  int run_sink(Operator& op);
  /// The same, exactly once when there is a checkpoint.
  int run_sink(checkpoint::TransactionalSink& sink);
  /// source -> op -> stdout. A program that is only a source passes a plain Operator, which forwards all, or, when
  /// there is a checkpoint, its source_member().
  int run(Source& source, Operator& op);

  /// Of Role::source: the operator to run() with, which knows where to go on. Null without a checkpoint.
  /// REQUIRES: parse() returned no value.
  checkpoint::SourceMember* source_member();

  /// For whoever waits longer than a moment (a sink that retries its store): true when waiting has become pointless,
  /// because the program that writes our input has died without `end`, or the reader of our output is gone. It costs
  /// two poll(2) calls. A writer that has ended cleanly is not dead: the bytes it left are still to be read.
  [[nodiscard]] bool neighbour_died() const;

  /// `look` is called while another program in this process waits, for as long as run() runs: what it fails with ends
  /// the wait. For a program whose helpers may die meanwhile.
  void while_others_wait(std::function<Status()> look);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
