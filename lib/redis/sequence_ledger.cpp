// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/sequence_ledger.hpp"

#include <charconv>

#include "lib/redis/script.hpp"

namespace streamutils::redis {

namespace {

uint64_t number_in(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string_view SequenceLedger::script() const { return kSequenceScript; }

size_t SequenceLedger::ask(std::string& out) {
  if (asked_) return 0;
  asked_ = true;
  append_command(out, {"HGET", key_, writer_});
  return 1;
}

Status SequenceLedger::take(size_t, const Reply& reply) {
  stored_ = reply.kind == Reply::Kind::text ? number_in(reply.text) : 0;
  return {};
}

Result<uint64_t> SequenceLedger::stored(uint64_t confirmed, uint64_t last) const {
  if (stored_ < confirmed || stored_ > last) return went_back(confirmed, stored_);
  return stored_;
}

void SequenceLedger::describe(uint64_t number, std::string& first, std::string& second) const {
  const fmt::format_int text(number);
  first.assign(text.data(), text.size());
  second = writer_;
}

bool SequenceLedger::confirms(const Reply& reply, uint64_t number) const {
  // A later number means that an earlier connection had brought the chunk; the others get replies of their own.
  return reply.kind == Reply::Kind::integer && reply.integer >= 0 && static_cast<uint64_t>(reply.integer) >= number;
}

Status SequenceLedger::refused(const Reply& reply, uint64_t confirmed) const {
  return went_back(confirmed, reply.items.size() > 2 ? number_in(reply.items[2].text) : 0);
}

Status SequenceLedger::went_back(uint64_t confirmed, uint64_t stored) const {
  return failed(
      "redis at {} went back in time: it had confirmed chunk {} and now stands at {} (key '{}'); it was restarted "
      "without "
      "its last writes, flushed, or it evicts keys; set 'appendonly yes' and 'appendfsync always', then write the "
      "results "
      "anew",
      place_, confirmed, stored, key_);
}

}  // namespace streamutils::redis
