// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace streamutils::sstate {

int run(int argc, char** argv);

}  // namespace streamutils::sstate
