// The one EAL of the test process, and what the tests build on it.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/address.h"
#include "lib/dpdk/eal.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/dpdk/port.h"
#include "lib/frame/frame.h"

namespace sallyport::dpdk {

// The lcores on which loops run; the test itself is the main lcore.
constexpr unsigned kFirstLcore = 1;
constexpr unsigned kSecondLcore = 2;

[[nodiscard]] Eal& eal();

// unique_name: pools, rings and devices live in one name space per process.
[[nodiscard]] std::string unique_name(const std::string& stem);

// write_tcp makes `f` a TCP segment over IPv4 with both checksums left to the port.
void write_tcp(frame::Frame& f, const SocketAddress& from, const SocketAddress& to,
               std::uint16_t payload_len);
// checksums_hold verifies both checksums of such a frame by the plain definition.
[[nodiscard]] bool checksums_hold(ByteView frame);

// TestPort is an open, started port with its own receive pool.
struct TestPort {
  FramePool rx_pool;
  Port port;
  TestPort(const std::string& device, std::uint16_t num_queues, PortProfile profile = {});
};

}  // namespace sallyport::dpdk
