// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/world.hpp"

#include "lib/checkpoint/sink_member.hpp"
#include "lib/checkpoint/source_member.hpp"
#include "lib/checkpoint/stage_member.hpp"
#include "lib/window/window_operator.hpp"
#include "tests/crash/hooked_sink.hpp"
#include "tests/crash/pipe.hpp"
#include "tools/swatermark/swatermark.hpp"

namespace streamutils::crash {

namespace {

constexpr Duration kInterval{20'000};
constexpr Duration kPace{5'000};
constexpr std::string_view kPlace = "/checkpoint";

}  // namespace

/// All processes of one start.
class Start {
 public:
  Start(World& world, uint64_t seed, std::optional<Trap> trap)
      : world_(world), scheduler_(world.clock_, seed), random_(seed), trap_(std::move(trap)) {}

  void begin() {
    add("source", "1", nullptr, &pipes_[0], [this](Process& p) { return run_source(p); });
    add("swatermark", "2", &pipes_[0], &pipes_[1], [this](Process& p) { return run_swatermark(p); });
    add("swindow", "3", &pipes_[1], &pipes_[2], [this](Process& p) { return run_swindow(p); });
    add("tee", "4", &pipes_[2], &pipes_[3], [this](Process& p) { return run_tee(p); });
    add("side", "4.late.1", &side_pipe_, nullptr, [this](Process& p) { return run_sink(p, world_.side_store); });
    add("sink", "5", &pipes_[3], nullptr, [this](Process& p) { return run_sink(p, world_.main_store); });
  }
  bool run() { return scheduler_.run(); }
  [[nodiscard]] bool trapped() const { return trapped_; }
  void go_on() {
    for (const auto& process : processes_) process->task->freeze(false);
  }
  void kill_all() {
    for (const auto& process : processes_) kill(*process);
  }
  World::Outcome outcome(bool hung) {
    World::Outcome out;
    out.hung = hung;
    out.trapped = trapped_;
    for (const auto& process : processes_) {
      const bool waits = hung && !process->task->ended();
      out.stages.emplace(process->name, waits ? failed("waits for ever") : process->status.clone());
    }
    return out;
  }

 private:
  struct Process final : checkpoint::Patience {
    Process(Start& start_, std::string name_, std::string path_, Pipe* in_, Pipe* out_)
        : start(start_), name(std::move(name_)), path(std::move(path_)), in(in_), out(out_) {}
    Start& start;
    std::string name, path;
    Pipe *in, *out;
    Scheduler::Task* task = nullptr;
    NullLog log;
    Metrics metrics;
    Units units;
    Context context{start.world_.clock_, log, metrics, units};
    std::unique_ptr<checkpoint::CrashFileSystem> files;
    std::unique_ptr<checkpoint::ObjectStore> store;
    std::unique_ptr<PipeWriter> writer;
    std::unique_ptr<PipeReader> reader;
    Status status;

    Status pause(Duration duration) override {
      start.scheduler_.wait([] { return false; }, start.world_.clock_.mono() + duration);
      if (task->killed()) return failed("killed");
      if (out && out->reader_gone) return Status(Code::broken_pipe, "the reader is gone");
      if (reader && reader->writer_died()) return failed("the writer died");
      return {};
    }
    [[nodiscard]] bool input_closed() const override { return in && in->writer_gone; }
  };

  /// Counts and springs the trap. Every point of every process comes here.
  Status reach(Process& process, const std::string& point) {
    if (process.task->killed()) return failed("killed");
    const int count = ++world_.reached[point];
    const int here = ++here_[point];
    static_cast<void>(count);
    if (!trap_ || trapped_ || trap_->point != point || trap_->occurrence != here) return {};
    trapped_ = true;
    switch (trap_->harm) {
      case Harm::kill_one:
        kill(process);
        return failed("killed");
      case Harm::kill_all:
      case Harm::power_loss:
        kill_all();
        return failed("killed");
      case Harm::stop_all:
        for (const auto& other : processes_) other->task->freeze(true);
        break;
      case Harm::stop_one:
        process.task->freeze(true);
        // The others find nothing to do, or a full pipe: as good as stopped. A twin is started by hand meanwhile.
        for (const auto& other : processes_) other->task->freeze(true);
        break;
    }
    scheduler_.wait([] { return true; }, std::nullopt);
    return process.task->killed() ? failed("killed") : Status();
  }

  static void kill(Process& process) {
    process.task->kill();
    process.task->freeze(false);
    if (process.files) process.files->kill();
  }

  void add(std::string name, std::string path, Pipe* in, Pipe* out, std::function<Status(Process&)> main) {
    auto& process =
        *processes_.emplace_back(std::make_unique<Process>(*this, std::move(name), std::move(path), in, out));
    process.task = &scheduler_.add(process.name, [this, &process, main = std::move(main)] {
      process.files = world_.disk.process([this, &process](const std::string& point) { return reach(process, point); });
      process.status = [&]() -> Status {
        STREAM_ASSIGN(process.store, checkpoint::open_directory_store(std::string(kPlace), *process.files));
        if (process.out)
          process.writer = std::make_unique<PipeWriter>(*process.out, scheduler_, process.units, binary());
        if (process.in) process.reader = std::make_unique<PipeReader>(*process.in, process.units);
        return main(process);
      }();
      const bool flushes = process.writer && !process.task->killed() && process.status.code() != Code::broken_pipe;
      if (flushes) {
        Status flushed = process.writer->flush();
        if (process.status.ok()) process.status = std::move(flushed);
      }
      if (process.in) process.in->reader_gone = true;
      if (process.out) process.out->writer_gone = true;
      if (process.name == "tee") side_pipe_.writer_gone = true;
      process.store.reset();
      process.files->kill();
    });
  }
  [[nodiscard]] bool binary() { return random_() % 2 == 0; }

  /// In front of a process' operator: adds the stage to `open`, and names the points of barriers and ends.
  class Entry final : public Output {
   public:
    Entry(Process& process, Operator& op, std::string program, Output& out)
        : process_(process), op_(op), program_(std::move(program)), out_(out) {}
    Status records(const Batch& batch) override { return op_.on_records(batch, out_); }
    Status control(const Control& item) override {
      if (const auto* open = std::get_if<Open>(&item)) {
        Open extended = *open;
        extended.stages.push_back({process_.path, program_, op_.stateful(), std::string(kPlace)});
        return op_.on_open(extended, out_);
      }
      const char* point = std::holds_alternative<Barrier>(item) ? "barrier"
                          : std::holds_alternative<End>(item)   ? "end"
                                                                : nullptr;
      if (!point) return dispatch(op_, item, out_);
      STREAM_TRY(process_.start.reach(process_, fmt::format("{} {} before", point, process_.name)));
      STREAM_TRY(dispatch(op_, item, out_));
      return process_.start.reach(process_, fmt::format("{} {} after", point, process_.name));
    }

   private:
    Process& process_;
    Operator& op_;
    const std::string program_;
    Output& out_;
  };

  /// Behind it: names the points of its own acks, and of what a source cuts.
  class Exit final : public Output {
   public:
    Exit(Process& process, Output* writer) : process_(process), writer_(writer) {}
    Status records(const Batch& batch) override { return writer_ ? writer_->records(batch) : Status(); }
    Status control(const Control& item) override {
      if (!writer_) return {};
      const auto* ack = std::get_if<Ack>(&item);
      const bool cut = process_.path == "1" && std::holds_alternative<Barrier>(item);
      if (!cut && !(ack && ack->stage == process_.name)) return writer_->control(item);
      const std::string point = (ack ? "ack " : "barrier ") + process_.name;
      STREAM_TRY(process_.start.reach(process_, point + " before"));
      STREAM_TRY(writer_->control(item));
      return process_.start.reach(process_, point + " after");
    }
    Status flush() override { return writer_ ? writer_->flush() : Status(); }

   private:
    Process& process_;
    Output* writer_;
  };

  Status due(Operator& op, Output& out) {
    const auto deadline = op.deadline();
    return deadline && world_.clock_.mono() >= *deadline ? op.on_deadline(out) : Status();
  }

  /// What run_loop() does.
  Status loop(Process& process, Operator& op, const std::string& program) {
    Exit exit(process, process.writer.get());
    Entry entry(process, op, program, exit);
    for (;;) {
      if (process.task->killed()) return failed("killed");
      if (process.reader->ready()) {
        STREAM_TRY(process.reader->poll(entry));
        if (process.reader->finished()) return {};
      } else {
        STREAM_TRY(op.on_quiet(exit));
        STREAM_TRY(exit.flush());
        if (process.out && process.out->reader_gone) return Status(Code::broken_pipe, "the reader is gone");
        scheduler_.wait([&] { return process.reader->ready() || (process.out && process.out->reader_gone); },
                        op.deadline());
      }
      STREAM_TRY(due(op, exit));
    }
  }

  Status run_source(Process& process) {
    checkpoint::SourceMember member(*process.store, kInterval, process, process.context);
    Exit exit(process, process.writer.get());
    Entry entry(process, member, "source", exit);
    Open open;
    open.run = make_run_id();
    for (const auto& unit : world_.log_)
      open.sources.push_back({unit.name, 0, static_cast<int64_t>(unit.records.size())});
    STREAM_TRY(entry.control(open));
    if (member.resume_point().finished) return entry.control(End{.fire = false});
    std::vector<size_t> next(world_.log_.size(), 0);
    for (size_t u = 0; u < next.size(); ++u) {
      const auto& unit = world_.log_[u];
      if (!member.resume_point().first) next[u] = static_cast<size_t>(member.resume_point().positions.at(unit.name));
      STREAM_TRY(entry.control(Assign{process.units.id(unit.name), static_cast<int64_t>(next[u]), 2}));
    }
    for (bool any = true; any;) {
      any = false;
      for (size_t u = 0; u < next.size(); ++u) {
        STREAM_TRY(give(process, world_.log_[u], next[u], entry));
        any |= next[u] < world_.log_[u].records.size();
        STREAM_TRY(due(member, exit));
        STREAM_TRY(exit.flush());
        scheduler_.wait([] { return false; }, world_.clock_.mono() + kPace);
        if (process.task->killed()) return failed("killed");
      }
    }
    return entry.control(End{.fire = true});
  }

  Status give(Process& process, const World::Unit& unit, size_t& next, Output& out) {
    BatchBuilder batch;
    batch.clear(process.units.id(unit.name));
    for (uint64_t n = 1 + random_() % 4; n > 0 && next < unit.records.size(); --n, ++next, ++world_.records_read) {
      const auto offset = static_cast<int64_t>(next);
      batch.append(unit.records[next], nullptr, &offset);
    }
    return batch.empty() ? Status() : out.records(batch.batch());
  }

  Status run_swatermark(Process& process) {
    swatermark::Options options;
    options.time_field = "t";
    options.time_unit = TimeUnit::s;
    STREAM_ASSIGN(auto op, swatermark::Swatermark::create(options, process.context));
    checkpoint::StageMember member(*op, "swatermark", *process.store, process, process.context);
    return loop(process, member, "swatermark");
  }

  Status run_swindow(Process& process) {
    window::WindowSettings settings;
    settings.size = settings.slide = Duration{10'000'000};
    settings.keys = {"k"};
    settings.aggregates = "n=count(), s=sum(v), d=distinct(v), p=p90(v), l=last(v)";
    settings.allowed_lateness = Duration{5'000'000};
    settings.scope = window::Scope::unit;
    settings.time_format = TimeFormat::s;
    STREAM_ASSIGN(auto op, window::WindowOperator::create(settings, process.context));
    checkpoint::StageMember member(*op, "swindow", *process.store, process, process.context);
    return loop(process, member, "swindow");
  }

  /// What sdivert --exec late=ssink does with items.
  class Tee final : public Operator {
   public:
    Tee(Process& process, PipeWriter& side) : process_(process), side_(side) {}
    Status on_open(Open& open, Output& out) override {
      Open branch = open;
      branch.stages.push_back({"4.late.0", "sdivert", false, ""});
      open.stages.push_back({"4.late.1", "ssink-memory", true, std::string(kPlace)});
      STREAM_TRY(side_.control(branch));
      STREAM_TRY(side_.flush());
      return out.control(open);
    }
    Status on_side(const SideRecord& item, Output& out) override {
      if (item.label != "late") return out.control(item);
      BatchBuilder batch;
      batch.clear(item.unit);
      batch.append(item.record, nullptr, &item.offset);
      return side_.records(batch.batch());
    }
    Status on_barrier(const Barrier& item, Output& out) override { return both(item, out); }
    Status on_end(const End& item, Output& out) override { return both(item, out); }
    Status on_quiet(Output&) override { return look(); }
    [[nodiscard]] std::optional<MonoTime> deadline() const override { return next_look_; }
    Status on_deadline(Output&) override {
      next_look_ = process_.context.clock.mono() + Duration{10'000};
      return look();
    }

   private:
    Status look() {
      STREAM_TRY(side_.flush());
      const Process& side = process_.start.process("side");
      return side.task->ended() && !side.status.ok() ? failed("the branch died") : Status();
    }
    Status both(const Control& item, Output& out) {
      STREAM_TRY(out.flush());
      STREAM_TRY(side_.control(item));
      STREAM_TRY(side_.flush());
      return out.control(item);
    }
    Process& process_;
    PipeWriter& side_;
    MonoTime next_look_;
  };
  Process& process(std::string_view name) {
    return **std::find_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p->name == name; });
  }

  Status run_tee(Process& process) {
    PipeWriter side(side_pipe_, scheduler_, process.units, binary());
    Tee op(process, side);
    Status status = loop(process, op, "sdivert");
    side_pipe_.writer_gone = true;
    if (!status.ok()) return status;
    STREAM_TRY(process.writer->flush());  // as run_loop() does when it ends
    Process& branch = this->process("side");
    scheduler_.wait([&] { return branch.task->ended(); }, std::nullopt);
    return branch.status.ok() ? Status() : failed("the branch died");
  }

  Status run_sink(Process& process, MemoryStore& store) {
    const bool root = process.name == "sink";
    const std::string program = root ? world_.main_program : "ssink-memory";
    std::unique_ptr<checkpoint::TransactionalSink> real;
    if (root && world_.main_sink) {
      STREAM_ASSIGN(real, world_.main_sink(process.context));
    } else {
      real = std::make_unique<MemorySink>(store, process.context);
    }
    HookedSink sink(std::move(real), [&](const std::string& point) { return reach(process, point); });
    const auto settings = root ? world_.settings : checkpoint::StartSettings();
    checkpoint::SinkMember member(sink, {.program = program, .start = settings}, *process.store, process,
                                  process.context);
    return loop(process, member, program);
  }

  World& world_;
  std::vector<std::unique_ptr<Process>> processes_;
  Scheduler scheduler_;  // ends the processes' threads before they go
  std::mt19937_64 random_;
  std::optional<Trap> trap_;
  bool trapped_ = false;
  std::map<std::string, int> here_;
  Pipe pipes_[4], side_pipe_;
};

World::World() {
  std::mt19937_64 random(7);
  for (const char* name : {"log/0", "log/1"}) {
    Unit& unit = log_.emplace_back(Unit{name, {}});
    for (int i = 0; i < 70; ++i) {
      // Mostly forwards, some behind the watermark, a few behind the allowed lateness.
      const int back = random() % 10 == 0 ? 25 : static_cast<int>(random() % 6);
      unit.records.push_back(fmt::format(R"({{"t":{},"k":"{}{}","v":{}}})", 1000 + i * 2 - back, "ab"[random() % 2],
                                         name[4], random() % 100));
    }
  }
}

bool World::Outcome::ok() const {
  return !hung && std::all_of(stages.begin(), stages.end(), [](const auto& stage) { return stage.second.ok(); });
}

std::string World::Outcome::text() const {
  std::string out = hung ? "hung; " : "";
  for (const auto& [name, status] : stages) {
    out += fmt::format("{}: {}; ", name, status.ok() ? "ok" : std::string(status.message()));
  }
  return out;
}

World::Outcome World::start(uint64_t seed, const std::optional<Trap>& trap) {
  auto first = std::make_unique<Start>(*this, seed, trap);
  first->begin();
  const bool whole = first->run();
  if (!trap || !first->trapped()) return first->outcome(!whole);
  if (trap->harm == Harm::power_loss) disk.crash(true);
  if (trap->harm != Harm::stop_one && trap->harm != Harm::stop_all) return first->outcome(!whole);
  disk.lose_locks();
  Outcome twin = start(seed + 1);
  twin.trapped = true;
  first->go_on();
  stopped = first->outcome(!first->run());
  return twin;
}

}  // namespace streamutils::crash
