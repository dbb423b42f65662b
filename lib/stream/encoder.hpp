// SPDX-License-Identifier: Apache-2.0
// Items to bytes.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/stream/context.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils {

/// Bytes that belong before byte `at` of an output and are not in it.
struct Borrowed {
  size_t at;
  std::string_view bytes;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void records(const Batch& batch, IoBuffer& out) = 0;
  /// As records(), but long runs of the batch's memory may be left where they are and appended to `borrowed`, in the
  /// order of the output: they live as long as the batch.
  virtual void records(const Batch& batch, IoBuffer& out, std::vector<Borrowed>& /*borrowed*/) { records(batch, out); }
  virtual void control(const Control& item, IoBuffer& out) = 0;
};

/// The text encoding of a stream.
std::unique_ptr<Encoder> make_text_encoder(const Units& units);
/// Main records only, one a line; everything else is left out.
std::unique_ptr<Encoder> make_plain_encoder();
/// The binary encoding.
std::unique_ptr<Encoder> make_binary_encoder(const Units& units);
/// With those of `fields` that are asked for; it may be null.
std::unique_ptr<Encoder> make_binary_encoder(const Units& units, const SharedFields* fields);

}  // namespace streamutils
