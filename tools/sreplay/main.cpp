// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "tools/sreplay/options.hpp"

// Not a return: closing a Kafka client may leave threads behind that destructors of globals must not meet.
int main(int argc, char** argv) { std::_Exit(streamutils::sreplay::run(argc, argv)); }
