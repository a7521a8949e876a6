// Flight: the handshake messages that a server or a client is about to send, as a short script.
//
// A flight is never laid out in memory as a whole: the certificate chain, by far its longest part,
// is read from the configuration while records are written, so a connection that waits for its turn
// holds a few hundred bytes and not several kilobytes.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/tls/negotiation.h"
#include "lib/tls/server_config.h"
#include "lib/wire/tls_types.h"
#include "lib/wire/writer.h"

namespace sallyport::tls {

// CertificateMessage is how a credential is shown, without existing anywhere as a whole: a
// Certificate message (RFC 8446 4.4.2, RFC 5246 7.4.2), in TLS 1.2 followed by CertificateStatus
// when there is a staple (RFC 6066 8), or a CompressedCertificate message (RFC 8879 4).
class CertificateMessage {
 public:
  CertificateMessage(const Credential& credential, const Parameters& agreed) noexcept;

  [[nodiscard]] std::size_t len() const noexcept { return len_; }
  // copy_to writes as many bytes from `offset` on as there are and fit, and returns how many.
  [[nodiscard]] std::size_t copy_to(std::size_t offset, MutableBytes out) const noexcept;
  void update(crypto::TranscriptHash& transcript) const noexcept;

 private:
  // for_each_part calls visit(ByteView) for the parts in order, until it returns false.
  template <class Visit>
  void for_each_part(Visit&& visit) const noexcept;

  const Credential& credential_;
  ByteView compressed_;  // body of the CompressedCertificate message; empty: not compressed
  bool tls13_;
  bool staple_;
  std::size_t len_ = 0;
};

enum class FlightPart : std::uint8_t {
  messages,             // bytes of handshake messages written here
  certificate,          // the Certificate message
  certificate_request,  // the CertificateRequest message
  prime,                // that of a finite field, in the middle of a message
  change_cipher_spec,   // one record of its own
  protect,              // everything after goes out under the write keys
  application_keys,     // the write keys of application data take over (TLS 1.3)
  end_of_flight,        // the last byte of the flight is out
};

// BasicFlight has room for messages of so many bytes together.
template <std::size_t kCapacity>
class BasicFlight {
 public:
  using Part = FlightPart;

  [[nodiscard]] bool empty() const noexcept { return next_ == num_steps_; }
  // clear forgets everything, as a fatal alert does.
  void clear() noexcept;

  // write appends messages with `body(Writer&)` and returns them, for the transcript.  Empty when
  // they did not fit, which is an internal error.
  template <class Body>
  [[nodiscard]] ByteView write(Body&& body) noexcept {
    if (empty()) clear();
    wire::Writer w{MutableBytes{bytes_}.subspan(used_)};
    body(w);
    const MutableBytes written = w.written();
    used_ = static_cast<std::uint16_t>(used_ + written.size());
    add(Part::messages, written.size());
    return written;
  }
  void add(Part part, std::size_t len = 0) noexcept;

  // What comes next; precondition: !empty().
  [[nodiscard]] Part next() const noexcept { return steps_[next_].part; }
  // pop leaves the step behind.  Precondition: !empty().
  void pop() noexcept { ++next_; }

  // Sources are what the parts of the same names stand for.
  struct Sources {
    const CertificateMessage* certificate = nullptr;
    ByteView certificate_request{};
    ByteView prime{};
  };
  // copy_messages takes as many bytes of consecutive handshake messages as fit into `out`, and
  // returns how many.
  [[nodiscard]] std::size_t copy_messages(const Sources& sources, MutableBytes out) noexcept;

 private:
  struct Step {
    Part part{};
    std::uint16_t len = 0;
  };
  static constexpr std::size_t kMaxSteps = 12;

  std::array<std::uint8_t, kCapacity> bytes_;
  std::uint16_t used_ = 0;   // bytes written
  std::uint16_t taken_ = 0;  // bytes copied out
  std::uint16_t done_ = 0;   // of the current step
  std::uint8_t num_steps_ = 0;
  std::uint8_t next_ = 0;
  std::array<Step, kMaxSteps> steps_{};
};

// The longest, in TLS 1.2: ServerHello with every extension and a 255-byte protocol name (363
// bytes), ServerKeyExchange in ffdhe4096 without the prime, signed with RSA-4096 (1,037 bytes),
// ServerHelloDone.  In TLS 1.3 1,031: ServerHello with a P-384 point, EncryptedExtensions with a
// protocol name, CertificateVerify with RSA-4096, Finished with SHA-384.
using Flight = BasicFlight<1'424>;
// A ClientHello has 1,152 bytes at most without cookie (1,024) and ticket (2,048).
using ClientFlight = BasicFlight<1'152 + 1'024 + 2'048>;

}  // namespace sallyport::tls
