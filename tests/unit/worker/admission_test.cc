#include "lib/worker/admission.h"

#include <gtest/gtest.h>

namespace sallyport::worker {
namespace {

using stats::CookieRefusal;

constexpr TscRate kRate{1'000'000'000};
constexpr Tsc kNow{5'000'000'000'000};

IpAddress v4(std::uint8_t network, std::uint8_t host) {
  return IpAddress::v4({198, 18, network, host});
}

class PrefixRatesTest : public ::testing::Test {
 protected:
  // burst is how many connections of `source` are let in at once.
  unsigned burst(const IpAddress& source, Tsc now, std::uint32_t per_second = 10) {
    unsigned n = 0;
    while (n < 1'000 && rates_.take(source, 0, per_second, now)) ++n;
    return n;
  }
  Arena arena_;
  PrefixRates rates_{arena_, 4'096, {1, 2}, kRate};
};

TEST_F(PrefixRatesTest, ANetworkHasOneSecondsWorthAtOnceAndThenItsRate) {
  EXPECT_EQ(burst(v4(1, 1), kNow), 10U);
  EXPECT_EQ(burst(v4(1, 1), kNow + kRate.ticks(milliseconds{300})), 3U);
  EXPECT_EQ(burst(v4(1, 1), kNow + kRate.ticks(seconds{100})), 10U);
}

TEST_F(PrefixRatesTest, HostsOfOneNetworkShareItAndOthersDoNotSuffer) {
  EXPECT_EQ(burst(v4(1, 1), kNow), 10U);
  EXPECT_EQ(burst(v4(1, 200), kNow), 0U);
  EXPECT_EQ(burst(v4(2, 1), kNow), 10U);
  const auto v6 = [](std::uint8_t subnet, std::uint8_t host) {
    return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 7, subnet, 0, 0, 0, 0, 0, 0, 0, host});
  };
  EXPECT_EQ(burst(v6(1, 1), kNow), 10U);
  EXPECT_EQ(burst(v6(2, 9), kNow), 0U) << "one customer may have a /56";
}

TEST_F(PrefixRatesTest, ListenersCountByThemselves) {
  EXPECT_EQ(burst(v4(1, 1), kNow), 10U);
  EXPECT_TRUE(rates_.take(v4(1, 1), 1, 10, kNow));
}

TEST_F(PrefixRatesTest, ManyIdleNetworksDoNotMakeABusyOneForgotten) {
  EXPECT_EQ(burst(v4(1, 1), kNow), 10U);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const IpAddress other =
        IpAddress::v4({100, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                       static_cast<std::uint8_t>(i)});
    (void)rates_.take(other, 0, 10, kNow);
  }
  EXPECT_EQ(burst(v4(1, 1), kNow), 0U);
}

// source_number gives each number a network of its own.
IpAddress source_number(std::uint32_t i) {
  return IpAddress::v4({100, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1});
}

class PrefixHandshakesTest : public ::testing::Test {
 protected:
  Arena arena_;
  PrefixHandshakes handshakes_{arena_, 4'096, {1, 2}};
};

TEST_F(PrefixHandshakesTest, HostsOfOneNetworkAreCountedTogether) {
  handshakes_.begun(v4(1, 1), 0);
  handshakes_.begun(v4(1, 200), 0);
  EXPECT_EQ(handshakes_.count(v4(1, 77), 0), 2U);
  EXPECT_EQ(handshakes_.count(v4(2, 1), 0), 0U);
  handshakes_.over(v4(1, 1), 0);
  EXPECT_EQ(handshakes_.count(v4(1, 77), 0), 1U);
}

TEST_F(PrefixHandshakesTest, ListenersCountByThemselves) {
  handshakes_.begun(v4(1, 1), 0);
  EXPECT_EQ(handshakes_.count(v4(1, 1), 1), 0U);
}

TEST_F(PrefixHandshakesTest, FewNetworksAreTakenForOthersAndNoneForLess) {
  constexpr std::uint32_t kNetworks = 1'000;
  for (std::uint32_t i = 0; i < kNetworks; ++i) handshakes_.begun(source_number(i), 0);
  std::uint32_t too_high = 0;
  for (std::uint32_t i = 0; i < kNetworks; ++i) {
    const std::uint32_t count = handshakes_.count(source_number(i), 0);
    EXPECT_GE(count, 1U);
    if (count > 1) ++too_high;
  }
  // Each counter is shared with a probability of about 1 - exp(-1000 / 4096), both with its square.
  EXPECT_LT(too_high, kNetworks / 10);
  for (std::uint32_t i = 0; i < kNetworks; ++i) handshakes_.over(source_number(i), 0);
  for (std::uint32_t i = 0; i < kNetworks; ++i) {
    EXPECT_EQ(handshakes_.count(source_number(i), 0), 0U);
  }
}

constexpr IpAddress kSource = IpAddress::v4({198, 18, 1, 1});

class AdmissionTest : public ::testing::Test {
 protected:
  CookieRefusal judge(const snapshot::Limits& limits, std::uint16_t group = 0,
                      const IpAddress& source = kSource) {
    return admission_.judge(group, limits, source, kNow);
  }
  Arena arena_;
  Admission admission_{arena_, 8'192, {1, 2}, kRate};
};

TEST_F(AdmissionTest, WithoutLimitsEverybodyIsLetIn) {
  for (unsigned i = 0; i < 100'000; ++i) {
    ASSERT_EQ(judge({}), CookieRefusal::none);
    admission_.opened(0, kSource);
  }
}

TEST_F(AdmissionTest, AListenerHasSoManyConnectionsAndAnotherOneItsOwn) {
  snapshot::Limits limits;
  limits.max_connections = 3;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(judge(limits), CookieRefusal::none);
    admission_.opened(0, kSource);
    admission_.handshake_over(0, kSource);
  }
  EXPECT_EQ(judge(limits), CookieRefusal::listener_connections);
  EXPECT_EQ(judge(limits, 1), CookieRefusal::none);
  admission_.ended(0);
  EXPECT_EQ(judge(limits), CookieRefusal::none);
}

TEST_F(AdmissionTest, HandshakesCountUntilTheyAreOver) {
  snapshot::Limits limits;
  limits.max_handshakes = 2;
  admission_.opened(0, kSource);
  admission_.opened(0, kSource);
  EXPECT_EQ(judge(limits), CookieRefusal::listener_handshakes);
  admission_.handshake_over(0, kSource);
  EXPECT_EQ(judge(limits), CookieRefusal::none);
}

TEST_F(AdmissionTest, ANetworkHasSoManyHandshakesAndAnotherOneItsOwn) {
  snapshot::Limits limits;
  limits.prefix_handshakes = 2;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(judge(limits), CookieRefusal::none);
    admission_.opened(0, kSource);
  }
  EXPECT_EQ(judge(limits), CookieRefusal::prefix_handshakes);
  EXPECT_EQ(judge(limits, 0, v4(1, 200)), CookieRefusal::prefix_handshakes);
  EXPECT_EQ(judge(limits, 0, v4(2, 1)), CookieRefusal::none);
  EXPECT_EQ(judge(limits, 1), CookieRefusal::none);
  admission_.handshake_over(0, kSource);
  EXPECT_EQ(judge(limits), CookieRefusal::none);
}

TEST_F(AdmissionTest, ANetworkThatIsTooFastIsToldApart) {
  snapshot::Limits limits;
  limits.prefix_connections_per_second = 1;
  EXPECT_EQ(judge(limits), CookieRefusal::none);
  EXPECT_EQ(judge(limits), CookieRefusal::prefix_rate);
}

}  // namespace
}  // namespace sallyport::worker
