// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/memory.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace streamutils::ssink_redis {

namespace {

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append_raw(out, static_cast<uint16_t>(text.size()));  // names are at most 4 KiB
  out.append(text);
}

std::string_view take_text(std::string_view& rest) {
  uint16_t size = 0;
  std::memcpy(&size, rest.data(), sizeof size);
  const std::string_view text = rest.substr(sizeof size, size);
  rest.remove_prefix(sizeof size + size);
  return text;
}

/// Does a restored encoding hold all that its flags promise?
bool is_whole(std::string_view rest) {
  if (rest.empty()) return true;
  const auto flags = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  int texts = 0;
  for (const auto& [flag, count] : {std::pair(1, 1), std::pair(2, 2), std::pair(4, 2), std::pair(8, 1)}) {
    if (flags & flag) texts += count;
  }
  for (; texts > 0; --texts) {
    uint16_t size = 0;
    if (rest.size() < sizeof size) return false;
    std::memcpy(&size, rest.data(), sizeof size);
    if (rest.size() < sizeof size + size) return false;
    rest.remove_prefix(sizeof size + size);
  }
  return rest.empty();
}

constexpr uint8_t kVersion = 1;
constexpr size_t kIdentityHead = sizeof(UnitId) + 2 * sizeof(int64_t);

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace

