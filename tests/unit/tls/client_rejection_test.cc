// What a server must not do, and the alert that it hears: a table of one wrong step each, said at a
// certain point of an otherwise correct handshake.
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <span>
#include <string>

#include "tests/support/tls_client_driver.h"
#include "tests/support/tls_server.h"
#include "tests/unit/tls/negative_cases.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::FakeJobs;
using testing::kChangeCipherSpec;
using testing::message;
using testing::record;
using testing::ScriptedServer;
using testing::ServerHelloBuilder;
using testing::TlsClientDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using Alert = AlertDescription;
using Failure = HandshakeFailure;

// How far the handshake has come when the wrong step is made.
enum class Point : std::uint8_t {
  hello,              // the client has said ClientHello
  retried,            // and said it again
  tls13_keys,         // ServerHello was read
  tls13_certificate,  // EncryptedExtensions was read
  tls13_verify,       // Certificate was read
  tls13_finished,     // CertificateVerify was read
  tls13_open,
  tls12_certificate,  // ServerHello was read
  tls12_exchange,     // Certificate was read
  tls12_done,         // ServerKeyExchange was read
  tls12_keys,         // the client's flight is out
  tls12_ticket,       // the same, and a ticket was announced
  tls12_protected,    // ChangeCipherSpec was read
  tls12_open,
};

struct Case {
  const char* name;
  const char* clause;  // that it breaks; or, where a limit of ours ends it, that allows us to
  Point point;
  Failure failure;
  Alert alert;
  std::function<Bytes(ScriptedServer&)> say;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name << " (" << c.clause << ")"; }

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) append(all, part);
  return all;
}

void advance13(ScriptedServer& server, TlsClientDriver& client, Point point) {
  const auto talk = [&](const Bytes& bytes) {
    client.feed(bytes);
    server.hear(client.take_output());
  };
  talk(server.hello(ServerHelloBuilder::tls13()));
  if (point == Point::tls13_keys) return;
  talk(server.say(ScriptedServer::encrypted_extensions()));
  if (point == Point::tls13_certificate) return;
  talk(server.say(ScriptedServer::certificate13()));
  if (point == Point::tls13_verify) return;
  talk(server.say(ScriptedServer::certificate_verify()));
  if (point == Point::tls13_finished) return;
  talk(server.finish());
  ASSERT_TRUE(client.client().is_established());
}

void advance12(ScriptedServer& server, TlsClientDriver& client, Point point) {
  const auto talk = [&](const Bytes& bytes) {
    client.feed(bytes);
    server.hear(client.take_output());
  };
  ServerHelloBuilder hello = ServerHelloBuilder::tls12();
  if (point == Point::tls12_ticket) hello.add(ExtensionType::session_ticket, {});
  talk(server.hello(hello));
  if (point == Point::tls12_certificate) return;
  talk(server.say(ScriptedServer::certificate12()));
  if (point == Point::tls12_exchange) return;
  talk(server.say(ScriptedServer::key_exchange()));
  if (point == Point::tls12_done) return;
  talk(server.say(ScriptedServer::hello_done()));
  if (point == Point::tls12_keys || point == Point::tls12_ticket) return;
  talk(server.change_cipher_spec());
  if (point == Point::tls12_protected) return;
  talk(server.finish());
  ASSERT_TRUE(client.client().is_established());
}

void advance(ScriptedServer& server, TlsClientDriver& client, Point point) {
  server.hear(client.take_output());
  if (point == Point::hello) return;
  if (point == Point::retried) {
    client.feed(server.retry(ServerHelloBuilder::retry(0x0017)));
    server.hear(client.take_output());
    return;
  }
  if (point < Point::tls12_certificate) {
    advance13(server, client, point);
  } else {
    advance12(server, client, point);
  }
}

class ClientRejection : public ::testing::TestWithParam<Case> {};

TEST_P(ClientRejection, OfTheServer) {
  const Case& c = GetParam();
  SCOPED_TRACE(c.clause);
  const ClientConfig config = testing::test_client_config();
  FakeJobs jobs;
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  advance(server, client, c.point);
  ASSERT_FALSE(client.last().failed());
  client.feed(c.say(server));
  EXPECT_EQ(client.last().failure, c.failure) << int(client.last().failure);
  EXPECT_EQ(client.last().alert, c.alert) << int(client.last().alert);
  EXPECT_EQ(client.last().await, Await::nothing);
  EXPECT_FALSE(client.client().is_established());
  EXPECT_EQ(client.handshake(), nullptr);
  EXPECT_FALSE(client.holds_verify_job());
  server.hear(client.take_output());
  EXPECT_EQ(server.alert(), static_cast<std::uint8_t>(c.alert));
  EXPECT_EQ(server.alert_level(), 2);
  EXPECT_TRUE(client.client().write_closed());
}

