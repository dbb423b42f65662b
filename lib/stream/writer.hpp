// SPDX-License-Identifier: Apache-2.0
// A stream to a file descriptor: stdout.
#pragma once
#include <sys/uio.h>

#include <map>
#include <string>
#include <vector>

#include "lib/stream/encoder.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/lent_pages.hpp"
#include "lib/stream/loop.hpp"

namespace streamutils {

/// How many side records of each label went nowhere; one line for people: "late 3, invalid 1".
class SideCounts {
 public:
  void add(std::string_view label);
  [[nodiscard]] bool empty() const { return counts_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  std::map<std::string, int64_t, std::less<>> counts_;
};

enum class Encoding { text, plain, binary };

class StreamWriter final : public Terminal {
 public:
  /// Does not own `fd`, which may be non-blocking. `name` is for messages. `fields`: what the binary encoding carries
  /// on of them; may be null.
  StreamWriter(int fd, std::string name, Encoding encoding, const Units& units, const SharedFields* fields = nullptr);
  /// From now on a pipe is lent memory instead of copies. REQUIRES: whoever reads it does so by read(2) (LentPages).
  void lend_pages();
  Status records(const Batch& batch) override;
  Status control(const Control& item) override;
  /// Writes everything out. EPIPE is Code::broken_pipe.
  Status flush() override;
  /// The side records that a plain encoding left out.
  [[nodiscard]] const SideCounts& left_out() const { return left_out_; }

 private:
  static constexpr size_t kFlushBytes = 256 << 10;
  [[nodiscard]] bool lends() const { return lent_ && lent_->works(); }
  /// Writes parts_. After a failure that may pass, `rest` has a copy of what was not written.
  Status write_parts(bool lend, IoBuffer& rest);
  Status flush_when_full() { return buffer_.size() >= kFlushBytes ? flush() : Status(); }

  int fd_;
  std::string name_;
  Encoding encoding_;
  std::unique_ptr<Encoder> encoder_;
  IoBuffer buffer_;
  std::unique_ptr<LentPages> lent_;
  std::vector<Borrowed> borrowed_;  // of the batch that is being written
  std::vector<iovec> parts_;
  SideCounts left_out_;
};

/// The output of a sink: nothing goes on; side records that nobody diverted are counted.
class SinkTerminal final : public Terminal {
 public:
  Status records(const Batch&) override { return {}; }
  Status control(const Control& item) override;
  Status flush() override { return {}; }
  [[nodiscard]] const SideCounts& left_out() const { return left_out_; }

 private:
  SideCounts left_out_;
};

/// What stdout gets by its kind: a pipe or socket the stream, a terminal or file the main records only.
Encoding default_encoding(int fd);

}  // namespace streamutils
