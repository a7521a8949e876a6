#include "lib/x509/client_authority.h"

#include <algorithm>
#include <utility>

#include "lib/crypto/hash/transcript_hash.h"
#include "lib/x509/pem_file.h"
#include "lib/x509/trust_store.h"

namespace sallyport::x509 {
namespace {

std::vector<std::uint8_t> der_of(const X509_NAME* name) {
  const std::uint8_t* bytes = nullptr;
  std::size_t len = 0;
  if (X509_NAME_get0_der(name, &bytes, &len) != 1) return {};
  return {bytes, bytes + len};
}

std::array<std::uint8_t, 32> sha256_of(const crypto::TranscriptHash& hash) {
  std::array<std::uint8_t, 32> out{};
  const crypto::Digest digest = hash.digest();
  std::ranges::copy(digest.view(), out.begin());
  return out;
}

}  // namespace

struct ClientAuthority::Store {
  TrustStore trust;
};

ClientAuthority::ClientAuthority() : store_{std::make_unique<Store>()} {}
ClientAuthority::ClientAuthority(ClientAuthority&& other) noexcept = default;
ClientAuthority& ClientAuthority::operator=(ClientAuthority&& other) noexcept = default;
ClientAuthority::~ClientAuthority() = default;

ClientAuthority::Loaded ClientAuthority::load(const Files& files) {
  ClientAuthority authority;
  TrustStore& trust = authority.store_->trust;
  trust.limit_depth(files.depth);
  std::string problem;

  crypto::TranscriptHash digest{crypto::HashAlgorithm::sha256};
  const auto depth = Be32::of(files.depth);
  digest.update(depth.bytes);

  PemFile authorities{files.authorities};
  digest.update(Be64::of(authorities.bytes().size()).bytes);
  digest.update(authorities.bytes());
  for (const Certificate& certificate : trust.add_authorities(authorities, "clients", problem)) {
    authority.names_.push_back(der_of(X509_get_subject_name(certificate.get())));
  }
  bool is_about_revocations = false;
  if (problem.empty() && !files.revocations.empty()) {
    PemFile revocations{files.revocations};
    digest.update(revocations.bytes());
    trust.add_revocations(revocations);
    problem = revocations.problem();
    is_about_revocations = true;
  }
  if (!problem.empty()) {
    return {.authority = std::nullopt,
            .message = std::move(problem),
            .is_about_revocations = is_about_revocations};
  }
  authority.digest_ = sha256_of(digest);
  return {.authority = std::move(authority), .message = {}};
}

ClientIdentity ClientAuthority::judge(const ClientProof& proof, std::int64_t now) const {
  return store_->trust.judge(proof, {.purpose = X509_PURPOSE_SSL_CLIENT}, now);
}

}  // namespace sallyport::x509
