#include "lib/worker/admission.h"

#include <algorithm>
#include <bit>

#include "lib/base/sip_state.h"

namespace sallyport::worker {
namespace {

// So many networks have a rate of their own: 512 KiB per worker.
constexpr std::size_t kPrefixes = 32'768;
// A row of those that count handshakes has so many for each that there is room for: at most 512 KiB
// per worker for both rows.  Clients that are asked to retry need no such room, and count as well.
constexpr std::size_t kCountersPerHandshake = 4;

// network_of is the address without its host part, in two words.
std::array<std::uint64_t, 2> network_of(const IpAddress& address) noexcept {
  auto bytes = address.bytes();
  const std::size_t network_bytes = address.is_v4() ? 12 + 24 / 8 : 56 / 8;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(network_bytes), bytes.end(), 0);
  return std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
}

std::uint64_t hash_of(const SipKey& secret, const IpAddress& source, std::uint16_t scope) noexcept {
  const auto network = network_of(source);
  SipState hash{secret};
  hash.absorb(network[0]);
  hash.absorb(network[1]);
  return hash.finish(scope, 2);
}

// place_of spreads 32 bits of a hash over `places`.
std::size_t place_of(std::uint64_t bits, std::size_t places) noexcept {
  return (bits & 0xffff'ffff) * places >> 32U;
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
  // 0 marks a place that was never used.
  const std::uint64_t tag = hash_of(secret_, source, scope) | 1U;
  Set& set = sets_[place_of(tag >> 32, sets_.size())];
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

PrefixHandshakes::PrefixHandshakes(Arena& arena, std::size_t counters, const SipKey& secret)
    : arena_{arena},
      rows_{arena.make_array<std::uint32_t>(counters), arena.make_array<std::uint32_t>(counters)},
      secret_{secret} {}

PrefixHandshakes::~PrefixHandshakes() {
  for (const auto row : rows_) arena_.destroy_array(row);
}

std::array<std::uint32_t*, 2> PrefixHandshakes::counters_of(const IpAddress& source,
                                                            std::uint16_t scope) const noexcept {
  const std::uint64_t hash = hash_of(secret_, source, scope);
  return {&rows_[0][place_of(hash, rows_[0].size())],
          &rows_[1][place_of(hash >> 32, rows_[1].size())]};
}

std::uint32_t PrefixHandshakes::count(const IpAddress& source, std::uint16_t scope) const noexcept {
  const auto counters = counters_of(source, scope);
  return std::min(*counters[0], *counters[1]);
}

void PrefixHandshakes::begun(const IpAddress& source, std::uint16_t scope) noexcept {
  for (std::uint32_t* counter : counters_of(source, scope)) ++*counter;
}

void PrefixHandshakes::over(const IpAddress& source, std::uint16_t scope) noexcept {
  for (std::uint32_t* counter : counters_of(source, scope)) --*counter;
}

Admission::Admission(Arena& arena, std::size_t max_handshakes, const SipKey& secret, TscRate rate)
    : rates_{arena, kPrefixes, secret, rate},
      prefix_handshakes_{arena, kCountersPerHandshake * max_handshakes, secret} {}

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
  if (limits.prefix_handshakes != 0 &&
      prefix_handshakes_.count(source, group) >= limits.prefix_handshakes) {
    return CookieRefusal::prefix_handshakes;
  }
  const std::uint32_t rate = limits.prefix_connections_per_second;
  if (rate != 0 && !rates_.take(source, group, rate, now)) return CookieRefusal::prefix_rate;
  return CookieRefusal::none;
}

void Admission::opened(std::uint16_t group, const IpAddress& source) noexcept {
  ++count(group).connections;
  ++count(group).handshakes;
  prefix_handshakes_.begun(source, group);
}

void Admission::handshake_over(std::uint16_t group, const IpAddress& source) noexcept {
  --count(group).handshakes;
  prefix_handshakes_.over(source, group);
}

void Admission::ended(std::uint16_t group) noexcept { --count(group).connections; }

}  // namespace sallyport::worker
