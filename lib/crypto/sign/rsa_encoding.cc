#include "lib/crypto/sign/rsa_encoding.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "lib/crypto/hash/sha2.h"

namespace sallyport::crypto {
namespace {

template <class Hash>
using DigestOf = std::array<std::uint8_t, Hash::kDigestLen>;

template <class Hash>
DigestOf<Hash> hash_of_parts(std::initializer_list<ByteView> parts) noexcept {
  Hash state;
  for (const ByteView part : parts) state.update(part);
  DigestOf<Hash> digest;
  state.finish(digest);
  return digest;
}

// [RFC 8017 9.2] DigestInfo up to the digest: the same but for the number of the hash and both
// lengths.
template <class Hash>
constexpr std::array<std::uint8_t, 19> digest_info(std::uint8_t number) noexcept {
  constexpr auto kLen = static_cast<std::uint8_t>(Hash::kDigestLen);
  return {0x30, 17 + kLen, 0x30, 0x0d, 0x06,   0x09, 0x60, 0x86, 0x48, 0x01,
          0x65, 0x03,      0x04, 0x02, number, 0x05, 0x00, 0x04, kLen};
}

// [RFC 8017 9.2] 00 01 FF ... FF 00 DigestInfo.
template <class Hash>
void encode_pkcs1(std::uint8_t number, ByteView message, MutableBytes block) noexcept {
  const auto info = digest_info<Hash>(number);
  const DigestOf<Hash> digest = hash_of_parts<Hash>({message});
  const std::size_t padding = block.size() - 3 - info.size() - digest.size();
  block[0] = 0x00;
  block[1] = 0x01;
  std::ranges::fill(block.subspan(2, padding), std::uint8_t{0xff});
  block[2 + padding] = 0x00;
  std::ranges::copy(info, block.subspan(3 + padding).begin());
  std::ranges::copy(digest, block.last(digest.size()).begin());
}

// mask is MGF1 over one digest, applied.  [RFC 8017 B.2.1]
template <class Hash>
void mask(const DigestOf<Hash>& seed, MutableBytes bytes) noexcept {
  std::array<std::uint8_t, 4> counter{};
  for (std::size_t done = 0; done < bytes.size(); ++counter[3]) {
    const DigestOf<Hash> digest = hash_of_parts<Hash>({seed, counter});
    const auto part = bytes.subspan(done, std::min(digest.size(), bytes.size() - done));
    for (std::size_t i = 0; i < part.size(); ++i) part[i] ^= digest[i];
    done += part.size();
  }
}

// [RFC 8017 9.1.1] With a modulus of whole bytes the block has one bit less, and the salt is as
// long as the digest, [RFC 8446 4.2.3].
template <class Hash>
void encode_pss(ByteView message, ByteView salt, MutableBytes block) noexcept {
  constexpr std::array<std::uint8_t, 8> kZeros{};
  const DigestOf<Hash> digest = hash_of_parts<Hash>({message});
  const DigestOf<Hash> h = hash_of_parts<Hash>({kZeros, digest, salt});
  const MutableBytes db = block.first(block.size() - h.size() - 1);
  std::ranges::fill(db, std::uint8_t{0});
  db[db.size() - salt.size() - 1] = 0x01;
  std::ranges::copy(salt, db.last(salt.size()).begin());
  mask<Hash>(h, db);
  db[0] &= 0x7f;
  std::ranges::copy(h, block.subspan(db.size()).begin());
  block.back() = 0xbc;
}

// encode takes the hash by its number in the arc of NIST's, 2.16.840.1.101.3.4.2.
template <class Hash>
void encode(bool pss, std::uint8_t number, ByteView message, ByteView salt,
            MutableBytes block) noexcept {
  if (pss) {
    encode_pss<Hash>(message, salt, block);
  } else {
    encode_pkcs1<Hash>(number, message, block);
  }
}

}  // namespace

RsaEncoding rsa_encoding(SignatureScheme scheme) noexcept {
  if (!fits_key(scheme, KeyType::rsa)) return {};
  return {.hash = hash_of(scheme), .pss = is_pss(scheme)};
}

std::size_t rsa_salt_len(const RsaEncoding& encoding) noexcept {
  if (!encoding.pss) return 0;
  switch (encoding.hash) {
    case SchemeHash::sha256:
      return Sha256::kDigestLen;
    case SchemeHash::sha384:
      return Sha384::kDigestLen;
    case SchemeHash::sha512:
      return Sha512::kDigestLen;
    case SchemeHash::none:
      break;
  }
  return 0;
}

void encode_for_rsa(const RsaEncoding& encoding, ByteView message, ByteView salt,
                    MutableBytes block) noexcept {
  switch (encoding.hash) {
    case SchemeHash::sha256:
      encode<Sha256>(encoding.pss, 1, message, salt, block);
      break;
    case SchemeHash::sha384:
      encode<Sha384>(encoding.pss, 2, message, salt, block);
      break;
    case SchemeHash::sha512:
      encode<Sha512>(encoding.pss, 3, message, salt, block);
      break;
    case SchemeHash::none:
      break;
  }
}

}  // namespace sallyport::crypto