// hello is a ServerHello with one change, as bytes that nobody remembers.
template <class Change>
auto hello13(Change change) {
  return [change](ScriptedServer& server) {
    ServerHelloBuilder hello = ServerHelloBuilder::tls13();
    change(hello);
    return record(ContentType::handshake, server.hello_message(hello));
  };
}
template <class Change>
auto hello12(Change change) {
  return [change](ScriptedServer& server) {
    ServerHelloBuilder hello = ServerHelloBuilder::tls12();
    change(hello);
    return record(ContentType::handshake, server.hello_message(hello));
  };
}
template <class Change>
auto retry(Change change) {
  return [change](ScriptedServer& server) {
    ServerHelloBuilder hello = ServerHelloBuilder::retry(0x0017);
    change(hello);
    return record(ContentType::handshake, server.hello_message(hello));
  };
}
// says is a handshake message under the keys that are in use.
auto says(const Bytes& handshake_message) {
  return [handshake_message](ScriptedServer& server) {
    return server.put(ContentType::handshake, handshake_message);
  };
}
auto sends(ContentType type, const Bytes& content) {
  return [type, content](ScriptedServer& server) { return server.put(type, content); };
}
auto sends_plain(const Bytes& bytes) {
  return [bytes](ScriptedServer&) { return bytes; };
}
// warns_inside sends a warning behind the beginning of a message.
auto warns_inside(const Bytes& beginning) {
  return [beginning](ScriptedServer& server) {
    return joined(
        {server.put(ContentType::handshake, beginning), server.put(ContentType::alert, {1, 90})});
  };
}
void names_a_group_alone(ServerHelloBuilder& hello) {
  hello.set(ExtensionType::key_share, {0, 0x1d});
}
Bytes ticket_with_an_extension_twice() {
  const Bytes extension{0, 42, 0, 4, 0, 0, 0, 0};
  const Bytes ticket{0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 1, 7, 0, 16};
  return message(HandshakeType::new_session_ticket, joined({ticket, extension, extension}));
}
Bytes changed(Bytes bytes, std::size_t at, std::uint8_t value) {
  bytes.at(at) = value;
  return bytes;
}
Bytes alpn(const Bytes& name) {
  return testing::written([&](wire::Writer& w) { w.vec16([&] { w.vec8(ByteView{name}); }); });
}
using Extensions = std::vector<std::pair<std::uint16_t, Bytes>>;

