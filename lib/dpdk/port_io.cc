// The part of Port that runs on I/O lcores.
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/dpdk/checksum.h"
#include "lib/dpdk/mbuf.h"
#include "lib/dpdk/port.h"

namespace sallyport::dpdk {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::uint16_t kVlanIdMask = 0x0fff;

frame::ChecksumState checksum_state(const rte_mbuf& m) noexcept {
  const std::uint64_t ip = m.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  const std::uint64_t l4 = m.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD) {
    return frame::ChecksumState::bad;
  }
  // An IPv6 header has no checksum of which a driver could say anything.
  const bool ip_good = ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD || RTE_ETH_IS_IPV6_HDR(m.packet_type);
  return ip_good && l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? frame::ChecksumState::good
                                                      : frame::ChecksumState::unknown;
}

// strip_vlan_tag does what the device did not: the addresses move over the tag.
void strip_vlan_tag(frame::Frame& f) noexcept {
  std::uint8_t* start = f.buffer + f.offset;
  if (f.len < kEthernetLength + kVlanTagLength) return;
  if (start[kMacAddressesLength] != 0x81 || start[kMacAddressesLength + 1] != 0x00) return;
  const std::uint8_t* tag = start + kMacAddressesLength + 2;
  f.vlan = static_cast<std::uint16_t>(((tag[0] << 8) | tag[1]) & kVlanIdMask);
  std::memmove(start + kVlanTagLength, start, kMacAddressesLength);
  f.offset = static_cast<std::uint16_t>(f.offset + kVlanTagLength);
  f.len = static_cast<std::uint16_t>(f.len - kVlanTagLength);
}

}  // namespace

std::size_t Port::receive(std::uint16_t queue, std::span<frame::Frame*> frames) noexcept {
  std::array<rte_mbuf*, kBatch> mbufs;
  const auto want = static_cast<std::uint16_t>(std::min(frames.size(), mbufs.size()));
  const std::uint16_t num = rte_eth_rx_burst(id_, queue, mbufs.data(), want);
  for (std::size_t i = 0; i < num; ++i) {
    rte_mbuf* m = mbufs[i];
    frame::Frame* f = frame_of(m);
    f->offset = m->data_off;
    f->len = m->data_len;
    f->port = index_;
    f->checksum = checksum_state(*m);
    f->tx = {};
    f->kept = false;
    f->next = nullptr;
    f->user = {};
    f->rss_hash = (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? m->hash.rss : 0;
    f->vlan = 0;
    if ((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
      f->vlan = m->vlan_tci & kVlanIdMask;
    } else {
      strip_vlan_tag(*f);
    }
    frames[i] = f;
  }
  return num;
}

void Port::prepare_one(frame::Frame& f) noexcept {
  rte_mbuf* m = mbuf_of(&f);
  m->data_off = f.offset;
  m->data_len = f.len;
  m->nb_segs = 1;
  m->next = nullptr;
  m->ol_flags = 0;
  m->tx_offload = 0;
  std::size_t l2_len = f.tx.l2_len;
  if (f.tx.ip_checksum && !hardware_tx_ip_checksum_) complete_ip_checksum(f);
  if (f.tx.l4_checksum && !hardware_tx_tcp_checksum_) complete_l4_checksum(f);
  const bool ip_checksum = f.tx.ip_checksum && hardware_tx_ip_checksum_;
  const bool l4_checksum = f.tx.l4_checksum && hardware_tx_tcp_checksum_;
  const bool v4 = (ip_checksum || l4_checksum) && (f.bytes()[l2_len] >> 4) == 4;
  if (f.vlan != 0) {
    if (hardware_vlan_insert_) {
      m->ol_flags |= RTE_MBUF_F_TX_VLAN;
      m->vlan_tci = f.vlan;
    } else {
      insert_vlan_tag(f);
      m->data_off = static_cast<std::uint16_t>(m->data_off - kVlanTagLength);
      m->data_len = static_cast<std::uint16_t>(m->data_len + kVlanTagLength);
      l2_len += kVlanTagLength;
    }
  }
  m->pkt_len = m->data_len;
  if (!ip_checksum && !l4_checksum) return;
  m->ol_flags |= v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
  if (ip_checksum) m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (l4_checksum) m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
  m->l2_len = l2_len & 0x7fU;
  m->l3_len = f.tx.l3_len & 0x1ffU;
}

void Port::prepare(std::uint16_t queue, std::span<frame::Frame* const> frames) noexcept {
  for (frame::Frame* f : frames) prepare_one(*f);
  if (!hardware_tx_ip_checksum_ && !hardware_tx_tcp_checksum_) return;
  // Some drivers want fields of the header seeded in their own way.
  std::array<rte_mbuf*, kBatch> mbufs;
  while (!frames.empty()) {
    const std::size_t num = std::min(frames.size(), mbufs.size());
    for (std::size_t i = 0; i < num; ++i) mbufs[i] = mbuf_of(frames[i]);
    const std::size_t done =
        rte_eth_tx_prepare(id_, queue, mbufs.data(), static_cast<std::uint16_t>(num));
    // A frame that the driver rejects would stop the queue: it leaves without its checksum, and is
    // repeated by its sender's transport as any damaged one.
    if (done < num) mbufs[done]->ol_flags = 0;
    frames = frames.subspan(done < num ? done + 1 : num);
  }
}

std::size_t Port::transmit(std::uint16_t queue, std::span<frame::Frame* const> frames) noexcept {
  std::array<rte_mbuf*, kBatch> mbufs;
  std::size_t sent = 0;
  while (sent < frames.size()) {
    const std::size_t num = std::min(frames.size() - sent, mbufs.size());
    for (std::size_t i = 0; i < num; ++i) mbufs[i] = mbuf_of(frames[sent + i]);
    const std::size_t taken =
        rte_eth_tx_burst(id_, queue, mbufs.data(), static_cast<std::uint16_t>(num));
    sent += taken;
    if (taken < num) break;
  }
  return sent;
}

}  // namespace sallyport::dpdk
