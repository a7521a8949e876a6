// Flow control: RFC 9293 section 3.8.6, the scaled windows of RFC 7323, delayed ACKs.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

// --- Delayed ACK ---------------------------------------------------------------------------------

// [RFC 9293 3.8.6.3] [RFC 5681 4.2] At least every second full segment.
TEST(DelayedAck, EverySecondSegmentIsAcknowledgedAtOnce) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1:1001(1000) ack 1 win 65535
    +0.001  < . 1001:2001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 2001
    +0.001  < . 2001:4001(2000/1000) ack 1 win 65535
    +0      > . 1:1(0) ack 4001
    +1      silence
  )");
}

// [RFC 9293 3.8.6.3] A single one within half a second; ours waits no longer than 200 ms, so that
// no peer's time-out runs out.
TEST(DelayedAck, ASingleSegmentIsAcknowledgedAfterAWhile) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0              < P. 1:101(100) ack 1 win 65535
    +0.010~+0.200   > . 1:1(0) ack 101
    +1              silence
  )");
}

// [RFC 9293 3.8.6.3] What we have to say anyway carries the ACK.
TEST(DelayedAck, DataTakesItAlong) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < P. 1:101(100) ack 1 win 65535
    +0.020  write 500
    +0      > P. 1:501(500) ack 101
    +0.020  < . 101:101(0) ack 501 win 65535
    +1      silence
  )");
}

// [RFC 5681 4.2] Out of order, or filling a gap: at once, one ACK for each segment.
TEST(DelayedAck, NothingIsDelayedAroundAGap) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1001:2001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +0      < . 2001:3001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +0      < . 1:501(500) ack 1 win 65535      // half of the gap: nothing follows it yet
    +0.001  < . 501:1001(500) ack 1 win 65535
    +0      > . 1:1(0) ack 3001
  )");
}

// [RFC 5681 4.2] Text that had arrived before: the peer has not seen our ACK.
TEST(DelayedAck, RepeatedTextIsAcknowledgedAtOnce) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1:1001(1000) ack 1 win 65535
    +0.040  > . 1:1(0) ack 1001
    +0.3    < . 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001
  )");
}

// [RFC 9293 3.8.4] A keep-alive probe stands one before what we expect, with or without a byte.
TEST(KeepAlive, ProbesOfThePeerAreAnswered) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +60     < . 0:0(0) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +60     < . 0:1(1) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +0      = unread 0
  )");
}

// --- Receiver ------------------------------------------------------------------------------------

