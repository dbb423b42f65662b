// SPDX-License-Identifier: Apache-2.0
#include "lib/process/shell_words.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

using Words = std::vector<std::string>;

Words words(std::string_view text) {
  auto command = split_command(text);
  EXPECT_TRUE(command.ok()) << text << ": " << command.status().message();
  return command.ok() ? command->words : Words{};
}

std::string command_error(std::string_view text) {
  const auto command = split_command(text);
  EXPECT_FALSE(command.ok()) << text;
  EXPECT_EQ(command.status().code(), command.ok() ? Code::ok : Code::usage);
  return std::string(command.status().message());
}

std::string pipeline_error(std::string_view text, TextOrigin origin = {}) {
  const auto commands = split_pipeline(text, origin);
  EXPECT_FALSE(commands.ok()) << text;
  return std::string(commands.status().message());
}

TEST(ShellWords, SplitsAsAShell) {
  EXPECT_EQ(words("a  b\tc "), (Words{"a", "b", "c"}));
  EXPECT_EQ(words(R"(a 'b c' "d e" f\ g)"), (Words{"a", "b c", "d e", "f g"}));
  EXPECT_EQ(words(R"(a 'x'"y"z '' "")"), (Words{"a", "xyz", "", ""}));
  EXPECT_EQ(words(R"(a 'b\n' "c\n\"\\\$\`" \\ \')"), (Words{"a", "b\\n", "c\\n\"\\$`", "\\", "'"}));
  EXPECT_EQ(words(R"(a '$x *?;&<>|#~' "*?;&<>|#~'")"), (Words{"a", "$x *?;&<>|#~", "*?;&<>|#~'"}));
  EXPECT_EQ(words("a b\\\nc \\\n d"), (Words{"a", "bc", "d"}));
  EXPECT_EQ(words("a \"b\\\nc\""), (Words{"a", "bc"}));
  EXPECT_EQ(words("a x#y {b} k=v c~ # the rest"), (Words{"a", "x#y", "{b}", "k=v", "c~"}));
  EXPECT_EQ(words("\n a b \n"), (Words{"a", "b"}));
  EXPECT_EQ(words("a \xC3\xA9"), (Words{"a", "\xC3\xA9"}));
}

TEST(ShellWords, SaysWhereAndWhat) {
  EXPECT_EQ(command_error("a 'b"), "column 3: the quote ' is not closed");
  EXPECT_EQ(command_error("a \"b\\\""), "column 3: the quote \" is not closed");
  EXPECT_EQ(command_error("a b\\"), "column 4: nothing follows the backslash");
  EXPECT_EQ(command_error("  "), "column 1: the command is missing");
  EXPECT_EQ(command_error("a | b"), "column 5: one command is wanted here, not a pipeline; use sh -c 'a | b'");
  EXPECT_EQ(command_error("A=b c"), "column 1: 'A=b' is not a command; write: env A=b COMMAND");
  EXPECT_EQ(command_error("a\nb"), "column 2: the command ends at this newline; put '|' before it, or '\\' to go on");
  EXPECT_EQ(command_error(std::string_view("a \0", 3)), "column 3: a NUL byte cannot be part of a command");
  EXPECT_EQ(command_error(std::string_view("a '\0'", 5)), "column 3: a NUL byte cannot be part of a command");
}

TEST(ShellWords, ExpandsNothing) {
  for (const char* text :
       {"a $x", "a `x`", "a *", "a b?", "a [x]", "a ;", "a &", "a <b", "a >b", "a (", "a )", "a ~"}) {
    const std::string error = command_error(text);
    EXPECT_NE(error.find("unquoted"), std::string::npos) << error;
    EXPECT_NE(error.find("nothing is expanded"), std::string::npos) << error;
    EXPECT_NE(error.find("sh -c"), std::string::npos) << error;
  }
  EXPECT_TRUE(command_error("\xC3\xA9\xC3\xA9 *").starts_with("column 4: unquoted '*'"));
  EXPECT_TRUE(command_error("a \"x $y\"").starts_with("column 6: '$' in double quotes: nothing is expanded here"));
  EXPECT_TRUE(command_error("a \"`y`\"").starts_with("column 4: '`' in double quotes"));
}

TEST(ShellWords, Pipelines) {
  const auto commands = split_pipeline("a 'x|y' | b|\n  # why\n c \\| \"|\"\n");
  ASSERT_TRUE(commands.ok()) << commands.status().message();
  ASSERT_EQ(commands->size(), 3U);
  EXPECT_EQ((*commands)[0].words, (Words{"a", "x|y"}));
  EXPECT_EQ((*commands)[1].words, (Words{"b"}));
  EXPECT_EQ((*commands)[2].words, (Words{"c", "|", "|"}));
  EXPECT_EQ((*commands)[2].origin.line, 3);
  EXPECT_EQ((*commands)[2].origin.column, 2);
}

TEST(ShellWords, PipelineErrors) {
  EXPECT_EQ(pipeline_error(""), "column 1: a command is missing");
  EXPECT_EQ(pipeline_error("a | | b"), "column 4: a command is missing before '|'");
  EXPECT_EQ(pipeline_error("| b"), "column 1: a command is missing before '|'");
  EXPECT_EQ(pipeline_error("a |"), "column 4: a command is missing after '|'");
  EXPECT_EQ(pipeline_error("a || b"), "column 4: a command is missing before '|'");
  EXPECT_EQ(pipeline_error("a |\n b 'x"), "line 2, column 4: the quote ' is not closed");
  EXPECT_EQ(pipeline_error("a 'x", {.line = 7, .column = 9}), "line 7, column 11: the quote ' is not closed");
}

TEST(ShellWords, JoinedWordsSplitAgain) {
  const Words all = {"a", "b c", "", "it's", "$x", "a\nb", "k=v", "{u}:{w}", "*"};
  EXPECT_EQ(words(join_words(all)), all);
  EXPECT_EQ(join_words({"a", "b c", "x=1"}), "a 'b c' x=1");
}

TEST(ShellWords, Plain) {
  auto some = split_words("A=b 'C=d e'");
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(*some, (Words{"A=b", "C=d e"}));
  EXPECT_TRUE(split_words("  ")->empty());
  EXPECT_FALSE(split_words("a | b").ok());
}

}  // namespace
}  // namespace streamutils
