// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/sdivert.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "lib/stream/control_json.hpp"
#include "lib/stream/state_options.hpp"

namespace streamutils::sdivert {

namespace {

/// u32 version | u32 number of files, and for each: text path, u64 length in bytes
constexpr uint32_t kStateVersion = 1;
constexpr Duration kLookEvery{1'000'000};
constexpr Duration kGrace{5'000'000};
constexpr Duration kLookAtCommands{20'000};
constexpr Duration kMoment{1'000'000};

/// The first failure is the one to end with; the others are said.
void keep_first(Status& first, Status status, Log& log) {
  if (status.ok()) return;
  if (first.ok()) {
    first = std::move(status);
  } else {
    log.error("{}", status.message());
  }
}

}  // namespace

Sdivert::Sdivert(const Options& options, Context& context, std::function<bool()> neighbour_died)
    : raw_(options.raw),
      append_(options.append),
      check_only_(options.check_only),
      checkpoint_(options.checkpoint),
      context_(context),
      main_line_{STDOUT_FILENO, std::move(neighbour_died), std::nullopt, nullptr} {}

Sdivert::~Sdivert() = default;

Result<std::unique_ptr<Sdivert>> Sdivert::create(const Options& options, Context& context,
                                                 std::function<bool()> neighbour_died) {
  std::unique_ptr<Sdivert> op(new Sdivert(options, context, std::move(neighbour_died)));
  STREAM_TRY(op->add_targets(options));
  if (options.check_only) STREAM_TRY(op->check());
  return op;
}

Status Sdivert::add_targets(const Options& options) {
  for (const Diversion& diversion : options.files) {
    targets_[diversion.label].files.push_back(&file(diversion.target));
  }
  for (const Diversion& diversion : options.commands) {
    const std::string word = diversion.label == "*" ? "others" : diversion.label;
    STREAM_ASSIGN(auto branch,
                  Branch::create("--exec " + diversion.label, word, diversion.target, options, main_line_, context_));
    targets_[diversion.label].branches.push_back(branch.get());
    sides_.push_back(std::move(branch));
  }
  for (const std::string& command : options.copies) {
    const std::string word = fmt::format("copy{}", copies_.size() + 1);
    STREAM_ASSIGN(auto branch, Branch::create("--copy", word, command, options, main_line_, context_));
    copies_.push_back(std::move(branch));
  }
  for (auto& [label, targets] : targets_) {
    targets.records = &context_.metrics.counter(
        "stream_diverted_records_total", "Side records taken out of the main stream, by label.", {{"label", label}});
  }
  return {};
}

/// Two labels may go to one file.
LineFile& Sdivert::file(const std::string& path) {
  for (const auto& known : files_) {
    if (known->path() == path) return *known;
  }
  return *files_.emplace_back(std::make_unique<LineFile>(path));
}

Status Sdivert::check() const {
  for (const auto& f : files_) STREAM_TRY(f->check());
  for (const Branch* branch : branches()) STREAM_TRY(branch->check());
  return {};
}

std::vector<Branch*> Sdivert::branches() const {
  std::vector<Branch*> out;
  for (const auto& branch : sides_) out.push_back(branch.get());
  for (const auto& branch : copies_) out.push_back(branch.get());
  return out;
}

Status Sdivert::start() {
  if (check_only_) return {};
  if (checkpoint_.empty()) {
    for (const auto& f : files_) STREAM_TRY(f->open(append_));
  }
  for (Branch* branch : branches()) STREAM_TRY(branch->start());
  next_look_ = context_.clock.mono() + kLookEvery;
  return {};
}

void Sdivert::hold_output() {
  if (!check_only_ && !branches().empty()) held_output_ = Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
}

Status Sdivert::on_open(Open& open, Output& out) {
  for (const auto& copy : copies_) STREAM_TRY(copy->open(open));
  // The records of these branches are descriptions of records: nothing is known of their fields.
  Open plain = open;
  plain.time.reset();
  plain.keys.clear();
  plain.results = false;
  plain.lateness = Duration{0};
  for (const auto& side : sides_) STREAM_TRY(side->open(plain));
  if (!checkpoint_.empty() && !open.stages.empty()) {
    const StageInfo own = open.stages.back();
    for (const Branch* branch : branches()) {
      open.stages.push_back({.path = fmt::format("{}.{}.1", own.path, branch->path_word()),
                             .program = std::string(branch->program()),
                             .stateful = true,
                             .checkpoint = own.checkpoint});
    }
  }
  return out.control(open);
}

Status Sdivert::begin_files() {
  for (const auto& f : files_) {
    if (!f->is_open()) STREAM_TRY(f->begin(append_));
  }
  return {};
}

Status Sdivert::on_records(const Batch& batch, Output& out) {
  main_line_is(out);
  for (const auto& copy : copies_) STREAM_TRY(copy->records(batch));
  return out.records(batch);
}

Sdivert::Targets* Sdivert::find(std::string_view label) {
  auto found = targets_.find(label);
  if (found == targets_.end()) found = targets_.find("*");
  return found == targets_.end() ? nullptr : &found->second;
}

Status Sdivert::on_side(const SideRecord& item, Output& out) {
  Targets* targets = find(item.label);
  if (!targets) return out.control(item);
  main_line_is(out);
  STREAM_TRY(begin_files());
  targets->records->add();
  line_.clear();
  if (raw_) {
    line_ = item.record;
    cut_ += item.full_size >= 0;
  } else {
    line_ += '{';
    append_side_members(line_, item, context_.units);
    line_ += '}';
  }
  for (LineFile* f : targets->files) STREAM_TRY(f->write(line_));
  for (Branch* branch : targets->branches) STREAM_TRY(branch->record(item.unit, line_));
  return {};
}

Status Sdivert::to_copies(const Control& item) {
  for (const auto& copy : copies_) STREAM_TRY(copy->control(item));
  return {};
}

Status Sdivert::to_all(const Control& item, Output& out) {
  main_line_is(out);
  STREAM_TRY(to_copies(item));
  for (const auto& side : sides_) STREAM_TRY(side->control(item));
  return out.control(item);
}

// Watermarks, and which units swatermark holds idle, are about the event time of the main records.
Status Sdivert::on_watermark(const Watermark& item, Output& out) {
  main_line_is(out);
  STREAM_TRY(to_copies(item));
  return out.control(item);
}

Status Sdivert::on_idle(const Idle& item, Output& out) {
  main_line_is(out);
  STREAM_TRY(to_copies(item));
  return out.control(item);
}

// Acks of the main line are its own: the sinks of branches acknowledge through the store.
Status Sdivert::on_barrier(const Barrier& item, Output& out) {
  STREAM_TRY(to_all(item, out));
  STREAM_TRY(out.flush());  // before the branches, which may be full
  for (Branch* branch : branches()) STREAM_TRY(branch->flush());
  if (checkpoint_.empty()) return {};
  STREAM_TRY(begin_files());
  for (const auto& f : files_) STREAM_TRY(f->sync());
  return {};
}

Status Sdivert::end_branches(const End& item) {
  Status first;
  for (Branch* branch : branches()) {
    Status status = branch->control(item);
    if (status.ok()) status = branch->finish();
    branch->close();
    keep_first(first, std::move(status), context_.log);
  }
  return first;
}

Status Sdivert::on_end(const End& item, Output& out) {
  ended_ = true;
  main_line_is(out);
  Status status = end_branches(item);
  main_line_.out = nullptr;
  if (stateful() && item.last_epoch) {
    keep_first(status, begin_files(), context_.log);
    for (const auto& f : files_) {
      if (f->is_open()) keep_first(status, f->sync(), context_.log);
    }
  }
  for (const auto& f : files_) {
    if (f->is_open()) keep_first(status, f->flush(), context_.log);
  }
  STREAM_TRY(std::move(status));  // without `end` the main line, too, knows that something is missing
  return out.control(item);
}

Status Sdivert::on_quiet(Output& out) {
  main_line_is(out);
  for (const auto& f : files_) {
    if (f->is_open()) STREAM_TRY(f->flush());
  }
  for (Branch* branch : branches()) STREAM_TRY(branch->flush());
  return {};
}

std::optional<MonoTime> Sdivert::deadline() const {
  if (ended_ || (sides_.empty() && copies_.empty())) return std::nullopt;
  return next_look_;
}

Status Sdivert::look_at_branches() {
  for (Branch* branch : branches()) STREAM_TRY(branch->poll());
  return {};
}

Status Sdivert::on_deadline(Output&) {
  STREAM_TRY(look_at_branches());
  next_look_ = context_.clock.mono() + kLookEvery;
  return {};
}

Status Sdivert::finish(Code outcome) {
  if (check_only_) return {};
  Status first;
  for (const auto& f : files_) keep_first(first, f->close(), context_.log);
  if (cut_ > 0) {
    context_.log.warn("{} records beyond the size limit: --raw wrote the first {} bytes of each", cut_,
                      kSideRecordHead);
  }
  if (outcome == Code::ok) {
    keep_first(first, wait_for_commands(), context_.log);
    return first;
  }
  held_output_.reset();
  main_line_.output_fd = -1;
  main_line_.out = nullptr;
  main_line_.neighbour_died = nullptr;
  main_line_.give_up = context_.clock.mono() + kGrace;
  if (outcome == Code::broken_pipe && !ended_ && checkpoint_.empty()) {
    // Downstream wanted no more: a clean stop for the branches, as for a source that is stopped. After any other
    // failure they miss their `end`, as the main line does.
    ended_ = true;
    keep_first(first, end_branches(End{.fire = false}), context_.log);
  } else {
    for (Branch* branch : branches()) keep_first(first, branch->cut_off(), context_.log);
  }
  stop_commands();
  return first;
}

Status Sdivert::snapshot(StateWriter& state) const {
  state.u32(kStateVersion);
  state.u32(static_cast<uint32_t>(files_.size()));
  for (const auto& f : files_) {
    state.text(f->path());
    state.u64(f->length());
  }
  return {};
}

Status Sdivert::restore(StateReader& state) {
  STREAM_TRY(read_state_version(state, kStateVersion, "sdivert"));
  std::vector<std::pair<std::string, uint64_t>> saved;
  for (uint32_t n = state.u32(); n > 0 && state.ok(); --n) {
    std::string path(state.text());
    saved.emplace_back(std::move(path), state.u64());
  }
  STREAM_TRY(state.status("sdivert"));
  if (!state.at_end()) return failed("the saved state of sdivert is damaged");
  for (const auto& [path, length] : saved) {
    const auto known = std::find_if(files_.begin(), files_.end(), [&](const auto& f) { return f->path() == path; });
    if (known == files_.end()) {
      context_.log.warn("--to: '{}' is no target any more and stays as it is; it may have records that come again",
                        path);
    } else if ((*known)->is_open()) {
      return failed("the saved state of sdivert is damaged");
    } else {
      STREAM_TRY((*known)->set_back(length));
    }
  }
  for (const auto& f : files_) {
    if (!f->is_open()) context_.log.info("--to: '{}' is new", f->path());
  }
  return begin_files();
}

/// When a command has failed, the others wait for a decision that the root sink cannot take.
void Sdivert::release_output_when_decided() {
  while (held_output_.is_open()) {
    Branch* running = nullptr;
    bool failed = false;
    for (Branch* branch : branches()) {
      failed |= branch->has_failed();
      if (!branch->wait_for(Duration{0})) running = branch;
    }
    if (failed || !running) held_output_.reset();
    if (running) running->wait_for(kLookAtCommands);
  }
}

Status Sdivert::wait_for_commands() {
  Status first;
  release_output_when_decided();
  for (Branch* branch : branches()) keep_first(first, branch->wait(), context_.log);
  return first;
}

void Sdivert::stop_commands() {
  const MonoTime end = context_.clock.mono() + kGrace;
  for (Branch* branch : branches()) branch->close();
  for (Branch* branch : branches()) {
    if (branch->wait_for(std::max(Duration{0}, end - context_.clock.mono()))) continue;
    branch->send(SIGTERM);
    if (!branch->wait_for(kMoment)) branch->send(SIGKILL);
  }
}

}  // namespace streamutils::sdivert
