// No branch and no address depends on a decrypted premaster secret or on whether its padding was
// good (Bleichenbacher, ROBOT, Marvin).
#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/crypto/sign/premaster.h"
#include "tests/ct/secret.h"

int main() {
  namespace ct = sallyport::ct;
  using sallyport::crypto::kPremasterLen;
  ct::must_run_under_memcheck();
  // The byte that is wrong: none, the first, the type, in the padding, the separator, the version.
  for (const int wrong : {-1, 0, 1, 2, 9, 206, 207, 208, 209}) {
    std::array<std::uint8_t, 256> block{};
    block.fill(0x21);
    block[0] = 0;
    block[1] = 2;
    block[207] = 0;
    block[208] = 3;
    block[209] = 3;
    if (wrong >= 0) {
      auto& byte = block[static_cast<std::size_t>(wrong)];
      byte = byte == 0x21 ? 0 : static_cast<std::uint8_t>(byte + 1);
    }
    std::array<std::uint8_t, kPremasterLen> premaster{};
    premaster.fill(0x77);
    ct::poison(block);
    ct::poison(premaster);
    sallyport::crypto::choose_premaster(block, 0x0303, premaster);
    ct::publish(premaster);
    ct::expect(premaster[5] == (wrong < 0 ? 0x21 : 0x77), "secret");
  }
}
