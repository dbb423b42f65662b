// SPDX-License-Identifier: Apache-2.0
// The operator of ssink-file: each record of the main stream becomes a line of a part file.
//
// Invariants:
//  1. A part is seen under its name only when it is complete and durable; it never changes afterwards.
//  2. Under a checkpoint the lines of all parts together are the records of the decided epochs, each once.
//  3. When on_end() succeeds, all records are in finished parts.
//  4. A record that has no path goes on as a side record `invalid`; it is not written.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "lib/checkpoint/sink.hpp"
#include "lib/json/record_parser.hpp"
#include "lib/stream/context.hpp"
#include "tools/ssink-file/directory.hpp"
#include "tools/ssink-file/options.hpp"
#include "tools/ssink-file/parts.hpp"
#include "tools/ssink-file/path.hpp"

namespace streamutils::ssink_file {

class FileSink final : public checkpoint::TransactionalSink {
 public:
  /// Checks the options; touches nothing. `disk` is null for the real one.
  static Result<std::unique_ptr<FileSink>> create(const Options& options, Context& context, std::unique_ptr<Disk> disk);

  void spool_to(TakeChunk take) override { take_ = std::move(take); }
  Status cut() override;
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override;
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override;
  Status drain() override;

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;
  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override;
  Status restore(StateReader& in) override;

 private:
  FileSink(const Options& options, FieldSet fields, std::optional<PathTemplate> path, Context& context,
           std::unique_ptr<Disk> disk);
  /// Sets path_. Returns "" or why the record has none.
  std::string_view read_path(std::string_view record);
  Status divert(const Batch& batch, size_t i, std::string_view reason, Output& out);
  Status send();
  void report();

  Context& context_;
  const FieldSet fields_;
  std::optional<PathTemplate> template_;
  RecordParser parser_;
  std::vector<JsonValue> values_;
  std::string path_, blame_;
  std::unordered_set<std::string> blamed_;

  ChunkWriter chunk_;
  Parts parts_;
  std::unique_ptr<Disk> disk_;
  Directory directory_;
  TakeChunk take_;  // empty: no checkpoint
  std::optional<MonoTime> flush_at_;
  uint64_t lines_ = 0, reported_lines_ = 0, reported_files_ = 0;
  Metric &written_, &finished_, &open_;
};

}  // namespace streamutils::ssink_file
