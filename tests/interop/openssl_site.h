// What the interop tests share: a site with real keys behind a tls::Server, and OpenSSL's client
// over memory BIOs against it.
#pragma once
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/offload/executor.h"
#include "lib/tls/cipher_suites.h"
#include "lib/tls/server.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"
#include "tests/support/tls_driver.h"

namespace sallyport::testing {

// ExecutorJobs is what the appliance runs: lib/offload with OpenSSL.
class ExecutorJobs : public JobRunner {
 public:
  crypto::KeyShare make_key_share(crypto::NamedGroup group) override {
    crypto::CryptoJob job;
    job.kind = crypto::JobKind::make_key_shares;
    job.group = group;
    job.num_key_shares = 1;
    run(job);
    const crypto::KeyShare share = job.key_shares[0];
    wipe_object(job);
    return share;
  }
  void run(crypto::CryptoJob& job) override {
    crypto::CryptoJob* const jobs[] = {&job};
    executor.run(jobs, Tsc{1});
  }
  offload::Executor executor;
};

// read_key reads a private key that lies beside the test vectors.
[[nodiscard]] inline Owned<EVP_PKEY> read_key(const char* name) {
  const std::string path = std::string{SALLYPORT_TEST_VECTORS "/"} + name;
  const Owned<BIO> in{BIO_new_file(path.c_str(), "r")};
  return Owned<EVP_PKEY>{PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr)};
}

// all_groups are those that a server agrees on keys with, most wanted first.
[[nodiscard]] inline std::vector<crypto::NamedGroup> all_groups() {
  using crypto::NamedGroup;
  return {NamedGroup::x25519,    NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::x448,
          NamedGroup::ffdhe2048, NamedGroup::ffdhe3072, NamedGroup::ffdhe4096};
}

// Site is certificates, their keys in an executor, and configurations that name them.
class Site {
 public:
  static constexpr std::string_view kName = "site.test";

  // add makes a certificate for `key` and returns its index.
  std::size_t add(const Owned<EVP_PKEY>& key, std::vector<std::string> names = {std::string{kName}},
                  std::size_t padding = 0) {
    auto private_key = crypto::openssl::PrivateKey::sharing(key.get());
    CertificateOptions options;
    options.common_name = names[0];
    options.padding = padding;
    const auto certificate = make_certificate(key.get(), options);
    tls::Credential credential;
    credential.id = {static_cast<std::uint32_t>(credentials_.size()), 1};
    credential.key_type = private_key.type();
    credential.key_bits = private_key.bits();
    credential.chain.push_back(der_of(certificate.get()));
    credential.names = std::move(names);
    EXPECT_TRUE(jobs_.executor.keys().add(credential.id, private_key));
    credentials_.push_back(std::move(credential));
    return credentials_.size() - 1;
  }
  // config has all of them; `only` leaves those of one key type.
  tls::ServerConfig config(crypto::KeyType only = crypto::KeyType::none) const {
    std::vector<tls::Credential> chosen;
    for (const tls::Credential& credential : credentials_) {
      if (only == crypto::KeyType::none || credential.key_type == only) {
        chosen.push_back(credential);
      }
    }
    tls::ServerConfig c;
    c.credentials = std::move(chosen);
    for (const tls::SuiteInfo& info : tls::kCipherSuites) {
      c.cipher_suites.push_back(static_cast<std::uint16_t>(info.suite));
    }
    c.groups = all_groups();
    return c;
  }
  // config_of has the one at `index` alone.
  tls::ServerConfig config_of(std::size_t index) const {
    tls::ServerConfig c = config();
    c.credentials = std::vector{credentials_[index]};
    return c;
  }
  std::size_t size() const { return credentials_.size(); }
  const tls::Credential& credential(std::size_t i) const { return credentials_[i]; }
  ExecutorJobs& jobs() { return jobs_; }

 private:
  ExecutorJobs jobs_;
  std::vector<tls::Credential> credentials_;
};

// site has an ECDSA and an RSA key under one name, and two more names with a key of their own.
[[nodiscard]] inline Site& site() {
  static Site the_site;
  if (the_site.size() == 0) {
    the_site.add(make_ec_key());
    the_site.add(make_rsa_key(2048));
    the_site.add(make_ec_key(), {"*.wild.test", "exact.other.test"}, 9'000);
  }
  return the_site;
}

// Client is SSL over two memory BIOs.
class Client {
 public:
  Client() : context_{SSL_CTX_new(TLS_client_method())} {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
  }
  SSL_CTX* context() { return context_.get(); }
  // Call after the context is set up.
  SSL* start() {
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    return ssl_.get();
  }
  SSL* ssl() { return ssl_.get(); }
  // The header's macro for this is a C cast.
  void ask_for(const char* name) {
    std::string text{name};
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, text.data());
  }
  bool handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  void give(ByteView bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }
  Bytes take() {
    Bytes bytes(BIO_ctrl_pending(out_));
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  Bytes read() {
    Bytes all;
    Bytes some(20'000);
    for (;;) {
      const int n = SSL_read(ssl_.get(), some.data(), static_cast<int>(some.size()));
      if (n <= 0) return all;
      append(all, ByteView{some}.first(static_cast<std::size_t>(n)));
    }
  }
  bool write(ByteView bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }

 private:
  struct Free {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
    void operator()(SSL* p) const { SSL_free(p); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

enum class Delivery : std::uint8_t { whole, byte_by_byte };

// connect runs the handshake to its end, whichever it is; true when both sides are content.
[[nodiscard]] inline bool connect(Client& client, TlsDriver& server,
                                  Delivery delivery = Delivery::whole) {
  for (int round = 0; round < 10; ++round) {
    const bool client_done = client.handshake();
    const Bytes to_server = client.take();
    if (delivery == Delivery::whole) {
      server.feed(to_server);
    } else {
      for (const std::uint8_t byte : to_server) server.feed({&byte, 1});
    }
    client.give(server.take_output());
    if (client_done && server.server().is_established()) return true;
  }
  return false;
}

[[nodiscard]] inline Bytes pattern(std::size_t len) {
  Bytes bytes(len);
  for (std::size_t i = 0; i < len; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return bytes;
}

// converse sends data both ways and closes both ways.
inline void converse(Client& client, TlsDriver& server) {
  const Bytes up = pattern(40'000);
  ASSERT_TRUE(client.write(up));
  server.feed(client.take());
  EXPECT_EQ(server.application_data(), up);

  const Bytes down = pattern(50'000);
  Bytes records = server.send(ByteView{down}.first(10'000), 1'300);
  append(records, server.send(ByteView{down}.subspan(10'000)));
  client.give(records);
  EXPECT_EQ(client.read(), down);

  // The client closes first; we may still answer.
  EXPECT_EQ(SSL_shutdown(client.ssl()), 0);
  server.feed(client.take());
  EXPECT_TRUE(server.saw(tls::Event::close_notify));
  EXPECT_TRUE(server.server().peer_closed());
  EXPECT_EQ(server.last().await, tls::Await::nothing);
  server.server().close();
  client.give(server.take_output());
  EXPECT_TRUE(server.server().write_closed());
  EXPECT_EQ(SSL_shutdown(client.ssl()), 1);
  EXPECT_TRUE(server.whole_records());
  EXPECT_TRUE(server.flight_complete());
  EXPECT_EQ(server.handshake(), nullptr);
  EXPECT_FALSE(server.holds_message_buffer());
}

}  // namespace sallyport::testing
