// A stream of records into a Client that stands at some point of a handshake.
//
// Input: one byte chooses the point, one the size of the pieces, then come records as {control,
// type, length of two bytes, content}.  Bit 0 of control seals the content under the server's
// current keys, so that what lies behind the tag is reached too; bit 1 lets the client talk first;
// bit 3 makes the content a handshake message that the transcript knows; without bit 2 the record
// header is made honest, with it the content is given as it is.
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

constexpr unsigned kPoints = 13;

void require(bool condition) {
  if (!condition) std::abort();
}

// advance takes an honest server to one of the points.
void advance(ScriptedServer& server, TlsClientDriver& client, unsigned point) {
  server.hear(client.take_output());
  if (point == 0) return;
  if (point == 1) {
    client.feed(server.retry(ServerHelloBuilder::retry(0x0017)));
    server.hear(client.take_output());
    return;
  }
  if (point <= 6) {
    client.feed(server.hello(ServerHelloBuilder::tls13()));
    if (point > 2) client.feed(server.say(ScriptedServer::encrypted_extensions()));
    if (point > 3) client.feed(server.say(ScriptedServer::certificate13()));
    if (point > 4) client.feed(server.say(ScriptedServer::certificate_verify()));
    if (point > 5) client.feed(server.finish());
    return;
  }
  ServerHelloBuilder hello = ServerHelloBuilder::tls12();
  if (point == 10) hello.add(ExtensionType::session_ticket, {});
  client.feed(server.hello(hello));
  if (point > 7) client.feed(server.say(ScriptedServer::certificate12()));
  if (point > 8) client.feed(server.say(ScriptedServer::key_exchange()));
  if (point > 9) client.feed(server.say(ScriptedServer::hello_done()));
  server.hear(client.take_output());
  if (point > 10) client.feed(server.change_cipher_spec());
  if (point > 11) client.feed(server.finish());
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
  const unsigned point = in.u8() % kPoints;
  const unsigned piece = in.u8();
  // Engines are costly to make and hold nothing between inputs that decides anything.
  static Random random{Random::Seed{3}};
  static tls::Engine of_server{random};
  static tls::Engine of_client{random};
  FakeJobs jobs;
  ScriptedServer server{of_server};
  TlsClientDriver client{
      config, jobs, {.piece_len = piece == 0 ? tls::kMaxRecord : piece, .engine = &of_client}};
  advance(server, client, point);
  require(!client.last().failed());
  const bool has_keys = (point >= 2 && point <= 6) || point >= 11;
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
    } else if ((control & 1) != 0 && has_keys) {
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
