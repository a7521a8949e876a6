// What a client of TLS says first, and what it hears from a server (RFC 8446 4.1 to 4.4 and 4.6.1,
// RFC 5246 7.4, RFC 5077 3.3, RFC 8422 5.4).  Parsers check everything that can be checked without
// knowing what the client wants; which values are welcome is not theirs to say.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/reader.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_types.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

// ClientOffer is what a ClientHello of ours says; what is empty is not said.
struct ClientOffer {
  ByteView random;
  ByteView legacy_session_id;
  std::span<const std::uint16_t> cipher_suites;
  std::span<const std::uint16_t> supported_groups;
  std::span<const std::uint16_t> signature_algorithms;
  ByteView server_name;
  std::span<const std::string> alpn_protocols;
  bool tls12 = false;
  bool tls13 = false;
  std::uint16_t group = 0;  // of the one key share, in TLS 1.3
  ByteView key_exchange;
  ByteView cookie;
  ByteView session_ticket;  // TLS 1.2; with `tls12` an empty one asks for a ticket
  ByteView psk_identity;    // TLS 1.3: a ticket
  std::uint32_t obfuscated_ticket_age = 0;
  std::size_t binder_len = 0;
};

// binders_len is how many bytes at the end of a ClientHello its own binder does not cover: the list
// with its one entry (RFC 8446 4.2.11.2).
[[nodiscard]] constexpr std::size_t binders_len(const ClientOffer& offer) noexcept {
  return 2 + 1 + offer.binder_len;
}

namespace client_offer_detail {

constexpr void u16_values(Writer& w, std::span<const std::uint16_t> values) noexcept {
  for (const std::uint16_t value : values) w.u16(value);
}

constexpr void write_names(Writer& w, const ClientOffer& offer) noexcept {
  if (!offer.server_name.empty()) {
    write_extension(w, ExtensionType::server_name, [&] {
      w.vec16([&] {
        w.u8(0);  // host_name
        w.vec16(offer.server_name);
      });
    });
  }
  if (offer.alpn_protocols.empty()) return;
  write_extension(w, ExtensionType::application_layer_protocol_negotiation, [&] {
    w.vec16([&] {
      for (const std::string& name : offer.alpn_protocols) {
        w.vec8([&] {
          for (const char c : name) w.u8(static_cast<std::uint8_t>(c));
        });
      }
    });
  });
}

constexpr void write_for_tls12(Writer& w, const ClientOffer& offer) noexcept {
  write_extension(w, ExtensionType::extended_master_secret, [] {});
  // [RFC 5746 3.5] empty in the first handshake of a connection.
  write_extension(w, ExtensionType::renegotiation_info, [&] { w.vec8(ByteView{}); });
  // [RFC 8422 5.1.2] points go uncompressed.
  write_extension(w, ExtensionType::ec_point_formats, [&] { w.vec8([&] { w.u8(0); }); });
  write_extension(w, ExtensionType::session_ticket, [&] { w.bytes(offer.session_ticket); });
}

constexpr void write_for_tls13(Writer& w, const ClientOffer& offer) noexcept {
  write_extension(w, ExtensionType::supported_versions, [&] {
    w.vec8([&] {
      w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls13));
      if (offer.tls12) w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls12));
    });
  });
  // [RFC 8446 4.2.9] also without a ticket: a server must know before it makes one.
  write_extension(w, ExtensionType::psk_key_exchange_modes, [&] {
    w.vec8([&] { w.u8(1); });  // psk_dhe_ke
  });
  write_extension(w, ExtensionType::key_share, [&] {
    w.vec16([&] {
      w.u16(offer.group);
      w.vec16(offer.key_exchange);
    });
  });
  // [RFC 8446 4.2.2] what a HelloRetryRequest brought goes back as it came.
  if (!offer.cookie.empty()) {
    write_extension(w, ExtensionType::cookie, [&] { w.vec16(offer.cookie); });
  }
}

// [RFC 8446 4.2.11] the last extension; the binder is zeros until the rest is written.
constexpr void write_pre_shared_key(Writer& w, const ClientOffer& offer) noexcept {
  write_extension(w, ExtensionType::pre_shared_key, [&] {
    w.vec16([&] {
      w.vec16(offer.psk_identity);
      w.u32(offer.obfuscated_ticket_age);
    });
    w.vec16([&] { w.vec8([&] { w.zeros(offer.binder_len); }); });
  });
}

}  // namespace client_offer_detail

