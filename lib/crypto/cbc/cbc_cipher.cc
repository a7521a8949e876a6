#include "lib/crypto/cbc/cbc_cipher.h"

#include <intel-ipsec-mb.h>

#include "lib/base/secret.h"

namespace sallyport::crypto {
namespace {

[[nodiscard]] IMB_JOB job_for(IMB_CIPHER_DIRECTION direction, bool is_256, const void* encrypt_keys,
                              const void* decrypt_keys, const CbcText& text) noexcept {
  IMB_JOB job{};
  job.cipher_mode = IMB_CIPHER_CBC;
  job.cipher_direction = direction;
  job.hash_alg = IMB_AUTH_NULL;
  job.enc_keys = encrypt_keys;
  job.dec_keys = decrypt_keys;
  job.key_len_in_bytes = is_256 ? IMB_KEY_256_BYTES : IMB_KEY_128_BYTES;
  job.iv = text.iv.data();
  job.iv_len_in_bytes = kAesBlockLen;
  job.src = text.text.data();
  job.dst = text.text.data();
  job.msg_len_to_cipher_in_bytes = text.text.size();
  return job;
}

// run goes through the burst interface, which is done when it returns: a job of the other one
// would wait for more of them to come.
void run(IMB_MGR& table, IMB_CIPHER_DIRECTION direction, bool is_256,
         std::span<IMB_JOB> jobs) noexcept {
  if (jobs.empty()) return;
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(&table, jobs.data(), static_cast<std::uint32_t>(jobs.size()),
                                  IMB_CIPHER_CBC, direction,
                                  is_256 ? IMB_KEY_256_BYTES : IMB_KEY_128_BYTES);
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

void CbcCipher::encrypt(std::span<const CbcText> texts) const noexcept {
  std::array<IMB_JOB, kMaxTexts> jobs;
  std::size_t num_jobs = 0;
  for (const CbcText& text : texts) {
    if (text.text.empty()) continue;
    jobs[num_jobs++] =
        job_for(IMB_DIR_ENCRYPT, is_256_, encrypt_keys_.data(), decrypt_keys_.data(), text);
  }
  run(table_, IMB_DIR_ENCRYPT, is_256_, std::span{jobs}.first(num_jobs));
}

void CbcCipher::decrypt(const CbcText& text) const noexcept {
  if (text.text.empty()) return;
  // The last block of ciphertext must not be read as the IV of a block that is already decrypted;
  // ipsec-mb keeps what it needs, so in place is allowed.
  IMB_JOB job = job_for(IMB_DIR_DECRYPT, is_256_, encrypt_keys_.data(), decrypt_keys_.data(), text);
  run(table_, IMB_DIR_DECRYPT, is_256_, {&job, 1});
}

}  // namespace sallyport::crypto
