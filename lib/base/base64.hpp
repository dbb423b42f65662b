// SPDX-License-Identifier: Apache-2.0
// RFC 4648 base64 with padding.
#pragma once
#include <string>
#include <string_view>

namespace streamutils {

void append_base64(std::string& out, std::string_view bytes);
/// Appends the decoded bytes. False (and `out` unspecified) when `text` is not padded base64.
bool append_base64_decoded(std::string& out, std::string_view text);

}  // namespace streamutils
