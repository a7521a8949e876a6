#include "lib/neighbour/next_hop_table.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace sallyport::neighbour {
namespace {

const MacAddress kOurMac = *parse_mac("02:00:00:00:00:02");
const MacAddress kGateway = *parse_mac("02:00:00:00:00:fe");
const MacAddress kOther = *parse_mac("02:00:00:00:00:66");
const IpAddress kOurs4 = *parse_ip("198.18.0.1");
const IpAddress kHop4 = *parse_ip("198.18.0.254");
const IpAddress kOurs6 = *parse_ip("2001:db8::1");
const IpAddress kHop6 = *parse_ip("2001:db8::fe");
constexpr std::uint16_t kVlan = 7;

using Outcome = NextHopTable::Outcome;

// Both families live through the same stories.
class NextHops : public ::testing::TestWithParam<bool> {
 protected:
  bool v4() const { return GetParam(); }
  IpAddress hop() const { return v4() ? kHop4 : kHop6; }
  IpAddress ours() const { return v4() ? kOurs4 : kOurs6; }

  // ask advances to `at` and reads the questions that come out.
  std::vector<Heard> ask(milliseconds at) {
    std::vector<ProbeFrame> frames;
    table_.advance(at, frames);
    std::vector<Heard> questions;
    for (const ProbeFrame& frame : frames) {
      const auto heard = hear(frame.view(), 0);
      EXPECT_TRUE(heard);
      EXPECT_EQ(heard->ethernet.source, kOurMac);
      EXPECT_EQ(heard->ethernet.vlan, kVlan);
      questions.push_back(*heard);
    }
    return questions;
  }
  // answer_from is what `mac` says when it is asked.
  Heard answer_from(const MacAddress& mac) const {
    Heard heard;
    heard.ethernet = {mac, kOurMac, kVlan};
    if (v4()) {
      heard.kind = Heard::Kind::arp;
      heard.arp = {wire::ArpOperation::reply, mac, hop(), kOurMac, ours()};
      return heard;
    }
    heard.kind = Heard::Kind::advertisement;
    auto& a = heard.advertisement;
    a.source = a.target = hop();
    a.destination = ours();
    a.solicited = a.override = a.has_target_mac = true;
    a.target_mac = mac;
    return heard;
  }
  // announcement_from is what `mac` says unasked.
  Heard announcement_from(const MacAddress& mac) const {
    return *hear(announcement_frame({mac, kVlan}, hop()).view(), 0);
  }
  void resolve(milliseconds at) {
    ASSERT_TRUE(table_.add(hop(), ours(), at));
    ask(at);
    ASSERT_EQ(table_.on_heard(answer_from(kGateway), at), Outcome::changed);
  }
  const NextHop& entry() const { return *table_.find(hop()); }

