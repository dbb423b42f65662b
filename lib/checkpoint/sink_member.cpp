// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/sink_member.hpp"

#include <algorithm>

#include "lib/checkpoint/sealed.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/checkpoint/stage_member.hpp"
#include "lib/stream/control_json.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr Duration kWatch{1'000'000};  // how often the root looks whether it is still the last start
constexpr Duration kLook{5'000};       // how soon acks of side sinks and decisions are looked for, at first

std::string ack_name(std::string_view run, uint64_t epoch, std::string_view member) {
  return fmt::format("ack/{}/{}/{}", run, epoch, member);
}

const ObjectRef* spool_of(const Ack* ack) {
  if (!ack) return nullptr;
  const auto found = std::find_if(ack->objects.begin(), ack->objects.end(),
                                  [](const ObjectRef& object) { return object.name.starts_with("spool/"); });
  return found == ack->objects.end() ? nullptr : &*found;
}

Result<Ack> parse_ack(std::string_view name, std::string text) {
  const Unsealed content = unsealed(text);
  if (!content.intact || !content.text.ends_with('\n'))
    return failed("{} is cut short or changed; its epoch is made again by the next start", name);
  Units units;
  ControlParser parser(units);
  const size_t size = content.text.size();
  text.append(kJsonPadding, '\0');
  auto parsed = parser.parse(std::string_view(text).substr(0, size - 1));  // without the line's end
  if (!parsed.ok()) return parsed.take_status().at(name);
  auto* ack = std::get_if<Ack>(&parsed->item);
  if (!ack) return failed("{}: no ack", name);
  return std::move(*ack);
}

}  // namespace

/// An epoch that this sink has acknowledged: waits for the decision, then for its spool to be applied.
struct SinkMember::Pending {
  uint64_t epoch = 0;
  std::vector<std::pair<std::string, int64_t>> positions;
  Manifest::Kind kind = Manifest::Kind::epoch;
  Ack own;
};

SinkMember::SinkMember(TransactionalSink& sink, SinkSettings settings, ObjectStore& store, Patience& patience,
                       Context& context)
    : sink_(sink),
      settings_(std::move(settings)),
      store_(store),
      patience_(patience),
      context_(context),
      garbage_(store) {}
SinkMember::~SinkMember() = default;

Status SinkMember::on_open(Open& open, Output& out) {
  if (open.stages.empty()) return failed("the stream's open lists no stage");
  run_ = open.run;
  name_ = member_name(open.stages, open.stages.size() - 1);
  const bool side = open.stages.back().path.find('.') != std::string::npos;
  if (side && (settings_.start.fresh || settings_.start.from_epoch)) {
    return usage_error("--fresh and --from-epoch belong to the last program of the pipeline, not into a branch");
  }
  sink_.spool_to([this](std::string_view chunk) -> Status {
    const Cursor after = spool_->chunks() == 0 ? cursor_ : Cursor{next_epoch_, spool_->chunks()};
    STREAM_TRY(spool_->add(chunk));
    return sink_.show(after, {next_epoch_, spool_->chunks()}, chunk);
  });
  STREAM_TRY(sink_.on_open(open, out));
  return side ? open_side() : open_root(open);
}

Status SinkMember::open_root(const Open& open) {
  STREAM_ASSIGN(started_, start_root(store_, open, settings_.start, patience_, context_));
  STREAM_TRY(go_on_from(started_->manifest));
  STREAM_TRY(announce(store_, *started_, run_));
  return garbage_.collect(started_->manifest);
}

Status SinkMember::open_side() {
  STREAM_ASSIGN(const Manifest manifest, await_start(store_, run_, patience_));
  return go_on_from(manifest);
}

/// The sink's own store is brought to where `manifest` says, and the sink to the state it had there.
Status SinkMember::go_on_from(const Manifest& manifest) {
  generation_ = manifest.generation;
  next_epoch_ = manifest.number + 1;
  finished_ = manifest.kind == Manifest::Kind::finished;
  const Ack* own = manifest.member(name_);
  const ObjectRef* spool = spool_of(own);
  std::unique_ptr<SpoolReader> reader;
  if (spool) {
    STREAM_ASSIGN(reader, SpoolReader::open(store_, *spool));
  }
  TransactionalSink::Expected expected;
  if (own && own->cursor) {
    expected.last = *own->cursor;
    expected.first = reader ? reader->head().after : expected.last;
  }
  expected.reset = !own || !own->cursor;
  expected.rewind = manifest.rewound;
  STREAM_TRY(sink_.fence({manifest.pipeline, name_, generation_}, expected).take_status());
  if (reader) STREAM_TRY(apply(*reader));  // what the store has of it is skipped there
  cursor_ = expected.last;
  if (!finished_) STREAM_TRY(restore_member(sink_, name_, settings_.program, manifest, store_, context_));
  begin_spool();
  return {};
}

