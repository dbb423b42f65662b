// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/path.hpp"

#include <gtest/gtest.h>

#include "tests/helpers/rendered.hpp"

namespace streamutils::ssink_file {
namespace {

std::string rendered(std::string_view text, std::string record) {
  return rendered_by<PathTemplate>(
      text, std::move(record), [](std::string_view reason, const FieldSet&, size_t) { return std::string(reason); });
}

std::string value(std::string_view json) { return rendered("x/{a}/y", fmt::format("{{\"a\":{}}}", json)); }

TEST(Path, OrdinaryValuesStayReadable) {
  EXPECT_EQ(rendered("{site}/{window_start}", R"({"site":"de","window_start":"2026-01-31T12:00:00Z"})"),
            "de/2026-01-31T12:00:00Z");
  EXPECT_EQ(rendered("day={d}", R"({"d":7})"), "day=7");
  EXPECT_EQ(value(R"("Köln 1+2, a.b")"), "x/Köln 1+2, a.b/y");
  EXPECT_EQ(value("true"), "x/true/y");
  EXPECT_EQ(rendered("{{{a}}}", R"({"a":1})"), "{1}");
}

TEST(Path, HostileValuesStayInTheirComponent) {
  EXPECT_EQ(value(R"("..")"), "x/%2E./y");
  EXPECT_EQ(value(R"(".")"), "x/%2E/y");
  EXPECT_EQ(value(R"("../../etc/passwd")"), "x/%2E.%2F..%2Fetc%2Fpasswd/y");
  EXPECT_EQ(value(R"("/abs")"), "x/%2Fabs/y");
  EXPECT_EQ(value(R"("a\u0000b\n\u001b\u007f")"), "x/a%00b%0A%1B%7F/y");
  EXPECT_EQ(value(R"("\u002e\u002e")"), "x/%2E./y");
  EXPECT_EQ(value(R"(".hidden")"), "x/%2Ehidden/y");
  EXPECT_EQ(rendered("{a}{b}/z", R"({"a":".","b":"."})"), "%2E./z");
  EXPECT_EQ(rendered("{a}{b}", R"({"a":"","b":".."})"), "%2E.");
  EXPECT_EQ(rendered("a{b}", R"({"b":".."})"), "a..");
}

TEST(Path, DifferentValuesHaveDifferentNames) {
  EXPECT_EQ(value(R"("a%2Fb")"), "x/a%252Fb/y");
  EXPECT_NE(value(R"("a/b")"), value(R"("a%2Fb")"));
  EXPECT_NE(rendered("{a}/{b}", R"({"a":"x/y","b":"z"})"), rendered("{a}/{b}", R"({"a":"x","b":"y/z"})"));
}

TEST(Path, WhatHasNoNameIsInvalid) {
  EXPECT_EQ(value(R"("")"), "empty_name");
  EXPECT_EQ(rendered("{a}.x", R"({"a":""})"), "empty_name");
  EXPECT_EQ(rendered("{a}", R"({"b":1})"), "missing_field");
  EXPECT_EQ(rendered("{a}", R"({"a":[1]})"), "not_scalar");
  EXPECT_EQ(value("\"" + std::string(200, 'x') + "\""), "x/" + std::string(200, 'x') + "/y");
  EXPECT_EQ(value("\"" + std::string(201, 'x') + "\""), "name_too_long");
  EXPECT_EQ(value("\"" + std::string(100, '/') + "\""), "name_too_long");
  EXPECT_EQ(value("\"" + std::string(100'000, 'x') + "\""), "name_too_long");
}

TEST(Path, TemplatesThatLeadElsewhereAreRefused) {
  for (const char* text : {"/abs", "a//b", "a/", "../x", "a/../b", "a/.hidden/b", ".", "a\nb", "{a", "a}", ""}) {
    FieldSet fields;
    const auto path = PathTemplate::parse(text, fields);
    EXPECT_FALSE(path.ok()) << text;
    EXPECT_EQ(path.status().code(), Code::usage) << text;
  }
}

TEST(Path, KnowsHowDeepItIs) {
  FieldSet fields;
  EXPECT_EQ(PathTemplate::parse("{a}", fields)->depth(), 1u);
  EXPECT_EQ(PathTemplate::parse("a/{b}/{c}", fields)->depth(), 3u);
  EXPECT_EQ(PathTemplate::parse("{{a/b}}", fields)->depth(), 2u);
}

}  // namespace
}  // namespace streamutils::ssink_file
