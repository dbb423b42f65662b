// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/deferred.hpp"

#include <algorithm>
#include <utility>

namespace streamutils::window {

DeferredAdditions::DeferredAdditions(Workers& workers, std::vector<Place> places)
    : workers_(workers),
      places_(std::move(places)),
      shares_(std::min(workers.threads() * kSharesPerThread, Workers::kMostShares)),
      filling_(shares_ * places_.size()),
      running_(filling_.size()) {}

void DeferredAdditions::start() {
  workers_.finish();
  filling_.swap(running_);
  count_ = 0;
  workers_.start(*this, shares_);
}

void DeferredAdditions::finish() {
  if (count_ > 0) start();
  workers_.finish();
}

void DeferredAdditions::run(size_t share) {
  for (size_t place = 0; place < places_.size(); ++place) {
    std::vector<Operation>& operations = running_[share * places_.size() + place];
    places_[place].accumulator->add_operands(operations);
    operations.clear();
  }
}

}  // namespace streamutils::window
