// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/field_columns.hpp"

#include "lib/stream/binary.hpp"
#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

SharedFields fields_of(const std::vector<std::string>& paths) {
  SharedFields fields;
  fields.read = true;
  for (const std::string& path : paths) fields.asked.push_back(*fields.set.add(path));
  return fields;
}

/// Batches whose records a stage with these fields has read.
class Read {
 public:
  explicit Read(const SharedFields& fields) : parser_(fields.set), width_(fields.set.size()) {}
  Batch batch(const Lines& records) {
    builder_.clear(Units::kStream);
    for (const std::string& record : records) builder_.append(record);
    Batch batch = builder_.batch();
    rows_.resize(batch.size() * width_);
    for (size_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(parser_.parse(batch.record(i), {rows_.data() + i * width_, width_}), ParseError::none) << records[i];
    }
    batch.fields = rows_.data();
    batch.field_count = width_;
    return batch;
  }

 private:
  RecordParser parser_;
  size_t width_;
  BatchBuilder builder_;
  std::vector<JsonValue> rows_;
};

/// What a reader that wants `wanted` is given for each record: its values, or "-" where it has to look for itself.
class Given final : public Output {
 public:
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      std::string& line = lines.emplace_back(batch.fields ? "" : "-");
      for (size_t slot = 0; batch.fields && slot < batch.field_count; ++slot) {
        const JsonValue& value = batch.fields[i * batch.field_count + slot];
        line += fmt::format("{}{}{};", static_cast<int>(value.type), value.escaped ? "e" : "", value.raw);
      }
    }
    return {};
  }
  Status control(const Control&) override { return {}; }
  Status flush() override { return {}; }
  Lines lines;
};

Lines read_back(const std::vector<std::string>& written, const std::vector<std::string>& wanted, const Lines& records) {
  const SharedFields fields = fields_of(written), mine = fields_of(wanted);
  Units units;
  EncodingOutput out(make_binary_encoder(units, &fields));
  EXPECT_TRUE(out.control(Open{.run = "r"}).ok());
  Read read(fields);
  EXPECT_TRUE(out.records(read.batch(records)).ok());
  EXPECT_TRUE(out.control(End{}).ok());
  Given given;
  const Status status = decode_whole(out.buffer.view(), units, DecodeSettings{.fields = &mine}, given);
  EXPECT_TRUE(status.ok()) << status.message();
  return given.lines;
}

TEST(FieldColumns, ValuesOfEveryTypeComeBackBesideTheirRecords) {
  const Lines records = {R"({"k":"a","n":{"v":1.5e3}})", R"({"k":"\u00e4\"","n":{"v":null}})", R"({"n":{"v":true}})",
                         R"({ "n" : { "v" : -0 } , "k" : "" })", "{}"};
  EXPECT_EQ(read_back({"k", "n.v"}, {"k", "n.v"}, records),
            (Lines{R"(4"a";31.5e3;)", R"(4e"\u00e4\"";1null;)", "0;2true;", R"(4"";3-0;)", "0;0;"}));
}

TEST(FieldColumns, AReaderTakesThoseItWants) {
  EXPECT_EQ(read_back({"a", "b", "c"}, {"c", "a"}, {R"({"a":1,"b":2,"c":3})"}), (Lines{"33;31;"}));
}

TEST(FieldColumns, AReaderThatWantsMoreLooksForItself) {
  EXPECT_EQ(read_back({"a"}, {"a", "b"}, {R"({"a":1,"b":2})"}), (Lines{"-"}));
}

TEST(FieldColumns, ArraysAndObjectsAreLookedFor) {
  EXPECT_EQ(read_back({"a"}, {"a"}, {R"({"a":1})", R"({"a":[1]})"}), (Lines{"-", "-"}));
}

TEST(FieldColumns, NobodyAskedNothingIsWritten) {
  SharedFields fields = fields_of({"a"});
  fields.asked.clear();
  Units units;
  EncodingOutput with(make_binary_encoder(units, &fields)), without(make_binary_encoder(units));
  Read read(fields);
  const Batch batch = read.batch({R"({"a":1})"});
  EXPECT_TRUE(with.records(batch).ok());
  EXPECT_TRUE(without.records(batch).ok());
  EXPECT_EQ(with.buffer.view(), without.buffer.view());
}

TEST(FieldColumns, LongNumbersAreLookedAtInTwoParts) {
  const auto taken = [](std::string_view text) {
    const SharedFields fields = fields_of({"k"});
    BatchBuilder builder;
    builder.clear(Units::kStream);
    builder.append(text);
    FieldColumnReader reader(&fields);
    EXPECT_TRUE(reader.declare(std::string_view("\1\0\0\0\1\0\0\0k", 9)).ok());
    Batch batch = builder.batch();
    const uint64_t value = text.size() << 24 | uint64_t{3} << 48;
    return reader.read(&value, batch).ok();
  };
  for (const char* text : {"1234567", "12345678", "1790000000123", "1234567890123456", "12345678901234567",
                           "-1790000000123", "179000000.123", "1790000000e12", "0.000000000"}) {
    EXPECT_TRUE(taken(text)) << text;
  }
  for (const char* text : {"01234567", "1234567:", "/2345678", "1790000000:23", "17900000001 3", "1234567890123456a",
                           "12345678.", "1790000-00123", "\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8"}) {
    EXPECT_FALSE(taken(text)) << text;
  }
}

/// Whatever stands in the column, a value is a token of its type within its record, or the frame is refused.
TEST(FieldColumns, EntriesThatAreNoValuesAreRefused) {
  const SharedFields fields = fields_of({"k"});
  BatchBuilder builder;
  builder.clear(Units::kStream);
  builder.append(R"({"k":"a\n","n":-12,"t":true,"z":null})");
  const auto entry = [](uint64_t offset, uint64_t size, uint64_t type, uint64_t escaped = 0) {
    return offset | size << 24 | type << 48 | escaped << 56;
  };
  const auto refused = [&](uint64_t value) {
    FieldColumnReader reader(&fields);
    const std::string payload("\1\0\0\0\1\0\0\0k", 9);
    EXPECT_TRUE(reader.declare(payload).ok());
    Batch batch = builder.batch();
    return !reader.read(&value, batch).ok();
  };
  EXPECT_FALSE(refused(entry(5, 5, 4, 1)));
  EXPECT_FALSE(refused(entry(15, 3, 3)));
  EXPECT_FALSE(refused(0));
  EXPECT_TRUE(refused(entry(5, 4, 4, 1))) << "no closing quote";
  EXPECT_TRUE(refused(entry(6, 3, 4))) << "no quotes";
  EXPECT_TRUE(refused(entry(5, 1, 4))) << "one quote";
  EXPECT_TRUE(refused(entry(15, 4, 3))) << "no number";
  EXPECT_TRUE(refused(entry(15, 0, 3))) << "nothing";
  EXPECT_TRUE(refused(entry(15, 3, 2))) << "no boolean";
  EXPECT_TRUE(refused(entry(0, 1, 0))) << "missing, with bytes";
  EXPECT_TRUE(refused(entry(0, 37, 6))) << "an object";
  EXPECT_TRUE(refused(entry(0, 3, 99))) << "no type";
  EXPECT_TRUE(refused(entry(5, 500, 4))) << "beyond the record";
  EXPECT_TRUE(refused(~uint64_t{0}));
}

}  // namespace
}  // namespace streamutils
