// Points of a handshake at which clients do something wrong.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/tls_client.h"

namespace sallyport::tls {

// Point is how far the handshake has come.
enum class Point : std::uint8_t {
  start,
  retried,          // after a HelloRetryRequest
  tls13_flight,     // after our first flight
  tls13_open,       // established
  tls12_flight,     // ServerHelloDone is out
  tls12_keys,       // ClientKeyExchange was read
  tls12_protected,  // ChangeCipherSpec was read
  tls12_open,
};

// retried_hello has a share of a group that the server does not have, and knows one that it has.
[[nodiscard]] inline testing::HelloBuilder retried_hello() {
  using wire::ExtensionType;
  testing::HelloBuilder hello = testing::HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, testing::Bytes(97, 4));
  return hello;
}

// advance brings both sides to `point` the way an honest client would.
inline void advance(testing::ScriptedClient& client, testing::TlsDriver& server, Point point) {
  using testing::HelloBuilder;
  if (point == Point::start) return;
  if (point == Point::retried) {
    server.feed(client.hello(retried_hello()));
    client.hear(server.take_output());
    ASSERT_TRUE(client.retried());
    return;
  }
  const bool tls13 = point == Point::tls13_flight || point == Point::tls13_open;
  server.feed(client.hello(tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12()));
  client.hear(server.take_output());
  if (point == Point::tls13_open) server.feed(client.finish());
  if (tls13 || point == Point::tls12_flight) return;
  server.feed(client.client_key_exchange());
  if (point == Point::tls12_keys) return;
  server.feed(testing::kChangeCipherSpec);
  if (point == Point::tls12_protected) return;
  server.feed(client.seal(wire::ContentType::handshake, client.say(client.finished12_message())));
  client.hear(server.take_output());
  ASSERT_TRUE(server.server().is_established());
}

// expect_over: the client hears the alert under the keys that it expects; nothing is held any more,
// and nothing more is said or heard.
inline void expect_over(testing::ScriptedClient& client, testing::TlsDriver& server,
                        wire::AlertDescription alert) {
  EXPECT_EQ(server.last().alert, alert);
  EXPECT_EQ(server.last().await, Await::nothing);
  client.hear(server.take_output());
  EXPECT_EQ(client.alert(), static_cast<std::uint8_t>(alert));
  EXPECT_EQ(server.handshake(), nullptr);
  EXPECT_FALSE(server.holds_message_buffer());
  EXPECT_TRUE(server.server().write_closed());
  server.feed(testing::kChangeCipherSpec);
  EXPECT_TRUE(server.take_output().empty());
}

}  // namespace sallyport::tls
