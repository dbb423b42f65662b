// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/check_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace streamutils::sreplay {

namespace {

constexpr size_t kCompareBytes = 64 << 10;
constexpr DecodeSettings kDecode{.max_record_bytes = 64 << 20, .eof_is_end = true};

std::string temporary_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder && *folder ? folder : "/tmp";
}

}  // namespace

Result<std::unique_ptr<Reference>> Reference::create() {
  const std::string folder = temporary_folder();
  Fd file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.is_open() && (errno == EOPNOTSUPP || errno == EISDIR)) {  // not every file system has files without names
    std::string path = folder + "/sreplay-XXXXXX";
    file.reset(mkostemp(path.data(), O_CLOEXEC));
    if (file.is_open()) unlink(path.c_str());
  }
  if (!file.is_open()) return errno_status(errno, "make a file for the output in", folder);
  return std::unique_ptr<Reference>(new Reference(std::move(file)));
}

Status Reference::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_status(errno, "keep the output in", temporary_folder());
    bytes.remove_prefix(static_cast<size_t>(n));
    size_ += static_cast<uint64_t>(n);
  }
  return {};
}

Result<size_t> Reference::read(char* bytes, size_t size, uint64_t position) const {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = pread(file_.get(), bytes + got, size - got, static_cast<off_t>(position + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_status(errno, "read the kept output in", temporary_folder());
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

Result<std::string> Reference::line(uint64_t position, size_t limit) const {
  std::string text(std::min<uint64_t>(limit, size_ - std::min(size_, position)), '\0');
  STREAM_ASSIGN(const size_t got, read(text.data(), text.size(), position));
  text.resize(std::min(got, text.find('\n')));
  return text;
}

Status CheckOutput::take(std::string_view bytes) {
  bytes_taken_ += bytes.size();
  if (decoder_ && !decoder_->is_stream()) return raw(bytes);
  buffer_.append(bytes);
  return decode(false);
}

Status CheckOutput::finish() {
  if (!decoder_ || decoder_->is_stream()) STREAM_TRY(decode(true));
  if (!ends_in_newline_) ++results_;  // the last line of a raw output
  if (writes_ || difference_) {
    if (difference_) difference_->whole = true;
    return {};
  }
  return position_ < reference_.size() ? note_difference({}) : Status();
}

Status CheckOutput::decode(bool at_eof) {
  if (!decoder_) {
    buffer_.ensure(1);
    decoder_ = detect_decoder(buffer_.view(), at_eof, units_, kDecode);
    if (!decoder_) return {};
    if (!decoder_->is_stream()) return raw(buffer_.view());
  }
  auto taken = decoder_->decode(buffer_.view(), at_eof, *this);
  if (!taken.ok()) return taken.take_status().at("the output of the pipeline");
  buffer_.drop_front(*taken);
  return {};
}

Status CheckOutput::raw(std::string_view bytes) {
  if (bytes.empty()) return {};
  results_ += static_cast<uint64_t>(std::ranges::count(bytes, '\n'));
  ends_in_newline_ = bytes.back() == '\n';
  count_result(bytes);
  return compare(bytes);
}

void CheckOutput::count_result(std::string_view bytes) {
  result_bytes_ += bytes.size();
  if (writes_) sha_.update(bytes);
}

Status CheckOutput::records(const Batch& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    ++results_;
    count_result(batch.record(i));
    count_result("\n");
  }
  encoder_->records(batch, encoded_);
  return compare_encoded();
}

Status CheckOutput::control(const Control& item) {
  if (const auto* side = std::get_if<SideRecord>(&item)) {
    sides_.add(side->label);
    SideRecord without_offset = *side;
    without_offset.offset = kNoOffset;
    encoder_->control(without_offset, encoded_);
  } else if (std::holds_alternative<Watermark>(item) || std::holds_alternative<End>(item)) {
    encoder_->control(item, encoded_);
  }
  return compare_encoded();
}

Status CheckOutput::compare_encoded() {
  Status status = compare(encoded_.view());
  encoded_.clear();
  return status;
}

Status CheckOutput::compare(std::string_view bytes) {
  if (writes_) return reference_.append(bytes);
  if (difference_) {
    if (difference_->whole) return {};
    std::string& is = *difference_->is;
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    is.append(bytes.substr(0, std::min(end, kShownLine - std::min(kShownLine, is.size()))));
    difference_->whole = end < bytes.size() || is.size() >= kShownLine;
    return {};
  }
  chunk_.resize(kCompareBytes);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kCompareBytes);
    STREAM_ASSIGN(const size_t got, reference_.read(chunk_.data(), part.size(), position_));
    const auto equal = static_cast<size_t>(
        std::mismatch(part.begin(), part.begin() + static_cast<ptrdiff_t>(got), chunk_.begin()).first - part.begin());
    for (size_t at = part.find('\n'); at < equal; at = part.find('\n', at + 1)) {
      ++line_;
      line_start_ = position_ + at + 1;
    }
    position_ += equal;
    if (equal < part.size()) return note_difference(bytes.substr(equal));
    bytes.remove_prefix(equal);
  }
  return {};
}

/// `rest`: what this run has from the byte on that differs, or nothing at its end.
Status CheckOutput::note_difference(std::string_view rest) {
  Difference& difference = difference_.emplace();
  difference.line = line_;
  difference.column = position_ - line_start_ + 1;
  STREAM_ASSIGN(std::string before, reference_.line(line_start_, kShownLine));
  const std::string equal = before.substr(0, position_ - line_start_);
  if (line_start_ < reference_.size()) difference.was = std::move(before);
  const bool ended = rest.empty();
  if (!ended || !equal.empty()) difference.is = equal;
  difference.whole = ended;
  return ended ? Status() : compare(rest);  // whose first line is the rest of this one
}

}  // namespace streamutils::sreplay
