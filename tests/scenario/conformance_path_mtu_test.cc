// Path MTU: RFC 1191, RFC 8201, validated by RFC 5927; and routers that say nothing (RFC 4821).
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

// [RFC 1191 6.4] What is too large goes out again at once, in smaller segments.  That is no
// congestion.
TEST(PathMtu, TheFlightIsCutAnewAndTheWindowStays) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 5000
    +0      > P. 1:5001(5000/1000) ack 1
    +0.020  < [1:1001(1000)] icmp frag_needed mtu 740
    +0      > . 1:701(700) ack 1
    +0      > . 701:1001(300) ack 1
    +0      > . 1001:1701(700) ack 1
    +0      > . 1701:2001(300) ack 1
    +0      > . 2001:2701(700) ack 1
    +0      > . 2701:3001(300) ack 1
    +0      > . 3001:3701(700) ack 1
    +0      > . 3701:4001(300) ack 1
    +0      > . 4001:4701(700) ack 1
    +0      > . 4701:5001(300) ack 1
    +0      = mss 700
    +0      = cwnd 10000
    +0      = ssthresh none
    +0.100  < . 1:1(0) ack 5001 win 65535
    +0      write 1400
    +0      > P. 5001:6401(1400/700) ack 1
  )");
}

// [RFC 5927 4.1] A message has to quote a segment that is in flight.
TEST(PathMtu, AMessageAboutAnythingElseIsIgnored) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 3000
    +0      > P. 1:3001(3000/1000) ack 1
    +0.100  < . 1:1(0) ack 1001 win 65535
    +0      < [1:1001(1000)] icmp frag_needed mtu 740       // has been acknowledged
    +0      < [3001:4001(1000)] icmp frag_needed mtu 740    // was never sent
    +0      < [-5000:-4000(1000)] icmp frag_needed mtu 740
    +0      = mss 1000
    +0      < . 1:1(0) ack 3001 win 65535
    +0      < [2001:3001(1000)] icmp frag_needed mtu 740    // nothing is in flight any more
    +0      = mss 1000
  )");
}

// [RFC 5927 7.2] Nor does anybody get us to send headers with nothing behind them.
TEST(PathMtu, NoMessageLeadsBelowTheLeast) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0      < [1:101(100)] icmp frag_needed mtu 68
    +0      = mss 512
    +0      < [1:101(100)] icmp frag_needed mtu 551
    +0      = mss 512
  )");
}

// [RFC 1191 3] [RFC 8201 4] Messages only ever reduce.
TEST(PathMtu, NoMessageRaisesIt) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0      < [1:101(100)] icmp frag_needed mtu 9000
    +0      = mss 1000
    +0      < [1:101(100)] icmp frag_needed mtu 840
    +0      = mss 800
    +0      < [1:101(100)] icmp frag_needed mtu 1040
    +0      = mss 800
  )");
}

// [RFC 1191 5] A router that names no size predates that RFC: the next common one.
TEST(PathMtu, WithoutASizeGoesDownThePlateaus) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1460,sackOK>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0      < [1:101(100)] icmp frag_needed mtu 0
    +0      = mss 1452
    +0      < [1:101(100)] icmp frag_needed mtu 0
    +0      = mss 1360
    +0      < [1:101(100)] icmp frag_needed mtu 0
    +0      = mss 1240
  )");
}

// [RFC 8201 4] Every IPv6 link carries 1,280 bytes: less is a lie.
TEST(PathMtu, OfIpv6IsAtLeast1280) {
  TcpScript script{{}, /*ipv6=*/true};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1440,sackOK>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      write 2880
    +0      > P. 1:2881(2880/1440) ack 1
    +0      < [1:1441(1440)] icmp frag_needed mtu 600
    +0      = mss 1440
    +0      < [1:1441(1440)] icmp frag_needed mtu 1280
    +0      > . 1:1221(1220) ack 1
    +0      > . 1221:1441(220) ack 1
    +0      > . 1441:2661(1220) ack 1
    +0      > . 2661:2881(220) ack 1
    +0      = mss 1220
  )");
}

// [RFC 4821 7.7] Nobody says anything, and only large segments vanish: after two time-outs of the
// same data they become smaller.
TEST(BlackHole, RepeatedTimeoutsMakeSegmentsSmaller) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1460>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      write 2920
    +0      > P. 1:2921(2920/1460) ack 1
    +0.300  > . 1:1461(1460) ack 1
    +0.600  > . 1:1241(1240) ack 1
    +0.1    < . 1:1(0) ack 1241 win 65535
    +0      > . 1241:1461(220) ack 1
    +0      > . 1461:2701(1240) ack 1
    +0      > P. 2701:2921(220) ack 1
    +0.1    < . 1:1(0) ack 2921 win 65535
    +0      = mss 1240
  )");
}

}  // namespace
}  // namespace sallyport::testing
