#include "lib/tls/negotiation.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "lib/base/text.h"
#include "lib/crypto/kx/ffdhe.h"
#include "lib/crypto/sign/schemes.h"

namespace sallyport::tls {
namespace {

using crypto::KeyType;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::CipherSuite;
using wire::ClientHello;
using wire::ExtensionType;
using wire::ProtocolVersion;

[[nodiscard]] bool offers_suite(const ClientHello& hello, CipherSuite suite) noexcept {
  return hello.cipher_suites.contains(static_cast<std::uint16_t>(suite));
}
[[nodiscard]] bool offers_group(const ClientHello& hello, NamedGroup group) noexcept {
  return hello.supported_groups.contains(static_cast<std::uint16_t>(group));
}

// --- Version ---

[[nodiscard]] Result<ProtocolVersion, HandshakeFailure> choose_version(
    const ClientHello& hello, const ServerConfig& config) noexcept {
  const auto is_offered = [&hello](ProtocolVersion version) {
    return hello.supported_versions.contains(static_cast<std::uint16_t>(version));
  };
  // [RFC 8446 D.5] a hello that speaks of SSL 3.0 or less is refused, whatever else it offers.
  if (hello.legacy_version <= static_cast<std::uint16_t>(ProtocolVersion::ssl30)) {
    return Err{HandshakeFailure::protocol_version};
  }
  ProtocolVersion chosen{};
  if (hello.offers(ExtensionType::supported_versions)) {
    // [RFC 8446 4.2.1] supported_versions, when present, decides alone.
    if (config.tls13 && is_offered(ProtocolVersion::tls13)) {
      chosen = ProtocolVersion::tls13;
    } else if (config.tls12 && is_offered(ProtocolVersion::tls12)) {
      chosen = ProtocolVersion::tls12;
    }
  } else if (config.tls12 &&
             hello.legacy_version >= static_cast<std::uint16_t>(ProtocolVersion::tls12)) {
    // [RFC 8446 4.2.1] without it, TLS 1.2 at most.
    chosen = ProtocolVersion::tls12;
  }
  if (chosen == ProtocolVersion{}) return Err{HandshakeFailure::protocol_version};
  // [RFC 7507 3] the client fell back, but we would have spoken more.
  if (chosen == ProtocolVersion::tls12 && config.tls13 &&
      offers_suite(hello, CipherSuite::fallback_scsv)) {
    return Err{HandshakeFailure::inappropriate_fallback};
  }
  return chosen;
}

// check_fragment_limits judges the client's limits on the size of records.
[[nodiscard]] HandshakeFailure check_fragment_limits(const ClientHello& hello) noexcept {
  constexpr std::uint16_t kLeastRecordSize = 64;
  constexpr std::uint8_t kMostFragmentCode = 4;
  // [RFC 8449 4] Less would let a client make us spend a record's overhead on a few bytes.  [5] It
  // takes the place of max_fragment_length.
  if (hello.offers(ExtensionType::record_size_limit)) {
    return hello.record_size_limit < kLeastRecordSize ? HandshakeFailure::illegal_parameter
                                                      : HandshakeFailure::none;
  }
  // [RFC 6066 4]
  const std::uint8_t code = hello.max_fragment_length;
  return hello.offers(ExtensionType::max_fragment_length) && (code == 0 || code > kMostFragmentCode)
             ? HandshakeFailure::illegal_parameter
             : HandshakeFailure::none;
}

// has_needs_of_certificate: what a TLS 1.3 handshake with a certificate cannot do without.
[[nodiscard]] bool has_needs_of_certificate(const ClientHello& hello) noexcept {
  return hello.offers(ExtensionType::signature_algorithms) &&
         hello.offers(ExtensionType::supported_groups) && hello.offers(ExtensionType::key_share);
}

// check_fields looks at what each version demands of a hello.
[[nodiscard]] HandshakeFailure check_fields(const ClientHello& hello,
                                            ProtocolVersion version) noexcept {
  if (const auto why = check_fragment_limits(hello); why != HandshakeFailure::none) return why;
  const ByteView compression = hello.legacy_compression_methods;
  if (version == ProtocolVersion::tls13) {
    // [RFC 8446 4.1.2] null compression and nothing else.
    if (compression.size() != 1 || compression[0] != 0) return HandshakeFailure::illegal_parameter;
    // [RFC 8446 9.2] supported_groups and key_share come together or not at all, and without a
    // pre-shared key all of these must be there.
    const bool offers_psk = hello.offers(ExtensionType::pre_shared_key);
    const bool offers_shares = hello.offers(ExtensionType::key_share);
    if (offers_shares != hello.offers(ExtensionType::supported_groups) ||
        (!offers_psk && !has_needs_of_certificate(hello))) {
      return HandshakeFailure::missing_extension;
    }
    // [RFC 8446 4.2.9] a pre-shared key needs to say how it may be used.
    if (offers_psk && !hello.offers(ExtensionType::psk_key_exchange_modes)) {
      return HandshakeFailure::missing_extension;
    }
    // [RFC 8446 4.2.8] no share of a group that is not among supported_groups.
    for (wire::Reader r{hello.key_shares}; !r.at_end();) {
      const std::uint16_t group = r.u16();
      static_cast<void>(r.vec16(1, 65'535));
      if (!hello.supported_groups.contains(group)) return HandshakeFailure::illegal_parameter;
    }
    return HandshakeFailure::none;
  }
  // [RFC 5246 7.4.1.2] null compression is always among the methods.
  if (std::ranges::find(compression, 0) == compression.end()) {
    return HandshakeFailure::illegal_parameter;
  }
  // [RFC 8422 5.1.2] a client that lists point formats lists uncompressed.
  if (hello.offers(ExtensionType::ec_point_formats) &&
      std::ranges::find(hello.ec_point_formats, 0) == hello.ec_point_formats.end()) {
    return HandshakeFailure::illegal_parameter;
  }
  // [RFC 5746 3.6] in a first handshake there is nothing to be renegotiated.
  if (!hello.renegotiation_info.empty()) return HandshakeFailure::renegotiation;
  return HandshakeFailure::none;
}

// --- Group ---

struct Group {
  NamedGroup group = NamedGroup::none;
  bool hello_retry = false;
};

[[nodiscard]] Group choose_group13(const ClientHello& hello, const ServerConfig& config) noexcept {
  // A group with a share saves a round trip, so it comes before a more preferred one without.
  for (const NamedGroup group : config.groups) {
    if (crypto::is_finite_field(group)) continue;  // of TLS 1.2 alone, here
    if (!hello.key_share_of(static_cast<std::uint16_t>(group)).empty()) return {group, false};
  }
  for (const NamedGroup group : config.groups) {
    if (!crypto::is_finite_field(group) && offers_group(hello, group)) return {group, true};
  }
  return {};
}

[[nodiscard]] NamedGroup choose_group12(const ClientHello& hello,
                                        const ServerConfig& config) noexcept {
  // [RFC 8422 4] a client without the extension takes any curve; all of those know this one.
  if (!hello.offers(ExtensionType::supported_groups)) {
    const bool enabled =
        std::ranges::find(config.groups, NamedGroup::secp256r1) != config.groups.end();
    return enabled ? NamedGroup::secp256r1 : NamedGroup::none;
  }
  for (const NamedGroup group : config.groups) {
    if (!crypto::is_finite_field(group) && offers_group(hello, group)) return group;
  }
  return NamedGroup::none;
}

[[nodiscard]] bool knows_finite_fields(const ClientHello& hello) noexcept {
  for (std::size_t i = 0; i < hello.supported_groups.size(); ++i) {
    if (crypto::is_finite_field(NamedGroup{hello.supported_groups[i]})) return true;
  }
  return false;
}

// [RFC 7919 4] a client that lists finite fields gets one of those; one that lists none, as all did
// before, takes what it is given.
[[nodiscard]] NamedGroup choose_finite_field(const ClientHello& hello,
                                             const ServerConfig& config) noexcept {
  const bool lists_any = knows_finite_fields(hello);
  for (const NamedGroup group : config.groups) {
    if (crypto::finite_field_prime(group).empty()) continue;
    if (!lists_any || offers_group(hello, group)) return group;
  }
  return NamedGroup::none;
}

// --- Credential ---

// In our order of preference: the cheapest that is good enough first.
constexpr std::array kSchemes{
    SignatureScheme::ecdsa_secp256r1_sha256,
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::ed25519,
    SignatureScheme::rsa_pss_rsae_sha256,
    SignatureScheme::rsa_pss_rsae_sha384,
    SignatureScheme::rsa_pss_rsae_sha512,
    SignatureScheme::rsa_pkcs1_sha256,
    SignatureScheme::rsa_pkcs1_sha384,
    SignatureScheme::rsa_pkcs1_sha512,
};

// For a client of TLS 1.2 that does not list the hash of the key's curve: those that are as strong
// as either curve, then SHA-256.
constexpr std::array kOtherHashes12{
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::ecdsa_secp521r1_sha512,
    SignatureScheme::ecdsa_secp256r1_sha256,
};

[[nodiscard]] SignatureScheme choose_scheme(const ClientHello& hello, KeyType key_type,
                                            ProtocolVersion version) noexcept {
  for (const SignatureScheme scheme : kSchemes) {
    if (!crypto::fits_key(scheme, key_type)) continue;
    if (version == ProtocolVersion::tls13 && !crypto::allowed_in_tls13(scheme)) continue;
    // [RFC 5246 7.4.1.4.1] without the extension a client means SHA-1, which we do not sign with:
    // the list is empty then, and nothing is found.
    if (hello.signature_algorithms.contains(static_cast<std::uint16_t>(scheme))) return scheme;
  }
  if (version == ProtocolVersion::tls13) return SignatureScheme::none;
  // [RFC 5246 7.4.1.4.1, RFC 8446 4.2.3] In TLS 1.2 every hash goes with every curve.
  for (const SignatureScheme scheme : kOtherHashes12) {
    if (!crypto::fits_key_in_tls12(scheme, key_type)) continue;
    if (hello.signature_algorithms.contains(static_cast<std::uint16_t>(scheme))) return scheme;
  }
  return SignatureScheme::none;
}

// fits_tls12: the key can authenticate the suite, and the client can check it.
[[nodiscard]] bool fits_tls12(const ClientHello& hello, const SuiteInfo& suite,
                              KeyType key_type) noexcept {
  if (suite.key_exchange != KeyExchange::ecdhe_ecdsa) return key_type == KeyType::rsa;
  switch (key_type) {
    case KeyType::rsa:
    case KeyType::none:
      return false;
    case KeyType::ed25519:
      return true;
    case KeyType::ecdsa_p256:
    case KeyType::ecdsa_p384:
      break;
  }
  // [RFC 8422 5.1] the certificate's curve is among those that the client supports.
  if (!hello.offers(ExtensionType::supported_groups)) return true;
  return offers_group(
      hello, key_type == KeyType::ecdsa_p256 ? NamedGroup::secp256r1 : NamedGroup::secp384r1);
}

// may_use: [RFC 5246 7.4.2, RFC 8446 4.4.2.2] the certificate allows its key to do what this key
// exchange asks of it.
[[nodiscard]] bool may_use(const Credential& credential, KeyExchange key_exchange) noexcept {
  return key_exchange == KeyExchange::rsa ? credential.may_decrypt : credential.may_sign;
}

// check_name is for a listener that shows no default credential.
[[nodiscard]] HandshakeFailure check_name(const ClientHello& hello, ProtocolVersion version,
                                          bool is_known) noexcept {
  if (is_known) return HandshakeFailure::none;
  // [RFC 8446 9.2] a server that needs the extension says so; older clients know no such alert.
  const bool is_missing =
      version == ProtocolVersion::tls13 && !hello.offers(ExtensionType::server_name);
  return is_missing ? HandshakeFailure::missing_extension : HandshakeFailure::unrecognized_name;
}

// prefers_chacha: of all suites that we know, ChaCha20 is the client's first.
[[nodiscard]] bool prefers_chacha(const ClientHello& hello) noexcept {
  for (std::size_t i = 0; i < hello.cipher_suites.size(); ++i) {
    const SuiteInfo* const suite = suite_info(CipherSuite{hello.cipher_suites[i]});
    if (suite != nullptr) return suite->is_chacha();
  }
  return false;
}

// find_suite calls visit(const SuiteInfo&) for the suites that both sides have in this version, in
// the order that counts, until it returns true.
template <class Visit>
[[nodiscard]] bool find_suite(const ClientHello& hello, const ServerConfig& config,
                              ProtocolVersion version, Visit&& visit) noexcept {
  if (config.suite_preference == SuitePreference::client) {
    for (std::size_t i = 0; i < hello.cipher_suites.size(); ++i) {
      const std::uint16_t number = hello.cipher_suites[i];
      const SuiteInfo* const suite = suite_info(CipherSuite{number});
      if (suite == nullptr || suite->version != version) continue;
      if (std::ranges::find(config.cipher_suites, number) == config.cipher_suites.end()) continue;
      if (visit(*suite)) return true;
    }
    return false;
  }
  const auto in_our_order = [&](bool chacha_only) {
    for (const std::uint16_t number : config.cipher_suites) {
      const SuiteInfo* const suite = suite_info(CipherSuite{number});
      if (suite == nullptr || suite->version != version) continue;
      if (chacha_only && !suite->is_chacha()) continue;
      if (offers_suite(hello, suite->suite) && visit(*suite)) return true;
    }
    return false;
  };
  return (prefers_chacha(hello) && in_our_order(true)) || in_our_order(false);
}

void take_suite(const SuiteInfo& suite, Parameters& parameters) noexcept {
  parameters.cipher_suite = suite.suite;
  parameters.key_exchange = suite.key_exchange;
  parameters.hash = suite.hash;
  parameters.aead = suite.aead;
  parameters.cbc = suite.cbc;
}

// Groups12 is one group for each way of key exchange in TLS 1.2, or none.
struct Groups12 {
  NamedGroup curve = NamedGroup::none;
  NamedGroup finite_field = NamedGroup::none;
};

// Misses is why suites that both sides have were of no use.
struct Misses {
  bool suite = false;
  bool scheme = false;
  bool finite_field = false;
  bool group = false;
};

[[nodiscard]] HandshakeFailure failure_of(const Misses& misses, const ClientHello& hello) noexcept {
  if (misses.scheme) return HandshakeFailure::no_common_signature_scheme;
  // [RFC 7919 4] has an alert of its own.
  if (misses.finite_field && knows_finite_fields(hello)) {
    return HandshakeFailure::no_common_finite_field;
  }
  if (misses.group || misses.finite_field) return HandshakeFailure::no_common_group;
  // A suite, but no credential that may be shown.
  return misses.suite ? HandshakeFailure::no_common_signature_scheme
                      : HandshakeFailure::no_common_cipher_suite;
}

// group_for gives the group in which a suite of TLS 1.2 would agree on keys; false: there is none.
[[nodiscard]] bool group_for(const SuiteInfo& suite, const Groups12& groups, NamedGroup& group,
                             Misses& misses) noexcept {
  group = NamedGroup::none;
  switch (suite.key_exchange) {
    case KeyExchange::tls13:  // chosen later
    case KeyExchange::rsa:
      return true;
    case KeyExchange::ecdhe_ecdsa:
    case KeyExchange::ecdhe_rsa:
      // [RFC 8422 4] without a curve in common none of these.
      group = groups.curve;
      misses.group = misses.group || group == NamedGroup::none;
      break;
    case KeyExchange::dhe_rsa:
      group = groups.finite_field;
      misses.finite_field = misses.finite_field || group == NamedGroup::none;
      break;
  }
  return group != NamedGroup::none;
}

// can_check: the client knows every signature in the credential's chain.  [RFC 8446 4.2.3] What it
// says of certificates counts; of signature_algorithms otherwise, in TLS 1.2 as well [RFC 5246
// 7.4.2].  A client that says nothing may know anything.
[[nodiscard]] bool can_check(const ClientHello& hello, const Credential& credential) noexcept {
  const wire::U16List& known = hello.offers(ExtensionType::signature_algorithms_cert)
                                   ? hello.signature_algorithms_cert
                                   : hello.signature_algorithms;
  return known.empty() || std::ranges::all_of(credential.chain_schemes, [&](std::uint16_t scheme) {
           return known.contains(scheme);
         });
}

// authenticate chooses suite, credential and signature scheme together: in TLS 1.2 they depend on
// each other, and on the group.  The best match of the name goes first, then a chain that the
// client can check, then the order of suites, then that of credentials.
[[nodiscard]] HandshakeFailure authenticate(const ClientHello& hello, const ServerConfig& config,
                                            Parameters& parameters) noexcept {
  const std::string_view asked{reinterpret_cast<const char*>(hello.server_name.data()),
                               hello.server_name.size()};
  const CredentialSet& credentials = config.credentials;
  const auto exact = credentials.exact(asked);
  const auto wildcard = credentials.wildcard(asked);
  const bool is_known = !exact.empty() || !wildcard.empty();
  CredentialSet::Candidates defaults = credentials.defaults();
  if (config.unknown_name == UnknownName::refuse) {
    if (const auto why = check_name(hello, parameters.version, is_known);
        why != HandshakeFailure::none) {
      return why;
    }
    defaults = {};
  }
  const bool tls12 = parameters.version == ProtocolVersion::tls12;
  Groups12 groups;
  if (tls12) groups = {choose_group12(hello, config), choose_finite_field(hello, config)};
  Misses misses;
  for (const auto candidates : {exact, wildcard, defaults}) {
    if (candidates.empty()) continue;
    bool wants_checkable = true;
    bool passed_over = false;
    const auto fits = [&](const SuiteInfo& suite) {
      misses.suite = true;
      NamedGroup group{};
      if (!group_for(suite, groups, group, misses)) return false;
      for (const std::uint16_t index : candidates) {
        const KeyType key_type = credentials[index].key_type;
        if (!may_use(credentials[index], suite.key_exchange)) continue;
        if (tls12 && !fits_tls12(hello, suite, key_type)) continue;
        // [RFC 5246 7.4.7.1] With RSA key exchange the server signs nothing.
        const auto scheme = suite.key_exchange == KeyExchange::rsa
                                ? SignatureScheme::none
                                : choose_scheme(hello, key_type, parameters.version);
        if (scheme == SignatureScheme::none && suite.key_exchange != KeyExchange::rsa) continue;
        if (wants_checkable && !can_check(hello, credentials[index])) {
          passed_over = true;
          continue;
        }
        take_suite(suite, parameters);
        parameters.group = group;
        parameters.credential = index;
        parameters.signature_scheme = scheme;
        parameters.server_name_matched = candidates.data() != defaults.data();
        return true;
      }
      misses.scheme = true;
      return false;
    };
    if (find_suite(hello, config, parameters.version, fits)) return HandshakeFailure::none;
    // [RFC 8446 4.4.2.2] With no such chain it gets another one: it may have its own ways.
    wants_checkable = false;
    if (passed_over && find_suite(hello, config, parameters.version, fits)) {
      return HandshakeFailure::none;
    }
  }
  return failure_of(misses, hello);
}

// choose_suite13 chooses for a handshake that needs no certificate.
[[nodiscard]] bool choose_suite13(const ClientHello& hello, const ServerConfig& config,
                                  Parameters& parameters) noexcept {
  return find_suite(hello, config, ProtocolVersion::tls13, [&](const SuiteInfo& suite) {
    take_suite(suite, parameters);
    return true;
  });
}

// --- Pre-shared keys ---

// choose_psk_mode prefers the mode with a key exchange: what it protects stays closed also to
// whoever gets hold of the ticket key later.
[[nodiscard]] PskMode choose_psk_mode(const ClientHello& hello, const ServerConfig& config,
                                      NamedGroup group) noexcept {
  constexpr std::uint8_t kPskKe = 0;
  constexpr std::uint8_t kPskDheKe = 1;
  const auto is_offered = [&](std::uint8_t mode) {
    return std::ranges::find(hello.psk_key_exchange_modes, mode) !=
           hello.psk_key_exchange_modes.end();
  };
  if (!config.tickets.enabled) return PskMode::none;
  if (group != NamedGroup::none && is_offered(kPskDheKe)) return PskMode::psk_dhe_ke;
  return config.tickets.psk_only && is_offered(kPskKe) ? PskMode::psk_ke : PskMode::none;
}

// agree_on_keys13 settles group and pre-shared-key mode.
[[nodiscard]] HandshakeFailure agree_on_keys13(const ClientHello& hello, const ServerConfig& config,
                                               Parameters& parameters) noexcept {
  const Group chosen = choose_group13(hello, config);
  if (chosen.group == NamedGroup::none && parameters.without_psk == HandshakeFailure::none) {
    parameters.without_psk = has_needs_of_certificate(hello) ? HandshakeFailure::no_common_group
                                                             : HandshakeFailure::missing_extension;
  }
  if (parameters.without_psk != HandshakeFailure::none &&
      !hello.offers(ExtensionType::pre_shared_key)) {
    return parameters.without_psk;
  }
  parameters.group = chosen.group;
  parameters.hello_retry = chosen.hello_retry;
  if (chosen.group != NamedGroup::none && !chosen.hello_retry &&
      !is_valid_share(chosen.group, hello.key_share_of(static_cast<std::uint16_t>(chosen.group)))) {
    return HandshakeFailure::bad_key_share;
  }
  parameters.psk_mode = choose_psk_mode(hello, config, chosen.group);
  parameters.early_data_offered = hello.offers(ExtensionType::early_data);
  return HandshakeFailure::none;
}

// choose_certificate_form settles how the certificate is sent.
void choose_certificate_form(const ClientHello& hello, const ServerConfig& config,
                             Parameters& parameters) noexcept {
  const Credential& credential = config.credentials[parameters.credential];
  parameters.staple = hello.ocsp_requested && !credential.staple.empty();
  // [RFC 8879 3] TLS 1.3 alone knows the message.  It was made with the staple, which must not go
  // to a client that did not ask for it [RFC 8446 4.4.2].
  if (parameters.version != ProtocolVersion::tls13) return;
  if (parameters.staple == credential.staple.empty()) return;
  for (const Credential::Compressed& compressed : credential.compressed) {
    if (hello.compress_certificate.contains(static_cast<std::uint16_t>(compressed.algorithm))) {
      parameters.certificate_compression = compressed.algorithm;
      return;
    }
  }
}

// --- Size of records ---

void choose_fragment_limits(const ClientHello& hello, Parameters& parameters) noexcept {
  if (hello.record_size_limit != 0) {
    // [RFC 8449 4] In TLS 1.3 the limits count the content type, too.
    const std::size_t inner = parameters.version == ProtocolVersion::tls13 ? 1 : 0;
    parameters.fragment_limits.record_size_limit = static_cast<std::uint16_t>(kMaxFragment + inner);
    parameters.max_fragment = static_cast<std::uint16_t>(
        std::min<std::size_t>(hello.record_size_limit - inner, kMaxFragment));
  } else if (hello.max_fragment_length != 0) {
    parameters.fragment_limits.max_fragment_length = hello.max_fragment_length;
    parameters.max_fragment =
        static_cast<std::uint16_t>(std::uint32_t{1} << (8U + hello.max_fragment_length));
  }
}

// --- ALPN ---

[[nodiscard]] HandshakeFailure choose_protocol(const ClientHello& hello, const ServerConfig& config,
                                               Parameters& parameters) noexcept {
  if (config.alpn_protocols.empty()) return HandshakeFailure::none;
  if (!hello.offers(ExtensionType::application_layer_protocol_negotiation)) {
    return HandshakeFailure::none;
  }
  // [RFC 7301 3.2] the server's preference decides; nothing in common is fatal.
  for (std::size_t i = 0; i < config.alpn_protocols.size() && i < kNoAlpnIndex; ++i) {
    if (hello.offers_protocol(as_bytes(config.alpn_protocols[i]))) {
      parameters.alpn = static_cast<std::uint8_t>(i);
      return HandshakeFailure::none;
    }
  }
  return HandshakeFailure::no_application_protocol;
}

}  // namespace

bool is_valid_share(NamedGroup group, ByteView key_exchange) noexcept {
  // [RFC 8446 4.2.8.2] uncompressed points; X25519 and X448 are plain strings.
  switch (group) {
    case NamedGroup::x25519:
      return key_exchange.size() == 32;
    case NamedGroup::x448:
      return key_exchange.size() == 56;
    case NamedGroup::secp256r1:
      return key_exchange.size() == 65 && key_exchange[0] == 4;
    case NamedGroup::secp384r1:
      return key_exchange.size() == 97 && key_exchange[0] == 4;
    case NamedGroup::ffdhe2048:  // not sent in key_share here
    case NamedGroup::ffdhe3072:
    case NamedGroup::ffdhe4096:
    case NamedGroup::none:
      break;
  }
  return false;
}

Result<Parameters, HandshakeFailure> negotiate(const ClientHello& hello,
                                               const ServerConfig& config) noexcept {
  const auto version = choose_version(hello, config);
  if (!version) return Err{version.error()};
  Parameters parameters;
  parameters.version = *version;
  if (const auto why = check_fields(hello, *version); why != HandshakeFailure::none) {
    return Err{why};
  }

  if (const auto why = authenticate(hello, config, parameters); why != HandshakeFailure::none) {
    // Neither is a name that must be known: its ticket does not outlive its certificate.
    const bool may_do_without =
        *version == ProtocolVersion::tls13 && why == HandshakeFailure::no_common_signature_scheme &&
        hello.offers(ExtensionType::pre_shared_key) && choose_suite13(hello, config, parameters);
    if (!may_do_without) return Err{why};
    parameters.without_psk =
        has_needs_of_certificate(hello) ? why : HandshakeFailure::missing_extension;
  }
  choose_certificate_form(hello, config, parameters);
  choose_fragment_limits(hello, parameters);
  if (const auto why = choose_protocol(hello, config, parameters); why != HandshakeFailure::none) {
    return Err{why};
  }

  if (*version == ProtocolVersion::tls13) {
    const auto why = agree_on_keys13(hello, config, parameters);
    if (why != HandshakeFailure::none) return Err{why};
    return parameters;
  }

  parameters.downgraded = config.tls13;
  parameters.secure_renegotiation = hello.offers(ExtensionType::renegotiation_info) ||
                                    offers_suite(hello, CipherSuite::empty_renegotiation_info_scsv);
  parameters.extended_master_secret = hello.offers(ExtensionType::extended_master_secret);
  // [RFC 8422 5.2] a server has a word to say about points where there are any.
  parameters.ec_point_formats = hello.offers(ExtensionType::ec_point_formats) &&
                                (parameters.key_exchange == KeyExchange::ecdhe_rsa ||
                                 parameters.key_exchange == KeyExchange::ecdhe_ecdsa);
  // [RFC 7366 3] never agreed on for a suite that is not CBC.
  parameters.encrypt_then_mac =
      parameters.cbc != crypto::CbcAlgorithm::none && hello.offers(ExtensionType::encrypt_then_mac);
  return parameters;
}

AlertDescription alert_of(HandshakeFailure failure) noexcept {
  switch (failure) {
    case HandshakeFailure::record_overflow:
      return AlertDescription::record_overflow;
    case HandshakeFailure::bad_record_mac:
      return AlertDescription::bad_record_mac;
    case HandshakeFailure::decode_error:
      return AlertDescription::decode_error;
    // [RFC 8446 5] a record type that does not belong here; repetitions without end are no better.
    case HandshakeFailure::not_tls:
    case HandshakeFailure::unexpected_message:
    case HandshakeFailure::too_many_records:
      return AlertDescription::unexpected_message;
    case HandshakeFailure::illegal_parameter:
    case HandshakeFailure::bad_key_share:
    case HandshakeFailure::client_hello_too_long:
    // [RFC 8446 4.1.3]
    case HandshakeFailure::downgraded:
    case HandshakeFailure::message_too_long:
      return AlertDescription::illegal_parameter;
    case HandshakeFailure::unsupported_extension:
      return AlertDescription::unsupported_extension;
    case HandshakeFailure::missing_extension:
      return AlertDescription::missing_extension;
    case HandshakeFailure::protocol_version:
      return AlertDescription::protocol_version;
    case HandshakeFailure::inappropriate_fallback:
      return AlertDescription::inappropriate_fallback;
    // [RFC 8446 4.1.1, RFC 5746 3.6, RFC 7627 5.3]
    case HandshakeFailure::no_common_cipher_suite:
    case HandshakeFailure::no_common_group:
    case HandshakeFailure::no_common_signature_scheme:
    case HandshakeFailure::no_extended_master_secret:
    case HandshakeFailure::renegotiation:
      return AlertDescription::handshake_failure;
    // [RFC 7919 4]
    case HandshakeFailure::no_common_finite_field:
      return AlertDescription::insufficient_security;
    case HandshakeFailure::no_application_protocol:
      return AlertDescription::no_application_protocol;
    case HandshakeFailure::unrecognized_name:
      return AlertDescription::unrecognized_name;
    // [RFC 8446 4.4.4 and 4.2.11, RFC 5246 7.4.9]
    case HandshakeFailure::bad_finished:
    case HandshakeFailure::bad_binder:
      return AlertDescription::decrypt_error;
    // [RFC 8446 6.2] TLS 1.2 has no word for the first; its place is where that is said.
    case HandshakeFailure::certificate_required:
      return AlertDescription::certificate_required;
    case HandshakeFailure::client_certificate_too_long:
    case HandshakeFailure::client_certificate_malformed:
    case HandshakeFailure::server_refused:
      return AlertDescription::bad_certificate;
    case HandshakeFailure::client_certificate_unsupported:
      return AlertDescription::unsupported_certificate;
    case HandshakeFailure::client_authority_unknown:
      return AlertDescription::unknown_ca;
    case HandshakeFailure::client_certificate_expired:
      return AlertDescription::certificate_expired;
    case HandshakeFailure::client_certificate_revoked:
      return AlertDescription::certificate_revoked;
    case HandshakeFailure::client_revocation_unknown:
    case HandshakeFailure::client_certificate_untrusted:
      return AlertDescription::certificate_unknown;
    case HandshakeFailure::client_signature_bad:
      return AlertDescription::decrypt_error;
    case HandshakeFailure::verifier_busy:
    case HandshakeFailure::verifier_failed:
    case HandshakeFailure::none:
    case HandshakeFailure::alert_received:
    case HandshakeFailure::client_closed:
    case HandshakeFailure::server_closed:
    case HandshakeFailure::timed_out:
    case HandshakeFailure::gave_place:
    case HandshakeFailure::signer_failed:
    case HandshakeFailure::backend_refused:
    case HandshakeFailure::backend_timed_out:
    case HandshakeFailure::backend_tls:
    case HandshakeFailure::no_backend:
    case HandshakeFailure::no_local_port:
    case HandshakeFailure::internal_error:
      break;
  }
  return AlertDescription::internal_error;
}

HandshakeFailure failure_of(AlertDescription alert) noexcept {
  if (alert == AlertDescription::illegal_parameter ||
      alert == AlertDescription::unsupported_extension) {
    return HandshakeFailure::illegal_parameter;
  }
  if (alert == AlertDescription::decode_error) return HandshakeFailure::decode_error;
  return HandshakeFailure::internal_error;
}

}  // namespace sallyport::tls
