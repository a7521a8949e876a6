#include "lib/dpdk/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "lib/dpdk/checksum.h"
#include "lib/dpdk/log_tail.h"
#include "lib/dpdk/mbuf.h"

namespace sallyport::dpdk {
namespace {

constexpr std::uint64_t kTcpTypes = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;

std::string error_text(int result) { return rte_strerror(result < 0 ? -result : result); }

// device_id is the name under which DPDK knows a device: what stands before its arguments.
std::string device_id(const std::string& device) { return device.substr(0, device.find(',')); }

// shares_mac_with_peer: the kernel's end of a tap device has the address that the driver reports.
// Two stations with one address would take each other's frames for their own.
bool shares_mac_with_peer(const std::string& driver) { return driver == "net_tap"; }

// hides_link: once its interface is in another network namespace, net_tap cannot see it any more
// and says that the link is down.
bool hides_link(const std::string& driver) { return driver == "net_tap"; }

// extended_key is our hash key in the length that a device wants (0: any).  It repeats every two
// bytes, so that can be done.
std::vector<std::uint8_t> extended_key(std::size_t length) {
  const frame::ToeplitzKey& base = frame::symmetric_toeplitz_key();
  std::vector<std::uint8_t> key(length == 0 ? base.size() : length);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = base[i % base.size()];
  return key;
}

}  // namespace

const char* name_of(Steering steering) noexcept {
  switch (steering) {
    case Steering::none:
      return "none";
    case Steering::hardware:
      return "hardware";
    case Steering::software:
      return "software";
  }
  return "";
}

const char* name_of(Provider provider) noexcept {
  switch (provider) {
    case Provider::off:
      return "off";
    case Provider::hardware:
      return "hardware";
    case Provider::software:
      return "software";
  }
  return "";
}

Port::~Port() {
  stop();
  close();
}

Failure Port::open(const PortOptions& options) {
  // Drivers also log what they then do without (net_tap its flow rules): that is no news.
  const LogTail log;
  Failure failure = open_device(options);
  if (failure && !log.text().empty()) *failure += " (" + log.text() + ")";
  return failure;
}

Failure Port::open_device(const PortOptions& options) {
  name_ = options.name;
  device_ = options.device;
  profile_ = options.profile.name;
  index_ = options.index;
  num_queues_ = options.num_queues;
  mtu_ = options.mtu;
  burst_ = options.profile.burst;
  reta_ = options.reta;
  all_multicast_ = options.profile.all_multicast;
  promiscuous_ = options.profile.promiscuous;
  const std::string id = device_id(device_);
  if (rte_eth_dev_get_port_by_name(id.c_str(), &id_) != 0) {
    id_ = kNone;
    const int result = rte_dev_probe(device_.c_str());
    if (result != 0 || rte_eth_dev_get_port_by_name(id.c_str(), &id_) != 0) {
      id_ = kNone;
      const bool pci = is_pci_address(device_);
      return "port " + name_ + ": cannot open device \"" + device_ + "\"" +
             (result != 0 ? ": " + error_text(result) : std::string{}) +
             (pci ? "; bind it to vfio-pci (dpdk-devbind.py --bind=vfio-pci " + id + ")"
                  : "; check the name of the driver and its arguments (for example "
                    "\"net_tap0,iface=sally0\", which needs root and /dev/net/tun)");
    }
  }
  if (Failure failure = configure(options)) return failure;
  if (Failure failure = set_up_queues(options)) return failure;
  rte_ether_addr mac{};
  rte_eth_macaddr_get(id_, &mac);
  std::copy_n(mac.addr_bytes, mac_.bytes.size(), mac_.bytes.begin());
  constexpr std::uint8_t kLocallyAdministered = 0x02;
  if (shares_mac_with_peer(driver_)) {
    mac_.bytes[0] |= kLocallyAdministered;
    mac_.bytes[5] ^= 0x01;
  }
  return set_groups(options.groups);
}

void Port::choose(const char* offload, Provider provider, std::string reason) {
  choices_.push_back({offload, provider, std::move(reason)});
}

Failure Port::configure(const PortOptions& options) {
  rte_eth_dev_info info{};
  if (const int result = rte_eth_dev_info_get(id_, &info); result != 0) {
    return "port " + name_ + ": no information from the driver: " + error_text(result);
  }
  driver_ = info.driver_name == nullptr ? "" : info.driver_name;
  if (num_queues_ > info.max_rx_queues || num_queues_ > info.max_tx_queues) {
    return "port " + name_ + ": " + std::to_string(num_queues_) +
           " I/O lcores need as many queues, but " + driver_ + " has " +
           std::to_string(std::min(info.max_rx_queues, info.max_tx_queues)) +
           "; lower dataplane.io_lcores";
  }

  rte_eth_conf conf{};
  conf.rxmode.mtu = options.mtu;
  // wants asks for an offload and notes who will do it.
  const auto wants = [&](const char* what, std::uint64_t bits, bool allowed, std::uint64_t offered,
                         std::uint64_t& asked, Provider otherwise) {
    if (!allowed) {
      choose(what, otherwise, "the profile forbids it");
      return false;
    }
    if ((offered & bits) != bits) {
      choose(what, otherwise, "the driver does not offer it");
      return false;
    }
    asked |= bits;
    choose(what, Provider::hardware, "");
    return true;
  };
  const PortProfile& profile = options.profile;
  std::uint64_t& rx = conf.rxmode.offloads;
  std::uint64_t& tx = conf.txmode.offloads;
  hardware_rx_checksum_ =
      wants("rx_checksum", RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM,
            profile.rx_checksum, info.rx_offload_capa, rx, Provider::software);
  hardware_tx_ip_checksum_ =
      wants("tx_ipv4_checksum", RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, profile.tx_checksum,
            info.tx_offload_capa, tx, Provider::software);
  hardware_tx_tcp_checksum_ =
      wants("tx_tcp_checksum", RTE_ETH_TX_OFFLOAD_TCP_CKSUM, profile.tx_checksum,
            info.tx_offload_capa, tx, Provider::software);
  hardware_vlan_strip_ = wants("vlan_strip", RTE_ETH_RX_OFFLOAD_VLAN_STRIP, profile.vlan_strip,
                               info.rx_offload_capa, rx, Provider::software);
  hardware_vlan_insert_ = wants("vlan_insert", RTE_ETH_TX_OFFLOAD_VLAN_INSERT, profile.vlan_insert,
                                info.tx_offload_capa, tx, Provider::software);
  wants("multi_segment_tx", RTE_ETH_TX_OFFLOAD_MULTI_SEGS, profile.multi_segment,
        info.tx_offload_capa, tx, Provider::off);

  // RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE is never asked for: it frees mbufs without a look at their
  // reference count, and a frame may be held for retransmission while the device sends it.

  const std::uint64_t tcp_types = info.flow_type_rss_offloads & kTcpTypes;
  std::vector<std::uint8_t> key;
  bool hash_enabled = false;
  if (num_queues_ > 1 && profile.rss && tcp_types == kTcpTypes && info.reta_size != 0) {
    key = extended_key(info.hash_key_size);
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(key.size());
    conf.rx_adv_conf.rss_conf.rss_hf = kTcpTypes;
    rx |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
    hash_enabled = true;
  }
  int result = rte_eth_dev_configure(id_, num_queues_, num_queues_, &conf);
  if (result != 0 && hash_enabled) {
    // Some drivers (net_tap) offer RSS and refuse a key of one's own.
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
    conf.rx_adv_conf = {};
    rx &= ~std::uint64_t{RTE_ETH_RX_OFFLOAD_RSS_HASH};
    hash_enabled = false;
    result = rte_eth_dev_configure(id_, num_queues_, num_queues_, &conf);
  }
  if (result != 0) {
    return "port " + name_ + ": " + driver_ + " refuses " + std::to_string(num_queues_) +
           " queues with MTU " + std::to_string(options.mtu) + ": " + error_text(result);
  }
  if (const int mtu_result = rte_eth_dev_set_mtu(id_, options.mtu);
      mtu_result != 0 && mtu_result != -ENOTSUP) {
    return "port " + name_ + ": " + driver_ + " refuses MTU " + std::to_string(options.mtu) +
           " (it takes " + std::to_string(info.min_mtu) + " to " + std::to_string(info.max_mtu) +
           "): " + error_text(mtu_result);
  }
  rte_eth_dev_get_mtu(id_, &mtu_);
  set_up_steering(options, hash_enabled);
  return {};
}

void Port::set_up_steering(const PortOptions& options, bool hash_enabled) {
  if (num_queues_ == 1) {
    steering_ = Steering::none;
    steering_reason_ = "one I/O lcore";
    return;
  }
  steering_ = Steering::software;
  if (!options.profile.rss) {
    steering_reason_ = "the profile forbids RSS";
    return;
  }
  if (!hash_enabled) {
    steering_reason_ = "the driver takes no hash key of ours, or hashes no TCP";
    return;
  }
  steering_ = Steering::hardware;  // until start() has set the table and read it back
  steering_reason_ = "key and table are ours; the first frames are compared";
}

Failure Port::set_up_queues(const PortOptions& options) {
  rx_descriptors_ = options.profile.rx_descriptors;
  tx_descriptors_ = options.profile.tx_descriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors_, &tx_descriptors_);
  rte_eth_dev_info info{};
  rte_eth_dev_info_get(id_, &info);
  // A driver's defaults may turn offloads on that were not asked for.
  rte_eth_rxconf rx_conf = info.default_rxconf;
  rte_eth_txconf tx_conf = info.default_txconf;
  rx_conf.offloads = 0;
  tx_conf.offloads = 0;
  const int numa_node = rte_eth_dev_socket_id(id_);
  const auto socket =
      numa_node < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(numa_node);
  for (std::uint16_t queue = 0; queue < num_queues_; ++queue) {
    int result = rte_eth_rx_queue_setup(id_, queue, rx_descriptors_, socket, &rx_conf,
                                        options.rx_pool->native());
    if (result == 0) result = rte_eth_tx_queue_setup(id_, queue, tx_descriptors_, socket, &tx_conf);
    if (result != 0) {
      return "port " + name_ + ": " + driver_ + " refuses queue " + std::to_string(queue) +
             " with " + std::to_string(rx_descriptors_) + " and " +
             std::to_string(tx_descriptors_) + " descriptors: " + error_text(result);
    }
  }
  return {};
}