const Case kRecords[] = {
    {"RecordTypeUnknown", "RFC 8446 5", Point::hello, Failure::not_tls, Alert::unexpected_message,
     sends_plain({99, 3, 3, 0, 1, 0})},
    {"RecordOfHttp", "RFC 8446 5", Point::hello, Failure::not_tls, Alert::unexpected_message,
     sends_plain({'H', 'T', 'T', 'P', '/'})},
    {"ApplicationDataFirst", "RFC 8446 5", Point::hello, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain({23, 3, 3, 0, 1, 0})},
    {"RecordTooLong", "RFC 8446 5.1", Point::hello, Failure::record_overflow,
     Alert::record_overflow,
     [](ScriptedServer&) { return record(ContentType::handshake, Bytes(16'385, 2)); }},
    {"EmptyFragment", "RFC 8446 5.1", Point::hello, Failure::unexpected_message,
     Alert::unexpected_message, sends(ContentType::handshake, {})},
    {"AlertOfOneByte", "RFC 8446 5.1", Point::hello, Failure::decode_error, Alert::decode_error,
     sends(ContentType::alert, {2})},
    {"ChangeCipherSpecBeforeHello", "RFC 5246 7.1", Point::hello, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain(kChangeCipherSpec)},
    {"ChangeCipherSpecOfTwo", "RFC 8446 5", Point::retried, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain({20, 3, 3, 0, 1, 2})},
    {"RecordThatDoesNotDecrypt", "RFC 8446 5.2", Point::tls13_keys, Failure::bad_record_mac,
     Alert::bad_record_mac,
     [](ScriptedServer& server) {
       Bytes sealed = server.put(ContentType::handshake, ScriptedServer::encrypted_extensions());
       sealed.back() ^= 1;
       return sealed;
     }},
    {"PlaintextAfterKeys", "RFC 8446 5", Point::tls13_keys, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer&) {
       return record(ContentType::handshake, ScriptedServer::encrypted_extensions());
     }},
    {"PlaintextAlertAfterKeys", "RFC 8446 6", Point::tls13_keys, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain(record(ContentType::alert, Bytes{2, 40}))},
    {"DataBeforeFinished", "RFC 8446 2", Point::tls13_keys, Failure::unexpected_message,
     Alert::unexpected_message, sends(ContentType::application_data, {1})},
    {"NothingButPadding", "RFC 8446 5.4", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, sends(ContentType::invalid, {})},
    {"ChangeCipherSpecWhenOpen", "RFC 8446 5", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain(kChangeCipherSpec)},
    {"RecordOfAnotherVersion", "RFC 5246 6.2.1", Point::tls12_certificate,
     Failure::protocol_version, Alert::protocol_version, sends_plain({22, 3, 1, 0, 1, 11})},
    {"TooManyEmptyRecords", "RFC 8446 5.4", Point::tls13_open, Failure::too_many_records,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       Bytes all;
       for (int i = 0; i < 33; ++i) append(all, server.put(ContentType::application_data, {}));
       return all;
     }},
    {"EmptyAlert", "RFC 8446 5.4", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, sends(ContentType::alert, {})},
    {"AlertOfAnotherLevel", "RFC 5246 7.2", Point::tls12_open, Failure::illegal_parameter,
     Alert::illegal_parameter, sends(ContentType::alert, {3, 90})},
    {"WarningInsideAMessage", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, warns_inside({24, 0})},
    {"WarningInsideATicket", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, warns_inside({4, 0, 0, 20, 1, 2})},
    {"TooManyWarnings", "RFC 5246 7.2.2", Point::tls12_open, Failure::too_many_records,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       Bytes all;
       for (int i = 0; i < 5; ++i) append(all, server.put(ContentType::alert, {1, 90}));
       return all;
     }},
};

const Case kHello[] = {
    {"HelloOfAnotherType", "RFC 8446 4", Point::hello, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::client_hello, Bytes(40, 0)))},
    {"HelloTruncated", "RFC 8446 4.1.3", Point::hello, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::server_hello, Bytes(37, 3)))},
    {"HelloTooLong", "RFC 8446 6.2", Point::hello, Failure::message_too_long,
     Alert::illegal_parameter, says(message(HandshakeType::server_hello, Bytes(8'000, 3)))},
    {"HelloOfTls11", "RFC 5246 E.1", Point::hello, Failure::protocol_version,
     Alert::protocol_version, hello12([](auto& h) { h.legacy_version = 0x0302; })},
    {"HelloOfSsl3", "RFC 7568 3", Point::hello, Failure::protocol_version, Alert::protocol_version,
     hello12([](auto& h) { h.legacy_version = 0x0300; })},
    {"Tls13InTheLegacyVersion", "RFC 8446 4.1.3", Point::hello, Failure::protocol_version,
     Alert::protocol_version, hello12([](auto& h) { h.legacy_version = 0x0304; })},
    {"LegacyVersionOfTls13", "RFC 8446 4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.legacy_version = 0x0304; })},
    {"SelectsTls12ByExtension", "RFC 8446 4.2.1", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) {
       h.set(ExtensionType::supported_versions, {3, 3});
     })},
    {"SessionIdNotEchoed", "RFC 8446 4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) {
       h.echoes_session_id = false;
       h.session_id = Bytes(32, 1);
     })},
    {"SessionIdMissing", "RFC 8446 4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.echoes_session_id = false; })},
    {"Compression", "RFC 8446 4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.compression = 1; })},
    {"SuiteNotOffered", "RFC 8446 4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.cipher_suite = 0x1304; })},
    {"SuiteOfTheOtherVersion13", "RFC 8446 B.4", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.cipher_suite = 0xc02b; })},
    {"SuiteOfTheOtherVersion12", "RFC 8446 B.4", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) { h.cipher_suite = 0x1301; })},
    {"SuiteWithCbc", "RFC 5246 7.4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) { h.cipher_suite = 0xc009; })},
    {"SuiteWithRsaKeyExchange", "RFC 5246 7.4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) { h.cipher_suite = 0x009c; })},
    {"DowngradeToTls12", "RFC 8446 4.1.3", Point::hello, Failure::downgraded,
     Alert::illegal_parameter,
     hello12([](auto& h) { std::ranges::copy(wire::kDowngradeToTls12, h.random.end() - 8); })},
    {"DowngradeToTls11", "RFC 8446 4.1.3", Point::hello, Failure::downgraded,
     Alert::illegal_parameter, hello12([](auto& h) {
       std::ranges::copy(wire::kDowngradeToTls12, h.random.end() - 8);
       h.random.back() = 0;
     })},
    {"KeyShareMissing", "RFC 8446 9.2", Point::hello, Failure::missing_extension,
     Alert::missing_extension, hello13([](auto& h) { h.remove(ExtensionType::key_share); })},
    {"KeyShareOfAnotherGroup", "RFC 8446 4.2.8", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.share(0x0017, Bytes(65, 4)); })},
    {"KeyShareTooShort", "RFC 8446 4.2.8.2", Point::hello, Failure::bad_key_share,
     Alert::illegal_parameter, hello13([](auto& h) { h.share(0x001d, Bytes(31, 4)); })},
    {"KeyShareWithoutAShare", "RFC 8446 4.2.8", Point::hello, Failure::decode_error,
     Alert::decode_error, hello13(names_a_group_alone)},
    {"KeyShareMalformed", "RFC 8446 4.2.8", Point::hello, Failure::decode_error,
     Alert::decode_error, hello13([](auto& h) { h.set(ExtensionType::key_share, {0}); })},
    {"PskNotOffered", "RFC 8446 4.2", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension, hello13([](auto& h) {
       h.add(ExtensionType::pre_shared_key, {0, 0});
     })},
    {"CookieInServerHello", "RFC 8446 4.2", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension, hello13([](auto& h) {
       h.add(ExtensionType::cookie, {0, 1, 7});
     })},
    {"ExtensionUnknown13", "RFC 8446 4.2", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension, hello13([](auto& h) {
       h.extensions.push_back({0xfafa, {}});
     })},
    {"ExtensionUnknown12", "RFC 5246 7.4.1.4", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension, hello12([](auto& h) {
       h.extensions.push_back({0xfafa, {}});
     })},
    {"ExtensionTwice", "RFC 8446 4.2", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) {
       h.add(ExtensionType::supported_versions, {3, 4});
     })},
    {"ExtensionInTheWrongMessage", "RFC 8446 4.2", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) { h.add(ExtensionType::server_name, {}); })},
    {"AlpnNotOffered12", "RFC 5246 7.4.1.4", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension, hello12([](auto& h) {
       h.add(ExtensionType::application_layer_protocol_negotiation, alpn({'h', '2'}));
     })},
    {"EncryptThenMacNotOffered", "RFC 5246 7.4.1.4", Point::hello, Failure::unsupported_extension,
     Alert::unsupported_extension,
     hello12([](auto& h) { h.add(ExtensionType::encrypt_then_mac, {}); })},
    {"NoExtendedMasterSecret", "RFC 7627 5.2", Point::hello, Failure::no_extended_master_secret,
     Alert::handshake_failure,
     hello12([](auto& h) { h.remove(ExtensionType::extended_master_secret); })},
    {"NoExtensions12", "RFC 7627 5.2", Point::hello, Failure::no_extended_master_secret,
     Alert::handshake_failure, hello12([](auto& h) { h.extensions.clear(); })},
    {"NoRenegotiationInfo", "RFC 5746 3.4", Point::hello, Failure::renegotiation,
     Alert::handshake_failure,
     hello12([](auto& h) { h.remove(ExtensionType::renegotiation_info); })},
    {"RenegotiationInfoNotEmpty", "RFC 5746 3.4", Point::hello, Failure::renegotiation,
     Alert::handshake_failure, hello12([](auto& h) {
       h.set(ExtensionType::renegotiation_info, {1, 7});
     })},
    {"CompressedPointsOnly", "RFC 8422 5.2", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) {
       h.add(ExtensionType::ec_point_formats, {1, 1});
     })},
    {"ExtendedMasterSecretWithBody", "RFC 7627 5.1", Point::hello, Failure::decode_error,
     Alert::decode_error,
     hello12([](auto& h) { h.set(ExtensionType::extended_master_secret, {1}); })},
    {"ResumesWhatWasNotShown", "RFC 5246 7.4.1.3", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) { h.echoes_session_id = true; })},
    {"MessageBehindServerHello", "RFC 8446 5.1", Point::hello, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       return record(ContentType::handshake,
                     joined({server.hello_message(ServerHelloBuilder::tls13()),
                             ScriptedServer::encrypted_extensions()}));
     }},
};

