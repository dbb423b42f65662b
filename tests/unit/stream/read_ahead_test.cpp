// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/read_ahead.hpp"

#include <unistd.h>

#include <cstdio>
#include <random>

#include "lib/base/clock.hpp"
#include "lib/stream/field_reader.hpp"
#include "lib/stream/reader.hpp"
#include "lib/stream/writer.hpp"
#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

/// A stage that notes all items, and of each record what it reads in it.
class Noting final : public Output {
 public:
  Noting(const FieldSet& fields, Context& context)
      : reader_(fields, context), values_(fields.size()), recorder_(context.units) {
    reader_.want_times(kTimeSlot, TimeUnit::us);
  }
  Status records(const Batch& batch) override {
    if (refuses && batch.size() > 0 && batch.record(0) == *refuses) {
      refuses.reset();
      return usage_error("refused");
    }
    parsed_before |= batch.fields != nullptr;
    reader_.begin(batch);
    const bool at_once = ++batches_ % 3 != 0;
    if (at_once) note_times(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      std::string& line = lines.emplace_back(fmt::format("{}@{} {}:", batch.unit, batch.offset(i), batch.record(i)));
      if (const ParseError error = at_once ? reader_.error(i) : reader_.read(i, values_); error != ParseError::none) {
        line += reason(error);
        continue;
      }
      const std::span<const JsonValue> values = at_once ? reader_.values(i, values_) : values_;
      for (const JsonValue& value : values) line += fmt::format(" {} {}", static_cast<int>(value.type), value.raw);
    }
    return {};
  }
  Status control(const Control& item) override {
    if (std::holds_alternative<Open>(item)) {
      lines.emplace_back("open");  // its run may be a random name
      return {};
    }
    Status status = recorder_.control(item);
    lines.push_back(recorder_.items.back());
    return status;
  }
  Status flush() override { return {}; }

  Lines lines;
  bool parsed_before = false, times_before = false;
  std::optional<std::string> refuses;  // the batch that begins with this record, once

  static constexpr size_t kTimeSlot = 2;

 private:
  /// The columns are what the records one by one say. Not noted as an item: how many batches there are may differ.
  void note_times(const Batch& batch) {
    times_before |= batch.found_times != nullptr;
    reader_.read_all();
    const std::span<const int64_t> times = reader_.times();
    ASSERT_EQ(times.size(), batch.size());
    for (size_t i = 0; i < batch.size(); ++i) {
      const bool ok = reader_.error(i) == ParseError::none;
      const auto time = ok ? read_any_event_time(reader_.values(i, values_)[kTimeSlot], TimeUnit::us) : std::nullopt;
      ASSERT_EQ(times[i], time.value_or(kBeforeAll).us) << batch.record(i);
    }
  }

  FieldReader reader_;
  size_t batches_ = 0;
  std::vector<JsonValue> values_;
  ItemRecorder recorder_;
};

struct Seen {
  Lines lines;
  Status status;
  bool parsed_before = false, times_before = false;
};

/// Everything a stage sees of these bytes as a file; `threads` 0: without reading ahead.
Seen see(std::string_view bytes, size_t threads, std::optional<std::string> refuses = {}) {
  std::FILE* file = std::tmpfile();
  EXPECT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  std::rewind(file);
  Units units;
  SystemClock clock;
  NullLog log;
  Metrics metrics;
  SharedFields shared;
  Workers workers;
  Context context{clock, log, metrics, units, &shared, &workers};
  FieldSet fields;
  for (const char* path : {"k", "a.b", "t"}) EXPECT_TRUE(fields.add(path).ok());
  Noting stage(fields, context);
  stage.refuses = std::move(refuses);
  StopFlag stop;
  Waiter waiter(stop, -1);
  StreamReader reader(fileno(file), "the file", units, DecodeSettings{});
  std::optional<ReadAhead> ahead;
  if (threads > 0) ahead.emplace(reader, shared, workers, threads, 0);
  Source& source = ahead ? static_cast<Source&>(*ahead) : reader;
  Seen seen;
  for (;;) {
    auto state = source.poll(stage, waiter, Duration{-1});
    if (!state.ok()) seen.status = state.take_status();
    if (!state.ok() || *state == Source::State::finished) break;
  }
  std::fclose(file);
  seen.lines = std::move(stage.lines);
  seen.parsed_before = stage.parsed_before;
  seen.times_before = stage.times_before;
  return seen;
}

/// Expects that stages see the same on any number of threads, and returns it.
Seen see_on_threads(std::string_view bytes) {
  Seen alone = see(bytes, 0);
  EXPECT_FALSE(alone.parsed_before);
  for (const size_t threads : {1, 2, 3}) {
    const Seen seen = see(bytes, threads);
    EXPECT_EQ(seen.lines.size(), alone.lines.size());
    for (size_t i = 0; i < std::min(seen.lines.size(), alone.lines.size()); ++i) {
      if (seen.lines[i] == alone.lines[i]) continue;
      ADD_FAILURE() << threads << " threads, item " << i << ": " << seen.lines[i] << ", alone: " << alone.lines[i];
      break;
    }
    EXPECT_EQ(seen.status.message(), alone.status.message());
    EXPECT_TRUE(seen.parsed_before);
    EXPECT_TRUE(seen.times_before);
  }
  return alone;
}