constexpr void write_client_hello(Writer& w, const ClientOffer& offer) noexcept {
  namespace detail = client_offer_detail;
  write_message(w, HandshakeType::client_hello, [&] {
    w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls12));  // legacy_version
    w.bytes(offer.random);
    w.vec8(offer.legacy_session_id);
    w.vec16([&] { detail::u16_values(w, offer.cipher_suites); });
    w.vec8([&] { w.u8(0); });  // compression_method null
    w.vec16([&] {
      detail::write_names(w, offer);
      write_extension(w, ExtensionType::supported_groups,
                      [&] { w.vec16([&] { detail::u16_values(w, offer.supported_groups); }); });
      write_extension(w, ExtensionType::signature_algorithms,
                      [&] { w.vec16([&] { detail::u16_values(w, offer.signature_algorithms); }); });
      if (offer.tls12) detail::write_for_tls12(w, offer);
      if (offer.tls13) detail::write_for_tls13(w, offer);
      if (!offer.psk_identity.empty()) detail::write_pre_shared_key(w, offer);
    });
  });
}

// Extensions is what a server answered, one bit each as in ClientHello::extension_bit().
class Extensions {
 public:
  constexpr Extensions() noexcept = default;
  constexpr explicit Extensions(std::uint32_t bits) noexcept : bits_{bits} {}
  template <std::size_t N>
  constexpr explicit Extensions(const std::array<ExtensionType, N>& types) noexcept {
    for (const ExtensionType type : types) bits_ |= ClientHello::extension_bit(type);
  }

  constexpr void add(ExtensionType type) noexcept { bits_ |= ClientHello::extension_bit(type); }
  [[nodiscard]] constexpr bool has(ExtensionType type) const noexcept {
    return (bits_ & ClientHello::extension_bit(type)) != 0;
  }
  // within: every one of them is in `others`, too.
  [[nodiscard]] constexpr bool within(Extensions others) const noexcept {
    return (bits_ & ~others.bits_) == 0;
  }

 private:
  std::uint32_t bits_ = 0;
};

// Answers is the extensions of a server's message, read as far as a client has a use for them.
struct Answers {
  Extensions seen;
  bool has_unknown = false;  // one that no client of ours ever offers
  bool has_duplicate = false;
  std::uint16_t selected_version = 0;
  std::uint16_t group = 0;
  ByteView key_exchange;  // empty in a HelloRetryRequest
  std::uint16_t selected_identity = 0;
  ByteView cookie;
  ByteView alpn_protocol;
  ByteView renegotiated_connection;
  bool takes_uncompressed_points = true;
};

