// start12 takes a scripted server of TLS 1.2 up to the client's Finished.
#pragma once
#include "tests/support/tls_client_driver.h"
#include "tests/support/tls_server.h"

namespace sallyport::tls {

inline void start12(
    testing::ScriptedServer& server, testing::TlsClientDriver& client,
    const testing::ServerHelloBuilder& hello = testing::ServerHelloBuilder::tls12()) {
  server.hear(client.take_output());
  client.feed(server.hello(hello));
  client.feed(server.say(testing::ScriptedServer::certificate12()));
  client.feed(server.say(testing::ScriptedServer::key_exchange()));
  client.feed(server.say(testing::ScriptedServer::hello_done()));
  server.hear(client.take_output());
}

}  // namespace sallyport::tls
