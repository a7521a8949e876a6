#include "lib/crypto/key_share_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace sallyport::crypto {
namespace {

constexpr KeyShareCache::Options kOptions{.capacity = 20, .low_water = 12, .max_age = {60}};

// shares_from is a finished make_key_shares job whose pairs are numbered from `first`.
std::unique_ptr<CryptoJob> shares_from(std::uint8_t first, NamedGroup group, Tsc made) {
  auto job = std::make_unique<CryptoJob>();
  job->kind = JobKind::make_key_shares;
  job->group = group;
  job->status = JobStatus::ok;
  job->num_key_shares = CryptoJob::kKeySharesPerJob;
  std::construct_at(&job->key_shares);
  for (KeyShare& share : job->key_shares) {
    share.group = group;
    share.made = made;
    share.private_key.fill(first++);
  }
  return job;
}

TEST(KeyShareCache, HandsOutEveryPairOnceOldestFirst) {
  KeyShareCache cache{kOptions};
  cache.absorb(*shares_from(1, NamedGroup::x25519, Tsc{100}));
  cache.absorb(*shares_from(9, NamedGroup::x25519, Tsc{110}));
  KeyShare share;
  for (std::uint8_t i = 1; i <= 16; ++i) {
    ASSERT_TRUE(cache.take(NamedGroup::x25519, Tsc{120}, share));
    EXPECT_EQ(share.private_key[0], i);
  }
  EXPECT_FALSE(cache.take(NamedGroup::x25519, Tsc{120}, share));
  EXPECT_FALSE(cache.take(NamedGroup::secp256r1, Tsc{120}, share));
  EXPECT_FALSE(cache.take(NamedGroup::secp384r1, Tsc{120}, share));
}

TEST(KeyShareCache, GroupsDoNotMix) {
  KeyShareCache cache{kOptions};
  cache.absorb(*shares_from(1, NamedGroup::secp256r1, Tsc{100}));
  EXPECT_EQ(cache.available(NamedGroup::secp256r1), 8U);
  EXPECT_EQ(cache.available(NamedGroup::x25519), 0U);
}

TEST(KeyShareCache, WipesTheJobThatBroughtThePairs) {
  KeyShareCache cache{kOptions};
  const auto job = shares_from(1, NamedGroup::x25519, Tsc{100});
  cache.absorb(*job);
  const std::span bytes{reinterpret_cast<const std::uint8_t*>(&job->key_shares),
                        sizeof job->key_shares};
  EXPECT_TRUE(std::ranges::all_of(bytes, [](auto b) { return b == 0; }));
  EXPECT_EQ(job->num_key_shares, 0);
}

TEST(KeyShareCache, NeverHandsOutAnOldPair) {
  KeyShareCache cache{kOptions};
  cache.absorb(*shares_from(1, NamedGroup::x25519, Tsc{100}));
  cache.absorb(*shares_from(9, NamedGroup::x25519, Tsc{150}));
  KeyShare share;
  ASSERT_TRUE(cache.take(NamedGroup::x25519, Tsc{160}, share));  // exactly 60 old
  EXPECT_EQ(share.private_key[0], 1);
  ASSERT_TRUE(cache.take(NamedGroup::x25519, Tsc{161}, share));
  EXPECT_EQ(share.private_key[0], 9);
  EXPECT_EQ(cache.available(NamedGroup::x25519), 7U);
  cache.flush_aged(Tsc{211});
  EXPECT_EQ(cache.available(NamedGroup::x25519), 0U);
}

TEST(KeyShareCache, AsksForMoreBelowTheLowWaterMarkAndCountsWhatIsUnderWay) {
  KeyShareCache cache{kOptions};
  EXPECT_EQ(cache.refill_due(), NamedGroup::x25519);
  cache.requested(NamedGroup::x25519);
  EXPECT_EQ(cache.refill_due(), NamedGroup::x25519);  // 8 of 12
  cache.requested(NamedGroup::x25519);
  EXPECT_EQ(cache.refill_due(), NamedGroup::secp256r1);
  cache.requested(NamedGroup::secp256r1);
  cache.requested(NamedGroup::secp256r1);
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  // A job that failed gives its claim back.
  const auto failed = shares_from(1, NamedGroup::x25519, Tsc{100});
  failed->status = JobStatus::expired;
  cache.absorb(*failed);
  EXPECT_EQ(cache.available(NamedGroup::x25519), 0U);
  EXPECT_EQ(cache.refill_due(), NamedGroup::x25519);
}

// Pairs of dear groups lie nowhere in advance; whoever asks in vain gets one made.
TEST(KeyShareCache, HasDearGroupsMadeForThoseWhoAskedInVain) {
  KeyShareCache cache{{.capacity = 20, .low_water = 0, .max_age = {60}}};
  KeyShare share;
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  // Two ask in one turn: two jobs, not one and not more, whichever turn they come back in.
  EXPECT_FALSE(cache.take(NamedGroup::secp384r1, Tsc{1}, share));
  EXPECT_FALSE(cache.take(NamedGroup::secp384r1, Tsc{1}, share));
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(cache.refill_due(), NamedGroup::secp384r1);
    cache.requested(NamedGroup::secp384r1);
  }
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  for (int turn = 0; turn < 5; ++turn) {
    EXPECT_FALSE(cache.take(NamedGroup::secp384r1, Tsc{2}, share));
    EXPECT_FALSE(cache.take(NamedGroup::secp384r1, Tsc{2}, share));
    EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  }
  for (std::uint8_t i = 1; i <= 2; ++i) {
    const auto job = shares_from(i, NamedGroup::secp384r1, Tsc{3});
    job->num_key_shares = key_shares_per_job(NamedGroup::secp384r1);
    ASSERT_EQ(job->num_key_shares, 1);
    cache.absorb(*job);
  }
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  for (std::uint8_t i = 1; i <= 2; ++i) {
    ASSERT_TRUE(cache.take(NamedGroup::secp384r1, Tsc{4}, share));
    EXPECT_EQ(share.private_key[0], i);
  }
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
}

