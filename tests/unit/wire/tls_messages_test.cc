#include "lib/wire/tls_messages.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/hex.h"

namespace sallyport::wire {
namespace {

using testing::hex;
using testing::unhex;

template <class Body>
std::string emitted(Body&& body) {
  std::array<std::uint8_t, 600> bytes{};
  Writer w{bytes};
  body(w);
  EXPECT_TRUE(w.ok());
  return hex(w.written());
}

TEST(TlsMessages, ServerHelloOfRfc8448IsWritten) {
  const auto random = unhex("a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928");
  const auto share = unhex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f");
  EXPECT_EQ(
      emitted([&](Writer& w) {
        write_server_hello13(w, {.random = random,
                                 .legacy_session_id_echo = {},
                                 .cipher_suite = CipherSuite::tls_aes_128_gcm_sha256,
                                 .group = 0x001d,
                                 .key_exchange = share});
      }),
      "020000560303" + hex(random) + "00130100002e00330024001d0020" + hex(share) + "002b00020304");
}

TEST(TlsMessages, HelloRetryRequestNamesTheGroupOnly) {
  EXPECT_EQ(
      emitted([](Writer& w) {
        write_server_hello13(w, {.random = kHelloRetryRequestRandom,
                                 .legacy_session_id_echo = {},
                                 .cipher_suite = CipherSuite::tls_aes_128_gcm_sha256,
                                 .group = 0x0017,
                                 .key_exchange = {}});
      }),
      "020000340303" + hex(kHelloRetryRequestRandom) + "00130100000c003300020017002b00020304");
}

TEST(TlsMessages, Tls12ServerHelloWithoutExtensionsHasNoList) {
  const std::array<std::uint8_t, 32> random{};
  const auto plain = emitted([&](Writer& w) {
    ServerHello12 hello;
    hello.random = random;
    hello.cipher_suite = CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256;
    write_server_hello12(w, hello);
  });
  EXPECT_EQ(plain, "020000260303" + hex(random) + "00c02f00");
}

TEST(TlsMessages, Tls12ServerHelloAnswersWhatWasOffered) {
  const std::array<std::uint8_t, 32> random{};
  const auto full = emitted([&](Writer& w) {
    ServerHello12 hello;
    hello.random = random;
    hello.cipher_suite = CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256;
    hello.alpn_protocol = testing::bytes_of("h2");
    hello.secure_renegotiation = true;
    hello.extended_master_secret = true;
    hello.ec_point_formats = true;
    hello.server_name_accepted = true;
    write_server_hello12(w, hello);
  });
  EXPECT_EQ(full, "020000440303" + hex(random) +
                      "00c02f00001c"
                      "00000000"
                      "ff01000100"
                      "000b00020100"
                      "00100005000302"
                      "6832"
                      "00170000");
}

TEST(TlsMessages, ServerKeyExchangeBeginsWithItsParameters) {
  const auto point = unhex("aabb");
  EXPECT_EQ(emitted([&](Writer& w) {
              write_server_key_exchange(w, 0x001d, point, 0x0804, testing::bytes_of("sig"));
            }),
            "0c00000d"
            "03001d02aabb"
            "08040003"
            "736967");
}

TEST(TlsMessages, KeyUpdateHasTwoValues) {
  EXPECT_EQ(*parse_key_update(unhex("00")), KeyUpdateRequest::update_not_requested);
  EXPECT_EQ(*parse_key_update(unhex("01")), KeyUpdateRequest::update_requested);
  EXPECT_EQ(parse_key_update(unhex("02")).error(), AlertDescription::illegal_parameter);
  EXPECT_EQ(parse_key_update(unhex("0000")).error(), AlertDescription::decode_error);
  EXPECT_EQ(parse_key_update({}).error(), AlertDescription::decode_error);
}

TEST(TlsMessages, ClientKeyExchangeIsOnePoint) {
  EXPECT_EQ((*parse_client_key_exchange(unhex("020401"))).size(), 2U);
  EXPECT_FALSE(parse_client_key_exchange(unhex("00")).has_value());
  EXPECT_FALSE(parse_client_key_exchange(unhex("0304")).has_value());
  EXPECT_FALSE(parse_client_key_exchange(unhex("010401")).has_value());
}

TEST(TlsMessages, AlertHasTwoBytes) {
  const auto alert = parse_alert(unhex("0228"));
  ASSERT_TRUE(alert.has_value());
  EXPECT_EQ(alert->level, AlertLevel::fatal);
  EXPECT_EQ(alert->description, AlertDescription::handshake_failure);
  EXPECT_FALSE(parse_alert(unhex("02")).has_value());
  EXPECT_FALSE(parse_alert(unhex("022800")).has_value());
}

}  // namespace
}  // namespace sallyport::wire