void SinkMember::begin_spool() {
  spool_ = std::make_unique<SpoolWriter>(store_, spool_name(run_, next_epoch_, name_),
                                         SpoolHead{.epoch = next_epoch_, .after = cursor_});
}

Status SinkMember::on_barrier(const Barrier& item, Output& out) {
  STREAM_TRY(sink_.on_barrier(item, out));
  return cut(item.epoch, item.positions, Manifest::Kind::epoch);
}

Status SinkMember::cut(uint64_t epoch, Positions positions, Manifest::Kind kind) {
  return or_fenced(try_cut(epoch, std::move(positions), kind), store_, generation_);
}

Status SinkMember::try_cut(uint64_t epoch, Positions positions, Manifest::Kind kind) {
  if (epoch != next_epoch_) return failed("the stream's epoch {} comes where {} was due", epoch, next_epoch_);
  STREAM_TRY(sink_.cut());
  STREAM_TRY(settle_all());  // only then may this epoch be acknowledged
  StateWriter state;
  STREAM_TRY(sink_.snapshot(state));
  Ack own{.epoch = epoch, .stage = name_, .objects = {}, .cursor = cursor_};
  STREAM_ASSIGN(ObjectRef snapshot,
                put_snapshot(store_, state_name(run_, epoch, name_),
                             {.program = settings_.program, .version = STREAM_VERSION, .state = state.take()}));
  own.objects.push_back(std::move(snapshot));
  STREAM_ASSIGN(std::optional<ObjectRef> spool, spool_->commit());
  if (spool) {
    own.objects.push_back(std::move(*spool));
    own.cursor = Cursor{epoch, spool_->chunks()};
  }
  if (!root()) {
    std::string text;
    append_control(text, own, context_.units);
    const std::string name = ack_name(run_, epoch, name_);
    STREAM_ASSIGN(const bool first, store_.put_if_absent(name, sealed(text + '\n')));
    if (!first) return failed("checkpoint '{}' already has {}", store_.place(), name);
  }
  look_ = kLook;
  pending_ = std::make_unique<Pending>(Pending{epoch, std::move(positions), kind, std::move(own)});
  cursor_ = *pending_->own.cursor;
  ++next_epoch_;
  begin_spool();
  return try_settle();
}

Status SinkMember::on_ack(const Ack& item, Output& out) {
  STREAM_TRY(sink_.on_ack(item, out));
  if (!root() || item.epoch < next_epoch_ - 1) return {};
  acks_[item.epoch].insert_or_assign(item.stage, item);
  if (!pending_ || !all_of_line_acknowledged()) return {};
  look_ = kLook;
  return settle();
}

Status SinkMember::settle() { return or_fenced(try_settle(), store_, generation_); }

Status SinkMember::try_settle() {
  if (!pending_) return {};
  // Acks of the own line come by themselves.
  const bool waits_for_line = root() && !all_of_line_acknowledged();
  next_look_ = context_.clock.mono() + (waits_for_line ? kWatch : look_);
  look_ = std::min(Duration{look_.us * 2}, kLongestLook);
  if (root()) {
    STREAM_ASSIGN(const bool complete, collect_side_acks());
    // A later generation removes acks that this one waits for.
    if (!complete) return is_decided(store_, pending_->epoch, run_, generation_).take_status();
    STREAM_TRY(publish());
  } else {
    STREAM_ASSIGN(const bool decided, is_decided(store_, pending_->epoch, run_, generation_));
    if (!decided) return {};
  }
  if (const ObjectRef* spool = spool_of(&pending_->own)) {
    STREAM_ASSIGN(const auto reader, SpoolReader::open(store_, *spool));
    STREAM_TRY(apply(*reader));
  }
  pending_.reset();
  return root() ? garbage_.collect(started_->manifest) : Status();
}

