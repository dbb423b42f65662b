// SPDX-License-Identifier: Apache-2.0
// A command that reads a branch of the stream, and the pipe to it.
//
// Invariants:
//  1. A command of ours gets open ... end; any other the main records of the branch as lines. Without `end` a command
//  of ours knows that its stream was cut off: it has got `open` as soon as that came.
//  2. A full pipe makes the writer wait, and whoever waits leaves within a second when the neighbours of this program
//  die.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/process/child.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/encoder.hpp"
#include "lib/stream/operator.hpp"
#include "tools/sdivert/options.hpp"

namespace streamutils::sdivert {

/// What a branch needs to know of the main line while it waits. Shared by all branches of a program.
struct MainLine {
  int output_fd = -1;                    ///< whose reader's death ends a wait; -1: no longer of interest
  std::function<bool()> neighbour_died;  ///< may be empty
  std::optional<MonoTime> give_up;       ///< the latest end of a wait
  Output* out = nullptr;                 ///< flushed before a wait; null: no longer, or not yet
};

class Branch {
 public:
  /// `option` is for messages and names the stages of the branch in `open`: "--exec late" and "late". On failure: a
  /// usage error (quoting, no such command; with a checkpoint also what is not one of our sinks).
  static Result<std::unique_ptr<Branch>> create(std::string option, std::string path_word, const std::string& command,
                                                const Options& options, const MainLine& main_line, Context& context);

  [[nodiscard]] const std::string& path_word() const { return path_word_; }
  [[nodiscard]] std::string_view program() const;  ///< "ssink-kafka"
  /// For STREAM_CHECK=1: lets a program of ours look at its own options.
  Status check() const;
  Status start();

  /// Sends `open` with the place of this branch added: behind stage 3, branch late, the first program will be 3.late.1.
  Status open(const Open& open);
  Status records(const Batch& batch);
  /// A record of `unit` that comes alone; written with others before the next item or flush().
  Status record(UnitId unit, std::string_view bytes);
  Status control(const Control& item);
  /// Everything given so far is in the pipe when this returns ok.
  Status flush();
  /// A command that has failed before its end, found without writing to it.
  Status poll();

  /// All has been written, and the command is to read it all: wait() will see whether it did.
  Status finish();
  /// The stream has failed: hands on what is there, without `end`.
  Status cut_off();
  /// No more will be written.
  void close() { pipe_.reset(); }
  [[nodiscard]] bool is_open() const { return pipe_.is_open(); }
  /// Waits for the command's end. Its failure, or that it has not read everything, is a failed status with its exit
  /// code where that is 2 or 3, else 1.
  Status wait();
  /// False when it still runs after `timeout`.
  bool wait_for(Duration timeout) { return !child_ || child_->wait_for(timeout).has_value(); }
  /// It has ended, and not well. Never waits.
  [[nodiscard]] bool has_failed() { return child_ && child_->poll() && !child_->poll()->ok(); }
  void send(int signal) {
    if (child_) child_->send(signal);
  }

 private:
  Branch(std::string option, std::string path_word, const MainLine& main_line, Context& context)
      : option_(std::move(option)), path_word_(std::move(path_word)), main_line_(main_line), context_(context) {}
  Status give_pending();
  Status flush_when_full();
  Status check_checkpoint(const std::string& checkpoint) const;
  Status wait_for_room();
  Status died();
  [[nodiscard]] Status failure(const ExitStatus& status, std::string_view when) const;

  std::string option_;
  std::string path_word_;
  const MainLine& main_line_;
  Context& context_;
  SpawnRequest request_;
  std::string command_;  // for messages
  std::unique_ptr<Encoder> encoder_;
  IoBuffer buffer_;
  BatchBuilder pending_;
  UnitId pending_unit_ = Units::kStream;
  bool has_checkpoint_ = false;
  bool opened_ = false;
  Fd pipe_;
  Fd unread_;  // after finish(): a second read end, in which the command's leavings can be counted
  std::optional<Child> child_;
};

}  // namespace streamutils::sdivert
