// The handshakes that RFC 8448 prints: key schedule and records must come out byte for byte.  The
// messages are the RFC's own, because its RSA-PSS signatures cannot be made again.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "lib/tls/engine.h"
#include "lib/tls/key_schedule.h"
#include "lib/tls/record_keys.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_server_messages.h"
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

testing::Vector read_trace(std::string_view name) {
  for (auto& vector : testing::read_vectors(std::string{SALLYPORT_TEST_VECTORS} + "/rfc8448.vec")) {
    if (vector.algorithm == name) return vector;
  }
  ADD_FAILURE() << name;
  return {};
}

class Rfc8448 : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    trace_ = read_trace(GetParam());
    ASSERT_FALSE(trace_.fields.empty());
    engine_.begin_burst(Tsc{1}, TscRate{});
  }
  bool has(const char* name) const { return trace_.fields.contains(name); }
  Bytes get(const char* name) const { return trace_.bytes(name); }

  // transcript_up_to is the hash of the messages from the first ClientHello to `last`, and of those
  // in `after`.
  crypto::Digest transcript_up_to(std::string_view last, ByteView after = {}) const {
    Bytes bytes = get("client_hello1");
    if (has("hello_retry_request")) {
      const auto first = crypto::hash(HashAlgorithm::sha256, bytes);
      bytes = testing::written([&](wire::Writer& w) { wire::write_message_hash(w, first.view()); });
      append(bytes, get("hello_retry_request"));
      append(bytes, get("client_hello2"));
    }
    for (const char* name : {"server_hello", "encrypted_extensions", "certificate_request",
                             "certificate", "certificate_verify", "server_finished"}) {
      if (has(name)) append(bytes, get(name));
      if (name == last) break;
    }
    append(bytes, after);
    return crypto::hash(HashAlgorithm::sha256, bytes);
  }
  // Direction has the keys of both ends of one direction.
  struct Direction {
    explicit Direction(const TrafficSecret& secret) {
      for (RecordKeys* const keys : {&opening, &sealing}) {
        secret.derive_keys(AeadAlgorithm::aes_128_gcm, *keys);
      }
    }
    RecordKeys opening;
    RecordKeys sealing;
  };
  // opened decrypts a record of the trace, and expects its content to be sealed the same way.
  Bytes opened(Direction& direction, const char* name, ContentType type) {
    Bytes record = get(name);
    const MutableBytes pieces[] = {record};
    const auto inner = open_record(engine_, direction.opening, pieces);
    EXPECT_TRUE(inner.has_value()) << name;
    if (!inner) return {};
    EXPECT_EQ(inner->type, type) << name;
    const auto view = ByteView{record}.subspan(inner->offset, inner->len);
    const Bytes content{view.begin(), view.end()};
    EXPECT_EQ(sealed(direction, type, content), trace_.text(name));
    return content;
  }
  std::string sealed(Direction& direction, ContentType type, const Bytes& content) {
    Bytes out(content.size() + direction.sealing.overhead());
    const ByteView pieces[] = {content};
    EXPECT_EQ(seal_record(engine_, direction.sealing, type, pieces, out), out.size());
    return hex(out);
  }

  testing::Vector trace_;
  Random random_{Random::Seed{1}};
  Engine engine_{random_};
};

