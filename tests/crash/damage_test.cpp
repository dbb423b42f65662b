// SPDX-License-Identifier: Apache-2.0
// Objects of the checkpoint that are cut, changed or gone: the next start says which and what can be done, as often as
// it is tried, restores nothing wrong and starts nothing over by itself. What it says then works.
#include <algorithm>
#include <functional>

#include "lib/checkpoint/manifest.hpp"
#include "tests/crash/results.hpp"

namespace streamutils::crash {
namespace {

using checkpoint::Manifest;

const std::string kRoot = "/checkpoint/";

struct Object {
  std::string words;       // "the main sink's spool", as a name of a test
  std::string kind;        // "state", "spool", "manifest"
  std::string member;      // of a state or spool
  std::string stopped_at;  // where all were killed, so that the newest manifest names such an object
};

const Object kObjects[] = {
    {"StateOfSwatermark", "state", "swatermark", "chunk ssink-memory before"},
    {"StateOfSwindow", "state", "swindow", "chunk ssink-memory before"},
    {"StateOfTheMainSink", "state", "ssink-memory", "chunk ssink-memory before"},
    {"StateOfTheSideSink", "state", "sdivert.late.ssink-memory", "chunk ssink-memory before"},
    {"SpoolOfTheMainSink", "spool", "ssink-memory", "chunk ssink-memory before"},
    {"SpoolOfTheSideSink", "spool", "sdivert.late.ssink-memory", "chunk sdivert.late.ssink-memory before"},
    {"Manifest", "manifest", "", "chunk ssink-memory before"},
};

struct Damage {
  std::string words;
  std::function<void(World&, const std::string& path)> make;
};

void change(World& world, const std::string& path, const std::function<void(std::string&)>& how) {
  std::string bytes = world.disk.peek(path).value_or("");
  ASSERT_GT(bytes.size(), 2u) << path;
  how(bytes);
  world.disk.poke(path, bytes);
}

Damage changed(std::string words, std::function<void(std::string&)> how) {
  return {std::move(words), [how = std::move(how)](World& w, const std::string& path) { change(w, path, how); }};
}

const Damage kDamages[] = {
    changed("IsEmpty", [](std::string& b) { b.clear(); }),
    changed("IsCutInTheMiddle", [](std::string& b) { b.resize(b.size() / 2); }),
    changed("LacksItsLastByte", [](std::string& b) { b.pop_back(); }),
    changed("HasAByteTooMany", [](std::string& b) { b += '\n'; }),
    changed("HasABitFlippedAtItsStart", [](std::string& b) { b.front() ^= 1; }),
    changed("HasABitFlippedInTheMiddle", [](std::string& b) { b[b.size() / 2] ^= 4; }),
    changed("HasABitFlippedAtItsEnd", [](std::string& b) { b.back() ^= 2; }),
    changed("IsZeros", [](std::string& b) { std::fill(b.begin(), b.end(), '\0'); }),
    {"IsMissing", [](World& w, const std::string& path) { w.disk.drop(path); }},
};

std::vector<uint64_t> manifests(const World& world) {
  std::vector<uint64_t> numbers;
  for (const auto& [path, bytes] : world.disk.files()) {
    if (!path.starts_with(kRoot)) continue;
    if (const auto number = checkpoint::manifest_number(path.substr(kRoot.size()))) numbers.push_back(*number);
  }
  return numbers;
}

Manifest manifest(const World& world, uint64_t number) {
  const std::string name = checkpoint::manifest_name(number);
  auto parsed = checkpoint::parse_manifest(name, world.disk.peek(kRoot + name).value_or(""));
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? *std::move(parsed) : Manifest();
}

bool is_named(const Manifest& by, const std::string& object) {
  return std::ranges::any_of(by.members, [&](const Ack& ack) {
    return std::ranges::any_of(ack.objects, [&](const ObjectRef& ref) { return ref.name == object; });
  });
}

std::string find_object(const Manifest& newest, const Object& object) {
  if (object.kind == "manifest") return checkpoint::manifest_name(newest.number);
  const Ack* ack = newest.member(object.member);
  for (size_t i = 0; ack && i < ack->objects.size(); ++i) {
    if (ack->objects[i].name.starts_with(object.kind + '/')) return ack->objects[i].name;
  }
  ADD_FAILURE() << "the newest manifest names no " << object.kind << " of " << object.member;
  return "";
}

/// A start in the middle of its work, all of it killed where epochs have been kept, and one is decided but not applied.
void stop_in_the_middle(World& world, const std::string& point, int occurrence) {
  const auto outcome = world.start(1, Trap{point, occurrence, Harm::kill_all});
  ASSERT_TRUE(outcome.trapped) << point;
  ASSERT_GE(manifests(world).size(), 3u) << "too early: there is nothing to go back to";
}

void stop_in_the_middle(World& world) {
  const std::string point = "chunk ssink-memory before";
  stop_in_the_middle(world, point, undisturbed().reached.at(point) * 2 / 3);
}

/// What is there may have come again from some line on, but nothing is left out, changed or there a third time.
void expect_once_or_again(const Lines& got, const Lines& all, const std::string& what) {
  ASSERT_EQ(got.size(), all.size()) << what;
  for (const auto& [unit, whole] : all) {
    const auto& lines = got.at(unit);
    ASSERT_GE(lines.size(), whole.size()) << what << ": " << unit;
    size_t first = 0;
    while (first < whole.size() && lines[first] == whole[first]) ++first;
    const size_t rest = lines.size() - first;
    ASSERT_LE(rest, whole.size()) << what << ": " << unit;
    EXPECT_TRUE(
        std::equal(whole.end() - static_cast<ptrdiff_t>(rest), whole.end(), lines.end() - static_cast<ptrdiff_t>(rest)))
        << what << ": " << unit;
  }
}

void expect_once_or_again(const World& world, const std::string& what) {
  expect_once_or_again(world.main_store.lines, undisturbed().result.main, what);
  expect_once_or_again(world.side_store.lines, undisturbed().result.side, what);
}

void expect_beginning(const Lines& got, const Lines& all) {
  for (const auto& [unit, lines] : got) {
    const auto& whole = all.at(unit);
    ASSERT_LE(lines.size(), whole.size());
    EXPECT_TRUE(std::equal(lines.begin(), lines.end(), whole.begin())) << unit;
  }
}

/// The start ends with a usage error that has all `parts`, and each further one too.
void expect_refused(World& world, const std::vector<std::string>& parts) {
  for (uint64_t seed = 10; seed < 13; ++seed) {
    const auto outcome = world.start(seed);
    ASSERT_FALSE(outcome.hung) << outcome.text();
    ASSERT_FALSE(outcome.ok());
    const bool said = std::ranges::any_of(outcome.stages, [&](const auto& stage) {
      return stage.second.code() == Code::usage && std::ranges::all_of(parts, [&](const std::string& part) {
               return stage.second.message().find(part) != std::string_view::npos;
             });
    });
    EXPECT_TRUE(said) << outcome.text();
    // What was decided may be brought to its end; nothing else is written.
    expect_beginning(world.main_store.lines, undisturbed().result.main);
    expect_beginning(world.side_store.lines, undisturbed().result.side);
  }
}

void expect_comes_through(World& world, checkpoint::StartSettings settings, const std::string& what) {
  world.settings = settings;
  const auto outcome = world.start(20);
  ASSERT_TRUE(outcome.ok()) << what << ": " << outcome.text();
  expect_once_or_again(world, what);
  // And it is over: the next plain start finds it finished.
  world.settings = {};
  const Final result = final_of(world);
  const uint64_t read = world.records_read;
  const auto again = world.start(21);
  EXPECT_TRUE(again.ok()) << what << ", again: " << again.text();
  EXPECT_EQ(final_of(world), result) << what;
  EXPECT_EQ(world.records_read, read) << what;
}

class DamagedObject : public ::testing::TestWithParam<std::tuple<Object, Damage>> {
 protected:
  /// Stops a start, damages its object and has the next starts refused. Sets whole_.
  void damage(World& world) {
    const auto& [object, how] = GetParam();
    const int reached = undisturbed().reached.at(object.stopped_at);
    ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world, object.stopped_at, std::max(1, reached * 2 / 3)));
    const auto numbers = manifests(world);
    const Manifest newest = manifest(world, numbers.back());
    const std::string name = find_object(newest, object);
    for (const uint64_t number : numbers) {
      const Manifest kept = manifest(world, number);
      if (number != newest.number && kept.kind == Manifest::Kind::epoch && !is_named(kept, name)) whole_ = number;
    }
    ASSERT_TRUE(whole_) << "no earlier epoch is kept";
    how.make(world, kRoot + name);
    ASSERT_NO_FATAL_FAILURE(expect_refused(world, wanted(name)));
  }
  static std::vector<std::string> wanted(const std::string& name) {
    const auto& [object, how] = GetParam();
    // Without the newest manifest the epoch before is in force, and the sinks' stores are ahead of it.
    if (object.kind == "manifest" && how.words == "IsMissing") return {"the cursor is at"};
    return {name,      "checkpoint '/checkpoint'", how.words == "IsMissing" ? "is missing" : "is damaged",
            "--fresh", "--from-epoch N",           "sstate ls /checkpoint"};
  }
  std::optional<uint64_t> whole_;
};