size_t SinkMemory::TextHash::operator()(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

SinkMemory::SinkMemory() : seed_(random_seed()), entries_(0, TextHash{seed_}) {}

SinkMemory::Name SinkMemory::name(Kind kind, std::string_view key, std::string_view member) const {
  const auto hash = XXH3_128bits_withSeed(key.data(), key.size(), seed_ + static_cast<uint64_t>(kind));
  if (kind != Kind::zset) return {hash.low64, hash.high64};
  const auto inner = XXH3_128bits_withSeed(member.data(), member.size(), hash.low64);
  return {inner.low64, inner.high64 ^ hash.high64};
}

SinkMemory::UnitMemory& SinkMemory::unit(UnitId id) {
  if (id >= units_.size()) units_.resize(id + 1);
  return units_[id];
}

SinkMemory::Entry& SinkMemory::entry(UnitId unit_id, EventTime start, EventTime end, std::string_view keys) {
  scratch_.clear();
  append_raw(scratch_, unit_id);
  append_raw(scratch_, start.us);
  append_raw(scratch_, end.us);
  scratch_.append(keys);
  if (const auto found = entries_.find(std::string_view(scratch_)); found != entries_.end()) return *found->second;
  auto fresh = std::make_unique<Entry>();
  fresh->identity = scratch_;
  fresh->end = end;
  fresh->unit = unit_id;
  return add(std::move(fresh));
}

SinkMemory::Entry& SinkMemory::add(std::unique_ptr<Entry> entry) {
  Entry& added = *entry;
  UnitMemory& memory = unit(added.unit);
  memory.holds = true;
  memory.by_end[added.end].push_back(&added);
  entries_.emplace(std::string_view(added.identity), std::move(entry));
  return added;
}

Written SinkMemory::written(const Entry& entry) {
  Written w;
  if (entry.written.empty()) return w;
  std::string_view rest = entry.written;
  const auto flags = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  w.hash = flags & 1;
  w.zset = flags & 2;
  w.counter = flags & 4;
  w.string = flags & 8;
  if (w.hash) w.hash_key = take_text(rest);
  if (w.zset) {
    w.zset_key = take_text(rest);
    w.member = take_text(rest);
  }
  if (w.counter) {
    w.counter_key = take_text(rest);
    w.amount = take_text(rest);
  }
  if (w.string) w.string_key = take_text(rest);
  return w;
}

void SinkMemory::set_written(Entry& entry, const Written& w) {
  scratch_.clear();
  scratch_.push_back(static_cast<char>((w.hash ? 1 : 0) | (w.zset ? 2 : 0) | (w.counter ? 4 : 0) | (w.string ? 8 : 0)));
  if (w.hash) append_text(scratch_, w.hash_key);
  if (w.zset) {
    append_text(scratch_, w.zset_key);
    append_text(scratch_, w.member);
  }
  if (w.counter) {
    append_text(scratch_, w.counter_key);
    append_text(scratch_, w.amount);
  }
  if (w.string) append_text(scratch_, w.string_key);
  entry.written = scratch_;
}

void SinkMemory::set_field_names(Entry& entry, std::string_view names) {
  if (!last_names_ || *last_names_ != names) last_names_ = std::make_shared<const std::string>(names);
  entry.field_names = last_names_;
}

SinkMemory::Claim SinkMemory::claim(const Entry& entry, Kind kind, std::string_view key, std::string_view member) {
  const Name id = name(kind, key, member);
  const auto [place, is_new] = owners_.try_emplace(id, Owner{entry.end, &entry});
  if (is_new) {
    owners_by_end_[entry.end].push_back(id);
    return {true, nullptr};
  }
  Owner& owner = place->second;
  if (owner.entry == &entry) return {true, nullptr};
  if (owner.end > entry.end) return {false, nullptr};
  const Entry* previous = owner.entry;
  if (owner.end != entry.end) owners_by_end_[entry.end].push_back(id);
  owner = {entry.end, &entry};
  return {true, previous};
}

bool SinkMemory::release(const Entry& entry, Kind kind, std::string_view key, std::string_view member) {
  const auto found = owners_.find(name(kind, key, member));
  if (found == owners_.end() || found->second.entry != &entry) return false;
  owners_.erase(found);  // its name in owners_by_end_ finds nothing, or a newer owner of the same end
  return true;
}

void SinkMemory::advance(UnitId id, EventTime watermark) {
  UnitMemory& memory = unit(id);
  if (watermark <= memory.watermark) return;
  memory.watermark = watermark;
  expire_entries(memory);
  expire_owners();
}

void SinkMemory::set_idle(UnitId id, bool idle) {
  unit(id).idle = idle;
  expire_owners();
}

void SinkMemory::forget(UnitId id) {
  UnitMemory& memory = unit(id);
  for (auto& [end, entries] : memory.by_end) {
    for (Entry* entry : entries) drop(*entry);
  }
  memory = UnitMemory();
  expire_owners();
}

void SinkMemory::expire_entries(UnitMemory& memory) {
  while (!memory.by_end.empty() && gone(memory.by_end.begin()->first, memory.watermark)) {
    for (Entry* entry : memory.by_end.begin()->second) drop(*entry);
    memory.by_end.erase(memory.by_end.begin());
  }
}

void SinkMemory::expire_owners() {
  EventTime low = kAfterAll;
  bool any_active = false;
  for (const UnitMemory& memory : units_) {
    if (!memory.holds || memory.idle) continue;
    any_active = true;
    low = std::min(low, memory.watermark);
  }
  if (!any_active) return;
  while (!owners_by_end_.empty() && gone(owners_by_end_.begin()->first, low)) {
    for (const Name& id : owners_by_end_.begin()->second) {
      const auto found = owners_.find(id);
      if (found != owners_.end() && found->second.end == owners_by_end_.begin()->first) owners_.erase(found);
    }
    owners_by_end_.erase(owners_by_end_.begin());
  }
}

void SinkMemory::drop(Entry& entry) {
  const auto disown = [&](Kind kind, std::string_view key, std::string_view member) {
    const auto found = owners_.find(name(kind, key, member));
    if (found != owners_.end() && found->second.entry == &entry) found->second.entry = nullptr;
  };
  const Written w = written(entry);
  if (w.hash) disown(Kind::hash, w.hash_key, {});
  if (w.zset) disown(Kind::zset, w.zset_key, w.member);
  if (w.string) disown(Kind::string, w.string_key, {});
  entries_.erase(entries_.find(std::string_view(entry.identity)));
}

bool SinkMemory::has_written(const Entry& entry, const Name& id) const {
  const Written w = written(entry);
  return (w.hash && name(Kind::hash, w.hash_key, {}) == id) ||
         (w.zset && name(Kind::zset, w.zset_key, w.member) == id) ||
         (w.string && name(Kind::string, w.string_key, {}) == id);
}

SinkMemory::Counts SinkMemory::written_counts() const {
  Counts counts;
  for (const auto& [identity, entry] : entries_) {
    const Written w = written(*entry);
    counts.hash += w.hash;
    counts.zset += w.zset;
    counts.counter += w.counter;
    counts.string += w.string;
  }
  return counts;
}

Status SinkMemory::visit(const std::function<Status(const View&)>& visit) const {
  for (UnitId id = 0; id < units_.size(); ++id) {
    for (const auto& [end, entries] : units_[id].by_end) {
      for (const Entry* entry : entries) {
        View view{.unit = id, .end = end, .revision = entry->revision, .written = written(*entry)};
        std::memcpy(&view.start.us, entry->identity.data() + sizeof(UnitId), sizeof view.start.us);
        view.keys = std::string_view(entry->identity).substr(kIdentityHead);
        STREAM_TRY(visit(view));
      }
    }
  }
  return {};
}

void SinkMemory::snapshot(StateWriter& out, const Units& units) const {
  out.u8(kVersion);
  out.u64(seed_);
  out.u64(units_.size());
  for (UnitId id = 0; id < units_.size(); ++id) {
    out.text(units.name(id));
    out.i64(units_[id].watermark.us);
    out.u8(units_[id].idle ? 1 : 0);
    out.u8(units_[id].holds ? 1 : 0);
    uint64_t count = 0;
    for (const auto& [end, entries] : units_[id].by_end) count += entries.size();
    out.u64(count);
    for (const auto& [end, entries] : units_[id].by_end) {
      for (const Entry* entry : entries) {
        out.i64(end.us);
        out.text(std::string_view(entry->identity).substr(sizeof(UnitId)));
        out.i64(entry->revision);
        out.text(entry->written);
        out.text(entry->field_names ? *entry->field_names : std::string_view());
      }
    }
  }
  out.u64(owners_.size());
  for (const auto& [id, owner] : owners_) {
    out.u64(id.low);
    out.u64(id.high);
    out.i64(owner.end.us);
    out.text(owner.entry ? std::string_view(owner.entry->identity).substr(sizeof(UnitId)) : std::string_view());
    out.text(owner.entry ? units.name(owner.entry->unit) : std::string_view());
  }
}

Status SinkMemory::restore(StateReader& in, Units& units) {
  if (const uint8_t version = in.u8(); version != kVersion) {
    return failed("the saved state of ssink-redis has version {}, this program reads {}", version, kVersion);
  }
  seed_ = in.u64();
  const auto identity = [&](UnitId unit_id, std::string_view rest) {
    std::string text;
    append_raw(text, unit_id);
    return text.append(rest);
  };
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const UnitId id = units.id(in.text());
    UnitMemory& memory = unit(id);
    memory.watermark = {in.i64()};
    memory.idle = in.u8() != 0;
    memory.holds = in.u8() != 0;
    for (uint64_t m = in.u64(); m > 0 && in.ok(); --m) {
      auto entry = std::make_unique<Entry>();
      entry->unit = id;
      entry->end = {in.i64()};
      entry->identity = identity(id, in.text());
      entry->revision = in.i64();
      entry->written = in.text();
      if (const auto names = in.text(); !names.empty()) set_field_names(*entry, names);
      if (!in.ok()) break;
      if (entry->identity.size() < kIdentityHead || !is_whole(entry->written) ||
          entries_.contains(std::string_view(entry->identity))) {
        return failed("the saved state of ssink-redis is damaged");
      }
      add(std::move(entry));
    }
  }
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    Name id{};
    id.low = in.u64();
    id.high = in.u64();
    Owner owner;
    owner.end = {in.i64()};
    const std::string_view rest = in.text();
    const std::string_view unit_name = in.text();
    if (!rest.empty()) {
      const auto found = entries_.find(std::string_view(identity(units.id(unit_name), rest)));
      // One that does not know of the name would leave it behind when it is forgotten.
      if (found == entries_.end() || !has_written(*found->second, id)) {
        return failed("the saved state of ssink-redis is damaged");
      }
      owner.entry = found->second.get();
    }
    if (owners_.emplace(id, owner).second) owners_by_end_[owner.end].push_back(id);
  }
  return in.status("ssink-redis");
}

}  // namespace streamutils::ssink_redis
