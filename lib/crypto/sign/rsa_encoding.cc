#include "lib/crypto/sign/rsa_encoding.h"

#include <algorithm>
#include <array>

#include "lib/crypto/hash/transcript_hash.h"

namespace sallyport::crypto {
namespace {

// [RFC 8017 9.2] DigestInfo up to the digest.
constexpr std::array<std::uint8_t, 19> kSha256Info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                   0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                   0x01, 0x05, 0x00, 0x04, 0x20};
constexpr std::array<std::uint8_t, 19> kSha384Info{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                   0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                   0x02, 0x05, 0x00, 0x04, 0x30};

// [RFC 8017 9.2] 00 01 FF ... FF 00 DigestInfo.
void encode_pkcs1(HashAlgorithm hash, const Digest& digest, MutableBytes block) noexcept {
  const ByteView info = hash == HashAlgorithm::sha256 ? ByteView{kSha256Info} : kSha384Info;
  const std::size_t padding = block.size() - 3 - info.size() - digest.len;
  block[0] = 0x00;
  block[1] = 0x01;
  std::ranges::fill(block.subspan(2, padding), std::uint8_t{0xff});
  block[2 + padding] = 0x00;
  std::ranges::copy(info, block.subspan(3 + padding).begin());
  std::ranges::copy(digest.view(), block.last(digest.len).begin());
}

// mask is MGF1 over one digest, applied.  [RFC 8017 B.2.1]
void mask(HashAlgorithm hash, const Digest& seed, MutableBytes bytes) noexcept {
  std::array<std::uint8_t, 4> counter{};
  for (std::size_t done = 0; done < bytes.size(); ++counter[3]) {
    TranscriptHash state{hash};
    state.update(seed.view());
    state.update(counter);
    const Digest digest = state.digest();
    const auto part = bytes.subspan(done, std::min<std::size_t>(digest.len, bytes.size() - done));
    for (std::size_t i = 0; i < part.size(); ++i) part[i] ^= digest.bytes[i];
    done += part.size();
  }
}

// [RFC 8017 9.1.1] With a modulus of whole bytes the block has one bit less, and the salt is as
// long as the digest, [RFC 8446 4.2.3].
void encode_pss(HashAlgorithm hash, const Digest& digest, ByteView salt,
                MutableBytes block) noexcept {
  constexpr std::array<std::uint8_t, 8> kZeros{};
  TranscriptHash state{hash};
  state.update(kZeros);
  state.update(digest.view());
  state.update(salt);
  const Digest h = state.digest();
  const MutableBytes db = block.first(block.size() - h.len - 1);
  std::ranges::fill(db, std::uint8_t{0});
  db[db.size() - salt.size() - 1] = 0x01;
  std::ranges::copy(salt, db.last(salt.size()).begin());
  mask(hash, h, db);
  db[0] &= 0x7f;
  std::ranges::copy(h.view(), block.subspan(db.size()).begin());
  block.back() = 0xbc;
}

}  // namespace

RsaEncoding rsa_encoding(SignatureScheme scheme) noexcept {
  switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha256:
      return {.hash = HashAlgorithm::sha256, .pss = false, .known = true};
    case SignatureScheme::rsa_pkcs1_sha384:
      return {.hash = HashAlgorithm::sha384, .pss = false, .known = true};
    case SignatureScheme::rsa_pss_rsae_sha256:
      return {.hash = HashAlgorithm::sha256, .pss = true, .known = true};
    case SignatureScheme::rsa_pss_rsae_sha384:
      return {.hash = HashAlgorithm::sha384, .pss = true, .known = true};
    case SignatureScheme::none:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::ecdsa_sha1:
    case SignatureScheme::rsa_pkcs1_sha512:
    case SignatureScheme::ecdsa_secp256r1_sha256:
    case SignatureScheme::ecdsa_secp384r1_sha384:
    case SignatureScheme::rsa_pss_rsae_sha512:
    case SignatureScheme::ed25519:
      break;
  }
  return {};
}

std::size_t rsa_salt_len(const RsaEncoding& encoding) noexcept {
  return encoding.pss ? digest_len(encoding.hash) : 0;
}

void encode_for_rsa(const RsaEncoding& encoding, ByteView message, ByteView salt,
                    MutableBytes block) noexcept {
  const Digest digest = hash(encoding.hash, message);
  if (encoding.pss) {
    encode_pss(encoding.hash, digest, salt, block);
  } else {
    encode_pkcs1(encoding.hash, digest, block);
  }
}

}  // namespace sallyport::crypto
