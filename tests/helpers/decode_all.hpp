// SPDX-License-Identifier: Apache-2.0
// Whole streams through a decoder, cut as one likes; for tests.
#pragma once
#include <algorithm>
#include <functional>
#include <string>

#include "lib/stream/decoder.hpp"
#include "lib/stream/encoder.hpp"
#include "lib/stream/io_buffer.hpp"

namespace streamutils {

/// Feeds `bytes` to the decoder that they ask for, as a StreamReader does; next_cut(i) says how many bytes the read at
/// i brings.
inline Status decode_all(std::string_view bytes, Units& units, const DecodeSettings& settings, Output& out,
                         const std::function<size_t(size_t)>& next_cut) {
  std::unique_ptr<Decoder> decoder;
  std::string buffer;  // from the heap, so that a reader of more than the padding is found
  buffer.reserve(1024);
  for (size_t at = 0;;) {
    const bool at_eof = at == bytes.size();
    if (!at_eof) {
      const size_t count = std::clamp<size_t>(next_cut(at), 1, bytes.size() - at);
      buffer.append(bytes.substr(at, count));
      at += count;
    }
    const size_t size = buffer.size();
    buffer.append(kJsonPadding, '\0');
    const std::string_view given = std::string_view(buffer).substr(0, size);
    if (!decoder) decoder = detect_decoder(given, at_eof, units, settings);
    size_t taken = 0;
    if (decoder) {
      STREAM_ASSIGN(taken, decoder->decode(given, at_eof, out));
    }
    if (at_eof) return {};
    buffer.resize(size);
    buffer.erase(0, taken);
  }
}

inline Status decode_whole(std::string_view bytes, Units& units, const DecodeSettings& settings, Output& out) {
  return decode_all(bytes, units, settings, out, [](size_t) { return ~size_t{0}; });
}

/// Writes every item to an encoder.
class EncodingOutput final : public Output {
 public:
  explicit EncodingOutput(std::unique_ptr<Encoder> encoder) : encoder_(std::move(encoder)) {}
  Status records(const Batch& batch) override {
    encoder_->records(batch, buffer);
    return {};
  }
  Status control(const Control& item) override {
    encoder_->control(item, buffer);
    return {};
  }
  IoBuffer buffer;

 private:
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace streamutils
