// SPDX-License-Identifier: Apache-2.0
// What the tests of the store share: statuses told, a real temporary directory, a store on a disk that can crash.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/checkpoint/object_store.hpp"
#include "tests/helpers/crash_file_system.hpp"

namespace streamutils::checkpoint {

#define ASSERT_OK(expr)                            \
  do {                                             \
    const auto& result_ = (expr);                  \
    ASSERT_TRUE(result_.ok()) << message(result_); \
  } while (false)

inline std::string message(const Status& status) { return std::string(status.message()); }
template <class T>
std::string message(const Result<T>& result) {
  return std::string(result.status().message());
}
/// The value, or a failed test and a T of its own.
template <class T>
T value(Result<T> result) {
  EXPECT_TRUE(result.ok()) << message(result);
  return result.ok() ? *std::move(result) : T{};
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "stream-store-XXXXXX").string();
    path_ = std::filesystem::canonical(::mkdtemp(pattern.data())).string();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string path(const std::string& name = {}) const {
    return name.empty() ? path_ : path_ + '/' + name;
  }
  void write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
  }

 private:
  std::string path_;
};

/// A store in memory on which objects may be damaged.
class MemoryStore {
 public:
  MemoryStore() : store_(value(open_directory_store("/ck", *files_))) {}
  ObjectStore& operator*() { return *store_; }
  ObjectStore* operator->() { return store_.get(); }
  [[nodiscard]] std::string bytes(const std::string& name) const { return disk.peek("/ck/" + name).value_or("(none)"); }
  void damage(const std::string& name, std::string bytes) { disk.poke("/ck/" + name, std::move(bytes)); }

  CrashDisk disk{"/ck"};

 private:
  std::unique_ptr<CrashFileSystem> files_ = disk.process();
  std::unique_ptr<ObjectStore> store_;
};

}  // namespace streamutils::checkpoint
