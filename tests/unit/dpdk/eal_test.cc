#include "lib/dpdk/eal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sallyport::dpdk {
namespace {

using Cpus = std::vector<unsigned>;

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
  return std::ranges::find(arguments, wanted) != arguments.end();
}
std::string after(const std::vector<std::string>& arguments, const std::string& option) {
  const auto at = std::ranges::find(arguments, option);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

TEST(LcorePlan, PinsLcoresToTheCpuOfTheirNumber) {
  const LcorePlan plan = plan_lcores({1, 2}, {0, 1, 2, 3});
  EXPECT_EQ(plan.main.lcore, 0U);
  EXPECT_EQ(plan.main.cpus, (Cpus{0, 3}));
  ASSERT_EQ(plan.workers.size(), 2U);
  EXPECT_EQ(plan.workers[0].lcore, 1U);
  EXPECT_EQ(plan.workers[0].cpus, Cpus{1});
  EXPECT_EQ(plan.workers[1].cpus, Cpus{2});
}

TEST(LcorePlan, LetsLcoresFloatThatHaveNoCpuOfTheirNumber) {
  const LcorePlan plan = plan_lcores({1, 2}, {0, 1});
  EXPECT_EQ(plan.workers[0].cpus, Cpus{1});
  EXPECT_EQ(plan.workers[1].cpus, (Cpus{0, 1}));
  EXPECT_EQ(plan.main.cpus, Cpus{0});
}

TEST(LcorePlan, SharesEverythingOnOneCpu) {
  const LcorePlan plan = plan_lcores({0, 1}, {0});
  EXPECT_EQ(plan.main.lcore, 2U);
  EXPECT_EQ(plan.main.cpus, Cpus{0});
  EXPECT_EQ(plan.workers[1].cpus, Cpus{0});
}

TEST(EalArguments, UseOrdinaryPagesAndNoPciForVirtualDevices) {
  EalOptions options{.instance = "edge", .lcores = {1}, .devices = {"net_tap0,iface=sally0"}};
  options.memory_bytes = (std::size_t{100} << 20) + 1;
  const auto arguments = eal_arguments(options, plan_lcores({1}, {0, 1}), false);
  EXPECT_TRUE(has(arguments, "--no-huge"));
  EXPECT_EQ(after(arguments, "-m"), "101");
  EXPECT_TRUE(has(arguments, "--no-pci"));
  EXPECT_EQ(after(arguments, "--file-prefix"), "edge");
  EXPECT_EQ(after(arguments, "--lcores"), "0@(0),1@(1)");
  EXPECT_FALSE(has(arguments, "--no-telemetry"));
}

TEST(EalArguments, AllowExactlyTheConfiguredPciDevices) {
  const EalOptions options{.lcores = {1}, .devices = {"0000:3b:00.0", "net_null0"}};
  const auto arguments = eal_arguments(options, plan_lcores({1}, {0, 1}), true);
  EXPECT_EQ(after(arguments, "-a"), "0000:3b:00.0");
  EXPECT_FALSE(has(arguments, "--no-pci"));
  EXPECT_FALSE(has(arguments, "--no-huge"));
  EXPECT_FALSE(has(arguments, "net_null0"));
}

TEST(PciAddress, IsToldFromVirtualDevices) {
  EXPECT_TRUE(is_pci_address("0000:3b:00.0"));
  EXPECT_TRUE(is_pci_address("3b:00.1"));
  EXPECT_TRUE(is_pci_address("0000:3b:00.0,representor=[0]"));
  EXPECT_FALSE(is_pci_address("net_tap0,iface=sally0"));
  EXPECT_FALSE(is_pci_address("0000:3b:00.0x"));
  EXPECT_FALSE(is_pci_address(""));
}

}  // namespace
}  // namespace sallyport::dpdk
