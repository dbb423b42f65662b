// SPDX-License-Identifier: Apache-2.0
#include "tools/swatermark/options.hpp"

int main(int argc, char** argv) { return streamutils::swatermark::run(argc, argv); }
