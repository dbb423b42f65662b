// SPDX-License-Identifier: Apache-2.0
// The operator: side records leave the main stream for files and commands; copies of the main stream go to commands.
//
// Invariants:
//  1. A side record whose label is named goes to every target of that label and not on; any other goes on, and nowhere
//  else.
//  2. The main stream's other items pass unchanged.
//  3. Branches of side records get records, `open`, `end`, barriers, acks and what the source says of its units; no
//  watermarks.
//  4. Everything is handed on before any wait: also the main line, before this program waits for a branch, whose sink
//  may be waiting for a decision of the main line's.
//
// Under a checkpoint every branch is one of our sinks, which `open` lists for the root sink; the files are this
// program's own state, by their lengths at a barrier, and are opened when it is known where they stand: in restore(),
// or at the first item that needs them.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"
#include "tools/sdivert/branch.hpp"
#include "tools/sdivert/line_file.hpp"
#include "tools/sdivert/options.hpp"

namespace streamutils::sdivert {

class Sdivert final : public Operator {
 public:
  /// On failure: a usage error about a command. With `check_only` it also asks our programs about their own options.
  static Result<std::unique_ptr<Sdivert>> create(const Options& options, Context& context,
                                                 std::function<bool()> neighbour_died);
  ~Sdivert() override;

  /// Opens the files and starts the commands; nothing with `check_only`.
  Status start();
  /// Under a checkpoint, before the loop: keeps standard output open until the commands have ended, or one has failed.
  /// The root sink waits for what they acknowledge, and takes the end of its input for theirs.
  void hold_output();
  /// After the loop: closes the files and waits for the commands. `outcome` is how the loop ended: after ok without
  /// bound; else the commands get a few seconds to end by themselves.
  Status finish(Code outcome);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_side(const SideRecord& item, Output& out) override;
  Status on_watermark(const Watermark& item, Output& out) override;
  Status on_caught_up(const CaughtUp& item, Output& out) override { return to_all(item, out); }
  Status on_idle(const Idle& item, Output& out) override;
  Status on_assign(const Assign& item, Output& out) override { return to_all(item, out); }
  Status on_revoke(const Revoke& item, Output& out) override { return to_all(item, out); }
  Status on_barrier(const Barrier& item, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;
  /// Fails when a command of a branch has.
  Status look_at_branches();
  [[nodiscard]] bool stateful() const override { return !checkpoint_.empty() && !files_.empty(); }
  Status snapshot(StateWriter& state) const override;
  Status restore(StateReader& state) override;

 private:
  struct Targets {
    std::vector<LineFile*> files;
    std::vector<Branch*> branches;
    Metric* records = nullptr;
  };

  Sdivert(const Options& options, Context& context, std::function<bool()> neighbour_died);
  Status add_targets(const Options& options);
  Status check() const;
  /// Under a checkpoint: opens the files that restore() did not.
  Status begin_files();
  /// Before anything that may wait for a branch.
  void main_line_is(Output& out) { main_line_.out = &out; }
  LineFile& file(const std::string& path);
  Targets* find(std::string_view label);
  Status to_copies(const Control& item);
  Status to_all(const Control& item, Output& out);
  Status end_branches(const End& item);
  Status wait_for_commands();
  void release_output_when_decided();
  void stop_commands();
  [[nodiscard]] std::vector<Branch*> branches() const;

  const bool raw_, append_, check_only_;
  const std::string checkpoint_;
  Context& context_;
  MainLine main_line_;
  Fd held_output_;
  std::vector<std::unique_ptr<LineFile>> files_;
  std::vector<std::unique_ptr<Branch>> sides_, copies_;
  std::map<std::string, Targets, std::less<>> targets_;
  bool ended_ = false;
  MonoTime next_look_;
  std::string line_;
  int64_t cut_ = 0;  // records of which --raw could only write the head
};

}  // namespace streamutils::sdivert