const Case kRetry[] = {
    {"RetryTwice", "RFC 8446 4.1.4", Point::retried, Failure::unexpected_message,
     Alert::unexpected_message, retry([](auto&) {})},
    {"RetryForTheSameGroup", "RFC 8446 4.2.8", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, retry([](auto& h) {
       h.set(ExtensionType::key_share, {0x00, 0x1d});
     })},
    {"RetryForAGroupNotOffered", "RFC 8446 4.2.8", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, retry([](auto& h) {
       h.set(ExtensionType::key_share, {0x00, 0x1e});
     })},
    {"RetryForNothing", "RFC 8446 4.1.4", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, retry([](auto& h) { h.remove(ExtensionType::key_share); })},
    {"RetryWithAShare", "RFC 8446 4.2.8", Point::hello, Failure::decode_error, Alert::decode_error,
     retry([](auto& h) { h.share(0x0017, Bytes(65, 4)); })},
    {"RetryWithCookieTooLong", "RFC 8446 4.2.2", Point::hello, Failure::message_too_long,
     Alert::illegal_parameter, retry([](auto& h) {
       Bytes cookie(1'502, 7);
       cookie[0] = 1'500 / 256;
       cookie[1] = 1'500 % 256;
       h.add(ExtensionType::cookie, cookie);
     })},
    {"RetryWithEmptyCookie", "RFC 8446 4.2.2", Point::hello, Failure::decode_error,
     Alert::decode_error, retry([](auto& h) {
       h.add(ExtensionType::cookie, {0, 0});
     })},
    {"RetryOfTls12", "RFC 8446 4.1.4", Point::hello, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto& h) {
       h.random.assign(wire::kHelloRetryRequestRandom.begin(),
                       wire::kHelloRetryRequestRandom.end());
     })},
    {"AnotherSuiteAfterRetry", "RFC 8446 4.1.4", Point::retried, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto& h) {
       h.cipher_suite = 0x1303;
       h.share(0x0017, Bytes(65, 4));
     })},
    {"AnotherVersionAfterRetry", "RFC 8446 4.1.4", Point::retried, Failure::illegal_parameter,
     Alert::illegal_parameter, hello12([](auto&) {})},
    {"FirstGroupAfterRetry", "RFC 8446 4.2.8", Point::retried, Failure::illegal_parameter,
     Alert::illegal_parameter, hello13([](auto&) {})},
    {"DataAfterRetry", "RFC 8446 5", Point::retried, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain({23, 3, 3, 0, 1, 0})},
};

