// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/prefetch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

namespace streamutils {
namespace {

/// A file that is gone from its folder.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    char name[] = "/tmp/prefetch.XXXXXX";
    fd = mkstemp(name);
    unlink(name);
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    lseek(fd, 0, SEEK_SET);
  }
  ~TemporaryFile() { close(fd); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  int fd;
};

std::string numbered(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ' ';
  text.resize(bytes);
  return text;
}

std::string rest_of(Prefetch& prefetch) {
  std::string text;
  for (;;) {
    const Prefetch::Block& block = prefetch.next();
    if (block.read <= 0) return text;
    text += block.bytes.view().substr(Prefetch::kLead);
  }
}

TEST(Prefetch, GivesAFileInOrderWhoeverReadsIt) {
  for (const size_t bytes : {size_t{0}, size_t{1}, Prefetch::kBytes, 23 * Prefetch::kBytes + 7}) {
    const std::string text = numbered(bytes);
    for (const size_t helpers : {0, 1, 3}) {
      const TemporaryFile file(text);
      Prefetch prefetch(file.fd);
      std::atomic<bool> over = false;
      std::vector<std::thread> threads;
      for (size_t i = 0; i < helpers; ++i) {
        threads.emplace_back([&] {
          while (!over) {
            if (!prefetch.fetch()) std::this_thread::yield();
          }
        });
      }
      EXPECT_TRUE(rest_of(prefetch) == text) << bytes << " bytes, " << helpers << " helpers";
      over = true;
      for (std::thread& thread : threads) thread.join();
    }
  }
}

TEST(Prefetch, FetchesSoManyBlocksAndNoMore) {
  const std::string text = numbered(10 * Prefetch::kBytes);
  const TemporaryFile file(text);
  Prefetch prefetch(file.fd);
  EXPECT_FALSE(prefetch.is_ready());
  int fetched = 0;
  while (prefetch.fetch()) ++fetched;
  EXPECT_EQ(fetched, 4);
  EXPECT_TRUE(prefetch.is_ready());
  const std::string first(prefetch.next().bytes.view().substr(Prefetch::kLead));
  EXPECT_TRUE(prefetch.fetch());
  EXPECT_FALSE(prefetch.fetch());
  EXPECT_TRUE(first + rest_of(prefetch) == text);
}

TEST(Prefetch, SaysWhyAReadFailed) {
  const int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
  ASSERT_GE(folder, 0);
  Prefetch prefetch(folder);
  EXPECT_TRUE(prefetch.fetch());
  EXPECT_FALSE(prefetch.fetch()) << "nothing comes behind an error";
  const Prefetch::Block& block = prefetch.next();
  EXPECT_LT(block.read, 0);
  EXPECT_EQ(block.error, EISDIR);
  close(folder);
}

}  // namespace
}  // namespace streamutils
