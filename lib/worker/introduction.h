// The introduction of a client to its backend: what is known of both ends of the client's side, as
// a header of the PROXY protocol.
#pragma once
#include "lib/crypto/client_identity.h"
#include "lib/tls/hello_notes.h"
#include "lib/tls/server.h"
#include "lib/tls/server_config.h"
#include "lib/wire/proxy_protocol.h"

namespace sallyport::worker {

// write_introduction appends the header for an established connection of `client`.  `identity` is
// null where no certificate vouches for the client.  `w` has room for wire::kMaxProxyHeader.
void write_introduction(wire::Writer& w, const FourTuple& client, const tls::Server& tls,
                        const tls::ServerConfig& config, const tls::HelloNotes& notes,
                        const crypto::ClientIdentity* identity) noexcept;

}  // namespace sallyport::worker
