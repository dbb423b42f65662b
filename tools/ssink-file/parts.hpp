// SPDX-License-Identifier: Apache-2.0
// Which record goes into which part, and when a part is finished: the sink's whole logic, without a directory. It makes
// chunks; what is in them is decided.
//
// Invariants:
//  1. At most max_open parts are in progress; the one that was written least recently is finished for a new one.
//  2. Numbers rise by one over all parts of a sink and never repeat, so that memory holds parts in progress only.
//  3. Each flush of a compressed part is a gzip member or Zstandard frame of its own.
// Thread rule: one thread. Complexity: a hash probe per record.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/files/compressor.hpp"
#include "lib/stream/state.hpp"
#include "tools/ssink-file/chunk.hpp"

namespace streamutils::ssink_file {

struct PartSettings {
  std::string prefix;
  Compression compression = Compression::none;
  uint64_t roll_size = 0;
  Duration roll_every;
  size_t max_open = 0;
};

class Parts {
 public:
  /// All live as long as this.
  Parts(PartSettings settings, const Clock& clock, ChunkWriter& out);

  /// Appends a line to the part of the folder `path` ("" or "a/b").
  Status write(std::string_view path, std::string_view record);
  /// Gives everything held back to the chunk.
  Status flush();
  /// Finishes the parts that are due, by the wall clock. A clock that was set back starts their time again.
  Status finish_due();
  Status finish_all();
  /// Forgets all parts, without a word to the chunk.
  void clear();

  /// When finish_due() is to be called next.
  [[nodiscard]] std::optional<MonoTime> deadline() const;
  [[nodiscard]] size_t open() const { return parts_.size(); }
  [[nodiscard]] size_t held_bytes() const { return held_bytes_; }
  [[nodiscard]] uint64_t next() const { return next_; }
  /// Numbers below `next` are taken.
  void set_next(uint64_t next) { next_ = std::max(next_, next); }

  /// REQUIRES: flush() since the last write().
  void snapshot(StateWriter& out) const;
  /// Calls `keep(part, length)`, a Result<bool>, for each part in progress; false: it is forgotten.
  template <class Keep>
  Status restore(StateReader& in, Keep&& keep);

 private:
  struct Part {
    std::string path, name;
    uint64_t length = 0;  // of what was given to the chunk
    WallTime since;       // when it was begun
    std::string held;     // lines
  };
  using List = std::list<Part>;

  Status begin(std::string_view path);
  Status flush(Part& part);
  Status finish(List::iterator part);
  void add(Part part);
  [[nodiscard]] std::string name(std::string_view path, uint64_t number) const;
  void take_restored(Part part);
  void finish_outdated();

  const PartSettings settings_;
  const Clock& clock_;
  ChunkWriter& out_;
  std::unique_ptr<Compressor> compressor_;
  List parts_;                  // the most recently written first
  std::vector<Part> outdated_;  // restored ones of another --prefix or -z: to be finished first of all
  boost::unordered_flat_map<std::string_view, List::iterator> by_path_;
  uint64_t next_ = 1;
  size_t held_bytes_ = 0;
  std::optional<MonoTime> next_due_;
  std::string compressed_;
};

template <class Keep>
Status Parts::restore(StateReader& in, Keep&& keep) {
  if (const uint8_t version = in.u8(); version != 1) {
    return usage_error("the state of ssink-file is of format {}, which this version does not know", version);
  }
  set_next(in.u64());
  const uint64_t count = in.u64();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Part part;
    part.path = in.text();
    part.name = in.text();
    part.length = in.u64();
    part.since.us = in.i64();
    if (!in.ok()) break;
    STREAM_ASSIGN(const bool kept, keep(std::as_const(part.name), part.length));
    if (kept) take_restored(std::move(part));
  }
  return in.status("ssink-file");
}

}  // namespace streamutils::ssink_file
