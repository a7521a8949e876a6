// Ticket keys that differ from each other.
#pragma once
#include <algorithm>
#include <cstdint>

#include "lib/tls/ticket.h"

namespace sallyport::tls {

inline void fill(TicketKey& key, std::uint8_t with) {
  key.name.fill(with);
  std::ranges::fill(key.bytes.expose_for_write(), static_cast<std::uint8_t>(with + 1));
}

inline void fill(TicketKeys& keys) {
  fill(keys.current, 1);
  fill(keys.previous, 2);
  fill(keys.next, 3);
}

}  // namespace sallyport::tls
