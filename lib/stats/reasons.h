// Why a frame was dropped, a cookie refused, a handshake failed, a connection closed.  Every such
// decision in the project names one of these, so `sallyctl show drops` explains every packet.
#pragma once
#include "lib/stats/counters.h"

// `none` comes first in every list: it is "no error" of Result<T, Reason> and is never counted.
#define SALLYPORT_DROP_REASONS(X)                                                            \
  X(none, "not dropped")                                                                     \
  X(frame_truncated, "frame ends before its headers or its stated length do")                \
  X(ethernet_not_for_us, "destination MAC is neither ours nor a group we joined")            \
  X(ethernet_own_source, "source MAC is one of ours: a loop or a forgery")                   \
  X(vlan_unknown, "802.1Q tag of no configured interface")                                   \
  X(ethertype_unknown, "neither IPv4, IPv6 nor ARP")                                         \
  X(arp_malformed, "ARP packet with fields that RFC 826 does not allow")                     \
  X(arp_not_for_us, "ARP request for an address that is not ours")                           \
  X(ip_malformed, "IP header fields contradict each other or the frame")                     \
  X(ip_bad_checksum, "IPv4 header checksum is wrong")                                        \
  X(ip_fragment, "IP fragment: fragments are not reassembled")                               \
  X(ip_not_for_us, "destination address is not ours")                                        \
  X(ip_bad_source, "source address is ours, multicast, broadcast, loopback or unspecified")  \
  X(ip_extension_headers, "more IPv6 extension headers than are walked")                     \
  X(ip_protocol_unknown, "neither TCP nor ICMP")                                             \
  X(icmp_malformed, "ICMP or neighbour-discovery message that its RFC does not allow")       \
  X(icmp_bad_checksum, "ICMP checksum is wrong")                                             \
  X(icmp_unhandled, "ICMP type that needs no answer")                                        \
  X(icmp_not_ours, "ICMP error about a segment that is not in flight (RFC 5927)")            \
  X(icmp_soft_error, "ICMP error that ends no connection: time will tell")                   \
  X(local_rate_limited, "ARP, ND or echo request above the answer rate")                     \
  X(tcp_malformed, "TCP header or options contradict the segment's length")                  \
  X(tcp_bad_checksum, "TCP checksum is wrong")                                               \
  X(tcp_bad_flags, "flag combination that no state allows")                                  \
  X(tcp_land, "source and destination are the same socket")                                  \
  X(tcp_no_listener, "SYN for a port on which nothing listens")                              \
  X(tcp_no_connection, "segment of no connection that we know")                              \
  X(tcp_cookie_refused, "ACK or data whose SYN cookie does not verify")                      \
  X(tcp_early_overtake, "data that overtook the start of its own connection")                \
  X(tcp_out_of_window, "no part of the segment lies in the receive window")                  \
  X(tcp_bad_ack, "acknowledges what was never sent")                                         \
  X(tcp_paws, "timestamp is older than the last one (RFC 7323 PAWS)")                        \
  X(tcp_blind_reset, "RST in the window but not at RCV.NXT: challenged (RFC 5961)")          \
  X(tcp_syn_in_connection, "SYN on an established connection: challenged (RFC 5961)")        \
  X(tcp_reassembly_full, "out-of-order data beyond the limit")                               \
  X(tcp_buffers_low, "data not accepted because frames are scarce; the peer repeats it")     \
  X(tcp_after_close, "data after the connection stopped reading")                            \
  X(draining, "new connection refused: shutting down")                                       \
  X(connection_limit, "no connection slot free")                                             \
  X(admission_limit, "new connection above a limit of its listener; the client tries again") \
  X(no_next_hop, "no MAC address known for the next hop")                                    \
  X(tx_full, "the port's transmit queue stood still")                                        \
  X(steer_ring_full, "ring to the owning worker was full")                                   \
  X(control_ring_full, "ring to the control thread was full")                                \
  X(internal_error, "an invariant of ours did not hold")