// [RFC 9293 3.8.6.2.2] The receiver's silly window avoidance: the right edge moves by a segment or
// half of the buffer, whatever the application reads.
TEST(ReceiverSillyWindow, SmallReadsDoNotOpenTheWindow) {
  TcpScript script{{.receive_buffer = 4'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 4000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . 1:4001(4000/1000) ack 1 win 65535
    +0      > . 1:1(0) ack 2001 win 2000
    +0      > . 1:1(0) ack 4001 win 0
    +1      read 1000
    +1      silence
    +0      read 459
    +1      silence
    +0      read 1                              // now it is one segment of ours
    +0      > . 1:1(0) ack 4001 win 1460
    +1      read 2540
    +0      > . 1:1(0) ack 4001 win 4000
  )");
}

// [RFC 9293 3.8.6.2.2] Half of the buffer where that is less than a segment.
TEST(ReceiverSillyWindow, ATinyBufferOpensInHalves) {
  TcpScript script{{.receive_buffer = 1'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 1000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . 1:1001(1000) ack 1 win 65535
    +0.040  > . 1:1(0) ack 1001 win 0
    +0      read 499
    +1      silence
    +0      read 1
    +0      > . 1:1(0) ack 1001 win 500
  )");
}

// [RFC 9293 3.8.6.1] Probes of our closed window are answered as often as they come, and what they
// acknowledge counts.
TEST(ReceiverZeroWindow, ProbesAreAnsweredAndTheirAcksAreHeard) {
  TcpScript script{{.receive_buffer = 2'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 2000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      write 500
    +0      > P. 1:501(500) ack 1 win 2000
    +0      < . 1:2001(2000/1000) ack 1 win 65535
    +0      > . 501:501(0) ack 2001 win 0
    +0.2    < . 2001:2002(1) ack 501 win 65535
    +0      > . 501:501(0) ack 2001 win 0
    +0.4    < . 2001:2002(1) ack 501 win 65535
    +0      > . 501:501(0) ack 2001 win 0
    +1      silence                             // 1:501 was acknowledged: nothing to repeat
    +0      read 2000
    +0      > . 501:501(0) ack 2001 win 2000
    +0      < . 2001:2002(1) ack 501 win 65535
    +0.040  > . 501:501(0) ack 2002
    +0      read 1
  )");
}

// [RFC 9293 3.8.6] The window never shrinks: what was promised is taken, though nobody reads.
TEST(Receiver, TakesEverythingThatItPromised) {
  TcpScript script{{.receive_buffer = 10'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 10000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . 1001:10001(9000/1000) ack 1 win 65535
    +0      > ...
    +0      < . 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 10001 win 0
    +0      read 10000
    +0      > . 1:1(0) ack 10001 win 10000
  )");
}

// [RFC 9293 3.10.7.4] Seventh: text that lies in the window only in part is cut, at both ends.
TEST(Receiver, TextIsTrimmedToTheWindow) {
  TcpScript script{{.receive_buffer = 3'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 3000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . 1:1001(1000) ack 1 win 65535
    +0      < . 501:1501(1000) ack 1 win 65535   // its first half is old
    +0      > . 1:1(0) ack 1501 win 1500
    +0      < . 1501:4501(3000) ack 1 win 65535  // its second half has no place
    +0      > . 1:1(0) ack 3001 win 0
    +0      read 3000
    +0      > . 1:1(0) ack 3001 win 3000
  )");
}

// --- Sender --------------------------------------------------------------------------------------

// [RFC 9293 3.8.6.2.1] The sender's silly window avoidance: not a full segment, not half of the
// largest window: wait.  What waits goes when the override time-out has passed.
TEST(SenderSillyWindow, ASmallWindowIsNotFilledAtOnce) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 4000 <mss 1000>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 4000
    +0      write 8000
    +0      > . 1:4001(4000/1000) ack 1
    +0.1    < . 1:1(0) ack 4001 win 400
    +0.1~+1 > . 4001:4401(400) ack 1             // the override
    +0.1    < . 1:1(0) ack 4401 win 4000
    +0      > . 4401:5001(600) ack 1
    +0      > . 5001:8001(3000/1000) ack 1
  )");
}

// [RFC 9293 3.8.6.2.1] A window that never gets as large as a segment is used all the same.
TEST(SenderSillyWindow, HalfOfTheLargestWindowIsEnough) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 600 <mss 1000>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 600
    +0      write 2000
    +0      > . 1:601(600) ack 1
    +0.1    < . 1:1(0) ack 601 win 300
    +0      > . 601:901(300) ack 1
    +0.1    < . 1:1(0) ack 901 win 600
    +0      > . 901:1001(100) ack 1
  )");
}

// [RFC 9293 3.8.6.1] A closed window is probed after one RTO, then ever more slowly, and for as
// long as the peer answers.
TEST(Persist, AClosedWindowIsProbedForAsLongAsThePeerAnswers) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1:1(0) ack 1 win 0
    +0      write 1000
    +0.300  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +0.600  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +1.200  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +2.400  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +4.800  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +9.600  > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +19.200 > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +38.400 > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +60     > . 1:2(1) ack 1                     // not more than a minute
    +0      < . 1:1(0) ack 1 win 0
    +60     > . 1:2(1) ack 1
    +0      < . 1:1(0) ack 1 win 0
    +60     > . 1:2(1) ack 1
    +0.1    < . 1:1(0) ack 1 win 65535
    +0      > P. 1:1001(1000) ack 1
    +0      = timed_out no
  )");
}

