// SPDX-License-Identifier: Apache-2.0
// The script that applies one chunk of effects, all or nothing, at most once, in order.
//
// KEYS[1] is the sequence: a hash with one field per writer, so that two processes that carry one run and path (a saved
// stream replayed, two sinks behind one tee) do not take each other's chunks for their own. KEYS[2…] are the keys of
// the chunk. ARGV: chunk number from 1, writer, one letter per key (its type: h hash, z sorted set, c counter, s
// string, t stream; upper case: renew its life), life in ms (0: unchanged), how many channels, the channels, how many
// shapes, the shapes (how many names, the names: what hashes and stream entries share), then the operations.
//
// Replies: the sequence as it stands now (this number, or a higher one when the chunk had been applied before); or an
// array {code, key, detail} with nothing written: SEQUENCE (the store is not where this writer left it), WRONGTYPE,
// NOPERM.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace streamutils::redis {

inline constexpr size_t kScriptHeader = 5;  ///< ARGV before the channels
/// How long the sequence outlives its last chunk; an idle writer renews it with empty chunks.
inline constexpr int64_t kSequenceLifeMs = 86'400'000;
extern const std::string_view kChunkScript;

}  // namespace streamutils::redis
