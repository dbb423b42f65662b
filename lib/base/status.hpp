// SPDX-License-Identifier: Apache-2.0
// What a fallible call returns. Thread rule: values, as any other.
//
// Invariants:
//  1. A default-constructed Status is ok; an ok Status costs one pointer and no allocation.
//  2. A code is also the exit code of the program that ends because of it; `fenced` exits as `usage` does.
//  3. A message has no program name, no full stop, and names the place and the remedy.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace streamutils {

enum class Code : unsigned char {
  ok = 0,
  failed = 1,         ///< runtime failure, worth a retry
  usage = 2,          ///< usage or configuration, never retry
  bad_data = 3,       ///< bad data under --strict
  broken_pipe = 141,  ///< the reader of our output is gone: stop quietly
  fenced = 255,       ///< a later start has taken over: exit 2, never retry
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : rep_(std::make_unique<Rep>(Rep{code, std::move(message)})) {}

  [[nodiscard]] bool ok() const { return !rep_; }
  [[nodiscard]] Code code() const { return rep_ ? rep_->code : Code::ok; }
  [[nodiscard]] int exit_code() const { return static_cast<int>(code() == Code::fenced ? Code::usage : code()); }
  /// Empty when ok. The view lives as long as this Status.
  [[nodiscard]] std::string_view message() const { return rep_ ? std::string_view(rep_->message) : std::string_view(); }
  [[nodiscard]] Status clone() const { return rep_ ? Status(rep_->code, rep_->message) : Status(); }
  /// The same code with `where` put in front: "where: message". Ok stays ok.
  [[nodiscard]] Status at(std::string_view where) && {
    if (rep_) rep_->message = fmt::format("{}: {}", where, rep_->message);
    return std::move(*this);
  }

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

template <class... Args>
Status failed(fmt::format_string<Args...> format, Args&&... args) {
  return Status(Code::failed, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
Status usage_error(fmt::format_string<Args...> format, Args&&... args) {
  return Status(Code::usage, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
Status bad_data(fmt::format_string<Args...> format, Args&&... args) {
  return Status(Code::bad_data, fmt::format(format, std::forward<Args>(args)...));
}
/// "cannot <what> '<subject>': <strerror(error)>"
Status errno_status(int error, std::string_view what, std::string_view subject);

/// A T, or the Status that says why there is none. REQUIRES: constructed from a Status that is not ok.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}            // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {}    // NOLINT
  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] const Status& status() const { return status_; }
  /// Moves the status out; ok when there is a value.
  [[nodiscard]] Status take_status() { return std::move(status_); }
  /// REQUIRES: ok()
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace streamutils

/// Returns the status of `expr` from this function unless it is ok.
#define STREAM_TRY(expr)                                                  \
  do {                                                                    \
    if (::streamutils::Status try_status_ = (expr); !try_status_.ok()) return try_status_; \
  } while (false)

#define STREAM_CONCAT_(a, b) a##b
#define STREAM_CONCAT(a, b) STREAM_CONCAT_(a, b)
/// STREAM_ASSIGN(auto x, f()): declares x from a Result, or returns its status.
#define STREAM_ASSIGN(declaration, expr)                                        \
  auto STREAM_CONCAT(result_, __LINE__) = (expr);                               \
  if (!STREAM_CONCAT(result_, __LINE__).ok()) return STREAM_CONCAT(result_, __LINE__).take_status(); \
  declaration = *std::move(STREAM_CONCAT(result_, __LINE__))
