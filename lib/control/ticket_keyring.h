// TicketKeyring: which keys TLS tickets are sealed and opened with, now.  Like those of SYN cookies
// they follow from a secret and the time alone: appliances that share a secret accept each other's
// tickets, and with a configured one so does an appliance after a restart.  Nothing is written
// down.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/control/cookie_keyring.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

class TicketKeyring {
 public:
  // A key seals for one epoch and opens for that and the next, so a ticket opens for at least one
  // epoch: no lifetime may be longer.
  static constexpr std::uint64_t kEpochMilliseconds = 86'400'000;

  // Precondition: secret.size() >= 32.
  TicketKeyring(ByteView secret, DeriveKey derive);
  ~TicketKeyring();
  TicketKeyring(const TicketKeyring&) = delete;
  TicketKeyring& operator=(const TicketKeyring&) = delete;

  // at changes with epoch_of().
  [[nodiscard]] std::shared_ptr<const tls::TicketKeys> at(std::uint64_t unix_ms) const;
  [[nodiscard]] static constexpr std::uint64_t epoch_of(std::uint64_t unix_ms) noexcept {
    return unix_ms / kEpochMilliseconds;
  }

 private:
  std::vector<std::uint8_t> secret_;
  DeriveKey derive_;
};

}  // namespace sallyport::control
