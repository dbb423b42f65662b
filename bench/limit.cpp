// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best with the same bytes: the local speed of light.
//
//   limit simdjson FILE   counts views per ad with a plain simdjson loop: no event time, no watermarks, no windows
//
//   limit read FILE       reads the file and looks at none of it
//
//   limit pipe BYTES      so many bytes through a pipe of 1 MiB to another process: neither read nor looked at
//
//   limit feed FILE       copies the file to stdout, then says on stderr when it was done, by the monotonic clock
//
//   limit drain           reads stdin to its end; the moment of the first and of the last byte, and the lines
//
// One line of JSON each: wall and CPU seconds, records, and what was counted, so that it can be checked.
#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "bench/generator.hpp"

namespace {

constexpr size_t kChunk = 1 << 20;

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double cpu_of(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int fail(std::string_view what) {
  fmt::print(stderr, "limit: cannot {}: {}\n", what, std::strerror(errno));
  return 1;
}

/// A page-aligned buffer: reads into other places are several times slower on some machines.
char* buffer(size_t size) { return static_cast<char*>(std::aligned_alloc(4096, size)); }

/// Gives every chunk of the input to `use` until its end; false when a read failed.
template <typename Use>
bool each_chunk(int fd, char* into, Use use) {
  for (;;) {
    const ssize_t n = read(fd, into, kChunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    use(std::string_view(into, static_cast<size_t>(n)));
  }
}

int64_t lines_in(std::string_view bytes) { return std::count(bytes.begin(), bytes.end(), '\n'); }

class ViewCounter {
 public:
  /// Counts in `size` bytes of whole lines; REQUIRES: SIMDJSON_PADDING readable bytes behind them.
  void count(const char* bytes, size_t size) {
    simdjson::ondemand::document_stream documents;
    if (parser_.iterate_many(bytes, size, kChunk * 2).get(documents) != simdjson::SUCCESS) return;
    for (auto document : documents) {
      ++records;
      std::string_view ad, type;
      simdjson::ondemand::object object;
      // In the order in which the fields stand: the fastest way simdjson has.
      if (document.get_object().get(object) != simdjson::SUCCESS ||
          object.find_field("ad_id").get_string().get(ad) != simdjson::SUCCESS ||
          object.find_field("event_type").get_string().get(type) != simdjson::SUCCESS) {
        ++bad;
      } else if (type == "view") {
        ++counts_.try_emplace(std::string(ad), 0).first->second;
        ++views;
      }
    }
  }
  size_t ads() const { return counts_.size(); }

  int64_t records = 0, views = 0, bad = 0;

 private:
  simdjson::ondemand::parser parser_;
  boost::unordered_flat_map<std::string, int64_t> counts_;
};

int simdjson_loop(int fd) {
  char* bytes = buffer(2 * kChunk + 4096);
  static_assert(simdjson::SIMDJSON_PADDING <= 4096);
  // A line that a chunk cuts goes before the next one: what is left is moved to end where the reads begin.
  char* chunk = bytes + kChunk;
  size_t kept = 0;
  ViewCounter counter;
  const bool good = each_chunk(fd, chunk, [&](std::string_view read) {
    const char* first = chunk - kept;
    const size_t end = read.rfind('\n');
    if (end == std::string_view::npos) return;
    counter.count(first, kept + end + 1);
    kept = read.size() - end - 1;
    std::memmove(chunk - kept, read.data() + end + 1, kept);
  });
  std::free(bytes);
  if (!good) return fail("read the file");
  fmt::print(R"({{"limit":"simdjson","records":{},"views":{},"ads":{},"bad":{},)", counter.records, counter.views,
             counter.ads(), counter.bad);
  return 0;
}

int read_file(int fd) {
  char* bytes = buffer(kChunk);
  int64_t total = 0;
  if (!each_chunk(fd, bytes, [&](std::string_view read) { total += static_cast<int64_t>(read.size()); })) {
    return fail("read the file");
  }
  fmt::print(R"({{"limit":"read","bytes":{},)", total);
  std::free(bytes);
  return 0;
}

bool write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

int bare_pipe(int64_t size) {
  int ends[2];
  if (pipe(ends) != 0) return fail("make a pipe");
  fcntl(ends[1], F_SETPIPE_SZ, kChunk);
  char* bytes = buffer(kChunk);
  std::memset(bytes, 'x', kChunk);
  const pid_t writer = fork();
  if (writer == 0) {
    close(ends[0]);
    constexpr int64_t kWrite = 256 << 10;
    for (int64_t left = size; left > 0; left -= kWrite) {
      if (!write_whole(ends[1], {bytes, static_cast<size_t>(std::min(left, kWrite))})) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  int64_t total = 0;
  const bool good =
      each_chunk(ends[0], bytes, [&](std::string_view read) { total += static_cast<int64_t>(read.size()); });
  int status = 0;
  waitpid(writer, &status, 0);
  std::free(bytes);
  if (!good || status != 0 || total != size) return fail("pass the bytes through the pipe");
  fmt::print(R"({{"limit":"pipe","bytes":{},)", total);
  return 0;
}

int feed(int fd) {
  char* bytes = buffer(kChunk);
  fcntl(STDOUT_FILENO, F_SETPIPE_SZ, kChunk);
  bool written = true;
  const bool good = each_chunk(fd, bytes, [&](std::string_view read) { written &= write_whole(STDOUT_FILENO, read); });
  std::free(bytes);
  if (!good || !written) return fail("copy the file");
  fmt::print(stderr, "{{\"limit\":\"feed\",\"done\":{:.6f}}}\n", now());
  return 0;
}

int drain() {
  char* bytes = buffer(kChunk);
  double first = 0;
  int64_t lines = 0, total = 0;
  const bool good = each_chunk(STDIN_FILENO, bytes, [&](std::string_view read) {
    if (first == 0) first = now();
    lines += lines_in(read);
    total += static_cast<int64_t>(read.size());
  });
  std::free(bytes);
  if (!good) return fail("read stdin");
  fmt::print(R"({{"limit":"drain","first":{:.6f},"last":{:.6f},"lines":{},"bytes":{},)", first, now(), lines, total);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const double started = now();
  int fd = STDIN_FILENO;
  if (what != "drain" && argc < 3) {
    fmt::print(stderr, "limit: usage: limit simdjson|read|feed FILE, limit pipe BYTES, or limit drain\n");
    return 2;
  }
  if (what != "drain" && what != "pipe") {
    fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(fmt::format("open '{}'", argv[2]));
  }
  int code = 2;
  if (what == "simdjson") code = simdjson_loop(fd);
  if (what == "read") code = read_file(fd);
  if (what == "pipe") code = bare_pipe(streamutils::bench::number(argv[2]));
  if (what == "feed") return feed(fd);
  if (what == "drain") code = drain();
  if (code == 0) {
    fmt::print("\"wall\":{:.6f},\"cpu\":{:.6f}}}\n", now() - started, cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN));
  }
  return code;
}