Failure Port::start() {
  const LogTail log;
  if (const int result = rte_eth_dev_start(id_); result != 0) {
    return "port " + name_ + ": cannot start " + device_ + ": " + error_text(result) +
           (log.text().empty() ? std::string{} : " (" + log.text() + ")");
  }
  started_ = true;
  if (steering_ == Steering::hardware) {
    if (std::string why = set_reta(); !why.empty()) {
      steering_ = Steering::software;
      steering_reason_ = std::move(why);
    } else {
      claimed_hardware_ = true;
    }
  }
  return {};
}

// set_reta writes our table, and reads key and table back; it returns why they cannot be relied on.
std::string Port::set_reta() {
  rte_eth_dev_info info{};
  rte_eth_dev_info_get(id_, &info);
  if (info.reta_size % frame::kRetaSize != 0) {
    return "the driver's table of " + std::to_string(info.reta_size) + " entries does not fit ours";
  }
  constexpr std::size_t kGroup = RTE_ETH_RETA_GROUP_SIZE;
  std::vector<rte_eth_rss_reta_entry64> wanted(info.reta_size / kGroup);
  for (std::size_t i = 0; i < info.reta_size; ++i) {
    wanted[i / kGroup].mask = ~std::uint64_t{0};
    wanted[i / kGroup].reta[i % kGroup] = reta_.entries()[i % frame::kRetaSize];
  }
  if (rte_eth_dev_rss_reta_update(id_, wanted.data(), info.reta_size) != 0) {
    return "the driver takes no table of ours";
  }
  std::vector<rte_eth_rss_reta_entry64> found = wanted;
  for (auto& group : found) std::fill_n(group.reta, kGroup, std::uint16_t{0xffff});
  if (rte_eth_dev_rss_reta_query(id_, found.data(), info.reta_size) != 0) {
    return "the driver does not show its table";
  }
  for (std::size_t i = 0; i < info.reta_size; ++i) {
    if (found[i / kGroup].reta[i % kGroup] != wanted[i / kGroup].reta[i % kGroup]) {
      return "the driver's table is not the one that we set";
    }
  }
  // Once more by itself: some drivers ignore the key that configuring gave them.
  std::vector<std::uint8_t> ours = extended_key(info.hash_key_size);
  rte_eth_rss_conf conf{};
  conf.rss_key = ours.data();
  conf.rss_key_len = static_cast<std::uint8_t>(ours.size());
  conf.rss_hf = kTcpTypes;
  if (const int result = rte_eth_dev_rss_hash_update(id_, &conf);
      result != 0 && result != -ENOTSUP) {
    return "the driver takes no hash key of ours";
  }
  std::vector<std::uint8_t> key(ours.size());
  conf = {};
  conf.rss_key = key.data();
  conf.rss_key_len = static_cast<std::uint8_t>(key.size());
  if (rte_eth_dev_rss_hash_conf_get(id_, &conf) != 0 || key != ours) {
    return "the driver's hash key is not the one that we set";
  }
  return {};
}

