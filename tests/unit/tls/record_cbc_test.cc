// Records of TLS 1.2 with AES-CBC, with the MAC inside (RFC 5246 6.2.3.2) and outside (RFC 7366).
// What a peer might send is made with OpenSSL's primitives.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "lib/tls/engine.h"
#include "lib/tls/record_keys.h"
#include "tests/support/tls_client.h"

namespace sallyport::tls {
namespace {

using crypto::CbcAlgorithm;
using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::ContentType;
using wire::ExtensionType;
using Format = RecordKeys::Format;

struct Suite {
  CbcAlgorithm algorithm;
  Format format;
};

Bytes pattern(std::size_t len) {
  Bytes bytes(len);
  for (std::size_t i = 0; i < len; ++i) bytes[i] = static_cast<std::uint8_t>(i * 5 + i / 247);
  return bytes;
}

class CbcRecord : public ::testing::TestWithParam<Suite> {
 protected:
  CbcRecord() { reset(); }
  // reset makes both ends begin anew.
  void reset() {
    for (RecordKeys* const keys : {&writer_, &reader_}) {
      keys->set_cbc(GetParam().format, GetParam().algorithm, ByteView{aes_key_}.first(key_len_));
    }
  }
  bool mac_outside() const { return GetParam().format == Format::tls12_cbc_then_mac; }

  Bytes mac(std::size_t len, ByteView content, ContentType type) const {
    Bytes message(8, 0);
    message[7] = static_cast<std::uint8_t>(reader_.sequence_number());
    append(message, Bytes{static_cast<std::uint8_t>(type), 3, 3,
                          static_cast<std::uint8_t>(len >> 8), static_cast<std::uint8_t>(len)});
    append(message, content);
    Bytes out(mac_len_);
    HMAC(mac_len_ == 20 ? EVP_sha1() : EVP_sha256(), mac_key_.data(), static_cast<int>(mac_len_),
         message.data(), message.size(), out.data(), nullptr);
    return out;
  }
  Bytes encrypted(const Bytes& iv, const Bytes& text) const {
    Bytes out(text.size() + 16);
    int len = 0;
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(context, key_len_ == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(), nullptr,
                       aes_key_.data(), iv.data());
    EVP_CIPHER_CTX_set_padding(context, 0);
    EVP_EncryptUpdate(context, out.data(), &len, text.data(), static_cast<int>(text.size()));
    EVP_CIPHER_CTX_free(context);
    out.resize(static_cast<std::size_t>(len));
    return out;
  }
  // peer_record is what a correct peer sends that pads with so many bytes and one, or with `bad`
  // instead of the right padding bytes.
  Bytes peer_record(const Bytes& content, std::size_t padding, int bad_at = -1) const {
    const Bytes iv(16, 0x3c);
    Bytes text = content;
    if (!mac_outside()) append(text, mac(content.size(), content, ContentType::application_data));
    Bytes pad(padding + 1, static_cast<std::uint8_t>(padding));
    if (bad_at >= 0) pad[static_cast<std::size_t>(bad_at)] ^= 0x40;
    append(text, pad);
    EXPECT_EQ(text.size() % 16, 0U);
    Bytes body = iv;
    append(body, encrypted(iv, text));
    if (mac_outside()) append(body, mac(body.size(), body, ContentType::application_data));
    return testing::record(ContentType::application_data, body);
  }
  // least_padding fills the last block of so much content.
  std::size_t least_padding(std::size_t content_len) const {
    return 15 - (content_len + (mac_outside() ? 0 : mac_len_)) % 16;
  }
  Result<OpenedRecord, HandshakeFailure> open(Bytes& record, std::size_t piece_len = 1 << 20) {
    std::vector<MutableBytes> pieces;
    for (std::size_t at = 0; at < record.size(); at += piece_len) {
      pieces.push_back(MutableBytes{record}.subspan(at, std::min(piece_len, record.size() - at)));
    }
    return open_record(engine_, reader_, pieces, mac_key_);
  }
  // expect_refused: the one answer, and nothing has moved or is left to be read.
  void expect_refused(Bytes record, std::size_t piece_len = 1 << 20) {
    const std::uint64_t before = reader_.sequence_number();
    const auto opened = open(record, piece_len);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), HandshakeFailure::bad_record_mac);
    EXPECT_EQ(reader_.sequence_number(), before);
  }

  std::size_t key_len_ = crypto::key_len(GetParam().algorithm);
  std::size_t mac_len_ = crypto::mac_len(GetParam().algorithm);
  Bytes aes_key_ = Bytes(32, 0x5b);
  // As TrafficSecret gives it, with zeros behind.
  Bytes mac_key_ = [this] {
    Bytes key(mac_len_, 0x17);
    key.resize(32);
    return key;
  }();
  Random random_{Random::Seed{5}};
  Engine engine_{random_};
  RecordKeys writer_;
  RecordKeys reader_;
};

