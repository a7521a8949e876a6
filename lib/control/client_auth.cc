#include "lib/control/client_auth.h"

#include <utility>

#include "lib/config/credentials.h"

namespace sallyport::control {
namespace {

tls::ClientAuthMode mode_of(config::ClientCertificates wanted) {
  switch (wanted) {
    case config::ClientCertificates::off:
      break;
    case config::ClientCertificates::optional:
      return tls::ClientAuthMode::optional;
    case config::ClientCertificates::required:
      return tls::ClientAuthMode::required;
  }
  return tls::ClientAuthMode::off;
}

}  // namespace

void ask_clients(config::ClientCertificates wanted, const x509::ClientAuthority* authority,
                 crypto::AuthorityId id, tls::ServerConfig& tls) {
  const tls::ClientAuthMode mode = mode_of(wanted);
  if (mode == tls::ClientAuthMode::off || authority == nullptr) return;
  tls.client_auth = tls::ClientAuth{mode, id, authority->names()};
  // A name of a listener has no such byte, so its domain is nobody else's.
  tls.tickets.domain += mode == tls::ClientAuthMode::required ? '!' : '?';
  constexpr std::size_t kEnough = 16;
  const auto& digest = authority->digest();
  tls.tickets.domain.append(reinterpret_cast<const char*>(digest.data()), kEnough);
}

AuthorityWatch::AuthorityWatch(const config::Config& config) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Tls& tls = config.listeners[i].tls;
    if (tls.client_certificates == config::ClientCertificates::off) continue;
    watched_.push_back({.listener = i,
                        .files = config::client_files(tls),
                        .authorities = FileVersion::of(tls.client_ca),
                        .revocations = FileVersion::of(tls.client_crl)});
  }
}

AuthorityWatch::Outcome AuthorityWatch::look(ClientAuthorities& clients) {
  Outcome outcome;
  for (Watched& watched : watched_) {
    const FileVersion authorities = FileVersion::of(watched.files.authorities);
    const FileVersion revocations = FileVersion::of(watched.files.revocations);
    const bool is_gone = authorities == FileVersion{} ||
                         (revocations == FileVersion{} && !watched.files.revocations.empty());
    const bool is_same = authorities == watched.authorities && revocations == watched.revocations;
    if (is_same || is_gone) continue;
    watched.authorities = authorities;
    watched.revocations = revocations;
    x509::ClientAuthority::Loaded loaded = x509::ClientAuthority::load(watched.files);
    if (!loaded) {
      outcome.messages.push_back(std::move(loaded.message));
      continue;
    }
    clients.of_listener[watched.listener] =
        std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
    outcome.changed.push_back(watched.listener);
    outcome.messages.push_back(watched.files.authorities + ": decides about clients anew");
  }
  return outcome;
}

}  // namespace sallyport::control
