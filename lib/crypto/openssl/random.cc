#include "lib/crypto/openssl/random.h"

#include <openssl/rand.h>

namespace sallyport::crypto::openssl {

bool draw_private(const Context& context, MutableBytes out) noexcept {
  return RAND_priv_bytes_ex(context.native(), out.data(), out.size(), 0) == 1;
}

}  // namespace sallyport::crypto::openssl
