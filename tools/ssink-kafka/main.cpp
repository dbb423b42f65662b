// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "tools/ssink-kafka/options.hpp"

// _Exit: a close of librdkafka that hangs leaves threads behind, which destructors of statics must not meet.
int main(int argc, char** argv) { std::_Exit(streamutils::ssink_kafka::run(argc, argv)); }
