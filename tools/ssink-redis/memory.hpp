// SPDX-License-Identifier: Apache-2.0
// What the sink remembers of each open result: its last revision and what that wrote; and who wrote each key of the
// store last.
//
// Invariants:
//  1. A result is remembered from its first revision until its unit's watermark reaches its end + lateness.
//  2. A withdrawn result is remembered as one that has written nothing, so that an older revision does not revive it.
//  3. A key of the store has one owner, the latest-ending result that wrote it, until the watermarks of all active
//  units
//     have reached that end + lateness. An owner that is itself forgotten leaves its end behind.
// Thread rule: one thread. Complexity: one hash probe per result and one per name it writes.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/stream/items.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::ssink_redis {

/// What one result has in the store. A name that is empty (with its flag off) was not written.
struct Written {
  bool hash = false, zset = false, counter = false, string = false;
  std::string_view hash_key, zset_key, member, counter_key, amount, string_key;
};

class SinkMemory {
 public:
  struct Entry {
    std::string identity;                            ///< unit, start, end, canonical keys
    std::string written;                             ///< an encoded Written
    std::shared_ptr<const std::string> field_names;  ///< of the hash, as in Row; shared by results of one shape
    int64_t revision = -1;                           ///< -1: not seen yet
    EventTime end;
    UnitId unit = 0;
  };

  SinkMemory();
  void set_lateness(Duration lateness) { lateness_ = lateness; }

  /// The entry of a result, made when it is not there. The reference lives until the next advance() or forget().
  Entry& entry(UnitId unit, EventTime start, EventTime end, std::string_view keys);
  [[nodiscard]] static Written written(const Entry& entry);
  /// REQUIRES: the views in `written` are not into entry.written.
  void set_written(Entry& entry, const Written& written);
  void set_field_names(Entry& entry, std::string_view names);

  /// The names in Redis that can have an owner.
  enum class Kind : char { hash = 'h', zset = 'z', string = 's' };
  /// What claim() says: may the result write the name, and which other result's value stands there (when it is known).
  struct Claim {
    bool granted = false;
    const Entry* previous = nullptr;
  };
  /// Makes `entry` the owner of a name, unless one with a later end is. `member` only with Kind::zset.
  Claim claim(const Entry& entry, Kind kind, std::string_view key, std::string_view member = {});
  /// Gives the name up. False when `entry` is not its owner: another result's value stands there.
  bool release(const Entry& entry, Kind kind, std::string_view key, std::string_view member = {});

  void advance(UnitId unit, EventTime watermark);
  void set_idle(UnitId unit, bool idle);
  /// The unit will bring results: until its watermark has passed a window, the window's names keep their owners.
  void expect(UnitId id) { unit(id).holds = true; }
  /// The unit is gone: its results are forgotten.
  void forget(UnitId unit);

  [[nodiscard]] size_t entries() const { return entries_.size(); }
  [[nodiscard]] size_t owners() const { return owners_.size(); }
  /// How many remembered results have written each kind of name.
  struct Counts {
    size_t hash = 0, zset = 0, counter = 0, string = 0;
  };
  [[nodiscard]] Counts written_counts() const;

  /// A result that is remembered. Views live as long as the call that passes it.
  struct View {
    UnitId unit = 0;
    EventTime start, end;
    std::string_view keys;  ///< canonical, joined by ','
    int64_t revision = -1;
    Written written;
  };
  /// Calls `visit` for each, by unit and end, until it fails.
  Status visit(const std::function<Status(const View&)>& visit) const;

  void snapshot(StateWriter& out, const Units& units) const;
  Status restore(StateReader& in, Units& units);

 private:
  struct Name {
    uint64_t low, high;
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    using is_avalanching = void;
    size_t operator()(const Name& name) const { return name.low; }
  };
  struct TextHash {
    using is_avalanching = void;
    uint64_t seed;
    size_t operator()(std::string_view text) const;
  };
  struct Owner {
    EventTime end;
    const Entry* entry = nullptr;  // null: forgotten
  };
  struct UnitMemory {
    EventTime watermark = kBeforeAll;
    bool idle = false;
    std::map<EventTime, std::vector<Entry*>> by_end;
    bool holds = false;  // has or will have results: it keeps owners
  };

  [[nodiscard]] Name name(Kind kind, std::string_view key, std::string_view member) const;
  UnitMemory& unit(UnitId id);
  Entry& add(std::unique_ptr<Entry> entry);
  void drop(Entry& entry);
  [[nodiscard]] bool has_written(const Entry& entry, const Name& id) const;
  void expire_entries(UnitMemory& unit);
  void expire_owners();
  [[nodiscard]] bool gone(EventTime end, EventTime watermark) const {
    return watermark >= add_saturating(end, lateness_);
  }

  uint64_t seed_;  // of names; random, since keys come from outside
  Duration lateness_;
  boost::unordered_flat_map<std::string_view, std::unique_ptr<Entry>, TextHash> entries_;  // by Entry::identity
  boost::unordered_flat_map<Name, Owner, NameHash> owners_;
  std::map<EventTime, std::vector<Name>> owners_by_end_;  // may hold names that have a later owner by now
  std::vector<UnitMemory> units_;
  std::shared_ptr<const std::string> last_names_;
  std::string scratch_;
};

}  // namespace streamutils::ssink_redis
