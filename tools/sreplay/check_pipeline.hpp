// SPDX-License-Identifier: Apache-2.0
// One run of the pipeline that is checked: its processes, and the two ends of it in our hands.
//
// Invariants:
//  1. While there is something to write, what comes out is read: neither side waits for the other for good.
//  2. A pipeline that neither takes nor gives a byte for `patience`, while it could, is an error.
//  3. Processes that still run when this is destroyed are killed.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/process/child.hpp"
#include "lib/process/shell_words.hpp"
#include "lib/stream/context.hpp"
#include "tools/sreplay/check_output.hpp"

namespace streamutils::sreplay {

class CheckedPipeline {
 public:
  struct Settings {
    bool binary = false;  ///< between programs of ours
    int stderr_fd = -1;   ///< -1: our own
    Duration patience;
  };
  /// Starts the commands. All live as long as this.
  static Result<std::unique_ptr<CheckedPipeline>> start(const std::vector<ShellCommand>& commands,
                                                        const Settings& settings, CheckOutput& output,
                                                        const StopFlag& stop, Clock& clock);
  ~CheckedPipeline();

  /// Code::broken_pipe: the first program has stopped reading, which is no failure, or the output is known to differ.
  Status write(std::string_view bytes);
  /// Lets time pass.
  Status pause(Duration duration);
  /// Nothing more will be written: reads what comes to its end, and waits for the processes.
  Status finish();

  struct Failure {
    std::string what;  ///< "its stage 2, 'swindow', exited with 2"
    int code;          ///< as of a shell
  };
  /// The first stage that failed, if one did. REQUIRES: finish() was called and has returned ok.
  [[nodiscard]] std::optional<Failure> failure() const;

 private:
  CheckedPipeline(const std::vector<ShellCommand>& commands, const Settings& settings, CheckOutput& output,
                  const StopFlag& stop, Clock& clock)
      : commands_(commands), settings_(settings), output_(output), stop_(stop), clock_(clock) {}
  Status spawn_all();
  /// Waits until the pipeline takes bytes (when `writes`) or gives some, which are read; at most `limit`.
  /// True: it takes bytes.
  Result<bool> wait(bool writes, Duration limit);
  Status read_output();
  [[nodiscard]] Status stuck() const;

  const std::vector<ShellCommand>& commands_;
  const Settings settings_;
  CheckOutput& output_;
  const StopFlag& stop_;
  Clock& clock_;
  Fd in_, out_;
  std::vector<Child> children_;
  std::vector<ExitStatus> ends_;
};

}  // namespace streamutils::sreplay
