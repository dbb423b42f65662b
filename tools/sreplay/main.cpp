// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/options.hpp"

int main(int argc, char** argv) { return streamutils::sreplay::run(argc, argv); }
