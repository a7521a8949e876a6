// ServerAuthority: who may vouch for the servers of one kind, under which name, and what to think
// of a server that shows a chain of certificates and a signature.
//
// ClientAuthority's counterpart, with the same bounds: it allocates and takes up to milliseconds,
// so it never runs on the packet path.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/x509/client_authority.h"

namespace sallyport::x509 {

class ServerAuthority {
 public:
  struct Expected {
    std::string authorities{};  // file, PEM; empty: whom the system trusts
    std::string revocations{};  // PEM with CRLs; empty: nothing is ever revoked
    std::string name{};         // host name or address of the server; empty: any will do
    unsigned depth = 3;         // most certificates between a leaf and an authority
    // Whoever holds the key of the certificate that it shows will do, whoever issued it to whom:
    // that protects against those who listen, and not against those who stand in the way.
    bool anybody = false;
  };
  // Loaded is an authority, or why there is none: `message` names the file and what to do.
  struct Loaded;

  [[nodiscard]] static Loaded load(const Expected& expected);

  ServerAuthority(ServerAuthority&& other) noexcept;
  ServerAuthority& operator=(ServerAuthority&& other) noexcept;
  ~ServerAuthority();

  // judge may be called by several threads at once.  `now` is Unix seconds.
  [[nodiscard]] ClientIdentity judge(const ClientProof& proof, std::int64_t now) const;
  // The same for a job of a Client, whose status and identity it sets.
  void judge(crypto::VerifyJob& job, std::int64_t now) const;

 private:
  struct Store;
  ServerAuthority();

  std::unique_ptr<Store> store_;
};

struct ServerAuthority::Loaded {
  std::optional<ServerAuthority> authority;
  std::string message;
  [[nodiscard]] explicit operator bool() const noexcept { return authority.has_value(); }
};

}  // namespace sallyport::x509
