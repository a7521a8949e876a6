// SipLanes: SipHash-2-4 of eight messages at once, under one key, with AVX-512 where the processor
// has it and AVX2 where it does not.  Lane by lane it gives what SipState gives.
//
// For hashes of every packet of a burst: one SipHash is a chain of dependent additions that leaves
// most of a core idle; eight of them take hardly longer than one.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/siphash.h"

namespace sallyport {

class SipLanes {
 public:
  static constexpr std::size_t kLanes = 8;
  // Words holds one word of each lane's message.
  struct alignas(64) Words {
    std::array<std::uint64_t, kLanes> lane{};
  };

  explicit SipLanes(const SipKey& key) noexcept;
  // A key for each lane: k0 and k1 hold theirs.
  SipLanes(const Words& k0, const Words& k1) noexcept;

  // absorb feeds words[i] to every lane, in order, for 0 <= i < num_words.
  void absorb(const Words* words, std::size_t num_words) noexcept;
  // finish leaves the state as it is, so that one prefix can end in several ways.  The low
  // `tail_len` bytes of each word of `tail` are the rest of the message; its others are zero.
  // Precondition: tail_len < 8.
  [[nodiscard]] Words finish(const Words& tail, unsigned tail_len) const noexcept;

 private:
  std::array<Words, 4> v_;
  std::uint32_t num_bytes_ = 0;
};

// What both instruction sets offer; lib/base/sip_lanes.cc chooses.  For tests, too.
namespace sip_lanes {
bool has_avx512() noexcept;
void absorb_avx2(SipLanes::Words* v, const SipLanes::Words* words, std::size_t num_words) noexcept;
void finish_avx2(const SipLanes::Words* v, const SipLanes::Words& tail, std::uint64_t length_byte,
                 SipLanes::Words& out) noexcept;
void absorb_avx512(SipLanes::Words* v, const SipLanes::Words* words,
                   std::size_t num_words) noexcept;
void finish_avx512(const SipLanes::Words* v, const SipLanes::Words& tail, std::uint64_t length_byte,
                   SipLanes::Words& out) noexcept;
}  // namespace sip_lanes

}  // namespace sallyport
