// TrustStore: certificates of authorities, and OpenSSL's verification (RFC 5280) of what a peer
// shows against them, within bounds.  For lib/x509 alone: ClientAuthority and ServerAuthority say
// who expects what.
#pragma once
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/x509/client_authority.h"
#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {

class PemFile;

class TrustStore {
 public:
  TrustStore();
  ~TrustStore();
  TrustStore(const TrustStore&) = delete;
  TrustStore& operator=(const TrustStore&) = delete;

  // add_authorities takes those of a file and returns them; `problem` says what is wrong with it.
  // `whose` is what they vouch for, in words.
  std::vector<Certificate> add_authorities(PemFile& file, const char* whose, std::string& problem);
  // add_system takes those that the system trusts; false: it has none.
  [[nodiscard]] bool add_system();
  // add_revocations takes the lists of a file, which from then on must speak for every issuer.
  void add_revocations(PemFile& file);
  void limit_depth(unsigned depth) noexcept { depth_ = depth; }

  struct Expectation {
    int purpose = 0;       // X509_PURPOSE_...
    std::string name{};    // a host name or an address that the leaf has to be for; empty: any
    bool anybody = false;  // the signature is all that counts
  };
  // judge may be called by several threads at once.
  [[nodiscard]] ClientIdentity judge(const ClientProof& proof, const Expectation& expected,
                                     std::int64_t now) const;

 private:
  std::unique_ptr<X509_STORE, Free<X509_STORE_free>> certificates_;
  unsigned depth_ = 0;
  bool checks_revocation_ = false;
  // Some authority's own issuer is not in the file.  Chains then end at the first certificate that
  // is; otherwise they go on to the root, so that its list speaks for the others.
  bool has_partial_chains_ = false;
};

}  // namespace sallyport::x509
