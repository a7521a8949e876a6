// A stream of records into a Server that stands at some point of a handshake.
//
// Input: one byte chooses the point, one the size of the pieces, then come records as {control,
// type, length of two bytes, content}.  Bit 0 of control seals the content under the client's
// current keys, so that what lies behind the tag is reached too; bit 1 lets the server talk first;
// without bit 2 the record header is made honest, with it the content is given as it is; bit 3 puts
// the content into the transcript of the client, so that its Finished still fits; bit 4 lets an
// honest Finished follow.  At points 9 to 13 the server asks for the client's certificate; from 14
// on TLS 1.2 goes by other suites, each before and after the key exchange, and when it is
// established.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/wire/reader.h"
#include "tests/support/client_certificate.h"
#include "tests/support/tls_client.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::ClientCertificate;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::CipherSuite;
using wire::ContentType;
using wire::ExtensionType;

void require(bool condition) {
  if (!condition) std::abort();
}

HelloBuilder retried_hello() {
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, Bytes(97, 4)).set(ExtensionType::early_data, {});
  return hello;
}

constexpr unsigned kFirstAsking = 9;
constexpr unsigned kFirstAsking12 = 12;
constexpr unsigned kFirstOfSuites = 14;

struct Suite12 {
  CipherSuite suite;
  bool encrypt_then_mac = false;
  std::vector<std::uint16_t> groups{0x001d, 0x0017};
  bool wide_number = false;  // in ClientKeyExchange: of RSA or a finite field
};
const std::array<Suite12, 4> kSuites12{
    {{.suite = CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha},
     {.suite = CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha, .encrypt_then_mac = true},
     {.suite = CipherSuite::tls_rsa_with_aes_128_gcm_sha256, .wide_number = true},
     {.suite = CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256,
      .groups = {0x0100},
      .wide_number = true}}};
constexpr unsigned kPointsOfSuite = 3;
constexpr unsigned kPoints = kFirstOfSuites + kPointsOfSuite * kSuites12.size();

bool is_asking(unsigned point) { return point >= kFirstAsking && point < kFirstOfSuites; }
bool is_tls13(unsigned point) {
  return point >= kFirstAsking ? point < kFirstAsking12 : point <= 4;
}
// has_keys tells whether client and server have agreed on keys at a point.
bool has_keys_at(unsigned point) {
  if (point >= kFirstOfSuites) return (point - kFirstOfSuites) % kPointsOfSuite != 0;
  if (is_asking(point)) return is_tls13(point) || point > kFirstAsking12;
  return point >= 2 && point != 5;
}

// show takes an honest client to a point at which it is asked for its certificate.
void show(ScriptedClient& client, TlsDriver& server, unsigned point) {
  ClientCertificate certificate;
  certificate.tls13 = is_tls13(point);
  const auto say = [&](const Bytes& message) {
    server.feed(certificate.tls13 ? client.seal(ContentType::handshake, client.say(message))
                                  : testing::record(ContentType::handshake, client.say(message)));
  };
  server.feed(client.hello(certificate.tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12()));
  client.hear(server.take_output());
  const unsigned said = point - (certificate.tls13 ? kFirstAsking : kFirstAsking12);
  if (said == 0) return;
  say(certificate.message());
  if (!certificate.tls13) server.feed(client.client_key_exchange());
  if (said == 2) say(certificate.verify());
}

void finish(ScriptedClient& client, TlsDriver& server, bool tls13) {
  if (tls13) {
    server.feed(client.finish());
    return;
  }
  server.feed(testing::kChangeCipherSpec);
  server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
}

// agree takes an honest client of TLS 1.2 to a point of one of the other suites.
void agree(ScriptedClient& client, TlsDriver& server, unsigned point) {
  const Suite12& agreed = kSuites12[(point - kFirstOfSuites) / kPointsOfSuite];
  const unsigned said = (point - kFirstOfSuites) % kPointsOfSuite;
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {static_cast<std::uint16_t>(agreed.suite)};
  hello.set(ExtensionType::supported_groups, testing::u16_list(agreed.groups));
  if (agreed.encrypt_then_mac) {
    hello.set(ExtensionType::encrypt_then_mac, {}).set(ExtensionType::max_fragment_length, {1});
  }
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  if (said == 0) return;
  const Bytes number(256, 0x77);
  if (!agreed.wide_number) {
    server.feed(client.client_key_exchange());
  } else if (agreed.suite == CipherSuite::tls_rsa_with_aes_128_gcm_sha256) {
    server.feed(client.wide_key_exchange(number, Bytes(32, FakeJobs::kSharedByte)));
  } else {
    server.feed(client.wide_key_exchange(number, number));  // FakeJobs agrees on the same number
  }
  if (said == 1) return;
  finish(client, server, false);
  client.hear(server.take_output());
  require(server.server().is_established());
}