const Case kTls13[] = {
    {"CertificateInsteadOfExtensions", "RFC 8446 4.3.1", Point::tls13_keys, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::certificate13())},
    {"FinishedInsteadOfExtensions", "RFC 8446 4.3.1", Point::tls13_keys, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::finished, Bytes(32, 0)))},
    {"ExtensionsMalformed", "RFC 8446 4.3.1", Point::tls13_keys, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::encrypted_extensions, {0, 5, 0, 0, 0, 0}))},
    {"ExtensionsUnknown", "RFC 8446 4.2", Point::tls13_keys, Failure::unsupported_extension,
     Alert::unsupported_extension,
     says(ScriptedServer::encrypted_extensions(Extensions{{0xfafa, {}}}))},
    {"ExtensionsTwice", "RFC 8446 4.2", Point::tls13_keys, Failure::illegal_parameter,
     Alert::illegal_parameter,
     says(ScriptedServer::encrypted_extensions(Extensions{{0, {}}, {0, {}}}))},
    {"KeyShareInExtensions", "RFC 8446 4.3.1", Point::tls13_keys, Failure::illegal_parameter,
     Alert::illegal_parameter,
     says(ScriptedServer::encrypted_extensions(Extensions{{51, {0, 29, 0, 1, 1}}}))},
    {"AlpnNotOffered13", "RFC 8446 4.2", Point::tls13_keys, Failure::unsupported_extension,
     Alert::unsupported_extension,
     says(ScriptedServer::encrypted_extensions(Extensions{{16, alpn({'h', '2'})}}))},
    {"EarlyDataNotOffered", "RFC 8446 4.2", Point::tls13_keys, Failure::unsupported_extension,
     Alert::unsupported_extension,
     says(ScriptedServer::encrypted_extensions(Extensions{{42, {}}}))},
    {"NameWithBody", "RFC 6066 3", Point::tls13_keys, Failure::decode_error, Alert::decode_error,
     says(ScriptedServer::encrypted_extensions(Extensions{{0, {1}}}))},
    {"FinishedInsteadOfCertificate", "RFC 8446 4.4.2", Point::tls13_certificate,
     Failure::unexpected_message, Alert::unexpected_message,
     says(message(HandshakeType::finished, Bytes(32, 0)))},
    {"CertificateVerifyFirst", "RFC 8446 4.4.3", Point::tls13_certificate, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::certificate_verify())},
    {"CertificateCompressed", "RFC 8879 4", Point::tls13_certificate, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::compressed_certificate, Bytes(9, 0)))},
    {"CertificateEmpty", "RFC 8446 4.4.2.4", Point::tls13_certificate, Failure::decode_error,
     Alert::decode_error, says(ScriptedServer::certificate13({}, {}, 0))},
    {"CertificateThatIsNone", "RFC 8446 4.4.2", Point::tls13_certificate, Failure::server_refused,
     Alert::bad_certificate, says(changed(ScriptedServer::certificate13(), 11, 0x31))},
    {"CertificateWithContext", "RFC 8446 4.4.2", Point::tls13_certificate, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::certificate13({1}))},
    {"CertificateWithStatusNotAskedFor", "RFC 8446 4.4.2", Point::tls13_certificate,
     Failure::unsupported_extension, Alert::unsupported_extension,
     says(ScriptedServer::certificate13({}, {0, 5, 0, 4, 1, 0, 0, 0}))},
    {"CertificatesTooMany", "RFC 8446 4.4.2.4", Point::tls13_certificate, Failure::server_refused,
     Alert::bad_certificate, says(ScriptedServer::certificate13({}, {}, 5))},
    {"CertificateTooLong", "RFC 8446 6.2", Point::tls13_certificate, Failure::message_too_long,
     Alert::illegal_parameter,
     [](ScriptedServer& server) {
       return server.put(ContentType::handshake, {11, 0, 0xff, 0xff, 0});
     }},
    {"CertificateThatWouldFillTheRoom", "RFC 8446 6.2", Point::tls13_certificate, Failure::message_too_long,
     Alert::illegal_parameter,
     [](ScriptedServer& server) {
       const Bytes certificate = message(HandshakeType::certificate, Bytes(16'901, 0));
       return server.put(ContentType::handshake, Bytes(certificate.begin(), certificate.begin() + 16'000));
     }},
    {"RequestWithContext", "RFC 8446 4.3.2", Point::tls13_certificate, Failure::illegal_parameter,
     Alert::illegal_parameter,
     says(message(HandshakeType::certificate_request, {1, 9, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3}))},
    {"RequestWithoutSchemes", "RFC 8446 4.3.2", Point::tls13_certificate, Failure::missing_extension,
     Alert::missing_extension,
     says(message(HandshakeType::certificate_request, {0, 0, 4, 0xfa, 0xfa, 0, 0}))},
    {"RequestTwice", "RFC 8446 4.3.2", Point::tls13_certificate, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       return joined({server.put(ContentType::handshake, ScriptedServer::request13()),
                      server.put(ContentType::handshake, ScriptedServer::request13())});
     }},
    {"RequestAfterCertificate", "RFC 8446 4.3.2", Point::tls13_verify, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::request13())},
    {"FinishedInsteadOfVerify", "RFC 8446 4.4.3", Point::tls13_verify, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::finished, Bytes(32, 0)))},
    {"VerifyWithPkcs1", "RFC 8446 4.4.3", Point::tls13_verify, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::certificate_verify(0x0401))},
    {"VerifyWithSha1", "RFC 8446 4.4.3", Point::tls13_verify, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::certificate_verify(0x0203))},
    {"VerifyTruncated", "RFC 8446 4.4.3", Point::tls13_verify, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::certificate_verify, {4, 3, 0, 9, 1}))},
    {"FinishedWrong", "RFC 8446 4.4.4", Point::tls13_finished, Failure::bad_finished, Alert::decrypt_error,
     says(message(HandshakeType::finished, Bytes(32, 0)))},
    {"FinishedShort", "RFC 8446 4.4.4", Point::tls13_finished, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::finished, Bytes(31, 0)))},
    {"TicketBeforeFinished", "RFC 8446 4.6.1", Point::tls13_finished, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::ticket13())},
    {"MessageBehindFinished", "RFC 8446 5.1", Point::tls13_finished, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       return server.put(ContentType::handshake,
                         joined({server.finished_message(), ScriptedServer::ticket13()}));
     }},
    {"RequestWhenOpen", "RFC 8446 4.6.2", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::request13())},
    {"HelloRequestWhenOpen13", "RFC 8446 4", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::hello_request, {}))},
    {"ServerHelloWhenOpen", "RFC 8446 4", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::server_hello, Bytes(40, 3)))},
    {"KeyUpdateOfTwo", "RFC 8446 4.6.3", Point::tls13_open, Failure::illegal_parameter,
     Alert::illegal_parameter, says(message(HandshakeType::key_update, {2}))},
    {"KeyUpdateLong", "RFC 8446 4.6.3", Point::tls13_open, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::key_update, {0, 0}))},
    {"MessageBehindKeyUpdate", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message,
     says(joined({message(HandshakeType::key_update, {0}), ScriptedServer::ticket13()}))},
    {"DataInsideAMessage", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       return joined({server.put(ContentType::handshake, {24, 0}),
                      server.put(ContentType::application_data, {1})});
     }},
    {"DataInsideATicket", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
     Alert::unexpected_message,
     [](ScriptedServer& server) {
       return joined({server.put(ContentType::handshake, {4, 0, 0, 20, 1, 2}),
                      server.put(ContentType::application_data, {1})});
     }},
    {"TooManyKeyUpdates", "RFC 8446 4.6.3", Point::tls13_open, Failure::too_many_records, Alert::unexpected_message,
     [](ScriptedServer& server) {
       Bytes all;
       for (int i = 0; i < 33; ++i) {
         append(all, server.put(ContentType::handshake, message(HandshakeType::key_update, {0})));
         server.update_write_keys();
       }
       return all;
     }},
    {"TicketWithAnExtensionTwice", "RFC 8446 4.2", Point::tls13_open, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ticket_with_an_extension_twice())},
    {"TicketMalformed", "RFC 8446 4.6.1", Point::tls13_open, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::new_session_ticket, Bytes(12, 0)))},
};

