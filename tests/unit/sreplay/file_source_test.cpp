// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/file_source.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/sreplay/recorder.hpp"

namespace streamutils::sreplay {
namespace {

using Strings = std::vector<std::string>;

class FileSourceTest : public ::testing::Test {
 protected:
  FileSourceTest() {
    char name[] = "/tmp/file_source_testXXXXXX";
    dir_ = mkdtemp(name);
    std::filesystem::current_path(dir_);
    auto time = RecordTime::create("t", TimeUnit::s);
    time_ = *std::move(time);
  }
  ~FileSourceTest() override {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(dir_);
  }

  static std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(name, std::ios::binary) << bytes;
    return name;
  }
  static std::string write_gzip(const std::string& name, const std::string& bytes) {
    gzFile file = gzopen(name.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return name;
  }
  /// Everything the source gives, or the error's message as the last item.
  static Strings run(const Strings& paths, RecordTime* time, bool data_only) {
    FakeWorld world;
    Recorder recorder(world.units);
    auto source = FileSource::create(paths, time, world.context);
    if (!source.ok()) return {std::string(source.status().message())};
    for (;;) {
      const auto state = (*source)->poll(recorder, world.waiter, Duration{0});
      if (!state.ok()) recorder.items.emplace_back(state.status().message());
      if (!state.ok() || *state == Source::State::finished) break;
    }
    return data_only ? recorder.data() : recorder.items;
  }
  Strings merged(const Strings& paths) { return run(paths, time_.get(), true); }

  std::string dir_;
  std::unique_ptr<RecordTime> time_;
};

TEST_F(FileSourceTest, MergesByTimeTiesByArgumentAndKeepsTheOrderOfAFile) {
  const Strings paths{write("b", "{\"t\":1}\n{\"t\":5}\n{\"t\":2}\n"),
                      write("a", "{\"t\":1,\"a\":1}\n{\"t\":3}\n{\"t\":5,\"a\":1}\n")};
  EXPECT_EQ(merged(paths), (Strings{R"(b@1 {"t":1})", R"(a@1 {"t":1,"a":1})", R"(a@2 {"t":3})", R"(b@2 {"t":5})",
                                    R"(b@3 {"t":2})", R"(a@3 {"t":5,"a":1})"}));
}

TEST_F(FileSourceTest, ARecordWithoutTimeHasThatOfTheOneBeforeIt) {
  const Strings paths{write("a", "{}\n{\"t\":2}\nnot json\n{\"t\":4}\n"), write("b", "{\"t\":1}\n{\"t\":3}\n")};
  EXPECT_EQ(merged(paths), (Strings{"a@1 {}", R"(b@1 {"t":1})", R"(a@2 {"t":2})", "a@3 not json", R"(b@2 {"t":3})",
                                    R"(a@4 {"t":4})"}));
}

TEST_F(FileSourceTest, WithoutATimeFieldFilesFollowOneAnother) {
  const Strings paths{write("b", "{\"t\":9}\n"), write("a", "{\"t\":1}")};
  EXPECT_EQ(run(paths, nullptr, true), (Strings{R"(b@1 {"t":9})", R"(a@1 {"t":1})"}));
}

TEST_F(FileSourceTest, AFileThatHasEndedIsCaughtUpAndIdle) {
  const Strings paths{write("empty", ""), write("a", "{\"t\":1}\n"), write("b", "{\"t\":2}\n")};
  EXPECT_EQ(
      run(paths, time_.get(), false),
      (Strings{"open", R"({"$stream":"assign","unit":"empty","position":0,"units":3})",
               R"({"$stream":"assign","unit":"a","position":0,"units":3})",
               R"({"$stream":"assign","unit":"b","position":0,"units":3})", R"({"$stream":"caught-up","unit":"empty"})",
               R"({"$stream":"idle","unit":"empty"})", R"(a@1 {"t":1})", R"({"$stream":"caught-up","unit":"a"})",
               R"({"$stream":"idle","unit":"a"})", R"(b@1 {"t":2})", R"({"$stream":"caught-up","unit":"b"})",
               R"({"$stream":"idle","unit":"b"})", R"({"$stream":"end","fire":true})"}));
}

TEST_F(FileSourceTest, TheOrderDoesNotDependOnBlocksOrCompression) {
  // Side records used to leave when their block was read, ahead of the other file's records.
  std::string a, b;
  for (int i = 0; i < 40000; ++i) {
    a += "{\"t\":" + std::to_string(i / 2) + "}\n";
    b += "{\"t\":" + std::to_string(i / 3) + ",\"pad\":\"" + std::string(static_cast<size_t>(i % 40), 'x') + "\"}\n";
    if (i % 9000 == 8999) (i % 2 ? a : b) += "{\"big\":\"" + std::string(1 << 20, 'y') + "\"}\n";
  }
  write("a", a);
  write("b", b);
  const Strings plain = merged({"a", "b"});
  ASSERT_EQ(plain.size(), 80004U);
  EXPECT_EQ(std::count_if(plain.begin(), plain.end(), [](const auto& s) { return s.starts_with("side a@9000 "); }), 0);
  EXPECT_EQ(std::count_if(plain.begin(), plain.end(), [](const auto& s) { return s.ends_with("too_large"); }), 4);
  const auto side = std::find_if(plain.begin(), plain.end(), [](const auto& s) { return s.starts_with("side"); });
  EXPECT_EQ(*side, "side a@9001 too_large");
  EXPECT_EQ(*(side - 1), R"(a@9000 {"t":4499})");
  write_gzip("a", a);
  write_gzip("b", b);
  EXPECT_EQ(merged({"a", "b"}), plain);
}

TEST_F(FileSourceTest, RefusesAFileGivenTwiceAndOneThatIsNotThere) {
  write("a", "{}\n");
  EXPECT_NE(run({"a", "a"}, nullptr, false).back().find("given twice"), std::string::npos);
  EXPECT_EQ(run({"a", "none"}, nullptr, false), Strings{"cannot open 'none': No such file or directory"});
}

TEST_F(FileSourceTest, RefusesARecordedStream) {
  write("a", "{\"$stream\":\"open\",\"version\":1,\"run\":\"x\",\"stages\":[]}\n{\"$stream\":\"end\",\"fire\":true}\n");
  EXPECT_NE(run({"a"}, nullptr, false).back().find("'a' holds a stream"), std::string::npos);
}

TEST_F(FileSourceTest, DamageIsAnErrorBehindWhatWasGoodAndWithoutEnd) {
  std::string bytes;
  for (int i = 0; i < 200000; ++i) bytes += "{\"t\":" + std::to_string(i) + "}\n";
  write_gzip("a", bytes);
  std::filesystem::resize_file("a", std::filesystem::file_size("a") / 2);
  const Strings items = run({"a"}, time_.get(), false);
  EXPECT_EQ(items.back(), "'a': the compressed data is cut short");
  EXPECT_GT(items.size(), 1000U);
  EXPECT_EQ(std::count(items.begin(), items.end(), R"({"$stream":"end","fire":true})"), 0);
}

TEST_F(FileSourceTest, AStopEndsWithoutFire) {
  write("a", "{\"t\":1}\n");
  FakeWorld world;
  Recorder recorder(world.units);
  auto source = FileSource::create({"a"}, time_.get(), world.context);
  ASSERT_TRUE(source.ok());
  world.stop.request();
  const auto state = (*source)->poll(recorder, world.waiter, Duration{0});
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, Source::State::finished);
  EXPECT_EQ(recorder.items.front(), "open");
  EXPECT_EQ(recorder.items.back(), R"({"$stream":"end","fire":false})");
}

}  // namespace
}  // namespace streamutils::sreplay
