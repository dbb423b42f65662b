// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace streamutils {

namespace {
constexpr size_t kReadBytes = 256 << 10;
}

StreamReader::StreamReader(int fd, std::string name, Units& units, const DecodeSettings& settings)
    : fd_(fd), name_(std::move(name)), units_(units), settings_(settings) {}

Result<Source::State> StreamReader::poll(Output& out, const Waiter& waiter, Duration timeout) {
  buffer_.drop_front(std::exchange(taken_, 0));
  switch (waiter.wait(fd_, timeout, ends_at_stop())) {
    case Waiter::Event::reader_gone:
      return Status(Code::broken_pipe, "the reader of the output is gone");
    case Waiter::Event::stop:
      return stop(out);
    case Waiter::Event::timeout:
      return State::empty;
    case Waiter::Event::ready:
      break;
  }
  STREAM_ASSIGN(const bool read_something, fill());
  return read_something ? decode(out) : State::empty;
}

/// Reads once; false when there was nothing after all.
Result<bool> StreamReader::fill() {
  if (ahead_.size() > 0 || ahead_eof_) {
    buffer_.append(ahead_.view());
    ahead_.clear();
    eof_ = ahead_eof_;
    return true;
  }
  buffer_.ensure(kReadBytes);
  const ssize_t n = read(fd_, buffer_.data() + buffer_.size(), buffer_.capacity() - buffer_.size());
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN) return false;
    return errno_status(errno, "read", name_);
  }
  eof_ = n == 0;
  buffer_.resize(buffer_.size() + static_cast<size_t>(n));
  return true;
}

bool StreamReader::can_keep(const char* bytes) const {
  return std::greater_equal<>()(bytes, buffer_.data()) && std::less<>()(bytes, buffer_.data() + buffer_.size());
}

void StreamReader::keep(IoBuffer& to) {
  to.clear();
  to.append(buffer_.view().substr(taken_));
  taken_ = 0;
  std::swap(buffer_, to);
}

bool StreamReader::writer_died() {
  if (!decoder_ || !decoder_->is_stream() || decoder_->ended() || eof_) return false;
  pollfd fd{fd_, POLLIN, 0};
  if (!ahead_eof_ && (::poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLHUP))) return false;
  while (!ahead_eof_) {
    ahead_.ensure(kReadBytes);
    const ssize_t n = read(fd_, ahead_.data() + ahead_.size(), ahead_.capacity() - ahead_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ahead_eof_ = true;
    } else {
      ahead_.resize(ahead_.size() + static_cast<size_t>(n));
    }
  }
  // Both encodings end with the same text: `{"$stream":"end",...}`, a newline or padding.
  const auto has_end = [](std::string_view bytes) {
    return bytes.rfind(R"({"$stream":"end")") != std::string_view::npos;
  };
  return !has_end(ahead_.view()) && !has_end(buffer_.view().substr(taken_));
}

bool StreamReader::closed() const {
  pollfd fd{fd_, POLLIN, 0};
  return eof_ || ahead_eof_ || (::poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP));
}

Result<Source::State> StreamReader::decode(Output& out) {
  if (!decoder_) decoder_ = detect_decoder(buffer_.view(), eof_, units_, settings_);
  if (!decoder_) return State::delivered;
  STREAM_ASSIGN(taken_, decoder_->decode(buffer_.view(), eof_, out));
  if (eof_) return State::finished;
  return State::delivered;
}

Result<Source::State> StreamReader::stop(Output& out) {
  if (!decoder_) decoder_ = detect_decoder({}, true, units_, settings_);
  STREAM_TRY(decoder_->stop(out));
  return State::finished;
}

}  // namespace streamutils
