// SPDX-License-Identifier: Apache-2.0
#include "tools/swindow/options.hpp"

int main(int argc, char** argv) { return streamutils::swindow::run(argc, argv); }
