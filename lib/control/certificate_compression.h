// Compression of certificates (RFC 8879), once and ahead of time: a handshake only copies the
// result.
#pragma once
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// compress fills `credential.compressed` with what is shorter than the message itself, the shortest
// first.  It takes about 0.1 ms.
void compress(tls::Credential& credential);

}  // namespace sallyport::control
