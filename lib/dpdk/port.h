// Port: one Ethernet device, physical or virtual, opened by name.  What the device cannot do is
// done in software, and report() says which and why.
//
// Every port has one receive and one transmit queue per I/O lcore; queue q belongs to lcore q
// alone.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/units.h"
#include "lib/dpdk/eal.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/frame/frame.h"
#include "lib/frame/toeplitz.h"

namespace sallyport::dpdk {

// PortProfile is what experience says about one kind of device (a file of drivers-config/).  It can
// only forbid what a driver offers; what the driver lacks is emulated anyway.
struct PortProfile {
  std::string name = "default";
  std::uint16_t rx_descriptors = 1024;
  std::uint16_t tx_descriptors = 1024;
  std::uint16_t burst = 32;  // frames taken from a queue at a time
  bool rx_checksum = true;
  bool tx_checksum = true;
  bool vlan_strip = true;
  bool vlan_insert = true;
  bool multi_segment = true;
  bool rss = true;
  bool all_multicast = false;  // the device cannot filter single groups
  bool promiscuous = false;
};

struct PortOptions {
  std::string name;    // of the configuration: "wan0"
  std::string device;  // PCI address or virtual device with its arguments
  PortProfile profile;
  frame::PortIndex index;
  std::uint16_t num_queues = 1;
  std::uint16_t mtu = 1500;
  FramePool* rx_pool = nullptr;
  frame::Reta reta{1};
  std::vector<MacAddress> groups;  // multicast addresses to be received
};

// Steering: who brings a frame to the lcore that owns its connection.
enum class Steering : std::uint8_t {
  none,      // one lcore owns everything
  hardware,  // the device's own hash, with our key and our table
  software,  // our hash, over rings between the lcores
};

enum class Provider : std::uint8_t { off, hardware, software };

// Choice is how one offload is done, and why so.
struct Choice {
  const char* offload = "";
  Provider provider = Provider::off;
  std::string reason;  // empty when hardware does it
};

struct LinkState {
  bool up = false;
  std::uint32_t megabits = 0;  // 0: unknown
  bool full_duplex = false;
};

struct PortCounters {
  std::uint64_t rx_frames = 0, tx_frames = 0;
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_missed = 0;  // no free descriptor: we were too slow
  std::uint64_t rx_errors = 0, tx_errors = 0;
  std::uint64_t rx_no_buffer = 0;  // the receive pool was empty
};

struct PortReport {
  std::string name, device, driver;
  std::string profile;
  MacAddress mac;
  std::uint16_t mtu = 0;
  std::uint16_t num_queues = 0;
  std::uint16_t rx_descriptors = 0, tx_descriptors = 0;
  int numa_node = -1;
  Steering steering = Steering::none;
  std::string steering_reason;
  std::vector<Choice> choices;
};

[[nodiscard]] const char* name_of(Steering steering) noexcept;
[[nodiscard]] const char* name_of(Provider provider) noexcept;

class Port {
 public:
  Port() = default;
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // --- control thread --------------------------------------------------------------------------
  // open finds or makes the device, negotiates what it can do and sets up its queues.
  [[nodiscard]] Failure open(const PortOptions& options);
  [[nodiscard]] Failure start();
  // set_groups replaces the multicast addresses that are received beside broadcast.
  [[nodiscard]] Failure set_groups(std::span<const MacAddress> groups);
  void stop() noexcept;
  void close() noexcept;

  // report is made anew: steering may have changed since start.
  [[nodiscard]] PortReport report() const;
  [[nodiscard]] LinkState link() const noexcept;
  [[nodiscard]] PortCounters counters() const noexcept;
  // extended_counters are the driver's own, those that are not zero.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> extended_counters() const;
  [[nodiscard]] MacAddress mac() const noexcept { return mac_; }
  [[nodiscard]] std::uint16_t mtu() const noexcept { return mtu_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  // --- the lcore that owns queue `queue` ---------------------------------------------------------
  // receive fills `frames` from the front and returns how many there were.
  [[nodiscard]] std::size_t receive(std::uint16_t queue, std::span<frame::Frame*> frames) noexcept;
  // prepare makes frames ready for the device: tags and checksums that it does not do itself are
  // written into them here.  Once per frame and sending; afterwards its Ethernet header and its
  // checksum fields are the port's, and a retransmission writes them anew.
  void prepare(std::uint16_t queue, std::span<frame::Frame* const> frames) noexcept;
  // transmit hands prepared frames over, at most frames.size(), and returns how many were taken.
  [[nodiscard]] std::size_t transmit(std::uint16_t queue,
                                     std::span<frame::Frame* const> frames) noexcept;
  [[nodiscard]] std::uint16_t burst() const noexcept { return burst_; }

  [[nodiscard]] Steering steering() const noexcept {
    return steering_.load(std::memory_order_relaxed);
  }
  // distrust ends hardware steering: a frame arrived at a queue that our own hash does not name.
  void distrust() noexcept;

 private:
  [[nodiscard]] Failure open_device(const PortOptions& options);
  [[nodiscard]] Failure configure(const PortOptions& options);
  [[nodiscard]] Failure set_up_queues(const PortOptions& options);
  [[nodiscard]] std::string set_reta();
  void set_up_steering(const PortOptions& options, bool hash_enabled);
  void prepare_one(frame::Frame& f) noexcept;
  void choose(const char* offload, Provider provider, std::string reason);

  static constexpr std::uint16_t kNone = 0xffff;
  std::uint16_t id_ = kNone;
  frame::PortIndex index_;
  std::uint16_t burst_ = 32;
  std::uint16_t mtu_ = 1500;
  bool hardware_rx_checksum_ = false;
  bool hardware_tx_ip_checksum_ = false;
  bool hardware_tx_tcp_checksum_ = false;
  bool hardware_vlan_insert_ = false;
  bool hardware_vlan_strip_ = false;
  bool started_ = false;
  std::atomic<Steering> steering_{Steering::none};
  frame::Reta reta_{1};
  MacAddress mac_;
  std::uint16_t num_queues_ = 0;
  std::uint16_t rx_descriptors_ = 0, tx_descriptors_ = 0;
  bool all_multicast_ = false;
  bool promiscuous_ = false;
  bool claimed_hardware_ = false;  // hardware steering passed the checks at start
  std::string name_, device_, profile_, driver_, steering_reason_;
  std::vector<Choice> choices_;
};

}  // namespace sallyport::dpdk
