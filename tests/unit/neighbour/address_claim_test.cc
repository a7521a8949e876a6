#include "lib/neighbour/address_claim.h"

#include <gtest/gtest.h>

#include <string>

namespace sallyport::neighbour {
namespace {

const MacAddress kOurMac = *parse_mac("02:00:00:00:00:02");
const MacAddress kOther = *parse_mac("02:00:00:00:00:66");
const IpAddress kOurs4 = *parse_ip("198.18.0.1");
const IpAddress kOurs6 = *parse_ip("2001:db8::1");
constexpr Link kLink{};

class Claim : public ::testing::Test {
 protected:
  AddressClaim claim(const IpAddress& address) {
    return {{kOurMac, 0}, address, seconds{0}, random_};
  }
  // run advances in steps of 100 ms and notes each frame as "kind@tenths".
  static std::vector<Heard> run(AddressClaim& c, milliseconds from, milliseconds to,
                                std::vector<milliseconds>* times = nullptr) {
    std::vector<Heard> frames;
    for (milliseconds now = from; now <= to; now += milliseconds{100}) {
      std::vector<ProbeFrame> out;
      c.advance(now, out);
      for (const ProbeFrame& frame : out) {
        const auto heard = hear(frame.view(), 0);
        EXPECT_TRUE(heard);
        frames.push_back(*heard);
        if (times != nullptr) times->push_back(now);
      }
    }
    return frames;
  }
  static Heard said(const ProbeFrame& frame) { return *hear(frame.view(), 0); }

  Random random_{Random::Seed{1}};
};

// [RFC 5227 2.1.1, 2.3] Three probes one to two seconds apart, two seconds of silence, two
// announcements two seconds apart.
TEST_F(Claim, AnIpv4AddressIsProbedThenAnnounced) {
  AddressClaim c = claim(kOurs4);
  std::vector<milliseconds> times;
  const auto frames = run(c, seconds{0}, seconds{20}, &times);
  ASSERT_EQ(frames.size(), 5U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(frames[i].arp.is_probe());
    EXPECT_EQ(frames[i].arp.target_ip, kOurs4);
    EXPECT_EQ(frames[i].ethernet.destination, MacAddress::broadcast());
  }
  for (std::size_t i = 3; i < 5; ++i) {
    EXPECT_TRUE(frames[i].arp.is_announcement());
    EXPECT_EQ(frames[i].arp.sender_mac, kOurMac);
  }
  EXPECT_LE(times[0], milliseconds{1100});
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_GE(times[i] - times[i - 1], seconds{1});
    EXPECT_LE(times[i] - times[i - 1], milliseconds{2100});
  }
  EXPECT_GE(times[3] - times[2], seconds{2});
  EXPECT_EQ(times[4] - times[3], seconds{2});
  EXPECT_EQ(c.state(), ClaimState::claimed);
}

// [RFC 4862 5.4] One solicitation from the unspecified address, then one second.
TEST_F(Claim, AnIpv6AddressIsCheckedThenAdvertised) {
  AddressClaim c = claim(kOurs6);
  std::vector<milliseconds> times;
  const auto frames = run(c, seconds{0}, seconds{20}, &times);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].kind, Heard::Kind::solicitation);
  EXPECT_TRUE(frames[0].solicitation.is_duplicate_address_detection());
  EXPECT_EQ(frames[0].solicitation.target, kOurs6);
  EXPECT_EQ(frames[1].kind, Heard::Kind::advertisement);
  EXPECT_FALSE(frames[1].advertisement.solicited);
  EXPECT_TRUE(frames[1].advertisement.override);
  EXPECT_EQ(frames[1].advertisement.target_mac, kOurMac);
  EXPECT_GE(times[1] - times[0], seconds{1});
  EXPECT_TRUE(c.is_ours());
}

TEST_F(Claim, AnAddressIsNotOursWhileItIsProbed) {
  for (const IpAddress& address : {kOurs4, kOurs6}) {
    AddressClaim c = claim(address);
    run(c, seconds{0}, seconds{1});
    EXPECT_EQ(c.state(), ClaimState::probing);
    EXPECT_FALSE(c.is_ours());
  }
}

