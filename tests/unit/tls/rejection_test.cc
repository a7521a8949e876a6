// What a client must not do, and the alert that it hears: a table of one wrong step each, said at a
// certain point of an otherwise correct handshake.
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>

#include "tests/support/tls_client.h"
#include "tests/unit/tls/negative_cases.h"
#include "tests/unit/tls/points.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::message;
using testing::record;
using testing::ScriptedClient;
using testing::TlsDriver;
using testing::u16_list;
using testing::written;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using Alert = AlertDescription;
using Failure = HandshakeFailure;

struct Case {
  const char* name;
  const char* clause;  // that it breaks; or, where a limit of ours ends it, that allows us to
  Point point;
  Failure failure;
  Alert alert;
  std::function<Bytes(ScriptedClient&)> say;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name << " (" << c.clause << ")"; }

HelloBuilder second_hello() { return retried_hello().share(0x0017, Bytes(65, 4)); }

Bytes hello_record(const HelloBuilder& hello) {
  return record(ContentType::handshake, hello.message(), 0x0301);
}
// hello13 is the record of a TLS 1.3 hello with one change.
template <class Change>
auto hello13(Change change) {
  return [change](ScriptedClient&) {
    HelloBuilder hello = HelloBuilder::tls13();
    change(hello);
    return hello_record(hello);
  };
}
template <class Change>
auto hello12(Change change) {
  return [change](ScriptedClient&) {
    HelloBuilder hello = HelloBuilder::tls12();
    change(hello);
    return hello_record(hello);
  };
}
template <class Change>
auto second(Change change) {
  return [change](ScriptedClient& client) {
    HelloBuilder hello = client.with_cookie(second_hello());
    change(hello);
    return hello_record(hello);
  };
}
auto raw(Bytes bytes) {
  return [bytes](ScriptedClient&) { return bytes; };
}
auto sealed(ContentType type, Bytes content) {
  return [type, content](ScriptedClient& client) { return client.seal(type, content); };
}
auto handshake_record(Bytes content) { return raw(record(ContentType::handshake, content)); }

