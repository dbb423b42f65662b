// SPDX-License-Identifier: Apache-2.0
// Archived NDJSON files as a stream: one unit a file, merged by event time.
//
// Invariants:
//  1. The records of a file keep their order. Among the files' next records the one with the smallest event time goes
//  first, ties by
//     the order of the arguments; a record without a time has that of the one before it. What is too large to be a
//     record (a side record `invalid`) goes the same way. So the order depends on the records alone, not on how files
//     are compressed or read.
//  2. Without a RecordTime the files follow one another.
//  3. A file that has ended is caught up and idle for good, at once: it never holds the others back, whatever the clock
//  says.
//  4. Memory: about 0.5 MiB a file, more only for longer records.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "lib/stream/source.hpp"
#include "tools/sreplay/record_time.hpp"

namespace streamutils::sreplay {

class FileSource final : public Source {
 public:
  /// Opens all files. `time` may be null. On failure: names the file.
  static Result<std::unique_ptr<FileSource>> create(const std::vector<std::string>& paths, RecordTime* time,
                                                    Context& context);
  ~FileSource() override;
  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) override;

 private:
  class File;
  FileSource(RecordTime* time, Context& context);
  Status start(Output& out);
  /// Reads on in a file that has nothing left to give, and queues it or says that it has ended.
  Status queue(size_t file, Output& out);
  /// Gives what goes next, up to the next record of another file; its bytes.
  Result<size_t> give_run(Output& out);
  [[nodiscard]] bool later(size_t a, size_t b) const;

  RecordTime* time_;
  Context& context_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<size_t> queue_;  // a heap of the files that have a next record, the earliest in front
  bool started_ = false;
};

}  // namespace streamutils::sreplay
