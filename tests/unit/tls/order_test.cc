// Every handshake message and every kind of record at every point of a handshake: the one that
// belongs there is tested elsewhere, all others are refused.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <tuple>

#include "tests/support/tls_client.h"
#include "tests/unit/tls/points.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::Bytes;
using testing::FakeJobs;
using testing::message;
using testing::record;
using testing::ScriptedClient;
using testing::test_config;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::HandshakeType;

struct Place {
  Point point;
  const char* name;
  const char* clause;  // that says what may come here
  bool is_protected;   // the client's records are
  HandshakeType expected;
};

constexpr HandshakeType kNone{254};  // [RFC 8446 4.4.1] is never sent
constexpr std::array kPlaces{
    Place{Point::start, "Start", "RFC 8446 4.1.2", false, HandshakeType::client_hello},
    Place{Point::retried, "Retried", "RFC 8446 4.1.4", false, HandshakeType::client_hello},
    Place{Point::tls13_flight, "Tls13Flight", "RFC 8446 2", true, HandshakeType::finished},
    Place{Point::tls13_open, "Tls13Open", "RFC 8446 4.6", true, HandshakeType::key_update},
    Place{Point::tls12_flight, "Tls12Flight", "RFC 5246 7.3", false,
          HandshakeType::client_key_exchange},
    Place{Point::tls12_keys, "Tls12Keys", "RFC 5246 7.1", false, kNone},
    Place{Point::tls12_protected, "Tls12Protected", "RFC 5246 7.4.9", true,
          HandshakeType::finished},
    Place{Point::tls12_open, "Tls12Open", "RFC 5746 3.6", true, kNone},
};

// All that IANA knows, and two that nobody does.
constexpr std::array<std::uint8_t, 22> kMessages{0,  1,  2,  3,  4,  5,  6,  8,  11, 12, 13,
                                                 14, 15, 16, 20, 21, 22, 23, 24, 25, 99, 254};

void expect_refused(const Place& place, HandshakeFailure failure, const auto& say) {
  SCOPED_TRACE(place.clause);
  ServerConfig config = test_config();
  for (const std::size_t piece_len : {kMaxRecord, std::size_t{7}}) {
    ScriptedClient client;
    FakeJobs jobs;
    TlsDriver server{config, jobs, {.piece_len = piece_len}};
    ASSERT_NO_FATAL_FAILURE(advance(client, server, place.point));
    ASSERT_FALSE(server.last().failed()) << stats::name_of(server.last().failure);
    server.feed(say(client));
    EXPECT_EQ(stats::name_of(server.last().failure), stats::name_of(failure));
    expect_over(client, server, alert_of(failure));
  }
}

class MessageOrder : public ::testing::TestWithParam<std::tuple<Place, std::uint8_t>> {};

TEST_P(MessageOrder, AnotherMessageThanTheOneThatBelongsHereIsRefused) {
  const auto& [place, number] = GetParam();
  const HandshakeType type{number};
  if (type == place.expected) return;  // see rejection_test.cc for what else is wrong with it
  const bool renegotiates = place.point == Point::tls12_open && type == HandshakeType::client_hello;
  const Bytes content = message(type, Bytes(8, 0));
  expect_refused(
      place, renegotiates ? HandshakeFailure::renegotiation : HandshakeFailure::unexpected_message,
      [&, secret = place.is_protected](ScriptedClient& client) {
        return secret ? client.seal(ContentType::handshake, content)
                      : record(ContentType::handshake, content);
      });
}

std::string message_name(const ::testing::TestParamInfo<std::tuple<Place, std::uint8_t>>& one) {
  return std::string{std::get<0>(one.param).name} + "Message" +
         std::to_string(std::get<1>(one.param));
}
INSTANTIATE_TEST_SUITE_P(Everywhere, MessageOrder,
                         ::testing::Combine(::testing::ValuesIn(kPlaces),
                                            ::testing::ValuesIn(kMessages)),
                         message_name);

class RecordOrder : public ::testing::TestWithParam<Place> {};

TEST_P(RecordOrder, AHandshakeRecordWithoutAMessageIsRefused) {  // [RFC 8446 5.1]
  const Place& place = GetParam();
  expect_refused(place, HandshakeFailure::unexpected_message, [&](ScriptedClient& client) {
    return place.is_protected ? client.seal(ContentType::handshake, {})
                              : record(ContentType::handshake, {});
  });
}

TEST_P(RecordOrder, ApplicationDataComesAfterFinished) {  // [RFC 8446 2, RFC 5246 7.3]
  const Place& place = GetParam();
  if (place.point == Point::tls13_open || place.point == Point::tls12_open) return;
  expect_refused(place, HandshakeFailure::unexpected_message, [&](ScriptedClient& client) {
    return place.is_protected ? client.seal(ContentType::application_data, {1, 2, 3})
                              : record(ContentType::application_data, Bytes{1, 2, 3});
  });
}

TEST_P(RecordOrder, AProtectedChangeCipherSpecIsRefused) {  // [RFC 8446 5]
  const Place& place = GetParam();
  if (!place.is_protected) return;
  expect_refused(place, HandshakeFailure::unexpected_message, [](ScriptedClient& client) {
    return client.seal(ContentType::change_cipher_spec, {1});
  });
}

TEST_P(RecordOrder, AnAlertOfThreeBytesIsRefused) {  // [RFC 8446 5.1]
  const Place& place = GetParam();
  expect_refused(place, HandshakeFailure::decode_error, [&](ScriptedClient& client) {
    return place.is_protected ? client.seal(ContentType::alert, {1, 0, 0})
                              : record(ContentType::alert, Bytes{1, 0, 0});
  });
}

TEST_P(RecordOrder, AMessageBeyondItsLimitIsRefusedByItsHeader) {
  const Place& place = GetParam();
  if (place.expected == kNone) return;
  const auto failure = place.expected == HandshakeType::client_hello
                           ? HandshakeFailure::client_hello_too_long
                           : HandshakeFailure::decode_error;
  const Bytes header{static_cast<std::uint8_t>(place.expected), 0xff, 0xff, 0xff};
  expect_refused(place, failure, [&](ScriptedClient& client) {
    return place.is_protected ? client.seal(ContentType::handshake, header)
                              : record(ContentType::handshake, header);
  });
}

INSTANTIATE_TEST_SUITE_P(Everywhere, RecordOrder, ::testing::ValuesIn(kPlaces),
                         [](const auto& one) { return std::string{one.param.name}; });

}  // namespace
}  // namespace sallyport::tls
