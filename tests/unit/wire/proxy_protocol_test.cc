#include "lib/wire/proxy_protocol.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "lib/base/text.h"
#include "lib/wire/distinguished_name.h"
#include "tests/support/hex.h"
#include "tests/support/proxy_header.h"

namespace sallyport::wire {
namespace {

using sallyport::testing::hex;
using sallyport::testing::read_proxy_header;

ProxyHeader header_of_a_client() {
  ProxyHeader header;
  header.source = *parse_socket_address("198.18.0.7:40000");
  header.destination = *parse_socket_address("198.18.0.10:443");
  return header;
}

std::vector<std::uint8_t> written(const ProxyHeader& header) {
  std::vector<std::uint8_t> room(kMaxProxyHeader);
  Writer w{room};
  write_proxy_header(w, header);
  room.resize(w.size());
  return room;
}

std::string repeated(char c, std::size_t n) { return std::string(n, c); }

TEST(ProxyProtocol, AddressesOfIpv4ComeFirst) {
  const std::string text = hex(written(header_of_a_client()));
  // Signature, version 2 with PROXY, TCP over IPv4, both addresses, both ports.
  EXPECT_TRUE(
      text.starts_with("0d0a0d0a000d0a515549540a"
                       "2111"
                       "001b"
                       "c6120007c612000a"
                       "9c4001bb"))
      << text;
  // What there is nothing to say about is left out: `ssl` with its bits, and the checksum.
  EXPECT_EQ(text.substr(56, 2 * 8), "2000050100000001");
  EXPECT_EQ(text.substr(72, 6), "030004");
}

TEST(ProxyProtocol, ABackendReadsWhatWasSaidOverIpv6) {
  ProxyHeader said;
  said.source = *parse_socket_address("[2001:db8::7]:40000");
  said.destination = *parse_socket_address("[2001:db8::10]:8443");
  said.alpn = as_bytes("h2");
  said.authority = as_bytes("www.sallyport.test");
  said.tls = {.certificate_in_connection = true,
              .certificate_in_session = true,
              .certificate_verified = true,
              .version = "TLSv1.3",
              .cipher = "TLS_AES_128_GCM_SHA256",
              .common_name = "client 1",
              .signature_algorithm = "ecdsa-with-SHA256",
              .key_algorithm = "EC256"};
  const std::string digest = repeated('a', 64);
  said.client_certificate_sha256 = digest;
  said.client_certificate_subject = "CN=client 1";
  const auto read = read_proxy_header(written(said));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->len, written(said).size());
  EXPECT_EQ(read->command, 1);
  EXPECT_EQ(read->family, 2);
  EXPECT_EQ(read->transport, 1);
  EXPECT_EQ(hex(as_bytes(read->source)), "20010db8000000000000000000000007");
  EXPECT_EQ(hex(as_bytes(read->destination)), "20010db8000000000000000000000010");
  EXPECT_EQ(read->source_port, 40'000U);
  EXPECT_EQ(read->destination_port, 8'443U);
  EXPECT_EQ(read->values[0x01], "h2");
  EXPECT_EQ(read->values[0x02], "www.sallyport.test");
  EXPECT_EQ(read->client, 7U);
  EXPECT_EQ(read->verify, 0U);
  EXPECT_EQ(read->tls[0x21], "TLSv1.3");
  EXPECT_EQ(read->tls[0x22], "client 1");
  EXPECT_EQ(read->tls[0x23], "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(read->tls[0x24], "ecdsa-with-SHA256");
  EXPECT_EQ(read->tls[0x25], "EC256");
  EXPECT_EQ(read->values[0xe2], digest);
  EXPECT_EQ(read->values[0xe3], "CN=client 1");
  EXPECT_TRUE(read->checksum_good);
}

TEST(ProxyProtocol, TheBitsTellHowACertificateWasShown) {
  ProxyHeader said = header_of_a_client();
  said.tls.certificate_in_session = true;
  said.tls.certificate_verified = true;
  const auto resumed = read_proxy_header(written(said));
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->client, 5U);
  EXPECT_EQ(resumed->verify, 0U);
  const auto nobody = read_proxy_header(written(header_of_a_client()));
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->client, 1U);
  EXPECT_NE(nobody->verify, 0U) << "nothing was verified";
  EXPECT_EQ(nobody->values.by_type.size(), 2U);
  EXPECT_TRUE(nobody->tls.by_type.empty());
}

TEST(ProxyProtocol, TheChecksumCoversEveryByte) {
  const std::vector<std::uint8_t> good = written(header_of_a_client());
  ASSERT_TRUE(read_proxy_header(good)->checksum_good);
  for (const std::size_t at : {std::size_t{16}, good.size() - 1, good.size() - 5}) {
    auto bad = good;
    bad[at] ^= 1U;
    const auto read = read_proxy_header(bad);
    EXPECT_FALSE(read && read->checksum_good) << at;
  }
}

TEST(ProxyProtocol, TheLongestHeaderHasRoom) {
  ProxyHeader said;
  said.source = *parse_socket_address("[2001:db8::7]:40000");
  said.destination = *parse_socket_address("[2001:db8::10]:443");
  const std::string name = repeated('n', 255);
  said.alpn = said.authority = as_bytes(name);
  said.client_certificate_subject = said.tls.common_name = name;
  const std::string text = repeated('t', 64);
  said.client_certificate_sha256 = text;
  said.tls.version = said.tls.cipher = said.tls.signature_algorithm = said.tls.key_algorithm = text;
  const auto read = read_proxy_header(written(said));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->values[0xe3], name);
  EXPECT_TRUE(read->checksum_good);
}

std::string common_name_of(std::string_view name) {
  std::array<char, 16> out{};
  return {out.data(), common_name(name, out)};
}

TEST(CommonName, IsTheFirstOfAName) {
  EXPECT_EQ(common_name_of("CN=client 1"), "client 1");
  EXPECT_EQ(common_name_of("CN=client,OU=people,O=Example"), "client");
  EXPECT_EQ(common_name_of("UID=7+CN=seven,O=Example"), "seven");
  EXPECT_EQ(common_name_of("cn=low"), "low");
  EXPECT_EQ(common_name_of("O=CN=no,CN=yes"), "yes");
  EXPECT_EQ(common_name_of("CN=one,CN=two"), "one");
}

TEST(CommonName, HasNoEscapes) {
  EXPECT_EQ(common_name_of(R"(CN=Doe\, Jane,O=x)"), "Doe, Jane");
  EXPECT_EQ(common_name_of(R"(O=a\,CN=b,CN=c)"), "c") << "that comma separates nothing";
  EXPECT_EQ(common_name_of(R"(CN=J\C3\BCrgen)"), "J\xc3\xbcrgen");
  EXPECT_EQ(common_name_of(R"(CN=a\+b\\c\"d)"), "a+b\\c\"d");
}

TEST(CommonName, IsNothingWhereThereIsNone) {
  EXPECT_EQ(common_name_of(""), "");
  EXPECT_EQ(common_name_of("O=Example"), "");
  EXPECT_EQ(common_name_of("O=Example,"), "");
  EXPECT_EQ(common_name_of("CN="), "");
  EXPECT_EQ(common_name_of("CN=#0303000102"), "") << "no string";
  EXPECT_EQ(common_name_of(R"(CN=line\0Aend)"), "") << "a log must stay in one line";
  EXPECT_EQ(common_name_of("CN=longer than sixteen"), "");
  EXPECT_EQ(common_name_of("CN=cut\\"), "");
  EXPECT_EQ(common_name_of("CN=cut\\C"), "");
  EXPECT_EQ(common_name_of("CN=bad\\CX"), "");
}

}  // namespace
}  // namespace sallyport::wire