Bytes repeat(const Bytes& once, int times) {
  Bytes all;
  for (int i = 0; i < times; ++i) append(all, once);
  return all;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&all](const char* name, const char* clause, Point point, Failure failure,
                          Alert alert, auto say) {
    all.push_back({name, clause, point, failure, alert, say});
  };

  // --- Records before anything was said ---
  add("HttpRequest", "RFC 8446 5", Point::start, Failure::not_tls, Alert::unexpected_message,
      raw({'G', 'E', 'T', ' ', '/', ' '}));
  add("ZeroBytes", "RFC 8446 5", Point::start, Failure::not_tls, Alert::unexpected_message,
      raw(Bytes(8, 0)));
  add("OtherMajorVersion", "RFC 8446 D.5", Point::start, Failure::not_tls,
      Alert::unexpected_message, raw({22, 2, 0, 0, 1, 1}));
  add("Ssl2ClientHello", "RFC 8446 D.5", Point::start, Failure::protocol_version,
      Alert::protocol_version, raw({0x80, 0x2e, 1, 0, 2, 0, 0x15}));
  add("UnknownRecordType", "RFC 8446 5", Point::start, Failure::not_tls, Alert::unexpected_message,
      raw({24, 3, 3, 0, 1, 1}));
  add("ApplicationDataFirst", "RFC 8446 5", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, raw({23, 3, 3, 0, 1, 1}));
  add("ChangeCipherSpecFirst", "RFC 8446 5", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, raw(kChangeCipherSpec));
  add("OversizePlaintextRecord", "RFC 8446 5.1", Point::start, Failure::record_overflow,
      Alert::record_overflow,
      [](ScriptedClient&) { return record(ContentType::handshake, Bytes(kMaxFragment + 1, 1)); });
  add("RecordLengthBeyondAnyLimit", "RFC 8446 5.1", Point::start, Failure::record_overflow,
      Alert::record_overflow, raw({22, 3, 1, 0xff, 0xff}));
  add("EmptyHandshakeRecord", "RFC 8446 5.1", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, raw({22, 3, 1, 0, 0}));
  add("EmptyAlert", "RFC 8446 5.4", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, raw({21, 3, 1, 0, 0}));
  add("WarningWithinAClientHello", "RFC 8446 5.1", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient&) {
        const Bytes hello = HelloBuilder::tls13().message();
        Bytes bytes = record(ContentType::handshake, Bytes{hello.begin(), hello.begin() + 20});
        append(bytes, record(ContentType::alert, Bytes{1, 90}));
        return bytes;
      });
  add("TruncatedAlert", "RFC 8446 5.1", Point::start, Failure::decode_error, Alert::decode_error,
      raw({21, 3, 1, 0, 1, 2}));
  add("TwoAlertsInARecord", "RFC 8446 5.1", Point::start, Failure::decode_error,
      Alert::decode_error, raw({21, 3, 1, 0, 4, 1, 90, 1, 90}));
  add("WarningsWithoutEnd", "RFC 5246 7.2.2", Point::start, Failure::too_many_records,
      Alert::unexpected_message, raw(repeat({21, 3, 1, 0, 2, 1, 90}, 5)));

  // --- Messages in place of a ClientHello ---
  for (const HandshakeType type :
       {HandshakeType::hello_request, HandshakeType::server_hello, HandshakeType::certificate,
        HandshakeType::client_key_exchange, HandshakeType::finished, HandshakeType::key_update,
        HandshakeType::end_of_early_data}) {
    add("AnotherMessageFirst", "RFC 8446 4.1.2", Point::start, Failure::unexpected_message,
        Alert::unexpected_message, handshake_record(message(type, Bytes(8, 0))));
  }
  add("ClientHelloTooLong", "RFC 8446 6.2", Point::start, Failure::client_hello_too_long,
      Alert::illegal_parameter, handshake_record({1, 0, 0x40, 1, 3, 3}));
  add("SecondMessageAfterClientHello", "RFC 8446 5.1", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient&) {
        Bytes both = HelloBuilder::tls13().message();
        append(both, message(HandshakeType::finished, Bytes(32, 0)));
        return record(ContentType::handshake, both);
      });
  add("AnotherRecordWithinAClientHello", "RFC 8446 5.1", Point::start, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient&) {
        Bytes bytes =
            record(ContentType::handshake, ByteView{HelloBuilder::tls13().message()}.first(30));
        append(bytes, kChangeCipherSpec);
        return bytes;
      });

  // --- Limits on the size of records ---
  add("RecordSizeLimitOf63", "RFC 8449 4", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::record_size_limit, {0, 63});
      }));
  add("RecordSizeLimitOf63InTls12", "RFC 8449 4", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello12([](HelloBuilder& h) {
        h.set(ExtensionType::record_size_limit, {0, 63});
      }));
  add("RecordSizeLimitOfThreeBytes", "RFC 8449 4", Point::start, Failure::decode_error,
      Alert::decode_error, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::record_size_limit, {0, 64, 0});
      }));
  add("EmptyRecordSizeLimit", "RFC 8449 4", Point::start, Failure::decode_error,
      Alert::decode_error,
      hello13([](HelloBuilder& h) { h.set(ExtensionType::record_size_limit, {}); }));
  add("MaxFragmentLengthOfNoKind", "RFC 6066 4", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter,
      hello12([](HelloBuilder& h) { h.set(ExtensionType::max_fragment_length, {5}); }));
  add("MaxFragmentLengthZero", "RFC 6066 4", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter,
      hello13([](HelloBuilder& h) { h.set(ExtensionType::max_fragment_length, {0}); }));
  add("MaxFragmentLengthOfTwoBytes", "RFC 6066 4", Point::start, Failure::decode_error,
      Alert::decode_error, hello12([](HelloBuilder& h) {
        h.set(ExtensionType::max_fragment_length, {1, 1});
      }));

  // --- ClientHello ---
  add("EmptyClientHello", "RFC 8446 4.1.2", Point::start, Failure::decode_error,
      Alert::decode_error, handshake_record(message(HandshakeType::client_hello, {})));
  add("SessionIdTooLong", "RFC 8446 4.1.2", Point::start, Failure::decode_error,
      Alert::decode_error, hello13([](HelloBuilder& h) { h.session_id.resize(33); }));
  add("NoCipherSuites", "RFC 8446 4.1.2", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) { h.cipher_suites.clear(); }));
  add("NoCompressionMethods", "RFC 8446 4.1.2", Point::start, Failure::decode_error,
      Alert::decode_error, hello13([](HelloBuilder& h) { h.compression.clear(); }));
  add("CompressionInTls13", "RFC 8446 4.1.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.compression = {0, 1};
      }));
  add("NoNullCompressionInTls12", "RFC 5246 7.4.1.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello12([](HelloBuilder& h) { h.compression = {1}; }));
  add("BytesAfterTheExtensions", "RFC 5246 7.4.1.2, RFC 8446 6.2", Point::start,
      Failure::decode_error, Alert::decode_error, [](ScriptedClient&) {
        Bytes body = HelloBuilder::tls13().body();
        body.push_back(0);
        return record(ContentType::handshake, message(HandshakeType::client_hello, body));
      });
  add("DuplicateExtension", "RFC 8446 4.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.add(ExtensionType::supported_versions, {2, 3, 4});
      }));
  add("DuplicateUnknownExtension", "RFC 8446 4.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.add(ExtensionType{0x7777}, {}).add(ExtensionType{0x7777}, {});
      }));
  add("DuplicateAmongHundreds", "RFC 8446 4.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        for (std::uint16_t i = 0; i < 500; ++i)
          h.add(ExtensionType{static_cast<std::uint16_t>(0x4000 + i)}, {});
        h.add(ExtensionType{0x4005}, {});
      }));
  add("PreSharedKeyNotLast", "RFC 8446 4.2.11", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::psk_key_exchange_modes, {1, 1});
        h.add(ExtensionType::pre_shared_key, written([](wire::Writer& w) {
                w.vec16([&] {
                  w.vec16([&] { w.u8(7); });
                  w.u32(0);
                });
                w.vec16([&] { w.vec8([&] { w.zeros(32); }); });
              }));
        h.add(ExtensionType{0x7777}, {});
      }));
  add("PreSharedKeyWithoutModes", "RFC 8446 4.2.9", Point::start, Failure::missing_extension,
      Alert::missing_extension, hello13([](HelloBuilder& h) {
        h.add(ExtensionType::pre_shared_key, written([](wire::Writer& w) {
                w.vec16([&] {
                  w.vec16([&] { w.u8(7); });
                  w.u32(0);
                });
                w.vec16([&] { w.vec8([&] { w.zeros(32); }); });
              }));
      }));
  add("MoreBindersThanIdentities", "RFC 8446 4.2.11", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.add(ExtensionType::pre_shared_key, written([](wire::Writer& w) {
                w.vec16([&] {
                  w.vec16([&] { w.u8(7); });
                  w.u32(0);
                });
                w.vec16([&] {
                  w.vec8([&] { w.zeros(32); });
                  w.vec8([&] { w.zeros(32); });
                });
              }));
      }));
  add("Ssl30", "RFC 8446 D.5", Point::start, Failure::protocol_version, Alert::protocol_version,
      hello13([](HelloBuilder& h) { h.legacy_version = 0x0300; }));
  for (const std::uint16_t version :
       std::initializer_list<std::uint16_t>{0, 2, 0x0100, 0x0200, 0x02ff}) {
    add("LessThanSsl30", "RFC 8446 D.5", Point::start, Failure::protocol_version,
        Alert::protocol_version,
        hello13([version](HelloBuilder& h) { h.legacy_version = version; }));
  }
  add("Tls10", "RFC 8446 D.2", Point::start, Failure::protocol_version, Alert::protocol_version,
      hello12([](HelloBuilder& h) { h.legacy_version = 0x0301; }));
  add("Tls11", "RFC 8446 D.2", Point::start, Failure::protocol_version, Alert::protocol_version,
      hello12([](HelloBuilder& h) { h.legacy_version = 0x0302; }));
  add("OnlyUnknownVersions", "RFC 8446 4.2.1", Point::start, Failure::protocol_version,
      Alert::protocol_version, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::supported_versions, {4, 0x7f, 0x1c, 0x8a, 0x8a});
      }));
  add("OddVersionList", "RFC 8446 4.2.1", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) {
        h.set(ExtensionType::supported_versions, {3, 3, 4, 3});
      }));
  add("EmptyVersionList", "RFC 8446 4.2.1", Point::start, Failure::decode_error,
      Alert::decode_error,
      hello13([](HelloBuilder& h) { h.set(ExtensionType::supported_versions, {0}); }));
  add("Fallback", "RFC 7507 3", Point::start, Failure::inappropriate_fallback,
      Alert::inappropriate_fallback,
      hello12([](HelloBuilder& h) { h.cipher_suites.push_back(0x5600); }));
  add("NoCommonSuite", "RFC 8446 4.1.1", Point::start, Failure::no_common_cipher_suite,
      Alert::handshake_failure, hello13([](HelloBuilder& h) {
        h.cipher_suites = {0x1304, 0x0a0a};
      }));
  add("SuitesOfTheOtherVersion", "RFC 8446 4.1.1", Point::start, Failure::no_common_cipher_suite,
      Alert::handshake_failure, hello13([](HelloBuilder& h) { h.cipher_suites = {0xc02b}; }));
  add("NoSignatureAlgorithms", "RFC 8446 9.2", Point::start, Failure::missing_extension,
      Alert::missing_extension,
      hello13([](HelloBuilder& h) { h.remove(ExtensionType::signature_algorithms); }));
  add("NoSupportedGroups", "RFC 8446 9.2", Point::start, Failure::missing_extension,
      Alert::missing_extension,
      hello13([](HelloBuilder& h) { h.remove(ExtensionType::supported_groups); }));
  add("NoKeyShare", "RFC 8446 9.2", Point::start, Failure::missing_extension,
      Alert::missing_extension,
      hello13([](HelloBuilder& h) { h.remove(ExtensionType::key_share); }));
  add("NoCommonGroup", "RFC 8446 4.1.1", Point::start, Failure::no_common_group,
      Alert::handshake_failure, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::supported_groups, u16_list({0x001e})).share(0x001e, Bytes(56, 1));
      }));
  add("NoCommonScheme", "RFC 8446 4.1.1", Point::start, Failure::no_common_signature_scheme,
      Alert::handshake_failure, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::signature_algorithms, u16_list({0x0401, 0x0203}));
      }));
  add("OddGroupList", "RFC 8446 4.2.7", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) {
        h.set(ExtensionType::supported_groups, {0, 3, 0, 0x1d, 0});
      }));
  add("ShareOfAGroupNotListed", "RFC 8446 4.2.8", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter,
      hello13([](HelloBuilder& h) { h.set(ExtensionType::supported_groups, u16_list({0x0017})); }));
  add("TwoSharesOfOneGroup", "RFC 8446 4.2.8", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::key_share, written([](wire::Writer& w) {
                w.vec16([&] {
                  for (int i = 0; i < 2; ++i) {
                    w.u16(0x001d);
                    w.vec16([&] { w.zeros(32); });
                  }
                });
              }));
      }));
  add("ShortShare", "RFC 8446 4.2.8.2", Point::start, Failure::bad_key_share,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) { h.share(0x001d, Bytes(31, 1)); }));
  add("CompressedPoint", "RFC 8446 4.2.8.2", Point::start, Failure::bad_key_share,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) { h.share(0x0017, Bytes(65, 2)); }));
  add("EmptyShare", "RFC 8446 4.2.8", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) { h.share(0x001d, {}); }));
  add("TwoHostNames", "RFC 6066 3", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello13([](HelloBuilder& h) {
        h.set(ExtensionType::server_name, {0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b'});
      }));
  add("EmptyHostName", "RFC 6066 3", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) {
        h.set(ExtensionType::server_name, {0, 3, 0, 0, 0});
      }));
  for (const std::uint8_t byte : Bytes{0x00, 0x07, 0x0a, 0x1b, 0x20, 0x7f}) {
    add("HostNameThatIsNone", "RFC 6066 3", Point::start, Failure::illegal_parameter,
        Alert::illegal_parameter, hello13([byte](HelloBuilder& h) {
          h.set(ExtensionType::server_name, {0, 6, 0, 0, 3, 'a', byte, 'b'});
        }));
  }
  add("EmptyProtocolName", "RFC 7301 3.1", Point::start, Failure::decode_error, Alert::decode_error,
      hello13([](HelloBuilder& h) {
        h.set(ExtensionType::application_layer_protocol_negotiation, {0, 2, 0, 0});
      }));
  add("NoCommonProtocol", "RFC 7301 3.2", Point::start, Failure::no_application_protocol,
      Alert::no_application_protocol, hello13([](HelloBuilder& h) { h.alpn({"spdy"}); }));
  add("RenegotiationInfoInAFirstHandshake", "RFC 5746 3.6", Point::start, Failure::renegotiation,
      Alert::handshake_failure, hello12([](HelloBuilder& h) {
        h.set(ExtensionType::renegotiation_info, {2, 1, 2});
      }));
  add("NoUncompressedPoints", "RFC 8422 5.1.2", Point::start, Failure::illegal_parameter,
      Alert::illegal_parameter, hello12([](HelloBuilder& h) {
        h.set(ExtensionType::ec_point_formats, {1, 1});
      }));
  add("ExtendedMasterSecretWithABody", "RFC 7627 5.1", Point::start, Failure::decode_error,
      Alert::decode_error,
      hello12([](HelloBuilder& h) { h.set(ExtensionType::extended_master_secret, {0}); }));
  // Without the extension SHA-1 is meant.
  add("Tls12WithoutSignatureAlgorithms", "RFC 5246 7.4.1.4.1", Point::start,
      Failure::no_common_signature_scheme, Alert::handshake_failure,
      hello12([](HelloBuilder& h) { h.remove(ExtensionType::signature_algorithms); }));
  add("Tls12WithoutCommonGroup", "RFC 8422 5.1", Point::start, Failure::no_common_group,
      Alert::handshake_failure, hello12([](HelloBuilder& h) {
        h.cipher_suites = {0xc02f};
        h.set(ExtensionType::supported_groups, u16_list({0x0018}));
      }));

  // --- The second ClientHello ---
  add("SecondHelloWithoutTheShare", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.share(0x0018, Bytes(97, 4)); }));
  add("SecondHelloWithAnotherRandom", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.random[5] ^= 1; }));
  add("SecondHelloWithAnotherVersion", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.legacy_version = 0x0304; }));
  add("SecondHelloWithAnotherSessionId", "RFC 8446 4.1.2", Point::retried,
      Failure::illegal_parameter, Alert::illegal_parameter,
      second([](HelloBuilder& h) { h.session_id[0] ^= 1; }));
  add("SecondHelloWithOtherSuites", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.cipher_suites.pop_back(); }));
  add("SecondHelloForcingAnotherSuite", "RFC 8446 4.1.2", Point::retried,
      Failure::illegal_parameter, Alert::illegal_parameter,
      second([](HelloBuilder& h) { h.cipher_suites = {0x1303}; }));
  add("SecondHelloWithAnotherName", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.server_name("site.test"); }));
  add("SecondHelloWithTwoShares", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) {
        h.set(ExtensionType::key_share, written([](wire::Writer& w) {
                w.vec16([&] {
                  w.u16(0x0017);
                  w.vec16([&] {
                    w.u8(4);
                    w.zeros(64);
                  });
                  w.u16(0x0018);
                  w.vec16([&] { w.zeros(97); });
                });
              }));
      }));
  add("SecondHelloWithEarlyData", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter,
      second([](HelloBuilder& h) { h.set(ExtensionType::early_data, {}); }));
  add("SecondHelloOfTls12", "RFC 8446 4.1.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) {
        h.set(ExtensionType::supported_versions, {2, 3, 3});
      }));
  add("SecondHelloWithoutCookie", "RFC 8446 4.2.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) { h.remove(ExtensionType::cookie); }));
  add("SecondHelloWithCookieOfNoServer", "RFC 8446 4.2.2", Point::retried,
      Failure::illegal_parameter, Alert::illegal_parameter, second([](HelloBuilder& h) {
        h.set(ExtensionType::cookie,
              written([](wire::Writer& w) { w.vec16([&] { w.zeros(68); }); }));
      }));
  add("SecondHelloWithCookieTooShort", "RFC 8446 4.2.2", Point::retried, Failure::illegal_parameter,
      Alert::illegal_parameter, second([](HelloBuilder& h) {
        h.set(ExtensionType::cookie, {0, 1, 0});
      }));
  for (const std::size_t place :
       {std::size_t{2}, std::size_t{5}, std::size_t{6}, std::size_t{69}}) {
    add("SecondHelloWithChangedCookie", "RFC 8446 4.2.2", Point::retried,
        Failure::illegal_parameter, Alert::illegal_parameter, [place](ScriptedClient& client) {
          Bytes cookie = *client.extension(ExtensionType::cookie);
          cookie.at(place) ^= 1;
          return hello_record(second_hello().set(ExtensionType::cookie, cookie));
        });
  }
  add("FinishedInPlaceOfSecondHello", "RFC 8446 4", Point::retried, Failure::unexpected_message,
      Alert::unexpected_message, handshake_record(message(HandshakeType::finished, Bytes(32, 0))));
  add("ApplicationDataThatNobodyAnnounced", "RFC 8446 5", Point::retried,
      Failure::unexpected_message, Alert::unexpected_message,
      raw(record(ContentType::application_data, Bytes(40, 1))));
  add("ChangeCipherSpecsWithoutEnd", "RFC 8446 D.4", Point::retried, Failure::too_many_records,
      Alert::unexpected_message, raw(repeat(kChangeCipherSpec, 9)));

  // --- TLS 1.3 after our flight ---
  add("WrongFinished", "RFC 8446 4.4.4", Point::tls13_flight, Failure::bad_finished,
      Alert::decrypt_error, [](ScriptedClient& client) {
        Bytes finished = client.finished_message();
        finished.back() ^= 1;
        return client.seal(ContentType::handshake, finished);
      });
  add("FinishedOfTheWrongLength", "RFC 8446 4.4.4", Point::tls13_flight, Failure::decode_error,
      Alert::decode_error,
      sealed(ContentType::handshake, message(HandshakeType::finished, Bytes(48, 0))));
  add("FinishedTwiceInARecord", "RFC 8446 5.1", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient& client) {
        return client.seal(ContentType::handshake, repeat(client.finished_message(), 2));
      });
  add("FinishedInTheClear", "RFC 8446 5", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient& client) {
        return record(ContentType::handshake, client.finished_message());
      });
  add("CertificateUnasked", "RFC 8446 4.4.2", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::certificate, {0, 0, 0, 0})));
  add("EndOfEarlyDataUnasked", "RFC 8446 4.5", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::end_of_early_data, {})));
  add("SecondClientHelloUnasked", "RFC 8446 4.1.2", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message,
      raw(hello_record(HelloBuilder::tls13())));
  add("ApplicationDataBeforeFinished", "RFC 8446 2", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::application_data, {1, 2, 3}));
  add("ChangeCipherSpecUnderProtection", "RFC 8446 5", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::change_cipher_spec, {1}));
  add("ChangeCipherSpecOfAnotherValue", "RFC 8446 5", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message, raw({20, 3, 3, 0, 1, 2}));
  add("ChangeCipherSpecOfTwoBytes", "RFC 8446 5", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message, raw({20, 3, 3, 0, 2, 1, 1}));
  add("WarningWithinFinished", "RFC 8446 5.1", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient& client) {
        const Bytes finished = client.finished_message();
        Bytes bytes = client.seal(ContentType::handshake, {finished.begin(), finished.begin() + 9});
        append(bytes, client.seal(ContentType::alert, {1, 90}));
        return bytes;
      });
  add("EmptyAlertBeforeFinished", "RFC 8446 5.4", Point::tls13_flight, Failure::unexpected_message,
      Alert::unexpected_message, sealed(ContentType::alert, {}));
  add("ChangeCipherSpecWithinFinished", "RFC 8446 5.1", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message, [](ScriptedClient& client) {
        const Bytes finished = client.finished_message();
        Bytes bytes = client.seal(ContentType::handshake, {finished.begin(), finished.begin() + 9});
        append(bytes, kChangeCipherSpec);
        return bytes;
      });
  add("RecordThatDoesNotDecrypt", "RFC 8446 5.2", Point::tls13_flight, Failure::bad_record_mac,
      Alert::bad_record_mac, [](ScriptedClient& client) {
        Bytes bytes = client.finish();
        bytes.back() ^= 1;
        return bytes;
      });
  add("RecordShorterThanATag", "RFC 8446 5.2", Point::tls13_flight, Failure::bad_record_mac,
      Alert::bad_record_mac, raw(record(ContentType::application_data, Bytes(15, 1))));
  add("EmptyProtectedRecord", "RFC 8446 5.2", Point::tls13_flight, Failure::bad_record_mac,
      Alert::bad_record_mac, raw(record(ContentType::application_data, {})));
  add("AlertInTheClearAfterProtection", "RFC 8446 6", Point::tls13_flight,
      Failure::unexpected_message, Alert::unexpected_message, [](ScriptedClient& client) {
        Bytes bytes = client.seal(ContentType::alert, {1, 90});
        append(bytes, record(ContentType::alert, Bytes{2, 40}));
        return bytes;
      });

  // --- TLS 1.3 established ---
  add("RecordOfNothingButPadding", "RFC 8446 5.4", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message,
      [](ScriptedClient& client) { return client.seal_inner(Bytes(50, 0)); });
  add("InnerPlaintextTooLong", "RFC 8446 5.4", Point::tls13_open, Failure::record_overflow,
      Alert::record_overflow, [](ScriptedClient& client) {
        Bytes inner(kMaxFragment + 1, 1);
        inner.push_back(23);
        return client.seal_inner(inner);
      });
  add("PaddingBeyondTheLimit", "RFC 8446 5.4", Point::tls13_open, Failure::record_overflow,
      Alert::record_overflow, [](ScriptedClient& client) {
        Bytes inner{1, 23};
        inner.resize(kMaxFragment + 2, 0);
        return client.seal_inner(inner);
      });
  add("CiphertextTooLong", "RFC 8446 5.2", Point::tls13_open, Failure::record_overflow,
      Alert::record_overflow,
      raw(record(ContentType::application_data, Bytes(kMaxCiphertext13 + 1, 1))));
  // Longer than a record of any version, which is seen before the rest has come.
  add("HeaderOfTooLongACiphertext", "RFC 8446 5.2", Point::tls13_open, Failure::record_overflow,
      Alert::record_overflow, raw({23, 3, 3, 0x41, 0x31}));
  add("UnknownInnerType", "RFC 8446 5", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient& client) {
        return client.seal_inner({1, 2, 99});
      });
  add("ClientHelloAfterTheHandshake", "RFC 8446 4.1.2", Point::tls13_open,
      Failure::unexpected_message, Alert::unexpected_message, [](ScriptedClient& client) {
        return client.seal(ContentType::handshake, HelloBuilder::tls13().message());
      });
  add("NewSessionTicketFromAClient", "RFC 8446 4.6.1", Point::tls13_open,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::new_session_ticket, Bytes(20, 0))));
  add("FinishedAgain", "RFC 8446 4", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::finished, Bytes(32, 0))));
  add("KeyUpdateOfAnotherValue", "RFC 8446 4.6.3", Point::tls13_open, Failure::illegal_parameter,
      Alert::illegal_parameter,
      sealed(ContentType::handshake, message(HandshakeType::key_update, {2})));
  add("KeyUpdateTooLong", "RFC 8446 4.6.3", Point::tls13_open, Failure::decode_error,
      Alert::decode_error,
      sealed(ContentType::handshake, message(HandshakeType::key_update, {1, 0})));
  add("KeyUpdateWithMoreBehindIt", "RFC 8446 5.1", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message,
      sealed(ContentType::handshake, repeat(message(HandshakeType::key_update, {0}), 2)));
  add("ApplicationDataWithinKeyUpdate", "RFC 8446 5.1", Point::tls13_open,
      Failure::unexpected_message, Alert::unexpected_message, [](ScriptedClient& client) {
        Bytes bytes = client.seal(ContentType::handshake, {24, 0});
        append(bytes, client.seal(ContentType::application_data, {1}));
        return bytes;
      });
  add("ChangeCipherSpecAfterTheHandshake", "RFC 8446 5", Point::tls13_open,
      Failure::unexpected_message, Alert::unexpected_message, raw(kChangeCipherSpec));
  add("HandshakeRecordInTheClear", "RFC 8446 5", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message, handshake_record(message(HandshakeType::key_update, {0})));
  add("AlertInTheClear", "RFC 8446 6", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message, raw({21, 3, 3, 0, 2, 2, 40}));
  add("EmptyRecordsWithoutEnd", "RFC 8446 5.4", Point::tls13_open, Failure::too_many_records,
      Alert::unexpected_message, [](ScriptedClient& client) {
        Bytes bytes;
        for (int i = 0; i < 33; ++i) append(bytes, client.seal(ContentType::application_data, {}));
        return bytes;
      });
  add("KeyUpdatesWithoutEnd", "RFC 8446 4.6.3", Point::tls13_open, Failure::too_many_records,
      Alert::unexpected_message, [](ScriptedClient& client) {
        Bytes bytes;
        for (int i = 0; i < 33; ++i) {
          append(bytes,
                 client.seal(ContentType::handshake, message(HandshakeType::key_update, {0})));
          client.update_write_keys();
        }
        return bytes;
      });
  add("EmptyAlertWhenOpen", "RFC 8446 5.4", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message, sealed(ContentType::alert, {}));
  add("EmptyHandshakeFragment", "RFC 8446 5.4", Point::tls13_open, Failure::unexpected_message,
      Alert::unexpected_message, sealed(ContentType::handshake, {}));
  add("ReplayedRecord", "RFC 8446 5.3", Point::tls13_open, Failure::bad_record_mac,
      Alert::bad_record_mac, [](ScriptedClient& client) {
        return repeat(client.seal(ContentType::application_data, {1}), 2);
      });
  add("RecordUnderOldKeysAfterUpdate", "RFC 8446 4.6.3", Point::tls13_open, Failure::bad_record_mac,
      Alert::bad_record_mac, [](ScriptedClient& client) {
        Bytes bytes = client.seal(ContentType::handshake, message(HandshakeType::key_update, {0}));
        append(bytes, client.seal(ContentType::application_data, {1}));
        return bytes;
      });

  // --- TLS 1.2 ---
  add("Tls12FinishedWithoutKeyExchange", "RFC 5246 7.4.7", Point::tls12_flight,
      Failure::unexpected_message, Alert::unexpected_message,
      handshake_record(message(HandshakeType::finished, Bytes(12, 0))));
  // The injection of CVE-2014-0224.
  add("Tls12EarlyChangeCipherSpec", "RFC 5246 7.1", Point::tls12_flight,
      Failure::unexpected_message, Alert::unexpected_message, raw(kChangeCipherSpec));
  add("Tls12ClientHelloAgain", "RFC 5246 7.4", Point::tls12_flight, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient&) {
        return record(ContentType::handshake, HelloBuilder::tls12().message());
      });
  add("Tls12CertificateUnasked", "RFC 5246 7.4.6", Point::tls12_flight, Failure::unexpected_message,
      Alert::unexpected_message, handshake_record(message(HandshakeType::certificate, {0, 0, 0})));
  add("Tls12ApplicationDataBeforeFinished", "RFC 5246 7.3", Point::tls12_flight,
      Failure::unexpected_message, Alert::unexpected_message,
      raw(record(ContentType::application_data, Bytes{1})));
  add("Tls12ShortPoint", "RFC 8422 5.7", Point::tls12_flight, Failure::bad_key_share,
      Alert::illegal_parameter,
      handshake_record(message(HandshakeType::client_key_exchange, {3, 1, 2, 3})));
  add("Tls12PointLengthWrong", "RFC 8422 5.7", Point::tls12_flight, Failure::decode_error,
      Alert::decode_error,
      handshake_record(message(HandshakeType::client_key_exchange, {9, 1, 2, 3})));
  add("Tls12KeyExchangeTooLong", "RFC 8422 5.7", Point::tls12_flight, Failure::decode_error,
      Alert::decode_error,
      handshake_record(message(HandshakeType::client_key_exchange, Bytes(300, 1))));
  add("Tls12EmptyKeyExchange", "RFC 8422 5.7", Point::tls12_flight, Failure::decode_error,
      Alert::decode_error, handshake_record(message(HandshakeType::client_key_exchange, {})));
  add("Tls12MessageBehindKeyExchange", "RFC 5246 7.4", Point::tls12_flight,
      Failure::unexpected_message, Alert::unexpected_message, [](ScriptedClient&) {
        Bytes point{32};
        point.resize(33, 7);
        return record(ContentType::handshake,
                      repeat(message(HandshakeType::client_key_exchange, point), 2));
      });
  add("Tls12RecordOfAnotherVersion", "RFC 5246 6.2.1", Point::tls12_flight,
      Failure::protocol_version, Alert::protocol_version,
      raw(record(ContentType::handshake, message(HandshakeType::client_key_exchange, {1, 1}),
                 0x0302)));
  add("Tls12FinishedBeforeChangeCipherSpec", "RFC 5246 7.4.9", Point::tls12_keys,
      Failure::unexpected_message, Alert::unexpected_message,
      handshake_record(message(HandshakeType::finished, Bytes(12, 0))));
  add("Tls12ChangeCipherSpecOfAnotherValue", "RFC 5246 7.1", Point::tls12_keys,
      Failure::unexpected_message, Alert::unexpected_message, raw({20, 3, 3, 0, 1, 0}));
  add("Tls12KeyExchangeAgain", "RFC 5246 7.4", Point::tls12_keys, Failure::unexpected_message,
      Alert::unexpected_message, [](ScriptedClient&) {
        Bytes point{32};
        point.resize(33, 7);
        return record(ContentType::handshake, message(HandshakeType::client_key_exchange, point));
      });
  add("Tls12FinishedInTheClear", "RFC 5246 6.2.3.3", Point::tls12_protected,
      Failure::bad_record_mac, Alert::bad_record_mac, [](ScriptedClient& client) {
        return record(ContentType::handshake, client.finished12_message());
      });
  add("Tls12WrongFinished", "RFC 5246 7.4.9", Point::tls12_protected, Failure::bad_finished,
      Alert::decrypt_error, [](ScriptedClient& client) {
        Bytes finished = client.finished12_message();
        finished[7] ^= 1;
        return client.seal(ContentType::handshake, finished);
      });
  add("Tls12FinishedTooShort", "RFC 5246 7.4.9", Point::tls12_protected, Failure::decode_error,
      Alert::decode_error,
      sealed(ContentType::handshake, message(HandshakeType::finished, Bytes(11, 0))));
  add("Tls12ChangeCipherSpecTwice", "RFC 5246 7.1", Point::tls12_protected,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::change_cipher_spec, {1}));
  add("Tls12ApplicationDataBeforeFinishedUnderKeys", "RFC 5246 7.4.9", Point::tls12_protected,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::application_data, {1}));
  add("Tls12Renegotiation", "RFC 5246 7.2.2, RFC 5746 3.7", Point::tls12_open,
      Failure::renegotiation, Alert::handshake_failure, [](ScriptedClient& client) {
        return client.seal(ContentType::handshake, HelloBuilder::tls12().message());
      });
  add("Tls12HelloRequestFromAClient", "RFC 5246 7.4.1.1", Point::tls12_open,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::hello_request, {})));
  add("Tls12KeyUpdate", "RFC 5246 7.4", Point::tls12_open, Failure::unexpected_message,
      Alert::unexpected_message,
      sealed(ContentType::handshake, message(HandshakeType::key_update, {0})));
  add("Tls12ChangeCipherSpecAfterTheHandshake", "RFC 5246 7.1", Point::tls12_open,
      Failure::unexpected_message, Alert::unexpected_message,
      sealed(ContentType::change_cipher_spec, {1}));
  add("Tls12BadTag", "RFC 5246 6.2.3.3", Point::tls12_open, Failure::bad_record_mac,
      Alert::bad_record_mac, [](ScriptedClient& client) {
        Bytes bytes = client.seal(ContentType::application_data, {1, 2, 3});
        bytes.back() ^= 0x80;
        return bytes;
      });
  add("Tls12TypeChangedOnTheWay", "RFC 5246 6.2.3.3", Point::tls12_open, Failure::bad_record_mac,
      Alert::bad_record_mac, [](ScriptedClient& client) {
        Bytes bytes = client.seal(ContentType::application_data, {1, 0});
        bytes[0] = 21;
        return bytes;
      });
  add("Tls12PlaintextRecord", "RFC 5246 6.2.3.3", Point::tls12_open, Failure::bad_record_mac,
      Alert::bad_record_mac, raw(record(ContentType::application_data, Bytes(10, 1))));
  add("Tls12EmptyRecordsWithoutEnd", "RFC 5246 6.2.1", Point::tls12_open, Failure::too_many_records,
      Alert::unexpected_message, [](ScriptedClient& client) {
        Bytes bytes;
        for (int i = 0; i < 33; ++i) append(bytes, client.seal(ContentType::application_data, {}));
        return bytes;
      });
  add("Tls12EmptyAlert", "RFC 5246 6.2.1", Point::tls12_open, Failure::unexpected_message,
      Alert::unexpected_message, sealed(ContentType::alert, {}));
  add("Tls12AlertOfAnotherLevel", "RFC 5246 7.2", Point::tls12_open, Failure::illegal_parameter,
      Alert::illegal_parameter, sealed(ContentType::alert, {3, 90}));
  add("Tls12AlertOfOneByte", "RFC 5246 7.2", Point::tls12_open, Failure::decode_error,
      Alert::decode_error, sealed(ContentType::alert, {2}));
  return all;
}

