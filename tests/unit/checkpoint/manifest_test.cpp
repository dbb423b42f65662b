// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/manifest.hpp"

#include "lib/checkpoint/snapshot.hpp"
#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

const std::string kSha(64, 'a');

Manifest example() {
  Manifest manifest;
  manifest.kind = Manifest::Kind::epoch;
  manifest.number = 7;
  manifest.generation = 2;
  manifest.pipeline = "2f1c6b0e-8a55-4f6c-9d3e-1b2a3c4d5e6f";
  manifest.run = "r1";
  manifest.holder = "pid 12 on \"host\"\n";
  manifest.created = WallTime{1'767'225'600'000'001};
  manifest.open.run = "r0";
  manifest.open.stages = {{"1", "skafka-cat", true, "/ck"}, {"2", "swindow", true, "/ck"}};
  manifest.open.sources = {{"clicks/0", 5, 100}, {"clicks/1", 0, std::nullopt}};
  manifest.open.keys = {"page"};
  manifest.open.results = true;
  manifest.positions = {{"clicks/1", INT64_MAX}, {"clicks/0", 0}};
  manifest.members = {
      {7, "swindow", {{"state/r1/7/swindow", 123, kSha}}, std::nullopt},
      {3, "ssink-redis", {{"state/r1/3/ssink-redis", 1, kSha}, {"spool/r1/3/ssink-redis", 2, kSha}}, Cursor{3, 12}},
      {7, "sdivert.late.ssink-file", {}, Cursor{}}};
  return manifest;
}

void expect_equal(const Manifest& a, const Manifest& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.pipeline, b.pipeline);
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.holder, b.holder);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.rewound, b.rewound);
  EXPECT_EQ(a.open, b.open);
  EXPECT_EQ(a.positions, b.positions);
  EXPECT_EQ(a.members, b.members);
}

/// `text` with the line that has its SHA-256, as somebody who changes it on purpose would.
std::string sealed(const std::string& text) { return text + R"({"sha256":")" + sha256_hex(text) + "\"}\n"; }

std::string why_not(const std::string& bytes) {
  auto parsed = parse_manifest("manifest/7", bytes);
  EXPECT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), Code::usage);
  return message(parsed);
}

TEST(Manifest, IsReadBackAsWritten) {
  for (const auto kind :
       {Manifest::Kind::start, Manifest::Kind::epoch, Manifest::Kind::ended, Manifest::Kind::finished}) {
    Manifest manifest = example();
    manifest.kind = kind;
    expect_equal(value(parse_manifest("m", format_manifest(manifest))), manifest);
    manifest.from = 5;
    manifest.rewound = true;
    expect_equal(value(parse_manifest("m", format_manifest(manifest))), manifest);
  }
  expect_equal(value(parse_manifest("m", format_manifest(Manifest()))), Manifest());
}

// The bytes are persistent: a version that writes others must still read these.
TEST(Manifest, IsAStreamOfText) {
  Manifest manifest = example();
  manifest.from = 5;
  manifest.rewound = true;
  const std::string text = format_manifest(manifest);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            R"({"$stream":"manifest","version":1,"kind":"epoch","number":7,"generation":2,)"
            R"("pipeline":"2f1c6b0e-8a55-4f6c-9d3e-1b2a3c4d5e6f","run":"r1","holder":"pid 12 on \"host\"\n",)"
            R"("created":"2026-01-01T00:00:00.000001Z","from":5,"rewound":true})");
  EXPECT_NE(
      text.find(
          "\n{\"$stream\":\"barrier\",\"epoch\":7,\"positions\":{\"clicks/1\":9223372036854775807,\"clicks/0\":0}}\n"),
      std::string::npos);
  const size_t last = text.rfind("{\"sha256\":");
  EXPECT_EQ(text.substr(last), "{\"sha256\":\"" + sha256_hex(text.substr(0, last)) + "\"}\n");
}

TEST(Manifest, KnowsItsMembers) {
  const Manifest manifest = example();
  ASSERT_NE(manifest.member("ssink-redis"), nullptr);
  EXPECT_EQ(manifest.member("ssink-redis")->cursor, (Cursor{3, 12}));
  EXPECT_EQ(manifest.member("ssink"), nullptr);
}

TEST(Manifest, EveryFlippedBitIsSeen) {
  const std::string text = format_manifest(example());
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string changed = text;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    ASSERT_FALSE(parse_manifest("m", changed).ok()) << "bit " << i;
  }
}

TEST(Manifest, EveryCutIsSeen) {
  const std::string text = format_manifest(example());
  for (size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(why_not(text.substr(0, size)),
              "manifest/7 is damaged (it is cut short or changed: its last line is not its SHA-256)")
        << size;
  }
  EXPECT_FALSE(parse_manifest("m", text + "\n").ok());
  EXPECT_FALSE(parse_manifest("m", text + text).ok());
}

