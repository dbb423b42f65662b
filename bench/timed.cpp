// SPDX-License-Identifier: Apache-2.0
// Runs a pipeline and writes what it cost as one JSON object: wall seconds from the first start to the last end, and
// for each stage its exit code, CPU seconds and peak resident memory, descendants included. Small itself, since a
// process's peak begins with that of the one it was forked from.
//
//   timed REPORT IN OUT STAGE [ARGUMENT...] ['|' STAGE [ARGUMENT...]]...     IN, OUT: a file, or - for timed's own
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

namespace {

struct Stage {
  std::vector<char*> argv;
  pid_t pid = -1;
  int code = -1;
  double cpu = 0;
  long peak_kib = 0;
};

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

int fail(const char* what) {
  std::fprintf(stderr, "timed: cannot open '%s': %s\n", what, std::strerror(errno));
  return 2;
}

void start(Stage& stage, int in, int out, int close_too) {
  stage.pid = fork();
  if (stage.pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (in > STDERR_FILENO) close(in);
  if (out > STDERR_FILENO && out != in) close(out);
  if (close_too >= 0) close(close_too);
  std::signal(SIGPIPE, SIG_DFL);
  execvp(stage.argv[0], stage.argv.data());
  std::fprintf(stderr, "timed: cannot start '%s': %s\n", stage.argv[0], std::strerror(errno));
  _exit(127);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  std::vector<Stage> stages(1);
  for (int i = 4; i < argc; ++i) {
    if (std::strcmp(argv[i], "|") == 0)
      stages.emplace_back();
    else
      stages.back().argv.push_back(argv[i]);
  }
  for (Stage& stage : stages) {
    if (stage.argv.empty()) return 2;
    stage.argv.push_back(nullptr);
  }
  int in = std::strcmp(argv[2], "-") == 0 ? STDIN_FILENO : open(argv[2], O_RDONLY | O_CLOEXEC);
  if (in < 0) return fail(argv[2]);
  const int last =
      std::strcmp(argv[3], "-") == 0 ? STDOUT_FILENO : open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (last < 0) return fail(argv[3]);
  // Whoever is interrupted leaves nothing behind that runs for minutes.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Descendants that outlive their parent come to us: a Python program does not wait for the Java machine it started.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const double started = now();
  for (size_t i = 0; i < stages.size(); ++i) {
    int ends[2] = {-1, -1};
    if (i + 1 < stages.size() && pipe2(ends, O_CLOEXEC) != 0) return fail("a pipe");
    start(stages[i], in, i + 1 < stages.size() ? ends[1] : last, ends[0]);
    if (in > STDERR_FILENO) close(in);
    if (ends[1] >= 0) close(ends[1]);
    in = ends[0];
  }
  Stage others;
  int status = 0;
  rusage usage{};
  double ended = started;
  for (pid_t pid; (pid = wait4(-1, &status, 0, &usage)) > 0;) {
    Stage* stage = &others;
    for (Stage& candidate : stages) {
      if (candidate.pid == pid) stage = &candidate;
    }
    if (stage != &others) ended = now();
    stage->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    stage->cpu += static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    stage->peak_kib += usage.ru_maxrss;
  }
  FILE* report = std::fopen(argv[1], "we");
  if (report == nullptr) return fail(argv[1]);
  std::fprintf(report, R"({"started":%.6f,"wall":%.6f,"orphans_cpu":%.6f,"orphans_kib":%ld,"stages":[)", started,
               ended - started, others.cpu, others.peak_kib);
  for (size_t i = 0; i < stages.size(); ++i) {
    std::fprintf(report, R"(%s{"code":%d,"cpu":%.6f,"peak_kib":%ld})", i > 0 ? "," : "", stages[i].code, stages[i].cpu,
                 stages[i].peak_kib);
  }
  std::fputs("]}\n", report);
  return std::fclose(report) == 0 ? 0 : 1;
}