class Rejection : public ::testing::TestWithParam<Case> {};

TEST_P(Rejection, AnswersWithTheAlertOfTheRfc) {
  const Case& c = GetParam();
  SCOPED_TRACE(c.clause);
  ServerConfig config = testing::test_config();
  config.alpn_protocols = {"h2", "http/1.1"};
  for (const std::size_t piece_len : {kMaxRecord, std::size_t{7}}) {
    ScriptedClient client;
    FakeJobs jobs;
    TlsDriver server{config, jobs, {.piece_len = piece_len}};
    ASSERT_NO_FATAL_FAILURE(advance(client, server, c.point));
    ASSERT_FALSE(server.last().failed()) << stats::name_of(server.last().failure);
    server.feed(c.say(client));
    EXPECT_EQ(stats::name_of(server.last().failure), stats::name_of(c.failure));
    expect_over(client, server, c.alert);
  }
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& one) {
  return std::to_string(one.index) + one.param.name;
}
INSTANTIATE_TEST_SUITE_P(Table, Rejection, ::testing::ValuesIn(cases()), name_of_case);

}  // namespace

std::vector<NegativeCase> server_rejections() {
  std::vector<NegativeCase> all;
  for (const Case& c : cases()) all.push_back({c.name, c.clause});
  return all;
}

}  // namespace sallyport::tls
