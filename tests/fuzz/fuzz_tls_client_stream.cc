// A stream of records into a Client that stands at some point of a handshake.
//
// Input: one byte chooses the point, one the size of the pieces, then come records as {control,
// type, length of two bytes, content}.  Bit 0 of control seals the content under the server's
// current keys, so that what lies behind the tag is reached too; bit 1 lets the client talk first;
// bit 3 makes the content a handshake message that the transcript knows; without bit 2 the record
// header is made honest, with it the content is given as it is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "lib/wire/reader.h"
#include "tests/support/tls_client_driver.h"
#include "tests/support/tls_server.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::FakeJobs;
using testing::ScriptedServer;
using testing::ServerHelloBuilder;
using testing::TlsClientDriver;
using wire::ContentType;
using wire::ExtensionType;

// Up to Point::established12 the points are those of full handshakes, in their order.
enum class Point : std::uint8_t {
  hello,
  retried,
  server_hello13,
  encrypted_extensions,
  certificate13,
  certificate_verify,
  established13,
  server_hello12,
  certificate12,
  server_key_exchange,
  server_hello_done,  // a ticket is announced
  change_cipher_spec,
  established12,
  ticket_shown,  // and so on, of sessions that are resumed
  resumed13,
  established_again13,
  id_shown,
  resumed12,
  ticket_of_resumed12,  // announced
  established_again12,
  change_cipher_spec_of_resumed12,
  ticket_behind_resumed12,  // it has come, and ChangeCipherSpec
};
constexpr unsigned kPoints = static_cast<unsigned>(Point::ticket_behind_resumed12) + 1;

void require(bool condition) {
  if (!condition) std::abort();
}

const Bytes kSessionId = Bytes(32, 0x1d);

struct Sessions {
  explicit Sessions(const tls::ClientConfig& config) {
    tls13.version = wire::ProtocolVersion::tls13;
    tls13.cipher_suite = wire::CipherSuite::tls_aes_128_gcm_sha256;
    tls13.secret_len = 32;
    tls13.ticket_len = 100;
    tls12.version = wire::ProtocolVersion::tls12;
    tls12.cipher_suite = wire::CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256;
    tls12.secret_len = tls::MasterSecret12::kLen;
    tls12.session_id_len = static_cast<std::uint8_t>(kSessionId.size());
    std::ranges::copy(kSessionId, tls12.session_id.begin());
    for (tls::ClientSession* const session : {&tls13, &tls12}) {
      session->authority = config.authority;
      session->expires_ms = session->chain_expires_ms = ~std::uint64_t{0};
    }
  }
  tls::ClientSession tls13;
  tls::ClientSession tls12;
};

// session_at is what the client shows at this point, or nullptr.
const tls::ClientSession* session_at(Point point, const tls::ClientConfig& config) {
  static const Sessions sessions{config};
  if (point < Point::ticket_shown) return nullptr;
  return point < Point::id_shown ? &sessions.tls13 : &sessions.tls12;
}

void advance13(ScriptedServer& server, TlsClientDriver& client, Point point) {
  client.feed(server.hello(ServerHelloBuilder::tls13()));
  if (point >= Point::encrypted_extensions) {
    client.feed(server.say(ScriptedServer::encrypted_extensions()));
  }
  if (point >= Point::certificate13) client.feed(server.say(ScriptedServer::certificate13()));
  if (point >= Point::certificate_verify) {
    client.feed(server.say(ScriptedServer::certificate_verify()));
  }
  if (point >= Point::established13) client.feed(server.finish());
}

void advance12(ScriptedServer& server, TlsClientDriver& client, Point point) {
  ServerHelloBuilder hello = ServerHelloBuilder::tls12();
  if (point == Point::server_hello_done) hello.add(ExtensionType::session_ticket, {});
  client.feed(server.hello(hello));
  if (point >= Point::certificate12) client.feed(server.say(ScriptedServer::certificate12()));
  if (point >= Point::server_key_exchange) client.feed(server.say(ScriptedServer::key_exchange()));
  if (point >= Point::server_hello_done) client.feed(server.say(ScriptedServer::hello_done()));
  server.hear(client.take_output());
  if (point >= Point::change_cipher_spec) client.feed(server.change_cipher_spec());
  if (point >= Point::established12) client.feed(server.finish());
}

void resume13(ScriptedServer& server, TlsClientDriver& client, Point point,
              const tls::ClientSession& session) {
  server.resume13(crypto::HashAlgorithm::sha256, session.secret_bytes());
  client.feed(server.hello(ServerHelloBuilder::tls13().add(ExtensionType::pre_shared_key, {0, 0})));
  if (point < Point::established_again13) return;
  client.feed(server.say(ScriptedServer::encrypted_extensions()));
  client.feed(server.finish());
}

