// CookieKeys: the secrets of SYN cookies, as the control thread publishes and a worker uses them.
#pragma once
#include <cstdint>

#include "lib/base/siphash.h"

namespace sallyport {

// Cookies are made with `current`; those of the epoch before are still accepted.
struct CookieKeys {
  std::uint8_t epoch = 0;  // its low bit travels in the cookie
  SipKey current;
  SipKey previous;
};

}  // namespace sallyport