// [RFC 9293 3.8.6.1] The update that opens the window may be lost: then the probe brings it.
TEST(Persist, TheAnswerToAProbeOpensTheWindow) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1:1(0) ack 1 win 0
    +0      write 2000
    +0.300  > . 1:2(1) ack 1
    +0.1    < . 1:1(0) ack 2 win 1000            // it took the byte
    +0      > . 2:1001(999) ack 1
    +0.1    < . 1:1(0) ack 1001 win 65535
    +0      > P. 1001:2001(1000) ack 1
  )");
}

// [RFC 9293 3.8.6] A peer should not take its window back.  One that does is not overrun with new
// data, and what was sent is repeated.
TEST(ShrunkenWindow, StopsNewDataAndRepeatsTheOldest) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 5000 <mss 1000>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 5000
    +0      write 10000
    +0      > . 1:5001(5000/1000) ack 1
    +0.1    < . 1:1(0) ack 1001 win 1000          // the right edge goes from 5001 back to 2001
    +0.200~+0.400 > . 1001:2001(1000) ack 1
    +0.1    < . 1:1(0) ack 5001 win 5000          // had it all; slow start after the time-out
    +0      > . 5001:7001(2000/1000) ack 1
  )");
}

// --- Window scale --------------------------------------------------------------------------------

// The segments that fit a window field of 1 behind 10,000 bytes of acknowledged data.
std::string sent_into_one(const std::string& scale, const std::string& fits) {
  return R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000,)" +
         scale + R"(>
    +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,wscale 8>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 1 win 1024             // more than a SYN-ACK could say
    +0      write 40000
    +0      > . 1:10001(10000/1000) ack 1
    +0.1    < . 1:1(0) ack 10001 win 1
)" + fits;
}

// [RFC 7323 2.2] [RFC 7323 2.3] Windows are shifted, except that of a SYN.
TEST(WindowScale, OfFourteenIsTheLargest) {
  TcpScript script;
  script.run(sent_into_one("wscale 14", "+0 > . 10001:26001(16000/1000) ack 1"));
}

// [RFC 7323 2.3] A larger shift is used as 14.
TEST(WindowScale, OfFifteenIsTakenForFourteen) {
  TcpScript script;
  script.run(sent_into_one("wscale 15", "+0 > . 10001:26001(16000/1000) ack 1"));
}

// [RFC 7323 2.2] A shift of 0 permits ours without changing the peer's.
TEST(WindowScale, OfZeroScalesOurWindowOnly) {
  TcpScript script;
  script.run(sent_into_one("wscale 0", R"(
    +0.2~+0.5 > . 10001:10002(1) ack 1 win 1024
  )"));
}

// [RFC 7323 2.2] Neither side scales when one of the SYNs has no option.
TEST(WindowScale, WithoutThePeersOptionOursIsNotScaledEither) {
  TcpScript script;
  script.run(R"(
    0       open
    +0      > S 0:0(0) win 65535 <...>
    +0      < S. 0:0(0) ack 1 win 65535 <mss 1000>
    +0      > . 1:1(0) ack 1 win 65535
    +0      < P. 1:2001(2000/1000) ack 1 win 65535
    +0      > . 1:1(0) ack 2001 win 65535         // of a buffer of 262,144
    +0      read 2000
  )");
}

// [RFC 7323 2.4] Our right edge does not move left because of rounding: 256 bytes are the unit.
TEST(WindowScale, RoundingTakesNothingBack) {
  TcpScript script{{.receive_buffer = 100'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000,wscale 0>
    +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,wscale 8>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 1 win 390              // 99,840 of 100,000 bytes
    +0      < P. 1:11(10) ack 1 win 65535
    +0.040  > . 1:1(0) ack 11 win 390
    +0      < P. 11:21(10) ack 1 win 65535
    +0.040  > . 1:1(0) ack 21 win 390             // 389 units would take 236 bytes back
    +0      read 20
  )");
}

}  // namespace
}  // namespace sallyport::testing
