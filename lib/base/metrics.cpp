// SPDX-License-Identifier: Apache-2.0
#include "lib/base/metrics.hpp"

#include <fmt/format.h>

namespace streamutils {

namespace {

void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

void append_labels(std::string& out, const Labels& labels) {
  if (labels.empty()) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    out += separator;
    out += name;
    out += "=\"";
    append_label_value(out, value);
    out += '"';
    separator = ',';
  }
  out += '}';
}

}  // namespace

Metric& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return find(name, help, labels, true);
}

Metric& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return find(name, help, labels, false);
}

Metric& Metrics::find(std::string_view name, std::string_view help, const Labels& labels, bool is_counter) {
  const std::lock_guard lock(mutex_);
  Family* family = nullptr;
  for (Family& f : families_) {
    if (f.name == name) family = &f;
  }
  if (!family) {
    family = &families_.emplace_back();
    family->name = name;
    family->help = help;
    family->is_counter = is_counter;
  }
  for (Series& s : family->series) {
    if (s.labels == labels) return s.metric;
  }
  Series& s = family->series.emplace_back();
  s.labels = labels;
  return s.metric;
}

void Metrics::remove(std::string_view name, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  for (Family& f : families_) {
    if (f.name == name) f.series.remove_if([&](const Series& s) { return s.labels == labels; });
  }
}

double Metrics::total(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  double total = 0;
  for (const Family& f : families_) {
    if (f.name != name) continue;
    for (const Series& s : f.series) total += s.metric.value();
  }
  return total;
}

bool Metrics::has(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const Family& f : families_) {
    if (f.name == name && !f.series.empty()) return true;
  }
  return false;
}

std::string Metrics::prometheus_text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const Family& f : families_) {
    if (f.series.empty()) continue;
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", f.name, f.help, f.name, f.is_counter ? "counter" : "gauge");
    for (const Series& s : f.series) {
      out += f.name;
      append_labels(out, s.labels);
      out += fmt::format(" {}\n", s.metric.value());
    }
  }
  return out;
}

}  // namespace streamutils
