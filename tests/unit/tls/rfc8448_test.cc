// The handshakes that RFC 8448 prints: key schedule and records must come out byte for byte.  The
// messages are the RFC's own, because its RSA-PSS signatures cannot be made again.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "lib/tls/engine.h"
#include "lib/tls/key_schedule.h"
#include "lib/tls/record_keys.h"
#include "lib/wire/tls_messages.h"
#include "tests/support/hex.h"
#include "tests/support/tls_client.h"
#include "tests/support/vectors.h"

namespace sallyport::tls {
namespace {

using crypto::AeadAlgorithm;
using crypto::HashAlgorithm;
using testing::append;
using testing::Bytes;
using testing::hex;
using wire::ContentType;

class Rfc8448 : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto vectors =
        testing::read_vectors(std::string{SALLYPORT_TEST_VECTORS} + "/rfc8448.vec");
    for (const auto& vector : vectors) {
      if (vector.algorithm == GetParam()) trace_ = vector;
    }
    ASSERT_FALSE(trace_.fields.empty());
    engine_.begin_burst(Tsc{1}, TscRate{});
  }
  bool has(const char* name) const { return trace_.fields.contains(name); }
  Bytes get(const char* name) const { return trace_.bytes(name); }

  // transcript_up_to is the hash of the messages from the first ClientHello to `last`.
  crypto::Digest transcript_up_to(std::string_view last) const {
    Bytes bytes = get("client_hello1");
    if (has("hello_retry_request")) {
      const auto first = crypto::hash(HashAlgorithm::sha256, bytes);
      bytes = testing::written([&](wire::Writer& w) { wire::write_message_hash(w, first.view()); });
      append(bytes, get("hello_retry_request"));
      append(bytes, get("client_hello2"));
    }
    for (const char* name : {"server_hello", "encrypted_extensions", "certificate",
                             "certificate_verify", "server_finished"}) {
      append(bytes, get(name));
      if (name == last) break;
    }
    return crypto::hash(HashAlgorithm::sha256, bytes);
  }
  // opened decrypts a record of the trace.
  Bytes opened(RecordKeys& keys, const char* name, ContentType type) {
    Bytes record = get(name);
    const MutableBytes pieces[] = {record};
    const auto inner = open_record(engine_, keys, pieces);
    EXPECT_TRUE(inner.has_value()) << name;
    if (!inner) return {};
    EXPECT_EQ(inner->type, type) << name;
    const auto content = ByteView{record}.subspan(inner->offset, inner->len);
    return {content.begin(), content.end()};
  }
  std::string sealed(RecordKeys& keys, ContentType type, const Bytes& content) {
    Bytes out(content.size() + keys.overhead());
    const ByteView pieces[] = {content};
    EXPECT_EQ(seal_record(engine_, keys, type, pieces, out), out.size());
    return hex(out);
  }

  testing::Vector trace_;
  Random random_{Random::Seed{1}};
  Engine engine_{random_};
};

TEST_P(Rfc8448, KeyScheduleAndRecordsAgree) {
  constexpr auto kAead = AeadAlgorithm::aes_128_gcm;
  auto handshake = EarlySecret{HashAlgorithm::sha256}.into_handshake(get("shared_secret"));
  const auto hello = transcript_up_to("server_hello");
  const TrafficSecret server_handshake = handshake.server_handshake(hello);
  const TrafficSecret client_handshake = handshake.client_handshake(hello);
  const MasterSecret master = std::move(handshake).into_master();

  // The server's flight, both ways.
  Bytes flight = get("encrypted_extensions");
  for (const char* name : {"certificate", "certificate_verify", "server_finished"}) {
    append(flight, get(name));
  }
  RecordKeys keys;
  server_handshake.derive_keys(kAead, keys);
  EXPECT_EQ(hex(opened(keys, "record_server_flight", ContentType::handshake)), hex(flight));
  server_handshake.derive_keys(kAead, keys);
  EXPECT_EQ(sealed(keys, ContentType::handshake, flight), trace_.text("record_server_flight"));
  const auto verify = server_handshake.finished(transcript_up_to("certificate_verify"));
  EXPECT_EQ("14000020" + hex(verify.view()), trace_.text("server_finished"));

  // The client's Finished.
  const auto complete = transcript_up_to("server_finished");
  client_handshake.derive_keys(kAead, keys);
  EXPECT_EQ(hex(opened(keys, "record_client_finished", ContentType::handshake)),
            "14000020" + hex(client_handshake.finished(complete).view()));

  // Application data and close_notify under the application keys.
  RecordKeys from_server;
  RecordKeys from_client;
  master.server_application(complete).derive_keys(kAead, from_server);
  master.client_application(complete).derive_keys(kAead, from_client);
  if (has("record_new_session_ticket")) {
    EXPECT_EQ(opened(from_server, "record_new_session_ticket", ContentType::handshake)[0], 4);
  }
  if (has("application_data")) {
    const Bytes data = get("application_data");
    EXPECT_EQ(opened(from_client, "record_client_data", ContentType::application_data), data);
    EXPECT_EQ(sealed(from_server, ContentType::application_data, data),
              trace_.text("record_server_data"));
  }
  EXPECT_EQ(opened(from_client, "record_client_close_notify", ContentType::alert), (Bytes{1, 0}));
  EXPECT_EQ(sealed(from_server, ContentType::alert, {1, 0}),
            trace_.text("record_server_close_notify"));
}

INSTANTIATE_TEST_SUITE_P(Traces, Rfc8448,
                         ::testing::Values("simple_1rtt", "hello_retry_request",
                                           "middlebox_compatibility"));

}  // namespace
}  // namespace sallyport::tls
