// VerifyJob: a peer's certificates and the signature that goes with them, on their way from an
// I/O lcore to a verifier and back.
//
// Ownership travels with the pointer, as it does with a CryptoJob.  The difference is size: a chain
// may be as long as a ClientHello.  So there are few of these, a connection has one only from the
// first byte of its Certificate message on, and the messages are collected in it where they will be
// judged.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "lib/base/byteorder.h"
#include "lib/base/slab.h"
#include "lib/base/units.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/client_identity.h"

namespace sallyport::crypto {

// Without these a single handshake could ask for the verification of hundreds of certificates, or
// hold as much memory as a 24-bit length names.
constexpr std::size_t kMaxClientChain = 4;
constexpr std::size_t kMaxClientChainBytes = 16'384;

enum class VerifyStatus : std::uint8_t {
  pending,
  done,     // `identity` has the verdict
  expired,  // deadline passed before it was its turn
  failed,   // nobody has the name of the authority
};

// SignedKind is how the content of a job relates to the client's signature.
enum class SignedKind : std::uint8_t {
  message,     // TLS 1.3: what was signed (RFC 8446 4.4.3)
  digest,      // TLS 1.2: its hash with the scheme's hash function (RFC 5246 7.4.8)
  parameters,  // TLS 1.2, of a server: both randoms and ServerECDHParams (RFC 8422 5.4)
};

struct VerifyJob {
  static constexpr std::size_t kHandshakeHeader = 4;
  static constexpr std::size_t kMaxCertificate = kHandshakeHeader + kMaxClientChainBytes;
  // Scheme, length, a signature with RSA-4096.
  static constexpr std::size_t kMaxCertificateVerify = kHandshakeHeader + 2 + 2 + 512;
  // The longer of 64 + 33 + 1 + 48 (TLS 1.3) and 64 + 4 + 97 (TLS 1.2, of a server).
  static constexpr std::size_t kMaxContent = 165;

  // Part is a piece of `messages`.
  struct Part {
    std::uint16_t offset = 0;
    std::uint16_t len = 0;
  };

  VerifyJob() noexcept : messages{} {}

  // Routing: written by the worker, echoed untouched.
  std::uint64_t connection = 0;  // the worker's handle of the connection, opaque here
  Handle<VerifyJob> self;
  std::uint16_t worker = 0;
  std::uint16_t holder = 0;  // whose place this is, opaque here
  VerifyStatus status = VerifyStatus::pending;
  Tsc submitted;
  Tsc deadline;  // zero: none

  // What the client showed.
  AuthorityId authority;  // who is to vouch for it
  SignatureScheme scheme = SignatureScheme::none;
  SignedKind kind{};
  std::uint8_t content_len = 0;
  std::uint8_t num_certificates = 0;
  std::uint16_t messages_len = 0;                    // bytes of whole messages
  std::array<Part, kMaxClientChain> certificates{};  // DER, leaf first
  Part signature;
  std::array<std::uint8_t, kMaxContent> content{};

  ClientIdentity identity;  // the result

  // Certificate and CertificateVerify, one behind the other, as they came.
  std::array<std::uint8_t, kMaxCertificate + kMaxCertificateVerify> messages;

  [[nodiscard]] ByteView bytes_of(Part part) const noexcept {
    return ByteView{messages}.subspan(part.offset, part.len);
  }
  // reset makes it as good as new.  What `messages` holds beyond their length nobody reads.
  void reset() noexcept {
    connection = 0;
    self = {};
    holder = 0;
    status = VerifyStatus::pending;
    scheme = SignatureScheme::none;
    content_len = 0;
    num_certificates = 0;
    messages_len = 0;
    signature = {};
    identity = {};
  }
};
static_assert(std::is_trivially_copyable_v<VerifyJob>);
static_assert(sizeof(VerifyJob) <= 17'536);

}  // namespace sallyport::crypto
