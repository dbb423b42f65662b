// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/world.hpp"

#include <deque>

#include "lib/checkpoint/sink_member.hpp"
#include "lib/checkpoint/source_member.hpp"
#include "lib/checkpoint/stage_member.hpp"
#include "lib/stream/read_ahead.hpp"
#include "lib/window/window_operator.hpp"
#include "tests/crash/hooked_operator.hpp"
#include "tests/crash/hooked_sink.hpp"
#include "tests/crash/pipe.hpp"
#include "tools/swatermark/swatermark.hpp"

namespace streamutils::crash {

namespace {

constexpr Duration kInterval{20'000};
constexpr std::string_view kPlace = "/checkpoint";

}  // namespace

/// All processes of one start.
class Start {
 public:
  Start(World& world, uint64_t seed, std::optional<Trap> trap)
      : world_(world), scheduler_(world.clock_, seed), random_(seed), trap_(std::move(trap)) {}

  void begin() {
    const std::vector<Recipe> line{{"source", "source", &Start::make_source},
                                   {"swatermark", "swatermark", &Start::make_swatermark},
                                   {"swindow", "swindow", &Start::make_swindow},
                                   {"tee", "sdivert", &Start::make_tee},
                                   {"sink", world_.main_program, &Start::make_sink}};
    if (world_.shape_ == Shape::processes) {
      for (size_t i = 0; i < line.size(); ++i) {
        add(line[i].name, {line[i]}, i > 0 ? &pipes_[i - 1] : nullptr, i + 1 < line.size() ? &pipes_[i] : nullptr);
      }
    } else {
      add("fused", line, nullptr, nullptr);
    }
    add("side", {{"side", "ssink-memory", &Start::make_sink}}, &side_pipe_, nullptr);
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
  struct Process;
  /// One stage, in a process of its own or with others.
  struct Program {
    Program(Process& process_, std::string name_, std::string program_)
        : process(process_), name(std::move(name_)), program(std::move(program_)) {}
    Process& process;
    const std::string name, program;  // in points; in `open`
    Metrics metrics;
    Context context{process.start.world_.clock_,
                    process.log,
                    metrics,
                    process.units,
                    process.start.world_.shape_ == Shape::processes ? nullptr : &process.fields,
                    &process.workers};
    std::unique_ptr<checkpoint::ObjectStore> store;
    // Each calls the one before it.
    std::unique_ptr<Operator> op, member;
    std::unique_ptr<HookedOperator> hooked;
    std::unique_ptr<Source> source;             // of the first one
    std::function<Status(Status)> finish = {};  // once the loop has ended
    [[nodiscard]] Operator& last() const { return member ? *member : *op; }
  };
  struct Recipe {
    std::string name, program;
    Status (Start::*make)(Program&);
  };

  struct Process final : checkpoint::Patience {
    Process(Start& start_, std::string name_, Pipe* in_, Pipe* out_)
        : start(start_), name(std::move(name_)), in(in_), out(out_) {}
    Start& start;
    std::string name;
    Pipe *in, *out;
    Scheduler::Task* task = nullptr;
    NullLog log;
    Units units;
    SharedFields fields;
    Workers workers;
    std::unique_ptr<checkpoint::CrashFileSystem> files;
    std::unique_ptr<PipeReader> reader;
    std::function<Status()> while_waiting = {};  // what another program here would see if it were not waiting too
    Status status;

    Status pause(Duration duration) override {
      start.scheduler_.wait([] { return false; }, start.world_.clock_.mono() + duration);
      if (task->killed()) return failed("killed");
      if (out && out->reader_gone) return Status(Code::broken_pipe, "the reader is gone");
      if (reader && reader->writer_died()) return failed("the writer died");
      return while_waiting ? while_waiting() : Status();
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

  void add(std::string name, std::vector<Recipe> recipes, Pipe* in, Pipe* out) {
    auto& process = *processes_.emplace_back(std::make_unique<Process>(*this, std::move(name), in, out));
    process.task = &scheduler_.add(process.name, [this, &process, recipes = std::move(recipes)] {
      process.files = world_.disk.process([this, &process](const std::string& point) { return reach(process, point); });
      process.status = run(process, recipes);
      if (process.in) process.in->reader_gone = true;
      if (process.out) process.out->writer_gone = true;
      if (process.name == "tee" || process.name == "fused") side_pipe_.writer_gone = true;
      process.files->kill();
    });
  }
  [[nodiscard]] bool binary() { return random_() % 2 == 0; }

  /// What Program::run() and Fusion do.
  Status run(Process& process, const std::vector<Recipe>& recipes) {
    std::deque<Program> programs;
    std::vector<LoopStage> stages;
    for (const Recipe& recipe : recipes) {
      Program& program = programs.emplace_back(process, recipe.name, recipe.program);
      STREAM_ASSIGN(program.store, checkpoint::open_directory_store(std::string(kPlace), *process.files));
      STREAM_TRY((this->*recipe.make)(program));
      program.hooked = std::make_unique<HookedOperator>(
          program.last(), program.name, program.source != nullptr,
          [this, &process](const std::string& point) { return reach(process, point); });
      stages.push_back({*program.hooked, program.context, program.program, std::string(kPlace)});
    }
    std::unique_ptr<Terminal> terminal = std::make_unique<NoTerminal>();
    if (process.out) terminal = std::make_unique<PipeWriter>(*process.out, scheduler_, process.units, binary());
    if (process.in) {
      process.reader = std::make_unique<PipeReader>(*process.in, process.out, scheduler_, world_.clock_, process.units);
    }
    Source* source = process.reader ? process.reader.get() : programs.front().source.get();
    std::optional<ReadAhead> read_ahead;
    if (world_.shape_ == Shape::threads && programs.front().source) {
      source = &read_ahead.emplace(*source, process.fields, process.workers, 2, 0);
    }
    const StopFlag never;
    const Waiter waiter(never, -1);  // our sources wait without it
    Status status = run_loop(*source, stages, *terminal, waiter, {}).status;
    for (Program& program : programs) {
      if (program.finish) status = program.finish(std::move(status));
    }
    return status;
  }

  Status make_source(Program& p) {
    auto member = std::make_unique<checkpoint::SourceMember>(*p.store, kInterval, p.process, p.context);
    p.source = std::make_unique<LogSource>(LogSource::Place{
        world_.log_, *member, scheduler_, world_.clock_, p.process.units, p.process.out, random_, world_.records_read});
    p.member = std::move(member);
    return {};
  }

  Status make_swatermark(Program& p) {
    swatermark::Options options;
    options.time_field = "t";
    options.time_unit = TimeUnit::s;
    STREAM_ASSIGN(p.op, swatermark::Swatermark::create(options, p.context));
    p.member = std::make_unique<checkpoint::StageMember>(*p.op, p.program, *p.store, p.process, p.context);
    return {};
  }

  Status make_swindow(Program& p) {
    window::WindowSettings settings;
    settings.size = settings.slide = Duration{10'000'000};
    settings.keys = {"k"};
    settings.aggregates = "n=count(), s=sum(v), d=distinct(v), p=p90(v), l=last(v)";
    settings.allowed_lateness = Duration{5'000'000};
    settings.scope = window::Scope::unit;
    settings.time_format = TimeFormat::s;
    STREAM_ASSIGN(p.op, window::WindowOperator::create(settings, p.context));
    p.member = std::make_unique<checkpoint::StageMember>(*p.op, p.program, *p.store, p.process, p.context);
    return {};
  }

  /// What sdivert --exec late=ssink does with items.
  class Tee final : public Operator {
   public:
    Tee(Program& program, Pipe& side, bool binary)
        : process_(program.process),
          clock_(program.context.clock),
          side_(side, process_.start.scheduler_, process_.units, binary) {}
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
      next_look_ = clock_.mono() + Duration{10'000};
      return look();
    }
    Status look_at_branch() {
      const Process& side = process_.start.process("side");
      return side.task->ended() && !side.status.ok() ? failed("the branch died") : Status();
    }

   private:
    Status look() {
      STREAM_TRY(side_.flush());
      return look_at_branch();
    }
    Status both(const Control& item, Output& out) {
      STREAM_TRY(out.flush());
      STREAM_TRY(side_.control(item));
      STREAM_TRY(side_.flush());
      return out.control(item);
    }
    Process& process_;
    Clock& clock_;
    PipeWriter side_;
    MonoTime next_look_;
  };
  Process& process(std::string_view name) {
    return **std::find_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p->name == name; });
  }

  Status make_tee(Program& p) {
    auto tee = std::make_unique<Tee>(p, side_pipe_, binary());
    p.process.while_waiting = [op = tee.get()] { return op->look_at_branch(); };
    p.op = std::move(tee);
    p.finish = [this](Status status) -> Status {
      side_pipe_.writer_gone = true;
      if (!status.ok()) return status;
      Process& branch = process("side");
      scheduler_.wait([&] { return branch.task->ended(); }, std::nullopt);
      return branch.status.ok() ? Status() : failed("the branch died");
    };
    return {};
  }

  Status make_sink(Program& p) {
    const bool root = p.name == "sink";
    std::unique_ptr<checkpoint::TransactionalSink> real;
    if (root && world_.main_sink) {
      STREAM_ASSIGN(real, world_.main_sink(p.context));
    } else {
      real = std::make_unique<MemorySink>(root ? world_.main_store : world_.side_store, p.context);
    }
    auto sink = std::make_unique<HookedSink>(std::move(real),
                                             [this, &p](const std::string& point) { return reach(p.process, point); });
    const auto settings = root ? world_.settings : checkpoint::StartSettings();
    p.member = std::make_unique<checkpoint::SinkMember>(
        *sink, checkpoint::SinkSettings{.program = p.program, .start = settings}, *p.store, p.process, p.context);
    p.op = std::move(sink);
    return {};
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

World::World(Shape shape) : shape_(shape) {
  std::mt19937_64 random(7);
  for (const char* name : {"log/0", "log/1"}) {
    LogUnit& unit = log_.emplace_back(LogUnit{name, {}});
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
