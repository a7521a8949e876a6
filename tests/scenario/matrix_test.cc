// Thousands of connections between two TCPs of ours, each with its own mix of faults, windows,
// options and behaviour; after each event the invariants of both ends are checked.  One seed is one
// run, and what fails prints how to repeat it.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/scenario/random_transfer.h"
#include "tests/support/scenario_main.h"

namespace sallyport::testing {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 250;
#else
constexpr std::uint64_t kSeeds = 2'500;
#endif

struct Totals {
  std::uint64_t data_segments = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t spurious = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t undone = 0;
  void add(const EndpointCounters& sender, const EndpointCounters& receiver) {
    data_segments += sender.data_segments_sent;
    retransmissions += sender.retransmissions;
    timeouts += sender.timeouts;
    undone += sender.undone;
    spurious += receiver.duplicates_received;
  }
};

bool duplicates(const NetworkOptions& n) {
  return n.to_server.duplication > 0 || n.to_client.duplication > 0;
}

TEST(Matrix, EveryMixOfFaultsLeavesTheStreamsIntactAndEveryInvariantTrue) {
  const RunOptions& options = run_options();
  const std::uint64_t first = options.seed.value_or(1);
  const std::uint64_t last = options.seed.value_or(options.seeds.value_or(kSeeds));
  Totals totals;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const TransferPlan plan = draw_plan(seed);
    Transfer transfer{plan, seed == first ? options.writer() : PcapWriter{}};
    const std::string wrong = transfer.run();
    TcpNetwork& net = transfer.network();
    if (options.seed) {
      std::puts(describe(plan).c_str());
      std::printf("%.3f s\n%s\n%s\n", static_cast<double>(net.now().count()) / 1e9,
                  net.client.describe().c_str(), net.server.describe().c_str());
    }
    EXPECT_EQ(wrong, "") << "seed " << seed << ": " << describe(plan) << "  client "
                         << net.client.describe() << "\n  server " << net.server.describe() << "\n"
                         << options.repeat(seed);
    if (duplicates(plan.network)) continue;
    totals.add(net.client.counters(), net.server.counters());
    totals.add(net.server.counters(), net.client.counters());
  }
  std::printf(
      "data segments %llu, retransmissions %llu, of them spurious %llu, time-outs %llu, "
      "undone %llu\n",
      static_cast<unsigned long long>(totals.data_segments),
      static_cast<unsigned long long>(totals.retransmissions),
      static_cast<unsigned long long>(totals.spurious),
      static_cast<unsigned long long>(totals.timeouts),
      static_cast<unsigned long long>(totals.undone));
}

}  // namespace
}  // namespace sallyport::testing
