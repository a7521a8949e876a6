#include "lib/crypto/cbc/cbc_cipher.h"

#include <intel-ipsec-mb.h>

#include "lib/base/secret.h"

namespace sallyport::crypto {
namespace {

// run goes through the burst interface, which is done when it returns: a job of the other one
// would wait for seven more.
void run(IMB_MGR& table, IMB_CIPHER_DIRECTION direction, bool is_256, const void* encrypt_keys,
         const void* decrypt_keys, ByteView iv, MutableBytes text) noexcept {
  if (text.empty()) return;
  const IMB_KEY_SIZE_BYTES key_size = is_256 ? IMB_KEY_256_BYTES : IMB_KEY_128_BYTES;
  IMB_JOB job{};
  job.cipher_mode = IMB_CIPHER_CBC;
  job.cipher_direction = direction;
  job.hash_alg = IMB_AUTH_NULL;
  job.enc_keys = encrypt_keys;
  job.dec_keys = decrypt_keys;
  job.key_len_in_bytes = key_size;
  job.iv = iv.data();
  job.iv_len_in_bytes = kAesBlockLen;
  job.src = text.data();
  job.dst = text.data();
  job.msg_len_to_cipher_in_bytes = text.size();
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(&table, &job, 1, IMB_CIPHER_CBC, direction, key_size);
}

}  // namespace

CbcCipher::CbcCipher(const AeadEngine& engine, ByteView key) noexcept
    : table_{engine.table()}, is_256_{key.size() == 32} {
  if (is_256_) {
    IMB_AES_KEYEXP_256(&table_, key.data(), encrypt_keys_.data(), decrypt_keys_.data());
  } else {
    IMB_AES_KEYEXP_128(&table_, key.data(), encrypt_keys_.data(), decrypt_keys_.data());
  }
}

CbcCipher::~CbcCipher() {
  wipe(encrypt_keys_);
  wipe(decrypt_keys_);
}

void CbcCipher::encrypt(ByteView iv, MutableBytes text) const noexcept {
  run(table_, IMB_DIR_ENCRYPT, is_256_, encrypt_keys_.data(), decrypt_keys_.data(), iv, text);
}

void CbcCipher::decrypt(ByteView iv, MutableBytes text) const noexcept {
  // The last block of ciphertext must not be read as the IV of a block that is already decrypted;
  // ipsec-mb keeps what it needs, so in place is allowed.
  run(table_, IMB_DIR_DECRYPT, is_256_, encrypt_keys_.data(), decrypt_keys_.data(), iv, text);
}

}  // namespace sallyport::crypto
