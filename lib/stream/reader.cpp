// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/reader.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace streamutils {

namespace {
constexpr size_t kReadBytes = Prefetch::kBytes;
constexpr size_t kLead = Prefetch::kLead;
}  // namespace

StreamReader::StreamReader(int fd, std::string name, Units& units, const DecodeSettings& settings)
    : fd_(fd), name_(std::move(name)), units_(units), settings_(settings) {
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) prefetch_.emplace(fd);
}

Result<Source::State> StreamReader::poll(Output& out, const Waiter& waiter, Duration timeout) {
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

/// Makes what is left the front of `to`, which may be buffer_, with more to come behind it.
void StreamReader::carry(IoBuffer& to) {
  const std::string_view left = rest();
  const size_t room = left.size() <= kLead ? kLead - left.size() : 0;
  const size_t start = takes_unaligned() ? room : room / 8 * 8;
  const size_t needed = start + left.size() + kReadBytes;
  if (needed > to.size()) to.ensure(needed - to.size());
  std::memmove(to.data() + start, rest().data(), left.size());  // ensure() may have moved it
  to.resize(start + left.size());
  start_ = start;
  taken_ = 0;
}

/// Makes what was read, behind what is left, buffer_.
void StreamReader::take(Prefetch::Block& block) {
  const std::string_view left = rest();
  if (block.read > 0 && left.size() <= kLead && (left.size() % 8 == 0 || takes_unaligned())) {
    start_ = kLead - left.size();
    if (!left.empty()) std::memcpy(block.bytes.data() + start_, left.data(), left.size());
    taken_ = 0;
    std::swap(buffer_, block.bytes);
  } else {
    carry(buffer_);
    buffer_.append(block.bytes.view().substr(kLead));
  }
}

bool StreamReader::prefetch() { return prefetch_ && prefetch_->fetch(); }

bool StreamReader::is_ready() const { return !prefetch_ || prefetch_->is_ready(); }

/// Reads once; false when there was nothing after all.
Result<bool> StreamReader::fill() {
  if (ahead_.size() > 0 || ahead_eof_) {
    carry(buffer_);
    buffer_.append(ahead_.view());
    ahead_.clear();
    eof_ = ahead_eof_;
    return true;
  }
  ssize_t n = 0;
  int error = 0;
  if (prefetch_) {
    Prefetch::Block& block = prefetch_->next();
    n = block.read;
    error = block.error;
    take(block);
  } else {
    carry(buffer_);
    n = read(fd_, buffer_.data() + buffer_.size(), kReadBytes);
    error = errno;
    if (n > 0) buffer_.resize(buffer_.size() + static_cast<size_t>(n));
  }
  if (n < 0 && error != EINTR && error != EAGAIN) return errno_status(error, "read", name_);
  eof_ = n == 0;
  return n >= 0;
}

bool StreamReader::can_keep(const char* bytes) const {
  return std::greater_equal<>()(bytes, buffer_.data()) && std::less<>()(bytes, buffer_.data() + buffer_.size());
}

void StreamReader::keep(IoBuffer& to) {
  to.clear();
  carry(to);
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
  return !has_end(ahead_.view()) && !has_end(rest());
}

bool StreamReader::closed() const {
  pollfd fd{fd_, POLLIN, 0};
  return eof_ || ahead_eof_ || (::poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP));
}

Result<Source::State> StreamReader::decode(Output& out) {
  if (!decoder_) decoder_ = detect_decoder(rest(), eof_, units_, settings_);
  if (!decoder_) return State::delivered;
  STREAM_ASSIGN(taken_, decoder_->decode(rest(), eof_, out));
  if (eof_) return State::finished;
  return State::delivered;
}

Result<Source::State> StreamReader::stop(Output& out) {
  if (!decoder_) decoder_ = detect_decoder({}, true, units_, settings_);
  STREAM_TRY(decoder_->stop(out));
  return State::finished;
}

}  // namespace streamutils
