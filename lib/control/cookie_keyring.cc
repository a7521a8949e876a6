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
  const auto key_of = [this](std::uint64_t epoch) {
    Secret<16> bytes;
    derive_(secret_, "syn cookie", epoch, bytes.expose_for_write());
    return SipKey{.k0 = load<Be64>(bytes.expose().first<8>()).host(),
                  .k1 = load<Be64>(bytes.expose().last<8>()).host()};
  };
  const std::uint64_t half = half_epoch_of(unix_ms);
  const std::uint64_t epoch = half / 2;
  const bool is_second_half = half % 2 == 1;
  return {.epoch = static_cast<std::uint8_t>(epoch),
          .current = key_of(epoch),
          .adjacent = key_of(is_second_half ? epoch + 1 : epoch - 1)};
}

}  // namespace sallyport::control
