// Where a Finished or a MAC that a peer has sent differs from the right one cannot be seen in how
// long the refusal takes (RFC 8446 4.4.4, RFC 5246 7.4.9, RFC 7366 3): here the code that decides
// is asked itself, a whole Server and the record layer.
//
// memcheck counts every look at what follows from a secret.  There are some, since plaintext
// follows from keys too, but as many wherever the difference is.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/tls/engine.h"
#include "lib/tls/record_layer.h"
#include "tests/ct/secret.h"
#include "tests/support/tls_client.h"

namespace {

using sallyport::MutableBytes;
using sallyport::crypto::CbcAlgorithm;
using sallyport::stats::HandshakeFailure;
using sallyport::testing::Bytes;
using sallyport::testing::HelloBuilder;
using sallyport::wire::ContentType;
namespace ct = sallyport::ct;
namespace testing = sallyport::testing;
namespace tls = sallyport::tls;

// SameLooks is told how many there were each time.
class SameLooks {
 public:
  explicit SameLooks(const char* what) : what_{what} {}
  void add(unsigned looks) {
    ct::expect(looks > 0 && looks == first_.value_or(looks), what_);
    first_ = looks;
  }

 private:
  const char* what_;
  std::optional<unsigned> first_;
};

class SecretJobs : public testing::FakeJobs {
 public:
  void run(sallyport::crypto::CryptoJob& job) override {
    FakeJobs::run(job);
    ct::poison(MutableBytes{job.shared_secret}.first(job.shared_secret_len));
  }
};

// finished lets a client say a Finished that differs at `place`, and returns the looks at it.
unsigned finished(bool tls13, std::size_t place) {
  const tls::ServerConfig config = testing::test_config();
  SecretJobs jobs;
  testing::ScriptedClient client;
  testing::TlsDriver server{config, jobs};
  const auto hear = [&] {
    Bytes said = server.take_output();
    ct::publish(MutableBytes{said});
    client.hear(said);
  };
  server.feed(client.hello(tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12()));
  hear();
  if (!tls13) {
    server.feed(client.client_key_exchange());
    server.feed(testing::kChangeCipherSpec);
  }
  Bytes message = tls13 ? client.finished_message() : client.finished12_message();
  message.at(message.size() - 1 - place) ^= 1;
  const Bytes record = client.seal(ContentType::handshake, message);
  const auto before = VALGRIND_COUNT_ERRORS;
  server.feed(record);
  const auto looks = VALGRIND_COUNT_ERRORS - before;
  HandshakeFailure failure = server.last().failure;
  ct::publish(failure);
  ct::expect(failure == HandshakeFailure::bad_finished, "refusal of a Finished");
  return static_cast<unsigned>(looks);
}

// mac_outside opens a record of which the MAC differs at `place`.
unsigned mac_outside(CbcAlgorithm algorithm, std::size_t place) {
  const std::array<std::uint8_t, 16> key{1, 2, 3};
  std::array<std::uint8_t, 32> mac_key{4, 5, 6};
  const MutableBytes used = MutableBytes{mac_key}.first(mac_len(algorithm));
  tls::RecordKeys writer;
  tls::RecordKeys reader;
  for (tls::RecordKeys* const keys : {&writer, &reader}) {
    keys->set_cbc(tls::RecordKeys::Format::tls12_cbc_then_mac, algorithm, key);
  }
  sallyport::Random random{sallyport::Random::Seed{1}};
  tls::Engine engine{random};
  const Bytes content(100, 0x61);
  const sallyport::ByteView pieces[] = {content};
  Bytes record(content.size() + tls::kMaxRecordOverhead);
  record.resize(seal_record(engine, writer, ContentType::application_data, pieces, record, used));
  record.at(record.size() - 1 - place) ^= 1;
  ct::poison(used);
  const MutableBytes received[] = {record};
  const auto before = VALGRIND_COUNT_ERRORS;
  const auto opened = open_record(engine, reader, received, used);
  const auto looks = VALGRIND_COUNT_ERRORS - before;
  bool refused = !opened.has_value();
  ct::publish(refused);
  ct::expect(refused, "refusal of a record");
  return static_cast<unsigned>(looks);
}

}  // namespace

int main() {
  ct::must_run_under_memcheck();
  for (const bool tls13 : {true, false}) {
    SameLooks same{"as many looks at each Finished"};
    for (const std::size_t place : {0U, 1U, 6U, 11U}) same.add(finished(tls13, place));
  }
  for (const CbcAlgorithm algorithm : {CbcAlgorithm::aes_128_sha1, CbcAlgorithm::aes_128_sha256}) {
    SameLooks same{"as many looks at each MAC"};
    for (const std::size_t place : {0U, 1U, 10U, 19U}) same.add(mac_outside(algorithm, place));
  }
}