TEST_F(Claim, AnybodyWhoHasTheAddressOrWantsItEndsTheProbing) {
  const Link other{kOther, 0};
  for (const IpAddress& address : {kOurs4, kOurs6}) {
    for (const ProbeFrame& frame :
         {announcement_frame(other, address), tentative_frame(other, address)}) {
      AddressClaim c = claim(address);
      run(c, seconds{0}, seconds{1});
      EXPECT_TRUE(c.on_heard(said(frame), seconds{1}));
      EXPECT_EQ(c.state(), ClaimState::duplicate);
      EXPECT_EQ(c.other(), kOther);
      // Silence, and another try after a minute.
      EXPECT_TRUE(run(c, seconds{1}, seconds{60}).empty());
      EXPECT_FALSE(c.is_ours());
      EXPECT_FALSE(run(c, seconds{61}, seconds{70}).empty());
      EXPECT_TRUE(c.is_ours());
    }
  }
}

TEST_F(Claim, OurOwnFramesComingBackAreNoConflict) {
  const Link ours{kOurMac, 0};
  for (const IpAddress& address : {kOurs4, kOurs6}) {
    AddressClaim c = claim(address);
    EXPECT_FALSE(c.on_heard(said(tentative_frame(ours, address)), seconds{0}));
    EXPECT_FALSE(c.on_heard(said(announcement_frame(ours, address)), seconds{0}));
    EXPECT_EQ(c.num_conflicts(), 0U);
  }
}

TEST_F(Claim, OtherAddressesAndOtherLinksAreNoConflict) {
  AddressClaim c = claim(kOurs4);
  EXPECT_FALSE(
      c.on_heard(said(announcement_frame({kOther, 0}, *parse_ip("198.18.0.2"))), seconds{0}));
  EXPECT_FALSE(c.on_heard(said(announcement_frame({kOther, 5}, kOurs4)), seconds{0}));
  // Who only asks for our address has not got it.
  EXPECT_FALSE(c.on_heard(
      said(ask_frame({kOther, 0}, *parse_ip("198.18.0.9"), kOurs4, std::nullopt)), seconds{0}));
  EXPECT_EQ(c.state(), ClaimState::probing);
}

// [RFC 5227 2.4] (c): defended, with a pause of ten seconds.
TEST_F(Claim, AnAddressThatIsOursIsDefendedButNotWithoutPause) {
  for (const IpAddress& address : {kOurs4, kOurs6}) {
    AddressClaim c = claim(address);
    run(c, seconds{0}, seconds{20});
    const Heard attack = said(announcement_frame({kOther, 0}, address));
    std::size_t told = 0;
    std::size_t defences = 0;
    for (milliseconds now = seconds{20}; now < seconds{50}; now += milliseconds{10}) {
      if (c.on_heard(attack, now)) ++told;
      std::vector<ProbeFrame> out;
      c.advance(now, out);
      defences += out.size();
    }
    EXPECT_EQ(told, 3U);
    EXPECT_EQ(defences, 3U);
    EXPECT_TRUE(c.is_ours());
    EXPECT_EQ(c.num_conflicts(), 3000U);
    // Somebody's duplicate address detection is answered by the worker and no conflict.
    EXPECT_FALSE(c.on_heard(said(tentative_frame({kOther, 0}, address)), seconds{100}));
  }
}

TEST(Hear, KeepsOnlyValidArpAndNeighbourPackets) {
  EXPECT_FALSE(hear({}, 0));
  const ProbeFrame frame = announcement_frame({kOther, 3}, kOurs4);
  EXPECT_EQ(hear(frame.view(), 0)->ethernet.vlan, 3);
  for (std::size_t n = 0; n < frame.len; ++n) EXPECT_FALSE(hear(frame.view().first(n), 0)) << n;
  const ProbeFrame na = announcement_frame(kLink, kOurs6);
  EXPECT_FALSE(hear(na.view(), 0));  // from a MAC that cannot be
}

}  // namespace
}  // namespace sallyport::neighbour
