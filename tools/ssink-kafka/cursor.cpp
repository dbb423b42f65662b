// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-kafka/cursor.hpp"

#include <charconv>

#include "lib/json/record_parser.hpp"
#include "tools/ssink-kafka/chunk.hpp"

namespace streamutils::ssink_kafka {
namespace {

using checkpoint::SinkIdentity;
using Expected = checkpoint::TransactionalSink::Expected;

constexpr std::string_view kWayOut =
    "; start over with --fresh, or from an earlier checkpoint with --from-epoch N, both of which write again what came "
    "after";

std::string text_of(const Cursor& cursor) { return fmt::format("epoch {}, chunk {}", cursor.epoch, cursor.chunk); }

}  // namespace

std::string format_note(const CursorNote& note) {
  return fmt::format(R"({{"generation":{},"epoch":{},"chunk":{}}})", note.generation, note.cursor.epoch,
                     note.cursor.chunk);
}

std::optional<CursorNote> parse_note(std::string_view text) {
  FieldSet fields;
  for (const char* name : {"generation", "epoch", "chunk"}) {
    if (!fields.add(name).ok()) return std::nullopt;
  }
  std::string padded(text);
  padded.append(kJsonPadding, '\0');
  JsonValue values[3];
  if (RecordParser(fields).parse(std::string_view(padded).substr(0, text.size()), values) != ParseError::none) {
    return std::nullopt;
  }
  CursorNote note;
  uint64_t* const targets[3] = {&note.generation, &note.cursor.epoch, &note.cursor.chunk};
  for (size_t i = 0; i < 3; ++i) {
    const std::string_view raw = values[i].raw;
    if (values[i].type != JsonType::number) return std::nullopt;
    const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), *targets[i]);
    if (error != std::errc() || end != raw.data() + raw.size()) return std::nullopt;
  }
  return note;
}

std::string default_cursor_topic(const SinkIdentity& identity) {
  return fmt::format("streamutils-cursors.{}.{}", identity.pipeline, identity.member);
}

FencedWriter::FencedWriter(KafkaConfig config, const Options& options, SinkIdentity identity, Context& context)
    : config_(std::move(config)),
      settings_{.topic = options.producer.topic,
                .partitioner = options.producer.partitioner,
                .codec = options.producer.codec,
                .transactional_id = fmt::format("streamutils-{}-{}", identity.pipeline, identity.member),
                .note_topic = options.cursor_topic.empty() ? default_cursor_topic(identity) : options.cursor_topic,
                .note_key = fmt::format("{}/{}", identity.pipeline, identity.member),
                .abandoned = options.producer.abandoned},
      identity_(std::move(identity)),
      place_(fmt::format("topic '{}' at '{}'", settings_.note_topic, config_.brokers())),
      context_(context) {}

Result<Cursor> FencedWriter::fence(const Expected& expected) {
  messages_.clear();
  writer_.reset();  // whoever fences twice takes over from itself
  STREAM_ASSIGN(writer_, TransactionalWriter::create(config_, settings_, context_));
  STREAM_TRY(writer_->take_over());
  STREAM_ASSIGN(const std::optional<CursorNote> note, read());
  STREAM_ASSIGN(const Cursor cursor, stands_at(note, expected));
  STREAM_TRY(commit(cursor));
  return cursor;
}

Result<std::optional<CursorNote>> FencedWriter::read() {
  STREAM_ASSIGN(const std::optional<std::string> text, writer_->last_note());
  std::optional<CursorNote> note;
  if (!text) return note;
  note = parse_note(*text);
  if (!note) {
    return usage_error(
        "{}: the record with key '{}' is no cursor of ssink-kafka: '{}'; name another topic with "
        "--cursor-topic",
        place_, settings_.note_key, text->substr(0, 200));
  }
  return note;
}

Result<Cursor> FencedWriter::stands_at(const std::optional<CursorNote>& note, const Expected& expected) const {
  if (note && note->generation > identity_.generation) {
    return checkpoint::fenced_at_start(place_, identity_.generation, note->generation);
  }
  if (expected.reset) return expected.last;
  if (!note && expected.last != Cursor{}) {
    return usage_error(
        "{}: the cursor with key '{}' is gone, which was at {}: the topic was deleted, has lost records, or "
        "is another one than before{}",
        place_, settings_.note_key, text_of(expected.last), kWayOut);
  }
  const Cursor found = note ? note->cursor : Cursor{};
  if (found < expected.first) {
    return usage_error(
        "{}: the cursor with key '{}' was set back: it is at {}, where the checkpoint has seen it at {}{}", place_,
        settings_.note_key, text_of(found), text_of(expected.first), kWayOut);
  }
  if (found > expected.last && expected.rewind) return expected.last;
  if (found > expected.last) {
    return usage_error(
        "{}: the cursor with key '{}' is ahead of the checkpoint: it is at {}, the checkpoint knows of {}; "
        "the checkpoint is an older copy: use the newer one{}",
        place_, settings_.note_key, text_of(found), text_of(expected.last), kWayOut);
  }
  return found;
}

Status FencedWriter::apply(const Cursor& after, const Cursor& at, std::string_view chunk) {
  if (!writer_) return failed("nothing may be written before the sink is fenced");
  if (at <= cursor_) return {};
  if (after != cursor_) {
    return usage_error("{}: the cursor with key '{}' is at {}, and what follows {} cannot be written{}", place_,
                       settings_.note_key, text_of(cursor_), text_of(after), kWayOut);
  }
  messages_.clear();
  STREAM_TRY(read_chunk(chunk, messages_));
  STREAM_TRY(commit(at));
  written_ += static_cast<int64_t>(messages_.size());
  return {};
}

Status FencedWriter::commit(const Cursor& at) {
  Status status = writer_->write(messages_, format_note({identity_.generation, at}));
  if (status.ok()) {
    cursor_ = at;
    return status;
  }
  if (!writer_->taken_over()) return status;
  const Result<std::optional<CursorNote>> note = read();
  if (note.ok() && *note && (*note)->generation > identity_.generation) {
    return checkpoint::fenced(place_, identity_.generation, (*note)->generation);
  }
  return status;
}

}  // namespace streamutils::ssink_kafka
