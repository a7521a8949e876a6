#include "lib/control/cookie_keyring.h"

#include <algorithm>
#include <array>

#include "lib/base/check.h"
#include "lib/base/secret.h"

namespace sallyport::control {
namespace {

constexpr std::size_t kMinSecretBytes = 32;

}  // namespace

CookieKeyring::CookieKeyring(ByteView secret, DeriveKey derive)
    : secret_{secret.begin(), secret.end()}, derive_{derive} {
  SALLYPORT_CHECK(secret.size() >= kMinSecretBytes && derive != nullptr);
}

CookieKeyring::~CookieKeyring() { wipe(secret_); }

snapshot::CookieKeys CookieKeyring::at(std::uint64_t unix_ms) const {
  const auto key_of = [this](std::uint64_t period) {
    Secret<16> bytes;
    derive_(secret_, "syn cookie", period, bytes.expose_for_write());
    return SipKey{.k0 = load<Be64>(bytes.expose().first<8>()).host(),
                  .k1 = load<Be64>(bytes.expose().last<8>()).host()};
  };
  const std::uint64_t period = period_of(unix_ms);
  return {.epoch = static_cast<std::uint8_t>(period),
          .current = key_of(period),
          .previous = key_of(period == 0 ? 0 : period - 1)};
}

}  // namespace sallyport::control