std::string some_record(std::mt19937_64& random, int i) {
  switch (random() % 40) {
    case 0:
      return "{\"k\":";
    case 1:
      return "[1]";
    case 2:
      return "{\"k\":\"\xff\"}";
    case 3:
      return fmt::format(R"({{"pad":"{}","k":{}}})", std::string(random() % 3000, 'x'), i);
    case 4:
      return fmt::format(R"({{"a":{{"b":[{},{{}}]}},"t":{},"t":0}})", i, i);
    default:
      return fmt::format(R"({{"t":{},"k":"key {}","a":{{"b":{}.5}}}})", i, random() % 50, random() % 1000);
  }
}

/// About 6 MB: many blocks.
std::string plain_lines(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  for (int i = 0; i < 80'000; ++i) text += some_record(random, i) + '\n';
  return text;
}

TEST(ReadingAhead, GivesPlainLinesAsTheyAre) {
  const Seen seen = see_on_threads(plain_lines(1));
  EXPECT_TRUE(seen.status.ok());
  EXPECT_EQ(seen.lines.size(), 80'002U);  // with open and end
}

TEST(ReadingAhead, GivesARecordThatIsTooLargeInItsPlace) {
  std::string text = plain_lines(2);
  text += "{\"k\":\"" + std::string(2 << 20, 'y') + "\"}\n" + plain_lines(3);
  const Seen seen = see_on_threads(text);
  EXPECT_EQ(seen.lines.size(), 160'003U);
}

/// Watermarks, idle units, side records and units between the records, as text and as binary.
TEST(ReadingAhead, KeepsTheOrderOfAllItemsOfAStream) {
  for (const Encoding encoding : {Encoding::text, Encoding::binary}) {
    std::FILE* file = std::tmpfile();
    Units units;
    StreamWriter writer(fileno(file), "the file", encoding, units);
    std::mt19937_64 random(4);
    const auto give = [](const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); };
    give(writer.control(Open{.run = "r"}));
    BatchBuilder batch;
    for (int i = 0; i < 30'000; ++i) {
      const UnitId unit = units.id(fmt::format("clicks/{}", random() % 3));
      batch.clear(unit);
      for (uint64_t n = random() % 8; n > 0; --n) batch.append(some_record(random, i));
      if (!batch.empty()) give(writer.records(batch.batch()));
      if (random() % 4 == 0) give(writer.control(Watermark{unit, EventTime{i}}));
      if (random() % 50 == 0) give(writer.control(Idle{unit, random() % 2 == 0}));
      if (random() % 50 == 0) give(writer.control(CaughtUp{unit, true}));
      if (random() % 500 == 0) {
        give(writer.control(SideRecord{.label = "late", .reason = "window_gone", .unit = unit, .record = "{}"}));
      }
      if (random() % 2000 == 0) give(writer.control(Barrier{static_cast<uint64_t>(i), {}}));
    }
    give(writer.control(End{}));
    give(writer.flush());
    std::string bytes(static_cast<size_t>(lseek(fileno(file), 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(fileno(file), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    std::fclose(file);
    const Seen seen = see_on_threads(bytes);
    EXPECT_TRUE(seen.status.ok()) << seen.status.message();
  }
}

TEST(ReadingAhead, GivesWhatCameBeforeAFailure) {
  std::string text = std::string(kOpenLine) + '\n' + plain_lines(5);
  const Seen seen = see_on_threads(text);  // the end is missing
  EXPECT_EQ(seen.status.code(), Code::failed);
  EXPECT_EQ(seen.lines.size(), 80'001U);
}

// A stage that had failed was given the same records again, and went on as if nothing had happened.
TEST(ReadingAhead, GivesNothingMoreToAStageThatFailed) {
  const std::string_view bytes =
      "{\"$stream\":\"open\",\"version\":1,\"run\":\"x\",\"stages\":[]}\n{\"$stream\":\"unit\",\"unit\":\"p/0\"}\n"
      "{\"k\":1}\n{\"$stream\":\"end\",\"fire\":true}\n";
  for (const size_t threads : {0, 1, 2}) {
    const Seen seen = see(bytes, threads, "{\"k\":1}");
    EXPECT_EQ(seen.lines, Lines({"open"})) << threads << " threads";
    EXPECT_EQ(seen.status.message(), "refused");
  }
}

/// Gives nothing, for the time being.
class Waiting final : public Source {
 public:
  Result<State> poll(Output&, const Waiter&, Duration) override { return State::empty; }
};

// A poll that brought nothing counted as a delivery when nothing is too small to be handed over: the loop never waited.
TEST(ReadingAhead, SaysThatThereIsNothing) {
  Waiting source;
  SharedFields shared;
  Workers workers;
  Units units;
  ItemRecorder recorder(units);
  const StopFlag stop;
  const Waiter waiter(stop, -1);
  for (const size_t small_bytes : {size_t{0}, ReadAhead::kSmallBytes}) {
    ReadAhead ahead(source, shared, workers, 2, small_bytes);
    const auto state = ahead.poll(recorder, waiter, Duration{0});
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(*state, Source::State::empty) << small_bytes;
  }
}

}  // namespace
}  // namespace streamutils
