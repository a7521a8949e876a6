// Staple: an OCSP response that a server shows together with its certificate (RFC 6066 section 8,
// RFC 6960), read from the file that some other program keeps fresh.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::x509 {

// A staple is sent in every full handshake, beside the chain.
constexpr std::size_t kMaxStapleBytes = 6'000;

struct Staple {
  std::vector<std::uint8_t> der;  // OCSPResponse
  std::int64_t this_update = 0;   // Unix seconds
  std::int64_t next_update = 0;  // when to stop showing it; a day after this_update if it says none
};

// LoadedStaple is a staple, or why there is none: `message` names the file and what to do.
struct LoadedStaple {
  std::optional<Staple> staple;
  std::string message;
  [[nodiscard]] explicit operator bool() const noexcept { return staple.has_value(); }
};

// load_staple reads a response in DER and makes sure that a client would accept it with `chain`
// (DER, leaf first): it is successful, about the leaf, says "good", is signed by the leaf's issuer
// or a responder that the issuer named, and is of today.  `chain` must hold the issuer, unless the
// leaf issued itself.  `now` is Unix seconds.
[[nodiscard]] LoadedStaple load_staple(const std::string& file,
                                       const std::vector<std::vector<std::uint8_t>>& chain,
                                       std::int64_t now);

}  // namespace sallyport::x509
