// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "tools/sfuse/sfuse.hpp"

// _Exit: a close of librdkafka that hangs leaves threads behind, which destructors of statics must not meet.
int main(int argc, char** argv) { std::_Exit(streamutils::sfuse::run(argc, argv)); }
