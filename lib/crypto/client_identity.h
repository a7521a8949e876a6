// ClientIdentity: who a client is, by the certificate that it showed.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::crypto {

// AuthorityId names whoever may vouch for the clients of a listener; the certificates themselves
// never travel.
struct AuthorityId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0 names nobody
  friend constexpr bool operator==(AuthorityId, AuthorityId) noexcept = default;
};

// ClientVerdict is in words what an alert says in numbers (RFC 8446 6.2).
enum class ClientVerdict : std::uint8_t {
  none,  // no certificate was judged
  ok,
  malformed,    // no certificate at all, too many, or bytes that are none
  unsupported,  // a kind or size of key, an algorithm or a purpose that is not accepted
  unknown_authority,
  expired,             // or not valid yet
  revoked,             // a list of revocations names it
  revocation_unknown,  // lists are configured, and none that is valid speaks for its issuer
  not_trusted,         // any other reason against the chain
  wrong_name,          // of a server: its certificate is for somebody else
  wrong_scheme,        // the signature says of itself that the certificate's key did not make it
  bad_signature,       // the client does not hold the key, or signed something else
};

// ClientIdentity is what a backend is told about a client.
struct ClientIdentity {
  static constexpr std::size_t kMaxSubject = 255;

  ClientVerdict verdict = ClientVerdict::none;
  std::uint8_t subject_len = 0;
  std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the leaf's DER; zero when malformed
  std::int64_t not_after = 0;                  // Unix seconds: the chain is good until then
  std::array<char, kMaxSubject> subject_text{};

  // subject is that of the leaf (RFC 2253), cut at kMaxSubject bytes.
  [[nodiscard]] std::string_view subject() const noexcept {
    return {subject_text.data(), subject_len};
  }
  void set_subject(std::string_view text) noexcept {
    text = text.substr(0, kMaxSubject);
    std::ranges::copy(text, subject_text.begin());
    subject_len = static_cast<std::uint8_t>(text.size());
  }
};

}  // namespace sallyport::crypto
