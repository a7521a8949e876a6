// Handshakes that were resumed, and why others were not.
#pragma once
#include "lib/stats/counters.h"

// Resumption: how handshakes went.
#define SALLYPORT_RESUMPTIONS(X)                                                     \
  X(tls13_full, "TLS 1.3 handshakes with a certificate")                             \
  X(tls13_resumed, "TLS 1.3 handshakes with a ticket instead")                       \
  X(tls12_full, "TLS 1.2 handshakes with a certificate")                             \
  X(tls12_resumed, "TLS 1.2 handshakes with a ticket or a session ID instead")       \
  X(known_client, "of these, clients known by a certificate")                        \
  X(known_session_id, "TLS 1.2 handshakes resumed by a session ID")                  \
  X(tls13_retried, "HelloRetryRequests: the client had no share of a group of ours") \
  X(ticket_age_differs, "tickets accepted although their client's clock errs")

// TicketRefusal: why a ticket was of no use, or a session that is kept here, which is judged as its
// ticket would be.  The client then gets a full handshake and hears of no reason.
#define SALLYPORT_TICKET_REFUSALS(X)                                                         \
  X(none, "there was no ticket, or it was accepted")                                         \
  X(unknown_key, "not ours, or made too long ago: none of the present keys has its name")    \
  X(not_authentic, "forged, or of another listener")                                         \
  X(expired, "older than its lifetime")                                                      \
  X(other_version, "made under another version of TLS")                                      \
  X(other_cipher_suite, "made under a cipher suite that does not fit this handshake")        \
  X(other_name, "made for another server name or application protocol")                      \
  X(other_client, "the client that it names may not come in by it any more")                 \
  X(other_master_secret, "session and handshake do not agree on the extended master secret") \
  X(no_key_exchange_mode, "the client wants a way of using it that the listener does not have")

SALLYPORT_STATS_ENUM(Resumption, SALLYPORT_RESUMPTIONS)
SALLYPORT_STATS_ENUM(TicketRefusal, SALLYPORT_TICKET_REFUSALS)
