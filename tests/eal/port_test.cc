#include "lib/dpdk/port.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "tests/eal/eal_environment.h"

namespace sallyport::dpdk {
namespace {

const SocketAddress kFrom = *parse_socket_address("198.18.0.1:40000");
const SocketAddress kTo = *parse_socket_address("198.18.0.10:443");

Provider provider_of(const PortReport& report, const std::string& offload) {
  for (const Choice& choice : report.choices) {
    if (choice.offload == offload) return choice.provider;
  }
  return Provider::off;
}

// send_one sends `f` over a port that loops back, and returns it as received.
frame::Frame* send_one(Port& port, frame::Frame* f) {
  port.prepare(0, {&f, 1});
  EXPECT_EQ(port.transmit(0, {&f, 1}), 1U);
  std::array<frame::Frame*, 8> received{};
  EXPECT_EQ(port.receive(0, received), 1U);
  return received[0];
}

TEST(Eal, LeavesNoSignalToDriversThatWouldWaitForOne) {
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    struct sigaction action {};
    ASSERT_EQ(sigaction(signal, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_IGN) << signal;
  }
}

TEST(Port, DoesInSoftwareWhatTheDeviceDoesNot) {
  const TestPort ring{unique_name("net_ring"), 1};
  const PortReport report = ring.port.report();
  EXPECT_EQ(report.driver, "net_ring");
  EXPECT_EQ(report.steering, Steering::none);
  for (const char* offload :
       {"rx_checksum", "tx_ipv4_checksum", "tx_tcp_checksum", "vlan_strip", "vlan_insert"}) {
    EXPECT_EQ(provider_of(report, offload), Provider::software) << offload;
  }
  for (const Choice& choice : report.choices) {
    EXPECT_EQ(choice.reason.empty(), choice.provider == Provider::hardware) << choice.offload;
  }
  EXPECT_TRUE(ring.port.link().up);
}

TEST(Port, CompletesBothChecksumsOfFramesThatAskForIt) {
  TestPort ring{unique_name("net_ring"), 1};
  for (const std::uint16_t payload_len : std::array<std::uint16_t, 4>{0, 1, 536, 1459}) {
    frame::Frame* f = nullptr;
    ASSERT_EQ(ring.rx_pool.allocate({&f, 1}), 1U);
    write_tcp(*f, kFrom, kTo, payload_len);
    EXPECT_FALSE(checksums_hold(f->bytes()));
    f = send_one(ring.port, f);
    EXPECT_TRUE(checksums_hold(f->bytes())) << payload_len;
    EXPECT_EQ(f->checksum, frame::ChecksumState::unknown);
    FramePool::release({&f, 1});
  }
}

TEST(Port, WritesAndStripsVlanTags) {
  TestPort ring{unique_name("net_ring"), 1};
  frame::Frame* f = nullptr;
  ASSERT_EQ(ring.rx_pool.allocate({&f, 1}), 1U);
  write_tcp(*f, kFrom, kTo, 100);
  f->vlan = 42;
  const std::uint16_t len = f->len;
  f = send_one(ring.port, f);
  EXPECT_EQ(f->vlan, 42);
  EXPECT_EQ(f->len, len);
  EXPECT_TRUE(checksums_hold(f->bytes()));
  EXPECT_EQ(f->bytes()[12], 0x08);
  FramePool::release({&f, 1});
}

TEST(Port, LeavesAKeptFrameToItsSenderAfterSending) {
  TestPort null{unique_name("net_null"), 1};
  frame::Frame* f = nullptr;
  const std::uint32_t in_use = null.rx_pool.num_in_use();
  ASSERT_EQ(null.rx_pool.allocate({&f, 1}), 1U);
  write_tcp(*f, kFrom, kTo, 100);
  ++*f->references;
  null.port.prepare(0, {&f, 1});
  ASSERT_EQ(null.port.transmit(0, {&f, 1}), 1U);
  EXPECT_FALSE(f->is_shared());
  EXPECT_EQ(null.rx_pool.num_in_use(), in_use + 1);
  FramePool::release({&f, 1});
  EXPECT_EQ(null.rx_pool.num_in_use(), in_use);
}

TEST(Port, SteersInSoftwareWhereTheDeviceHasNoHash) {
  const TestPort ring{unique_name("net_ring"), 2};
  EXPECT_EQ(ring.port.report().steering, Steering::software);
  EXPECT_FALSE(ring.port.report().steering_reason.empty());
}

TEST(Port, StopsTrustingADeviceThatSteersOtherwiseThanItClaims) {
  // net_null takes any key and table, and then ignores them.
  TestPort null{unique_name("net_null"), 2};
  EXPECT_EQ(null.port.steering(), Steering::hardware);
  null.port.distrust();
  const PortReport report = null.port.report();
  EXPECT_EQ(report.steering, Steering::software);
  EXPECT_NE(report.steering_reason.find("other queues"), std::string::npos);
}

TEST(Port, ObeysItsProfile) {
  PortProfile profile;
  profile.rss = false;
  profile.multi_segment = false;
  const TestPort null{unique_name("net_null"), 2, profile};
  EXPECT_EQ(null.port.steering(), Steering::software);
  EXPECT_EQ(provider_of(null.port.report(), "multi_segment_tx"), Provider::off);
}

TEST(Port, SaysWhatToDoWhenThereIsNoSuchDevice) {
  Port port;
  PortOptions options;
  options.name = "wan0";
  options.device = "net_nonsense0";
  const Failure failure = port.open(options);
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("wan0"), std::string::npos);
  EXPECT_NE(failure->find("check the name"), std::string::npos) << *failure;

  Port pci;
  options.device = "0000:7f:1f.7";
  const Failure no_pci = pci.open(options);
  ASSERT_TRUE(no_pci);
  EXPECT_NE(no_pci->find("vfio-pci"), std::string::npos) << *no_pci;
}

TEST(Port, GivesEveryFrameBackWhenItIsClosed) {
  TestPort ring{unique_name("net_ring"), 2};
  std::array<frame::Frame*, 32> frames{};
  ASSERT_EQ(ring.rx_pool.allocate(frames), frames.size());
  for (frame::Frame* f : frames) write_tcp(*f, kFrom, kTo, 10);
  ring.port.prepare(1, frames);
  ASSERT_EQ(ring.port.transmit(1, frames), frames.size());
  ASSERT_EQ(ring.port.receive(1, frames), frames.size());
  FramePool::release(frames);
  ring.port.stop();
  ring.port.close();
  EXPECT_EQ(ring.rx_pool.num_in_use(), 0U);
}

}  // namespace
}  // namespace sallyport::dpdk
