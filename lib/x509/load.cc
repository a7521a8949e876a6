#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <utility>

#include "lib/base/secret.h"
#include "lib/x509/locked_file.h"
#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {
namespace {

Loaded failure(LoadError error, std::string message) {
  // What OpenSSL noted on the way is told by our message; left behind, it would confuse the next
  // caller on this thread.
  ERR_clear_error();
  return {.credential = std::nullopt, .error = error, .message = std::move(message)};
}

Bio reader_of(const LockedFile& file) {
  return Bio{BIO_new_mem_buf(file.bytes().data(), static_cast<int>(file.bytes().size()))};
}

bool looks_like_pem(const LockedFile& file) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  const ByteView bytes = file.bytes();
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return text.find(kBegin) != std::string_view::npos;
}

std::string date_text(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  const std::size_t len = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text.data(), len};
}

std::string ordinal(std::size_t index) { return "certificate " + std::to_string(index + 1); }

struct ChainFile {
  std::vector<Certificate> certificates;
  LoadError error = LoadError::none;
};

// Issuers are certificates that stood behind a leaf, by their DER: thousands of leaves have few.
class Issuers {
 public:
  // parse returns the certificate of this DER; a null one when it is none.
  Certificate parse(ByteView der) {
    std::vector<std::uint8_t> key{der.begin(), der.end()};
    if (const auto known = known_.find(key); known != known_.end()) {
      X509_up_ref(known->second.get());
      return Certificate{known->second.get()};
    }
    const std::uint8_t* at = der.data();
    Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    if (certificate != nullptr && known_.size() < kMost) {
      X509_up_ref(certificate.get());
      known_.emplace(std::move(key), Certificate{certificate.get()});
    }
    return certificate;
  }

 private:
  static constexpr std::size_t kMost = 1'000;
  std::map<std::vector<std::uint8_t>, Certificate> known_;
};

// read_chain takes every CERTIFICATE block; other blocks (a key in the same file) are passed over.
ChainFile read_chain(const LockedFile& file, Issuers& issuers) {
  ChainFile chain;
  const Bio in = reader_of(file);
  while (true) {
    char* name = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long len = 0;
    if (PEM_read_bio(in.get(), &name, &header, &data, &len) != 1) break;
    const std::string_view kind{name};
    if (kind == PEM_STRING_X509 || kind == PEM_STRING_X509_OLD) {
      const std::uint8_t* at = data;
      Certificate certificate = chain.certificates.empty()
                                    ? Certificate{d2i_X509(nullptr, &at, len)}
                                    : issuers.parse({data, static_cast<std::size_t>(len)});
      if (certificate == nullptr)
        chain.error = LoadError::malformed_certificate;
      else
        chain.certificates.push_back(std::move(certificate));
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(len));
    if (chain.error != LoadError::none) return chain;
  }
  // The loop ends at the end of the file, which PEM_read_bio reports as "no start line", or at
  // a block that it cannot read.
  const unsigned long why = ERR_peek_last_error();
  if (ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
    chain.error = LoadError::malformed_certificate;
  else if (chain.certificates.empty())
    chain.error = LoadError::no_certificate;
  ERR_clear_error();
  return chain;
}

// Passphrase is what the callback below sees; it also learns whether it was asked at all.
struct Passphrase {
  std::string_view text;
  bool asked = false;
};

int give_passphrase(char* buffer, int size, int /*writing*/, void* context) {
  auto& passphrase = *static_cast<Passphrase*>(context);
  passphrase.asked = true;
  if (passphrase.text.empty() || passphrase.text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, passphrase.text.data(), passphrase.text.size());
  return static_cast<int>(passphrase.text.size());
}

// KeyDecoder reads private keys.  PEM_read_bio_PrivateKey() would look for every decoder of every
// provider again for each key, which takes ten times as long as decoding.
class KeyDecoder {
 public:
  KeyDecoder()
      : decoder_{OSSL_DECODER_CTX_new_for_pkey(&key_, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR,
                                               nullptr, nullptr)} {
    OSSL_DECODER_CTX_set_pem_password_cb(decoder_.get(), give_passphrase, &passphrase_);
  }
  KeyDecoder(const KeyDecoder&) = delete;
  KeyDecoder& operator=(const KeyDecoder&) = delete;

  // read returns the key, or none; asked_passphrase() then tells whether it was encrypted.
  crypto::openssl::PrivateKey read(const LockedFile& file, std::string_view passphrase) {
    passphrase_ = {.text = passphrase};
    const Bio in = reader_of(file);
    const bool ok = OSSL_DECODER_from_bio(decoder_.get(), in.get()) == 1;
    EVP_PKEY* const key = std::exchange(key_, nullptr);
    if (ok) return crypto::openssl::PrivateKey{key};
    EVP_PKEY_free(key);
    return {};
  }
  [[nodiscard]] bool asked_passphrase() const noexcept { return passphrase_.asked; }

 private:
  EVP_PKEY* key_ = nullptr;  // where the decoder puts it
  Passphrase passphrase_;
  std::unique_ptr<OSSL_DECODER_CTX, Free<OSSL_DECODER_CTX_free>> decoder_;
};

bool has_key_block(const LockedFile& file) {
  constexpr std::string_view kEnd = "PRIVATE KEY-----";
  const ByteView bytes = file.bytes();
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return text.find(kEnd) != std::string_view::npos;
}

std::string unreadable(const std::string& path, int error) {
  if (error == EFBIG) return path + ": larger than 1 MiB, which no certificate or key file is";
  return path + ": cannot read: " + std::strerror(error);
}

// check_order makes sure that every certificate is certified by the next one.  Names and key
// identifiers are compared, then the signature itself.
std::string order_problem(const std::vector<Certificate>& chain) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    X509* const subject = chain[i].get();
    X509* const issuer = chain[i + 1].get();
    const bool certified = X509_check_issued(issuer, subject) == X509_V_OK &&
                           X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
    if (!certified) {
      return ordinal(i + 1) + " (" + name_text(X509_get_subject_name(issuer)) +
             ") does not certify " + ordinal(i) + " (issued by " +
             name_text(X509_get_issuer_name(subject)) +
             "); put the leaf first and each issuer after what it issued";
    }
  }
  return {};
}

