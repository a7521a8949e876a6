#include "lib/tls/session_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/bytes.h"

namespace sallyport::tls {
namespace {

using testing::Bytes;

constexpr std::uint64_t kLater = 2'000;

class SessionCacheTest : public ::testing::Test {
 protected:
  Bytes found(const SessionCache& cache, ByteView id) {
    const ByteView ticket = cache.find(id, room_);
    return {ticket.begin(), ticket.end()};
  }
  SessionCache::Id new_id() { return SessionCache::draw_id(random_); }

  Random random_{Random::Seed{1}};
  std::array<std::uint8_t, kNamingTicketLen> room_{};
};

TEST_F(SessionCacheTest, GivesBackWhatWasKeptUnderTheSameId) {
  SessionCache cache{1'000};
  for (const std::size_t len : {kTicketLen, kNamingTicketLen}) {
    const SessionCache::Id id = new_id();
    EXPECT_TRUE(found(cache, id).empty());
    Bytes ticket(len);
    random_.fill(ticket);
    cache.keep(id, ticket, kLater);
    EXPECT_EQ(found(cache, id), ticket);
    EXPECT_EQ(found(cache, id), ticket) << "a session may be resumed more than once";
  }
}

TEST_F(SessionCacheTest, AnotherIdFindsNothing) {
  SessionCache cache{1};  // all have the same place
  const SessionCache::Id id = new_id();
  cache.keep(id, Bytes(kTicketLen, 7), kLater);
  EXPECT_TRUE(found(cache, new_id()).empty());
  for (std::size_t i = 0; i < id.size(); ++i) {
    SessionCache::Id other = id;
    other[i] ^= 0x80;
    EXPECT_TRUE(found(cache, other).empty()) << i;
  }
  EXPECT_TRUE(found(cache, ByteView{id}.first(31)).empty());
  EXPECT_TRUE(found(cache, {}).empty());
  Bytes longer{id.begin(), id.end()};
  longer.push_back(0);
  EXPECT_TRUE(found(cache, longer).empty());
}

TEST_F(SessionCacheTest, AnEmptyCacheKnowsNotEvenTheIdOfZeros) {
  SessionCache cache{4};
  EXPECT_TRUE(found(cache, SessionCache::Id{}).empty());
}

TEST_F(SessionCacheTest, ASessionWhoseTimeIsOverIsForgotten) {
  SessionCache cache{1'000};
  const SessionCache::Id early = new_id();
  const SessionCache::Id late = new_id();
  cache.keep(early, Bytes(kTicketLen, 1), kLater);
  cache.keep(late, Bytes(kTicketLen, 2), kLater + 1);
  cache.forget_expired(kLater - 1);
  EXPECT_FALSE(found(cache, early).empty());
  cache.forget_expired(kLater);
  EXPECT_TRUE(found(cache, early).empty());
  EXPECT_EQ(found(cache, late), Bytes(kTicketLen, 2));
}

TEST_F(SessionCacheTest, ANewSessionTakesTheWholePlaceOfAnother) {
  SessionCache cache{1};
  const SessionCache::Id first = new_id();
  const SessionCache::Id second = new_id();
  cache.keep(first, Bytes(kNamingTicketLen, 1), kLater);
  cache.keep(second, Bytes(kTicketLen, 2), kLater);
  EXPECT_TRUE(found(cache, first).empty());
  EXPECT_EQ(found(cache, second), Bytes(kTicketLen, 2));
}

TEST_F(SessionCacheTest, MostSessionsStayWhereThereIsRoom) {
  SessionCache cache{4'096};
  std::vector<SessionCache::Id> ids(512);
  for (SessionCache::Id& id : ids) {
    id = new_id();
    cache.keep(id, Bytes(kTicketLen, id[31]), kLater);
  }
  const auto kept = std::ranges::count_if(ids, [&](const SessionCache::Id& id) {
    return found(cache, id) == Bytes(kTicketLen, id[31]);
  });
  // One in sixteen shares its place with one that came later.
  EXPECT_GT(kept, 440);
}

// Workers write and read the same places at once.  Whatever is found was kept under that ID.
TEST_F(SessionCacheTest, ReadersNeverSeeHalfOfASession) {
  constexpr int kHits = 100'000;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{3};
  SessionCache cache{2};
  std::array<SessionCache::Id, 4> ids;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = new_id();
    ids[i][31] = static_cast<std::uint8_t>(i);
  }
  std::atomic<bool> over = false;
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (std::size_t i = w; !over.load(std::memory_order_relaxed); ++i) {
        const SessionCache::Id& id = ids[i % ids.size()];
        cache.keep(id, Bytes(i % 3 == 0 ? kTicketLen : kNamingTicketLen, id[31]), kLater);
        std::this_thread::yield();
      }
    });
  }
  int hits = 0;
  int wrong = 0;
  for (std::size_t i = 0; hits < kHits && std::chrono::steady_clock::now() < end; ++i) {
    const SessionCache::Id& id = ids[i % ids.size()];
    const ByteView ticket = cache.find(id, room_);
    if (ticket.empty()) continue;
    ++hits;
    if (!std::ranges::all_of(ticket, [&](std::uint8_t byte) { return byte == id[31]; })) ++wrong;
  }
  over = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_GT(hits, 100);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sallyport::tls
