// SPDX-License-Identifier: Apache-2.0
// The scripts that apply one chunk of effects, all or nothing, at most once, in order. They differ in their head
// alone, which says where the store keeps how far it has come.
//
// The sequence of one run: KEYS[1] is a hash with one field per writer, so that two processes that carry one run and
// path (a saved stream replayed, two sinks behind one tee) do not take each other's chunks for their own. ARGV[1] is
// the chunk's number from 1, ARGV[2] the writer. Replies: the sequence as it stands now (this number, or a higher one
// when the chunk had been applied before); or {"SEQUENCE", key, number} when the store is not where this writer left
// it.
//
// The cursor of a pipeline under a checkpoint: KEYS[1] is a hash of generation, epoch and chunk. ARGV[1] is our
// generation, ARGV[2] "E-C E-C": the cursor before and behind this chunk. Replies: 1, or 0 when the cursor was there or
// beyond already; or {"CURSOR", generation, epoch, chunk} with what stands there (nil: nothing) when that is another
// generation's, or neither.
//
// The same, with chunks that are shown before their epoch is decided: ARGV[2] means how far was shown, and that is what
// {"CURSOR", …} tells. What a chunk replaces is kept in the hash until ARGV[2] is "settle E-C" (with an empty chunk):
// all that was shown up to there stands for good. 1, or 0 when that was said before.
//
// All: KEYS[2…] are the keys of the chunk. ARGV[3…]: one letter per key (its type: h hash, z sorted set, c counter, s
// string, t stream; upper case: renew its life), life in ms (0: unchanged), how many channels, the channels, how many
// shapes, the shapes (how many names, the names: what hashes and stream entries share), then the operations. Spools
// hold this: an operation may be added and none changed. Further replies, with nothing written: {"WRONGTYPE", key,
// letter},
// {"NOPERM", key, command}.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace streamutils::redis {

/// How long the sequence outlives its last chunk; an idle writer renews it with empty chunks.
inline constexpr int64_t kSequenceLifeMs = 86'400'000;
extern const std::string kSequenceScript, kCursorScript, kShowScript;

/// Takes a cursor over, and what was shown and not settled back. KEYS[1] is the cursor; ARGV: our generation, "reset"
/// to set it whatever it is, "rewind" to set it back or "", "E-C" twice: the least and the last that it may be, and
/// "now" when chunks will be shown. Replies: {"FENCED", generation, epoch, chunk}, or {"CURSOR", …} as above with
/// nothing written, or {"WRONGTYPE", key, letter} when somebody has made another key of one that is to be set back.
extern const std::string_view kFenceScript;

}  // namespace streamutils::redis
