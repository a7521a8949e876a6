// Every handshake message and every kind of record at every point of a handshake: the one that
// belongs there is tested elsewhere, all others are refused.
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/tls_client.h"
#include "tests/unit/tls/negative_cases.h"
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
  const char* clause;  // that says which message may come here
  bool is_protected;   // the client's records are
  HandshakeType expected;

  [[nodiscard]] bool is_tls12() const { return point >= Point::tls12_flight; }
};

constexpr HandshakeType kNone{254};  // [RFC 8446 4.4.1] is never sent
constexpr std::array kPlaces{
    Place{Point::start, "Start", "RFC 8446 4.1.2", false, HandshakeType::client_hello},
    Place{Point::retried, "Retried", "RFC 8446 4.1.2", false, HandshakeType::client_hello},
    Place{Point::tls13_flight, "Tls13Flight", "RFC 8446 4", true, HandshakeType::finished},
    Place{Point::tls13_open, "Tls13Open", "RFC 8446 4.6", true, HandshakeType::key_update},
    Place{Point::tls12_flight, "Tls12Flight", "RFC 5246 7.4.7", false,
          HandshakeType::client_key_exchange},
    Place{Point::tls12_keys, "Tls12Keys", "RFC 5246 7.4", false, kNone},
    Place{Point::tls12_protected, "Tls12Protected", "RFC 5246 7.4.9", true,
          HandshakeType::finished},
    Place{Point::tls12_open, "Tls12Open", "RFC 5246 7.4", true, kNone},
};

// All that IANA knows, and two that nobody does.
constexpr std::array<std::uint8_t, 22> kMessages{0,  1,  2,  3,  4,  5,  6,  8,  11, 12, 13,
                                                 14, 15, 16, 20, 21, 22, 23, 24, 25, 99, 254};

// Case is one record that does not belong at its place.
struct Case {
  std::string name;
  const char* clause;
  Place place;
  HandshakeFailure failure;
  ContentType type;
  Bytes content;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name << " (" << c.clause << ")"; }
std::string name_of_case(const ::testing::TestParamInfo<Case>& one) { return one.param.name; }

// messages: what belongs at a place is left out; rejection_test.cc has what else is wrong with it.
std::vector<Case> messages() {
  std::vector<Case> all;
  for (const Place& place : kPlaces) {
    for (const std::uint8_t number : kMessages) {
      const HandshakeType type{number};
      if (type == place.expected) continue;
      const bool renegotiates =
          place.point == Point::tls12_open && type == HandshakeType::client_hello;
      all.push_back(
          {std::string{place.name} + "Message" + std::to_string(number),
           renegotiates ? "RFC 5246 7.2.2, RFC 5746 3.7" : place.clause, place,
           renegotiates ? HandshakeFailure::renegotiation : HandshakeFailure::unexpected_message,
           ContentType::handshake, message(type, Bytes(8, 0))});
    }
  }
  return all;
}

std::vector<Case> records() {
  std::vector<Case> all;
  for (const Place& place : kPlaces) {
    const auto add = [&](const char* name, const char* clause13, const char* clause12,
                         HandshakeFailure failure, ContentType type, Bytes content) {
      all.push_back({std::string{place.name} + name, place.is_tls12() ? clause12 : clause13, place,
                     failure, type, std::move(content)});
    };
    const bool is_open = place.point == Point::tls13_open || place.point == Point::tls12_open;
    add("HandshakeRecordWithoutAMessage", place.is_protected ? "RFC 8446 5.4" : "RFC 8446 5.1",
        "RFC 5246 6.2.1", HandshakeFailure::unexpected_message, ContentType::handshake, {});
    if (!is_open) {
      add("ApplicationDataBeforeFinished", "RFC 8446 2", "RFC 5246 7.3",
          HandshakeFailure::unexpected_message, ContentType::application_data, {1, 2, 3});
    }
    if (place.is_protected) {
      add("ProtectedChangeCipherSpec", "RFC 8446 5", "RFC 5246 7.1",
          HandshakeFailure::unexpected_message, ContentType::change_cipher_spec, {1});
    }
    add("AlertOfThreeBytes", "RFC 8446 5.1", "RFC 5246 7.2", HandshakeFailure::decode_error,
        ContentType::alert, {1, 0, 0});
    if (place.expected != kNone) {
      const bool hello = place.expected == HandshakeType::client_hello;
      add("MessageBeyondItsLimitByItsHeader", "RFC 8446 6.2", "RFC 5246 7.2.2",
          hello ? HandshakeFailure::client_hello_too_long : HandshakeFailure::decode_error,
          ContentType::handshake, {static_cast<std::uint8_t>(place.expected), 0xff, 0xff, 0xff});
    }
  }
  return all;
}

void expect_refused(const Case& c) {
  SCOPED_TRACE(c.clause);
  ServerConfig config = test_config();
  for (const std::size_t piece_len : {kMaxRecord, std::size_t{7}}) {
    ScriptedClient client;
    FakeJobs jobs;
    TlsDriver server{config, jobs, {.piece_len = piece_len}};
    ASSERT_NO_FATAL_FAILURE(advance(client, server, c.place.point));
    ASSERT_FALSE(server.last().failed()) << stats::name_of(server.last().failure);
    server.feed(c.place.is_protected ? client.seal(c.type, c.content) : record(c.type, c.content));
    EXPECT_EQ(stats::name_of(server.last().failure), stats::name_of(c.failure));
    expect_over(client, server, alert_of(c.failure));
  }
}

class MessageOrder : public ::testing::TestWithParam<Case> {};

TEST_P(MessageOrder, AnotherMessageThanTheOneThatBelongsHereIsRefused) {
  expect_refused(GetParam());
}
INSTANTIATE_TEST_SUITE_P(Everywhere, MessageOrder, ::testing::ValuesIn(messages()), name_of_case);

class RecordOrder : public ::testing::TestWithParam<Case> {};

TEST_P(RecordOrder, ARecordThatDoesNotBelongHereIsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Everywhere, RecordOrder, ::testing::ValuesIn(records()), name_of_case);

}  // namespace

std::vector<NegativeCase> order_cases() {
  std::vector<NegativeCase> all;
  for (const auto& cases : {messages(), records()}) {
    for (const Case& c : cases) all.push_back({c.name, c.clause});
  }
  return all;
}

}  // namespace sallyport::tls