TEST_P(CbcRecord, RoundTripsEverySizeAndEveryCut) {
  for (std::size_t len = 0; len <= kMaxFragment; len += len < 80 ? 1 : 4'076) {
    const Bytes content = pattern(len);
    const ByteView pieces[] = {ByteView{content}.first(len / 3),
                               ByteView{content}.subspan(len / 3)};
    const std::size_t record_len = writer_.record_len(len);
    EXPECT_LE(record_len, len + writer_.overhead());
    EXPECT_LE(writer_.overhead(), kMaxRecordOverhead);
    Bytes record(record_len);
    ASSERT_EQ(
        seal_record(engine_, writer_, ContentType::application_data, pieces, record, mac_key_),
        record_len);
    if (len % 2 == 0) {  // the same into several pieces
      reset();
      std::vector<MutableBytes> room;
      for (std::size_t at = 0; at < record_len; at += 97 + record_len / 60) {
        room.push_back(MutableBytes{record}.subspan(
            at, std::min<std::size_t>(97 + record_len / 60, record_len - at)));
      }
      ASSERT_EQ(
          seal_record(engine_, writer_, ContentType::application_data, pieces, room, mac_key_),
          record_len);
    }
    const auto opened = open(record, len % 3 == 0 ? 1 + record_len / 90 : 1 << 20);
    ASSERT_TRUE(opened) << len;
    EXPECT_EQ(opened->type, ContentType::application_data);
    ASSERT_EQ(opened->len, len);
    EXPECT_TRUE(std::equal(content.begin(), content.end(), record.begin() + opened->offset));
    reset();
  }
}

TEST_P(CbcRecord, DrawsANewIvForEveryRecord) {
  const Bytes content = pattern(32);
  const ByteView pieces[] = {content};
  Bytes first(writer_.record_len(32));
  Bytes second = first;
  ASSERT_NE(seal_record(engine_, writer_, ContentType::application_data, pieces, first, mac_key_),
            0U);
  ASSERT_NE(seal_record(engine_, writer_, ContentType::application_data, pieces, second, mac_key_),
            0U);
  EXPECT_FALSE(std::equal(first.begin() + 5, first.begin() + 21, second.begin() + 5));
  // [RFC 5246 6.2.3.2] nor is it the last block of the record before.
  EXPECT_FALSE(std::equal(first.end() - 16, first.end(), second.begin() + 5));
}

TEST_P(CbcRecord, OpensEveryPaddingOfAPeer) {
  for (std::size_t content_len : {0U, 1U, 50U, 200U}) {
    for (std::size_t padding = least_padding(content_len); padding <= 255; padding += 16) {
      Bytes record = peer_record(pattern(content_len), padding);
      const auto opened = open(record);
      ASSERT_TRUE(opened) << content_len << " " << padding;
      EXPECT_EQ(opened->len, content_len);
      reset();
    }
  }
}

// [RFC 5246 6.2.3.2 and 7.2.2] One answer, whatever is wrong: bad_record_mac.
TEST_P(CbcRecord, HasOneAnswerToEveryForgery) {
  for (const std::size_t content_len : {0U, 33U, 100U}) {
    for (std::size_t padding = least_padding(content_len); padding <= 255; padding += 112) {
      const Bytes genuine = peer_record(pattern(content_len), padding);
      for (std::size_t at = kRecordHeader; at < genuine.size(); ++at) {
        Bytes forged = genuine;
        forged[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
        expect_refused(forged, at % 5 == 0 ? 7 : 1 << 20);
      }
      for (int at = 0; at < static_cast<int>(padding); at += 9) {
        expect_refused(peer_record(pattern(content_len), padding, at));
      }
    }
  }
  // Of another type, or out of order.
  Bytes other = peer_record(pattern(20), least_padding(20));
  other[0] = 22;
  expect_refused(other);
  reader_.count_record();
  const Bytes late = peer_record(pattern(20), least_padding(20));
  reset();
  expect_refused(late);
}

TEST_P(CbcRecord, RefusesSizesThatNoRecordHas) {
  for (std::size_t body = 0; body <= 160; ++body) {
    expect_refused(testing::record(ContentType::application_data, Bytes(body, 0x66)));
  }
  const Bytes genuine = peer_record(pattern(64), least_padding(64));
  for (const std::size_t cut : {1U, 15U, 16U, 17U, 32U}) {
    const ByteView shorter = ByteView{genuine}.subspan(5, genuine.size() - 5 - cut);
    expect_refused(testing::record(ContentType::application_data, shorter));
  }
}

// [RFC 5246 6.2.1] 2^14 bytes of content with the longest padding are legal; one byte more is not.
TEST_P(CbcRecord, TakesTheLongestRecordAndNoMore) {
  const std::size_t most = 240 + least_padding(kMaxFragment);
  Bytes longest = peer_record(pattern(kMaxFragment), most);
  EXPECT_LE(longest.size(), kMaxRecord);
  const auto opened = open(longest);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->len, kMaxFragment);
  reset();
  Bytes beyond = peer_record(pattern(kMaxFragment + 1), least_padding(kMaxFragment + 1));
  const auto refused = open(beyond);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), HandshakeFailure::record_overflow);
}