struct KeyVerdict {
  LoadError error = LoadError::none;
  std::string message;
};

KeyVerdict check_key_kind(const crypto::openssl::PrivateKey& key) {
  const crypto::KeyType type = key.type();
  const std::string bits = std::to_string(key.bits());
  if (type == crypto::KeyType::none) {
    return {LoadError::unsupported_key_type,
            "this kind of key is not supported; use ECDSA P-256 or P-384, RSA or Ed25519"};
  }
  if (type == crypto::KeyType::rsa && key.bits() < kMinRsaBits) {
    return {LoadError::key_too_small,
            "an RSA key of " + bits + " bits is too weak; use 2048 or more"};
  }
  if (type == crypto::KeyType::rsa && key.bits() > kMaxRsaBits) {
    return {LoadError::key_too_large,
            "an RSA key of " + bits + " bits is too large; use 4096 or fewer, or ECDSA P-256"};
  }
  return {};
}

// [RFC 5246 7.4.2, RFC 8446 4.4.2.2] Clients refuse a certificate whose key is used for what its
// keyUsage does not name.
std::string usage_problem(const Credential& credential, crypto::KeyType type) {
  const bool is_rsa = type == crypto::KeyType::rsa;
  if (credential.may_sign || (is_rsa && credential.may_decrypt)) return {};
  return std::string{"the leaf's keyUsage does not allow "} +
         (is_rsa ? "signing or key encipherment" : "signing") +
         "; have it issued with digitalSignature";
}

}  // namespace

struct CredentialLoader::Parts {
  KeyDecoder keys;
  Issuers issuers;
};

CredentialLoader::CredentialLoader() : parts_{std::make_unique<Parts>()} {}
CredentialLoader::~CredentialLoader() = default;

Loaded load_credential(const std::string& chain_file, const std::string& key_file,
                       const LoadOptions& options) {
  return CredentialLoader{}.load(chain_file, key_file, options);
}

