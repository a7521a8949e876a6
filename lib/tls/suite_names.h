// What logs and backends call a cipher suite: the names of OpenSSL, which are IANA's in TLS 1.3.
#pragma once
#include <string_view>

#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// openssl_name is empty for what is no suite of this build.
[[nodiscard]] std::string_view openssl_name(wire::CipherSuite suite) noexcept;
// version_name is "TLSv1.2" or "TLSv1.3"; empty for what this build does not speak.
[[nodiscard]] std::string_view version_name(wire::ProtocolVersion version) noexcept;

}  // namespace sallyport::tls