TEST_P(Rfc8448, KeyScheduleAndRecordsAgree) {
  auto handshake = EarlySecret{HashAlgorithm::sha256}.into_handshake(get("shared_secret"));
  const auto hello = transcript_up_to("server_hello");
  const TrafficSecret server_handshake = handshake.server_handshake(hello);
  const TrafficSecret client_handshake = handshake.client_handshake(hello);
  const MasterSecret master = std::move(handshake).into_master();

  // The server's flight, both ways.
  Bytes flight = get("encrypted_extensions");
  for (const char* name :
       {"certificate_request", "certificate", "certificate_verify", "server_finished"}) {
    if (has(name)) append(flight, get(name));
  }
  Direction server{server_handshake};
  EXPECT_EQ(hex(opened(server, "record_server_flight", ContentType::handshake)), hex(flight));
  const auto verify = server_handshake.finished(transcript_up_to("certificate_verify"));
  EXPECT_EQ("14000020" + hex(verify.view()), trace_.text("server_finished"));

  // The client's Finished, which covers its certificate if it was asked for one.
  const auto complete = transcript_up_to("server_finished");
  Direction client{client_handshake};
  const Bytes second_flight = opened(client, "record_client_finished", ContentType::handshake);
  constexpr std::size_t kFinishedLen = 4 + 32;
  ASSERT_GE(second_flight.size(), kFinishedLen);
  const ByteView shown = ByteView{second_flight}.first(second_flight.size() - kFinishedLen);
  EXPECT_EQ(shown.empty(), !has("certificate_request"));
  EXPECT_EQ(hex(ByteView{second_flight}.last(kFinishedLen)),
            "14000020" +
                hex(client_handshake.finished(transcript_up_to("server_finished", shown)).view()));

  // Application data and close_notify under the application keys.
  Direction from_server{master.server_application(complete)};
  Direction from_client{master.client_application(complete)};
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

// written_again is what our writer makes of what our reader finds in a ServerHello.
std::string written_again(const Bytes& message) {
  const auto hello = wire::parse_server_hello(ByteView{message}.subspan(4));
  if (!hello) return "does not parse";
  return hex(testing::written([&](wire::Writer& w) {
    wire::write_server_hello13(
        w, {.random = hello->random,
            .legacy_session_id_echo = hello->legacy_session_id_echo,
            .cipher_suite = hello->cipher_suite,
            .group = hello->answers.group,
            .key_exchange = hello->answers.key_exchange,
            .pre_shared_key = hello->answers.seen.has(wire::ExtensionType::pre_shared_key),
            .selected_identity = hello->answers.selected_identity,
            .cookie = hello->answers.cookie});
  }));
}

TEST(Rfc8448Writer, MakesEveryServerHello) {
  int retries = 0;
  for (const char* name : {"simple_1rtt", "resumed_0rtt", "hello_retry_request",
                           "client_authentication", "middlebox_compatibility"}) {
    const testing::Vector trace = read_trace(name);
    for (const char* field : {"server_hello", "hello_retry_request"}) {
      if (!trace.fields.contains(field)) continue;
      EXPECT_EQ(written_again(trace.bytes(field)), trace.text(field)) << name;
      if (std::string_view{field} == "hello_retry_request") ++retries;
    }
  }
  EXPECT_EQ(retries, 1);
}

INSTANTIATE_TEST_SUITE_P(Traces, Rfc8448,
                         ::testing::Values("simple_1rtt", "hello_retry_request",
                                           "middlebox_compatibility", "client_authentication"));

// The second handshake of the RFC resumes the first one.  It accepts early data, which we never do;
// what follows from that is EndOfEarlyData in the transcript, and nothing else.
class Rfc8448Resumption : public Rfc8448 {
 protected:
  // pre_shared_key is that of the ticket which ends the first handshake.
  Bytes pre_shared_key() {
    const testing::Vector second = std::exchange(trace_, read_trace("simple_1rtt"));
    auto handshake = EarlySecret{HashAlgorithm::sha256}.into_handshake(get("shared_secret"));
    const TrafficSecret client = handshake.client_handshake(transcript_up_to("server_hello"));
    const MasterSecret master = std::move(handshake).into_master();
    const auto complete = transcript_up_to("server_finished");

    Bytes messages = get("client_hello1");
    for (const char* name : {"server_hello", "encrypted_extensions", "certificate",
                             "certificate_verify", "server_finished"}) {
      append(messages, get(name));
    }
    append(messages, testing::unhex("14000020"));
    append(messages, client.finished(complete).view());
    const auto secret = master.resumption(crypto::hash(HashAlgorithm::sha256, messages));

    Direction from_server{master.server_application(complete)};
    const Bytes ticket = opened(from_server, "record_new_session_ticket", ContentType::handshake);
    wire::Reader r{ByteView{ticket}.subspan(4 + 4 + 4)};
    const ByteView nonce = r.vec8(0, 255);
    EXPECT_EQ(hex(nonce), "0000");
    Bytes key(32);
    secret.ticket_key(nonce, key);
    trace_ = second;
    return key;
  }
};

TEST_P(Rfc8448Resumption, BinderKeyScheduleAndRecordsAgree) {
  const Bytes psk = pre_shared_key();
  EXPECT_EQ(hex(psk), "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
  EarlySecret early{HashAlgorithm::sha256, psk};
  EXPECT_EQ(hex(early.expose()),
            "9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c");

  const Bytes message = get("client_hello1");
  const auto hello = wire::parse_client_hello(ByteView{message}.subspan(4));
  ASSERT_TRUE(hello.has_value());
  ASSERT_EQ(hello->psk_binders.size(), 33U);
  const auto covered = ByteView{message}.first(message.size() - 2 - hello->psk_binders.size());
  EXPECT_EQ(hex(early.resumption_binder(crypto::hash(HashAlgorithm::sha256, covered)).view()),
            hex(hello->psk_binders.subspan(1)));

  Bytes messages = message;
  append(messages, get("server_hello"));
  const auto up_to_hello = crypto::hash(HashAlgorithm::sha256, messages);
  auto handshake = std::move(early).into_handshake(get("shared_secret"));
  const TrafficSecret server_handshake = handshake.server_handshake(up_to_hello);
  const TrafficSecret client_handshake = handshake.client_handshake(up_to_hello);
  const MasterSecret master = std::move(handshake).into_master();

  append(messages, get("encrypted_extensions"));
  const auto verify = server_handshake.finished(crypto::hash(HashAlgorithm::sha256, messages));
  EXPECT_EQ("14000020" + hex(verify.view()), trace_.text("server_finished"));
  append(messages, get("server_finished"));
  Bytes flight = get("encrypted_extensions");
  append(flight, get("server_finished"));
  Direction server{server_handshake};
  EXPECT_EQ(sealed(server, ContentType::handshake, flight), trace_.text("record_server_flight"));

  const auto complete = crypto::hash(HashAlgorithm::sha256, messages);
  append(messages, testing::unhex("05000000"));  // EndOfEarlyData
  Direction client{client_handshake};
  EXPECT_EQ(
      hex(opened(client, "record_client_finished", ContentType::handshake)),
      "14000020" +
          hex(client_handshake.finished(crypto::hash(HashAlgorithm::sha256, messages)).view()));

  Direction from_server{master.server_application(complete)};
  Direction from_client{master.client_application(complete)};
  const Bytes data = get("application_data");
  EXPECT_EQ(opened(from_client, "record_client_data", ContentType::application_data), data);
  EXPECT_EQ(sealed(from_server, ContentType::application_data, data),
            trace_.text("record_server_data"));
  EXPECT_EQ(opened(from_client, "record_client_close_notify", ContentType::alert), (Bytes{1, 0}));
  EXPECT_EQ(sealed(from_server, ContentType::alert, {1, 0}),
            trace_.text("record_server_close_notify"));
}

INSTANTIATE_TEST_SUITE_P(Traces, Rfc8448Resumption, ::testing::Values("resumed_0rtt"));

}  // namespace
}  // namespace sallyport::tls
