#include "lib/x509/server_authority.h"

#include <array>
#include <span>
#include <utility>

#include "lib/x509/pem_file.h"
#include "lib/x509/trust_store.h"

namespace sallyport::x509 {

struct ServerAuthority::Store {
  TrustStore trust;
  TrustStore::Expectation expectation;
};

ServerAuthority::ServerAuthority() : store_{std::make_unique<Store>()} {}
ServerAuthority::ServerAuthority(ServerAuthority&& other) noexcept = default;
ServerAuthority& ServerAuthority::operator=(ServerAuthority&& other) noexcept = default;
ServerAuthority::~ServerAuthority() = default;

ServerAuthority::Loaded ServerAuthority::load(const Expected& expected) {
  ServerAuthority authority;
  TrustStore& trust = authority.store_->trust;
  trust.limit_depth(expected.depth);
  authority.store_->expectation = {
      .purpose = X509_PURPOSE_SSL_SERVER, .name = expected.name, .anybody = expected.anybody};
  if (expected.anybody) return {.authority = std::move(authority), .message = {}};
  std::string problem;
  if (expected.authorities.empty()) {
    if (!trust.add_system()) problem = "the system has no authorities; name a file of some";
  } else {
    PemFile authorities{expected.authorities};
    static_cast<void>(trust.add_authorities(authorities, "servers", problem));
  }
  if (problem.empty() && !expected.revocations.empty()) {
    PemFile revocations{expected.revocations};
    trust.add_revocations(revocations);
    problem = revocations.problem();
  }
  if (!problem.empty()) return {.authority = std::nullopt, .message = std::move(problem)};
  return {.authority = std::move(authority), .message = {}};
}

ClientIdentity ServerAuthority::judge(const ClientProof& proof, std::int64_t now) const {
  return store_->trust.judge(proof, store_->expectation, now);
}

void ServerAuthority::judge(crypto::VerifyJob& job, std::int64_t now) const {
  std::array<ByteView, crypto::kMaxClientChain> chain;
  for (std::size_t i = 0; i < job.num_certificates; ++i) {
    chain[i] = job.bytes_of(job.certificates[i]);
  }
  job.identity = judge({.chain = std::span{chain}.first(job.num_certificates),
                        .scheme = job.scheme,
                        .kind = job.kind,
                        .content = ByteView{job.content}.first(job.content_len),
                        .signature = job.bytes_of(job.signature)},
                       now);
  job.status = crypto::VerifyStatus::done;
}

}  // namespace sallyport::x509
