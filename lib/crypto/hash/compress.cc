#include "lib/crypto/hash/compress.h"

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

// OpenSSL's block functions touch nothing but the chaining value.  They count as deprecated in
// favour of EVP, which allocates and costs several times more per call; this file is the only place
// that may use them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include "lib/base/secret.h"
#include "lib/crypto/hash/sha256_ni.h"

namespace sallyport::crypto {
namespace {

bool cpu_has_sha() noexcept {
  constexpr unsigned kShaBit = 1U << 29;  // CPUID leaf 7, EBX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kShaBit) != 0;
}
const bool kCpuHasSha = cpu_has_sha();

}  // namespace

void sha256_compress(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                     std::size_t count) noexcept {
  if (kCpuHasSha) [[likely]] {
    _mm256_zeroupper();
    sha256_compress_ni(chain.data(), blocks, count);
    return;
  }
  sha256_compress_openssl(chain, blocks, count);
}

void sha256_compress_openssl(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                             std::size_t count) noexcept {
  SHA256_CTX context;  // only `h` is read and written by SHA256_Transform
  std::ranges::copy(chain, std::begin(context.h));
  for (; count != 0; --count, blocks += SHA256_CBLOCK) SHA256_Transform(&context, blocks);
  std::copy(std::begin(context.h), std::end(context.h), chain.begin());
  wipe_object(context.h);
}

void md5_compress(std::array<std::uint32_t, 4>& chain, const std::uint8_t* blocks,
                  std::size_t count) noexcept {
  MD5_CTX context;
  context.A = chain[0];
  context.B = chain[1];
  context.C = chain[2];
  context.D = chain[3];
  for (; count != 0; --count, blocks += MD5_CBLOCK) MD5_Transform(&context, blocks);
  chain = {context.A, context.B, context.C, context.D};
}

void sha1_compress(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                   std::size_t count) noexcept {
  SHA_CTX context;
  context.h0 = chain[0];
  context.h1 = chain[1];
  context.h2 = chain[2];
  context.h3 = chain[3];
  context.h4 = chain[4];
  for (; count != 0; --count, blocks += SHA_CBLOCK) SHA1_Transform(&context, blocks);
  chain = {context.h0, context.h1, context.h2, context.h3, context.h4};
  wipe({reinterpret_cast<std::uint8_t*>(&context), offsetof(SHA_CTX, Nl)});
}

void sha512_compress(std::array<std::uint64_t, 8>& chain, const std::uint8_t* blocks,
                     std::size_t count) noexcept {
  SHA512_CTX context;
  std::ranges::copy(chain, std::begin(context.h));
  for (; count != 0; --count, blocks += SHA512_CBLOCK) SHA512_Transform(&context, blocks);
  std::copy(std::begin(context.h), std::end(context.h), chain.begin());
  wipe_object(context.h);
}

}  // namespace sallyport::crypto
