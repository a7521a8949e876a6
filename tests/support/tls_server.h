// A TLS server that can say anything in any order: ServerHelloBuilder makes ServerHellos with any
// field changed, ScriptedServer keeps keys and transcript of TLS 1.3 and 1.2, so that what it says
// wrongly is at least encrypted correctly.  It agrees with FakeJobs on the shared secret, and its
// signatures are none.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/tls/client_config.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {

struct ServerHelloBuilder {
  std::uint16_t legacy_version = 0x0303;
  Bytes random = Bytes(32, 0x55);
  bool echoes_session_id = true;
  Bytes session_id{};  // when it does not echo the client's
  std::uint16_t cipher_suite = 0x1301;
  std::uint8_t compression = 0;
  std::vector<std::pair<std::uint16_t, Bytes>> extensions{};

  [[nodiscard]] static ServerHelloBuilder tls13() {
    ServerHelloBuilder hello;
    hello.add(ExtensionType::supported_versions, {3, 4});
    hello.share(0x001d, Bytes(32, 0x66));
    return hello;
  }
  [[nodiscard]] static ServerHelloBuilder tls12() {
    ServerHelloBuilder hello;
    hello.echoes_session_id = false;
    hello.cipher_suite = 0xc02b;
    hello.add(ExtensionType::renegotiation_info, {0});
    hello.add(ExtensionType::extended_master_secret, {});
    return hello;
  }
  [[nodiscard]] static ServerHelloBuilder retry(std::uint16_t group) {
    ServerHelloBuilder hello;
    hello.random.assign(wire::kHelloRetryRequestRandom.begin(),
                        wire::kHelloRetryRequestRandom.end());
    hello.add(ExtensionType::supported_versions, {3, 4});
    if (group != 0) {
      hello.add(ExtensionType::key_share,
                {static_cast<std::uint8_t>(group >> 8), static_cast<std::uint8_t>(group & 0xff)});
    }
    return hello;
  }

  ServerHelloBuilder& add(ExtensionType type, Bytes body) {
    extensions.emplace_back(static_cast<std::uint16_t>(type), std::move(body));
    return *this;
  }
  ServerHelloBuilder& remove(ExtensionType type) {
    std::erase_if(extensions, [type](const auto& extension) {
      return extension.first == static_cast<std::uint16_t>(type);
    });
    return *this;
  }
  ServerHelloBuilder& set(ExtensionType type, Bytes body) {
    return remove(type).add(type, std::move(body));
  }
  ServerHelloBuilder& share(std::uint16_t group, const Bytes& key_exchange) {
    return set(ExtensionType::key_share, written([&](wire::Writer& w) {
                 w.u16(group);
                 w.vec16(ByteView{key_exchange});
               }));
  }
};

[[nodiscard]] inline Bytes extension_list(
    const std::vector<std::pair<std::uint16_t, Bytes>>& extensions) {
  return written([&](wire::Writer& w) {
    w.vec16([&] {
      for (const auto& [type, content] : extensions) {
        w.u16(type);
        w.vec16(ByteView{content});
      }
    });
  });
}

class ScriptedServer {
 public:
  ScriptedServer() : own_engine_{std::make_unique<tls::Engine>(random_)}, engine_{*own_engine_} {
    engine_.begin_burst(Tsc{1}, TscRate{});
  }
  explicit ScriptedServer(tls::Engine& shared) : engine_{shared} {}

