// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/row_loader.hpp"

#include <algorithm>

namespace streamutils::window {

Result<RowLoader> RowLoader::create(const AggregatePlan& plan, const std::vector<std::string>& calls) {
  if (calls.empty() || calls.size() > kMaxPlanParts) return failed("{} accumulators in a row", calls.size());
  RowLoader loader;
  std::vector<std::string> texts;
  for (const std::string& call : calls) {
    auto made = make_accumulator(call);
    if (!made.ok()) return failed("{}", made.status().message());
    NamedAccumulator& saved = *made;
    if (std::find(texts.begin(), texts.end(), saved.text) != texts.end()) return failed("'{}' twice", call);
    texts.push_back(std::move(saved.text));
    loader.steps_.emplace_back().accumulator = std::move(saved.accumulator);
  }
  const auto step_of = [&](std::string_view text) -> Step* {
    const auto found = std::find(texts.begin(), texts.end(), text);
    return found == texts.end() ? nullptr : &loader.steps_[static_cast<size_t>(found - texts.begin())];
  };
  const std::vector<PlanPart> names = plan.parts();
  size_t at = 0;
  for (const RowPart& part : plan.row_parts()) {
    const PlanPart& name = names[at++];
    if (Step* own = step_of(part.text)) {
      own->part = part.accumulator;
      own->offset = part.offset;
      continue;
    }
    const auto source = std::find_if(part.sources.begin(), part.sources.end(),
                                     [&](const PartSource& s) { return s.convert && step_of(s.text); });
    if (source == part.sources.end()) return usage_error("{}", name.call);
    step_of(source->text)->into.push_back({part.offset, source->convert});
  }
  return loader;
}

bool RowLoader::load(char* row, StateReader& in) const {
  return std::all_of(steps_.begin(), steps_.end(), [&](const Step& step) {
    if (!step.part || !step.into.empty()) return load_other(step, row, in);
    return step.part->load(row + step.offset, in);
  });
}

bool RowLoader::load_other(const Step& step, char* row, StateReader& in) {
  const Accumulator& accumulator = *step.accumulator;
  const auto memory = std::make_unique<uint64_t[]>(accumulator.size() / sizeof(uint64_t));
  char* const state = reinterpret_cast<char*>(memory.get());
  accumulator.init(state);
  const bool good = accumulator.load(state, in);
  if (good) {
    if (step.part) accumulator.merge(row + step.offset, state);
    for (const Step::Into& into : step.into) into.convert(row + into.offset, state);
  }
  accumulator.destroy(state);
  return good;
}

}  // namespace streamutils::window