void Port::distrust() noexcept { steering_.store(Steering::software, std::memory_order_relaxed); }

Failure Port::set_groups(std::span<const MacAddress> groups) {
  static_assert(sizeof(rte_ether_addr) == sizeof(MacAddress));
  std::vector<rte_ether_addr> list(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::ranges::copy(groups[i].bytes, list[i].addr_bytes);
  }
  if (promiscuous_ && rte_eth_promiscuous_enable(id_) == 0) return {};
  if (!all_multicast_) {
    const auto num = static_cast<std::uint32_t>(list.size());
    if (rte_eth_dev_set_mc_addr_list(id_, list.data(), num) == 0) return {};
  }
  // What cannot be filtered in the device is received, and sorted out by the worker.
  if (rte_eth_allmulticast_enable(id_) == 0 || rte_eth_promiscuous_enable(id_) == 0) return {};
  // A virtual device that has none of these has no filter either.
  return {};
}

void Port::stop() noexcept {
  if (!started_) return;
  started_ = false;
  rte_eth_dev_stop(id_);
}

void Port::close() noexcept {
  if (id_ == kNone) return;
  rte_eth_dev_close(id_);
  id_ = kNone;
}

PortReport Port::report() const {
  PortReport report;
  report.name = name_;
  report.device = device_;
  report.driver = driver_;
  report.profile = profile_;
  report.mac = mac_;
  report.mtu = mtu_;
  report.num_queues = num_queues_;
  report.rx_descriptors = rx_descriptors_;
  report.tx_descriptors = tx_descriptors_;
  report.numa_node = id_ == kNone ? -1 : rte_eth_dev_socket_id(id_);
  report.steering = steering();
  report.steering_reason = steering_reason_;
  // Only the lcores find this out, and they make no text.
  if (claimed_hardware_ && report.steering == Steering::software) {
    report.steering_reason = "frames came to other queues than our own hash names";
  }
  report.choices = choices_;
  return report;
}