// CookieRefusal: why a SYN cookie did not make a connection.
#define SALLYPORT_COOKIE_REFUSALS(X)                                                   \
  X(none, "accepted")                                                                  \
  X(bad_mac, "authentication code is wrong: forged, or another tuple")                 \
  X(expired, "older than the cookie life time")                                        \
  X(no_slot, "valid, but no connection slot is free")                                  \
  X(listener_connections, "valid, but the listener has as many connections as it may") \
  X(listener_handshakes, "valid, but the listener has as many handshakes as it may")   \
  X(prefix_handshakes, "valid, but its network has as many handshakes as it may")      \
  X(prefix_rate, "valid, but its network opens connections faster than it may")        \
  X(draining, "valid, but we are shutting down")

// HandshakeStage: the funnel, in the order in which an honest client passes it.
#define SALLYPORT_HANDSHAKE_STAGES(X)                                       \
  X(syn_received, "SYN for a listener")                                     \
  X(syn_ack_sent, "SYN-ACK with cookie sent")                               \
  X(cookie_accepted, "handshake proven by data: connection made")           \
  X(client_hello, "complete ClientHello parsed")                            \
  X(job_submitted, "asymmetric work handed to the executor")                \
  X(job_completed, "asymmetric work came back")                             \
  X(flight_sent, "last message of the server's first flight queued")        \
  X(tls_established, "client Finished verified")                            \
  X(backend_syn_sent, "SYN to a backend sent")                              \
  X(backend_established, "backend answered")                                \
  X(backend_tls_established, "backend's certificate and Finished verified") \
  X(first_byte_to_client, "first application data sent to the client")

// HandshakeFailure: what ended a connection before it was established both ways.
#define SALLYPORT_HANDSHAKE_FAILURES(X)                                                  \
  X(none, "no failure")                                                                  \
  X(not_tls, "first bytes are no TLS record")                                            \
  X(record_overflow, "record longer than the version allows")                            \
  X(bad_record_mac, "record did not decrypt")                                            \
  X(decode_error, "message that does not parse")                                         \
  X(unexpected_message, "message or record type out of order")                           \
  X(illegal_parameter, "message contradicts itself or an earlier one")                   \
  X(missing_extension, "extension that the handshake needs is absent")                   \
  X(protocol_version, "no version in common")                                            \
  X(inappropriate_fallback, "client fell back although we speak more")                   \
  X(no_common_cipher_suite, "no cipher suite in common")                                 \
  X(no_common_group, "no key-exchange group in common")                                  \
  X(no_common_finite_field, "DHE without a finite field of RFC 7919 in common")          \
  X(no_common_signature_scheme, "no certificate whose signature the client accepts")     \
  X(no_application_protocol, "no ALPN protocol in common")                               \
  X(unrecognized_name, "server name that no credential matches")                         \
  X(client_hello_too_long, "ClientHello above the limit")                                \
  X(bad_key_share, "client's key share is no valid point")                               \
  X(bad_finished, "client's Finished does not verify")                                   \
  X(certificate_required, "client showed no certificate, and the listener wants one")    \
  X(client_certificate_too_long, "client's certificates above the limit")                \
  X(client_certificate_malformed, "client's certificates are none, or too many")         \
  X(client_certificate_unsupported, "client's certificate: key, algorithm or purpose")   \
  X(client_authority_unknown, "client's certificate of an authority that is not ours")   \
  X(client_certificate_expired, "client's certificate is out of date, or not valid yet") \
  X(client_certificate_revoked, "client's certificate was revoked")                      \
  X(client_revocation_unknown, "no valid list of revocations speaks for its issuer")     \
  X(client_certificate_untrusted, "client's certificate is bad for another reason")      \
  X(client_signature_bad, "client does not hold the key of its certificate")             \
  X(unsupported_extension, "server answers an extension that was not offered")           \
  X(downgraded, "server of TLS 1.3 was talked down to TLS 1.2")                          \
  X(server_refused, "server's certificate or signature is no good; the alert says why")  \
  X(server_closed, "server closed in mid-handshake")                                     \
  X(message_too_long, "server's message above the limit")                                \
  X(verifier_busy, "too many clients' certificates wait to be judged")                   \
  X(verifier_failed, "a client's certificate could not be judged")                       \
  X(bad_binder, "client does not know the pre-shared key that its ticket names")         \
  X(no_extended_master_secret, "client resumes without what its session had (RFC 7627)") \
  X(renegotiation, "client asked for renegotiation")                                     \
  X(too_many_records, "limit of empty or tiny records, warnings or key updates")         \
  X(alert_received, "client sent a fatal alert")                                         \
  X(client_closed, "client closed or reset in mid-handshake")                            \
  X(timed_out, "handshake not complete in time")                                         \
  X(gave_place, "client let us wait while all places were taken: another has its place") \
  X(signer_failed, "private-key operation failed")                                       \
  X(backend_refused, "every backend tried refused the connection")                       \
  X(backend_timed_out, "no backend answered in time")                                    \
  X(backend_tls, "TLS with the backends that were tried did not come about")             \
  X(no_backend, "pool has no backend that could be tried")                               \
  X(no_local_port, "no local port left towards the backend")                             \
  X(internal_error, "an invariant of ours did not hold")

