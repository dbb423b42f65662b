// SPDX-License-Identifier: Apache-2.0
#include "lib/files/input_file.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace streamutils {
namespace {

class InputFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/input_file_testXXXXXX";
    close_ = mkstemp(name);
    path_ = name;
  }
  void TearDown() override { std::remove(path_.c_str()); }

  void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }

  /// Everything in the file, read `step` bytes at a time, or the error's message.
  std::string read(size_t step) {
    auto file = InputFile::open(path_);
    if (!file.ok()) return std::string(file.status().message());
    std::string all, part(step, '\0');
    for (;;) {
      auto n = (*file)->read(part.data(), step);
      if (!n.ok()) return std::string(n.status().message());
      if (*n == 0) return all;
      all.append(part, 0, *n);
    }
  }

  static std::string gzip(const std::string& bytes) {
    z_stream s{};
    deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(bytes.size() + 1000, '\0');
    s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    s.avail_in = static_cast<uInt>(bytes.size());
    s.next_out = reinterpret_cast<Bytef*>(out.data());
    s.avail_out = static_cast<uInt>(out.size());
    deflate(&s, Z_FINISH);
    out.resize(s.total_out);
    deflateEnd(&s);
    return out;
  }
  static std::string zstd(const std::string& bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the zstd program does
    out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
    ZSTD_freeCCtx(context);
    return out;
  }
  static std::string text() {
    std::string out;
    for (int i = 0; i < 100000; ++i) out += "{\"n\":" + std::to_string(i) + "}\n";
    return out;
  }

  std::string path_;
  int close_ = -1;
};

TEST_F(InputFileTest, ReadsPlainFilesWhateverTheirSize) {
  for (const std::string& bytes : {std::string(), std::string("a"), std::string("abc\n"), text()}) {
    write(bytes);
    EXPECT_EQ(read(1 << 16), bytes);
  }
}

TEST_F(InputFileTest, ReadsCompressedFilesInAnySteps) {
  for (const std::string& packed : {gzip(text()), zstd(text())}) {
    write(packed);
    EXPECT_EQ(read(7), text());
    EXPECT_EQ(read(1 << 20), text());
  }
}

// Zstandard files whose size is a multiple of the read size were taken to be cut short.
TEST_F(InputFileTest, ReadsFilesThatFillTheirReadsExactly) {
  for (const std::string& bytes : {std::string(256 << 10, 'a'), std::string(1 << 20, 'a')}) {
    for (const std::string& packed : {gzip(bytes), zstd(bytes)}) {
      write(packed);
      EXPECT_TRUE(read(256 << 10) == bytes);
      write(packed + packed);
      EXPECT_TRUE(read(256 << 10) == bytes + bytes);
    }
  }
}

TEST_F(InputFileTest, ReadsPartsJoinedByCat) {
  write(gzip("a\n") + gzip("") + gzip("b\n"));
  EXPECT_EQ(read(100), "a\nb\n");
  write(zstd("a\n") + zstd("") + zstd("b\n"));
  EXPECT_EQ(read(100), "a\nb\n");
}

TEST_F(InputFileTest, SaysWhenCompressedDataIsCutShort) {
  for (const std::string& packed : {gzip(text()), zstd(text())}) {
    write(packed.substr(0, packed.size() / 2));
    EXPECT_NE(read(1 << 20).find("cut short"), std::string::npos);
  }
}

TEST_F(InputFileTest, SaysWhenCompressedDataIsDamaged) {
  for (std::string packed : {gzip(text()), zstd(text())}) {
    for (size_t i = 100; i < 140; ++i) packed[i] = static_cast<char>(packed[i] ^ 0x5a);
    write(packed);
    EXPECT_NE(read(1 << 20).find("damaged"), std::string::npos);
  }
}

TEST_F(InputFileTest, NamesTheFileThatIsNotThere) {
  std::remove(path_.c_str());
  EXPECT_EQ(read(10), "cannot open '" + path_ + "': No such file or directory");
}

}  // namespace
}  // namespace streamutils