LinkState Port::link() const noexcept {
  rte_eth_link link{};
  if (id_ == kNone || rte_eth_link_get_nowait(id_, &link) != 0) return {};
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.up = link.link_status == RTE_ETH_LINK_UP || hides_link(driver_),
          .megabits = known ? link.link_speed : 0,
          .full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX};
}

PortCounters Port::counters() const noexcept {
  rte_eth_stats stats{};
  if (id_ == kNone || rte_eth_stats_get(id_, &stats) != 0) return {};
  return {.rx_frames = stats.ipackets,
          .tx_frames = stats.opackets,
          .rx_bytes = stats.ibytes,
          .tx_bytes = stats.obytes,
          .rx_missed = stats.imissed,
          .rx_errors = stats.ierrors,
          .tx_errors = stats.oerrors,
          .rx_no_buffer = stats.rx_nombuf};
}

std::vector<std::pair<std::string, std::uint64_t>> Port::extended_counters() const {
  std::vector<std::pair<std::string, std::uint64_t>> result;
  if (id_ == kNone) return result;
  const int num = rte_eth_xstats_get(id_, nullptr, 0);
  if (num <= 0) return result;
  const auto size = static_cast<std::size_t>(num);
  std::vector<rte_eth_xstat> values(size);
  std::vector<rte_eth_xstat_name> names(size);
  const auto capacity = static_cast<unsigned>(num);
  if (rte_eth_xstats_get(id_, values.data(), capacity) != num ||
      rte_eth_xstats_get_names(id_, names.data(), capacity) != num) {
    return result;
  }
  for (const rte_eth_xstat& value : values) {
    if (value.value != 0) result.emplace_back(names[value.id].name, value.value);
  }
  return result;
}

}  // namespace sallyport::dpdk
