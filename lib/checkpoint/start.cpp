// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/start.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include "lib/checkpoint/root_watch.hpp"
#include "lib/checkpoint/sink.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/stream/decoder.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr Duration kLockLook{50'000};
constexpr Duration kFirstLook{1'000};
constexpr Duration kLastLook{20'000};

std::string restore_name(std::string_view run) { return fmt::format("restore/{}", run); }

std::string holder_words() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("pid {} on {}", getpid(), host.data());
}

/// RFC 9562, version 4.
std::string make_uuid() {
  std::string hex = make_run_id() + make_run_id();
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  for (const size_t at : {8, 13, 18, 23}) hex.insert(at, "-");
  return hex;
}

Result<std::unique_ptr<ObjectStore::Lock>> take_lock(ObjectStore& store, const StartSettings& settings,
                                                     Patience& patience, Context& context) {
  const MonoTime until = context.clock.mono() + settings.lock_patience;
  std::string other;
  for (;;) {
    STREAM_ASSIGN(auto lock, store.try_lock(holder_words(), &other));
    if (lock) return lock;
    if (context.clock.mono() >= until) {
      return usage_error(
          "checkpoint '{}' is in use by another start of the pipeline ({}): stop that one first, or give "
          "this one a directory of its own",
          store.place(), other.empty() ? "unknown" : other);
    }
    STREAM_TRY(patience.pause(kLockLook));
  }
}

/// The manifest to go on from; empty in a fresh store. `pipeline` is set when it is known, also with --fresh.
Result<std::optional<Manifest>> choose_base(ObjectStore& store, std::optional<uint64_t> newest,
                                            const StartSettings& settings, std::string& pipeline) {
  std::optional<Manifest> base;
  if (!newest) {
    if (settings.from_epoch)
      return usage_error("--from-epoch {}: checkpoint '{}' is empty", *settings.from_epoch, store.place());
    return base;
  }
  if (settings.fresh) {
    // Nothing of it is used but the name of the pipeline, which keeps its sinks' cursors, and so keeps older starts
    // out. All manifests have it: any that is whole will do.
    STREAM_ASSIGN(const std::vector<std::string> names, store.list("manifest/"));
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      const auto number = manifest_number(*name);
      if (!number) continue;
      auto known = read_manifest(store, *number);
      if (known.ok()) pipeline = known->pipeline;
      if (known.ok()) break;
      if (known.status().code() != Code::usage) return known.take_status();
    }
    return base;
  }
  if (settings.from_epoch) {
    STREAM_ASSIGN(const std::vector<std::string> names, store.list("manifest/"));
    std::string kept;
    bool found = false;
    for (const std::string& name : names) {
      const auto number = manifest_number(name);
      if (!number) continue;
      found |= *number == *settings.from_epoch;
      kept += fmt::format("{}{}", kept.empty() ? "" : ", ", *number);
    }
    if (!found) {
      return usage_error("--from-epoch {}: checkpoint '{}' keeps the epochs {}", *settings.from_epoch, store.place(),
                         kept);
    }
  }
  STREAM_ASSIGN(base, read_manifest(store, settings.from_epoch.value_or(*newest)));
  pipeline = base->pipeline;
  return base;
}

/// Without any manifest a start is the first one, unless objects say that there were others.
Status check_nothing_lost(ObjectStore& store) {
  STREAM_ASSIGN(const std::vector<std::string> names, store.list(""));
  if (names.empty()) return {};
  STREAM_ASSIGN(const std::optional<uint64_t> made_meanwhile, newest_manifest(store));
  if (made_meanwhile) return {};
  return usage_error(
      "checkpoint '{}' has no manifest, but {} of an earlier start: its manifests were lost; put them back from a "
      "copy, "
      "or start over with --fresh (the sinks' stores keep what they hold, and all of it comes again)",
      store.place(), names.front());
}

