// SPDX-License-Identifier: Apache-2.0
// Neighbouring programs of a pipeline in one process.
#pragma once

namespace streamutils::sfuse {

int run(int argc, char** argv);

}  // namespace streamutils::sfuse
