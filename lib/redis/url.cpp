// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/url.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

namespace streamutils::redis {
namespace {

constexpr std::string_view kForms = "use redis://[:password@]host:port/db or unix:///path[?db=N]";

template <class... Args>
Status bad_url(fmt::format_string<Args...> format, Args&&... args) {
  return usage_error("bad redis URL: {}; {}", fmt::format(format, std::forward<Args>(args)...), kForms);
}

std::optional<int> parse_number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max) return std::nullopt;
  return value;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
    i += 2;
  }
  return out;
}

/// Takes "user:password@" off the front of `rest`.
Status take_credentials(std::string_view& rest, Url& url) {
  const size_t at = rest.substr(0, rest.find_first_of("/?")).rfind('@');
  if (at == std::string_view::npos) return {};
  const std::string_view credentials = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const size_t colon = credentials.find(':');
  if (colon == std::string_view::npos) return bad_url("a password is written ':password@'");
  auto user = percent_decoded(credentials.substr(0, colon));
  auto password = percent_decoded(credentials.substr(colon + 1));
  if (!user || !password) return bad_url("a '%' in its credentials is not followed by two hexadecimal digits");
  url.user = *std::move(user);
  url.password = *std::move(password);
  return {};
}

Status parse_db(std::string_view text, Url& url) {
  if (text.empty()) return {};
  const auto db = parse_number(text, 1'000'000);
  if (!db) return bad_url("'{}' is no database number", text);
  url.db = *db;
  return {};
}

Status parse_tcp(std::string_view rest, Url& url) {
  STREAM_TRY(take_credentials(rest, url));
  const size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) STREAM_TRY(parse_db(rest.substr(slash + 1), url));
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad_url("'[' without ']'");
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return bad_url("'{}' after the address", port);
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const size_t colon = authority.rfind(':');
    if (authority.find(':') != colon) return bad_url("an IPv6 address is written in brackets");
    if (const auto host = authority.substr(0, colon); !host.empty()) url.host = host;
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  if (url.host.empty()) return bad_url("no host");
  if (port.empty()) return {};
  const auto number = parse_number(port, 65535);
  if (!number || *number == 0) return bad_url("'{}' is no port", port);
  url.port = *number;
  return {};
}

Status parse_unix(std::string_view rest, Url& url) {
  if (!rest.starts_with('/')) STREAM_TRY(take_credentials(rest, url));
  const size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (!url.path.starts_with('/') || url.path.size() < 2) return bad_url("a unix socket needs an absolute path");
  if (url.path.size() > 107) return bad_url("the path of the unix socket is longer than 107 bytes");
  if (question == std::string_view::npos) return {};
  const std::string_view query = rest.substr(question + 1);
  if (!query.starts_with("db=")) return bad_url("'?{}' is not '?db=N'", query);
  return parse_db(query.substr(3), url);
}

}  // namespace

std::string Url::display() const {
  if (!path.empty()) return db == 0 ? fmt::format("unix://{}", path) : fmt::format("unix://{}?db={}", path, db);
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("redis://{}{}{}:{}/{}", v6 ? "[" : "", host, v6 ? "]" : "", port, db);
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (text.find('\0') != std::string_view::npos) return bad_url("it holds a NUL byte");
  if (text.starts_with("redis://")) {
    STREAM_TRY(parse_tcp(text.substr(8), url));
  } else if (text.starts_with("unix://")) {
    STREAM_TRY(parse_unix(text.substr(7), url));
  } else if (text.starts_with("rediss://")) {
    return usage_error(
        "cannot use a rediss:// URL: TLS is not built in; run a local TLS proxy such as stunnel and give its redis:// "
        "or unix:// address");
  } else {
    return bad_url("it begins with neither 'redis://' nor 'unix://'");
  }
  return url;
}

Result<std::string> read_password_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return Status(Code::usage, std::string(errno_status(errno, "open", path).message()));
  char buffer[4097];
  const size_t size = std::fread(buffer, 1, sizeof buffer, file);
  const int error = std::ferror(file) ? errno : 0;
  std::fclose(file);
  if (error != 0) return Status(Code::usage, std::string(errno_status(error, "read", path).message()));
  if (size == sizeof buffer) return usage_error("the password in '{}' is longer than 4096 bytes", path);
  std::string password(buffer, size);
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  if (password.empty()) return usage_error("'{}' holds no password", path);
  return password;
}

}  // namespace streamutils::redis
