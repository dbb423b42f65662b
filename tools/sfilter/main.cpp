// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/options.hpp"

int main(int argc, char** argv) { return streamutils::sfilter::run(argc, argv); }
