// SessionCache: sessions of TLS 1.2 that clients know by a session ID (RFC 5246 7.4.1.2), because
// they know no tickets.  What is kept is the ticket that such a client was not given, sealed as if
// it had been: so there are no secrets here, and a session is judged by the rules for tickets.
//
// All workers share it, because a client comes back to any of them, and nobody waits: an entry that
// is just being written is an unknown session for who reads, and stays as it is for who writes.
// A new session takes the place of some other one.  The places are fixed, so clients that begin
// session after session take nothing from others but resumption.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/base/byteorder.h"
#include "lib/base/random.h"
#include "lib/tls/ticket.h"

namespace sallyport::tls {

class SessionCache {
 public:
  static constexpr std::size_t kIdLen = 32;
  using Id = std::array<std::uint8_t, kIdLen>;

  static constexpr std::size_t kBytesPerSession = 512;
  // Allocates room for so many sessions, at least one.  Without has_room() nothing else may be
  // done.
  explicit SessionCache(std::size_t sessions);
  [[nodiscard]] bool has_room() const noexcept { return entries_ != nullptr; }
  ~SessionCache();
  SessionCache(const SessionCache&) = delete;
  SessionCache& operator=(const SessionCache&) = delete;

  // draw_id makes a name for a new session.  256 random bits: nobody guesses that of another.
  [[nodiscard]] static Id draw_id(Random& random) noexcept;

  // keep remembers `ticket`, kNamingTicketLen bytes at most, under an ID of draw_id(), until a time
  // in milliseconds since 1970.
  void keep(ByteView id, ByteView ticket, std::uint64_t ends_ms) noexcept;
  // find copies what is kept under `id`, which may be anything, into `room`, and returns that part
  // of it; empty: nothing is kept.
  [[nodiscard]] ByteView find(ByteView id, TicketRoom room) const noexcept;

  // Mark is what a connection remembers of its session's ID, to have it forgotten: so much of it
  // that hardly ever another session goes instead.
  using Mark = std::array<std::uint8_t, 4>;
  static constexpr Mark kNoMark{};
  // Precondition: `id` is kIdLen long.
  [[nodiscard]] static Mark mark_of(ByteView id) noexcept;
  // forget ends a session [RFC 5246 7.2.2].
  void forget(const Mark& mark) noexcept;
  // forget_expired ends all sessions whose time is over.  Without it they would lie here, for
  // whoever gets hold of both this memory and the cluster secret, until others need their places.
  void forget_expired(std::uint64_t unix_ms) noexcept;

 private:
  struct Entry;
  template <class Write>
  static void change(Entry& entry, Write&& write) noexcept;
  static void clear(Entry& entry) noexcept;
  [[nodiscard]] Entry& place_of(const Mark& mark) const noexcept;

  std::size_t size_;
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace sallyport::tls
