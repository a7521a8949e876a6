// CookieLanes: the sequence numbers and TSvals of eight SYN-ACKs at once, for floods.  Lane by lane
// it gives what make_syn_ack() gives.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/cookie_keys.h"
#include "lib/tcp/cookie_format.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/tuple_hash.h"

namespace sallyport::tcp {

struct CookieLanes {
  static constexpr std::size_t kLanes = TupleLanes::kLanes;

  TupleLanes tuple;
  SipLanes::Words client_isn;
  // Of cookie::offer_of().
  std::array<std::uint32_t, kLanes> offered_bits{};
  std::array<std::uint32_t, kLanes> offered_fine{};
  std::array<bool, kLanes> timestamps{};

  struct Reply {
    std::uint32_t seq = 0;
    std::uint32_t tsval = 0;  // meaningful with timestamps
  };
  // make fills the replies of the first `num` lanes.
  void make(const CookieKeys& keys, WallTime now, std::size_t num,
            std::array<Reply, kLanes>& replies) const noexcept;
};

// AckLanes: whether eight bare ACKs that belong to no connection complete a handshake.  Lane by
// lane it says what check_cookie() and overtakes() say.
struct AckLanes {
  static constexpr std::size_t kLanes = TupleLanes::kLanes;
  enum class Verdict : std::uint8_t {
    accepted,   // the cookie is good: there is nothing to do until data comes
    bad_mac,    // CookieRefusal of that name
    expired,    // CookieRefusal of that name
    overtakes,  // refused, but perhaps of a handshake whose data is still on its way
  };

  TupleLanes tuple;
  SipLanes::Words seq;  // SEG.SEQ
  std::array<std::uint32_t, kLanes> ack{};
  std::array<std::uint32_t, kLanes> tsecr{};
  std::array<bool, kLanes> timestamps{};

  void check(const CookieKeys& keys, WallTime now, std::size_t num,
             std::array<Verdict, kLanes>& verdicts) const noexcept;
};

}  // namespace sallyport::tcp
