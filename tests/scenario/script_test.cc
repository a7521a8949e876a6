// The scripts themselves: what they say when our TCP does something else, and that they say it.
#include <gtest/gtest.h>

#include "tests/support/tcp_script.h"

namespace sallyport::testing {
namespace {

using ::testing::Test;

constexpr const char* kHandshake = R"(
  0       listen
  +0      < S 0:0(0) win 65535 <mss 1000>
  +0      > S. 0:0(0) ack 1 <mss 1460>
  +0.100  < . 1:1(0) ack 1 win 65535
)";

// failure_of is what a script says that begins with a handshake and goes on with `line`.
std::string failure_of(const std::string& lines) {
  TcpScript script;
  script.run(kHandshake);
  const auto failure = script.play(lines);
  return failure ? failure->text : "";
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Script, ReadsWhatItWrites) {
  for (const char* line : {
           "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,wscale 7>",
           "P. 1:1001(1000) ack 1 win 257",
           "F. 1:1(0) ack -1",
           "- 5:5(0)",
           "[ect0] . 1:2921(2920/1460) ack 1",
           "[ce] SEW 0:0(0)",
           ". 1:1(0) ack 1 win 100 <sack 2001:3001 4001:5001>",
           "R. -10:-10(0) ack 7 <...>",
       }) {
    const ScriptParse parsed = parse_script_line(std::string{"+0 < "} + line);
    EXPECT_EQ(parsed.error, "") << line;
    EXPECT_EQ(parsed.line.kind, ScriptLine::Kind::inject);
    const bool letters_move = std::string{line}.starts_with("[ce]");
    EXPECT_EQ(format(parsed.line.segment), letters_move ? "[ce] SEW 0:0(0)" : line);
  }
}

TEST(Script, SaysWhereALineIsNotUnderstood) {
  const auto error = [](const char* line) { return parse_script_line(line).error; };
  EXPECT_EQ(error("x < . 1:1(0) ack 1"), "column 1: expected a time in seconds");
  EXPECT_EQ(error("+0 < X 1:1(0)"), "column 6: expected flags of SFRPUEW. or -");
  EXPECT_EQ(error("+0 < . 1:2(0) ack 1"), "column 14: expected a length that is END - SEQ");
  EXPECT_EQ(error("+0 < . 1:1(0)"), "column 14: expected '.' and ack together, or neither");
  EXPECT_EQ(error("+0 < S 0:0(0) <mss>"), "column 19: expected a segment size");
  EXPECT_EQ(error("+0 < S 0:0(0) <ws 3>"), "column 16: expected mss, wscale, sackOK, TS or sack");
  EXPECT_EQ(error("+0 < S 0:0(0) win 99999"), "column 19: expected a window");
  EXPECT_EQ(error("+0 > [ect9] . 1:1(0) ack 1"), "column 7: expected ']'");
  EXPECT_EQ(error("+0.2~+0.1 > . 1:1(0) ack 1"),
            "column 10: expected a span that ends after it begins");
  EXPECT_EQ(error("+0"), "column 3: expected <, >, = or a command");
  EXPECT_EQ(error("  // only words"), "");
}

TEST(Script, ASegmentThatDiffersFailsInThatPoint) {
  const auto differs = [](const std::string& expected) {
    const std::string text = failure_of("+0 write 1000\n+0 > " + expected);
    const std::size_t at = text.find("differs in    ");
    if (at == std::string::npos) return text;
    return text.substr(at + 14, text.find('\n', at) - at - 14);
  };
  EXPECT_EQ(differs("P. 1:1001(1000) ack 1"), "");
  EXPECT_EQ(differs(". 1:1001(1000) ack 1"), "");
  EXPECT_EQ(differs("PF. 1:1001(1000) ack 1"), "flags");
  EXPECT_EQ(differs(". 2:1002(1000) ack 1"), "sequence number");
  EXPECT_EQ(differs(". 1:1000(999) ack 1"), "length");
  EXPECT_EQ(differs(". 1:1001(1000) ack 2"), "acknowledgment number");
  EXPECT_EQ(differs(". 1:1001(1000) ack 1 win 1"), "window");
  EXPECT_EQ(differs("[ce] . 1:1001(1000) ack 1"), "ECN code point");
  EXPECT_EQ(differs(". 1:1001(1000) ack 1 <sack 1:2>"), "SACK blocks");
  EXPECT_EQ(differs(". 1:1001(1000) ack 1 <TS val 1 ecr 1>"), "timestamps");
  EXPECT_EQ(differs(". 1:1001(1000) ack 1 <...>"), "");
}

TEST(Script, ATimeThatDiffersFails) {
  const std::string sent = "+0 write 1000\n+0 > . 1:1001(1000) ack 1\n";
  EXPECT_EQ(failure_of(sent + "+0.300 > . 1:1001(1000) ack 1"), "");
  EXPECT_TRUE(mentions(failure_of(sent + "+0.310 > . 1:1001(1000) ack 1"), "differs in    time"));
  EXPECT_TRUE(
      mentions(failure_of(sent + "+0.290 > . 1:1001(1000) ack 1"), "seen          nothing"));
  EXPECT_EQ(failure_of(sent + "+0.200~+0.400 > . 1:1001(1000) ack 1"), "");
  EXPECT_EQ(failure_of(sent + "0.400 > . 1:1001(1000) ack 1"), "");
  EXPECT_TRUE(mentions(failure_of("0.050 silence"), "time would go back: it is 0.100000"));
}

TEST(Script, NothingThatIsSentMayBeMissing) {
  EXPECT_TRUE(mentions(failure_of("+0 write 1000\n+0 close"),
                       "not expected  0.100000 > P. 1:1001(1000) ack 1"));
  EXPECT_TRUE(mentions(failure_of("+0 write 1000\n+0 > . 1:1001(1000) ack 1\n+1 silence"),
                       "not expected  0.400000 > P. 1:1001(1000) ack 1"));
  EXPECT_EQ(failure_of("+0 write 1000\n+0 > ...\n+0 = cwnd 10000"), "");
  EXPECT_EQ(failure_of("+0 write 1000\n+1 > ...\n+0.1 silence\n+0 = retransmissions 2"), "");
}

TEST(Script, ValuesAndCommandsAreChecked) {
  EXPECT_EQ(failure_of("+0 = state ESTABLISHED"), "");
  EXPECT_TRUE(mentions(failure_of("+0 = state CLOSED"), "state is ESTABLISHED"));
  EXPECT_TRUE(mentions(failure_of("+0 = colour red"), "colour is no name of a value"));
  EXPECT_TRUE(mentions(failure_of("+0 jump"), "no such command"));
  EXPECT_TRUE(mentions(failure_of("+0 read 5"), "only 0 bytes are there"));
  EXPECT_EQ(failure_of("+0 < . 1:101(100) ack 1 win 9\n+0 read 100\n+0.040 > . 1:1(0) ack 101"),
            "");
}

TEST(Script, AFailureShowsWhatHasHappened) {
  const std::string text = failure_of("+0 write 100\n+0 > . 1:2(1) ack 1");
  for (const char* part : {
           "+0 > . 1:2(1) ack 1",
           "expected      0.100000 > . 1:2(1) ack 1",
           "seen          0.100000 > P. 1:101(100) ack 1 win ",
           "0.000000 < S 0:0(0) win 65535 <mss 1000>",
           "0.000000 > S. 0:0(0) ack 1 win 65535 <mss 1460>",
           "0.100000 write 100",
       }) {
    EXPECT_TRUE(mentions(text, part)) << part << "\n" << text;
  }
}

TEST(Script, BytesInTheWrongPlaceAreSeen) {
  TcpScript script;
  script.set_peer_stream(Bytes(100, 7));
  script.run(kHandshake);
  script.run("+0 < . 1:101(100) ack 1 win 65535");
  const auto failure = script.play("+0 read 100");
  ASSERT_TRUE(failure.has_value());
  EXPECT_TRUE(mentions(failure->text, "the byte at 1 is wrong")) << failure->text;
}

}  // namespace
}  // namespace sallyport::testing
