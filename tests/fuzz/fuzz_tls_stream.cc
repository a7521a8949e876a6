// A stream of records into a Server that stands at some point of a handshake.
//
// Input: one byte chooses the point, one the size of the pieces, then come records as {control,
// type, length of two bytes, content}.  Bit 0 of control seals the content under the client's
// current keys, so that what lies behind the tag is reached too; bit 1 lets the server talk first;
// without bit 2 the record header is made honest, with it the content is given as it is; bit 3 puts
// the content into the transcript of the client, so that its Finished still fits; bit 4 lets an
// honest Finished follow.  From point 9 on the server asks for the client's certificate.
#include <cstdint>
#include <cstdlib>

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

constexpr unsigned kPoints = 14;
constexpr unsigned kFirstAsking = 9;
constexpr unsigned kFirstAsking12 = 12;

bool is_tls13(unsigned point) {
  return point >= kFirstAsking ? point < kFirstAsking12 : point <= 4;
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

// advance takes an honest client to one of the other points.
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

void check(TlsDriver& server) {
  require(server.whole_records());
  if (server.last().await == tls::Await::nothing) {
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
  TlsDriver server{point >= kFirstAsking ? asking : plain,
                   jobs,
                   {.piece_len = piece == 0 ? tls::kMaxRecord : piece, .engine = &of_server}};
  of_server.use_tickets(&ticket_keys, {server.now, 1'800'000'000'000});
  point >= kFirstAsking ? show(client, server, point) : advance(client, server, point);
  require(!server.last().failed());
  const bool tls13 = is_tls13(point);
  const bool has_keys =
      point >= kFirstAsking ? tls13 || point > kFirstAsking12 : point >= 2 && point != 5;
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
    check(server);
    // Nobody comes in whose certificate was not judged.
    require(point < kFirstAsking || !server.server().is_established() ||
            jobs.num_verifications == 1);
    if (server.last().await == tls::Await::nothing) break;
  }
  client.hear(server.take_output());
  if (server.server().is_established()) {
    client.hear(server.send(Bytes(100, 1)));
    server.server().close();
    client.hear(server.take_output());
    require(server.server().write_closed());
  }
  check(server);
  return 0;
}
