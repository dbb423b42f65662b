// SPDX-License-Identifier: Apache-2.0
// Preloaded into ssink-file: as long as the file $HOLD_WRITES exists, nothing is written into a part. So a test can
// stop a sink between the decision about an epoch and its effects.
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

using Pwrite = ssize_t (*)(int, const void*, size_t, off_t);

void wait_while_held() {
  const char* hold = std::getenv("HOLD_WRITES");
  if (!hold || std::strcmp(program_invocation_short_name, "ssink-file") != 0) return;
  while (access(hold, F_OK) == 0) usleep(5'000);
}

}  // namespace

extern "C" ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static const auto real = reinterpret_cast<Pwrite>(dlsym(RTLD_NEXT, "pwrite"));
  wait_while_held();
  return real(fd, bytes, size, offset);
}

extern "C" ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) {
  return pwrite(fd, bytes, size, offset);
}