TEST(Manifest, ALaterVersionIsNotDamage) {
  std::string text = format_manifest(example());
  text.resize(text.rfind("{\"sha256\":"));
  text.replace(text.find("\"version\":1"), 11, "\"version\":2");
  const std::string later = "manifest/7 is of format 2, this program knows 1: use the version that wrote it";
  EXPECT_EQ(why_not(sealed(text)), later);
  EXPECT_EQ(why_not(text + "{\"blake3\":\"\"}\n"), later);  // that ends in another way
}

TEST(Manifest, ASealDoesNotMakeNonsenseAManifest) {
  const std::string whole = format_manifest(example());
  const std::string text = whole.substr(0, whole.rfind("{\"sha256\":"));
  const auto without = [&](std::string_view from, std::string_view to, std::string_view with = {}) {
    std::string changed = text;
    const size_t at = changed.find(from);
    const size_t end = changed.find(to, at) + to.size();
    return sealed(changed.replace(at, end - at, with));
  };
  for (const std::string& bytes : {
           sealed(""),
           sealed("\n"),
           sealed("{}\n"),
           sealed("[1]\n"),
           sealed("{\"$stream\":\"manifest\",\"version\":1}\n"),
           sealed(text.substr(0, text.find('\n') + 1)),
           sealed(text + "{\"$stream\":\"revoke\",\"unit\":\"a\"}\n"),
           sealed(text + "{\"page\":\"a\"}\n"),
           sealed(text + "\n"),
           sealed(text + text.substr(text.find("{\"$stream\":\"ack\""))),  // the same members again
           without("{\"$stream\":\"open\"", "\n"),
           without("{\"$stream\":\"barrier\"", "\n"),
           without("\"epoch\":7", "7", "\"epoch\":8"),
           without("\"kind\":\"epoch\"", "h\"", "\"kind\":\"other\""),
           without("\"number\":7", "7", "\"number\":-7"),
           without("\"number\":7", "7", "\"number\":\"7\""),
           without("\"generation\":2,", ","),
           without("\"created\":\"", "\"", "\"created\":\"x"),
           without("\"positions\":{", "}", "\"positions\":{\"a\":1.5}"),
           without("\"cursor\":{", "}", "\"cursor\":{\"epoch\":3}"),
       }) {
    EXPECT_TRUE(why_not(bytes).starts_with("manifest/7 is damaged (")) << bytes;
  }
}

TEST(Manifest, NamesAreNumbers) {
  EXPECT_EQ(manifest_name(7), "manifest/00000000000000000007");
  EXPECT_EQ(manifest_name(UINT64_MAX), "manifest/18446744073709551615");
  EXPECT_EQ(manifest_number(manifest_name(UINT64_MAX)), UINT64_MAX);
  for (const std::string_view name : {"manifest/7", "manifest/0000000000000000000x", "manifest/-0000000000000000007",
                                      "manifest/99999999999999999999", "state/00000000000000000007", ""}) {
    EXPECT_EQ(manifest_number(name), std::nullopt) << name;
  }
}

TEST(Manifest, TheNewestIsTheHighestNumber) {
  MemoryStore store;
  EXPECT_EQ(value(newest_manifest(*store)), std::nullopt);
  store.damage("manifest/notes", "");
  EXPECT_EQ(value(newest_manifest(*store)), std::nullopt);
  for (const uint64_t number : {9, 10, 2}) {
    ASSERT_TRUE(value(store->put_if_absent(manifest_name(number), "")));
  }
  EXPECT_EQ(value(newest_manifest(*store)), 10u);
}

TEST(Manifest, WhatCannotBeReadNamesTheObjectAndTheWayOut) {
  MemoryStore store;
  const std::string out =
      "; start over with --fresh, or from an earlier checkpoint with --from-epoch N (sstate ls /ck shows them)";
  const std::string at = "checkpoint '/ck': manifest/00000000000000000007 ";
  const auto why = [&] {
    auto read = read_manifest(*store, 7);
    EXPECT_EQ(read.status().code(), Code::usage);
    return message(read);
  };
  EXPECT_EQ(why(), at + "is missing" + out);
  ASSERT_TRUE(value(store->put_if_absent(manifest_name(7), format_manifest(example()))));
  expect_equal(value(read_manifest(*store, 7)), example());
  store.damage(manifest_name(8), format_manifest(example()));
  EXPECT_EQ(message(read_manifest(*store, 8)),
            "checkpoint '/ck': manifest/00000000000000000008 is damaged (it says that "
            "it is number 7)" +
                out);
  store.damage(manifest_name(7), "");
  EXPECT_EQ(why(), at + "is damaged (it is cut short or changed: its last line is not its SHA-256)" + out);
}

TEST(Sha256, IsTheOneOfTheStandard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.hex(), sha256_hex("abc"));
}

}  // namespace
}  // namespace streamutils::checkpoint
