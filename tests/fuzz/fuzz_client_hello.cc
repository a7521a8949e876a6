// ClientHello bodies through the parser and, when they parse, through fingerprinting and
// negotiation.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "lib/tls/client_fingerprint.h"
#include "lib/tls/negotiation.h"
#include "tests/support/tls_client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  static const tls::ServerConfig config = [] {
    tls::ServerConfig all = testing::test_config();
    all.alpn_protocols = {"h2", "http/1.1"};
    all.tickets.enabled = true;
    all.tickets.psk_only = true;
    std::vector<tls::Credential> credentials = all.credentials.all();
    credentials[1].names = {"*.site.test"};
    all.credentials = credentials;
    return all;
  }();
  const auto hello = wire::parse_client_hello({data, size});
  if (!hello) return 0;
  // A fingerprint is text of one form, whatever the client made of its names.
  if (const auto fingerprint = tls::fingerprint_of(*hello); fingerprint.known) {
    const auto is_expected = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (fingerprint.ja4().size() != 36 || !std::ranges::all_of(fingerprint.ja4(), is_expected)) {
      std::abort();
    }
  }
  const auto agreed = tls::negotiate(*hello, config);
  if (!agreed) {
    if (tls::alert_of(agreed.error()) == wire::AlertDescription::close_notify) std::abort();
    return 0;
  }
  // What was agreed on is something that both sides offer.
  const auto suite = static_cast<std::uint16_t>(agreed->cipher_suite);
  const auto scheme = static_cast<std::uint16_t>(agreed->signature_scheme);
  if (!hello->cipher_suites.contains(suite)) std::abort();
  // Only a pre-shared key can do without a certificate, and only in a way that the client knows.
  const bool offers_psk = hello->offers(wire::ExtensionType::pre_shared_key);
  if (agreed->without_psk == stats::HandshakeFailure::none) {
    // [RFC 5246 7.4.7.1] With RSA key exchange the server signs nothing.
    if (agreed->key_exchange == tls::KeyExchange::rsa) {
      if (agreed->signature_scheme != crypto::SignatureScheme::none) std::abort();
    } else if (!hello->signature_algorithms.contains(scheme)) {
      std::abort();
    }
    const bool tls13 = agreed->version == wire::ProtocolVersion::tls13;
    if (tls13 && agreed->group == crypto::NamedGroup::none) std::abort();
  } else if (!offers_psk) {
    std::abort();
  }
  if (agreed->psk_mode != tls::PskMode::none && hello->psk_key_exchange_modes.empty()) std::abort();
  if (offers_psk && hello->psk_binders.size() + 2 > size) std::abort();
  if (agreed->credential >= config.credentials.size()) std::abort();
  return 0;
}
