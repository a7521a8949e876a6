// Feeding a FourTuple into a keyed hash: the common beginning of cookies, initial sequence numbers
// and timestamp offsets.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/base/address.h"
#include "lib/base/sip_lanes.h"
#include "lib/base/sip_state.h"

namespace sallyport::tcp {

// TupleWords is a FourTuple as a hash wants it.
class TupleWords {
 public:
  explicit TupleWords(const FourTuple& tuple) noexcept
      : local_{std::bit_cast<Words>(tuple.local.ip.bytes())},
        remote_{std::bit_cast<Words>(tuple.remote.ip.bytes())},
        ports_{std::uint32_t{tuple.local.port} << 16 | tuple.remote.port} {}

  [[nodiscard]] bool is_v4() const noexcept {
    return local_[0] == 0 && (local_[1] & kLow) == kMapped;
  }
  // absorb_addresses feeds one word for IPv4, four for IPv6.
  void absorb_addresses(SipState& hash) const noexcept {
    if (is_v4()) {
      hash.absorb((remote_[1] >> 32) | (local_[1] & ~kLow));
      return;
    }
    hash.absorb(local_[0]);
    hash.absorb(local_[1]);
    hash.absorb(remote_[0]);
    hash.absorb(remote_[1]);
  }
  [[nodiscard]] std::uint32_t ports() const noexcept { return ports_; }

 private:
  using Words = std::array<std::uint64_t, 2>;
  // The IPv4-mapped prefix ::ffff:0:0/96, as a little-endian word shows it.
  static constexpr std::uint64_t kMapped = 0xffff'0000;
  static constexpr std::uint64_t kLow = 0xffff'ffff;

  Words local_;
  Words remote_;
  std::uint32_t ports_;
};

// TupleLanes is eight tuples of one address family, as TupleWords feeds them to a hash.
struct TupleLanes {
  static constexpr std::size_t kLanes = SipLanes::kLanes;
  static constexpr std::size_t kWordsV4 = 1;
  static constexpr std::size_t kWordsV6 = 4;
  bool is_v4 = true;
  std::array<SipLanes::Words, kWordsV6> addresses;
  SipLanes::Words ports;

  // set_v4 and set_v6 read one lane out of an IP header whose addresses begin at `source`, and a
  // TCP header at `ports_at`, of a packet that was received: the destination is us.
  void set_v4(std::size_t lane, const std::uint8_t* source, const std::uint8_t* ports_at) noexcept {
    // Source in the low half, ours in the high one, as they stand there.
    addresses[0].lane[lane] = load_word<std::uint64_t>(source);
    set_ports(lane, ports_at);
  }
  void set_v6(std::size_t lane, const std::uint8_t* source, const std::uint8_t* ports_at) noexcept {
    addresses[0].lane[lane] = load_word<std::uint64_t>(source + 16);
    addresses[1].lane[lane] = load_word<std::uint64_t>(source + 24);
    addresses[2].lane[lane] = load_word<std::uint64_t>(source);
    addresses[3].lane[lane] = load_word<std::uint64_t>(source + 8);
    set_ports(lane, ports_at);
  }
  void absorb_addresses(SipLanes& hash) const noexcept {
    hash.absorb(addresses.data(), is_v4 ? kWordsV4 : kWordsV6);
  }

 private:
  template <class Word>
  [[nodiscard]] static Word load_word(const std::uint8_t* at) noexcept {
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  void set_ports(std::size_t lane, const std::uint8_t* at) noexcept {
    ports.lane[lane] = std::rotl(__builtin_bswap32(load_word<std::uint32_t>(at)), 16);
  }
};

}  // namespace sallyport::tcp
