#include "lib/wire/tls_client_hello.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "lib/wire/writer.h"
#include "tests/support/hex.h"

namespace sallyport::wire {
namespace {

using testing::unhex;

// The ClientHello of RFC 8448 section 3, without its header.
constexpr std::string_view kRfc8448 =
    "0303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece700000613011303130201000091"
    "0000000b0009000006736572766572ff01000100000a00140012001d00170018001901000101010201030104002300"
    "00003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003"
    "020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c"
    "00024001";

std::string_view text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ClientHello, OfRfc8448IsRead) {
  const auto body = unhex(kRfc8448);
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->legacy_version, 0x0303);
  EXPECT_EQ(hello->random[0], 0xcb);
  EXPECT_TRUE(hello->legacy_session_id.empty());
  EXPECT_EQ(hello->cipher_suites.size(), 3U);
  EXPECT_EQ(hello->cipher_suites[1], 0x1303);
  EXPECT_EQ(text(hello->server_name), "server");
  EXPECT_EQ(hello->supported_groups.size(), 9U);
  EXPECT_TRUE(hello->supported_groups.contains(0x001d));
  EXPECT_FALSE(hello->supported_groups.contains(0x1d00));
  EXPECT_EQ(hello->signature_algorithms.size(), 15U);
  EXPECT_EQ(hello->supported_versions.size(), 1U);
  EXPECT_EQ(hello->key_share_of(0x001d).size(), 32U);
  EXPECT_TRUE(hello->key_share_of(0x0017).empty());
  EXPECT_TRUE(hello->offers(ExtensionType::renegotiation_info));
  EXPECT_TRUE(hello->offers(ExtensionType::session_ticket));
  EXPECT_FALSE(hello->offers(ExtensionType::early_data));
  EXPECT_FALSE(hello->offers(ExtensionType::application_layer_protocol_negotiation));
}

TEST(ClientHello, TruncatedAnywhereIsRefused) {
  const auto body = unhex(kRfc8448);
  // Where a TLS 1.2 ClientHello without extensions ends.
  constexpr std::size_t kWithoutExtensions = 2 + 32 + 1 + 2 + 6 + 2;
  for (std::size_t len = 0; len < body.size(); ++len) {
    // A copy of exactly this size, so that a sanitizer sees every byte beyond it.
    const std::vector<std::uint8_t> cut(body.begin(),
                                        body.begin() + static_cast<std::ptrdiff_t>(len));
    const auto hello = parse_client_hello(cut);
    EXPECT_EQ(hello.has_value(), len == kWithoutExtensions) << len;
  }
}

TEST(ClientHello, WithAnyByteChangedIsReadOrRefused) {
  const auto body = unhex(kRfc8448);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0xffU}) {
      auto changed = body;
      changed[at] = static_cast<std::uint8_t>(value);
      const auto hello = parse_client_hello(changed);
      if (!hello) {
        ++refused;
        continue;
      }
      // What was accepted can be walked.
      static_cast<void>(hello->key_share_of(0x001d));
      static_cast<void>(hello->offers_protocol(changed));
    }
  }
  EXPECT_GT(refused, 100U);
}

TEST(ClientHello, MayEndBeforeTheExtensions) {
  const auto body = unhex("0303" + std::string(64, '1') + "00" + "0002c02f" + "0100");
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->extensions_offered, 0U);
}

TEST(ClientHello, ProtocolsAreCompared) {
  const auto body = unhex("0303" + std::string(64, '1') + "00" + "0002c02f" + "0100" + "0012" +
                          "0010000e000c02683208687474702f312e31");
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello.has_value());
  EXPECT_TRUE(hello->offers_protocol(testing::bytes_of("h2")));
  EXPECT_TRUE(hello->offers_protocol(testing::bytes_of("http/1.1")));
  EXPECT_FALSE(hello->offers_protocol(testing::bytes_of("h")));
  EXPECT_FALSE(hello->offers_protocol(testing::bytes_of("h3")));
}

