// What a client says about the size of records (RFC 8449, RFC 6066 section 4), and what the server
// then sends and takes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/tls_client.h"

namespace sallyport::tls {
namespace {

using testing::append;
using testing::Bytes;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::ScriptedClient;
using testing::test_config;
using testing::TlsDriver;
using wire::ContentType;
using wire::ExtensionType;

class FragmentLimitTest : public ::testing::Test {
 protected:
  void establish13(const HelloBuilder& hello) {
    server.feed(client.hello(hello));
    client.hear(server.take_output());
    server.feed(client.finish());
    client.hear(server.take_output());
    ASSERT_TRUE(server.server().is_established());
  }
  void establish12(const HelloBuilder& hello) {
    server.feed(client.hello(hello));
    client.hear(server.take_output());
    server.feed(client.client_key_exchange());
    server.feed(kChangeCipherSpec);
    server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
    client.hear(server.take_output());
    ASSERT_TRUE(server.server().is_established());
  }
  // longest is the largest content of the records heard so far.
  [[nodiscard]] std::size_t longest(bool only_protected) const {
    std::size_t most = 0;
    for (const auto& heard : client.received()) {
      if (heard.was_protected || !only_protected) most = std::max(most, heard.content.size());
    }
    return most;
  }
  // carries sends so much text in records of the largest size allowed and checks what arrives.
  void carries(std::size_t len) {
    const Bytes text(len, 0x61);
    const std::size_t before = client.received().size();
    client.hear(server.send(text, server.server().max_fragment()));
    Bytes arrived;
    for (std::size_t i = before; i < client.received().size(); ++i) {
      append(arrived, client.received()[i].content);
    }
    EXPECT_EQ(arrived, text);
  }

