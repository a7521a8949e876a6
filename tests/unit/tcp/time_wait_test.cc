#include "lib/tcp/time_wait.h"

#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

TimeWait record(bool timestamps) {
  Conn tcb = tcb_in(State::fin_wait_2);
  tcb.timestamps = timestamps;
  tcb.ts_recent = 5000;
  tcb.ts_recent_valid = timestamps;
  Segment fin = segment_of(kFin | kAck, 5001, 1002);
  fin.options.has_timestamps = timestamps;
  fin.options.tsval = 5000;
  const Arrival a = segment_arrives(tcb, fin, kStart);
  EXPECT_TRUE(a.events.has(Event::time_wait));
  EXPECT_EQ(a.reply, Reply::ack);
  return make_time_wait(tcb, kStart);
}

Segment new_syn(std::uint32_t seq, std::optional<std::uint32_t> tsval = {}) {
  Segment s = segment_of(kSyn, seq);
  s.options.has_timestamps = tsval.has_value();
  s.options.tsval = tsval.value_or(0);
  return s;
}

TEST(TimeWait, AcknowledgesARepeatedFinAndWaitsAnew) {  // [RFC 9293 3.10.7.4]
  TimeWait tw = record(true);
  Segment fin = segment_of(kFin | kAck, 5001, 1002);
  const Instant later_on = kStart + from_millis(500);
  const TimeWaitArrival a = segment_arrives(tw, fin, later_on);
  EXPECT_EQ(a.reply, TimeWaitReply::ack);
  EXPECT_TRUE(a.rearmed);
  EXPECT_EQ(tw.expires_at.instant(later_on), later_on + kTimeWait);
  EXPECT_EQ(a.segment.flags, kAck);
  EXPECT_EQ(a.segment.seq, SeqNum{1002});
  EXPECT_EQ(a.segment.ack, SeqNum{5002});
  EXPECT_TRUE(a.segment.options.has_timestamps);
  EXPECT_EQ(a.segment.options.tsecr, 5000U);
}

TEST(TimeWait, AcknowledgesOldDataWithoutWaitingLonger) {
  TimeWait tw = record(false);
  const TimeWaitArrival a = segment_arrives(tw, segment_of(kAck, 4901, 1002, 100), kStart);
  EXPECT_EQ(a.reply, TimeWaitReply::ack);
  EXPECT_FALSE(a.rearmed);
}

TEST(TimeWait, ARstDoesNotEndIt) {  // [RFC 1337 3]
  TimeWait tw = record(false);
  EXPECT_EQ(segment_arrives(tw, segment_of(kRst, 5002), kStart).reply, TimeWaitReply::none);
}

TEST(TimeWait, ABareAckIsNotAnsweredSoTwoOfThemDoNotTalkForEver) {
  TimeWait tw = record(false);
  EXPECT_EQ(segment_arrives(tw, segment_of(kAck, 9999, 1), kStart).reply, TimeWaitReply::none);
}

TEST(TimeWait, ASynWithAHigherSequenceNumberReopensAndALowerOneIsChallenged) {  // [RFC 6191 2]
  TimeWait tw = record(false);
  EXPECT_EQ(segment_arrives(tw, new_syn(5003), kStart).reply, TimeWaitReply::reopen);
  EXPECT_EQ(segment_arrives(tw, new_syn(5002), kStart).reply, TimeWaitReply::ack);
  EXPECT_EQ(segment_arrives(tw, new_syn(1), kStart).reply, TimeWaitReply::ack);
}

TEST(TimeWait, ANewerTimestampReopensWhateverTheSequenceNumber) {  // [RFC 6191 2]
  TimeWait tw = record(true);
  EXPECT_EQ(segment_arrives(tw, new_syn(1, 5001), kStart).reply, TimeWaitReply::reopen);
  EXPECT_EQ(segment_arrives(tw, new_syn(9000, 4999), kStart).reply, TimeWaitReply::ack);
  EXPECT_EQ(segment_arrives(tw, new_syn(9000, 5000), kStart).reply, TimeWaitReply::reopen);
  EXPECT_EQ(segment_arrives(tw, new_syn(1, 5000), kStart).reply, TimeWaitReply::ack);
  EXPECT_EQ(segment_arrives(tw, new_syn(9000), kStart).reply, TimeWaitReply::reopen);
}

TEST(TimeWait, ASynAckNeverReopens) {
  TimeWait tw = record(false);
  EXPECT_EQ(segment_arrives(tw, segment_of(kSyn | kAck, 9000, 1002), kStart).reply,
            TimeWaitReply::ack);
}

}  // namespace
}  // namespace sallyport::tcp::test
