// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/plan.hpp"

#include <algorithm>
#include <cstring>

#include "lib/redis/chunk.hpp"

namespace streamutils::ssink_redis {

namespace {

using Entry = SinkMemory::Entry;
using Kind = SinkMemory::Kind;

void split_names(std::string_view packed, std::vector<std::string_view>& names) {
  names.clear();
  uint32_t size = 0;
  while (packed.size() >= sizeof size) {
    std::memcpy(&size, packed.data(), sizeof size);
    packed.remove_prefix(sizeof size);
    names.push_back(packed.substr(0, size));
    packed.remove_prefix(std::min<size_t>(size, packed.size()));
  }
}

std::string_view names_of(const Entry* entry) {
  return entry && entry->field_names ? std::string_view(*entry->field_names) : std::string_view();
}

Decimal amount_of(const Written& before) {
  return before.counter ? Decimal::parse(before.amount).value_or(Decimal()) : Decimal();
}

}  // namespace

Outcome Planner::record(const Row& row) {
  if (targets_.hash) effects_.hash_set(row.hash_key, row.fields);
  if (targets_.zset) effects_.zset_add(row.zset_key, row.score, row.member);
  if (targets_.counter) effects_.counter_add(row.counter_key, row.amount);
  if (targets_.string) effects_.string_set(row.string_key, row.record);
  write_events(row);
  return Outcome::written;
}

Outcome Planner::result(UnitId unit, const Row& row) {
  Entry& entry = memory_.entry(unit, row.start, row.end, row.keys);
  if (row.revision <= entry.revision) return Outcome::superseded;
  const bool first = entry.revision < 0;
  entry.revision = row.revision;
  const Written before = SinkMemory::written(entry);  // views into entry.written, which changes last
  if (row.retracted) {
    withdraw(entry, before);
    entry.written.clear();
    entry.field_names.reset();
  } else {
    replace(entry, before, row);
  }
  write_events(row);
  if (row.retracted) return Outcome::withdrawn;
  return first ? Outcome::written : Outcome::corrected;
}

void Planner::replace(Entry& entry, const Written& before, const Row& row) {
  Written after;
  after.hash = targets_.hash && write_hash(entry, before, row);
  after.zset = targets_.zset && write_zset(entry, before, row);
  after.string = targets_.string && write_string(entry, before, row);
  after.hash_key = row.hash_key;
  after.zset_key = row.zset_key;
  after.member = row.member;
  after.string_key = row.string_key;
  if (targets_.counter) {
    write_counter(before, row);
    after.counter = true;
    after.counter_key = row.counter_key;
    amount_.clear();
    row.amount.append_json(amount_);
    after.amount = amount_;
  }
  memory_.set_written(entry, after);
  if (after.hash) {
    memory_.set_field_names(entry, row.field_names);
  } else {
    entry.field_names.reset();
  }
}

bool Planner::write_hash(const Entry& entry, const Written& before, const Row& row) {
  const bool same_key = before.hash && before.hash_key == row.hash_key;
  if (before.hash && !same_key) remove_hash(entry, before);
  const auto claim = memory_.claim(entry, Kind::hash, row.hash_key);
  if (!claim.granted) return false;
  effects_.hash_set(row.hash_key, row.fields);
  // What stands in the hash is this result's earlier revision, or another result whose place it takes.
  const Entry* stood = claim.previous ? claim.previous : same_key ? &entry : nullptr;
  delete_fields(row.hash_key, names_of(stood), row.field_names);
  return true;
}

void Planner::remove_hash(const Entry& entry, const Written& before) {
  if (memory_.release(entry, Kind::hash, before.hash_key)) delete_fields(before.hash_key, names_of(&entry), {});
}

void Planner::delete_fields(std::string_view key, std::string_view old_names, std::string_view new_names) {
  if (old_names == new_names) return;
  split_names(old_names, old_);
  split_names(new_names, new_);
  std::sort(new_.begin(), new_.end());
  std::erase_if(old_, [&](std::string_view name) { return std::binary_search(new_.begin(), new_.end(), name); });
  if (!old_.empty()) effects_.hash_delete(key, old_);
}

bool Planner::write_zset(const Entry& entry, const Written& before, const Row& row) {
  if (before.zset && (before.zset_key != row.zset_key || before.member != row.member)) remove_zset(entry, before);
  if (!memory_.claim(entry, Kind::zset, row.zset_key, row.member).granted) return false;
  effects_.zset_add(row.zset_key, row.score, row.member);
  return true;
}

void Planner::remove_zset(const Entry& entry, const Written& before) {
  if (memory_.release(entry, Kind::zset, before.zset_key, before.member)) {
    effects_.zset_remove(before.zset_key, before.member);
  }
}

bool Planner::write_string(const Entry& entry, const Written& before, const Row& row) {
  if (before.string && before.string_key != row.string_key) remove_string(entry, before);
  if (!memory_.claim(entry, Kind::string, row.string_key).granted) return false;
  effects_.string_set(row.string_key, row.record);
  return true;
}

void Planner::remove_string(const Entry& entry, const Written& before) {
  if (memory_.release(entry, Kind::string, before.string_key)) effects_.string_delete(before.string_key);
}

void Planner::write_counter(const Written& before, const Row& row) {
  if (before.counter && before.counter_key == row.counter_key) {
    const Decimal difference = row.amount - amount_of(before);
    if (!difference.is_zero()) effects_.counter_add(row.counter_key, difference);
    return;
  }
  if (before.counter) effects_.counter_add(before.counter_key, -amount_of(before));
  effects_.counter_add(row.counter_key, row.amount);
}

void Planner::withdraw(Entry& entry, const Written& before) {
  if (before.hash) remove_hash(entry, before);
  if (before.zset) remove_zset(entry, before);
  if (before.string) remove_string(entry, before);
  if (before.counter) effects_.counter_add(before.counter_key, -amount_of(before));
}

void Planner::write_events(const Row& row) {
  if (targets_.stream) effects_.stream_append(row.stream_key, row.fields);
  if (targets_.publish) effects_.publish(row.channel, row.record);
}

}  // namespace streamutils::ssink_redis
