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

}  // namespace sallyport::tls