Status check_members(const Manifest& base, const std::vector<MemberInfo>& members, const ObjectStore& store) {
  for (const Ack& saved : base.members) {
    const bool there =
        std::any_of(members.begin(), members.end(), [&](const MemberInfo& m) { return m.name == saved.stage; });
    if (there) continue;
    return usage_error("checkpoint '{}' has a part of {}, which this pipeline does not have: use the old pipeline{}",
                       store.place(), saved.stage, way_out(store));
  }
  return {};
}

/// Every range with an end was read up to it.
bool was_read(const Manifest& manifest) {
  return std::ranges::all_of(manifest.open.sources, [&](const UnitRange& range) {
    const auto at = std::ranges::find_if(manifest.positions, [&](const auto& p) { return p.first == range.unit; });
    return !range.end || (at != manifest.positions.end() && at->second >= *range.end);
  });
}

/// The bounds that hold from now on: those of an unfinished range, and those of units that are new. A range that was
/// stopped on the way is not finished.
void take_bounds(const Manifest* base, const Open& open, Manifest& next) {
  next.open = open;
  if (!base || (base->kind == Manifest::Kind::ended && was_read(*base))) return;
  for (UnitRange& range : next.open.sources) {
    for (const UnitRange& known : base->open.sources) {
      if (known.unit == range.unit) range = known;
    }
  }
  for (const UnitRange& known : base->open.sources) {
    const auto same = [&](const UnitRange& range) { return range.unit == known.unit; };
    if (std::none_of(next.open.sources.begin(), next.open.sources.end(), same)) next.open.sources.push_back(known);
  }
}

Manifest start_manifest(const std::optional<Manifest>& base, uint64_t number, const Open& open,
                        const StartSettings& settings, std::string pipeline, const Context& context) {
  Manifest next;
  next.kind = base && base->kind == Manifest::Kind::finished ? Manifest::Kind::finished : Manifest::Kind::start;
  next.number = next.generation = number;
  next.pipeline = std::move(pipeline);
  next.run = open.run;
  next.holder = holder_words();
  next.created = context.clock.wall();
  take_bounds(base ? &*base : nullptr, open, next);
  // No positions: every start so far was stopped before it knew any, so this one's count.
  if (!base || base->positions.empty()) {
    for (const UnitRange& range : open.sources) next.positions.emplace_back(range.unit, range.start);
  }
  if (!base) return next;
  next.from = base->number;
  if (!base->positions.empty()) next.positions = base->positions;
  next.members = base->members;
  next.rewound = settings.from_epoch.has_value() || (base->kind == Manifest::Kind::start && base->rewound);
  return next;
}

}  // namespace

Result<Started> start_root(ObjectStore& store, const Open& open, const StartSettings& settings, Patience& patience,
                           Context& context) {
  Started started;
  if (settings.fresh && settings.from_epoch) return usage_error("--fresh and --from-epoch exclude each other");
  STREAM_ASSIGN(started.members, find_members(open, store.place()));
  STREAM_ASSIGN(started.lock, take_lock(store, settings, patience, context));
  for (;;) {
    STREAM_ASSIGN(const std::optional<uint64_t> newest, newest_manifest(store));
    if (!newest && !settings.fresh) STREAM_TRY(check_nothing_lost(store));
    std::string pipeline = make_uuid();
    STREAM_ASSIGN(const std::optional<Manifest> base, choose_base(store, newest, settings, pipeline));
    if (base) STREAM_TRY(check_members(*base, started.members, store));
    started.manifest = start_manifest(base, newest.value_or(0) + 1, open, settings, pipeline, context);
    STREAM_ASSIGN(const bool won,
                  store.put_if_absent(manifest_name(started.manifest.number), format_manifest(started.manifest)));
    if (!won) continue;
    // A number that was free because its manifest had been removed as garbage is no success: another start was faster.
    STREAM_ASSIGN(const std::optional<uint64_t> now, newest_manifest(store));
    if (now == started.manifest.number) break;
  }
  STREAM_TRY(store.clean(open.run));
  if (settings.from_epoch) {
    context.log.warn(
        "going back to epoch {}: effects of later epochs that are in the sinks' stores stay there, and come again",
        *settings.from_epoch);
  }
  return started;
}

