// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/spool.hpp"

#include <xxhash.h>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/stream/state.hpp"
#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

const std::string kName = spool_name("r1", 7, "ssink-redis");
const std::string kOut =
    "; start over with --fresh, or from an earlier checkpoint with --from-epoch N (sstate ls /ck shows them)";
const SpoolHead kHead{7, {5, 3}};
using Chunks = std::vector<std::string>;

class SpoolTest : public testing::Test {
 protected:
  std::optional<ObjectRef> write(const Chunks& chunks) {
    SpoolWriter writer(*store, kName, kHead);
    for (const std::string& chunk : chunks) EXPECT_TRUE(writer.add(chunk).ok());
    EXPECT_EQ(writer.chunks(), chunks.size());
    return value(writer.commit());
  }
  Result<Chunks> read(const ObjectRef& ref) {
    STREAM_ASSIGN(const auto reader, SpoolReader::open(*store, ref));
    EXPECT_EQ(reader->head().epoch, kHead.epoch);
    EXPECT_EQ(reader->head().after, kHead.after);
    Chunks chunks;
    for (;;) {
      STREAM_ASSIGN(const auto chunk, reader->next());
      if (!chunk) break;
      chunks.emplace_back(*chunk);
    }
    EXPECT_EQ(reader->chunks(), chunks.size());
    return chunks;
  }
  std::string why_not(const std::string& bytes, const ObjectRef& ref) {
    store.damage(kName, bytes);
    auto chunks = read(ref);
    EXPECT_FALSE(chunks.ok());
    EXPECT_EQ(chunks.status().code(), Code::usage);
    return message(chunks);
  }
  std::string why_not_even_sealed(const std::string& bytes) {
    return why_not(bytes, {kName, bytes.size(), sha256_hex(bytes)});
  }

  MemoryStore store;
};

TEST_F(SpoolTest, IsReadBackAsWritten) {
  const Chunks chunks{
      "one", "", std::string("\0\xff\n", 3), std::string(3 << 20, 'x'), std::string((1 << 20) - 60, 'y'), "last"};
  const auto ref = write(chunks);
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->bytes, store.bytes(kName).size());
  EXPECT_EQ(ref->sha256, sha256_hex(store.bytes(kName)));
  EXPECT_EQ(value(read(*ref)), chunks);
}

TEST_F(SpoolTest, ManySmallChunksOverManyReads) {
  Chunks chunks;
  for (size_t i = 0; i < 4000; ++i) chunks.push_back(std::string(i, static_cast<char>('a' + i % 26)));
  EXPECT_EQ(value(read(*write(chunks))), chunks);
}

// The layout is persistent.
TEST_F(SpoolTest, HasItsLayout) {
  ASSERT_TRUE(write({"ab"}));
  StateWriter expected;
  expected.raw("SUSPOOL1", 8);
  expected.u32(1);
  expected.u64(7);
  expected.u64(5);
  expected.u64(3);
  std::string outline = expected.bytes();
  StateWriter length, hash, tail;
  length.u32(2);
  hash.u64(XXH3_64bits("ab", 2));
  outline += length.bytes() + hash.bytes();
  tail.u32(0xFFFFFFFF);
  tail.u64(1);
  tail.u64(XXH3_64bits(outline.data(), outline.size()));
  EXPECT_EQ(store.bytes(kName), expected.bytes() + length.bytes() + "ab" + hash.bytes() + tail.bytes());
}

TEST_F(SpoolTest, WithoutEffectsThereIsNoObject) {
  EXPECT_EQ(write({}), std::nullopt);
  EXPECT_EQ(value(store->list("")), std::vector<std::string>{});
}

TEST_F(SpoolTest, OneThatIsGivenUpLeavesNothing) {
  {
    SpoolWriter writer(*store, kName, kHead);
    ASSERT_OK(writer.add("one"));
  }
  EXPECT_EQ(store.disk.files().size(), 1u);  // the format
  ASSERT_TRUE(write({"other"}));
}