TEST_P(DamagedObject, IsNamedAndAnEarlierEpochIsAWayOut) {
  World world;
  ASSERT_NO_FATAL_FAILURE(damage(world));
  expect_comes_through(world, {.from_epoch = whole_}, fmt::format("--from-epoch {}", *whole_));
}

TEST_P(DamagedObject, IsNamedAndFreshIsAWayOut) {
  World world;
  ASSERT_NO_FATAL_FAILURE(damage(world));
  expect_comes_through(world, {.fresh = true}, "--fresh");
}

INSTANTIATE_TEST_SUITE_P(Every, DamagedObject,
                         ::testing::Combine(::testing::ValuesIn(kObjects), ::testing::ValuesIn(kDamages)),
                         [](const auto& test) {
                           return std::get<0>(test.param).words + std::get<1>(test.param).words;
                         });

class UnneededObject : public ::testing::TestWithParam<Damage> {};

TEST_P(UnneededObject, OfAnOlderEpochDisturbsNobody) {
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  const Manifest newest = manifest(world, manifests(world).back());
  int damaged = 0;
  for (const auto& [path, bytes] : world.disk.files()) {
    const std::string name = path.starts_with(kRoot) ? path.substr(kRoot.size()) : "";
    const bool needed = name.find('/') == std::string::npos || name.starts_with("tmp/") || is_named(newest, name) ||
                        name == checkpoint::manifest_name(newest.number);
    if (needed || bytes <= 2) continue;
    GetParam().make(world, path);
    ++damaged;
  }
  EXPECT_GT(damaged, 8);
  recover(world, 30, "all objects but those in force");
}

