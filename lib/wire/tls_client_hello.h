// ClientHello as received (RFC 8446 4.1.2, RFC 5246 7.4.1.2).  Field names are the RFC's; views
// point into the caller's buffer and live as long as it does.
//
// parse_client_hello checks everything that can be checked without knowing what was negotiated:
// after it, every list is well-formed and may be walked without a thought.  It knows nothing of
// which values we support.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/reader.h"
#include "lib/wire/tls_types.h"

namespace sallyport::wire {

// U16List is a vector of 16-bit numbers whose length was checked to be even.
class U16List {
 public:
  constexpr U16List() noexcept = default;
  constexpr explicit U16List(ByteView raw) noexcept : raw_{raw} {}

  [[nodiscard]] constexpr std::size_t size() const noexcept { return raw_.size() / 2; }
  [[nodiscard]] constexpr bool empty() const noexcept { return raw_.empty(); }
  [[nodiscard]] constexpr std::uint16_t operator[](std::size_t i) const noexcept {
    return load<Be16>(raw_.subspan(2 * i, 2)).host();
  }
  [[nodiscard]] constexpr bool contains(std::uint16_t value) const noexcept {
    for (std::size_t i = 0; i < size(); ++i) {
      if ((*this)[i] == value) return true;
    }
    return false;
  }
  [[nodiscard]] constexpr ByteView raw() const noexcept { return raw_; }

 private:
  ByteView raw_;
};

struct KeyShareEntry {
  std::uint16_t group = 0;
  ByteView key_exchange;
};

struct ClientHello {
  static constexpr std::size_t kRandomLen = 32;
  static constexpr std::size_t kMaxSessionIdLen = 32;

  std::uint16_t legacy_version = 0;
  ByteView random;
  ByteView legacy_session_id;
  U16List cipher_suites;
  ByteView legacy_compression_methods;

  // Contents of the extensions that matter to a server.  An absent one is empty here; offers()
  // tells absent from empty.
  ByteView server_name;  // the host_name, as sent
  U16List supported_groups;
  U16List signature_algorithms;
  U16List signature_algorithms_cert;
  U16List supported_versions;
  U16List compress_certificate;
  ByteView alpn_protocols;      // body of ProtocolNameList
  ByteView key_shares;          // body of client_shares
  ByteView renegotiation_info;  // renegotiated_connection
  ByteView ec_point_formats;
  ByteView psk_key_exchange_modes;
  ByteView cookie;
  ByteView session_ticket;               // RFC 5077; empty also when a new one is asked for
  ByteView psk_identities;               // body of OfferedPsks.identities
  ByteView psk_binders;                  // body of OfferedPsks.binders: the very end of the message
  ByteView extensions;                   // all of them, in order, well-formed
  std::uint16_t record_size_limit = 0;   // RFC 8449
  std::uint8_t max_fragment_length = 0;  // RFC 6066 4
  std::uint32_t extensions_offered = 0;  // one bit per extension in extension_bit()
  bool pre_shared_key_last = false;
  bool ocsp_requested = false;

