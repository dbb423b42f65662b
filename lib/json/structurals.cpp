// SPDX-License-Identifier: Apache-2.0
#include "lib/json/structurals.hpp"

#include <simdjson.h>

#include <algorithm>
#include <new>

namespace streamutils {
namespace {

constexpr size_t kFirstCapacity = 16 << 10;
constexpr size_t kMostBytes = simdjson::SIMDJSON_MAXSIZE_BYTES;

}  // namespace

struct Structurals::Stage {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> implementation;
};

Structurals::Structurals(size_t max_bytes)
    : stage_(std::make_unique<Stage>()), max_bytes_(std::min(max_bytes, kMostBytes)) {
  constexpr size_t kUnusedDepth = 1;  // only the second stage has a depth
  if (simdjson::get_active_implementation()->create_dom_parser_implementation(kFirstCapacity, kUnusedDepth,
                                                                              stage_->implementation)) {
    throw std::bad_alloc();
  }
}

Structurals::~Structurals() = default;

ParseError Structurals::find(std::string_view text) {
  if (text.size() > max_bytes_) return ParseError::too_large;
  if (text.empty()) return ParseError::not_json;
  auto& stage = *stage_->implementation;
  if (text.size() > stage.capacity()) {
    const size_t capacity = std::max(text.size(), std::min(max_bytes_, 2 * stage.capacity()));
    if (stage.set_capacity(capacity)) throw std::bad_alloc();
  }
  const auto error =
      stage.stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(), simdjson::stage1_mode::regular);
  if (error == simdjson::UTF8_ERROR) return ParseError::bad_utf8;
  if (error) return ParseError::not_json;
  positions_ = stage.structural_indexes.get();
  size_ = stage.n_structural_indexes;
  return ParseError::none;
}

}  // namespace streamutils