const Case kTls12[] = {
    {"ExchangeInsteadOfCertificate", "RFC 5246 7.4.2", Point::tls12_certificate,
     Failure::unexpected_message, Alert::unexpected_message, says(ScriptedServer::key_exchange())},
    {"DoneInsteadOfCertificate", "RFC 5246 7.4.2", Point::tls12_certificate, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::hello_done())},
    {"CertificateEmpty12", "RFC 5246 7.4.2", Point::tls12_certificate, Failure::decode_error,
     Alert::decode_error, says(ScriptedServer::certificate12(0))},
    {"CertificateMalformed12", "RFC 5246 7.4.2", Point::tls12_certificate, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::certificate, {0, 0, 5, 0, 0, 9}))},
    {"StatusNotAskedFor", "RFC 6066 8", Point::tls12_exchange, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::certificate_status, {1, 0, 0, 0}))},
    {"DoneInsteadOfExchange", "RFC 5246 7.4.3", Point::tls12_exchange, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::hello_done())},
    {"ExchangeWithExplicitCurve", "RFC 8422 5.4", Point::tls12_exchange, Failure::illegal_parameter,
     Alert::illegal_parameter, says(changed(ScriptedServer::key_exchange(), 4, 1))},
    {"ExchangeInAGroupNotOffered", "RFC 8422 5.4", Point::tls12_exchange, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::key_exchange(0x001e, Bytes(56, 4)))},
    {"ExchangeWithABadPoint", "RFC 8422 5.4.1", Point::tls12_exchange, Failure::bad_key_share,
     Alert::illegal_parameter, says(ScriptedServer::key_exchange(0x0017, Bytes(65, 2)))},
    {"ExchangeWithAnotherKeyType", "RFC 5246 7.4.3", Point::tls12_exchange, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::key_exchange(0x001d, Bytes(32, 6), 0x0401))},
    {"ExchangeWithSha1", "RFC 9155 4", Point::tls12_exchange, Failure::illegal_parameter,
     Alert::illegal_parameter, says(ScriptedServer::key_exchange(0x001d, Bytes(32, 6), 0x0203))},
    {"ExchangeTruncated", "RFC 8422 5.4", Point::tls12_exchange, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::server_key_exchange, {3, 0, 29, 32, 1}))},
    // Certificate and this fill all the room that there is for messages, so what follows has none.
    {"ExchangeThatFillsTheRoom", "RFC 5246 7.2.2", Point::tls12_exchange, Failure::message_too_long,
     Alert::illegal_parameter,
     [](ScriptedServer& server) {
       constexpr std::size_t kBeforeSignature = 4 + 1 + 2 + 1 + 32 + 2 + 2;
       const std::size_t room =
           sizeof(crypto::VerifyJob::messages) - ScriptedServer::certificate12().size();
       const Bytes exchange = testing::written([&](wire::Writer& w) {
         wire::write_server_key_exchange(w, 0x001d, Bytes(32, 0x66), 0x0403,
                                         Bytes(room - kBeforeSignature - 1, 0x33));
       });
       const auto half = exchange.begin() + 8'000;
       return joined({server.put(ContentType::handshake, Bytes(exchange.begin(), half)),
                      server.put(ContentType::handshake, Bytes(half, exchange.end())),
                      server.put(ContentType::handshake, ScriptedServer::hello_done())});
     }},
    {"RequestMalformed12", "RFC 5246 7.4.4", Point::tls12_done, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::certificate_request, {0}))},
    {"RequestTwice12", "RFC 5246 7.4.4", Point::tls12_done, Failure::unexpected_message,
     Alert::unexpected_message,
     says(joined({ScriptedServer::request12(), ScriptedServer::request12()}))},
    {"DoneWithBody", "RFC 5246 7.4.5", Point::tls12_done, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::server_hello_done, {0}))},
    {"MessageBehindDone", "RFC 5246 7.4.5", Point::tls12_done, Failure::unexpected_message, Alert::unexpected_message,
     says(joined({ScriptedServer::hello_done(), ScriptedServer::ticket12()}))},
    // The injection of CVE-2014-0224.
    {"ChangeCipherSpecTooEarly", "RFC 5246 7.1", Point::tls12_done, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain(kChangeCipherSpec)},
    {"TicketNotAnnounced", "RFC 5077 3.3", Point::tls12_keys, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::ticket12())},
    {"FinishedBeforeChange", "RFC 5246 7.4.9", Point::tls12_keys, Failure::unexpected_message,
     Alert::unexpected_message, says(message(HandshakeType::finished, Bytes(12, 0)))},
    {"ChangeInsteadOfTicket", "RFC 5077 3.3", Point::tls12_ticket, Failure::unexpected_message,
     Alert::unexpected_message, sends_plain(kChangeCipherSpec)},
    {"TicketMalformed12", "RFC 5077 3.3", Point::tls12_ticket, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::new_session_ticket, {0, 0, 0, 1, 0, 9, 1}))},
    {"FinishedWrong12", "RFC 5246 7.4.9", Point::tls12_protected, Failure::bad_finished,
     Alert::decrypt_error, says(message(HandshakeType::finished, Bytes(12, 0)))},
    {"FinishedLong12", "RFC 5246 7.4.9", Point::tls12_protected, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::finished, Bytes(13, 0)))},
    {"DataBeforeFinished12", "RFC 5246 7.4.9", Point::tls12_protected, Failure::unexpected_message,
     Alert::unexpected_message, sends(ContentType::application_data, {1})},
    {"TicketWhenOpen12", "RFC 5077 3.3", Point::tls12_open, Failure::unexpected_message,
     Alert::unexpected_message, says(ScriptedServer::ticket12())},
    {"HelloRequestsWithoutEnd", "RFC 5246 7.4.1.1", Point::tls12_open, Failure::renegotiation,
     Alert::handshake_failure,
     [](ScriptedServer& server) {
       Bytes all;
       for (int i = 0; i < 5; ++i) {
         append(all, server.put(ContentType::handshake, message(HandshakeType::hello_request, {})));
       }
       return all;
     }},
    {"HelloRequestWithBody", "RFC 5246 7.4.1.1", Point::tls12_open, Failure::decode_error, Alert::decode_error,
     says(message(HandshakeType::hello_request, {0}))},
};

std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Records, ClientRejection, ::testing::ValuesIn(kRecords), name_of);
INSTANTIATE_TEST_SUITE_P(Hello, ClientRejection, ::testing::ValuesIn(kHello), name_of);
INSTANTIATE_TEST_SUITE_P(Retry, ClientRejection, ::testing::ValuesIn(kRetry), name_of);
INSTANTIATE_TEST_SUITE_P(Tls13, ClientRejection, ::testing::ValuesIn(kTls13), name_of);
INSTANTIATE_TEST_SUITE_P(Tls12, ClientRejection, ::testing::ValuesIn(kTls12), name_of);

}  // namespace

std::vector<NegativeCase> client_rejections() {
  std::vector<NegativeCase> all;
  for (const auto table : {std::span<const Case>{kRecords}, std::span<const Case>{kHello},
                           std::span<const Case>{kRetry}, std::span<const Case>{kTls13},
                           std::span<const Case>{kTls12}}) {
    for (const Case& c : table) all.push_back({c.name, c.clause});
  }
  return all;
}

}  // namespace sallyport::tls