Status SinkMember::settle_all() {
  while (pending_) {
    STREAM_ASSIGN(const bool in_vain, waits_in_vain());  // asked first: the last look comes after the others' last act
    STREAM_TRY(try_settle());
    if (!pending_) break;
    if (in_vain)
      return failed("epoch {} was not decided: {} ended before that", pending_->epoch,
                    root() ? "a branch" : "the last program");
    STREAM_TRY(patience_.pause(kLook));
  }
  return {};
}

/// After the end of the stream a dead neighbour no longer shows in the input. The root waits for sinks of branches,
/// which live no longer than the stage that feeds both; these wait for the root, which holds the lock as long as it
/// lives.
Result<bool> SinkMember::waits_in_vain() {
  if (root()) return patience_.input_closed();
  std::string holder;
  STREAM_ASSIGN(const auto lock, store_.try_lock({}, &holder));
  return lock != nullptr;
}

bool SinkMember::all_of_line_acknowledged() const {
  const auto acks = acks_.find(pending_->epoch);
  return std::ranges::all_of(started_->members, [&](const MemberInfo& member) {
    return member.side || member.name == name_ || (acks != acks_.end() && acks->second.contains(member.name));
  });
}

/// True when every member's ack of the pending epoch is there.
Result<bool> SinkMember::collect_side_acks() {
  auto& acks = acks_[pending_->epoch];
  for (const MemberInfo& member : started_->members) {
    if (member.name == name_ || acks.contains(member.name)) continue;
    if (!member.side) return false;
    const std::string name = ack_name(run_, pending_->epoch, member.name);
    STREAM_ASSIGN(auto text, store_.get(name));
    if (!text) return false;
    STREAM_ASSIGN(Ack ack, parse_ack(name, *std::move(text)));
    acks.emplace(member.name, std::move(ack));
  }
  return true;
}

/// The decision.
Status SinkMember::publish() {
  Manifest& manifest = started_->manifest;
  auto& acks = acks_[pending_->epoch];
  manifest.members.clear();
  for (const MemberInfo& member : started_->members) {
    manifest.members.push_back(member.name == name_ ? pending_->own : std::move(acks.at(member.name)));
  }
  manifest.kind = pending_->kind;
  manifest.number = pending_->epoch;
  manifest.created = context_.clock.wall();
  manifest.from.reset();
  manifest.rewound = false;
  manifest.positions = pending_->positions;
  STREAM_TRY(decide(store_, manifest));
  acks_.erase(acks_.begin(), acks_.upper_bound(pending_->epoch));
  return {};
}

/// Brings the sink's own store from where it stands to the end of the spool.
Status SinkMember::apply(SpoolReader& reader) {
  Cursor after = reader.head().after;
  for (uint64_t number = 1;; ++number) {
    STREAM_ASSIGN(const auto chunk, reader.next());
    if (!chunk) break;
    const Cursor at{reader.head().epoch, number};
    STREAM_TRY(sink_.apply(after, at, *chunk));
    after = at;
  }
  return sink_.drain();
}

Status SinkMember::on_end(const End& item, Output& out) {
  if (!finished_) {
    if (!item.last_epoch) {
      return failed(
          "the stream ended without its last epoch: it was cut off, and the next start goes on from the checkpoint");
    }
    STREAM_TRY(cut(*item.last_epoch, item.positions, item.fire ? Manifest::Kind::finished : Manifest::Kind::ended));
    STREAM_TRY(or_fenced(settle_all(), store_, generation_));
  }
  return sink_.on_end(item, out);
}

Status SinkMember::on_quiet(Output& out) { return sink_.on_quiet(out); }

std::optional<MonoTime> SinkMember::deadline() const {
  const auto inner = sink_.deadline();
  if (!root() && !pending_) return inner;
  return inner ? std::min(*inner, next_look_) : next_look_;
}

Status SinkMember::on_deadline(Output& out) {
  const MonoTime now = context_.clock.mono();
  if (now >= next_look_ && pending_) {
    STREAM_TRY(settle());
  } else if (now >= next_look_ && root()) {
    // With its lock lost a start may have been replaced while it was stopped, and have nothing to do that would show
    // it.
    next_look_ = now + kWatch;
    STREAM_TRY(is_decided(store_, next_epoch_, run_, generation_).take_status());
  }
  const auto inner = sink_.deadline();
  return inner && now >= *inner ? sink_.on_deadline(out) : Status();
}

}  // namespace streamutils::checkpoint
