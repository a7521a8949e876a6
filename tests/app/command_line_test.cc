#include "app/command_line/command_line.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace sallyport {
namespace {

// A program with commands, as sallyctl is one, and with a group of options, as sallyport has one.
class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    app_.require_subcommand(1);
    app_.add_flag("--verbose");
    CLI::Option_group* group = app_.add_option_group("actions");
    group->add_option("-c,--config", config_);
    CLI::App* show = app_.add_subcommand("show");
    show->require_subcommand(1);
    CLI::App* backends = show->add_subcommand("backends");
    backends->add_option("--limit", limit_)->check(CLI::Range(1, 9));
    show->add_subcommand("drops");
  }

  std::string complaint(const std::vector<std::string>& words) {
    return find_misplaced(app_, words).complaint;
  }

  CLI::App app_{"", "ctl"};
  std::string config_;
  int limit_ = 0;
};

TEST_F(CommandLine, FindsNothingWrongWithWordsThatHaveTheirPlace) {
  EXPECT_EQ(complaint({"show", "backends", "--limit", "3"}), "");
  EXPECT_EQ(complaint({"show", "backends", "--limit=3"}), "");
  EXPECT_EQ(complaint({"--verbose", "-c", "show", "show", "drops"}), "");
  EXPECT_EQ(complaint({"-cfile", "show", "drops"}), "");
}

TEST_F(CommandLine, NamesAnUnknownCommandAndTheNearest) {
  EXPECT_EQ(complaint({"shwo", "drops"}),
            "\"ctl\" has no command \"shwo\"\nDid you mean \"show\"?");
  EXPECT_EQ(complaint({"show", "backend"}),
            "\"ctl show\" has no command \"backend\"\nDid you mean \"backends\"?");
  EXPECT_EQ(complaint({"show", "everything"}), "\"ctl show\" has no command \"everything\"");
  EXPECT_EQ(find_misplaced(app_, std::vector<std::string>{"show", "x"}).command, "ctl show");
}

TEST_F(CommandLine, NamesAnUnknownOptionAndTheNearest) {
  EXPECT_EQ(complaint({"show", "backends", "--limt=3"}),
            "\"ctl show backends\" has no option \"--limt\"\nDid you mean \"--limit\"?");
  EXPECT_EQ(complaint({"--cnofig", "file"}),
            "\"ctl\" has no option \"--cnofig\"\nDid you mean \"--config\"?");
  EXPECT_EQ(complaint({"show", "-x"}), "\"ctl show\" has no option \"-x\"");
}

TEST_F(CommandLine, SaysWhereAnOptionOfACommandGoes) {
  EXPECT_EQ(complaint({"--limit", "3", "show", "backends"}),
            "option \"--limit\" goes behind the words of the command");
}

TEST_F(CommandLine, ListsTheCommandsWhenOneIsMissing) {
  EXPECT_EQ(complaint({"show"}), "\"ctl show\" needs a command: backends, drops");
  EXPECT_EQ(complaint({"show", "drops", "more"}),
            "\"more\" is not expected behind \"ctl show drops\"");
}

TEST_F(CommandLine, EndsWithTwoWhenCalledWronglyAndWithZeroAfterHelp) {
  constexpr std::array kMisspelt{"ctl", "show", "dorps"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(parse_command_line(app_, kMisspelt.size(), kMisspelt.data()), kUsageError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "ctl: \"ctl show\" has no command \"dorps\"\nDid you mean \"drops\"?\n"
            "`ctl show --help` says more.\n");
  constexpr std::array kHelp{"ctl", "--help"};
  testing::internal::CaptureStdout();
  EXPECT_EQ(parse_command_line(app_, kHelp.size(), kHelp.data()), 0);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("show"), std::string::npos);
}

TEST_F(CommandLine, SaysWhichValueIsWrong) {
  constexpr std::array kWords{"ctl", "show", "backends", "--limit", "12"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(parse_command_line(app_, kWords.size(), kWords.data()), kUsageError);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("--limit"), std::string::npos) << said;
  EXPECT_NE(said.find("12"), std::string::npos) << said;
}

TEST_F(CommandLine, GoesOnWhenAllIsWell) {
  constexpr std::array kWords{"ctl", "show", "backends", "--limit", "7"};
  EXPECT_EQ(parse_command_line(app_, kWords.size(), kWords.data()), std::nullopt);
  EXPECT_EQ(limit_, 7);
}

}  // namespace
}  // namespace sallyport
