// CookieKeyring: which keys SYN cookies are made and checked with, now.  They follow from a secret
// and the time alone, so appliances that share a secret and a clock accept each other's cookies,
// and a restart refuses no handshake in flight.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// DeriveKey fills `out` from a secret of at least 32 bytes, bound to `purpose` and `epoch`; the
// product passes HKDF.  Different purposes or epochs give unrelated keys.
using DeriveKey = void (*)(ByteView secret, std::string_view purpose, std::uint64_t epoch,
                           MutableBytes out) noexcept;

class CookieKeyring {
 public:
  // A cookie verifies under the key of its own period and of the next one: it lives at least this
  // long and at most twice.  Far above the longest SYN-ACK to ACK time of an honest client.
  static constexpr std::uint64_t kPeriodMilliseconds = 128'000;

  // Precondition: secret.size() >= 32.
  CookieKeyring(ByteView secret, DeriveKey derive);
  ~CookieKeyring();
  CookieKeyring(const CookieKeyring&) = delete;
  CookieKeyring& operator=(const CookieKeyring&) = delete;

  [[nodiscard]] snapshot::CookieKeys at(std::uint64_t unix_ms) const;
  [[nodiscard]] static constexpr std::uint64_t period_of(std::uint64_t unix_ms) noexcept {
    return unix_ms / kPeriodMilliseconds;
  }

 private:
  std::vector<std::uint8_t> secret_;
  DeriveKey derive_;
};

}  // namespace sallyport::control
