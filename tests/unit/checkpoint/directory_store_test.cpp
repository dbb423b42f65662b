// SPDX-License-Identifier: Apache-2.0
// The directory store on a real file system.
#include <set>

#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

namespace fs = std::filesystem;

class DirectoryStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ObjectStore> open(const std::string& name = "ck") {
    return value(open_directory_store(folder.path(name), *files));
  }
  std::string failure(const std::string& name) {
    auto store = open_directory_store(folder.path(name), *files);
    EXPECT_FALSE(store.ok());
    EXPECT_EQ(store.status().code(), Code::usage);
    return message(store);
  }
  /// Every path below the store, for a look at what is left.
  std::set<std::string> paths(const std::string& name = "ck") {
    std::set<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path(name))) {
      all.insert(fs::relative(entry.path(), folder.path(name)).string());
    }
    return all;
  }

  TemporaryFolder folder;
  std::unique_ptr<FileSystem> files = posix_file_system();
};

TEST_F(DirectoryStoreTest, AFreshDirectoryGetsItsFormat) {
  const auto store = open("a/b/ck");
  EXPECT_EQ(store->place(), folder.path("a/b/ck"));
  EXPECT_EQ(paths("a/b/ck"), std::set<std::string>{"format"});
  EXPECT_EQ(value(files->read(folder.path("a/b/ck/format"), 0, 100)), "streamutils checkpoints, version 1\n");
  open("a/b/ck");
}

TEST_F(DirectoryStoreTest, AllPathsToADirectoryGiveOnePlace) {
  open();
  fs::create_symlink("ck", folder.path("other"));
  EXPECT_EQ(open("other")->place(), folder.path("ck"));
  EXPECT_EQ(open("./ck/../ck//")->place(), folder.path("ck"));
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_EQ(value(open_directory_store("ck", *files))->place(), folder.path("ck"));
  EXPECT_EQ(value(open_directory_store("fresh/", *files))->place(), folder.path("fresh"));
  fs::current_path(before);
}

TEST_F(DirectoryStoreTest, RefusesWhatIsNotItsOwn) {
  folder.write("foreign/data.txt", "mine");
  EXPECT_EQ(failure("foreign"),
            "'" + folder.path("foreign") + "' holds other files: give a new or an empty directory for checkpoints");
  folder.write("half/tmp/x", "mine");
  EXPECT_NE(failure("half").find("holds other files"), std::string::npos);
  folder.write("named/format", "something else\n");
  EXPECT_NE(failure("named").find("is no checkpoint, or its file 'format' was changed"), std::string::npos);
  folder.write("later/format", "streamutils checkpoints, version 2\n");
  EXPECT_EQ(failure("later"), "checkpoint '" + folder.path("later") +
                                  "' is of format 2, this program knows 1: use the version that wrote it");
  folder.write("file", "");
  EXPECT_EQ(failure("file"),
            "cannot make the directory '" + folder.path("file") +
                "': Not a directory; give --checkpoint a directory that this user can make and write to");
  EXPECT_NE(failure("file/below").find("Not a directory"), std::string::npos);
  EXPECT_NE(failure("latin\xe9").find("is no UTF-8"), std::string::npos);
  EXPECT_FALSE(open_directory_store("", *files).ok());
  const Status nowhere = open_directory_store("/proc/x/y", *files).take_status();
  EXPECT_EQ(nowhere.code(), Code::usage) << "no restart mends it";
  EXPECT_EQ(nowhere.message(),
            "cannot make the directory '/proc/x/y': No such file or directory; give --checkpoint a directory that this "
            "user can make and write to");
}

TEST_F(DirectoryStoreTest, TakesAnEmptyMountAndAFormatLeftHalfWay) {
  fs::create_directories(folder.path("mount/lost+found"));
  folder.write("mount/.format.12.1", "streamu");
  const auto store = open("mount");
  ASSERT_OK(store->clean("r1"));
  EXPECT_EQ(paths("mount"), (std::set<std::string>{"format", "lost+found"}));
}

