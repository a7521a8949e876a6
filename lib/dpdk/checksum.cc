#include "lib/dpdk/checksum.h"

#include <cstddef>
#include <cstring>

#include "lib/base/internet_sum.h"

namespace sallyport::dpdk {
namespace {

constexpr std::size_t kIpChecksumOffset = 10;
constexpr std::size_t kTcpChecksumOffset = 16;

}  // namespace

void complete_ip_checksum(frame::Frame& f) noexcept {
  const MutableBytes header = f.bytes().subspan(f.tx.l2_len, f.tx.l3_len);
  store(header.subspan(kIpChecksumOffset), InternetSum{}.add(header).checksum());
}

void complete_l4_checksum(frame::Frame& f) noexcept {
  const MutableBytes segment = f.bytes().subspan(std::size_t{f.tx.l2_len} + f.tx.l3_len);
  // The field itself holds the pseudo-header's sum, so adding everything up gives the whole.
  store(segment.subspan(kTcpChecksumOffset), InternetSum{}.add(segment).checksum());
}

void insert_vlan_tag(frame::Frame& f) noexcept {
  constexpr std::uint16_t kTagProtocol = 0x8100;
  const MutableBytes tagged{f.buffer + f.offset - kVlanTagLength,
                            kMacAddressesLength + kVlanTagLength};
  std::memmove(tagged.data(), tagged.data() + kVlanTagLength, kMacAddressesLength);
  store(tagged.subspan(kMacAddressesLength), Be16::of(kTagProtocol));
  store(tagged.subspan(kMacAddressesLength + 2), Be16::of(f.vlan));
}

}  // namespace sallyport::dpdk
