// SPDX-License-Identifier: Apache-2.0
// What a start may find in its directory, and what chunks and cursors look like.
#include "fixture.hpp"

namespace streamutils::ssink_file {
namespace {

using Lines = std::map<std::string, std::string>;

Options plain() { return {.directory = "out"}; }

std::vector<std::string> input() { return {R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})", R"({"n":5})"}; }

/// One start that reads all but the last record and is then gone.
Store after_two_epochs(World& world, const Options& options = plain()) {
  Store store;
  Process process(world, options);
  EXPECT_TRUE(process.start(store).ok());
  EXPECT_TRUE(process.epoch(store, input(), 2).ok());
  EXPECT_TRUE(process.epoch(store, input(), 2).ok());
  return store;
}

void expect_refused(World& world, Store& store, std::string_view what) {
  Process process(world, plain());
  const Status status = process.start(store);
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find(what), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("--fresh"), std::string::npos) << status.message();
}

TEST(Directory, GoesOnWithThePartInProgress) {
  World world;
  Store store = after_two_epochs(world);
  EXPECT_EQ(world.finished(), Lines{});
  Process process(world, plain());
  ASSERT_TRUE(process.run(store, input(), 2).ok());
  EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
  EXPECT_TRUE(world.names.contains("part-00000001.ndjson"));
}

TEST(Directory, EmptiedIsNotStartedOverInSilence) {
  World world;
  Store store = after_two_epochs(world);
  world = World();
  expect_refused(world, store, "emptied");
}

// An absent cursor was taken for one at the end of the spool, and the first epoch was lost.
TEST(Directory, EmptiedWhileTheFirstSpoolIsKeptIsFilledAgain) {
  World world;
  Store store;
  Process first(world, plain());
  ASSERT_TRUE(first.start(store).ok());
  ASSERT_TRUE(first.epoch(store, input(), 2).ok());
  world = World();
  Process process(world, plain());
  ASSERT_TRUE(process.run(store, input(), 2).ok());
  EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
}

TEST(Directory, SetBackInTimeIsRefused) {
  World world, earlier;
  Store store;
  Process process(world, plain());
  ASSERT_TRUE(process.start(store).ok());
  for (int i = 0; i < 3; ++i) {
    if (i == 1) {
      for (const auto& [name, file] : world.names) earlier.names[name] = std::make_shared<World::File>(*file);
      earlier.folders = world.folders;
    }
    ASSERT_TRUE(process.epoch(store, input(), 1).ok());
  }
  expect_refused(earlier, store, "the directory was set back");
}

TEST(Directory, ACheckpointThatWasSetBackIsRefused) {
  World world;
  Store store = after_two_epochs(world);
  store.epochs.erase(2);
  expect_refused(world, store, "the checkpoint was set back");
}

TEST(Directory, AMissingOrShortPartIsRefused) {
  for (const bool removed : {true, false}) {
    World world;
    Store store = after_two_epochs(world);
    for (auto it = world.names.begin(); it != world.names.end(); ++it) {
      if (!it->first.ends_with(".open")) continue;
      if (removed) {
        world.names.erase(it);
        break;
      }
      it->second->bytes.pop_back();
    }
    expect_refused(world, store, removed ? "is gone" : "cut short");
  }
}

TEST(Directory, ADamagedCursorIsRefused) {
  World world;
  Store store = after_two_epochs(world);
  for (auto& [name, file] : world.names) {
    if (name.find("cursor-") != std::string::npos) file->bytes[40] ^= 1;
  }
  expect_refused(world, store, "damaged");
}

TEST(Directory, FreshFinishesWhatIsThereAndCountsOn) {
  World world;
  Store store = after_two_epochs(world);
  Process process(world, plain());
  ASSERT_TRUE(process.start(store, std::nullopt, true).ok());
  while (process.position < input().size()) ASSERT_TRUE(process.epoch(store, input(), 5).ok());
  ASSERT_TRUE(process.end().ok());
  EXPECT_EQ(world.names.at("part-00000001.ndjson")->bytes, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
  EXPECT_EQ(world.names.at("part-00000002.ndjson")->bytes, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n");
  EXPECT_EQ(world.hidden_parts(), 0u);
}

TEST(Directory, AnEarlierEpochTakesBackWhatIsHidden) {
  World world;
  Store store = after_two_epochs(world);
  Process process(world, plain());
  ASSERT_TRUE(process.start(store, 1).ok());
  while (process.position < input().size()) ASSERT_TRUE(process.epoch(store, input(), 5).ok());
  ASSERT_TRUE(process.end().ok());
  EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
  EXPECT_EQ(world.hidden_parts(), 0u);
}

TEST(Directory, AnEarlierEpochThatWasNotYetAppliedIsApplied) {
  World world;
  Store store;
  {
    Process process(world, plain());
    ASSERT_TRUE(process.start(store).ok());
    ASSERT_TRUE(process.epoch(store, input(), 2).ok());
    ASSERT_TRUE(process.epoch(store, input(), 2, false).ok());
  }
  Process process(world, plain());
  ASSERT_TRUE(process.start(store, 2).ok());
  while (process.position < input().size()) ASSERT_TRUE(process.epoch(store, input(), 5).ok());
  ASSERT_TRUE(process.end().ok());
  EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
  EXPECT_EQ(world.hidden_parts(), 0u);
}

TEST(Directory, AFileOfSomebodyElseIsNeverReplaced) {
  for (const bool late : {false, true}) {  // before our part was begun, or after
    World world;
    Store store;
    Process process(world, plain());
    ASSERT_TRUE(process.start(store).ok());
    const auto meddle = [&] {
      world.names["part-00000001.ndjson"] = std::make_shared<World::File>(World::File{"x", "x"});
    };
    if (!late) meddle();
    Status status = process.epoch(store, input(), 2);
    if (late) {
      ASSERT_TRUE(status.ok());
      meddle();
      status = process.end();
    }
    EXPECT_EQ(status.code(), Code::usage);
    EXPECT_NE(status.message().find("'out/part-00000001.ndjson' is there already"), std::string::npos)
        << status.message();
    EXPECT_EQ(world.names.at("part-00000001.ndjson")->bytes, "x");
    // The remedy works.
    world.names.erase("part-00000001.ndjson");
    Process again(world, plain());
    ASSERT_TRUE(again.run(store, input(), 2).ok());
    EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
  }
}

TEST(Directory, ANewPipelineCountsOnFromWhatIsThere) {
  World world;
  for (const char* name : {"part-00000041.ndjson.gz", ".part-00000050.ndjson.x.open", "other-00000099.ndjson",
                           "part-99999999999999999999.ndjson", "part-7.txt", "part-0x7.ndjson"}) {
    world.names[name] = std::make_shared<World::File>();
  }
  Store store;
  Process process(world, plain());
  ASSERT_TRUE(process.run(store, input(), 2).ok());
  EXPECT_TRUE(world.names.contains("part-00000051.ndjson"));
}

TEST(Directory, OtherOptionsFinishTheirParts) {
  World world;
  Store store = after_two_epochs(world);
  Options zstd = plain();
  zstd.compression = Compression::zstd;
  Process process(world, zstd);
  ASSERT_TRUE(process.run(store, input(), 2).ok());
  EXPECT_EQ(world.names.at("part-00000001.ndjson")->bytes, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
  EXPECT_TRUE(world.names.contains("part-00000002.ndjson.zst"));
  EXPECT_EQ(world.hidden_parts(), 0u);
}

TEST(Directory, AnEndWithoutFireIsGoneOnFrom) {
  World world;
  Store store;
  for (size_t start = 0; start < 2; ++start) {
    Process process(world, plain());
    ASSERT_TRUE(process.start(store).ok());
    ASSERT_TRUE(process.epoch(store, input(), start == 0 ? 2 : 3).ok());
    ASSERT_TRUE(process.end().ok());
    EXPECT_EQ(world.hidden_parts(), 0u);
    world.names.erase("part-00000001.ndjson");  // its reader has taken it
  }
  EXPECT_EQ(world.finished(), (Lines{{"", "{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"}}));
  EXPECT_TRUE(world.names.contains("part-00000002.ndjson"));
}

TEST(Directory, ChunksOutOfOrderAreRefusedAndOldOnesSkipped) {
  World world;
  Store store = after_two_epochs(world);
  Process process(world, plain());
  ASSERT_TRUE(process.start(store).ok());
  EXPECT_TRUE(process.sink->apply({0, 0}, {1, 1}, store.epochs[1].spool[0]).ok());
  EXPECT_FALSE(process.sink->apply({4, 1}, {5, 1}, store.epochs[1].spool[0]).ok());
  EXPECT_FALSE(process.sink->apply({2, 1}, {3, 1}, store.epochs[1].spool[0]).ok());  // a part begins twice
}

TEST(Directory, DamagedChunksAreRefused) {
  ChunkWriter writer;
  writer.write("a/part-00000001.ndjson", 0, "bytes");
  writer.finish("a/part-00000001.ndjson", 5);
  const std::string chunk(writer.bytes(2));
  struct Nothing final : Operations {
    Status write(std::string_view, uint64_t, std::string_view) override { return {}; }
    Status finish(std::string_view, uint64_t) override { return {}; }
  } nothing;
  uint64_t next = 0;
  EXPECT_TRUE(read_chunk(chunk, &next, nothing).ok());
  EXPECT_EQ(next, 2u);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{8}, chunk.size() - 1}) {
    EXPECT_FALSE(read_chunk(chunk.substr(0, cut), &next, nothing).ok()) << cut;
  }
  std::string later = chunk;
  later[0] = 2;
  EXPECT_EQ(read_chunk(later, &next, nothing).code(), Code::usage);
}

TEST(Cursor, ComesBackAsItWas) {
  DirectoryState state;
  state.pipeline = kPipeline;
  state.member = "sdivert.\"late\".ssink-file";
  state.generation = 3;
  state.committed = 2;
  state.cursor = {7, 2};
  state.next = 13;
  state.open = {{"a \"b\"/part-00000012.ndjson", {100, 3}}, {"part-00000010.ndjson", {5, 2}}};
  state.finishing = {{"ä/part-00000011.ndjson", {2000, 3}}};
  state.garbage = {{"part-00000009.ndjson", 1}};
  const std::string text = format_cursor(state);
  const auto parsed = parse_cursor(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(*parsed, state);
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(parse_cursor(text.substr(0, size)).ok()) << size;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] ^= 4;
    EXPECT_FALSE(parse_cursor(flipped).ok()) << i;
  }
}

}  // namespace
}  // namespace streamutils::ssink_file
