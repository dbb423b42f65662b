// SPDX-License-Identifier: Apache-2.0
// What a program does with its process: standard files, pipes, signals.
#pragma once
#include <atomic>

#include "lib/stream/source.hpp"

namespace streamutils {

/// A program may be started with standard files closed ("<&-"). The first file it opens would then take their place and
/// be read or overwritten as if it were the stream. This opens them the wrong way round, so that using them fails with
/// EBADF. Program does so; who opens something before that calls it first.
void claim_standard_files();

/// Pipes of 1 MiB: those of 64 KiB, the default, made a pipeline switch between processes four times as often. A pipe
/// that cannot grow (the user's limit is reached) or is none stays as it is.
void widen_pipes();

/// SIGTERM and SIGINT request a stop, and another one half a second later kills; SIGUSR1 sets report_requested; a
/// broken pipe is an error of write(2) instead of a signal. `stop` has to outlive the process's signals.
void install_signal_handlers(StopFlag& stop);

extern std::atomic<bool> report_requested;

}  // namespace streamutils
