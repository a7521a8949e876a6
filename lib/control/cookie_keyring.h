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
  // One key lasts for one epoch.  Half of it is more than a cookie lives (lib/tcp/syn_cookie.h), so
  // an old key may go when half of the next epoch is over.
  static constexpr std::uint64_t kEpochMilliseconds = 128'000;

  // Precondition: secret.size() >= 32.
  CookieKeyring(ByteView secret, DeriveKey derive);
  ~CookieKeyring();
  CookieKeyring(const CookieKeyring&) = delete;
  CookieKeyring& operator=(const CookieKeyring&) = delete;

  // at changes with half_epoch_of().
  [[nodiscard]] snapshot::CookieKeys at(std::uint64_t unix_ms) const;
  [[nodiscard]] static constexpr std::uint64_t half_epoch_of(std::uint64_t unix_ms) noexcept {
    return unix_ms / (kEpochMilliseconds / 2);
  }

 private:
  std::vector<std::uint8_t> secret_;
  DeriveKey derive_;
};

}  // namespace sallyport::control