// hello_with is a ClientHello with one extension.
std::vector<std::uint8_t> hello_with(const std::string& extension) {
  std::vector<std::uint8_t> body =
      unhex("0303" + std::string(64, '1') + "00" + "0002c02f" + "0100" + "0000" + extension);
  const std::size_t len = extension.size() / 2;
  body[body.size() - len - 1] = static_cast<std::uint8_t>(len);
  return body;
}

// write_front writes a ClientHello up to its extensions.
constexpr void write_front(Writer& w) {
  w.u16(0x0303);
  w.zeros(32);
  w.vec8([] {});
  w.vec16([&] { w.u16(0x1301); });
  w.vec8([&] { w.u8(0); });
}

// hello_with_shares has one share of a byte for each group.
std::vector<std::uint8_t> hello_with_shares(const std::vector<std::uint16_t>& groups) {
  std::array<std::uint8_t, 512> bytes{};
  Writer w{bytes};
  write_front(w);
  w.vec16([&] {
    w.u16(static_cast<std::uint16_t>(ExtensionType::key_share));
    w.vec16([&] {
      w.vec16([&] {
        for (const std::uint16_t group : groups) {
          w.u16(group);
          w.vec16([&] { w.u8(7); });
        }
      });
    });
  });
  return {w.written().begin(), w.written().end()};
}

TEST(ClientHello, MayHaveManySharesButNoneTwice) {  // [RFC 8446 4.2.8]
  std::vector<std::uint16_t> groups;
  for (std::uint16_t i = 0; i < 40; ++i) {
    groups.push_back(static_cast<std::uint16_t>(0x1a1a + i));
    ASSERT_TRUE(parse_client_hello(hello_with_shares(groups)).has_value()) << i;
    for (const std::uint16_t twice : {groups.front(), groups.back()}) {
      auto repeated = groups;
      repeated.push_back(twice);
      const auto hello = parse_client_hello(hello_with_shares(repeated));
      ASSERT_FALSE(hello.has_value()) << i;
      EXPECT_EQ(hello.error(), AlertDescription::illegal_parameter);
    }
  }
}

TEST(ClientHello, AsksForAnOcspResponse) {  // [RFC 6066 8]
  EXPECT_TRUE(parse_client_hello(hello_with("00050005"
                                            "0100000000"))
                  ->ocsp_requested);
  EXPECT_TRUE(parse_client_hello(hello_with("0005000a"
                                            "01"
                                            "0003000161"
                                            "0002"
                                            "0500"))
                  ->ocsp_requested);
  EXPECT_FALSE(parse_client_hello(hello_with("00050003"
                                             "02abcd"))
                   ->ocsp_requested)
      << "another kind, in a form of its own";
  for (const char* const bad : {"00050000",
                                "00050004"
                                "01000000",
                                "00050006"
                                "010000000000",
                                "00050007"
                                "01000200000000"}) {
    EXPECT_FALSE(parse_client_hello(hello_with(bad)).has_value()) << bad;
  }
}

TEST(ClientHello, SaysHowItUnpacksCertificates) {  // [RFC 8879 3]
  const auto body = hello_with(
      "001b0005"
      "0400020001");
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello.has_value());
  EXPECT_TRUE(hello->compress_certificate.contains(1));
  EXPECT_TRUE(hello->compress_certificate.contains(2));
  EXPECT_FALSE(hello->compress_certificate.contains(3));
  for (const char* const bad : {"001b0001"
                                "00",
                                "001b0002"
                                "0100",
                                "001b0004"
                                "03000200"}) {
    EXPECT_FALSE(parse_client_hello(hello_with(bad)).has_value()) << bad;
  }
}

// The parser is constexpr, so an out-of-range read in this one would not compile.
constexpr bool reads_minimal() {
  std::array<std::uint8_t, 64> bytes{};
  Writer w{bytes};
  write_front(w);
  const auto hello = parse_client_hello(w.written());
  return hello.has_value() && hello->cipher_suites.contains(0x1301);
}
static_assert(reads_minimal());

}  // namespace
}  // namespace sallyport::wire
