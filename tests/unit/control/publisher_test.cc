#include "lib/control/publisher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sallyport::control {
namespace {

std::unique_ptr<snapshot::Snapshot> make(std::uint64_t configuration = 0) {
  auto next = std::make_unique<snapshot::Snapshot>();
  next->configuration = configuration;
  next->listeners = std::make_shared<const std::vector<snapshot::Listener>>();
  return next;
}

TEST(Publisher, AReaderSeesTheNewestSnapshot) {
  Publisher publisher{1};
  EXPECT_EQ(publisher.source().load(), nullptr);
  publisher.publish(make());
  EXPECT_EQ(publisher.reader(0).enter(publisher.source()).epoch, 1U);
  publisher.publish(make());
  EXPECT_EQ(publisher.reader(0).enter(publisher.source()).epoch, 2U);
  EXPECT_EQ(publisher.current()->epoch, 2U);
}

TEST(Publisher, KeepsASnapshotUntilEveryReaderHasPassedIt) {
  Publisher publisher{2};
  publisher.publish(make());
  static_cast<void>(publisher.reader(0).enter(publisher.source()));
  static_cast<void>(publisher.reader(1).enter(publisher.source()));
  publisher.publish(make());
  EXPECT_EQ(publisher.reclaim(), 1U);
  static_cast<void>(publisher.reader(0).enter(publisher.source()));
  EXPECT_EQ(publisher.reclaim(), 1U) << "the other reader still uses it";
  static_cast<void>(publisher.reader(1).enter(publisher.source()));
  EXPECT_EQ(publisher.reclaim(), 0U);
}

TEST(Publisher, AReaderThatNeverStartedHoldsEverythingAndOneThatLeftNothing) {
  Publisher publisher{2};
  publisher.publish(make());
  publisher.publish(make());
  static_cast<void>(publisher.reader(0).enter(publisher.source()));
  EXPECT_EQ(publisher.reclaim(), 1U);
  publisher.reader(1).leave();
  EXPECT_EQ(publisher.reclaim(), 0U);
}

TEST(Publisher, AFourthRetiredSnapshotWaits) {
  Publisher publisher{1};
  for (std::size_t i = 0; i <= Publisher::kMaxRetired; ++i) {
    ASSERT_TRUE(publisher.can_publish(0));
    publisher.publish(make());
  }
  EXPECT_FALSE(publisher.can_publish(0));
  static_cast<void>(publisher.reader(0).enter(publisher.source()));
  EXPECT_TRUE(publisher.can_publish(0));
}

TEST(Publisher, AHandshakeKeepsTheConfigurationThatItBeganUnder) {
  Publisher publisher{1};
  snapshot::Reader& reader = publisher.reader(0);
  publisher.publish(make(0));
  const std::weak_ptr<const std::vector<snapshot::Listener>> first = publisher.current()->listeners;
  reader.pin(reader.enter(publisher.source()).configuration);
  publisher.publish(make(1));
  static_cast<void>(reader.enter(publisher.source()));
  publisher.reclaim();
  EXPECT_FALSE(first.expired());
  EXPECT_EQ(publisher.num_configurations(), 2U);
  reader.unpin(0);
  publisher.reclaim();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(publisher.num_configurations(), 1U);
}

TEST(Publisher, PinnedHandshakesDoNotHoldUpChangesWithinAConfiguration) {
  Publisher publisher{1};
  snapshot::Reader& reader = publisher.reader(0);
  publisher.publish(make(0));
  reader.pin(reader.enter(publisher.source()).configuration);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(publisher.can_publish(0));
    publisher.publish(make(0));
    static_cast<void>(reader.enter(publisher.source()));
  }
  reader.unpin(0);
}

TEST(Publisher, AFifthConfigurationWaitsForTheHandshakesOfTheFirst) {
  Publisher publisher{1};
  snapshot::Reader& reader = publisher.reader(0);
  for (std::uint64_t configuration = 0; configuration < snapshot::kMaxConfigurations;
       ++configuration) {
    ASSERT_TRUE(publisher.can_publish(configuration));
    publisher.publish(make(configuration));
    reader.pin(reader.enter(publisher.source()).configuration);
  }
  EXPECT_FALSE(publisher.can_publish(snapshot::kMaxConfigurations));
  EXPECT_TRUE(publisher.can_publish(snapshot::kMaxConfigurations - 1)) << "the current one goes on";
  reader.unpin(0);
  EXPECT_TRUE(publisher.can_publish(snapshot::kMaxConfigurations));
}

// Readers check that what they read has not been taken away and belongs together, while the control
// thread publishes as fast as it may.  Meant for the thread and address sanitizers as well.
TEST(Publisher, ConcurrentReadersNeverSeeAFreedOrTornSnapshot) {
  constexpr std::size_t kReaders = 3;
  constexpr std::uint64_t kPublications = 300;
  Publisher publisher{kReaders};
  publisher.publish(make(0));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] {
      snapshot::Reader& reader = publisher.reader(i);
      std::uint64_t last = 0;
      std::uint64_t pinned = 0;
      const std::vector<snapshot::Listener>* listeners = nullptr;
      while (!stop.load(std::memory_order_relaxed)) {
        const snapshot::Snapshot& s = reader.enter(publisher.source());
        if (s.epoch < last || s.cookie_keys.current.k0 != s.cookie_keys.current.k1) ++wrong;
        last = s.epoch;
        // Hold one "handshake" over several iterations.
        if (listeners == nullptr) {
          pinned = s.configuration;
          reader.pin(pinned);
          listeners = s.listeners.get();
        } else if (listeners->size() != pinned % 7) {
          ++wrong;
        } else if (last % 5 == 0) {
          listeners = nullptr;
          reader.unpin(pinned);
        }
      }
      if (listeners != nullptr) reader.unpin(pinned);
      reader.leave();
    });
  }
  std::uint64_t configuration = 0;
  for (std::uint64_t n = 0; n < kPublications;) {
    const std::uint64_t next = configuration + (n % 4 == 0 ? 1 : 0);
    if (!publisher.can_publish(next)) {
      // Publish within the current configuration, so that pins come to an end.
      if (!publisher.can_publish(configuration))
        std::this_thread::yield();
      else
        publisher.publish([&] {
          auto s = make(configuration);
          s->listeners = publisher.current()->listeners;
          return s;
        }());
      continue;
    }
    auto s = make(next);
    s->cookie_keys.current = {n, n};
    if (next != configuration) {
      s->listeners = std::make_shared<const std::vector<snapshot::Listener>>(next % 7);
    } else {
      s->listeners = publisher.current()->listeners;
    }
    configuration = next;
    publisher.publish(std::move(s));
    ++n;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(publisher.reclaim(), 0U);
  EXPECT_EQ(publisher.num_configurations(), 1U);
}

}  // namespace
}  // namespace sallyport::control