TEST_P(UnneededObject, FormatIsNamedAndAfterItWasPutBackAllGoesOn) {
  const std::string& how = GetParam().words;
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  const std::string format = *world.disk.peek(kRoot + "format");
  GetParam().make(world, kRoot + "format");
  const bool says_the_same = how == "HasAByteTooMany" || how == "LacksItsLastByte" || how == "HasABitFlippedAtItsEnd";
  if (!says_the_same) {
    ASSERT_NO_FATAL_FAILURE(expect_refused(world, {"/checkpoint'", "'format'"}));
    world.disk.poke(kRoot + "format", format);
  }
  recover(world, 31, "put back");
}

INSTANTIATE_TEST_SUITE_P(Every, UnneededObject, ::testing::ValuesIn(kDamages),
                         [](const auto& test) { return test.param.words; });

TEST(DamagedStore, WithoutAnyManifestIsNoFirstStart) {
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  for (const uint64_t number : manifests(world)) world.disk.drop(kRoot + checkpoint::manifest_name(number));
  ASSERT_NO_FATAL_FAILURE(expect_refused(world, {"checkpoint '/checkpoint'", "no manifest", "--fresh"}));
  expect_comes_through(world, {.fresh = true}, "--fresh");
}

TEST(DamagedStore, WithAllManifestsDamagedIsNoFirstStart) {
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  for (const uint64_t number : manifests(world)) world.disk.poke(kRoot + checkpoint::manifest_name(number), "{}");
  ASSERT_NO_FATAL_FAILURE(
      expect_refused(world, {checkpoint::manifest_name(manifests(world).back()), "is damaged", "--fresh"}));
  expect_comes_through(world, {.fresh = true}, "--fresh");
}