  NextHopTable table_{{kOurMac, kVlan}};
};
INSTANTIATE_TEST_SUITE_P(Both, NextHops, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Ipv4" : "Ipv6"; });

TEST_P(NextHops, AskEverybodyOnceASecondUntilSomebodyAnswers) {
  ASSERT_TRUE(table_.add(hop(), ours(), seconds{0}));
  std::vector<int> asked_at;
  for (int s = 0; s < 20; ++s) {
    for (const Heard& question : ask(seconds{s})) {
      asked_at.push_back(s);
      EXPECT_TRUE(question.ethernet.destination.is_multicast());
      EXPECT_EQ(v4() ? question.arp.target_ip : question.solicitation.target, hop());
      EXPECT_EQ(v4() ? question.arp.sender_ip : question.solicitation.source, ours());
    }
  }
  std::vector<int> every_second(20);
  std::iota(every_second.begin(), every_second.end(), 0);
  EXPECT_EQ(asked_at, every_second);
  EXPECT_EQ(entry().state, State::incomplete);
  EXPECT_FALSE(entry().resolved);
  EXPECT_EQ(table_.on_heard(answer_from(kGateway), seconds{20}), Outcome::changed);
  EXPECT_EQ(entry().mac, kGateway);
}

TEST_P(NextHops, AreAskedAgainAloneEveryHalfMinute) {
  resolve(seconds{0});
  EXPECT_EQ(entry().state, State::reachable);
  EXPECT_TRUE(ask(milliseconds{29'999}).empty());
  const auto questions = ask(seconds{30});
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].ethernet.destination, kGateway);
  EXPECT_EQ(entry().state, State::probe);
  EXPECT_EQ(table_.on_heard(answer_from(kGateway), seconds{30}), Outcome::confirmed);
  EXPECT_EQ(entry().state, State::reachable);
  EXPECT_TRUE(ask(seconds{59}).empty());
  EXPECT_EQ(ask(seconds{60}).size(), 1U);
}

TEST_P(NextHops, KeepTheLastGoodMacWhenNobodyAnswers) {
  resolve(seconds{0});
  std::vector<std::pair<int, bool>> asked;  // when, and whether everybody was asked
  for (int s = 1; s < 50; ++s) {
    for (const Heard& question : ask(seconds{s})) {
      asked.emplace_back(s, question.ethernet.destination.is_multicast());
    }
  }
  const std::vector<std::pair<int, bool>> expected{{30, false}, {31, false}, {32, false},
                                                   {33, true},  {34, true},  {35, true},
                                                   {40, true},  {45, true}};
  EXPECT_EQ(asked, expected);
  EXPECT_EQ(entry().state, State::stale);
  EXPECT_TRUE(entry().resolved);
  EXPECT_EQ(entry().mac, kGateway);
  // It comes back with another interface card.
  EXPECT_EQ(table_.on_heard(answer_from(kOther), seconds{50}), Outcome::changed);
  EXPECT_EQ(entry().mac, kOther);
  EXPECT_EQ(entry().state, State::reachable);
}

TEST_P(NextHops, AnUnaskedAnswerOrAnnouncementNeverChangesAMac) {
  resolve(seconds{0});
  EXPECT_EQ(table_.on_heard(answer_from(kOther), seconds{5}), Outcome::hint);
  EXPECT_EQ(entry().mac, kGateway);
  // The hint makes us ask the station that we know.  It answers, and all is as before.
  const auto questions = ask(seconds{5});
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].ethernet.destination, kGateway);
  EXPECT_EQ(table_.on_heard(answer_from(kOther), seconds{5}), Outcome::ignored);
  EXPECT_EQ(table_.on_heard(answer_from(kGateway), seconds{5}), Outcome::confirmed);
  EXPECT_EQ(table_.on_heard(announcement_from(kOther), seconds{6}), Outcome::hint);
  EXPECT_EQ(entry().mac, kGateway);
}

TEST_P(NextHops, AFailOverIsBelievedWhenTheOldStationIsSilent) {
  resolve(seconds{0});
  EXPECT_EQ(table_.on_heard(announcement_from(kOther), seconds{5}), Outcome::hint);
  EXPECT_FALSE(ask(seconds{5})[0].ethernet.destination.is_multicast());
  const auto questions = ask(seconds{6});
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_TRUE(questions[0].ethernet.destination.is_multicast());
  EXPECT_EQ(table_.on_heard(answer_from(kOther), seconds{6}), Outcome::changed);
  EXPECT_EQ(entry().mac, kOther);
}

TEST_P(NextHops, AFloodOfHintsCausesOneQuestionPerSecond) {
  resolve(seconds{0});
  std::size_t questions = 0;
  for (int ms = 1000; ms < 11'000; ++ms) {
    table_.on_heard(announcement_from(kOther), milliseconds{ms});
    const auto asked = ask(milliseconds{ms});
    questions += asked.size();
    if (!asked.empty()) table_.on_heard(answer_from(kGateway), milliseconds{ms});
  }
  EXPECT_LE(questions, 11U);
  EXPECT_EQ(entry().mac, kGateway);
}

TEST_P(NextHops, AnAnnouncementThatChangesNothingCausesNothing) {
  resolve(seconds{0});
  EXPECT_EQ(table_.on_heard(announcement_from(kGateway), seconds{5}), Outcome::ignored);
  EXPECT_TRUE(ask(seconds{6}).empty());
}

TEST_P(NextHops, ImplausibleAnswersAreIgnored) {
  ASSERT_TRUE(table_.add(hop(), ours(), seconds{0}));
  EXPECT_EQ(table_.on_heard(answer_from(kGateway), seconds{0}), Outcome::ignored);  // not asked yet
  ask(seconds{0});
  for (const MacAddress& mac :
       {MacAddress{}, MacAddress::broadcast(), kOurMac, *parse_mac("33:33:00:00:00:01")}) {
    EXPECT_EQ(table_.on_heard(answer_from(mac), seconds{0}), Outcome::ignored) << to_string(mac);
  }
  Heard elsewhere = answer_from(kGateway);
  elsewhere.ethernet.vlan = 0;
  EXPECT_EQ(table_.on_heard(elsewhere, seconds{0}), Outcome::ignored);
  Heard for_another = answer_from(kGateway);
  for_another.arp.target_ip = *parse_ip("198.18.0.9");
  for_another.advertisement.destination = *parse_ip("2001:db8::9");
  EXPECT_EQ(table_.on_heard(for_another, seconds{0}), Outcome::ignored);
  EXPECT_EQ(table_.on_heard(announcement_from(kGateway), seconds{0}), Outcome::ignored);
  EXPECT_FALSE(entry().resolved);
}

TEST_P(NextHops, AFloodOfForgedAddressesAddsNothing) {
  resolve(seconds{0});
  std::mt19937 draw{1};
  for (int i = 0; i < 100'000; ++i) {
    Heard forged = answer_from(kOther);
    const IpAddress ip = IpAddress::v4(
        {198, 18, static_cast<std::uint8_t>(draw() % 2 + 1), static_cast<std::uint8_t>(draw())});
    forged.arp.sender_ip = ip;
    forged.advertisement.target = ip;
    EXPECT_EQ(table_.on_heard(forged, seconds{1}), Outcome::ignored);
  }
  EXPECT_EQ(table_.next_hops().size(), 1U);
  EXPECT_TRUE(ask(seconds{2}).empty());
}

TEST(NextHopTable, AnAdvertisementWithoutOverrideDoesNotReplaceAMac) {
  NextHopTable table{{kOurMac, 0}};
  ASSERT_TRUE(table.add(kHop6, kOurs6, seconds{0}));
  std::vector<ProbeFrame> out;
  table.advance(seconds{0}, out);
  Heard heard;
  heard.kind = Heard::Kind::advertisement;
  heard.ethernet = {kGateway, kOurMac, 0};
  auto& a = heard.advertisement;
  a.source = a.target = kHop6;
  a.destination = kOurs6;
  a.solicited = true;
  EXPECT_EQ(table.on_heard(heard, seconds{0}), Outcome::ignored);  // no MAC in it, none known
  a.has_target_mac = true;
  a.target_mac = kGateway;
  EXPECT_EQ(table.on_heard(heard, seconds{0}), Outcome::changed);
  for (int s = 30; s <= 40; ++s) table.advance(seconds{s}, out);
  EXPECT_EQ(table.find(kHop6)->state, State::stale);
  a.target_mac = kOther;
  EXPECT_EQ(table.on_heard(heard, seconds{40}), Outcome::ignored);
  // [RFC 4861 7.2.4] The answer to a question sent to it alone may leave out the MAC.
  a.has_target_mac = false;
  EXPECT_EQ(table.on_heard(heard, seconds{40}), Outcome::confirmed);
  EXPECT_EQ(table.find(kHop6)->mac, kGateway);
}

TEST(NextHopTable, RefusesWhatIsNoNextHopAndStaysWithinItsBound) {
  NextHopTable table{{kOurMac, 0}};
  EXPECT_FALSE(table.add(kHop6, kOurs4, seconds{0}));
  EXPECT_FALSE(table.add(*parse_ip("224.0.0.1"), kOurs4, seconds{0}));
  EXPECT_FALSE(table.add(*parse_ip("0.0.0.0"), kOurs4, seconds{0}));
  for (std::size_t i = 0; i < NextHopTable::kMaxNextHops; ++i) {
    const IpAddress ip = IpAddress::v4(
        {198, 19, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 0xff)});
    ASSERT_TRUE(table.add(ip, kOurs4, seconds{0}));
    ASSERT_TRUE(table.add(ip, kOurs4, seconds{0}));
  }
  EXPECT_FALSE(table.add(kHop4, kOurs4, seconds{0}));
  // All of them get their turn, in small bursts.
  std::vector<ProbeFrame> out;
  for (std::size_t call = 0; call < NextHopTable::kMaxNextHops / 64; ++call) {
    const std::size_t before = out.size();
    table.advance(seconds{0}, out);
    EXPECT_LE(out.size() - before, NextHopTable::kMaxQuestionsPerCall);
  }
  EXPECT_EQ(out.size(), NextHopTable::kMaxNextHops);
  table.remove(*parse_ip("198.19.0.0"));
  EXPECT_TRUE(table.add(kHop4, kOurs4, seconds{0}));
  EXPECT_EQ(table.find(*parse_ip("198.19.0.0")), nullptr);
}

}  // namespace
}  // namespace sallyport::neighbour
