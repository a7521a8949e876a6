#include "app/sallyport/fingerprint_list.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/scenario/actors.h"

namespace sallyport::testing {
namespace {

// merged asks all workers and puts their answers together.
admin::FingerprintsReport merged(Simulation& sim) {
  std::vector<std::unique_ptr<FingerprintList>> lists;
  std::vector<const FingerprintList*> ready;
  for (std::size_t i = 0; i < sim.num_workers(); ++i) {
    FingerprintList& list = *lists.emplace_back(std::make_unique<FingerprintList>());
    EXPECT_TRUE(list.ready()) << "nobody has asked";
    list.request();
    EXPECT_FALSE(list.ready());
    list.answer(sim.worker(i));
    EXPECT_TRUE(list.ready());
    ready.push_back(&list);
  }
  return FingerprintList::merge(ready);
}

// The clients of several workers, which have less room than there are kinds of them.
TEST(FingerprintList, SumsOfWorkersKeepTheirPromise) {
  for (const std::size_t room : {2U, 16U}) {
    SimulationOptions options;
    options.fingerprints = true;
    options.num_workers = 2;
    options.worker.max_fingerprints = room;
    Simulation sim{options};
    Echo echo{sim};
    const std::array ciphers{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                             "ECDHE-ECDSA-CHACHA20-POLY1305"};
    std::map<std::size_t, std::uint64_t> truth;
    constexpr std::array<std::size_t, 24> kOrder{0, 0, 1, 0, 2, 0, 0, 1, 0, 2, 0, 0,
                                                 1, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0};
    for (const std::size_t kind : kOrder) {
      Talk talk{sim, 10, {.version = TLS1_2_VERSION, .cipher = ciphers.at(kind)}};
      ASSERT_TRUE(sim.run([&] { return echo.step(), talk.done(); }, seconds{5}));
      talk.close();
      ++truth[kind];
    }
    const admin::FingerprintsReport report = merged(sim);
    EXPECT_EQ(report.total, kOrder.size());
    ASSERT_FALSE(report.list.empty());
    // The most frequent one is first; which of the others there are depends on the room.
    EXPECT_GE(report.list[0].count, truth[0]);
    EXPECT_LE(report.list[0].count - report.list[0].error, truth[0]);
    EXPECT_EQ(report.list[0].ja3.size(), 32U);
    EXPECT_EQ(report.list[0].server_name, "sallyport.test");
    for (const auto& row : report.list) EXPECT_LE(row.error, row.count);
    if (room == 2) continue;
    ASSERT_EQ(report.list.size(), 3U);
    EXPECT_EQ(report.list[0].count, truth[0]);
    EXPECT_EQ(report.list[1].count + report.list[2].count, truth[1] + truth[2]);
    EXPECT_EQ(report.list[0].error + report.list[1].error + report.list[2].error, 0U);
    EXPECT_GT(sim.worker(0).fingerprints().total(), 0U);
    EXPECT_GT(sim.worker(1).fingerprints().total(), 0U) << "only one worker had clients";
  }
}

}  // namespace
}  // namespace sallyport::testing
