// SPDX-License-Identifier: Apache-2.0
#include "lib/window/global_windows.hpp"

namespace streamutils::window {

GlobalWindows::~GlobalWindows() { forget_all(); }

void GlobalWindows::forget_all() {
  for (const KeyId key : all_keys()) {
    context_.rows.release(keys_[key].row);
    keys_.erase(key);
    --context_.open;
    --context_.keys;
  }
  touched_.clear();
}

std::vector<KeyId> GlobalWindows::all_keys() const {
  std::vector<KeyId> all;
  keys_.for_each([&all](KeyId key) { all.push_back(key); });
  return all;
}

WindowSet::Added GlobalWindows::add(const KeyedRecord& record, expr::Scratch& scratch, Interval&) {
  if (context_.full() && !keys_.find(record.key)) return Added::too_many_keys;
  const KeyId key = keys_.intern(record.key);
  Held& held = keys_[key];
  if (held.row == nullptr) {
    held.row = context_.rows.make();
    ++context_.open;
    ++context_.keys;
  }
  context_.plan.add(held.row, record.values, EventTime{record.time}, scratch);
  if (context_.settings.early && !held.touched) {
    held.touched = true;
    touched_.push_back(key);
  }
  return Added::yes;
}

void GlobalWindows::fire(std::vector<KeyId>& keys, Firing firing) {
  keys_.sort(keys);
  for (const KeyId key : keys) {
    Held& held = keys_[key];
    held.touched = false;
    const std::string_view text = keys_.text(key);
    if (context_.results.result(text, kAllTime, held.row, firing, held.next_revision)) {
      ++held.next_revision;
      if (context_.results.selects()) {
        held.standing = std::make_unique<Standing>(Standing{std::string(context_.results.aggregates()), firing});
      }
    } else if (const auto standing = std::move(held.standing)) {
      context_.results.withdrawal(text, kAllTime, standing->aggregates, standing->firing, held.next_revision++);
    }
  }
}

void GlobalWindows::advance(EventTime watermark) {
  set_watermark(watermark);
  if (watermark != kAfterAll) return;
  std::vector<KeyId> all = all_keys();
  fire(all, Firing::on_time);
  forget_all();
}

void GlobalWindows::fire_early() {
  fire(touched_, Firing::early);
  touched_.clear();
}

void GlobalWindows::save(StateWriter& out) const {
  save_times(out);
  out.u64(keys_.size());
  keys_.for_each([&](KeyId key) {
    const Held& held = keys_[key];
    out.text(keys_.text(key));
    out.u32(held.next_revision);
    out.u8(held.touched);
    out.u8(held.standing != nullptr);
    if (held.standing) held.standing->save(out);
    context_.plan.save(held.row, out);
  });
}

bool GlobalWindows::load(StateReader& in) {
  load_times(in);
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const std::string_view text = in.text();
    if (keys_.find(text)) return false;  // twice
    const KeyId key = keys_.intern(text);
    Held& held = keys_[key];
    held.row = context_.rows.make();
    ++context_.open;
    ++context_.keys;
    held.next_revision = in.u32();
    held.touched = in.u8() != 0;
    if (held.touched) touched_.push_back(key);
    if (in.u8() != 0) {
      held.standing = std::make_unique<Standing>();
      if (!held.standing->load(in)) return false;
    }
    if (!context_.plan.load(held.row, in)) return false;
  }
  return in.ok();
}

}  // namespace streamutils::window
