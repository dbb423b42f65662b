// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/options.hpp"

int main(int argc, char** argv) { return streamutils::ssink_file::run(argc, argv); }
