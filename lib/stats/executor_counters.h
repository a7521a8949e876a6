// What one executor counts.  It is the only writer.
#pragma once
#include "lib/stats/counters.h"

#define SALLYPORT_EXECUTOR_COUNTERS(X)                                       \
  X(jobs_ok, "jobs done")                                                    \
  X(jobs_bad_peer_share, "key agreements refused for the peer's share")      \
  X(jobs_signer_failed, "signatures not made: no such key, or wrong scheme") \
  X(jobs_expired, "jobs whose deadline had passed")                          \
  X(derive_batches, "groups of up to eight key agreements")                  \
  X(derive_lanes, "key agreements in them")                                  \
  X(sign_batches, "groups of up to eight signatures")                        \
  X(sign_lanes, "signatures in them")                                        \
  X(rsa_batches, "groups of up to eight private operations of RSA")          \
  X(rsa_lanes, "private operations in them")                                 \
  X(rsa_renewals, "keys of RSA whose blinding factors were renewed")         \
  X(rsa_renewals_failed, "renewals of which a pair did not cancel out")      \
  X(key_share_batches, "groups of eight new key pairs")                      \
  X(key_share_lanes, "key pairs in them")

SALLYPORT_STATS_ENUM(ExecutorCounter, SALLYPORT_EXECUTOR_COUNTERS)