  ServerConfig config = test_config();
  FakeJobs jobs;
  TlsDriver server{config, jobs};
  ScriptedClient client;
};

HelloBuilder hello13(ExtensionType type, Bytes body) {
  return HelloBuilder::tls13().set(type, std::move(body));
}
HelloBuilder hello12(ExtensionType type, Bytes body) {
  return HelloBuilder::tls12().set(type, std::move(body));
}

TEST_F(FragmentLimitTest, RecordSizeLimitOfTls13CountsTheContentType) {  // [RFC 8449 4]
  establish13(hello13(ExtensionType::record_size_limit, {0, 64}));
  EXPECT_EQ(server.server().max_fragment(), 63U);
  carries(1'000);
  EXPECT_EQ(longest(true), 63U);
  ASSERT_NE(client.extension(ExtensionType::record_size_limit), nullptr);
  EXPECT_EQ(*client.extension(ExtensionType::record_size_limit), (Bytes{0x40, 0x01}));
}

TEST_F(FragmentLimitTest, RecordSizeLimitOfTls12BindsProtectedRecordsAlone) {
  establish12(hello12(ExtensionType::record_size_limit, {0, 64}));
  EXPECT_EQ(server.server().max_fragment(), 64U);
  carries(1'000);
  EXPECT_EQ(longest(true), 64U);
  EXPECT_GT(longest(false), 512U);  // Certificate is not protected
  EXPECT_EQ(*client.extension(ExtensionType::record_size_limit), (Bytes{0x40, 0x00}));
}

TEST_F(FragmentLimitTest, RecordSizeLimitBindsOnlyWhomItIsSentTo) {
  establish13(hello13(ExtensionType::record_size_limit, {0, 64}));
  server.feed(client.seal(ContentType::application_data, Bytes(kMaxFragment, 1)));
  EXPECT_EQ(server.application_data().size(), kMaxFragment);
}

TEST_F(FragmentLimitTest, RecordSizeLimitBeyondTheProtocolsOwnIsNoError) {
  establish13(hello13(ExtensionType::record_size_limit, {0xff, 0xff}));
  EXPECT_EQ(server.server().max_fragment(), kMaxFragment);
  carries(kMaxFragment);
}

TEST_F(FragmentLimitTest, NothingIsAnsweredWhereNothingWasAsked) {
  establish13(HelloBuilder::tls13());
  EXPECT_FALSE(client.agreed_on(ExtensionType::record_size_limit));
  EXPECT_FALSE(client.agreed_on(ExtensionType::max_fragment_length));
  EXPECT_EQ(server.server().max_fragment(), kMaxFragment);
}

TEST_F(FragmentLimitTest, MaxFragmentLengthBindsTheWholeFlight) {  // [RFC 6066 4]
  establish12(hello12(ExtensionType::max_fragment_length, {1}));
  EXPECT_EQ(*client.extension(ExtensionType::max_fragment_length), (Bytes{1}));
  carries(3'000);
  EXPECT_EQ(longest(false), 512U);
}

TEST_F(FragmentLimitTest, MaxFragmentLengthWorksInTls13) {
  establish13(hello13(ExtensionType::max_fragment_length, {2}));
  EXPECT_EQ(*client.extension(ExtensionType::max_fragment_length), (Bytes{2}));
  carries(3'000);
  EXPECT_EQ(longest(true), 1'024U);
}

TEST_F(FragmentLimitTest, MaxFragmentLengthBindsTheClientToo) {
  establish12(hello12(ExtensionType::max_fragment_length, {1}));
  server.feed(client.seal(ContentType::application_data, Bytes(512, 1)));
  EXPECT_EQ(server.application_data().size(), 512U);
  server.feed(client.seal(ContentType::application_data, Bytes(513, 1)));
  EXPECT_EQ(server.last().failure, stats::HandshakeFailure::record_overflow);
  EXPECT_EQ(server.application_data().size(), 512U);
}

// [RFC 6066 4] From ServerHello on, so also what is not protected yet.
TEST(FragmentLimit, OfMaxFragmentLengthBindsTheClientBeforeItHasKeysToo) {
  const auto answer = [](std::size_t len) {  // to a ClientKeyExchange in a record of this length
    const ServerConfig config = test_config();
    FakeJobs jobs;
    TlsDriver server{config, jobs};
    ScriptedClient client;
    server.feed(client.hello(hello12(ExtensionType::max_fragment_length, {1})));
    client.hear(server.take_output());
    const Bytes exchange =
        testing::message(wire::HandshakeType::client_key_exchange, Bytes(len - 4, 1));
    server.feed(testing::record(ContentType::handshake, exchange));
    client.hear(server.take_output());
    EXPECT_EQ(client.alert(), static_cast<std::uint8_t>(alert_of(server.last().failure)));
    return stats::name_of(server.last().failure);
  };
  EXPECT_EQ(answer(512), "decode_error") << "which is said of the message, not of its record";
  EXPECT_EQ(answer(513), "record_overflow");
}

TEST_F(FragmentLimitTest, MaxFragmentLengthIsIgnoredBesideRecordSizeLimit) {  // [RFC 8449 5]
  HelloBuilder hello = hello13(ExtensionType::max_fragment_length, {9});
  establish13(hello.set(ExtensionType::record_size_limit, {0x08, 0x00}));
  EXPECT_FALSE(client.agreed_on(ExtensionType::max_fragment_length));
  EXPECT_EQ(server.server().max_fragment(), 2'047U);
}

TEST_F(FragmentLimitTest, ALimitDoesNotBindTheSecondClientHello) {
  HelloBuilder hello = hello13(ExtensionType::max_fragment_length, {1});
  hello.set(ExtensionType::padding, Bytes(600, 0));
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x001d}));
  server.feed(client.hello(hello.share(0x0018, Bytes(97, 4))));
  client.hear(server.take_output());
  ASSERT_TRUE(client.retried());
  EXPECT_FALSE(client.agreed_on(ExtensionType::max_fragment_length));
  establish13(hello.share(0x001d, Bytes(32, 0x77)));
}

TEST_F(FragmentLimitTest, SealsNothingLonger) {
  establish13(hello13(ExtensionType::record_size_limit, {0, 64}));
  EXPECT_TRUE(server.send(Bytes(64, 1), 64).empty());
}

}  // namespace
}  // namespace sallyport::tls