TEST_F(DirectoryStoreTest, LookingMakesNothing) {
  EXPECT_EQ(open_existing_store(folder.path("none"), *files).status().code(), Code::usage);
  EXPECT_FALSE(fs::exists(folder.path("none")));
  fs::create_directories(folder.path("empty"));
  EXPECT_EQ(message(open_existing_store(folder.path("empty"), *files)),
            "'" + folder.path("empty") + "' holds no checkpoints");
  ASSERT_TRUE(value(open()->put_if_absent("manifest/1", "m")));
  EXPECT_EQ(value(value(open_existing_store(folder.path("ck"), *files))->get("manifest/1")), "m");
}

TEST_F(DirectoryStoreTest, ObjectsAreWrittenOnce) {
  const auto store = open();
  EXPECT_EQ(value(store->get("state/r1/1/swindow")), std::nullopt);
  EXPECT_FALSE(value(store->exists("state/r1/1/swindow")));
  EXPECT_TRUE(value(store->put_if_absent("state/r1/1/swindow", "first")));
  EXPECT_FALSE(value(store->put_if_absent("state/r1/1/swindow", "second")));
  EXPECT_EQ(value(store->get("state/r1/1/swindow")), "first");
  EXPECT_TRUE(value(store->exists("state/r1/1/swindow")));
  EXPECT_FALSE(value(store->exists("state/r1")));  // a folder is no object
  EXPECT_EQ(value(store->get("state/r1")), std::nullopt);
  EXPECT_TRUE(fs::is_empty(folder.path("ck/tmp")));
}

TEST_F(DirectoryStoreTest, ReadsPieces) {
  const auto store = open();
  ASSERT_TRUE(value(store->put_if_absent("spool/r/1/a", "0123456789")));
  EXPECT_EQ(value(store->read("spool/r/1/a", 3, 4)), "3456");
  EXPECT_EQ(value(store->read("spool/r/1/a", 8, 4)), "89");
  EXPECT_EQ(value(store->read("spool/r/1/a", 10, 4)), "");
  EXPECT_EQ(value(store->read("spool/r/1/a", 1000, 4)), "");
  EXPECT_EQ(value(store->read("spool/r/1/b", 0, 4)), std::nullopt);
}

TEST_F(DirectoryStoreTest, AnObjectInPiecesAppearsAtItsCommit) {
  const auto store = open();
  {
    const auto writer = value(store->create("spool/r1/1/a"));
    ASSERT_OK(writer->append("one"));
    EXPECT_FALSE(value(store->exists("spool/r1/1/a")));
    ASSERT_OK(writer->append(std::string(3 << 20, 'x')));
    EXPECT_TRUE(value(writer->commit()));
    EXPECT_FALSE(writer->append("more").ok());
    EXPECT_FALSE(writer->commit().ok());
  }
  EXPECT_EQ(value(store->get("spool/r1/1/a"))->size(), 3u + (3 << 20));
  {
    const auto given_up = value(store->create("spool/r1/2/a"));
    ASSERT_OK(given_up->append("one"));
  }
  EXPECT_EQ(value(store->list("")), std::vector<std::string>{"spool/r1/1/a"});
  EXPECT_TRUE(fs::is_empty(folder.path("ck/tmp")));
}

TEST_F(DirectoryStoreTest, ListsSortedAndIgnoresWhatIsNotItsOwn) {
  const auto store = open();
  for (const auto* name : {"state/r1/10/b", "state/r1/9/a", "ack/r1/9/x", "manifest/2", "manifest/1"}) {
    ASSERT_TRUE(value(store->put_if_absent(name, name)));
  }
  folder.write("ck/manifest/.hidden", "");
  folder.write("ck/manifest/a b", "");
  folder.write("ck/README", "");
  const auto writer = value(store->create("state/r1/11/c"));
  using Names = std::vector<std::string>;
  EXPECT_EQ(value(store->list("manifest/")), (Names{"manifest/1", "manifest/2"}));
  EXPECT_EQ(value(store->list("state/r1/9/")), Names{"state/r1/9/a"});
  EXPECT_EQ(value(store->list("")), (Names{"ack/r1/9/x", "manifest/1", "manifest/2", "state/r1/10/b", "state/r1/9/a"}));
  EXPECT_EQ(value(store->list("nothing/")), Names{});
  EXPECT_FALSE(store->list("manifest").ok());
  EXPECT_FALSE(store->list("../").ok());
}

