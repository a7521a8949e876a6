// The reference of relay_vs_ipsecmb, in a file of its own because ipsec-mb's header and OpenSSL's
// claim the same names.
#pragma once

namespace sallyport::bench {

// ipsec_mb_speed is bytes per tick of ipsec-mb's AES-128-GCM over records of 1,350 bytes.
[[nodiscard]] double ipsec_mb_speed();

}  // namespace sallyport::bench
