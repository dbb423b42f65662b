// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/options.hpp"

int main(int argc, char** argv) { return streamutils::sdivert::run(argc, argv); }
