#include "lib/control/ticket_keyring.h"

#include <gtest/gtest.h>

#include <algorithm>
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

bool same(const tls::TicketKey& a, const tls::TicketKey& b) {
  return a.name == b.name && std::ranges::equal(a.bytes.expose(), b.bytes.expose());
}

constexpr std::uint64_t kEpoch = TicketKeyring::kEpochMilliseconds;
constexpr std::array<std::uint8_t, 32> kSecret{1, 2, 3};

TEST(TicketKeyring, KeysMoveOnByOnePlaceWithEveryEpoch) {
  const TicketKeyring ring{kSecret, mix};
  const auto first = ring.at(1000 * kEpoch);
  const auto end_of_first = ring.at(1001 * kEpoch - 1);
  const auto second = ring.at(1001 * kEpoch);
  EXPECT_TRUE(same(first->current, end_of_first->current));
  EXPECT_FALSE(same(first->current, second->current));
  EXPECT_TRUE(same(first->current, second->previous));
  EXPECT_TRUE(same(first->next, second->current));
}

TEST(TicketKeyring, NoTwoKeysAreAlikeAndNoNameIsPartOfAKey) {
  const TicketKeyring ring{kSecret, mix};
  const auto keys = ring.at(1000 * kEpoch);
  EXPECT_FALSE(same(keys->current, keys->previous));
  EXPECT_FALSE(same(keys->current, keys->next));
  EXPECT_FALSE(same(keys->previous, keys->next));
  EXPECT_NE(keys->current.name, keys->previous.name);
  EXPECT_FALSE(std::ranges::equal(keys->current.name, keys->current.bytes.expose().first<16>()));
}

// A ticket lives for one epoch at most, and the appliance that opens it may be off by hours.
TEST(TicketKeyring, ATicketOpensForAtLeastOneEpoch) {
  const TicketKeyring ring{kSecret, mix};
  for (std::uint64_t made = 7 * kEpoch; made < 8 * kEpoch; made += kEpoch / 24) {
    const auto maker = ring.at(made);
    for (const std::uint64_t later : {std::uint64_t{0}, kEpoch / 2, kEpoch - 1, kEpoch}) {
      const auto opener = ring.at(made + later);
      EXPECT_TRUE(same(maker->current, opener->current) || same(maker->current, opener->previous));
    }
    const auto behind = ring.at(made - kEpoch / 24);
    EXPECT_TRUE(same(maker->current, behind->current) || same(maker->current, behind->next));
  }
}

TEST(TicketKeyring, AppliancesWithOneSecretAgreeAndOthersDoNot) {
  const TicketKeyring ring{kSecret, mix};
  const TicketKeyring twin{kSecret, mix};
  constexpr std::array<std::uint8_t, 32> kOther{9};
  const TicketKeyring stranger{kOther, mix};
  EXPECT_TRUE(same(ring.at(5 * kEpoch)->current, twin.at(5 * kEpoch + 7)->current));
  EXPECT_FALSE(same(ring.at(5 * kEpoch)->current, stranger.at(5 * kEpoch)->current));
  EXPECT_NE(ring.at(5 * kEpoch)->current.name, stranger.at(5 * kEpoch)->current.name);
}

}  // namespace
}  // namespace sallyport::control
