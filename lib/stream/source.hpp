// SPDX-License-Identifier: Apache-2.0
// Where a stream comes from: stdin (StreamReader), Kafka, files.
#pragma once
#include "lib/base/time.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils {

/// Waits for a file descriptor, a stop, or the death of whoever reads our output, whichever comes first.
class Waiter {
 public:
  enum class Event { ready, timeout, stop, reader_gone };
  /// `output_fd`: -1 when nothing reads us. Either may be any kind of file.
  Waiter(const StopFlag& stop, int output_fd) : stop_(stop), output_fd_(output_fd) {}
  /// Waits until `fd` (-1: none) is readable or hung up, at most `timeout` (negative: no bound). A stop that was
  /// requested before counts only when `see_stop`. Other signals do not end the wait.
  Event wait(int fd, Duration timeout, bool see_stop = true) const;
  [[nodiscard]] bool stop_requested() const { return stop_.requested(); }

 private:
  const StopFlag& stop_;
  int output_fd_;
};

class Source {
 public:
  enum class State {
    delivered,  ///< gave something; there may be more
    empty,      ///< nothing there within the timeout
    finished,   ///< gave its `end`, nothing will follow
  };
  virtual ~Source() = default;
  /// Gives what is there to `out`; with nothing there, waits through `waiter` up to `timeout` (zero: not at all;
  /// negative: no bound). The first item is `open`, the last `end`. After a requested stop it gives `end` without
  /// `fire` soon, unless its input is itself a stream, which brings its own end. When the output's reader is gone it
  /// returns Code::broken_pipe.
  virtual Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) = 0;

  /// For whoever holds on to what a poll() gives (ReadAhead). During a poll(): can keep() make these bytes, just given,
  /// live longer than the call? Those for which it is false have to be copied.
  [[nodiscard]] virtual bool can_keep(const char* /*bytes*/) const { return false; }
  /// After a poll(): hands the memory behind what it gave over to `to`, and takes what that had for its own.
  virtual void keep(IoBuffer& /*to*/) {}

  /// From any thread, also during a poll(): reads what the next one will ask for, if that can be done without waiting
  /// for anybody. False: there is nothing to do now.
  virtual bool prefetch() { return false; }
  /// False when it would be as well to poll() a little later, since prefetch() may have read by then.
  [[nodiscard]] virtual bool is_ready() const { return true; }

  /// True when everything given so far is to be flushed before the next poll().
  [[nodiscard]] virtual bool wants_flush() const { return false; }
  /// Everything given so far has been written. Called after the flush that wants_flush() asked for, and after the last
  /// one.
  virtual void flushed() {}
};

}  // namespace streamutils