void resume12(ScriptedServer& server, TlsClientDriver& client, Point point,
              const tls::ClientSession& session) {
  ServerHelloBuilder hello = ServerHelloBuilder::tls12();
  hello.session_id = kSessionId;
  const bool has_come = point == Point::ticket_behind_resumed12;
  if (has_come || point == Point::ticket_of_resumed12) {
    hello.add(ExtensionType::session_ticket, {});
  }
  client.feed(server.resume12(hello, session.secret_bytes()));
  if (has_come) client.feed(server.say(ScriptedServer::ticket12()));
  if (point < Point::established_again12) return;
  client.feed(server.change_cipher_spec());
  if (point == Point::established_again12) client.feed(server.finish());
}

// advance takes an honest server to one of the points.
void advance(ScriptedServer& server, TlsClientDriver& client, Point point,
             const tls::ClientSession* session) {
  server.hear(client.take_output());
  if (point == Point::hello || point == Point::ticket_shown || point == Point::id_shown) return;
  if (point == Point::retried) {
    client.feed(server.retry(ServerHelloBuilder::retry(0x0017)));
    server.hear(client.take_output());
  } else if (point <= Point::established13) {
    advance13(server, client, point);
  } else if (point <= Point::established12) {
    advance12(server, client, point);
  } else if (point <= Point::established_again13) {
    resume13(server, client, point, *session);
  } else {
    resume12(server, client, point, *session);
  }
}

// has_keys: what the server says at this point may be sealed.
bool has_keys(Point point) {
  switch (point) {
    case Point::hello:
    case Point::retried:
    case Point::server_hello12:
    case Point::certificate12:
    case Point::server_key_exchange:
    case Point::server_hello_done:
    case Point::ticket_shown:
    case Point::id_shown:
    case Point::resumed12:
    case Point::ticket_of_resumed12:
      return false;
    case Point::server_hello13:
    case Point::encrypted_extensions:
    case Point::certificate13:
    case Point::certificate_verify:
    case Point::established13:
    case Point::change_cipher_spec:
    case Point::established12:
    case Point::resumed13:
    case Point::established_again13:
    case Point::established_again12:
    case Point::change_cipher_spec_of_resumed12:
    case Point::ticket_behind_resumed12:
      break;
  }
  return true;
}

void check(TlsClientDriver& client) {
  if (client.last().await != tls::Await::nothing) return;
  // Whoever has heard close_notify may still have its own Finished to send.
  require(client.handshake() == nullptr || client.client().is_established());
  require(!client.holds_verify_job());
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  static const tls::ClientConfig config = testing::test_client_config();
  if (size < 2) return 0;
  wire::Reader in{{data, size}};
  const auto point = static_cast<Point>(in.u8() % kPoints);
  const unsigned piece = in.u8();
  // Engines are costly to make and hold nothing between inputs that decides anything.
  static Random random{Random::Seed{3}};
  static tls::Engine of_server{random};
  static tls::Engine of_client{random};
  FakeJobs jobs;
  ScriptedServer server{of_server};
  const tls::ClientSession* const session = session_at(point, config);
  TlsClientDriver client{config,
                         jobs,
                         {.piece_len = piece == 0 ? tls::kMaxRecord : piece,
                          .engine = &of_client,
                          .session = session}};
  advance(server, client, point, session);
  require(!client.last().failed());
  while (!in.at_end()) {
    const std::uint8_t control = in.u8();
    const auto type = ContentType{in.u8()};
    const std::size_t len = in.u16();
    const ByteView content = in.bytes(std::min(len, in.remaining()));
    if (!in.ok()) break;
    const Bytes bytes(content.begin(), content.end());
    if ((control & 2) != 0) server.hear(client.take_output());
    if ((control & 4) != 0) {
      client.feed(bytes);
    } else if (bytes.size() > tls::kMaxFragment) {
      client.feed(testing::record(type, bytes));
    } else if ((control & 8) != 0) {
      client.feed(server.say(bytes));
    } else if ((control & 1) != 0 && has_keys(point)) {
      client.feed(server.seal(type, bytes));
    } else {
      client.feed(testing::record(type, bytes));
    }
    check(client);
    if (client.last().await == tls::Await::nothing) break;
  }
  server.hear(client.take_output());
  if (client.client().is_established()) {
    server.hear(client.send(Bytes(100, 1)));
    client.client().close();
    server.hear(client.take_output());
    require(client.client().write_closed());
  }
  check(client);
  return 0;
}
