// A TLS client that can say anything in any order: HelloBuilder makes ClientHellos with any field
// changed, ScriptedClient keeps keys and transcript of TLS 1.3 and 1.2, so that what it says
// wrongly is at least encrypted correctly.  It agrees with FakeJobs on the shared secret and looks
// at no certificate.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/tls/cipher_suites.h"
#include "lib/tls/engine.h"
#include "lib/tls/key_schedule.h"
#include "lib/tls/record_keys.h"
#include "lib/wire/tls_messages.h"
#include "tests/support/tls_driver.h"

namespace sallyport::testing {

using wire::CipherSuite;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;

template <class Body>
[[nodiscard]] Bytes written(Body&& body) {
  Bytes bytes(40'000);
  wire::Writer w{bytes};
  body(w);
  bytes.resize(w.size());
  return bytes;
}

[[nodiscard]] inline Bytes message(HandshakeType type, const Bytes& body) {
  return written([&](wire::Writer& w) { wire::write_message(w, type, [&] { w.bytes(body); }); });
}

[[nodiscard]] inline Bytes record(ContentType type, ByteView content,
                                  std::uint16_t version = 0x0303) {
  return written([&](wire::Writer& w) {
    w.u8(static_cast<std::uint8_t>(type));
    w.u16(version);
    w.vec16(ByteView{content});
  });
}

inline const Bytes kChangeCipherSpec{20, 3, 3, 0, 1, 1};

[[nodiscard]] inline Bytes u16_list(const std::vector<std::uint16_t>& values) {
  return written([&](wire::Writer& w) {
    w.vec16([&] {
      for (const std::uint16_t value : values) w.u16(value);
    });
  });
}

struct HelloBuilder {
  std::uint16_t legacy_version = 0x0303;
  Bytes random = Bytes(32, 0x11);
  Bytes session_id = Bytes(32, 0x22);
  std::vector<std::uint16_t> cipher_suites{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f};
  Bytes compression{0};
  std::vector<std::pair<std::uint16_t, Bytes>> extensions;
  bool no_extensions = false;

  // Of TLS 1.3, with one X25519 share.
  [[nodiscard]] static HelloBuilder tls13() {
    HelloBuilder hello;
    hello.set(ExtensionType::supported_versions, {2, 3, 4});
    hello.set(ExtensionType::supported_groups, u16_list({0x001d, 0x0017}));
    hello.set(ExtensionType::signature_algorithms, u16_list({0x0403, 0x0804, 0x0401}));
    hello.share(0x001d, Bytes(32, 0x77));
    return hello;
  }
  [[nodiscard]] static HelloBuilder tls12() {
    HelloBuilder hello;
    hello.session_id.clear();
    hello.cipher_suites = {0xc02b, 0xc02f, 0xc030, 0xcca8};
    hello.set(ExtensionType::supported_groups, u16_list({0x001d, 0x0017}));
    hello.set(ExtensionType::signature_algorithms, u16_list({0x0403, 0x0804, 0x0401}));
    hello.set(ExtensionType::extended_master_secret, {});
    hello.set(ExtensionType::renegotiation_info, {0});
    return hello;
  }

  HelloBuilder& set(ExtensionType type, Bytes body) {
    for (auto& [known, old] : extensions) {
      if (known == static_cast<std::uint16_t>(type)) {
        old = std::move(body);
        return *this;
      }
    }
    return add(type, std::move(body));
  }
  HelloBuilder& add(ExtensionType type, Bytes body) {
    extensions.emplace_back(static_cast<std::uint16_t>(type), std::move(body));
    return *this;
  }
  HelloBuilder& remove(ExtensionType type) {
    std::erase_if(extensions, [type](const auto& extension) {
      return extension.first == static_cast<std::uint16_t>(type);
    });
    return *this;
  }
  HelloBuilder& share(std::uint16_t group, const Bytes& key_exchange) {
    return set(ExtensionType::key_share, written([&](wire::Writer& w) {
                 w.vec16([&] {
                   w.u16(group);
                   w.vec16(ByteView{key_exchange});
                 });
               }));
  }
  HelloBuilder& server_name(std::string_view name) {
    return set(
        ExtensionType::server_name, written([&](wire::Writer& w) {
          w.vec16([&] {
            w.u8(0);
            w.vec16(ByteView{reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
          });
        }));
  }
  HelloBuilder& alpn(const std::vector<std::string_view>& names) {
    return set(
        ExtensionType::application_layer_protocol_negotiation, written([&](wire::Writer& w) {
          w.vec16([&] {
            for (const auto name : names) {
              w.vec8(ByteView{reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
            }
          });
        }));
  }

  [[nodiscard]] Bytes body() const {
    return written([&](wire::Writer& w) {
      w.u16(legacy_version);
      w.bytes(random);
      w.vec8(ByteView{session_id});
      w.vec16([&] {
        for (const std::uint16_t suite : cipher_suites) w.u16(suite);
      });
      w.vec8(ByteView{compression});
      if (no_extensions) return;
      w.vec16([&] {
        for (const auto& [type, content] : extensions) {
          w.u16(type);
          w.vec16(ByteView{content});
        }
      });
    });
  }
  [[nodiscard]] Bytes message() const {
    return testing::message(HandshakeType::client_hello, body());
  }
};

// ReceivedTicket is a NewSessionTicket with the key that goes with it.
struct ReceivedTicket {
  std::uint32_t lifetime_seconds = 0;
  std::uint32_t age_add = 0;
  Bytes ticket;
  Bytes secret;  // pre-shared key of TLS 1.3, or master secret
  crypto::HashAlgorithm hash{};
};

// PskOffer is a ticket as a client offers it.
struct PskOffer {
  ReceivedTicket ticket;
  std::uint32_t age_ms = 0;
  bool good_binder = true;
};

class ScriptedClient {
 public:
  struct Received {
    ContentType type{};
    Bytes content;
    bool was_protected = false;
  };

  ScriptedClient() : own_engine_{std::make_unique<tls::Engine>(random_)}, engine_{*own_engine_} {
    engine_.begin_burst(Tsc{1}, TscRate{});
  }
  explicit ScriptedClient(tls::Engine& shared) : engine_{shared} {}

  // say adds a handshake message to the transcript and returns it, unprotected.
  const Bytes& say(const Bytes& handshake_message) {
    append(transcript_, handshake_message);
    return handshake_message;
  }
  // hello is the record of a ClientHello.
  Bytes hello(const HelloBuilder& builder) {
    const Bytes sent = with_cookie(builder).message();
    client_random_ = builder.random;
    return record(ContentType::handshake, say(sent), 0x0301);
  }

  // with_cookie adds the cookie of the server's HelloRetryRequest, if there was one [RFC
  // 8446 4.2.2].
  [[nodiscard]] HelloBuilder with_cookie(HelloBuilder builder) const {
    if (const Bytes* const cookie = extension(ExtensionType::cookie)) {
      builder.set(ExtensionType::cookie, *cookie);
    }
    return builder;
  }

  // resuming_hello ends the ClientHello with pre_shared_key; the binders cover what was said
  // before.
  Bytes resuming_hello(HelloBuilder builder, const std::vector<PskOffer>& offers) {
    builder = with_cookie(builder);
    if (std::ranges::none_of(builder.extensions, [](const auto& extension) {
          return extension.first ==
                 static_cast<std::uint16_t>(ExtensionType::psk_key_exchange_modes);
        })) {
      builder.set(ExtensionType::psk_key_exchange_modes, {1, 1});
    }
    builder.remove(ExtensionType::pre_shared_key);
    builder.add(ExtensionType::pre_shared_key, written([&](wire::Writer& w) {
                  w.vec16([&] {
                    for (const PskOffer& offer : offers) {
                      w.vec16(ByteView{offer.ticket.ticket});
                      w.u32(offer.age_ms + offer.ticket.age_add);
                    }
                  });
                  w.vec16([&] {
                    for (const PskOffer& offer : offers) {
                      w.vec8([&] { w.zeros(crypto::digest_len(offer.ticket.hash)); });
                    }
                  });
                }));
    Bytes sent = builder.message();
    std::size_t binders_len = 0;
    for (const PskOffer& offer : offers) binders_len += 1 + crypto::digest_len(offer.ticket.hash);
    std::size_t at = sent.size() - binders_len;
    Bytes covered = transcript_;
    append(covered, ByteView{sent}.first(at - 2));
    for (const PskOffer& offer : offers) {
      const tls::EarlySecret early{offer.ticket.hash, offer.ticket.secret};
      const auto binder = early.resumption_binder(crypto::hash(offer.ticket.hash, covered));
      std::ranges::copy(binder.view(), sent.begin() + static_cast<std::ptrdiff_t>(at + 1));
      if (!offer.good_binder) sent[at + 1] ^= 1;
      at += 1 + crypto::digest_len(offer.ticket.hash);
    }
    offers_ = offers;
    client_random_ = builder.random;
    return record(ContentType::handshake, say(sent), 0x0301);
  }

  // resuming_hello12 shows a ticket of TLS 1.2.
  Bytes resuming_hello12(HelloBuilder builder, const ReceivedTicket& ticket) {
    builder.set(ExtensionType::session_ticket, ticket.ticket);
    offers_ = {{ticket}};
    return hello(builder);
  }

  // NamedSession is a session of TLS 1.2 that the server has given an ID.
  struct NamedSession {
    Bytes id;
    Bytes secret;
  };
  [[nodiscard]] NamedSession named_session() const {
    const ByteView secret = master12_.expose();
    return {session_id_, {secret.begin(), secret.end()}};
  }
  // naming_hello12 asks for a session by its ID.
  Bytes naming_hello12(HelloBuilder builder, const NamedSession& session) {
    builder.session_id = session.id;
    offers_ = {{{.ticket = {}, .secret = session.secret}}};
    return hello(builder);
  }

  // hear takes what the server sent and learns keys from it.
  void hear(const Bytes& bytes) {
    append(inbox_, bytes);
    while (inbox_.size() >= tls::kRecordHeader) {
      const std::size_t size = tls::Server::record_size(inbox_);
      if (inbox_.size() < size) return;
      Bytes one(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      hear_record(one);
    }
  }

  // seal protects one record under the client's current keys.
  Bytes seal(ContentType type, const Bytes& content) {
    Bytes out(content.size() + tls::kMaxRecordOverhead);
    const ByteView pieces[] = {content};
    out.resize(tls::seal_record(engine_, write_, type, pieces, out, write_secret_.expose()));
    return out;
  }
  // seal_inner protects a TLSInnerPlaintext of the caller's making: content, type, padding.
  Bytes seal_inner(const Bytes& inner) {
    Bytes body(inner.size() + crypto::kAeadTagLen);
    const auto header = written([&](wire::Writer& w) {
      w.u8(23);
      w.u16(0x0303);
      w.u16(static_cast<std::uint16_t>(body.size()));
    });
    engine_.expanded(write_.key(), tls::Engine::Use::seal)
        .seal(write_.nonce({}), header, ByteView{inner}, body);
    write_.count_record();
    Bytes out = header;
    append(out, body);
    return out;
  }

  // TLS 1.3: the message, and the record; finish() also moves on to the application keys.
  Bytes finished_message() {
    const auto verify = write_secret_.finished(crypto::hash(hash_, transcript_));
    const ByteView data = verify.view();
    return message(HandshakeType::finished, {data.begin(), data.end()});
  }
  Bytes finish() {
    const Bytes out = seal(ContentType::handshake, say(finished_message()));
    resumption_ = master13_.resumption(crypto::hash(hash_, transcript_));
    use_application_keys();
    return out;
  }
  void use_application_keys() {
    write_secret_ = std::move(client_application_);
    write_secret_.derive_keys(aead_, write_);
  }
  // take_write_keys leaves the client unable to say more: for whoever keeps only its keys.
  [[nodiscard]] tls::RecordKeys take_write_keys() { return std::move(write_); }
  void update_write_keys() {
    write_secret_.update();
    write_secret_.derive_keys(aead_, write_);
  }

  // TLS 1.2: ClientKeyExchange, which makes the keys; then ChangeCipherSpec is the caller's.
  Bytes client_key_exchange(const Bytes& point = Bytes(32, 0x77)) {
    return exchange_keys(written([&](wire::Writer& w) { w.vec8(ByteView{point}); }),
                         Bytes(32, 0x42));
  }
  // wide_key_exchange is the same with a number of two bytes of length, for RSA and finite fields.
  Bytes wide_key_exchange(const Bytes& number, const Bytes& premaster) {
    return exchange_keys(written([&](wire::Writer& w) { w.vec16(ByteView{number}); }), premaster);
  }
  Bytes exchange_keys(const Bytes& body, const Bytes& premaster) {
    const Bytes sent = say(message(HandshakeType::client_key_exchange, body));
    if (extended_master_secret) {
      master12_.derive_extended(hash_, premaster, crypto::hash(hash_, transcript_));
    } else {
      master12_.derive(hash_, premaster, client_random_, server_random_);
    }
    derive_keys12();
    return record(ContentType::handshake, sent);
  }
  Bytes finished12_message() {
    const auto data =
        master12_.finished(tls::MasterSecret12::Sender::client, crypto::hash(hash_, transcript_));
    return message(HandshakeType::finished, {data.begin(), data.end()});
  }

  [[nodiscard]] const std::vector<Received>& received() const { return received_; }
  [[nodiscard]] const Received* last_of(ContentType type) const {
    for (std::size_t i = received_.size(); i-- > 0;) {
      if (received_[i].type == type) return &received_[i];
    }
    return nullptr;
  }
  // alert is the description of the last alert, or 255.
  [[nodiscard]] std::uint8_t alert() const {
    const Received* const last = last_of(ContentType::alert);
    return last == nullptr || last->content.size() != 2 ? 255 : last->content[1];
  }
  [[nodiscard]] bool retried() const { return retried_; }
  [[nodiscard]] const std::vector<ReceivedTicket>& tickets() const { return tickets_; }
  // Of the last ServerHello.
  [[nodiscard]] const Bytes& session_id() const { return session_id_; }
  [[nodiscard]] bool agreed_on(ExtensionType type) const { return extensions_.contains(type); }
  // extension is what the server said in the last ServerHello or EncryptedExtensions, or nullptr.
  [[nodiscard]] const Bytes* extension(ExtensionType type) const {
    const auto found = extensions_.find(type);
    return found == extensions_.end() ? nullptr : &found->second;
  }
  // selected is the place of the pre-shared key that the server chose, or -1.
  [[nodiscard]] int selected() const { return selected_; }
  [[nodiscard]] bool heard(HandshakeType type) const {
    return std::ranges::find(heard_, type) != heard_.end();
  }
  // message_of is the last message of a type that was heard, header included; empty: none was.
  [[nodiscard]] Bytes message_of(HandshakeType type) const {
    for (std::size_t i = heard_.size(); i-- > 0;) {
      if (heard_[i] == type) return messages_[i];
    }
    return {};
  }
  // transcript is the hash of everything said and heard so far.
  [[nodiscard]] crypto::Digest transcript() const { return crypto::hash(hash_, transcript_); }
  // client_traffic_secret is the one that protects what the client says now (TLS 1.3).
  [[nodiscard]] ByteView client_traffic_secret() const { return write_secret_.expose(); }
  [[nodiscard]] ByteView server_traffic_secret() const { return server_secret_.expose(); }

  bool extended_master_secret = true;

 private:
  void hear_record(Bytes& one) {
    const auto header = load<wire::RecordHeader>(one);
    Received now{header.content_type(), {}, read_protected_};
    const bool plain13 = tls13_ && now.type == ContentType::change_cipher_spec;
    if (read_protected_ && !plain13) {
      const MutableBytes pieces[] = {one};
      const auto opened = tls::open_record(engine_, read_, pieces, server_secret_.expose());
      if (!opened) {
        now.type = ContentType::invalid;
        received_.push_back(now);
        return;
      }
      now.type = opened->type;
      const auto content = ByteView{one}.subspan(opened->offset, opened->len);
      now.content.assign(content.begin(), content.end());
    } else {
      now.was_protected = false;
      now.content.assign(one.begin() + tls::kRecordHeader, one.end());
    }
    received_.push_back(now);
    if (now.type == ContentType::change_cipher_spec && !tls13_) {
      // [RFC 5077 3.1] a server that goes on to this without its certificate resumes.
      if (!heard(HandshakeType::server_hello_done) && !offers_.empty()) {
        master12_.restore(hash_, offers_[0].ticket.secret);
        derive_keys12();
      }
      read_protected_ = true;
    }
    if (now.type == ContentType::handshake) hear_handshake(now.content);
  }
  void hear_handshake(const Bytes& content) {
    append(stream_, content);
    while (stream_.size() >= 4) {
      const auto header = load<wire::HandshakeHeader>(stream_);
      const std::size_t len = 4 + header.length.host();
      if (stream_.size() < len) return;
      const Bytes one(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(len));
      stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(len));
      heard_.push_back(header.message_type());
      messages_.push_back(one);
      if (header.message_type() == HandshakeType::server_hello) hear_server_hello(one);
      if (header.message_type() == HandshakeType::encrypted_extensions) {
        hear_extensions(ByteView{one}.subspan(4));
      }
      if (header.message_type() == HandshakeType::new_session_ticket) {
        tls13_ ? hear_ticket13(one) : hear_ticket12(one);
      }
      append(transcript_, one);
      if (header.message_type() == HandshakeType::server_hello && tls13_ && !retry_now_) {
        begin_protection13();
      }
      if (header.message_type() == HandshakeType::finished && tls13_) {
        const auto transcript = crypto::hash(hash_, transcript_);
        client_application_ = master13_.client_application(transcript);
        server_secret_ = master13_.server_application(transcript);
        server_secret_.derive_keys(aead_, read_);
      }
      if (header.message_type() == HandshakeType::key_update) {
        server_secret_.update();
        server_secret_.derive_keys(aead_, read_);
      }
    }
  }
  void derive_keys12() {
    master12_.derive_keys({aead_, cbc_, agreed_on(ExtensionType::encrypt_then_mac)}, client_random_,
                          server_random_, {write_, write_secret_}, {read_, server_secret_});
  }
  void hear_server_hello(const Bytes& one) {
    wire::Reader r{ByteView{one}.subspan(4)};
    r.skip(2);
    const ByteView random = r.bytes(32);
    server_random_.assign(random.begin(), random.end());
    const ByteView session_id = r.vec8(0, 32);
    session_id_.assign(session_id.begin(), session_id.end());
    const auto* const info = tls::suite_info(CipherSuite{r.u16()});
    if (info == nullptr) return;
    r.skip(1);
    selected_ = -1;
    extensions_.clear();
    hear_extensions(r.rest());
    has_share_ = agreed_on(ExtensionType::key_share);
    if (const Bytes* const index = extension(ExtensionType::pre_shared_key)) {
      selected_ = load<Be16>(*index).host();
    }
    hash_ = info->hash;
    aead_ = info->aead;
    cbc_ = info->cbc;
    tls13_ = info->version == wire::ProtocolVersion::tls13;
    retry_now_ = std::ranges::equal(server_random_, wire::kHelloRetryRequestRandom);
    if (retry_now_) {
      retried_ = true;
      const auto first = crypto::hash(hash_, transcript_);
      transcript_ = written([&](wire::Writer& w) { wire::write_message_hash(w, first.view()); });
    }
  }
  // hear_extensions reads a list with its length in front; nothing at all is an empty one.
  void hear_extensions(ByteView list_with_length) {
    if (list_with_length.empty()) return;
    wire::Reader r{list_with_length};
    for (wire::Reader list{r.vec16(0, 65'535)}; !list.at_end();) {
      const auto type = ExtensionType{list.u16()};
      const ByteView body = list.vec16(0, 65'535);
      extensions_[type] = {body.begin(), body.end()};
    }
  }
  // [RFC 8446 4.6.1]
  void hear_ticket13(const Bytes& one) {
    wire::Reader r{ByteView{one}.subspan(4)};
    ReceivedTicket now;
    now.hash = hash_;
    now.lifetime_seconds = r.u32();
    now.age_add = r.u32();
    const ByteView nonce = r.vec8(0, 255);
    const ByteView ticket = r.vec16(1, 65'535);
    now.ticket.assign(ticket.begin(), ticket.end());
    now.secret.resize(crypto::digest_len(hash_));
    resumption_.ticket_key(nonce, now.secret);
    tickets_.push_back(now);
  }
  // [RFC 5077 3.3]
  void hear_ticket12(const Bytes& one) {
    wire::Reader r{ByteView{one}.subspan(4)};
    ReceivedTicket now;
    now.hash = hash_;
    now.lifetime_seconds = r.u32();
    const ByteView ticket = r.vec16(0, 65'535);
    now.ticket.assign(ticket.begin(), ticket.end());
    now.secret.assign(master12_.expose().begin(), master12_.expose().end());
    tickets_.push_back(now);
  }
  void begin_protection13() {
    const Bytes shared(has_share_ ? 32 : 0, 0x42);
    const auto transcript = crypto::hash(hash_, transcript_);
    auto early = selected_ < 0
                     ? tls::EarlySecret{hash_}
                     : tls::EarlySecret{
                           hash_, offers_.at(static_cast<std::size_t>(selected_)).ticket.secret};
    auto handshake = std::move(early).into_handshake(shared);
    write_secret_ = handshake.client_handshake(transcript);
    const auto server = handshake.server_handshake(transcript);
    write_secret_.derive_keys(aead_, write_);
    server.derive_keys(aead_, read_);
    master13_ = std::move(handshake).into_master();
    read_protected_ = true;
  }

  Random random_{Random::Seed{9}};
  std::unique_ptr<tls::Engine> own_engine_;
  tls::Engine& engine_;
  tls::RecordKeys read_;
  tls::RecordKeys write_;
  tls::TrafficSecret write_secret_;
  tls::TrafficSecret client_application_;
  tls::TrafficSecret server_secret_;
  tls::MasterSecret master13_{
      tls::EarlySecret{crypto::HashAlgorithm::sha256}.into_handshake({}).into_master()};
  tls::ResumptionSecret resumption_;
  tls::MasterSecret12 master12_;
  crypto::HashAlgorithm hash_{};
  crypto::AeadAlgorithm aead_{};
  crypto::CbcAlgorithm cbc_{};
  bool tls13_ = false;
  bool retry_now_ = false;
  bool retried_ = false;
  bool read_protected_ = false;
  bool has_share_ = false;
  int selected_ = -1;
  std::vector<PskOffer> offers_;
  std::vector<ReceivedTicket> tickets_;
  std::vector<HandshakeType> heard_;
  std::vector<Bytes> messages_;                // parallel to heard_
  std::map<ExtensionType, Bytes> extensions_;  // of ServerHello and EncryptedExtensions
  Bytes session_id_;
  Bytes transcript_;
  Bytes client_random_;
  Bytes server_random_;
  Bytes inbox_;
  Bytes stream_;
  std::vector<Received> received_;
};

// test_config has an ECDSA and an RSA credential, TLS 1.2 and 1.3, everything switched on.
[[nodiscard]] inline tls::ServerConfig test_config() {
  tls::ServerConfig config;
  tls::Credential ecdsa;
  ecdsa.id = {0, 1};
  ecdsa.key_type = crypto::KeyType::ecdsa_p256;
  ecdsa.key_bits = 256;
  ecdsa.chain = {sequence(700, 0xec), sequence(900, 0xca)};
  ecdsa.names = {"site.test"};
  tls::Credential rsa = ecdsa;
  rsa.id = {1, 1};
  rsa.key_type = crypto::KeyType::rsa;
  rsa.key_bits = 2'048;
  rsa.chain = {sequence(1'200, 0x5a)};
  config.credentials = {ecdsa, rsa};
  for (const tls::SuiteInfo& info : tls::kCipherSuites) {
    config.cipher_suites.push_back(static_cast<std::uint16_t>(info.suite));
  }
  config.groups = {crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1};
  return config;
}

}  // namespace sallyport::testing
