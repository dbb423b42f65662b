// SPDX-License-Identifier: Apache-2.0
// histogram(f, e1, e2, … en): how many values are in each of the n + 1 buckets that the edges make, as an array of
// counts: below e1, in [e1, e2), … in [en-1, en), from en on. An edge belongs to the bucket that begins with it
// (width_bucket of SQL; the buckets of Prometheus end with theirs).
//
// Edges are decimals in rising order and compared exactly, so 0.3 is in the bucket that begins with 0.3. Exact; over no
// values all counts are 0. 8 bytes a bucket, at most kMaxEdges edges; adding is a binary search.
#include <algorithm>

#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/number.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kMaxEdges = 1000;

struct Edge {
  Decimal value;
  std::optional<ShortNumber> brief;
};

/// The state is the counts side by side.
class HistogramAccumulator final : public Accumulator {
 public:
  explicit HistogramAccumulator(std::vector<Edge> edges) : edges_(std::move(edges)) {}

  [[nodiscard]] size_t size() const override { return buckets() * sizeof(uint64_t); }
  void init(char* state) const override { std::fill_n(new (state) uint64_t[buckets()], buckets(), 0); }
  void destroy(char*) const override {}
  [[nodiscard]] bool can_own() const override { return false; }
  [[nodiscard]] bool checks() const override { return true; }
  [[nodiscard]] std::string_view check(const JsonValue* values) const override { return check_number(*values); }
  void add(char* state, const JsonValue* values, EventTime, expr::Scratch&) const override {
    ++counts(state)[bucket_of(values->raw)];
  }
  void merge(char* state, const char* other) const override {
    for (size_t i = 0; i < buckets(); ++i) counts(state)[i] += counts(other)[i];
  }
  [[nodiscard]] size_t extra_bytes(const char*) const override { return 0; }
  void save(const char* state, StateWriter& out) const override {
    for (size_t i = 0; i < buckets(); ++i) out.u64(counts(state)[i]);
  }
  bool load(char* state, StateReader& in) const override {
    for (size_t i = 0; i < buckets(); ++i) counts(state)[i] = in.u64();
    return in.ok();
  }
  [[nodiscard]] size_t buckets() const { return edges_.size() + 1; }

  static uint64_t* counts(char* state) { return std::launder(reinterpret_cast<uint64_t*>(state)); }
  static const uint64_t* counts(const char* state) { return std::launder(reinterpret_cast<const uint64_t*>(state)); }

 private:
  /// The number of edges that are not above the value.
  [[nodiscard]] size_t bucket_of(std::string_view number) const {
    ShortNumber brief;
    const bool is_brief = read_short(number, brief);
    const Decimal value = is_brief ? Decimal() : Decimal::parse(number).value_or(Decimal());
    const auto above = [&](const Edge& edge) {
      if (is_brief && edge.brief) {
        // Both sides below 10^36.
        return edge.brief->coefficient * kWidePowersOfTen[static_cast<size_t>(brief.scale)] >
               brief.coefficient * kWidePowersOfTen[static_cast<size_t>(edge.brief->scale)];
      }
      return edge.value > (is_brief ? to_decimal(brief.coefficient, brief.scale) : value);
    };
    const auto first =
        std::partition_point(edges_.begin(), edges_.end(), [&](const Edge& edge) { return !above(edge); });
    return static_cast<size_t>(first - edges_.begin());
  }

  std::vector<Edge> edges_;
};

Result<std::vector<Edge>> parse_edges(const expr::AggregateItem& call) {
  if (call.fields.size() != 1 || call.arguments.empty()) {
    return usage_error(
        "histogram() takes one field and the edges of its buckets, as in histogram(latency_ms, 10, 100)");
  }
  if (call.arguments.size() > kMaxEdges) return usage_error("histogram() takes at most {} edges", kMaxEdges);
  std::vector<Edge> edges;
  for (const std::string& text : call.arguments) {
    std::optional<Decimal> value = Decimal::parse(text);
    if (!value) return usage_error("histogram(): '{}' is no number that can be an edge", text);
    if (!edges.empty() && *value <= edges.back().value) {
      return usage_error("histogram(): the edge {} is not above {}; edges must rise", text,
                         edges.back().value.to_json());
    }
    Edge edge;
    ShortNumber brief;
    if (read_short(text, brief)) edge.brief = brief;
    edge.value = *std::move(value);
    edges.push_back(std::move(edge));
  }
  return edges;
}

}  // namespace

Result<Aggregate> make_histogram(const expr::AggregateItem& call) {
  STREAM_ASSIGN(std::vector<Edge> edges, parse_edges(call));
  Aggregate aggregate;
  for (const Edge& edge : edges) aggregate.shape += ", " + edge.value.to_json();
  auto accumulator = std::make_unique<HistogramAccumulator>(std::move(edges));
  aggregate.result = {"histogram", [buckets = accumulator->buckets()](std::string& out, const char* state, Interval) {
                        for (size_t i = 0; i < buckets; ++i) {
                          out += i == 0 ? '[' : ',';
                          append_integer(out, HistogramAccumulator::counts(state)[i]);
                        }
                        out += ']';
                      }};
  aggregate.accumulator = std::move(accumulator);
  return aggregate;
}

}  // namespace streamutils::window