TEST_F(SpoolTest, EveryFlippedBitIsSeen) {
  const auto ref = write({"one", "two"});
  const std::string bytes = store.bytes(kName);
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string changed = bytes;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    ASSERT_EQ(why_not(changed, *ref),
              "checkpoint '/ck': spool/r1/7/ssink-redis is damaged (its SHA-256 is not the one the "
              "manifest names)" +
                  kOut);
  }
}

TEST_F(SpoolTest, EveryCutIsSeen) {
  const auto ref = write({"one", "two"});
  const std::string bytes = store.bytes(kName);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(why_not(bytes.substr(0, size), *ref),
              "checkpoint '/ck': spool/r1/7/ssink-redis is damaged (it is cut short)" + kOut);
    ASSERT_NE(why_not_even_sealed(bytes.substr(0, size)), "") << size;
  }
  EXPECT_NE(why_not(bytes + 'x', *ref).find("(it is longer than the manifest says)"), std::string::npos);
  EXPECT_NE(why_not_even_sealed(bytes + 'x'), "");
}

TEST_F(SpoolTest, ItsOwnChecksumsTellWhatTheManifestDoesNot) {
  ASSERT_TRUE(write({"one", "two"}));
  const std::string bytes = store.bytes(kName);
  std::string changed = bytes;
  changed[bytes.find("two")] = 'T';
  EXPECT_NE(why_not_even_sealed(changed).find("(the checksum of its chunk 2 is wrong)"), std::string::npos);
  // A chunk taken out, whole.
  changed = bytes;
  changed.erase(bytes.find("one") - 4, 4 + 3 + 8);
  EXPECT_NE(why_not_even_sealed(changed).find("(its tail does not fit its chunks)"), std::string::npos);
  changed = bytes;
  changed[bytes.find("one") - 1] = '\x7f';  // a length beyond the object
  EXPECT_NE(why_not_even_sealed(changed).find("(its lengths do not add up)"), std::string::npos);
  changed = bytes;
  changed[0] = 's';
  EXPECT_NE(why_not_even_sealed(changed).find("(it is no spool)"), std::string::npos);
}

TEST_F(SpoolTest, ALaterFormatIsNotDamage) {
  ASSERT_TRUE(write({"one"}));
  std::string bytes = store.bytes(kName);
  bytes[8] = 2;
  EXPECT_EQ(why_not_even_sealed(bytes),
            "checkpoint '/ck': spool/r1/7/ssink-redis is of format 2, this program knows 1: use the version that wrote "
            "it" +
                kOut);
}

TEST_F(SpoolTest, AMissingOneIsAnErrorNeverAnEmptyEpoch) {
  const auto ref = write({"one"});
  const auto reader = value(SpoolReader::open(*store, *ref));
  ASSERT_OK(store->remove(kName));
  EXPECT_EQ(message(read(*ref)), "checkpoint '/ck': spool/r1/7/ssink-redis is missing" + kOut);
}

TEST_F(SpoolTest, AFailedWriteFailsTheSpool) {
  SpoolWriter writer(*store, kName, kHead);
  ASSERT_OK(writer.add("one"));
  store.disk.fail(1, ENOSPC, 1);
  EXPECT_NE(message(writer.add("two")).find("No space left on device"), std::string::npos);
  EXPECT_FALSE(writer.add("three").ok());
  EXPECT_FALSE(writer.commit().ok());
  EXPECT_FALSE(value(store->exists(kName)));
}

TEST_F(SpoolTest, AChunkBeyondTheLimitIsRefused) {
  SpoolWriter writer(*store, kName, kHead);
  EXPECT_FALSE(writer.add(std::string(kMaxChunkBytes + 1, 'x')).ok());
  EXPECT_EQ(value(writer.commit()), std::nullopt);
}

TEST_F(SpoolTest, OneThatIsThereAlreadyIsNotReplaced) {
  const auto ref = write({"one"});
  SpoolWriter writer(*store, kName, kHead);
  ASSERT_OK(writer.add("other"));
  EXPECT_NE(message(writer.commit()).find("is there already: another run has the same id"), std::string::npos);
  EXPECT_EQ(value(read(*ref)), Chunks{"one"});
}

}  // namespace
}  // namespace streamutils::checkpoint
