// SPDX-License-Identifier: Apache-2.0
// Archived NDJSON files as a stream: one unit a file, merged by event time.
//
// Invariants:
//  1. The records of a file keep their order. Among the files' next records the one with the smallest event time goes first, ties by
//     the order of the arguments; a record without a time has that of the one before it. So the merged order depends on the files alone.
//  2. Without a RecordTime the files follow one another.
//  3. Memory: about 0.5 MiB a file, more only for longer records.
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
  Status give_run(size_t chosen, Output& out);
  [[nodiscard]] size_t first_file() const;

  RecordTime* time_;
  Context& context_;
  std::vector<std::unique_ptr<File>> files_;
  bool started_ = false;
};

}  // namespace streamutils::sreplay