Status announce(ObjectStore& store, const Started& started, std::string_view run) {
  STREAM_ASSIGN(const bool first, store.put_if_absent(restore_name(run), std::to_string(started.manifest.number)));
  if (!first) return failed("checkpoint '{}' already knows the run {}: start the pipeline again", store.place(), run);
  return {};
}

namespace {

/// The newest manifest when its number is beyond `number`. One that is removed between listing and reading has been
/// followed by another.
Result<std::optional<Manifest>> newest_after(ObjectStore& store, uint64_t number) {
  for (;;) {
    STREAM_ASSIGN(const std::optional<uint64_t> newest, newest_manifest(store));
    if (!newest || *newest <= number) return std::optional<Manifest>();
    auto manifest = read_manifest(store, *newest);
    if (manifest.ok()) return std::optional(*std::move(manifest));
    STREAM_ASSIGN(const bool there, store.exists(manifest_name(*newest)));
    if (there) return manifest.take_status();
  }
}

}  // namespace

Result<Manifest> await_start(ObjectStore& store, std::string_view run, Patience& patience) {
  STREAM_ASSIGN(const std::optional<uint64_t> before, newest_manifest(store));
  Duration look = kFirstLook;
  RootWatch root(store);
  for (;;) {
    STREAM_ASSIGN(const auto text, store.get(restore_name(run)));
    if (text) {
      uint64_t number = 0;
      std::from_chars(text->data(), text->data() + text->size(), number);
      return read_manifest(store, number);
    }
    // A start that came after ours removes our word with our manifest.
    STREAM_ASSIGN(const std::optional<Manifest> last, newest_after(store, before.value_or(0)));
    if (last && last->run != run && last->generation > before.value_or(0)) {
      return fenced(store.place(), before.value_or(0) + 1, last->generation);
    }
    STREAM_TRY(patience.pause(look));
    STREAM_TRY(root.waited(look));
    look = std::min(Duration{look.us * 2}, kLastLook);
  }
}

namespace {

/// A manifest of a later generation than ours; empty when there is none. Manifests older than the last few are removed,
/// so that an old start may find a number free that was taken: only the newest tells.
Result<std::optional<uint64_t>> later_generation(ObjectStore& store, uint64_t number, uint64_t generation) {
  STREAM_ASSIGN(const std::optional<Manifest> last, newest_after(store, number));
  return last && last->generation > generation ? std::optional(last->generation) : std::nullopt;
}

}  // namespace

Result<bool> is_decided(ObjectStore& store, uint64_t number, std::string_view run, uint64_t generation) {
  STREAM_ASSIGN(const bool there, store.exists(manifest_name(number)));
  if (!there) {
    // Taken by a later generation, and removed by its clean-up since.
    STREAM_ASSIGN(const auto later, later_generation(store, number, generation));
    return later ? Result<bool>(fenced(store.place(), generation, *later)) : Result<bool>(false);
  }
  STREAM_ASSIGN(const Manifest manifest, read_manifest(store, number));
  if (manifest.run != run) return fenced(store.place(), generation, manifest.generation);
  STREAM_ASSIGN(const auto later, later_generation(store, number, generation));
  if (later) return fenced(store.place(), generation, *later);
  return true;
}

Status decide(ObjectStore& store, const Manifest& manifest) {
  STREAM_ASSIGN(const bool won, store.put_if_absent(manifest_name(manifest.number), format_manifest(manifest)));
  if (!won) {
    STREAM_ASSIGN(const Manifest other, read_manifest(store, manifest.number));
    return fenced(store.place(), manifest.generation, other.generation);
  }
  STREAM_ASSIGN(const auto later, later_generation(store, manifest.number, manifest.generation));
  if (later) return fenced(store.place(), manifest.generation, *later);
  return {};
}

Status or_fenced(Status status, ObjectStore& store, uint64_t generation) {
  if (status.ok() || generation == 0 || status.code() == Code::fenced) return status;
  auto later = later_generation(store, generation, generation);
  return later.ok() && *later ? fenced(store.place(), generation, **later) : std::move(status);
}

}  // namespace streamutils::checkpoint
