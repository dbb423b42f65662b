// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/srun.hpp"

int main(int argc, char** argv) { return streamutils::srun::run(argc, argv); }