Loaded CredentialLoader::load(const std::string& chain_file, const std::string& key_file,
                              const LoadOptions& options) {
  const LockedFile chain_bytes{chain_file};
  if (chain_bytes.error() != 0) {
    return failure(LoadError::chain_unreadable, unreadable(chain_file, chain_bytes.error()));
  }
  if (!looks_like_pem(chain_bytes)) {
    return failure(LoadError::chain_not_pem,
                   chain_file + ": not PEM; convert it with `openssl x509 -inform der -in " +
                       chain_file + "`");
  }
  ChainFile chain = read_chain(chain_bytes, parts_->issuers);
  if (chain.error == LoadError::no_certificate) {
    return failure(chain.error, chain_file + ": holds no certificate (is it the key file?)");
  }
  if (chain.error != LoadError::none) {
    return failure(chain.error, chain_file + ": " + ordinal(chain.certificates.size()) +
                                    " is damaged: its text is no certificate");
  }

  const LockedFile key_bytes{key_file};
  if (key_bytes.error() != 0) {
    return failure(LoadError::key_unreadable, unreadable(key_file, key_bytes.error()));
  }
  if (!looks_like_pem(key_bytes)) {
    return failure(
        LoadError::key_not_pem,
        key_file + ": not PEM; convert it with `openssl pkey -inform der -in " + key_file + "`");
  }
  if (!has_key_block(key_bytes)) {
    return failure(LoadError::no_private_key, key_file + ": holds no private key");
  }
  crypto::openssl::PrivateKey key = parts_->keys.read(key_bytes, options.passphrase);
  if (!key) {
    const bool is_encrypted = parts_->keys.asked_passphrase();
    if (is_encrypted && options.passphrase.empty()) {
      return failure(LoadError::key_encrypted,
                     key_file +
                         ": encrypted, and no passphrase is configured; remove it with "
                         "`openssl pkey -in " +
                         key_file + "`");
    }
    if (is_encrypted) {
      return failure(LoadError::wrong_passphrase, key_file + ": the passphrase does not open it");
    }
    return failure(LoadError::malformed_key, key_file + ": the private key in it is damaged");
  }

  // The key decides what the leaf is: a chain in the wrong order and a foreign key are told apart.
  const auto matches = [&key](const Certificate& certificate) {
    return X509_check_private_key(certificate.get(), key.native()) == 1;
  };
  const auto match = std::ranges::find_if(chain.certificates, matches);
  if (match == chain.certificates.end()) {
    return failure(LoadError::key_mismatch,
                   key_file + ": does not belong to the certificate in " + chain_file + " (" +
                       name_text(X509_get_subject_name(chain.certificates.front().get())) + ")");
  }
  if (match != chain.certificates.begin()) {
    return failure(LoadError::chain_order,
                   chain_file + ": the key belongs to " +
                       ordinal(static_cast<std::size_t>(match - chain.certificates.begin())) +
                       "; put that one, the leaf, first");
  }
  if (KeyVerdict verdict = check_key_kind(key); verdict.error != LoadError::none) {
    return failure(verdict.error, key_file + ": " + verdict.message);
  }
  if (std::string problem = order_problem(chain.certificates); !problem.empty()) {
    return failure(LoadError::chain_order, chain_file + ": " + problem);
  }

  Credential credential;
  std::size_t total = 0;
  for (const Certificate& certificate : chain.certificates) {
    credential.chain.push_back(to_der(certificate.get()));
    total += credential.chain.back().size();
  }
  if (total > kMaxChainBytes) {
    return failure(LoadError::chain_too_long,
                   chain_file + ": " + std::to_string(total) + " bytes of certificates, at most " +
                       std::to_string(kMaxChainBytes) +
                       " are sent; leave out the root and what clients do not need");
  }
  describe(chain.certificates.front().get(), credential);
  credential.chain_schemes = chain_schemes(chain.certificates);
  if (std::string problem = usage_problem(credential, key.type()); !problem.empty()) {
    return failure(LoadError::useless_key_usage, chain_file + ": " + problem);
  }
  if (options.now > credential.not_after) {
    return failure(LoadError::expired,
                   chain_file + ": expired on " + date_text(credential.not_after) + "; renew it");
  }
  if (options.now < credential.not_before) {
    return failure(LoadError::not_yet_valid, chain_file + ": not valid before " +
                                                 date_text(credential.not_before) +
                                                 "; is this machine's clock right?");
  }
  credential.key_type = key.type();
  credential.key_bits = key.bits();
  credential.key = std::move(key);
  ERR_clear_error();
  return {.credential = std::move(credential), .error = LoadError::none, .message = {}};
}

}  // namespace sallyport::x509