namespace answers_detail {

constexpr void parse_answer(ExtensionType type, ByteView body, Answers& answers,
                            Reader& outer) noexcept {
  Reader r{body};
  switch (type) {
    case ExtensionType::supported_versions:
      answers.selected_version = r.u16();
      break;
    case ExtensionType::key_share:
      answers.group = r.u16();
      // [RFC 8446 4.2.8] a HelloRetryRequest names the group alone.
      if (!r.at_end()) answers.key_exchange = r.vec16(1, 65'535);
      break;
    case ExtensionType::pre_shared_key:
      answers.selected_identity = r.u16();
      break;
    case ExtensionType::cookie:
      answers.cookie = r.vec16(1, 65'535);
      break;
    case ExtensionType::application_layer_protocol_negotiation:
      // [RFC 7301 3.1] exactly one protocol.
      r.within(r.vec16(2, 65'535),
               [&](Reader& list) { answers.alpn_protocol = list.vec8(1, 255); });
      break;
    case ExtensionType::renegotiation_info:
      answers.renegotiated_connection = r.vec8(0, 255);
      break;
    case ExtensionType::ec_point_formats: {
      const ByteView formats = r.vec8(1, 255);
      answers.takes_uncompressed_points =
          std::find(formats.begin(), formats.end(), std::uint8_t{0}) != formats.end();
      break;
    }
    case ExtensionType::supported_groups:
      // [RFC 8446 4.2.7] for another time; nothing is done with it.
      if (r.vec16(2, 65'534).size() % 2 != 0) r.fail();
      break;
    case ExtensionType::server_name:  // these three have no body
    case ExtensionType::extended_master_secret:
    case ExtensionType::session_ticket:
      break;
    default:  // never offered, or never answered: refused by its type
      return;
  }
  if (!r.done()) outer.fail();
}

}  // namespace answers_detail

// parse_answers reads a vector of extensions; failures are those of `r`.
constexpr Answers parse_answers(Reader& r) noexcept {
  Answers answers;
  r.within(r.vec16(0, 65'535), [&](Reader& list) {
    while (!list.at_end()) {
      const ExtensionType type{list.u16()};
      const ByteView body = list.vec16(0, 65'535);
      if (!list.ok()) return;
      if (ClientHello::extension_bit(type) == 0) answers.has_unknown = true;
      if (answers.seen.has(type)) answers.has_duplicate = true;
      answers.seen.add(type);
      answers_detail::parse_answer(type, body, answers, list);
    }
  });
  return answers;
}

// judge_answers: close_notify when `answers` are some of `allowed`, each to one of `offered`.
[[nodiscard]] constexpr AlertDescription judge_answers(const Answers& answers, Extensions offered,
                                                       Extensions allowed) noexcept {
  // [RFC 8446 4.2, RFC 5246 7.4.1.4] an answer that nobody asked for.
  if (answers.has_unknown || !answers.seen.within(offered)) {
    return AlertDescription::unsupported_extension;
  }
  // [RFC 8446 4.2] no extension twice, and none in a message that it does not belong to.
  if (answers.has_duplicate || !answers.seen.within(allowed)) {
    return AlertDescription::illegal_parameter;
  }
  return {};
}

// ServerHello of either version, or a HelloRetryRequest.
struct ServerHello {
  std::uint16_t legacy_version = 0;
  ByteView random;
  ByteView legacy_session_id_echo;
  CipherSuite cipher_suite = CipherSuite::none;
  std::uint8_t legacy_compression_method = 0;
  Answers answers;

  [[nodiscard]] constexpr bool is_retry() const noexcept {
    return std::equal(random.begin(), random.end(), kHelloRetryRequestRandom.begin(),
                      kHelloRetryRequestRandom.end());
  }
};

[[nodiscard]] constexpr Result<ServerHello, AlertDescription> parse_server_hello(
    ByteView body) noexcept {
  Reader r{body};
  ServerHello hello;
  hello.legacy_version = r.u16();
  hello.random = r.bytes(32);
  hello.legacy_session_id_echo = r.vec8(0, ClientHello::kMaxSessionIdLen);
  hello.cipher_suite = CipherSuite{r.u16()};
  hello.legacy_compression_method = r.u8();
  // [RFC 5246 7.4.1.3] may end here: extensions are present when bytes are.
  if (!r.at_end()) hello.answers = parse_answers(r);
  if (!r.done()) return Err{AlertDescription::decode_error};
  // [RFC 8446 4.2.8] a HelloRetryRequest alone names a group without a share.
  const bool names_group = hello.answers.seen.has(ExtensionType::key_share);
  if (names_group && hello.answers.key_exchange.empty() && !hello.is_retry()) {
    return Err{AlertDescription::decode_error};
  }
  return hello;
}

[[nodiscard]] constexpr Result<Answers, AlertDescription> parse_encrypted_extensions(
    ByteView body) noexcept {
  Reader r{body};
  const Answers answers = parse_answers(r);
  if (!r.done()) return Err{AlertDescription::decode_error};
  return answers;
}

// parse_certificate_request13: nothing of it is kept, but it must be one (RFC 8446 4.3.2).
[[nodiscard]] constexpr AlertDescription parse_certificate_request13(ByteView body) noexcept {
  Reader r{body};
  const ByteView context = r.vec8(0, 255);
  bool has_schemes = false;
  const ByteView extensions = r.vec16(2, 65'535);
  r.within(extensions, [&](Reader& list) {
    while (!list.at_end()) {
      const ExtensionType type{list.u16()};
      Reader extension{list.vec16(0, 65'535)};
      // [RFC 8446 4.3.2] those that are not known are passed over.
      if (type != ExtensionType::signature_algorithms) continue;
      has_schemes = true;
      if (extension.vec16(2, 65'534).size() % 2 != 0 || !extension.done()) list.fail();
    }
  });
  if (!r.done()) return AlertDescription::decode_error;
  if (client_hello_detail::has_duplicates(extensions)) return AlertDescription::illegal_parameter;
  // [RFC 8446 4.3.2] a context is for the time after the handshake.
  if (!context.empty()) return AlertDescription::illegal_parameter;
  return has_schemes ? AlertDescription{} : AlertDescription::missing_extension;
}

// parse_certificate_request12: the same for TLS 1.2 (RFC 5246 7.4.4).
[[nodiscard]] constexpr AlertDescription parse_certificate_request12(ByteView body) noexcept {
  Reader r{body};
  static_cast<void>(r.vec8(1, 255));  // certificate_types
  if (r.vec16(2, 65'534).size() % 2 != 0) r.fail();
  r.within(r.vec16(0, 65'535), [](Reader& names) {
    while (!names.at_end()) static_cast<void>(names.vec16(1, 65'535));
  });
  return r.done() ? AlertDescription{} : AlertDescription::decode_error;
}

// write_no_certificate is the answer of a client that has none (RFC 8446 4.4.2, RFC 5246 7.4.6).
constexpr void write_no_certificate(Writer& w, ProtocolVersion version) noexcept {
  write_message(w, HandshakeType::certificate, [&] {
    if (version == ProtocolVersion::tls13) w.u8(0);  // certificate_request_context
    w.u24(0);
  });
}

// ServerKeyExchange with a named curve.
struct ServerKeyExchange {
  ByteView params;  // ServerECDHParams, which the signature covers
  std::uint16_t group = 0;
  ByteView point;
  std::uint16_t scheme = 0;
  ByteView signature;
};

[[nodiscard]] constexpr Result<ServerKeyExchange, AlertDescription> parse_server_key_exchange(
    ByteView body) noexcept {
  constexpr std::uint8_t kNamedCurve = 3;
  Reader r{body};
  ServerKeyExchange exchange;
  const std::uint8_t curve_type = r.u8();
  // [RFC 8422 5.4] curves are named; what follows another type has another form.
  if (r.ok() && curve_type != kNamedCurve) return Err{AlertDescription::illegal_parameter};
  exchange.group = r.u16();
  exchange.point = r.vec8(1, 255);
  const std::size_t params_len = body.size() - r.remaining();
  exchange.scheme = r.u16();
  exchange.signature = r.vec16(0, 65'535);
  if (!r.done()) return Err{AlertDescription::decode_error};
  exchange.params = body.first(params_len);
  return exchange;
}

constexpr void write_client_key_exchange(Writer& w, ByteView point) noexcept {
  write_message(w, HandshakeType::client_key_exchange, [&] { w.vec8(point); });
}

// NewSessionTicket of either version; TLS 1.2 has neither age_add nor nonce.
struct NewSessionTicket {
  std::uint32_t lifetime_seconds = 0;
  std::uint32_t age_add = 0;
  ByteView nonce;
  ByteView ticket;
};

[[nodiscard]] constexpr Result<NewSessionTicket, AlertDescription> parse_new_session_ticket13(
    ByteView body) noexcept {
  Reader r{body};
  NewSessionTicket nst;
  nst.lifetime_seconds = r.u32();
  nst.age_add = r.u32();
  nst.nonce = r.vec8(0, 255);
  nst.ticket = r.vec16(1, 65'535);
  // [RFC 8446 4.6.1] extensions that are not known are passed over, and early_data is of no use.
  const ByteView extensions = r.vec16(0, 65'534);
  client_hello_detail::Repeats<4> types;
  r.within(extensions, [&](Reader& list) {
    while (!list.at_end()) {
      types.note(list.u16());
      static_cast<void>(list.vec16(0, 65'535));
    }
  });
  if (!r.done()) return Err{AlertDescription::decode_error};
  // [RFC 8446 4.2] no extension twice.
  if (types.in(extensions)) return Err{AlertDescription::illegal_parameter};
  return nst;
}

[[nodiscard]] constexpr Result<NewSessionTicket, AlertDescription> parse_new_session_ticket12(
    ByteView body) noexcept {
  Reader r{body};
  NewSessionTicket nst;
  nst.lifetime_seconds = r.u32();
  // [RFC 5077 3.3] empty when the server has changed its mind.
  nst.ticket = r.vec16(0, 65'535);
  if (!r.done()) return Err{AlertDescription::decode_error};
  return nst;
}

}  // namespace sallyport::wire
