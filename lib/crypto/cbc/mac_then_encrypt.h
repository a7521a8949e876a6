// What is inside a record that was MACed, padded and then encrypted (RFC 5246 6.2.3.2), looked at
// in a time that does not depend on it.
//
// The order of that construction means that a forged record is decrypted before anything is known
// of it.  Whatever then depends on its bytes tells an attacker who sends many variants what the
// plaintext of a genuine one is: Vaudenay's padding oracle by the kind of answer, Lucky Thirteen by
// its time.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/base/constant_time.h"
#include "lib/crypto/cbc/record_mac.h"

namespace sallyport::crypto {

// Unsealed is the verdict on a decrypted record.  All of it is secret until `good` has been looked
// at, once, as a whole.
struct Unsealed {
  ct::Mask good = 0;  // padding and MAC are right
  std::size_t content_len = 0;
};

// unseal looks at content, MAC and padding.  `header` carries sequence number, type and version;
// its length is filled in here.  Precondition: plaintext has at least mac.len() + 1 bytes.
[[nodiscard]] Unsealed unseal(const RecordMac& mac, MacHeader header, ByteView plaintext) noexcept;

}  // namespace sallyport::crypto
