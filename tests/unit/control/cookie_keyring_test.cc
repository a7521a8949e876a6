#include "lib/control/cookie_keyring.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport::control {
namespace {

// mix stands in for HKDF: different inputs give different keys.
void mix(ByteView secret, std::string_view purpose, std::uint64_t epoch,
         MutableBytes out) noexcept {
  std::uint64_t state = epoch + 1;
  for (const std::uint8_t byte : secret) state = state * 31 + byte;
  for (const char c : purpose) state = state * 31 + static_cast<unsigned char>(c);
  for (std::uint8_t& byte : out) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<std::uint8_t>(state >> 56U);
  }
}

bool operator==(const SipKey& a, const SipKey& b) { return a.k0 == b.k0 && a.k1 == b.k1; }

constexpr std::uint64_t kEpoch = CookieKeyring::kEpochMilliseconds;
constexpr std::array<std::uint8_t, 32> kSecret{1, 2, 3};

TEST(CookieKeyring, AnEpochAcceptsTheOneBeforeAndThenTheOneAfter) {
  const CookieKeyring ring{kSecret, mix};
  const auto before = ring.at(1000 * kEpoch - 1);
  const auto first_half = ring.at(1000 * kEpoch);
  const auto second_half = ring.at(1000 * kEpoch + kEpoch / 2);
  const auto after = ring.at(1001 * kEpoch);
  EXPECT_FALSE(before.current == first_half.current);
  EXPECT_TRUE(first_half.current == second_half.current);
  EXPECT_FALSE(second_half.current == after.current);
  EXPECT_TRUE(first_half.adjacent == before.current);
  EXPECT_TRUE(second_half.adjacent == after.current);
  EXPECT_EQ(static_cast<std::uint8_t>(first_half.epoch + 1), after.epoch);
  EXPECT_EQ(first_half.epoch, second_half.epoch);
}

// What one appliance makes another one accepts, although its clock differs by half a minute and
// the client took another half.
TEST(CookieKeyring, ClocksThatDifferAgreeOnTheKeyOfEveryCookie) {
  const CookieKeyring ring{kSecret, mix};
  for (std::uint64_t made = 7 * kEpoch; made < 9 * kEpoch; made += 1'000) {
    const auto maker = ring.at(made);
    for (const std::int64_t later : {-30'000, 0, 30'000, 60'000}) {
      const auto checker = ring.at(made + static_cast<std::uint64_t>(later));
      const bool same_bit = ((maker.epoch ^ checker.epoch) & 1U) == 0;
      EXPECT_TRUE((same_bit ? checker.current : checker.adjacent) == maker.current) << made;
    }
  }
}

TEST(CookieKeyring, AppliancesWithOneSecretAgreeAndOthersDoNot) {
  const CookieKeyring ring{kSecret, mix};
  const CookieKeyring twin{kSecret, mix};
  constexpr std::array<std::uint8_t, 32> kOther{9};
  const CookieKeyring stranger{kOther, mix};
  EXPECT_TRUE(ring.at(5 * kEpoch).current == twin.at(5 * kEpoch + 7).current);
  EXPECT_FALSE(ring.at(5 * kEpoch).current == stranger.at(5 * kEpoch).current);
}

}  // namespace
}  // namespace sallyport::control
