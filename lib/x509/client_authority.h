// ClientAuthority: who may vouch for clients of one listener, and what to think of a client that
// shows a chain of certificates and a signature.
//
// The verification itself is OpenSSL's (RFC 5280).  What is added are bounds on what a stranger can
// make it do: few certificates, of kinds and sizes of key whose verification has a known price.  It
// allocates and takes up to milliseconds, so it never runs on the packet path.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/client_identity.h"
#include "lib/crypto/verify_job.h"

namespace sallyport::x509 {

using crypto::ClientIdentity;
using crypto::ClientVerdict;
using crypto::kMaxClientChain;
using crypto::kMaxClientChainBytes;

// ClientProof is what a client showed.
struct ClientProof {
  using Content = crypto::SignedKind;
  std::span<const ByteView> chain;  // DER, leaf first
  crypto::SignatureScheme scheme{};
  Content kind{};
  ByteView content;
  ByteView signature;
};

class ClientAuthority {
 public:
  struct Files {
    std::string authorities;  // PEM: whoever stands here is trusted, whether root or not
    std::string revocations;  // PEM with CRLs; empty: nothing is ever revoked
    unsigned depth = 2;       // most certificates between a leaf and an authority
  };
  // Loaded is an authority, or why there is none: `message` names the file and what to do.
  struct Loaded;

  // load reads and checks the files.
  [[nodiscard]] static Loaded load(const Files& files);

  ClientAuthority(ClientAuthority&& other) noexcept;
  ClientAuthority& operator=(ClientAuthority&& other) noexcept;
  ~ClientAuthority();

  // judge may be called by several threads at once.  `now` is Unix seconds.
  [[nodiscard]] ClientIdentity judge(const ClientProof& proof, std::int64_t now) const;

  // digest is SHA-256 over everything that decides who is let in: authorities, lists, depth.
  [[nodiscard]] const std::array<std::uint8_t, 32>& digest() const noexcept { return digest_; }

  // names is the distinguished name of each authority, DER, in the order of the file: what a
  // CertificateRequest tells clients to choose by (RFC 8446 4.2.4, RFC 5246 7.4.4).
  [[nodiscard]] const std::vector<std::vector<std::uint8_t>>& names() const noexcept {
    return names_;
  }

 private:
  struct Store;
  ClientAuthority();

  std::unique_ptr<Store> store_;
  std::vector<std::vector<std::uint8_t>> names_;
  std::array<std::uint8_t, 32> digest_{};
};

struct ClientAuthority::Loaded {
  std::optional<ClientAuthority> authority;
  std::string message;
  bool is_about_revocations = false;  // the message is about that file
  [[nodiscard]] explicit operator bool() const noexcept { return authority.has_value(); }
};

}  // namespace sallyport::x509
