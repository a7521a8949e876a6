// No branch and no address depends on a decrypted record, on where its content ends, or on the
// verdict about it (Lucky Thirteen).
#include <array>
#include <cstdint>
#include <vector>

#include "lib/crypto/cbc/mac_then_encrypt.h"
#include "tests/ct/secret.h"

namespace {

using sallyport::ByteView;
using sallyport::MutableBytes;
using sallyport::crypto::CbcAlgorithm;
using sallyport::crypto::MacHeader;
using sallyport::crypto::RecordMac;
namespace ct = sallyport::ct;

// One record of `content_len` bytes with so much padding; the whole of it is secret.
void unseal(CbcAlgorithm algorithm, std::size_t content_len, std::size_t padding, bool forged) {
  std::array<std::uint8_t, 32> key{};
  key.fill(0x42);
  RecordMac mac{algorithm, ByteView{key}.first(mac_len(algorithm))};
  MacHeader header{0, 0, 0, 0, 0, 0, 0, 1, 23, 3, 3};
  std::vector<std::uint8_t> text(content_len + mac.len() + padding + 1,
                                 static_cast<std::uint8_t>(padding));
  MacHeader whole = header;
  whole[11] = static_cast<std::uint8_t>(content_len >> 8);
  whole[12] = static_cast<std::uint8_t>(content_len);
  mac.mac(whole, ByteView{text}.first(content_len), MutableBytes{text}.subspan(content_len));
  if (forged) text[content_len] ^= 1;
  ct::poison(text);
  auto unsealed = sallyport::crypto::unseal(mac, header, text);
  ct::publish(unsealed);
  ct::expect((unsealed.good != 0) == !forged, "verdict");
  ct::expect(forged || unsealed.content_len == content_len, "length");
}

}  // namespace

int main() {
  ct::must_run_under_memcheck();
  for (const CbcAlgorithm algorithm : {CbcAlgorithm::aes_128_sha1, CbcAlgorithm::aes_128_sha256}) {
    for (const std::size_t content_len : {0U, 1U, 77U, 1'000U}) {
      for (const std::size_t padding : {0U, 15U, 255U}) {
        for (const bool forged : {false, true}) unseal(algorithm, content_len, padding, forged);
      }
    }
  }
}
