// What conformance scripts have in common: connections that are open.  The peer's segments hold
// 1,000 bytes, so that sequence numbers can be read.
#pragma once
#include "tests/support/tcp_script.h"

namespace sallyport::testing {

// A peer without any option but MSS; the handshake took 100 ms.
inline constexpr const char* kPlain = R"(
  0       listen
  +0      < S 0:0(0) win 65535 <mss 1000>
  +0      > S. 0:0(0) ack 1 win 65535 <mss 1460>
  +0.100  < . 1:1(0) ack 1 win 65535
  +0      = state ESTABLISHED
)";

// The same with SACK.
inline constexpr const char* kSack = R"(
  0       listen
  +0      < S 0:0(0) win 65535 <mss 1000,sackOK>
  +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
  +0.100  < . 1:1(0) ack 1 win 65535
  +0      = state ESTABLISHED
)";

// SACK and timestamps.  The peer's clock is 100 ms ahead of ours; the option takes 12 of its 1,012
// bytes.
inline constexpr const char* kTimestamps = R"(
  0       listen
  +0      < S 0:0(0) win 65535 <mss 1012,sackOK,TS val 100 ecr 0>
  +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 0 ecr 100>
  +0.100  < . 1:1(0) ack 1 win 65535 <TS val 200 ecr 0>
  +0      = state ESTABLISHED
)";

// Ours is the active open.
inline constexpr const char* kActive = R"(
  0       open
  +0      > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,wscale 8>
  +0.100  < S. 0:0(0) ack 1 win 65535 <mss 1000>
  +0      > . 1:1(0) ack 1
  +0      = state ESTABLISHED
)";

}  // namespace sallyport::testing