// CloseCause: how an established connection ended, by whom.
#define SALLYPORT_CLOSE_CAUSES(X)                                          \
  X(client_close_notify, "client closed with close_notify")                \
  X(client_fin, "client sent FIN without close_notify: truncated")         \
  X(client_reset, "client sent RST")                                       \
  X(client_alert, "client sent a fatal alert")                             \
  X(client_timed_out, "client stopped answering")                          \
  X(client_protocol_error, "client broke TLS after the handshake")         \
  X(backend_fin, "backend closed")                                         \
  X(backend_reset, "backend sent RST")                                     \
  X(backend_truncated, "backend sent FIN without close_notify: truncated") \
  X(backend_alert, "backend sent a fatal alert")                           \
  X(backend_protocol_error, "backend broke TLS after the handshake")       \
  X(backend_timed_out, "backend stopped answering")                        \
  X(idle_timed_out, "no byte either way for the idle time")                \
  X(half_close_timed_out, "one side stayed half open too long")            \
  X(buffers_low, "held frames and stood still while frames were scarce")   \
  X(drained, "ended by our shutdown")                                      \
  X(internal_error, "an invariant of ours did not hold")

// BackendTlsFailure: why TLS with a backend did not come about, or ended.  Before the first byte
// was relayed another backend is tried, so what a client notices is HandshakeFailure::backend_tls.
#define SALLYPORT_BACKEND_TLS_FAILURES(X)                                         \
  X(none, "no failure")                                                           \
  X(unknown_authority, "certificate of an authority that the pool does not name") \
  X(wrong_name, "certificate is for another name than the pool's server_name")    \
  X(certificate_expired, "certificate is out of date, or not valid yet")          \
  X(certificate_unsupported, "certificate: key, algorithm or purpose")            \
  X(certificate_malformed, "no certificate, too many, or bytes that are none")    \
  X(certificate_untrusted, "certificate is bad for another reason")               \
  X(bad_signature, "backend does not hold the key of its certificate")            \
  X(protocol_version, "no version in common, or talked down to an older one")     \
  X(no_application_protocol, "backend does not agree to the pool's alpn")         \
  X(alert_received, "backend sent a fatal alert")                                 \
  X(closed, "backend closed or reset in mid-handshake")                           \
  X(timed_out, "handshake not complete in time")                                  \
  X(no_place, "no place in time: others had its pool's share, or all places")     \
  X(bad_record_mac, "record did not decrypt")                                     \
  X(protocol_error, "backend broke TLS in another way")                           \
  X(internal_error, "an invariant of ours did not hold")

SALLYPORT_STATS_ENUM(DropReason, SALLYPORT_DROP_REASONS)
SALLYPORT_STATS_ENUM(CookieRefusal, SALLYPORT_COOKIE_REFUSALS)
SALLYPORT_STATS_ENUM(HandshakeStage, SALLYPORT_HANDSHAKE_STAGES)
SALLYPORT_STATS_ENUM(HandshakeFailure, SALLYPORT_HANDSHAKE_FAILURES)
SALLYPORT_STATS_ENUM(CloseCause, SALLYPORT_CLOSE_CAUSES)
SALLYPORT_STATS_ENUM(BackendTlsFailure, SALLYPORT_BACKEND_TLS_FAILURES)
