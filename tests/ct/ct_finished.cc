// No branch and no address depends on a secret of the key schedule, from the key exchange to the
// verdict about a client's Finished (RFC 8446 4.4.4, RFC 5246 7.4.9).
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "lib/base/secret.h"
#include "lib/tls/key_schedule.h"
#include "tests/ct/secret.h"

namespace {

using sallyport::MutableBytes;
using sallyport::crypto::Digest;
using sallyport::crypto::HashAlgorithm;
namespace ct = sallyport::ct;
namespace tls = sallyport::tls;

constexpr std::array kHashes{HashAlgorithm::sha256, HashAlgorithm::sha384};

// verdict compares as Server does, with a Finished of which one byte may be wrong.
template <class VerifyData>
void verdict(const VerifyData& expected, std::size_t len, int wrong) {
  auto received = expected;
  ct::publish(MutableBytes{received.data(), len});  // it came over the wire
  if (wrong >= 0) received[static_cast<std::size_t>(wrong)] ^= 1;
  bool good = sallyport::equal_ct({received.data(), len}, {expected.data(), len});
  ct::publish(good);
  ct::expect(good == (wrong < 0), "verdict");
}

void finished13(HashAlgorithm hash, int wrong) {
  std::array<std::uint8_t, 32> shared_secret{};
  shared_secret.fill(0x42);
  ct::poison(shared_secret);
  Digest transcript;
  transcript.len = static_cast<std::uint8_t>(sallyport::crypto::digest_len(hash));
  const tls::HandshakeSecret handshake = tls::EarlySecret{hash}.into_handshake(shared_secret);
  const Digest expected = handshake.client_handshake(transcript).finished(transcript);
  verdict(expected.bytes, transcript.len, wrong);
}

void finished12(HashAlgorithm hash, int wrong) {
  std::array<std::uint8_t, 48> premaster{};
  premaster.fill(0x42);
  ct::poison(premaster);
  Digest transcript;
  transcript.len = static_cast<std::uint8_t>(sallyport::crypto::digest_len(hash));
  tls::MasterSecret12 master;
  master.derive_extended(hash, premaster, transcript);
  const auto expected = master.finished(tls::MasterSecret12::Sender::client, transcript);
  verdict(expected, expected.size(), wrong);
}

}  // namespace

int main() {
  ct::must_run_under_memcheck();
  for (const HashAlgorithm hash : kHashes) {
    for (const int wrong : {-1, 0, 7, 11}) {
      finished13(hash, wrong);
      finished12(hash, wrong);
    }
  }
}