  // hear takes what the client sent and learns from it.
  void hear(const Bytes& bytes) {
    append(inbox_, bytes);
    while (inbox_.size() >= tls::kRecordHeader) {
      const std::size_t size = tls::RecordLayer::record_size(inbox_);
      if (inbox_.size() < size) return;
      Bytes one(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      hear_record(one);
    }
  }

  // say adds a handshake message to the transcript and gives it as a record, sealed if keys are in
  // use.
  Bytes say(const Bytes& handshake_message) {
    append(transcript_, handshake_message);
    return put(ContentType::handshake, handshake_message);
  }
  // put is a record that no transcript knows.
  Bytes put(ContentType type, const Bytes& content) {
    return sealing_ ? seal(type, content) : record(type, content);
  }
  Bytes seal(ContentType type, const Bytes& content) {
    Bytes out(content.size() + tls::kMaxRecordOverhead);
    const ByteView pieces[] = {content};
    out.resize(tls::seal_record(engine_, write_, type, pieces, out, write_secret_.expose()));
    return out;
  }

  [[nodiscard]] Bytes hello_message(const ServerHelloBuilder& builder) const {
    return message(HandshakeType::server_hello, written([&](wire::Writer& w) {
                     w.u16(builder.legacy_version);
                     w.bytes(builder.random);
                     w.vec8(ByteView{builder.echoes_session_id ? session_id_ : builder.session_id});
                     w.u16(builder.cipher_suite);
                     w.u8(builder.compression);
                     if (!builder.extensions.empty()) w.bytes(extension_list(builder.extensions));
                   }));
  }
  // hello says a ServerHello; in TLS 1.3 what follows is sealed.
  Bytes hello(const ServerHelloBuilder& builder) {
    const tls::SuiteInfo& suite = *tls::suite_info(CipherSuite{builder.cipher_suite});
    hash_ = suite.hash;
    aead_ = suite.aead;
    server_random_ = builder.random;
    const Bytes out = say(hello_message(builder));
    if (suite.version == wire::ProtocolVersion::tls13) derive13();
    return out;
  }
  Bytes retry(const ServerHelloBuilder& builder) {
    const auto hash = tls::suite_info(CipherSuite{builder.cipher_suite})->hash;
    const auto first = crypto::hash(hash, transcript_);
    transcript_ = written([&](wire::Writer& w) { wire::write_message_hash(w, first.view()); });
    return say(hello_message(builder));
  }

  [[nodiscard]] static Bytes encrypted_extensions(
      const std::vector<std::pair<std::uint16_t, Bytes>>& extensions = {}) {
    return message(HandshakeType::encrypted_extensions, extension_list(extensions));
  }
  [[nodiscard]] static Bytes certificate13(const Bytes& context = {}, const Bytes& extensions = {},
                                           std::size_t count = 1) {
    return message(HandshakeType::certificate, written([&](wire::Writer& w) {
                     w.vec8(ByteView{context});
                     w.vec24([&] {
                       for (std::size_t i = 0; i < count; ++i) {
                         w.vec24(ByteView{sequence(300, 0xce)});
                         w.vec16(ByteView{extensions});
                       }
                     });
                   }));
  }
  [[nodiscard]] static Bytes certificate12(std::size_t count = 1) {
    return message(HandshakeType::certificate, written([&](wire::Writer& w) {
                     w.vec24([&] {
                       for (std::size_t i = 0; i < count; ++i)
                         w.vec24(ByteView{sequence(300, 0xce)});
                     });
                   }));
  }
  [[nodiscard]] static Bytes certificate_verify(std::uint16_t scheme = 0x0403) {
    return written(
        [&](wire::Writer& w) { wire::write_certificate_verify(w, scheme, Bytes(70, 0x33)); });
  }
  [[nodiscard]] static Bytes key_exchange(std::uint16_t group = 0x001d,
                                          const Bytes& point = Bytes(32, 0x66),
                                          std::uint16_t scheme = 0x0403) {
    return written([&](wire::Writer& w) {
      wire::write_server_key_exchange(w, group, point, scheme, Bytes(70, 0x33));
    });
  }
  [[nodiscard]] static Bytes hello_done() { return message(HandshakeType::server_hello_done, {}); }
  [[nodiscard]] static Bytes request13() {
    return message(HandshakeType::certificate_request,
                   {0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3});  // ecdsa_secp256r1_sha256
  }
  [[nodiscard]] static Bytes request12() {
    return message(HandshakeType::certificate_request, {1, 64, 0, 2, 4, 3, 0, 0});
  }
  [[nodiscard]] static Bytes ticket13(const Bytes& ticket = Bytes(100, 0x71),
                                      std::uint32_t lifetime = 3'600) {
    return message(HandshakeType::new_session_ticket, written([&](wire::Writer& w) {
                     w.u32(lifetime);
                     w.u32(77);
                     w.vec8(ByteView{Bytes{1, 2}});
                     w.vec16(ByteView{ticket});
                     w.vec16(ByteView{});
                   }));
  }
  [[nodiscard]] static Bytes ticket12(const Bytes& ticket = Bytes(100, 0x72)) {
    return message(HandshakeType::new_session_ticket, written([&](wire::Writer& w) {
                     w.u32(3'600);
                     w.vec16(ByteView{ticket});
                   }));
  }
  [[nodiscard]] Bytes finished_message() const {
    if (master13_made_) {
      const auto data = write_secret_.finished(crypto::hash(hash_, transcript_));
      return message(HandshakeType::finished, {data.view().begin(), data.view().end()});
    }
    const auto data =
        master12_.finished(tls::MasterSecret12::Sender::server, crypto::hash(hash_, transcript_));
    return message(HandshakeType::finished, {data.begin(), data.end()});
  }
  // finish says Finished; in TLS 1.3 what follows is sealed under the application keys.
  Bytes finish() {
    const Bytes out = say(finished_message());
    if (!master13_made_) return out;
    const auto transcript = crypto::hash(hash_, transcript_);
    client_application_ = master13_.client_application(transcript);
    write_secret_ = master13_.server_application(transcript);
    write_secret_.derive_keys(aead_, write_);
    return out;
  }
  // change_cipher_spec switches to the keys of TLS 1.2.
  Bytes change_cipher_spec() {
    sealing_ = true;
    return kChangeCipherSpec;
  }
  void update_write_keys() {
    write_secret_.update();
    write_secret_.derive_keys(aead_, write_);
  }

  // resume13 makes the next hello() continue the session with this key; resume12 is a hello that
  // continues the one with this master secret.
  void resume13(crypto::HashAlgorithm hash, ByteView psk) {
    early_ = tls::EarlySecret{hash, psk};
    resumes_ = true;
  }
  Bytes resume12(const ServerHelloBuilder& builder, ByteView master) {
    Bytes out = hello(builder);
    master12_.restore(hash_, master);
    derive_keys12();
    return out;
  }

  // alert is the description of the last alert, or 255.
  [[nodiscard]] std::uint8_t alert() const { return alert_; }
  [[nodiscard]] std::uint8_t alert_level() const { return alert_level_; }
  [[nodiscard]] bool heard(HandshakeType type) const {
    return std::ranges::find(heard_, type) != heard_.end();
  }
  [[nodiscard]] const Bytes& hello_heard() const { return hello_; }  // the last ClientHello, body
  [[nodiscard]] const Bytes& data() const { return data_; }
  [[nodiscard]] bool client_is_protected() const { return opening_; }
  [[nodiscard]] int change_cipher_specs() const { return change_cipher_specs_; }
  [[nodiscard]] ByteView server_secret() const { return write_secret_.expose(); }
  [[nodiscard]] ByteView client_secret() const { return read_secret_.expose(); }
  [[nodiscard]] ByteView master12() const { return master12_.expose(); }

 private:
  void hear_record(Bytes& one) {
    auto type = load<wire::RecordHeader>(one).content_type();
    Bytes content(one.begin() + tls::kRecordHeader, one.end());
    if (type == ContentType::change_cipher_spec) {
      ++change_cipher_specs_;
      if (master12_made_) opening_ = true;
      return;
    }
    if (opening_) {
      const MutableBytes pieces[] = {one};
      const auto opened = tls::open_record(engine_, read_, pieces, read_secret_.expose());
      if (!opened) {
        alert_ = 254;  // nothing that we can read
        return;
      }
      type = opened->type;
      content.assign(one.begin() + opened->offset, one.begin() + opened->offset + opened->len);
    }
    if (type == ContentType::application_data) append(data_, content);
    if (type == ContentType::alert && content.size() == 2) {
      alert_level_ = content[0];
      alert_ = content[1];
    }
    if (type != ContentType::handshake) return;
    append(messages_, content);
    while (messages_.size() >= 4) {
      const std::size_t len = 4 + load<wire::HandshakeHeader>(messages_).length.host();
      if (messages_.size() < len) return;
      const Bytes whole(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(len));
      messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(len));
      hear_message(whole);
    }
  }
  void hear_message(const Bytes& whole) {
    const HandshakeType type{whole[0]};
    heard_.push_back(type);
    if (type == HandshakeType::key_update) {
      read_secret_.update();
      read_secret_.derive_keys(aead_, read_);
      return;
    }
    append(transcript_, whole);
    if (type == HandshakeType::client_hello) {
      hello_.assign(whole.begin() + 4, whole.end());
      const auto hello = wire::parse_client_hello(hello_);
      if (!hello) return;
      client_random_.assign(hello->random.begin(), hello->random.end());
      session_id_.assign(hello->legacy_session_id.begin(), hello->legacy_session_id.end());
    }
    if (type == HandshakeType::client_key_exchange) {
      master12_.derive_extended(hash_, Bytes(32, FakeJobs::kSharedByte),
                                crypto::hash(hash_, transcript_));
      derive_keys12();
    }
    if (type == HandshakeType::finished && master13_made_) {
      read_secret_ = std::move(client_application_);
      read_secret_.derive_keys(aead_, read_);
    }
  }
  void derive13() {
    const auto transcript = crypto::hash(hash_, transcript_);
    tls::EarlySecret early = resumes_ ? std::move(early_) : tls::EarlySecret{hash_};
    auto secret = std::move(early).into_handshake(Bytes(32, FakeJobs::kSharedByte));
    read_secret_ = secret.client_handshake(transcript);
    write_secret_ = secret.server_handshake(transcript);
    read_secret_.derive_keys(aead_, read_);
    write_secret_.derive_keys(aead_, write_);
    master13_ = std::move(secret).into_master();
    master13_made_ = true;
    sealing_ = true;
    opening_ = true;
  }
  void derive_keys12() {
    master12_made_ = true;
    master12_.derive_keys({.aead = aead_}, client_random_, server_random_, {read_, read_secret_},
                          {write_, write_secret_});
  }

  Random random_{Random::Seed{5}};
  std::unique_ptr<tls::Engine> own_engine_;
  tls::Engine& engine_;
  Bytes inbox_;
  Bytes messages_;
  Bytes transcript_;
  Bytes hello_;
  Bytes data_;
  Bytes session_id_;
  Bytes client_random_;
  Bytes server_random_;
  std::vector<HandshakeType> heard_;
  std::uint8_t alert_ = 255;
  std::uint8_t alert_level_ = 0;
  int change_cipher_specs_ = 0;
  bool sealing_ = false;
  bool opening_ = false;
  bool master13_made_ = false;
  bool master12_made_ = false;
  bool resumes_ = false;
  crypto::HashAlgorithm hash_{};
  crypto::AeadAlgorithm aead_{};
  tls::RecordKeys read_;
  tls::RecordKeys write_;
  tls::TrafficSecret read_secret_;
  tls::TrafficSecret write_secret_;
  tls::TrafficSecret client_application_;
  tls::EarlySecret early_;
  tls::MasterSecret master13_;
  tls::MasterSecret12 master12_;
};

[[nodiscard]] inline tls::ClientConfig test_client_config() {
  tls::ClientConfig config;
  config.server_name = "site.test";
  for (const tls::SuiteInfo& info : tls::kCipherSuites) {
    config.cipher_suites.push_back(static_cast<std::uint16_t>(info.suite));
  }
  config.groups = {crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1};
  config.authority = {1, 1};
  return config;
}

}  // namespace sallyport::testing
