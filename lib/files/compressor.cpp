// SPDX-License-Identifier: Apache-2.0
#include "lib/files/compressor.hpp"

#include <zlib.h>
#include <zstd.h>

namespace streamutils {

namespace {

constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;

class Plain final : public Compressor {
 public:
  Status append(std::string_view bytes, std::string& out) override {
    out.append(bytes);
    return {};
  }
};

class Gzip final : public Compressor {
 public:
  Gzip() { ready_ = deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Gzip() override { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Status append(std::string_view bytes, std::string& out) override {
    if (!ready_ || deflateReset(&stream_) != Z_OK) return failed("cannot compress: zlib has no memory");
    const size_t start = out.size();
    out.resize(start + deflateBound(&stream_, bytes.size()));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + start);
    stream_.avail_out = static_cast<uInt>(out.size() - start);
    const int result = deflate(&stream_, Z_FINISH);
    out.resize(out.size() - stream_.avail_out);
    return result == Z_STREAM_END ? Status() : failed("cannot compress: zlib error {}", result);
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class Zstd final : public Compressor {
 public:
  Zstd() : context_(ZSTD_createCCtx()) {
    if (!context_) return;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~Zstd() override { ZSTD_freeCCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Status append(std::string_view bytes, std::string& out) override {
    if (!context_) return failed("cannot compress: zstd has no memory");
    const size_t start = out.size();
    out.resize(start + ZSTD_compressBound(bytes.size()));
    const size_t size = ZSTD_compress2(context_, out.data() + start, out.size() - start, bytes.data(), bytes.size());
    if (ZSTD_isError(size)) return failed("cannot compress: {}", ZSTD_getErrorName(size));
    out.resize(start + size);
    return {};
  }

 private:
  ZSTD_CCtx* context_;
};

}  // namespace

std::string_view suffix(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "";
    case Compression::gzip:
      return ".gz";
    case Compression::zstd:
      return ".zst";
  }
  return "";
}

std::unique_ptr<Compressor> Compressor::create(Compression compression) {
  switch (compression) {
    case Compression::none:
      return std::make_unique<Plain>();
    case Compression::gzip:
      return std::make_unique<Gzip>();
    case Compression::zstd:
      return std::make_unique<Zstd>();
  }
  return nullptr;
}

}  // namespace streamutils
