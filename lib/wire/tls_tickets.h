// NewSessionTicket of both versions (RFC 8446 4.6.1, RFC 5077 3.3).
#pragma once
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_types.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

struct NewSessionTicket13 {
  std::uint32_t lifetime_seconds = 0;
  std::uint32_t age_add = 0;
  ByteView nonce;
  ByteView ticket;
};

// It has no extension: early_data is the only one that there is, and none is ever accepted.
constexpr void write_new_session_ticket13(Writer& w, const NewSessionTicket13& nst) noexcept {
  write_message(w, HandshakeType::new_session_ticket, [&] {
    w.u32(nst.lifetime_seconds);
    w.u32(nst.age_add);
    w.vec8(nst.nonce);
    w.vec16(nst.ticket);
    w.vec16(ByteView{});
  });
}

constexpr void write_new_session_ticket12(Writer& w, std::uint32_t lifetime_hint,
                                          ByteView ticket) noexcept {
  write_message(w, HandshakeType::new_session_ticket, [&] {
    w.u32(lifetime_hint);
    w.vec16(ticket);
  });
}

}  // namespace sallyport::wire
