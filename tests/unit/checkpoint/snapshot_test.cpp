// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/snapshot.hpp"

#include "lib/checkpoint/manifest.hpp"
#include "lib/stream/state.hpp"
#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

const std::string kName = state_name("r1", 7, "swindow");
const std::string kOut =
    "; start over with --fresh, or from an earlier checkpoint with --from-epoch N (sstate ls /ck shows them)";

class SnapshotTest : public testing::Test {
 protected:
  ObjectRef put(const std::string& state = "the state") {
    return value(put_snapshot(*store, kName, {"swindow", "0.1.0", state}));
  }
  /// What is said of an object of these bytes, whatever the manifest says of it.
  std::string why_not(const std::string& bytes, const ObjectRef& ref) {
    store.damage(kName, bytes);
    auto read = get_snapshot(*store, ref);
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), Code::usage);
    return message(read);
  }
  std::string why_not_even_sealed(const std::string& bytes) {
    return why_not(bytes, {kName, bytes.size(), sha256_hex(bytes)});
  }

  MemoryStore store;
};

TEST_F(SnapshotTest, IsReadBackAsWritten) {
  std::string large(3 << 20, 'x');
  large[12345] = '\0';
  uint64_t epoch = 0;
  for (const std::string& state : {std::string(), std::string("state"), large}) {
    const auto ref = value(put_snapshot(*store, state_name("r1", ++epoch, "swindow"), {"swindow", "0.1.0", state}));
    EXPECT_EQ(ref.name, fmt::format("state/r1/{}/swindow", epoch));
    EXPECT_EQ(ref.bytes, store.bytes(ref.name).size());
    EXPECT_EQ(ref.sha256, sha256_hex(store.bytes(ref.name)));
    const Snapshot snapshot = value(get_snapshot(*store, ref));
    EXPECT_EQ(snapshot.program, "swindow");
    EXPECT_EQ(snapshot.version, "0.1.0");
    EXPECT_EQ(snapshot.state, state);
  }
}

// The layout is persistent.
TEST_F(SnapshotTest, HasItsLayout) {
  put("st");
  using namespace std::string_literals;
  const std::string bytes = store.bytes(kName);
  EXPECT_EQ(bytes.substr(0, bytes.size() - 8),
            "SUSTATE1\1\0\0\0"
            "\7\0\0\0\0\0\0\0swindow"
            "\5\0\0\0\0\0\0\0"
            "0.1.0"
            "\2\0\0\0\0\0\0\0st"s);
}

TEST_F(SnapshotTest, EveryFlippedBitIsSeen) {
  const ObjectRef ref = put();
  const std::string bytes = store.bytes(kName);
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string changed = bytes;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    ASSERT_EQ(why_not(changed, ref),
              "checkpoint '/ck': state/r1/7/swindow is damaged (its SHA-256 is not the one the "
              "manifest names)" +
                  kOut);
    // Even when the reference is that of the changed bytes, as of a repaired manifest: its own checksum tells.
    ASSERT_NE(why_not_even_sealed(changed), "") << "bit " << i;
  }
}

TEST_F(SnapshotTest, EveryCutIsSeen) {
  const ObjectRef ref = put();
  const std::string bytes = store.bytes(kName);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(why_not(bytes.substr(0, size), ref),
              "checkpoint '/ck': state/r1/7/swindow is damaged (it is cut short)" + kOut);
    ASSERT_NE(why_not_even_sealed(bytes.substr(0, size)), "") << size;
  }
  EXPECT_NE(why_not(bytes + 'x', ref).find("(it is longer than the manifest says)"), std::string::npos);
  EXPECT_NE(why_not_even_sealed(bytes + 'x').find("(its lengths do not add up)"), std::string::npos);
}

TEST_F(SnapshotTest, AMissingOneIsAnErrorNeverAFreshStart) {
  const ObjectRef ref = put();
  ASSERT_OK(store->remove(kName));
  EXPECT_EQ(message(get_snapshot(*store, ref)), "checkpoint '/ck': state/r1/7/swindow is missing" + kOut);
  EXPECT_EQ(get_snapshot(*store, ref).status().code(), Code::usage);
}

TEST_F(SnapshotTest, ALaterFormatIsNotDamage) {
  put();
  std::string bytes = store.bytes(kName);
  bytes[8] = 2;
  EXPECT_EQ(why_not_even_sealed(bytes),
            "checkpoint '/ck': state/r1/7/swindow is of format 2, this program knows 1: use the version that wrote it" +
                kOut);
}

TEST_F(SnapshotTest, LengthsBeyondTheObjectAreRefused) {
  StateWriter hostile;
  hostile.raw("SUSTATE1", 8);
  hostile.u32(1);
  hostile.text("swindow");
  hostile.text("0.1.0");
  hostile.u64(UINT64_MAX);
  EXPECT_NE(why_not_even_sealed(hostile.bytes()).find("is damaged"), std::string::npos);
  EXPECT_NE(why_not("x", {kName, UINT64_MAX, "y"}).find("is damaged"), std::string::npos);
}

TEST_F(SnapshotTest, OneThatIsThereAlreadyIsNotReplaced) {
  const ObjectRef ref = put();
  EXPECT_EQ(message(put_snapshot(*store, kName, {"swindow", "0.1.0", "other"})),
            "checkpoint '/ck': state/r1/7/swindow is there already: another run has the same id");
  EXPECT_EQ(value(get_snapshot(*store, ref)).state, "the state");
}

}  // namespace
}  // namespace streamutils::checkpoint
