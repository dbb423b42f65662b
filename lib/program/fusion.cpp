// SPDX-License-Identifier: Apache-2.0
#include "lib/program/fusion.hpp"

namespace streamutils {

namespace {
Fusion* running = nullptr;
}

Fusion* Fusion::current() { return running; }

int Fusion::run(std::vector<Stage> stages, size_t threads) {
  Fusion fusion(std::move(stages));
  fusion.threads = threads;
  running = &fusion;
  const int code = fusion.call();
  running = nullptr;
  return code;
}

int Fusion::call() {
  Stage& stage = stages_[at_];
  std::vector<char*> words;
  for (std::string& word : stage.words) words.push_back(word.data());
  words.push_back(nullptr);
  return stage.main(static_cast<int>(words.size()) - 1, words.data());
}

int Fusion::call_next(LoopStage stage) {
  parts_.push_back(std::move(stage));
  ++at_;
  return call();
}

}  // namespace streamutils
