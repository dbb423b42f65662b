// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/sstate.hpp"

int main(int argc, char** argv) { return streamutils::sstate::run(argc, argv); }
