// SPDX-License-Identifier: Apache-2.0
// A pipe between two processes of a crash test, and its two ends as programs have them: encoded, buffered, bounded.
#pragma once
#include <memory>
#include <string>

#include "lib/stream/decoder.hpp"
#include "lib/stream/encoder.hpp"
#include "lib/stream/loop.hpp"
#include "tests/crash/scheduler.hpp"

namespace streamutils::crash {

struct Pipe {
  std::string bytes;
  bool writer_gone = false, reader_gone = false;
  static constexpr size_t kCapacity = 2048;  // small, so that it fills
};

/// Stdout.
class PipeWriter final : public Terminal {
 public:
  PipeWriter(Pipe& pipe, Scheduler& scheduler, const Units& units, bool binary)
      : pipe_(pipe), scheduler_(scheduler), encoder_(binary ? make_binary_encoder(units) : make_text_encoder(units)) {}
  Status records(const Batch& batch) override {
    encoder_->records(batch, buffer_);
    return {};
  }
  Status control(const Control& item) override {
    encoder_->control(item, buffer_);
    return {};
  }
  Status flush() override {
    size_t at = 0;
    while (at < buffer_.size()) {
      if (pipe_.bytes.size() >= Pipe::kCapacity && !pipe_.reader_gone) {
        scheduler_.wait([this] { return pipe_.bytes.size() < Pipe::kCapacity || pipe_.reader_gone; }, std::nullopt);
      }
      if (scheduler_.current()->killed()) return failed("killed");
      if (pipe_.reader_gone) return Status(Code::broken_pipe, "the reader is gone");
      const size_t n = std::min(buffer_.size() - at, Pipe::kCapacity - std::min(Pipe::kCapacity, pipe_.bytes.size()));
      pipe_.bytes.append(buffer_.view().substr(at, n));
      at += n;
    }
    buffer_.clear();
    return {};
  }

 private:
  Pipe& pipe_;
  Scheduler& scheduler_;
  std::unique_ptr<Encoder> encoder_;
  IoBuffer buffer_;
};

/// Of a sink: what reaches it is done with.
class NoTerminal final : public Terminal {
 public:
  Status records(const Batch&) override { return {}; }
  Status control(const Control&) override { return {}; }
  Status flush() override { return {}; }
};

/// A source waits for `ready` as a Waiter does. False: not within the timeout. Fails when the task was killed, or when
/// nobody reads `output`, which may be null, any more.
inline Result<bool> wait_as_source(Scheduler& scheduler, Clock& clock, const Pipe* output,
                                   const std::function<bool()>& ready, Duration timeout) {
  const auto reader_gone = [output] { return output && output->reader_gone; };
  if (timeout.us != 0 && !ready()) {
    std::optional<MonoTime> until;
    if (timeout.us > 0) until = clock.mono() + timeout;
    scheduler.wait([&] { return ready() || reader_gone(); }, until);
  }
  if (scheduler.current()->killed()) return failed("killed");
  if (ready()) return true;
  if (reader_gone()) return Status(Code::broken_pipe, "the reader is gone");
  return false;
}

/// Stdin.
class PipeReader final : public Source {
 public:
  PipeReader(Pipe& pipe, const Pipe* output, Scheduler& scheduler, Clock& clock, Units& units)
      : pipe_(pipe), output_(output), scheduler_(scheduler), clock_(clock), units_(units) {}
  /// What StreamReader::writer_died() says.
  [[nodiscard]] bool writer_died() const {
    return pipe_.writer_gone && pipe_.bytes.rfind(R"({"$stream":"end")") == std::string::npos && !ended_;
  }
  Result<State> poll(Output& out, const Waiter&, Duration timeout) override {
    const auto ready = [this] { return !pipe_.bytes.empty() || pipe_.writer_gone; };
    STREAM_ASSIGN(const bool any, wait_as_source(scheduler_, clock_, output_, ready, timeout));
    if (!any) return State::empty;
    const bool eof = pipe_.bytes.empty() && pipe_.writer_gone;
    buffer_.append(pipe_.bytes);
    pipe_.bytes.clear();
    ended_ = buffer_.view().rfind(R"({"$stream":"end")") != std::string_view::npos;
    if (!decoder_) decoder_ = detect_decoder(buffer_.view(), eof, units_, {});
    if (!decoder_) return State::delivered;
    if (eof && !decoder_->is_stream()) return failed("no stream came");
    STREAM_ASSIGN(const size_t taken, decoder_->decode(buffer_.view(), eof, out));
    buffer_.drop_front(taken);
    return eof ? State::finished : State::delivered;
  }

 private:
  Pipe& pipe_;
  const Pipe* output_;
  Scheduler& scheduler_;
  Clock& clock_;
  Units& units_;
  std::unique_ptr<Decoder> decoder_;
  IoBuffer buffer_;
  bool ended_ = false;
};

}  // namespace streamutils::crash