TEST_F(DirectoryStoreTest, NamesStayInside) {
  const auto store = open();
  for (const std::string name : {"", "x", "/etc/passwd", "a/", "a//b", "../b", "a/../b", "a/./b", "a/.b", "tmp/x",
                                 "a/b c", "a/\xc3\xa4", "a/b\n"}) {
    EXPECT_EQ(store->put_if_absent(name, "x").status().code(), Code::usage) << name;
    EXPECT_EQ(store->get(name).status().code(), Code::usage) << name;
    EXPECT_EQ(store->remove(name).code(), Code::usage) << name;
  }
  EXPECT_EQ(store->get(std::string("a/b\0c", 5)).status().code(), Code::usage);
  EXPECT_EQ(store->put_if_absent("a/" + std::string(300, 'x'), "x").status().code(), Code::usage);
  EXPECT_EQ(paths(), std::set<std::string>{"format"});
}

TEST_F(DirectoryStoreTest, EmptyFoldersGoWithTheirLastObject) {
  const auto store = open();
  for (int epoch = 1; epoch <= 20; ++epoch) {
    ASSERT_TRUE(value(store->put_if_absent(fmt::format("state/r1/{}/a", epoch), "x")));
    ASSERT_TRUE(value(store->put_if_absent(fmt::format("state/r1/{}/b", epoch), "x")));
    if (epoch == 1) continue;
    ASSERT_OK(store->remove(fmt::format("state/r1/{}/a", epoch - 1)));
    ASSERT_OK(store->remove(fmt::format("state/r1/{}/b", epoch - 1)));
    ASSERT_OK(store->remove(fmt::format("state/r1/{}/b", epoch - 1)));  // not there: ok
  }
  EXPECT_EQ(paths(), (std::set<std::string>{"format", "tmp", "state", "state/r1", "state/r1/20", "state/r1/20/a",
                                            "state/r1/20/b"}));
  ASSERT_OK(store->remove("state/r1/20/a"));
  ASSERT_OK(store->remove("state/r1/20/b"));
  EXPECT_EQ(paths(), (std::set<std::string>{"format", "tmp", "state"}));
}

TEST_F(DirectoryStoreTest, OneHoldsTheLock) {
  const auto a = open(), b = open();
  std::string other = "before";
  auto lock = value(a->try_lock("pid 12 on host, a much longer text", &other));
  ASSERT_TRUE(lock);
  EXPECT_FALSE(value(b->try_lock("pid 13 on host", &other)));
  EXPECT_EQ(other, "pid 12 on host, a much longer text");
  lock.reset();
  lock = value(b->try_lock("pid 13", &other));
  ASSERT_TRUE(lock);
  EXPECT_FALSE(value(a->try_lock("pid 12", &other)));
  EXPECT_EQ(other, "pid 13");
}

TEST_F(DirectoryStoreTest, CleaningSparesOnesOwn) {
  const auto store = open();
  const auto own = value(store->create("state/r.1/1/a"));
  const auto manifest = value(store->create("manifest/1"));
  folder.write("ck/tmp/r.9.1.state", "");
  folder.write("ck/tmp/other.1.9.1.spool", "");
  folder.write("ck/tmp/strange", "");
  ASSERT_OK(store->clean("r.1"));
  const std::string left = fmt::format("r.1.{}.1.state", ::getpid());
  EXPECT_EQ(paths(), (std::set<std::string>{"format", "tmp", "tmp/" + left}));
  ASSERT_OK(own->append("x"));
  EXPECT_TRUE(value(own->commit()));
  EXPECT_FALSE(manifest->commit().ok());  // an error, never a silent success
}

TEST_F(DirectoryStoreTest, ATemporaryOfAnEarlierProcessOfThisNumberIsNoObstacle) {
  const auto store = open();
  for (int n = 1; n <= 3; ++n) folder.write(fmt::format("ck/tmp/any.{}.{}.manifest", ::getpid(), n), "old");
  EXPECT_TRUE(value(store->put_if_absent("manifest/1", "new")));
  EXPECT_EQ(value(store->get("manifest/1")), "new");
}

}  // namespace
}  // namespace streamutils::checkpoint
