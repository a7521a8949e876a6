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

constexpr std::uint64_t kPeriod = CookieKeyring::kPeriodMilliseconds;
constexpr std::array<std::uint8_t, 32> kSecret{1, 2, 3};

TEST(CookieKeyring, TheKeyOfOnePeriodIsThePreviousOneOfTheNext) {
  const CookieKeyring ring{kSecret, mix};
  const auto now = ring.at(1000 * kPeriod);
  const auto end = ring.at(1001 * kPeriod - 1);
  const auto later = ring.at(1001 * kPeriod);
  EXPECT_TRUE(now.current == end.current && now.epoch == end.epoch);
  EXPECT_FALSE(now.current == later.current);
  EXPECT_TRUE(now.current == later.previous);
  EXPECT_EQ(static_cast<std::uint8_t>(now.epoch + 1), later.epoch);
}

TEST(CookieKeyring, AppliancesWithOneSecretAgreeAndOthersDoNot) {
  const CookieKeyring ring{kSecret, mix};
  const CookieKeyring twin{kSecret, mix};
  constexpr std::array<std::uint8_t, 32> kOther{9};
  const CookieKeyring stranger{kOther, mix};
  EXPECT_TRUE(ring.at(5 * kPeriod).current == twin.at(5 * kPeriod + 7).current);
  EXPECT_FALSE(ring.at(5 * kPeriod).current == stranger.at(5 * kPeriod).current);
}

TEST(CookieKeyring, TheFirstPeriodOfAllHasNoEarlierKey) {
  const CookieKeyring ring{kSecret, mix};
  EXPECT_TRUE(ring.at(0).current == ring.at(0).previous);
}

}  // namespace
}  // namespace sallyport::control
