// CookieKeys: the secrets of SYN cookies, as the control thread publishes and a worker uses them.
#pragma once
#include <cstdint>

#include "lib/base/secret.h"
#include "lib/base/siphash.h"

namespace sallyport {

// Cookies are made with `current`.  Accepted are also those of one neighbouring epoch: of the one
// before in the first half of an epoch, of the one after in the second half, when an appliance
// whose clock is ahead may make them already.
struct CookieKeys {
  ~CookieKeys() {
    wipe_object(current);
    wipe_object(adjacent);
  }
  std::uint8_t epoch = 0;  // its low bit travels in the cookie
  SipKey current;
  SipKey adjacent;
};

}  // namespace sallyport
