#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/eal/eal_environment.h"

namespace sallyport::dpdk {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIp = 20;
constexpr std::size_t kTcp = 20;

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

std::uint32_t sum(ByteView bytes) {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    total += (std::uint32_t{bytes[i]} << 8) + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
    total = (total & 0xffff) + (total >> 16);
  }
  return total;
}

// [RFC 9293 3.1] Addresses, protocol and TCP length take part in the checksum.
std::uint32_t pseudo_header_sum(ByteView ip, std::size_t tcp_len) {
  const std::uint32_t total = sum(ip.subspan(12, 8)) + 6 + static_cast<std::uint32_t>(tcp_len);
  return (total & 0xffff) + (total >> 16);
}

}  // namespace

Eal& eal() {
  static Eal instance;
  return instance;
}

std::string unique_name(const std::string& stem) {
  static unsigned number = 0;
  return stem + std::to_string(number++);
}

void write_tcp(frame::Frame& f, const SocketAddress& from, const SocketAddress& to,
               std::uint16_t payload_len) {
  f.offset = FramePool::kHeadRoom;
  f.len = static_cast<std::uint16_t>(kEthernet + kIp + kTcp + payload_len);
  std::uint8_t* eth = f.bytes().data();
  std::fill_n(eth, f.len, std::uint8_t{0x02});
  put16(eth + 12, 0x0800);
  std::uint8_t* ip = eth + kEthernet;
  std::fill_n(ip, kIp + kTcp, std::uint8_t{0});
  ip[0] = 0x45;
  put16(ip + 2, static_cast<std::uint32_t>(f.len - kEthernet));
  ip[8] = 64;
  ip[9] = 6;
  std::ranges::copy(from.ip.octets(), ip + 12);
  std::ranges::copy(to.ip.octets(), ip + 16);
  std::uint8_t* tcp = ip + kIp;
  put16(tcp, from.port);
  put16(tcp + 2, to.port);
  tcp[12] = 0x50;
  tcp[13] = 0x10;
  put16(tcp + 16, pseudo_header_sum(ByteView{ip, kIp}, kTcp + payload_len));
  f.tx = {.l2_len = kEthernet, .l3_len = kIp, .ip_checksum = true, .l4_checksum = true};
}

bool checksums_hold(ByteView frame) {
  const ByteView ip = frame.subspan(kEthernet, kIp);
  const ByteView segment = frame.subspan(kEthernet + kIp);
  const std::uint32_t all = sum(segment) + pseudo_header_sum(ip, segment.size());
  return sum(ip) == 0xffff && (all & 0xffff) + (all >> 16) == 0xffff;
}

TestPort::TestPort(const std::string& device, std::uint16_t num_queues, PortProfile profile) {
  const std::string pool = unique_name("rx");
  const Failure no_pool = rx_pool.create({.name = pool.c_str(), .num_frames = 4095});
  EXPECT_EQ(no_pool.value_or(""), "");
  PortOptions options;
  options.name = "test0";
  options.device = device;
  options.profile = std::move(profile);
  options.num_queues = num_queues;
  options.rx_pool = &rx_pool;
  options.reta = frame::Reta{num_queues};
  const Failure not_open = port.open(options);
  EXPECT_EQ(not_open.value_or(""), "");
  if (not_open) return;
  const Failure not_started = port.start();
  EXPECT_EQ(not_started.value_or(""), "");
}

}  // namespace sallyport::dpdk

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  using namespace sallyport::dpdk;
  EalOptions options;
  options.instance = "sallyport-test-" + std::to_string(getpid());
  options.lcores = {kFirstLcore, kSecondLcore};
  options.huge_pages = HugePages::off;
  if (const Failure failure = eal().start(options)) {
    std::fprintf(stderr, "%s\n", failure->c_str());
    return 1;
  }
  const int result = RUN_ALL_TESTS();
  eal().cleanup();
  return result;
}
