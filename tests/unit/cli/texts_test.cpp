// SPDX-License-Identifier: Apache-2.0
// The texts made from a declaration. Lint of whole man pages is scripts/check-man.
#include "lib/cli/texts.hpp"

#include <gtest/gtest.h>

namespace streamutils::cli {
namespace {

Option make(std::vector<std::string> names, std::string metavar, std::string help) {
  Option option;
  option.names = std::move(names);
  option.metavar = std::move(metavar);
  option.help = std::move(help);
  return option;
}

Declarations sample() {
  Declarations out;
  out.info = {.name = "s-ample",
              .summary = "try the texts",
              .usage = "(--tumbling D | --sliding D --every D) [-F FILE] [OPTION]... --agg LIST TOPIC...\nFILE",
              .description = "One.\n  kept   as is\nTwo.",
              .examples = {{"first", "s-ample -F x |\n  cat"}, {"second", "s-ample y"}}};
  Group windows{"Windows", {}};
  windows.options.push_back(make({"--agg"}, "NAME=EXPR,…", "the under_score *star* [x]: it's \\ here. More."));
  windows.options.push_back(make({"-F", "--conf"}, "FILE", ".hidden file; may be missing"));
  Group output{"Output", {}};
  output.options.push_back(make({"--scope"}, "stream|unit", "what a window covers"));
  output.options.back().choices = {"stream", "unit"};
  output.options.push_back(make({"-v", "--verbose"}, "", "say more"));
  output.options.back().repeatable = true;
  out.groups = {windows, output};
  out.positionals = {"TOPIC", "what to read", 1, 0, nullptr};
  return out;
}

TEST(Texts, Help) {
  EXPECT_EQ(help_text(sample(), 70),
            "Usage: s-ample (--tumbling D | --sliding D --every D) [-F FILE]\n"
            "               [OPTION]... --agg LIST TOPIC...\n"
            "   or: s-ample FILE\n"
            "\n"
            "One.\n"
            "  kept   as is\n"
            "Two.\n"
            "\n"
            "Arguments:\n"
            "  TOPIC...                  what to read\n"
            "\n"
            "Windows:\n"
            "      --agg NAME=EXPR,…     the under_score *star* [x]: it's \\ here.\n"
            "                            More.\n"
            "  -F, --conf FILE           .hidden file; may be missing\n"
            "\n"
            "Output:\n"
            "      --scope stream|unit   what a window covers\n"
            "  -v, --verbose             say more\n"
            "  -h, --help                print this help and exit\n"
            "      --version             print the version and exit\n"
            "\n"
            "Examples:\n"
            "  first:\n"
            "    s-ample -F x |\n"
            "      cat\n"
            "\n"
            "  second:\n"
            "    s-ample y\n");
}

TEST(Texts, HelpFitsItsWidth) {
  for (const size_t width : {40, 59, 60, 80, 120}) {
    Declarations declarations = sample();
    declarations.info.examples.clear();
    const std::string text = help_text(declarations, width);
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      const std::string line = text.substr(begin, end - begin);
      EXPECT_LE(text_width(line), width) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      begin = end + 1;
    }
  }
}

TEST(Texts, ADeclaredShortHelpIsTheProgramsOwn) {
  Declarations declarations = sample();
  declarations.groups[0].options.push_back(make({"-h", "--hash"}, "KEY", "a hash"));
  const std::string help = help_text(declarations, 80);
  EXPECT_NE(help.find("  -h, --hash KEY"), std::string::npos);
  EXPECT_NE(help.find("      --help "), std::string::npos);
}

TEST(Texts, ManOptions) {
  EXPECT_EQ(man_options(sample()),
            "## Arguments\n\n"
            "_TOPIC_...\n\twhat to read\n\n"
            "## Windows\n\n"
            "*--agg* _NAME=EXPR,…_\n\tthe under\\_score \\*star\\* [x]: it's \\\\ here. More.\n\n"
            "*-F*, *--conf* _FILE_\n\t*.*hidden file; may be missing\n\n"
            "## Output\n\n"
            "*--scope* stream|unit\n\twhat a window covers\n\n"
            "*-v*, *--verbose*\n\tsay more\n\n"
            "*-h*, *--help*\n\tprint this help and exit\n\n"
            "*--version*\n\tprint the version and exit\n\n");
}

TEST(Texts, ManSynopsis) {
  EXPECT_EQ(man_synopsis(sample()),
            "*s-ample* (*--tumbling* _D_ | *--sliding* _D_ *--every* _D_) [*-F* _FILE_] [_OPTION_]... *--agg* _LIST_ "
            "_TOPIC_...\n\n"
            "*s-ample* _FILE_\n");
}

TEST(Texts, BashCompletion) {
  const std::string script = bash_completion(sample());
  EXPECT_NE(script.find("    -F | --conf)\n      compopt -o filenames"), std::string::npos);
  EXPECT_NE(script.find("compgen -W 'stream unit' -- \"$cur\""), std::string::npos);
  EXPECT_NE(script.find("'--agg -F --conf --scope -v --verbose -h --help --version'"), std::string::npos);
  EXPECT_TRUE(script.ends_with("complete -F _s_ample s-ample\n"));
}

TEST(Texts, ZshCompletion) {
  const std::string script = zsh_completion(sample());
  EXPECT_TRUE(script.starts_with("#compdef s-ample\n"));
  EXPECT_NE(script.find("'(-F --conf)-F+[.hidden file]:FILE:_files'"), std::string::npos);
  EXPECT_NE(script.find("'(--scope)--scope=[what a window covers]:value:(stream unit)'"), std::string::npos);
  EXPECT_NE(script.find("'(--agg)--agg=[the under_score *star* \\[x\\]]:NAME=EXPR,…: '"), std::string::npos);
  EXPECT_NE(script.find("'*-v[say more]'"), std::string::npos);
}

TEST(Texts, FishCompletion) {
  const std::string script = fish_completion(sample());
  EXPECT_NE(script.find("complete -c s-ample -s F -l conf -r -F -d '.hidden file'\n"), std::string::npos);
  EXPECT_NE(script.find("complete -c s-ample -l scope -x -a 'stream unit' -d"), std::string::npos);
}

TEST(Texts, CompletesByTheNameOfTheValue) {
  EXPECT_EQ(completes("FILE"), Completes::files);
  EXPECT_EQ(completes("PIPELINE_FILE"), Completes::files);
  EXPECT_EQ(completes("DIR"), Completes::directories);
  EXPECT_EQ(completes("LABEL=FILE"), Completes::nothing);
  EXPECT_EQ(completes(""), Completes::nothing);
}

}  // namespace
}  // namespace streamutils::cli
