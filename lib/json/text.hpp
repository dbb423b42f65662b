// SPDX-License-Identifier: Apache-2.0
// JSON text in and out: strings, canonical scalars for keys.
#pragma once
#include <string>
#include <string_view>

#include "lib/json/value.hpp"

namespace streamutils {

/// Appends `text` as a JSON string with quotes; escapes only what RFC 8259 demands (", \, control characters).
/// REQUIRES: valid UTF-8 (use is_valid_utf8 first where it is not known).
void append_json_string(std::string& out, std::string_view text);

/// Appends the unescaped bytes of a JSON string body. Lone surrogates become U+FFFD.
/// REQUIRES: `body` came from a record that RecordParser accepted.
void append_unescaped(std::string& out, std::string_view body);

/// Appends the canonical JSON of a scalar, equal for equal values and different for different ones: strings unescaped
/// and escaped minimally, numbers as their exact decimal value in one form (1.0, 1 and 10e-1 become 1), null, true,
/// false. A record's key is its fields' canonical texts joined by ','. Returns false (appends nothing) for missing
/// values, arrays, objects, and numbers whose exponent is beyond Decimal's range.
bool append_canonical(std::string& out, const JsonValue& value);

bool is_valid_utf8(std::string_view text);

/// Minifies one JSON text (white space outside strings removed). REQUIRES: valid JSON.
void append_minified(std::string& out, std::string_view json);

}  // namespace streamutils
