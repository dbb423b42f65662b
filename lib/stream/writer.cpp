// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/writer.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace streamutils {

void SideCounts::add(std::string_view label) {
  const auto found = counts_.find(label);
  if (found != counts_.end()) {
    ++found->second;
  } else {
    counts_.emplace(label, 1);
  }
}

std::string SideCounts::text() const {
  std::string out;
  for (const auto& [label, count] : counts_) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {}", label, count);
  }
  return out;
}

namespace {

std::unique_ptr<Encoder> make_encoder(Encoding encoding, const Units& units, const SharedFields* fields) {
  switch (encoding) {
    case Encoding::binary:
      return make_binary_encoder(units, fields);
    case Encoding::plain:
      return make_plain_encoder();
    case Encoding::text:
      break;
  }
  return make_text_encoder(units);
}

}  // namespace

StreamWriter::StreamWriter(int fd, std::string name, Encoding encoding, const Units& units, const SharedFields* fields)
    : fd_(fd), name_(std::move(name)), encoding_(encoding), encoder_(make_encoder(encoding, units, fields)) {}

Status StreamWriter::records(const Batch& batch) {
  encoder_->records(batch, buffer_);
  return flush_when_full();
}

Status StreamWriter::control(const Control& item) {
  if (encoding_ == Encoding::plain) {
    if (const auto* side = std::get_if<SideRecord>(&item)) left_out_.add(side->label);
    return {};
  }
  encoder_->control(item, buffer_);
  return flush_when_full();
}

Status StreamWriter::flush() {
  size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t n = write(fd_, buffer_.data() + written, buffer_.size() - written);
    if (n >= 0) {
      written += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      pollfd fd{fd_, POLLOUT, 0};
      ::poll(&fd, 1, -1);
    } else if (errno == EPIPE) {
      buffer_.clear();
      return Status(Code::broken_pipe, "the reader of the output is gone");
    } else if (errno != EINTR) {
      const int error = errno;
      buffer_.drop_front(written);  // a later flush goes on behind what has been written
      return errno_status(error, "write to", name_);
    }
  }
  buffer_.clear();
  return {};
}

Status SinkTerminal::control(const Control& item) {
  if (const auto* side = std::get_if<SideRecord>(&item)) left_out_.add(side->label);
  return {};
}

Encoding default_encoding(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return Encoding::plain;
  return S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) ? Encoding::text : Encoding::plain;
}

}  // namespace streamutils