// advance takes an honest client to one of the first points.
void advance(ScriptedClient& client, TlsDriver& server, unsigned point) {
  if (point == 0) return;
  if (point == 1) {
    server.feed(client.hello(retried_hello()));
    client.hear(server.take_output());
    return;
  }
  const bool tls13 = point <= 4;
  HelloBuilder hello = tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12();
  if (point == 2) hello.set(ExtensionType::early_data, {});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  if (point == 4) server.feed(client.finish());
  if (tls13 || point == 5) return;
  server.feed(client.client_key_exchange());
  if (point == 6) return;
  server.feed(testing::kChangeCipherSpec);
  if (point == 7) return;
  server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
  client.hear(server.take_output());
}

void check(ScriptedClient& client, TlsDriver& server) {
  require(server.whole_records());
  if (server.last().await == tls::Await::nothing) {
    // Who closes at once after its Finished still hears ours.
    client.hear(server.take_output());
    require(server.handshake() == nullptr);
    require(!server.holds_message_buffer());
  }
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  static const tls::ServerConfig plain = [] {
    tls::ServerConfig made = testing::test_config();
    made.tickets.session_ids = true;
    made.tickets.lifetime_seconds = 3'600;
    made.groups.push_back(crypto::NamedGroup::ffdhe2048);
    return made;
  }();
  static const tls::ServerConfig asking = [] {
    tls::ServerConfig made = testing::test_config();
    made.client_auth = tls::ClientAuth{tls::ClientAuthMode::required, {0, 1}, {Bytes(20, 0x30)}};
    return made;
  }();
  if (size < 2) return 0;
  wire::Reader in{{data, size}};
  const unsigned point = in.u8() % kPoints;
  const unsigned piece = in.u8();
  // Engines are costly to make and hold nothing between inputs that decides anything.  Nor does the
  // cache: no input guesses one of its IDs.
  static Random random{Random::Seed{3}};
  static tls::SessionCache sessions{16};
  static const tls::TicketKeys ticket_keys;
  static tls::Engine of_server{random, {}, &sessions};
  static tls::Engine of_client{random};
  FakeJobs jobs;
  ScriptedClient client{of_client};
  TlsDriver server{is_asking(point) ? asking : plain,
                   jobs,
                   {.piece_len = piece == 0 ? tls::kMaxRecord : piece, .engine = &of_server}};
  of_server.use_tickets(&ticket_keys, {server.now, 1'800'000'000'000});
  if (point >= kFirstOfSuites) {
    agree(client, server, point);
  } else if (is_asking(point)) {
    show(client, server, point);
  } else {
    advance(client, server, point);
  }
  require(!server.last().failed());
  const bool tls13 = is_tls13(point);
  const bool has_keys = has_keys_at(point);
  bool has_finished = false;
  while (!in.at_end()) {
    const std::uint8_t control = in.u8();
    const auto type = ContentType{in.u8()};
    const std::size_t len = in.u16();
    const ByteView content = in.bytes(std::min(len, in.remaining()));
    if (!in.ok()) break;
    const Bytes bytes(content.begin(), content.end());
    if ((control & 8) != 0) client.say(bytes);
    if ((control & 2) != 0) client.hear(server.take_output());
    if ((control & 4) != 0) {
      server.feed(bytes);
    } else if ((control & 1) != 0 && has_keys && bytes.size() <= tls::kMaxFragment) {
      server.feed(client.seal(type, bytes));
    } else {
      server.feed(testing::record(type, bytes));
    }
    // Once, because the keys for it are used up then.
    if ((control & 16) != 0 && has_keys && !has_finished) {
      finish(client, server, tls13);
      has_finished = true;
    }
    check(client, server);
    // Nobody comes in whose certificate was not judged.
    require(!is_asking(point) || !server.server().is_established() || jobs.num_verifications == 1);
    if (server.last().await == tls::Await::nothing) break;
  }
  client.hear(server.take_output());
  if (server.server().is_established()) {
    client.hear(server.send(Bytes(100, 1)));
    server.server().close();
    client.hear(server.take_output());
    require(server.server().write_closed());
  }
  check(client, server);
  return 0;
}
