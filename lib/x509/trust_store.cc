#include "lib/x509/trust_store.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "lib/crypto/openssl/private_key.h"
#include "lib/crypto/sign/schemes.h"
#include "lib/x509/pem_file.h"

namespace sallyport::x509 {
namespace {

using crypto::KeyType;
using crypto::SchemeHash;
using crypto::SignatureScheme;
using crypto::openssl::MdContext;
using crypto::openssl::PkeyContext;
using Crl = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

// --- What is accepted of strangers ---

// [RFC 5280 4.1.2.7] A key whose use has a known price: the curves by name, RSA up to 4,096 bits.
bool is_bounded_key(X509* certificate) {
  EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return false;
  const auto owner = crypto::openssl::PrivateKey::sharing(key);
  switch (owner.type()) {
    case KeyType::rsa:
      return owner.bits() >= 2'048 && owner.bits() <= 4'096;
    case KeyType::ecdsa_p256:
    case KeyType::ecdsa_p384:
    case KeyType::ed25519:
      return true;
    case KeyType::none:
      break;
  }
  return false;
}

ClientVerdict verdict_of(int error) {
  switch (error) {
    case X509_V_OK:
      return ClientVerdict::ok;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return ClientVerdict::unknown_authority;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ClientVerdict::expired;
    case X509_V_ERR_CERT_REVOKED:
      return ClientVerdict::revoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
      return ClientVerdict::revocation_unknown;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return ClientVerdict::wrong_name;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return ClientVerdict::unsupported;
    default:
      return ClientVerdict::not_trusted;
  }
}

bool is_about_missing_list(int error) {
  return verdict_of(error) == ClientVerdict::revocation_unknown;
}

// excuse_anchor: nobody speaks for the one who is trusted because he stands in the file, neither a
// list of his own nor one of an issuer that the file may not have.
int excuse_anchor(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  const int last = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
  return X509_STORE_CTX_get_error_depth(context) == last &&
                 is_about_missing_list(X509_STORE_CTX_get_error(context))
             ? 1
             : 0;
}

// --- The signature ---

const EVP_MD* digest_of(SignatureScheme scheme) {
  switch (crypto::hash_of(scheme)) {
    case SchemeHash::sha256:
      return EVP_sha256();
    case SchemeHash::sha384:
      return EVP_sha384();
    case SchemeHash::sha512:
      return EVP_sha512();
    case SchemeHash::none:
      return nullptr;
  }
  return nullptr;
}

// fits tells whether a key of this type can have made a signature of the scheme that is named.
bool fits(const ClientProof& proof, KeyType type) {
  if (proof.kind == ClientProof::Content::message) {
    return crypto::fits_key(proof.scheme, type) && crypto::allowed_in_tls13(proof.scheme);
  }
  // Ed25519 hashes what it signs itself, and TLS 1.2 keeps no copy of the messages.
  if (proof.kind == ClientProof::Content::digest && proof.scheme == SignatureScheme::ed25519) {
    return false;
  }
  return crypto::fits_key_in_tls12(proof.scheme, type);
}

bool set_padding(EVP_PKEY_CTX* context, SignatureScheme scheme) {
  if (crypto::is_ecdsa(scheme) || scheme == SignatureScheme::ed25519) return true;
  if (!crypto::is_pss(scheme)) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  // [RFC 8446 4.2.3] the salt is as long as the hash.
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool verify_message(EVP_PKEY* key, const ClientProof& proof) {
  const MdContext context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* parameters = nullptr;  // belongs to `context`
  return EVP_DigestVerifyInit(context.get(), &parameters, digest_of(proof.scheme), nullptr, key) ==
             1 &&
         set_padding(parameters, proof.scheme) &&
         EVP_DigestVerify(context.get(), proof.signature.data(), proof.signature.size(),
                          proof.content.data(), proof.content.size()) == 1;
}

bool verify_digest(EVP_PKEY* key, const ClientProof& proof) {
  const PkeyContext context{EVP_PKEY_CTX_new(key, nullptr)};
  return EVP_PKEY_verify_init(context.get()) == 1 && set_padding(context.get(), proof.scheme) &&
         EVP_PKEY_CTX_set_signature_md(context.get(), digest_of(proof.scheme)) == 1 &&
         EVP_PKEY_verify(context.get(), proof.signature.data(), proof.signature.size(),
                         proof.content.data(), proof.content.size()) == 1;
}

ClientVerdict verify_signature(X509* leaf, const ClientProof& proof) {
  EVP_PKEY* const key = X509_get0_pubkey(leaf);
  const auto owner = crypto::openssl::PrivateKey::sharing(key);
  // [RFC 8446 4.4.3 and 6.2] Messages that contradict each other; nothing was computed yet that
  // could have failed.
  if (!fits(proof, owner.type())) return ClientVerdict::wrong_scheme;
  const bool is_valid = proof.kind == ClientProof::Content::digest ? verify_digest(key, proof)
                                                                   : verify_message(key, proof);
  ERR_clear_error();
  return is_valid ? ClientVerdict::ok : ClientVerdict::bad_signature;
}

// end_of is when the first certificate of a chain expires.
std::int64_t end_of(const STACK_OF(X509) * chain) {
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    end = std::min(end, unix_seconds(X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return end;
}

// parse_chain gives nothing unless every certificate is one, whole, and nothing follows it.
std::vector<Certificate> parse_chain(std::span<const ByteView> chain) {
  std::vector<Certificate> certificates;
  for (const ByteView der : chain) {
    const std::uint8_t* at = der.data();
    Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    ERR_clear_error();
    if (certificate == nullptr || at != der.data() + der.size()) return {};
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

// expect_name: [RFC 9525 6] only subjectAltName counts, and a wildcard stands for a whole label.
bool expect_name(X509_VERIFY_PARAM* parameters, const std::string& name) {
  if (name.empty()) return true;
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return true;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1;
}

}  // namespace

TrustStore::TrustStore() : certificates_{X509_STORE_new()} {}
TrustStore::~TrustStore() = default;

std::vector<Certificate> TrustStore::add_authorities(PemFile& file, const char* whose,
                                                     std::string& problem) {
  std::vector<Certificate> all;
  file.each("certificate", [&](BIO* in) {
    Certificate certificate{PEM_read_bio_X509(in, nullptr, nullptr, nullptr)};
    if (certificate == nullptr) return false;
    if (X509_check_ca(certificate.get()) == 0 && problem.empty()) {
      problem = file.path() + ": " + name_text(X509_get_subject_name(certificate.get())) +
                " is not a certificate authority; name who issued the " + whose + "' certificates";
    }
    X509_STORE_add_cert(certificates_.get(), certificate.get());
    all.push_back(std::move(certificate));
    return true;
  });
  has_partial_chains_ = !std::ranges::all_of(all, [&all](const Certificate& subject) {
    return std::ranges::any_of(all, [&subject](const Certificate& issuer) {
      return X509_check_issued(issuer.get(), subject.get()) == X509_V_OK;
    });
  });
  if (problem.empty()) problem = file.problem();
  return all;
}

bool TrustStore::add_system() {
  const bool is_set = X509_STORE_set_default_paths(certificates_.get()) == 1;
  ERR_clear_error();
  return is_set;
}

void TrustStore::add_revocations(PemFile& file) {
  file.each("CRL", [this](BIO* in) {
    const Crl crl{PEM_read_bio_X509_CRL(in, nullptr, nullptr, nullptr)};
    return crl != nullptr && X509_STORE_add_crl(certificates_.get(), crl.get()) == 1;
  });
  checks_revocation_ = true;
}

ClientIdentity TrustStore::judge(const ClientProof& proof, const Expectation& expected,
                                 std::int64_t now) const {
  ClientIdentity identity;
  identity.verdict = ClientVerdict::malformed;
  std::size_t total = 0;
  for (const ByteView der : proof.chain) total += der.size();
  if (proof.chain.empty() || proof.chain.size() > kMaxClientChain || total > kMaxClientChainBytes) {
    return identity;
  }
  const std::vector<Certificate> chain = parse_chain(proof.chain);
  if (chain.empty()) return identity;
  X509* const leaf = chain.front().get();
  X509_digest(leaf, EVP_sha256(), identity.fingerprint.data(), nullptr);
  identity.set_subject(name_text(X509_get_subject_name(leaf)));
  const bool are_bounded = std::ranges::all_of(
      chain, [](const Certificate& certificate) { return is_bounded_key(certificate.get()); });
  if (!are_bounded) {
    identity.verdict = ClientVerdict::unsupported;
    return identity;
  }
  // One cheap question before several dear ones: whoever does not hold the key is done.
  if (const ClientVerdict verdict = verify_signature(leaf, proof); verdict != ClientVerdict::ok) {
    identity.verdict = verdict;
    return identity;
  }
  if (expected.anybody) {
    // Neither its dates nor its key usage count; [RFC 8446 4.6.1] no ticket is good for longer.
    constexpr std::int64_t kWeek = 604'800;
    identity.verdict = ClientVerdict::ok;
    identity.not_after = now + kWeek;
    return identity;
  }

  const std::unique_ptr<STACK_OF(X509), FreeStack> others{sk_X509_new_null()};
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(others.get(), chain[i].get());
  const StoreContext context{X509_STORE_CTX_new()};
  X509_STORE_CTX_init(context.get(), certificates_.get(), leaf, others.get());
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(parameters, expected.purpose);
  X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(depth_));
  X509_VERIFY_PARAM_set_time(parameters, now);
  // 112 bits: no SHA-1, no RSA below 2,048.
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);
  if (!expect_name(parameters, expected.name)) {
    identity.verdict = ClientVerdict::not_trusted;
    return identity;
  }
  X509_STORE_CTX_set_verify_cb(context.get(), excuse_anchor);
  unsigned long flags = 0;
  if (has_partial_chains_) flags |= X509_V_FLAG_PARTIAL_CHAIN;
  if (checks_revocation_) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  const bool is_trusted = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  // A verification that failed without saying why is a failure all the same.
  identity.verdict = is_trusted           ? ClientVerdict::ok
                     : error == X509_V_OK ? ClientVerdict::not_trusted
                                          : verdict_of(error);
  // [RFC 8446 4.4.2.2, RFC 5246 7.4.2] What its owner signs with has to be for that; OpenSSL is
  // content with a key that encrypts, or agrees on others.
  if (is_trusted && !allows(leaf, KU_DIGITAL_SIGNATURE)) {
    identity.verdict = ClientVerdict::unsupported;
    return identity;
  }
  if (is_trusted) identity.not_after = end_of(X509_STORE_CTX_get0_chain(context.get()));
  return identity;
}

}  // namespace sallyport::x509
