// Admission: which proven handshakes become connections.  Limits of a listener, and of each network
// that clients come from; what an attacker gains without them is every slot for one listener, or
// for one network of its own.
//
// Listeners are named by their snapshot::Listener::group.  All limits are this worker's share of
// what the configuration says for the appliance.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "lib/base/address.h"
#include "lib/base/arena.h"
#include "lib/base/siphash.h"
#include "lib/base/units.h"
#include "lib/snapshot/snapshot.h"
#include "lib/stats/reasons.h"

namespace sallyport::worker {

// PrefixRates counts new connections of networks: /24 for IPv4, /56 for IPv6.  A fixed number of
// token buckets, found by a keyed hash, four to a set.  A network that is new takes the place of
// the one in its set that is the nearest to being idle, which then has its whole burst again; so
// who comes from very many networks at once is held by the other limits, and nobody suffers for a
// neighbour in the table.
class PrefixRates {
 public:
  PrefixRates(Arena& arena, std::size_t capacity, const SipKey& secret, TscRate rate);
  ~PrefixRates();
  PrefixRates(const PrefixRates&) = delete;
  PrefixRates& operator=(const PrefixRates&) = delete;

  // take answers whether one more connection from the network of `source` is within `per_second`,
  // and within as many at once.  `scope` keeps limits of different listeners apart.
  [[nodiscard]] bool take(const IpAddress& source, std::uint16_t scope, std::uint32_t per_second,
                          Tsc now) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  // Bucket: until `full_at` tokens are missing, in proportion to the time; an idle one is full.
  struct Bucket {
    std::uint64_t tag = 0;
    Tsc full_at;
  };
  struct alignas(64) Set {
    std::array<Bucket, kWays> ways;
  };

  Arena& arena_;
  std::span<Set> sets_;
  SipKey secret_;
  TscRate rate_;
};

// PrefixHandshakes counts the unfinished handshakes of networks, which are those of PrefixRates.
// Two rows of counters, in each of which a keyed hash gives a network one; the smaller of its two
// counts is the answer.  It is exact, or too high where others share both: nobody can aim at that,
// but while as many networks as a row has counters hold a handshake each, a network that holds none
// is taken for one that has two with a probability of 7 %, four with 0.04 %.
class PrefixHandshakes {
 public:
  // `counters` is a row's, at least 1.
  PrefixHandshakes(Arena& arena, std::size_t counters, const SipKey& secret);
  ~PrefixHandshakes();
  PrefixHandshakes(const PrefixHandshakes&) = delete;
  PrefixHandshakes& operator=(const PrefixHandshakes&) = delete;

  [[nodiscard]] std::uint32_t count(const IpAddress& source, std::uint16_t scope) const noexcept;
  void begun(const IpAddress& source, std::uint16_t scope) noexcept;
  // over: a handshake that begun() was told of, of the same source and scope, is over.
  void over(const IpAddress& source, std::uint16_t scope) noexcept;

 private:
  [[nodiscard]] std::array<std::uint32_t*, 2> counters_of(const IpAddress& source,
                                                          std::uint16_t scope) const noexcept;
  Arena& arena_;
  std::array<std::span<std::uint32_t>, 2> rows_;
  SipKey secret_;
};

class Admission {
 public:
  // `max_handshakes` is how many the worker has room for.
  Admission(Arena& arena, std::size_t max_handshakes, const SipKey& secret, TscRate rate);

  // judge answers why a handshake whose address is proven may not become a connection now; `none`:
  // it may.
  [[nodiscard]] stats::CookieRefusal judge(std::uint16_t group, const snapshot::Limits& limits,
                                           const IpAddress& source, Tsc now) noexcept;
  // These keep count: a connection of a listener was made, its TLS handshake is over one way or the
  // other, it is gone.
  void opened(std::uint16_t group, const IpAddress& source) noexcept;
  void handshake_over(std::uint16_t group, const IpAddress& source) noexcept;
  void ended(std::uint16_t group) noexcept;

 private:
  struct Count {
    std::uint32_t connections = 0;
    std::uint32_t handshakes = 0;
  };
  [[nodiscard]] Count& count(std::uint16_t group) noexcept {
    return counts_[group % counts_.size()];
  }

  std::array<Count, snapshot::kMaxListenerGroups> counts_{};
  PrefixRates rates_;
  PrefixHandshakes prefix_handshakes_;
};

}  // namespace sallyport::worker