/// A manifest that is whole, of a program that is not yet written.
TEST(DamagedStore, OfALaterVersionIsLeftAlone) {
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  const std::string path = kRoot + checkpoint::manifest_name(manifests(world).back());
  std::string text = *world.disk.peek(path);
  text.resize(text.find_last_of('\n', text.size() - 2) + 1);
  const size_t at = text.find(R"("version":1)");
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, 11, R"("version":9)");
  const std::string old = *world.disk.peek(path);
  const std::string last = old.substr(text.size());
  const std::string sha = last.substr(last.find_first_of("0123456789abcdef", last.find("sha256") + 6), 64);
  std::string forged = last;
  forged.replace(forged.find(sha), sha.size(), checkpoint::sha256_hex(text));
  world.disk.poke(path, text + forged);
  ASSERT_NO_FATAL_FAILURE(expect_refused(world, {"is of format 9", "use the version that wrote it"}));
  world.disk.poke(path, old);
  recover(world, 32, "by the right program");
}

/// A folder that is copied back from an hour ago: what the sinks have since taken is not forgotten.
TEST(DamagedStore, SetBackInTimeIsSeenByTheSinks) {
  World world;
  const std::string point = "chunk ssink-memory before";
  const int reached = undisturbed().reached.at(point);
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world, point, reached / 2));
  std::map<std::string, std::string> copy;
  for (const auto& [path, bytes] : world.disk.files()) copy[path] = *world.disk.peek(path);
  const auto later = world.start(5, Trap{point, reached / 4, Harm::kill_all});
  ASSERT_TRUE(later.trapped);
  for (const auto& [path, bytes] : world.disk.files()) world.disk.drop(path);
  for (const auto& [path, bytes] : copy) world.disk.poke(path, bytes);
  ASSERT_NO_FATAL_FAILURE(expect_refused(world, {}));
  expect_comes_through(world, {.fresh = true}, "--fresh");
}

/// What the sink has written is still there: to write it again would be to write it twice.
TEST(DamagedStore, OfTheSinkWithoutItsCursorIsRefused) {
  for (const bool side : {false, true}) {
    World world;
    const std::string point = side ? "chunk sdivert.late.ssink-memory after" : "chunk ssink-memory after";
    // Also in the first epoch of all that has effects.
    ASSERT_TRUE(world.start(1, Trap{point, 1, Harm::kill_all}).trapped);
    (side ? world.side_store : world.main_store).cursors.clear();
    ASSERT_NO_FATAL_FAILURE(expect_refused(world, {"the cursor is gone"}));
    expect_comes_through(world, {.fresh = true}, "--fresh");
  }
}

TEST(DamagedStore, WhatOthersLeftInTheFolderDisturbsNobody) {
  World world;
  ASSERT_NO_FATAL_FAILURE(stop_in_the_middle(world));
  for (const char* name : {"lock", "tmp/x.1.1.state", "tmp/rubbish", "lost+found/1", "state/.nfs001", "notes.txt",
                           "manifest/7.bak", "manifest/00000000000000000099.tmp", "state/strange"})
    world.disk.poke(kRoot + name, "rubbish");
  recover(world, 33, "rubbish");
}

}  // namespace
}  // namespace streamutils::crash