TEST_P(CbcRecord, SealsNothingThatDoesNotFit) {
  const Bytes large = pattern(kMaxFragment + 1);
  Bytes room(kMaxRecord + 100);
  const ByteView too_long[] = {large};
  EXPECT_EQ(seal_record(engine_, writer_, ContentType::application_data, too_long, room, mac_key_),
            0U);
  const ByteView fits[] = {ByteView{large}.first(100)};
  const std::size_t len = writer_.record_len(100);
  EXPECT_EQ(seal_record(engine_, writer_, ContentType::application_data, fits,
                        MutableBytes{room}.first(len - 1), mac_key_),
            0U);
  const MutableBytes two[] = {MutableBytes{room}.first(10),
                              MutableBytes{room}.subspan(10, len - 11)};
  EXPECT_EQ(seal_record(engine_, writer_, ContentType::application_data, fits, two, mac_key_), 0U);
  EXPECT_EQ(writer_.sequence_number(), 0U);
}

// As many as there may be, of different sizes, in buffers larger than they are.
TEST_P(CbcRecord, SealsSeveralSideBySideInTheirOrder) {
  std::vector<Bytes> buffers;
  std::vector<InPlaceRecord> records;
  std::size_t total = 0;
  for (std::size_t i = 0; i < kMaxBurst; ++i) {
    const Bytes content = pattern(i * 211 % 1'400);
    Bytes& buffer = buffers.emplace_back(writer_.record_len(content.size()) + i % 3);
    std::ranges::copy(content, MutableBytes{buffer}.subspan(plaintext_offset(writer_)).begin());
    total += writer_.record_len(content.size());
  }
  for (std::size_t i = 0; i < kMaxBurst; ++i) records.push_back({buffers[i], i * 211 % 1'400});
  ASSERT_EQ(seal_each_in_place(engine_, writer_, ContentType::application_data, records, mac_key_),
            total);
  EXPECT_EQ(writer_.sequence_number(), kMaxBurst);
  for (std::size_t i = 0; i < kMaxBurst; ++i) {
    const Bytes content = pattern(i * 211 % 1'400);
    buffers[i].resize(reader_.record_len(content.size()));
    const auto opened = open(buffers[i]);
    ASSERT_TRUE(opened) << i;
    ASSERT_EQ(opened->len, content.size());
    EXPECT_TRUE(std::equal(content.begin(), content.end(), buffers[i].begin() + opened->offset));
  }
}

TEST_P(CbcRecord, SealsNoneOfSeveralWhenOneDoesNotFit) {
  Bytes first(writer_.record_len(100));
  Bytes second(writer_.record_len(100) - 1);
  const Bytes before = first;
  const InPlaceRecord records[] = {{first, 100}, {second, 100}};
  EXPECT_EQ(seal_each_in_place(engine_, writer_, ContentType::application_data, records, mac_key_),
            0U);
  EXPECT_EQ(first, before);
  EXPECT_EQ(writer_.sequence_number(), 0U);
  const std::vector<InPlaceRecord> many(kMaxBurst + 1, InPlaceRecord{first, 100});
  EXPECT_EQ(seal_each_in_place(engine_, writer_, ContentType::application_data, many, mac_key_),
            0U);
}

TEST_P(CbcRecord, MovesWithItsKeys) {
  RecordKeys moved = std::move(reader_);
  reader_ = std::move(moved);
  Bytes record = peer_record(pattern(9), least_padding(9));
  EXPECT_TRUE(open(record));
}

INSTANTIATE_TEST_SUITE_P(
    Suites, CbcRecord,
    ::testing::Values(Suite{CbcAlgorithm::aes_128_sha1, Format::tls12_cbc},
                      Suite{CbcAlgorithm::aes_256_sha1, Format::tls12_cbc},
                      Suite{CbcAlgorithm::aes_128_sha256, Format::tls12_cbc},
                      Suite{CbcAlgorithm::aes_256_sha256, Format::tls12_cbc},
                      Suite{CbcAlgorithm::aes_128_sha1, Format::tls12_cbc_then_mac},
                      Suite{CbcAlgorithm::aes_256_sha1, Format::tls12_cbc_then_mac},
                      Suite{CbcAlgorithm::aes_128_sha256, Format::tls12_cbc_then_mac},
                      Suite{CbcAlgorithm::aes_256_sha256, Format::tls12_cbc_then_mac}));

// The same through the state machine.
class CbcServer : public ::testing::TestWithParam<bool> {
 protected:
  void establish(TlsDriver& server) {
    HelloBuilder hello = HelloBuilder::tls12();
    hello.cipher_suites = {0xc009};
    if (GetParam()) hello.set(ExtensionType::encrypt_then_mac, {});
    server.feed(client_.hello(hello));
    client_.hear(server.take_output());
    server.feed(client_.client_key_exchange());
    server.feed(kChangeCipherSpec);
    server.feed(client_.seal(ContentType::handshake, client_.say(client_.finished12_message())));
    client_.hear(server.take_output());
    ASSERT_TRUE(server.server().is_established());
  }
  ServerConfig config_ = testing::test_config();
  FakeJobs jobs_;
  ScriptedClient client_;
};

TEST_P(CbcServer, AgreesOnEncryptThenMacWhenTheClientOffersIt) {
  TlsDriver server{config_, jobs_};
  establish(server);
  EXPECT_EQ(client_.agreed_on(ExtensionType::encrypt_then_mac), GetParam());
  client_.hear(server.send(pattern(3'000)));
  EXPECT_EQ(client_.received().back().content, pattern(3'000));
  const Bytes up = pattern(5'000);
  server.feed(client_.seal(ContentType::application_data, up));
  EXPECT_EQ(server.application_data(), up);
  EXPECT_GE(server.server().record_overhead() + 100, server.server().record_len(100));
}

// The key ends in the midst of a burst: what it may still seal goes out, and then close_notify.
TEST_P(CbcServer, SealsNoMoreOfABurstThanItsKeyMay) {
  TlsDriver server{config_, jobs_, {.limits = {.tls13 = 4, .tls12 = 4}}};
  establish(server);
  const std::size_t already = 1;  // Finished
  std::vector<Bytes> buffers(6, Bytes(server.server().record_len(10)));
  std::vector<InPlaceRecord> records;
  for (Bytes& buffer : buffers) records.push_back({buffer, 10});
  EXPECT_EQ(server.server().seal_each(server.engine(), records), 4 - already);
  EXPECT_EQ(server.server().seal_each(server.engine(), records), 0U);
  for (std::size_t i = 0; i < 4 - already; ++i) {
    client_.hear(buffers[i]);
    EXPECT_EQ(client_.received().back().content, Bytes(10, 0));
  }
  client_.hear(server.take_output());
  EXPECT_EQ(client_.alert(), 0);
}

TEST_P(CbcServer, SealsNoBurstWithARecordThatIsTooLong) {
  TlsDriver server{config_, jobs_};
  EXPECT_EQ(server.server().seal_each(server.engine(), {}), 0U);
  establish(server);
  Bytes buffer(kMaxRecord + 100);
  const InPlaceRecord record{buffer, server.server().max_fragment() + 1};
  EXPECT_EQ(server.server().seal_each(server.engine(), {&record, 1}), 0U);
  EXPECT_FALSE(server.server().write_closed());
}

TEST_P(CbcServer, SendsItsLastAlertUnderTheMac) {
  TlsDriver server{config_, jobs_};
  establish(server);
  Bytes forged = client_.seal(ContentType::application_data, pattern(10));
  forged.back() ^= 1;
  server.feed(forged);
  EXPECT_EQ(server.last().failure, HandshakeFailure::bad_record_mac);
  client_.hear(server.take_output());
  EXPECT_EQ(client_.alert(), 20);
  const ByteView left{reinterpret_cast<const std::uint8_t*>(&server.server()), sizeof(Server)};
  const ByteView key = client_.server_traffic_secret().first(16);
  EXPECT_EQ(std::search(left.begin(), left.end(), key.begin(), key.end()), left.end());
}

INSTANTIATE_TEST_SUITE_P(Macs, CbcServer, ::testing::Bool());

// [RFC 7366 3] not for an AEAD.
TEST(EncryptThenMac, IsNotAgreedOnWithoutCbc) {
  const ServerConfig config = testing::test_config();
  FakeJobs jobs;
  ScriptedClient client;
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls12();
  hello.set(ExtensionType::encrypt_then_mac, {});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  EXPECT_FALSE(client.agreed_on(ExtensionType::encrypt_then_mac));
}

}  // namespace
}  // namespace sallyport::tls
