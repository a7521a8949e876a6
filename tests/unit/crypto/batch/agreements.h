// Calls of a kernel for key agreement, as values: of P-256 and of X25519 alike.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "lib/crypto/batch/agreement.h"

namespace sallyport::crypto::batch {

// Pair is our private key and what the peer sent.
struct Pair {
  std::vector<std::uint8_t> scalar;
  std::vector<std::uint8_t> peer;
};

// agree gives what each lane of one call gives; empty where it refuses.
template <class Kernel>
[[nodiscard]] std::vector<std::vector<std::uint8_t>> agree(const Kernel& kernel,
                                                           const std::vector<Pair>& pairs) {
  using Bytes = std::vector<std::uint8_t>;
  std::vector<Bytes> secrets(pairs.size(), Bytes(32, 0xee));
  std::vector<Agreement> lanes;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    lanes.push_back(
        {.private_key = pairs[i].scalar, .peer_share = pairs[i].peer, .shared_secret = secrets[i]});
  }
  kernel.derive(lanes);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (lanes[i].ok) continue;
    EXPECT_EQ(secrets[i], Bytes(32, 0)) << "a refused lane gave something away";
    secrets[i].clear();
  }
  return secrets;
}

}  // namespace sallyport::crypto::batch
