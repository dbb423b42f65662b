// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/sdivert.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "lib/stream/encoder.hpp"

namespace streamutils::sdivert {
namespace {

/// Keeps what it is given as text.
class TextOutput final : public Output {
 public:
  explicit TextOutput(const Units& units) : encoder_(make_text_encoder(units)) {}
  Status records(const Batch& batch) override {
    encoder_->records(batch, buffer_);
    return {};
  }
  Status control(const Control& item) override {
    encoder_->control(item, buffer_);
    return {};
  }
  [[nodiscard]] std::string text() const { return std::string(buffer_.view()); }

 private:
  std::unique_ptr<Encoder> encoder_;
  IoBuffer buffer_;
};

class SdivertTest : public ::testing::Test {
 protected:
  SdivertTest() : out_(units_) {
    std::signal(SIGPIPE, SIG_IGN);
    char folder[] = "/tmp/sdivert_test.XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SdivertTest() override { std::system(("rm -rf " + folder_).c_str()); }

  std::string path(const std::string& name) { return folder_ + "/" + name; }
  std::string contents(const std::string& name) {
    std::ifstream file(path(name), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  /// A script of this name that keeps its input; its basename decides what it gets.
  std::string keeper(const std::string& name, int code = 0) {
    std::ofstream(path(name)) << "#!/bin/sh\ncat > " << path(name + ".in") << "\nexit " << code << "\n";
    std::system(("chmod +x " + path(name)).c_str());
    return path(name);
  }
  Sdivert& make(const Options& options) {
    auto op = Sdivert::create(options, context_, nullptr);
    EXPECT_TRUE(op.ok()) << op.status().message();
    op_ = *std::move(op);
    return *op_;
  }
  Status record(std::string_view text) {
    BatchBuilder builder;
    builder.clear(units_.id("t/0"));
    builder.append(text);
    return op_->on_records(builder.batch(), out_);
  }
  Status side(std::string_view label, std::string_view text) {
    return op_->on_side({.label = label, .reason = "why", .unit = units_.id("t/0"), .offset = 7, .record = text}, out_);
  }
  Open open() {
    Open o;
    o.run = "r";
    o.stages = {{.path = "1", .program = "swatermark"}, {.path = "2", .program = "sdivert"}};
    o.time = TimeField{.field = "t"};
    o.keys = {"k"};
    o.results = true;
    return o;
  }
  void start(Open o) {
    ASSERT_TRUE(op_->start().ok());
    ASSERT_TRUE(op_->on_open(o, out_).ok());
  }
  void end() {
    ASSERT_TRUE(op_->on_end(End{}, out_).ok());
    const Status status = op_->finish(Code::ok);
    EXPECT_TRUE(status.ok()) << status.message();
  }

  FakeClock clock_;
  NullLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  TextOutput out_;
  std::string folder_;
  std::unique_ptr<Sdivert> op_;
};

TEST_F(SdivertTest, NamedLabelsLeaveOthersPass) {
  make({.files = {{"late", path("late")}, {"*", path("rest")}}});
  start(open());
  ASSERT_TRUE(record(R"({"a":1})").ok());
  ASSERT_TRUE(side("late", R"({"b":2})").ok());
  ASSERT_TRUE(side("odd", "no json").ok());
  end();
  EXPECT_EQ(contents("late"), R"({"label":"late","reason":"why","unit":"t/0","offset":7,"record":{"b":2}})"
                              "\n");
  EXPECT_EQ(contents("rest"), R"({"label":"odd","reason":"why","unit":"t/0","offset":7,"record_base64":"bm8ganNvbg=="})"
                              "\n");
  EXPECT_EQ(out_.text().find("\"side\""), std::string::npos);
  EXPECT_NE(out_.text().find("{\"a\":1}\n"), std::string::npos);
  EXPECT_NE(metrics_.prometheus_text().find("stream_diverted_records_total{label=\"late\"} 1"), std::string::npos);
}

TEST_F(SdivertTest, UnnamedLabelsPass) {
  make({.files = {{"late", path("late")}}});
  start(open());
  ASSERT_TRUE(side("invalid", R"({"b":2})").ok());
  end();
  EXPECT_EQ(contents("late"), "");
  EXPECT_NE(out_.text().find(R"({"$stream":"side","label":"invalid")"), std::string::npos);
}

TEST_F(SdivertTest, FilesStartEmptyUnlessAppended) {
  std::ofstream(path("f")) << "old\n";
  make({.files = {{"late", path("f")}}, .raw = true, .append = true});
  start(open());
  ASSERT_TRUE(side("late", "x").ok());
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  EXPECT_EQ(contents("f"), "old\nx\n");
  end();
  make({.files = {{"late", path("f")}, {"early", path("f")}}, .raw = true});
  start(open());
  ASSERT_TRUE(side("late", "y").ok());
  ASSERT_TRUE(side("early", "z").ok());
  end();
  EXPECT_EQ(contents("f"), "y\nz\n");
}

TEST_F(SdivertTest, OurProgramsGetAStreamOthersLines) {
  make({.commands = {{"late", keeper("ssink-file")}, {"invalid", keeper("mine")}}, .raw = true});
  start(open());
  ASSERT_TRUE(record(R"({"a":1})").ok());
  ASSERT_TRUE(side("late", "two\nlines").ok());
  ASSERT_TRUE(side("invalid", "bad").ok());
  ASSERT_TRUE(op_->on_watermark(Watermark{0, EventTime{0}}, out_).ok());
  ASSERT_TRUE(op_->on_barrier(Barrier{3, {}}, out_).ok());
  end();
  EXPECT_EQ(contents("ssink-file.in"),
            "{\"$stream\":\"open\",\"version\":1,\"run\":\"r\",\"stages\":[{\"path\":\"1\",\"program\":\"swatermark\"},"
            "{\"path\":\"2\",\"program\":\"sdivert\"},{\"path\":\"2.late.0\",\"program\":\"sdivert\"}]}\n"
            "{\"$stream\":\"unit\",\"unit\":\"t/0\"}\n"
            "{\"$stream\":\"record\",\"raw\":\"two\\nlines\"}\n"
            "{\"$stream\":\"barrier\",\"epoch\":3,\"positions\":{}}\n"
            "{\"$stream\":\"end\",\"fire\":true}\n");
  EXPECT_EQ(contents("mine.in"), "bad\n");
}

TEST_F(SdivertTest, CopiesGetTheMainStream) {
  make({.files = {{"late", path("late")}}, .copies = {keeper("mine"), keeper("ssink-file")}});
  start(open());
  ASSERT_TRUE(record(R"({"a":1})").ok());
  ASSERT_TRUE(side("late", "x").ok());
  ASSERT_TRUE(side("invalid", "y").ok());
  ASSERT_TRUE(op_->on_watermark(Watermark{0, EventTime{0}}, out_).ok());
  end();
  EXPECT_EQ(contents("mine.in"), "{\"a\":1}\n");
  EXPECT_EQ(contents("ssink-file.in"),
            "{\"$stream\":\"open\",\"version\":1,\"run\":\"r\",\"stages\":[{\"path\":\"1\",\"program\":\"swatermark\"},"
            "{\"path\":\"2\",\"program\":\"sdivert\"},{\"path\":\"2.copy2.0\",\"program\":\"sdivert\"}],"
            "\"time\":{\"field\":\"t\",\"unit\":\"auto\"},\"keys\":[\"k\"],\"results\":true}\n"
            "{\"$stream\":\"unit\",\"unit\":\"t/0\"}\n"
            "{\"a\":1}\n"
            "{\"$stream\":\"watermark\",\"unit\":\"-\",\"time\":\"1970-01-01T00:00:00Z\"}\n"
            "{\"$stream\":\"end\",\"fire\":true}\n");
}

TEST_F(SdivertTest, AFailedCommandFails) {
  for (const auto& [code, expected] : {std::pair{1, Code::failed}, {2, Code::usage}, {3, Code::bad_data}}) {
    make({.commands = {{"late", keeper("mine", code)}}});
    start(open());
    ASSERT_TRUE(op_->on_end(End{}, out_).ok());
    const Status status = op_->finish(Code::ok);
    EXPECT_EQ(status.code(), expected);
    EXPECT_EQ(status.message(), fmt::format("--exec late: '{}' exited with {}", path("mine"), code));
  }
}

TEST_F(SdivertTest, ACommandThatDiesEarlyIsFound) {
  make({.commands = {{"late", "sh -c 'exit 5'"}}});
  start(open());
  Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) {
    usleep(5000);
    status = op_->on_deadline(out_);
  }
  EXPECT_EQ(status.message(), "--exec late: 'sh -c 'exit 5'' exited with 5 before the end of the stream");
  EXPECT_TRUE(op_->finish(status.code()).ok());  // said once
}

TEST_F(SdivertTest, ACommandThatStopsReadingIsAnError) {
  make({.commands = {{"late", "true"}}});
  start(open());
  Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) {
    usleep(5000);
    status = side("late", "x");
    if (status.ok()) status = op_->on_quiet(out_);
  }
  EXPECT_EQ(status.code(), Code::failed);
  EXPECT_EQ(status.message(), "--exec late: 'true' exited with 0 before the end of the stream");
}

TEST_F(SdivertTest, ACommandThatLeavesSomethingUnreadIsAnError) {
  // It waits for the end of the stream, so that nothing has been noticed before.
  const std::string wait = fmt::format("sh -c 'while [ ! -e {0} ]; do sleep 0.01; done; exit 0'", path("go"));
  make({.commands = {{"late", wait}}, .raw = true});
  start(open());
  ASSERT_TRUE(side("late", "x").ok());
  ASSERT_TRUE(op_->on_end(End{}, out_).ok());
  std::ofstream(path("go")) << "\n";
  const Status status = op_->finish(Code::ok);
  EXPECT_EQ(status.code(), Code::failed);
  EXPECT_EQ(status.message(), fmt::format("--exec late: '{}' ended before it had read all: 2 bytes are lost", wait));
}

TEST_F(SdivertTest, ACommandThatClosesItsInputIsFoundWhileItRuns) {
  const std::string command = fmt::format("sh -c 'exec <&-; while [ ! -e {0} ]; do sleep 0.01; done'", path("go"));
  make({.commands = {{"late", command}}});
  start(open());
  Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) {
    usleep(5000);
    status = side("late", "x");
    if (status.ok()) status = op_->on_quiet(out_);
  }
  EXPECT_EQ(status.message(),
            fmt::format("--exec late: '{}' has closed its input before the end of the stream", command));
  std::ofstream(path("go")) << "\n";
  EXPECT_TRUE(op_->finish(status.code()).ok());
}

TEST_F(SdivertTest, AFailureReachesTheBranchesAsACut) {
  make({.commands = {{"late", keeper("ssink-http")}}, .copies = {keeper("ssink-file")}, .raw = true});
  start(open());
  ASSERT_TRUE(record(R"({"a":1})").ok());
  ASSERT_TRUE(side("late", R"({"b":2})").ok());
  EXPECT_TRUE(op_->finish(Code::failed).ok());
  for (const auto& [name, text] : {std::pair{"ssink-file.in", R"({"a":1})"}, {"ssink-http.in", R"({"b":2})"}}) {
    const std::string got = contents(name);
    EXPECT_TRUE(got.starts_with(R"({"$stream":"open")")) << got;
    EXPECT_NE(got.find(std::string(text) + "\n"), std::string::npos) << got;
    EXPECT_EQ(got.find(R"("end")"), std::string::npos) << got;
  }
}

TEST_F(SdivertTest, AFailureBeforeTheStreamBeginsIsNoEmptyStream) {
  make({.copies = {keeper("ssink-file"), keeper("mine")}});
  ASSERT_TRUE(op_->start().ok());
  EXPECT_TRUE(op_->finish(Code::failed).ok());
  EXPECT_TRUE(contents("ssink-file.in").starts_with(R"({"$stream":"open")")) << contents("ssink-file.in");
  EXPECT_EQ(contents("ssink-file.in").find(R"("end")"), std::string::npos);
  EXPECT_EQ(contents("mine.in"), "");
}

TEST_F(SdivertTest, AFullDiskIsAnError) {
  make({.files = {{"late", "/dev/full"}}});
  start(open());
  ASSERT_TRUE(side("late", "x").ok());
  EXPECT_EQ(op_->on_quiet(out_).message(), "cannot write to '/dev/full': No space left on device");
}

TEST_F(SdivertTest, BadCommandsAreUsageErrors) {
  const auto error = [&](const Options& options) {
    const auto op = Sdivert::create(options, context_, nullptr);
    EXPECT_EQ(op.status().code(), Code::usage);
    return std::string(op.status().message());
  };
  EXPECT_EQ(error({.commands = {{"late", "nothing-like-this"}}}),
            "--exec late: cannot find 'nothing-like-this' in PATH");
  EXPECT_EQ(error({.copies = {"cat 'x"}}), "--copy 'cat 'x': column 5: the quote ' is not closed");
  EXPECT_EQ(error({.copies = {"skafka-cat x"}}),
            "--copy: 'skafka-cat' is a source and reads no stream; give a sink or a filter");
  EXPECT_EQ(error({.files = {{"late", "/nonexistent/x"}}, .check_only = true}),
            "cannot open '/nonexistent/x': there is no folder '/nonexistent/'");
}

TEST(Diversion, Forms) {
  EXPECT_EQ(parse_diversion("late=a=b", "FILE")->target, "a=b");
  EXPECT_EQ(parse_diversion("*=x", "FILE")->label, "*");
  for (const char* text : {"late", "late=", "=x", "a b=x", ""}) {
    EXPECT_EQ(parse_diversion(text, "FILE").status().code(), Code::usage) << text;
  }
}

}  // namespace
}  // namespace streamutils::sdivert