  [[nodiscard]] constexpr bool offers(ExtensionType type) const noexcept {
    return (extensions_offered & extension_bit(type)) != 0;
  }
  // key_share_of gives the share of `group`, or an empty view.
  [[nodiscard]] constexpr ByteView key_share_of(std::uint16_t group) const noexcept {
    for (Reader r{key_shares}; !r.at_end();) {
      const std::uint16_t of = r.u16();
      const ByteView key_exchange = r.vec16(1, 65'535);
      if (of == group) return key_exchange;
    }
    return {};
  }
  // offers_protocol: the ALPN list has `name`.
  [[nodiscard]] constexpr bool offers_protocol(ByteView name) const noexcept {
    for (Reader r{alpn_protocols}; !r.at_end();) {
      const ByteView offered = r.vec8(1, 255);
      if (offered.size() != name.size()) continue;
      bool equal = true;
      for (std::size_t i = 0; i < name.size(); ++i) equal = equal && offered[i] == name[i];
      if (equal) return true;
    }
    return false;
  }

  // extension_bit is 0 for extensions that we do not look into.
  [[nodiscard]] static constexpr std::uint32_t extension_bit(ExtensionType type) noexcept {
    constexpr std::array kKnown{
        ExtensionType::server_name,
        ExtensionType::supported_groups,
        ExtensionType::ec_point_formats,
        ExtensionType::signature_algorithms,
        ExtensionType::application_layer_protocol_negotiation,
        ExtensionType::extended_master_secret,
        ExtensionType::session_ticket,
        ExtensionType::pre_shared_key,
        ExtensionType::early_data,
        ExtensionType::supported_versions,
        ExtensionType::cookie,
        ExtensionType::psk_key_exchange_modes,
        ExtensionType::post_handshake_auth,
        ExtensionType::signature_algorithms_cert,
        ExtensionType::key_share,
        ExtensionType::renegotiation_info,
        ExtensionType::encrypt_then_mac,
        ExtensionType::status_request,
        ExtensionType::compress_certificate,
        ExtensionType::max_fragment_length,
        ExtensionType::record_size_limit,
    };
    for (std::size_t i = 0; i < kKnown.size(); ++i) {
      if (kKnown[i] == type) return std::uint32_t{1} << i;
    }
    return 0;
  }
};

namespace client_hello_detail {

// has_duplicates looks through a well-formed list of extensions or key shares, of any length, with
// one bit per type or group.
[[nodiscard]] constexpr bool has_duplicates(ByteView entries) noexcept {
  std::array<std::uint64_t, 65'536 / 64> seen{};
  for (Reader r{entries}; !r.at_end();) {
    const std::uint16_t type = r.u16();
    static_cast<void>(r.vec16(0, 65'535));
    const std::uint64_t bit = std::uint64_t{1} << (type % 64);
    if ((seen[type / 64] & bit) != 0) return true;
    seen[type / 64] |= bit;
  }
  return false;
}

// Repeats finds entries that come twice in a list of extensions or key shares.  As many as real
// clients send are compared pair by pair while they are read.
template <std::size_t kFew>
class Repeats {
 public:
  constexpr void note(std::uint16_t number) noexcept {
    if (count_ < kFew) {
      for (std::size_t i = 0; i < count_; ++i) found_ = found_ || numbers_[i] == number;
      numbers_[count_] = number;
    }
    ++count_;
  }
  // found: among those that were compared already.
  [[nodiscard]] constexpr bool found() const noexcept { return found_; }
  // in says so of the whole list, of which every entry was noted.
  [[nodiscard]] constexpr bool in(ByteView entries) const noexcept {
    return found_ || (count_ > kFew && has_duplicates(entries));
  }

 private:
  std::array<std::uint16_t, kFew> numbers_{};
  std::size_t count_ = 0;
  bool found_ = false;
};

[[nodiscard]] constexpr U16List u16_list(Reader& r, ByteView raw) noexcept {
  if (raw.size() % 2 != 0) r.fail();
  return U16List{r.ok() ? raw : ByteView{}};
}

// may_be_host_name: no control character and no blank [RFC 6066 3].  Bytes beyond ASCII are against
// the letter, too, but clients that do not encode internationalised names send them, and do no
// harm: nobody has such a name.
[[nodiscard]] constexpr bool may_be_host_name(ByteView name) noexcept {
  for (const std::uint8_t byte : name) {
    if (byte <= 0x20 || byte == 0x7f) return false;
  }
  return true;
}

// [RFC 6066 3] at most one name of each type; a name of another type than host_name is of no use.
constexpr void parse_server_name(Reader& r, ClientHello& hello, AlertDescription& alert) noexcept {
  r.within(r.vec16(1, 65'535), [&](Reader& list) {
    bool seen = false;
    while (!list.at_end()) {
      const std::uint8_t name_type = list.u8();
      const ByteView name = list.vec16(1, 65'535);
      if (name_type != 0) continue;
      if (seen || !may_be_host_name(name)) alert = AlertDescription::illegal_parameter;
      seen = true;
      hello.server_name = name;
    }
  });
}

constexpr void parse_key_share(Reader& r, ClientHello& hello, AlertDescription& alert) noexcept {
  hello.key_shares = r.vec16(0, 65'535);
  Repeats<8> groups;
  r.within(hello.key_shares, [&](Reader& list) {
    while (!list.at_end()) {
      groups.note(list.u16());
      static_cast<void>(list.vec16(1, 65'535));
    }
  });
  // [RFC 8446 4.2.8] no two shares of one group.
  if (r.ok() && groups.in(hello.key_shares)) alert = AlertDescription::illegal_parameter;
}

constexpr void parse_pre_shared_key(Reader& r, ClientHello& hello,
                                    AlertDescription& alert) noexcept {
  std::size_t num_identities = 0;
  hello.psk_identities = r.vec16(7, 65'535);
  r.within(hello.psk_identities, [&](Reader& list) {
    while (!list.at_end()) {
      static_cast<void>(list.vec16(1, 65'535));
      list.skip(4);  // obfuscated_ticket_age
      ++num_identities;
    }
  });
  std::size_t num_binders = 0;
  hello.psk_binders = r.vec16(33, 65'535);
  r.within(hello.psk_binders, [&](Reader& list) {
    while (!list.at_end()) {
      static_cast<void>(list.vec8(32, 255));
      ++num_binders;
    }
  });
  // [RFC 8446 4.2.11] each identity has its binder, in the same place.
  if (r.ok() && num_identities != num_binders) alert = AlertDescription::illegal_parameter;
}

// [RFC 6066 8] Of the kinds of status only OCSP has a form that is known.
constexpr void parse_status_request(Reader& r, ClientHello& hello) noexcept {
  constexpr std::uint8_t kOcsp = 1;
  if (r.u8() != kOcsp) {
    static_cast<void>(r.rest());
    return;
  }
  r.within(r.vec16(0, 65'535), [](Reader& responder_ids) {
    while (!responder_ids.at_end()) static_cast<void>(responder_ids.vec16(1, 65'535));
  });
  static_cast<void>(r.vec16(0, 65'535));  // request_extensions
  hello.ocsp_requested = r.ok();
}

// parse_extension reads the body of one extension that we know; others stay unread.
constexpr void parse_extension(ExtensionType type, ByteView body, ClientHello& hello,
                               AlertDescription& alert, Reader& outer) noexcept {
  Reader r{body};
  switch (type) {
    case ExtensionType::server_name:
      parse_server_name(r, hello, alert);
      break;
    case ExtensionType::supported_groups:
      hello.supported_groups = u16_list(r, r.vec16(2, 65'534));
      break;
    case ExtensionType::signature_algorithms:
      hello.signature_algorithms = u16_list(r, r.vec16(2, 65'534));
      break;
    case ExtensionType::signature_algorithms_cert:
      hello.signature_algorithms_cert = u16_list(r, r.vec16(2, 65'534));
      break;
    case ExtensionType::supported_versions:
      hello.supported_versions = u16_list(r, r.vec8(2, 254));
      break;
    case ExtensionType::application_layer_protocol_negotiation:
      hello.alpn_protocols = r.vec16(2, 65'535);
      r.within(hello.alpn_protocols, [](Reader& list) {
        while (!list.at_end()) static_cast<void>(list.vec8(1, 255));
      });
      break;
    case ExtensionType::key_share:
      parse_key_share(r, hello, alert);
      break;
    case ExtensionType::renegotiation_info:
      hello.renegotiation_info = r.vec8(0, 255);
      break;
    case ExtensionType::ec_point_formats:
      hello.ec_point_formats = r.vec8(1, 255);
      break;
    case ExtensionType::psk_key_exchange_modes:
      hello.psk_key_exchange_modes = r.vec8(1, 255);
      break;
    case ExtensionType::cookie:
      hello.cookie = r.vec16(1, 65'535);
      break;
    case ExtensionType::pre_shared_key:
      parse_pre_shared_key(r, hello, alert);
      break;
    case ExtensionType::session_ticket:
      hello.session_ticket = r.rest();
      break;
    case ExtensionType::early_data:  // these four have no body
    case ExtensionType::encrypt_then_mac:
    case ExtensionType::extended_master_secret:
    case ExtensionType::post_handshake_auth:
      break;
    case ExtensionType::status_request:
      parse_status_request(r, hello);
      break;
    case ExtensionType::compress_certificate:
      hello.compress_certificate = u16_list(r, r.vec8(2, 254));
      break;
    case ExtensionType::max_fragment_length:
      hello.max_fragment_length = r.u8();
      break;
    case ExtensionType::record_size_limit:
      hello.record_size_limit = r.u16();
      break;
    case ExtensionType::signed_certificate_timestamp:
    case ExtensionType::padding:
    case ExtensionType::certificate_authorities:
      return;
  }
  if (ClientHello::extension_bit(type) != 0 && !r.done()) outer.fail();
}

}  // namespace client_hello_detail

// parse_client_hello reads the body of the handshake message (without its 4-byte header).
[[nodiscard]] constexpr Result<ClientHello, AlertDescription> parse_client_hello(
    ByteView body) noexcept {
  namespace detail = client_hello_detail;
  Reader r{body};
  ClientHello hello;
  hello.legacy_version = r.u16();
  hello.random = r.bytes(ClientHello::kRandomLen);
  hello.legacy_session_id = r.vec8(0, ClientHello::kMaxSessionIdLen);
  hello.cipher_suites = detail::u16_list(r, r.vec16(2, 65'534));
  hello.legacy_compression_methods = r.vec8(1, 255);

  AlertDescription alert{};
  detail::Repeats<32> types;
  // [RFC 5246 7.4.1.2] a ClientHello may end here: extensions are present when bytes are.
  if (!r.at_end()) {
    hello.extensions = r.vec16(0, 65'535);
    r.within(hello.extensions, [&](Reader& list) {
      while (!list.at_end()) {
        const std::uint16_t type = list.u16();
        const ByteView data = list.vec16(0, 65'535);
        if (!list.ok()) return;
        types.note(type);
        if (types.found()) alert = AlertDescription::illegal_parameter;
        hello.extensions_offered |= ClientHello::extension_bit(ExtensionType{type});
        hello.pre_shared_key_last = ExtensionType{type} == ExtensionType::pre_shared_key;
        detail::parse_extension(ExtensionType{type}, data, hello, alert, list);
      }
    });
  }
  if (!r.done()) {
    return Err{alert != AlertDescription{} ? alert : AlertDescription::decode_error};
  }
  // [RFC 8446 4.2] no extension twice; [4.2.11] pre_shared_key comes last.
  if (types.in(hello.extensions)) alert = AlertDescription::illegal_parameter;
  if (hello.offers(ExtensionType::pre_shared_key) && !hello.pre_shared_key_last) {
    alert = AlertDescription::illegal_parameter;
  }
  if (alert != AlertDescription{}) return Err{alert};
  return hello;
}

}  // namespace sallyport::wire
