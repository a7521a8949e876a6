#include "lib/control/ticket_keyring.h"

#include <algorithm>

#include "lib/base/check.h"
#include "lib/base/secret.h"

namespace sallyport::control {
namespace {

constexpr std::size_t kMinSecretBytes = 32;

}  // namespace

TicketKeyring::TicketKeyring(ByteView secret, DeriveKey derive)
    : secret_{secret.begin(), secret.end()}, derive_{derive} {
  SALLYPORT_CHECK(secret.size() >= kMinSecretBytes && derive != nullptr);
}

TicketKeyring::~TicketKeyring() { wipe(secret_); }

std::shared_ptr<const tls::TicketKeys> TicketKeyring::at(std::uint64_t unix_ms) const {
  const auto fill = [this](std::uint64_t epoch, tls::TicketKey& key) {
    Secret<tls::TicketKey::kNameLen + tls::TicketKey::kKeyLen> bytes;
    derive_(secret_, "tls ticket", epoch, bytes.expose_for_write());
    const auto all = bytes.expose();
    std::ranges::copy(all.first<tls::TicketKey::kNameLen>(), key.name.begin());
    std::ranges::copy(all.last<tls::TicketKey::kKeyLen>(), key.bytes.expose_for_write().begin());
  };
  const std::uint64_t epoch = epoch_of(unix_ms);
  auto keys = std::make_shared<tls::TicketKeys>();
  fill(epoch, keys->current);
  fill(epoch - 1, keys->previous);
  fill(epoch + 1, keys->next);
  return keys;
}

}  // namespace sallyport::control
