// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/writer.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

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

void StreamWriter::lend_pages() { lent_ = std::make_unique<LentPages>(fd_); }

Status StreamWriter::records(const Batch& batch) {
  if (lends()) {  // only memory of our own can be lent
    encoder_->records(batch, buffer_);
    return flush_when_full();
  }
  encoder_->records(batch, buffer_, borrowed_);
  // What is borrowed is the batch's, which ends with this call.
  return borrowed_.empty() ? flush_when_full() : flush();
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
  if (buffer_.size() == 0) return {};
  const bool lend = lends() && borrowed_.empty() && buffer_.size() >= LentPages::kLeast;
  parts_.clear();
  size_t from = 0;
  const auto add = [&](const char* bytes, size_t size) {
    if (size > 0) parts_.push_back({const_cast<char*>(bytes), size});
  };
  for (const Borrowed& run : borrowed_) {
    add(buffer_.data() + from, run.at - from);
    add(run.bytes.data(), run.bytes.size());
    from = run.at;
  }
  add(buffer_.data() + from, buffer_.size() - from);
  IoBuffer rest;  // what a failure leaves: a later flush goes on behind what has been written
  Status status = write_parts(lend, rest);
  if (lend) lent_->keep(buffer_);
  if (rest.size() > 0) {
    buffer_ = std::move(rest);
  } else {
    buffer_.clear();
  }
  borrowed_.clear();
  return status;
}

Status StreamWriter::write_parts(bool lend, IoBuffer& rest) {
  for (size_t first = 0; first < parts_.size();) {
    iovec& part = parts_[first];
    const ssize_t n = lend ? lent_->write(static_cast<const char*>(part.iov_base), part.iov_len)
                           : writev(fd_, &part, static_cast<int>(std::min<size_t>(parts_.size() - first, IOV_MAX)));
    if (n >= 0) {
      size_t left = static_cast<size_t>(n);
      while (first < parts_.size() && left >= parts_[first].iov_len) left -= parts_[first++].iov_len;
      if (left > 0) {
        parts_[first].iov_base = static_cast<char*>(parts_[first].iov_base) + left;
        parts_[first].iov_len -= left;
      }
    } else if (errno == EAGAIN) {
      pollfd fd{fd_, POLLOUT, 0};
      ::poll(&fd, 1, -1);
    } else if (errno == EPIPE) {
      return Status(Code::broken_pipe, "the reader of the output is gone");
    } else if (errno != EINTR) {
      const int error = errno;
      for (; first < parts_.size(); ++first) {
        rest.append({static_cast<const char*>(parts_[first].iov_base), parts_[first].iov_len});
      }
      return errno_status(error, "write to", name_);
    }
  }
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
