#include "lib/worker/admission.h"

#include <algorithm>
#include <bit>

#include "lib/base/sip_state.h"

namespace sallyport::worker {
namespace {

// So many networks are told apart: 512 KiB per worker.
constexpr std::size_t kPrefixes = 32'768;

// network_of is the address without its host part, in two words.
std::array<std::uint64_t, 2> network_of(const IpAddress& address) noexcept {
  auto bytes = address.bytes();
  const std::size_t network_bytes = address.is_v4() ? 12 + 24 / 8 : 56 / 8;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(network_bytes), bytes.end(), 0);
  return std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
}

}  // namespace

PrefixRates::PrefixRates(Arena& arena, std::size_t capacity, const SipKey& secret, TscRate rate)
    : arena_{arena},
      sets_{arena.make_array<Set>(std::max<std::size_t>(capacity / kWays, 1))},
      secret_{secret},
      rate_{rate} {}

PrefixRates::~PrefixRates() { arena_.destroy_array(sets_); }

bool PrefixRates::take(const IpAddress& source, std::uint16_t scope, std::uint32_t per_second,
                       Tsc now) noexcept {
  const auto network = network_of(source);
  SipState hash{secret_};
  hash.absorb(network[0]);
  hash.absorb(network[1]);
  const std::uint64_t tag = hash.finish(scope, 2) | 1U;  // 0 marks a place that was never used
  Set& set = sets_[(tag >> 32) * sets_.size() >> 32U];
  Bucket* bucket = std::ranges::find(set.ways, tag, &Bucket::tag);
  if (bucket == set.ways.end()) {
    bucket = std::ranges::min_element(set.ways, {}, &Bucket::full_at);
    *bucket = {tag, now};
  }
  const TscSpan burst = rate_.ticks(seconds{1});
  const TscSpan token = burst / std::int64_t{per_second};
  const Tsc full_at = std::max(bucket->full_at, now) + token;
  if (full_at > now + burst) return false;
  bucket->full_at = full_at;
  return true;
}

Admission::Admission(Arena& arena, const SipKey& secret, TscRate rate)
    : rates_{arena, kPrefixes, secret, rate} {}

stats::CookieRefusal Admission::judge(std::uint16_t group, const snapshot::Limits& limits,
                                      const IpAddress& source, Tsc now) noexcept {
  using stats::CookieRefusal;
  const Count& now_open = count(group);
  if (limits.max_connections != 0 && now_open.connections >= limits.max_connections) {
    return CookieRefusal::listener_connections;
  }
  if (limits.max_handshakes != 0 && now_open.handshakes >= limits.max_handshakes) {
    return CookieRefusal::listener_handshakes;
  }
  const std::uint32_t rate = limits.prefix_connections_per_second;
  if (rate != 0 && !rates_.take(source, group, rate, now)) return CookieRefusal::prefix_rate;
  return CookieRefusal::none;
}

void Admission::opened(std::uint16_t group) noexcept {
  ++count(group).connections;
  ++count(group).handshakes;
}

void Admission::handshake_over(std::uint16_t group) noexcept { --count(group).handshakes; }

void Admission::ended(std::uint16_t group) noexcept { --count(group).connections; }

}  // namespace sallyport::worker
