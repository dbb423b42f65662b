// SPDX-License-Identifier: Apache-2.0
#include "lib/files/input_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <string_view>
#include <vector>

namespace streamutils {

namespace {

constexpr size_t kChunk = 256 << 10;
constexpr std::string_view kGzipMagic("\x1f\x8b", 2);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

/// The file's own bytes, with those that were looked at to find out what it is.
class RawFile final : public InputFile {
 public:
  RawFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~RawFile() override { close(fd_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  Result<size_t> read(char* to, size_t size) override {
    if (!peeked_.empty()) {
      const size_t n = peeked_.copy(to, size);
      peeked_.erase(0, n);
      return n;
    }
    for (;;) {
      const ssize_t n = ::read(fd_, to, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return errno_status(errno, "read", path_);
    }
  }
  /// The first `size` bytes, fewer when the file is shorter; read() gives them again.
  Result<std::string_view> peek(size_t size) {
    while (peeked_.size() < size) {
      char bytes[16];
      std::string before = std::move(peeked_);
      peeked_.clear();
      auto n = read(bytes, size - before.size());
      peeked_ = std::move(before);
      if (!n.ok()) return n.take_status();
      if (*n == 0) break;
      peeked_.append(bytes, *n);
    }
    return std::string_view(peeked_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
  std::string peeked_;
};

class GzipFile final : public InputFile {
 public:
  explicit GzipFile(std::unique_ptr<RawFile> file) : file_(std::move(file)), input_(kChunk) {
    inflateInit2(&stream_, 15 + 16);  // gzip header; fails only for want of memory
  }
  ~GzipFile() override { inflateEnd(&stream_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  Result<size_t> read(char* to, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        STREAM_ASSIGN(const size_t n, file_->read(input_.data(), input_.size()));
        if (n == 0) {
          if (at_boundary_) return size_t{0};
          return failed("'{}': the compressed data is cut short", file_->path());
        }
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(n);
      }
      if (at_boundary_ && !first_) inflateReset(&stream_);
      at_boundary_ = first_ = false;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        at_boundary_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return failed("'{}': the compressed data is damaged: {}", file_->path(),
                      stream_.msg ? stream_.msg : "zlib error");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  std::unique_ptr<RawFile> file_;
  std::vector<char> input_;
  z_stream stream_{};
  bool first_ = true;
  bool at_boundary_ = false;
};

class ZstdFile final : public InputFile {
 public:
  explicit ZstdFile(std::unique_ptr<RawFile> file)
      : file_(std::move(file)), input_(kChunk), stream_(ZSTD_createDStream()) {}
  ~ZstdFile() override { ZSTD_freeDStream(stream_); }
  ZstdFile(const ZstdFile&) = delete;
  ZstdFile& operator=(const ZstdFile&) = delete;

  Result<size_t> read(char* to, size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !more_inside_) {
        STREAM_ASSIGN(const size_t n, file_->read(input_.data(), input_.size()));
        if (n == 0) {
          if (at_boundary_) return size_t{0};
          return failed("'{}': the compressed data is cut short", file_->path());
        }
        in_ = {input_.data(), n, 0};
      }
      const size_t hint = ZSTD_decompressStream(stream_, &out, &in_);
      if (ZSTD_isError(hint)) {
        return failed("'{}': the compressed data is damaged: {}", file_->path(), ZSTD_getErrorName(hint));
      }
      at_boundary_ = hint == 0;
      more_inside_ = !at_boundary_ && out.pos == out.size;  // a full output may leave bytes in the decoder
    }
    return out.pos;
  }

 private:
  std::unique_ptr<RawFile> file_;
  std::vector<char> input_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool at_boundary_ = false;
  bool more_inside_ = false;
};

}  // namespace

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_status(errno, "open", path);
  auto raw = std::make_unique<RawFile>(fd, path);
  STREAM_ASSIGN(const std::string_view magic, raw->peek(kZstdMagic.size()));
  if (magic.starts_with(kGzipMagic)) return std::unique_ptr<InputFile>(std::make_unique<GzipFile>(std::move(raw)));
  if (magic == kZstdMagic) return std::unique_ptr<InputFile>(std::make_unique<ZstdFile>(std::move(raw)));
  return std::unique_ptr<InputFile>(std::move(raw));
}

}  // namespace streamutils
