// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/options.hpp"

int main(int argc, char** argv) { return streamutils::ssink_redis::run(argc, argv); }