TEST(KeyShareCache, AsksAgainForADearPairThatDidNotCome) {
  KeyShareCache cache{{.capacity = 20, .low_water = 0, .max_age = {60}}};
  KeyShare share;
  EXPECT_FALSE(cache.take(NamedGroup::x448, Tsc{1}, share));
  ASSERT_EQ(cache.refill_due(), NamedGroup::x448);
  cache.requested(NamedGroup::x448);
  EXPECT_EQ(cache.refill_due(), NamedGroup::none);
  const auto job = shares_from(1, NamedGroup::x448, Tsc{2});
  job->status = JobStatus::expired;
  cache.absorb(*job);
  EXPECT_FALSE(cache.take(NamedGroup::x448, Tsc{2}, share));
  EXPECT_EQ(cache.refill_due(), NamedGroup::x448);
}

TEST(KeyShareCache, DropsWhatDoesNotFit) {
  KeyShareCache cache{kOptions};
  for (int i = 0; i < 4; ++i) cache.absorb(*shares_from(1, NamedGroup::x25519, Tsc{100}));
  EXPECT_EQ(cache.available(NamedGroup::x25519), 20U);
}

TEST(KeyShareCache, AForkedChildFindsItEmpty) {
  KeyShareCache cache{kOptions};
  cache.absorb(*shares_from(1, NamedGroup::x25519, Tsc{100}));
  const pid_t child = ::fork();
  if (child == 0) {
    KeyShare share;
    const bool clean = cache.available(NamedGroup::x25519) == 0 &&
                       !cache.take(NamedGroup::x25519, Tsc{100}, share);
    ::_exit(clean ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(cache.available(NamedGroup::x25519), 8U);
}

}  // namespace
}  // namespace sallyport::crypto
