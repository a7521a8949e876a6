// Keep-alive (RFC 9293 section 3.8.4), and the receive window that grows with what a peer needs.
#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

class KeepAlive : public ::testing::Test {
 protected:
  KeepAlive() {
    tcb_.keep_alive = 75;
    tcb_.heard_at = TimerStamp{now_};
  }
  // wait lets the next deadline come, and returns how long that took.
  Micros wait(Expired& expired) {
    const Instant begun = now_;
    // A coarse stamp may want a second look.
    do {
      now_ = *next_deadline(tcb_, now_) + Micros{1};
      expired = on_deadline(tcb_, now_);
    } while (!expired.keep_alive && !expired.timed_out);
    return now_ - begun;
  }
  Conn tcb_ = tcb_in(State::established);
  Instant now_ = kStart;
};

bool about(Micros a, unsigned seconds) {
  return a.count > seconds * 1'000'000 - 100'000 && a.count < seconds * 1'000'000 + 200'000;
}

TEST_F(KeepAlive, IsOffUnlessAskedFor) {
  tcb_.keep_alive = 0;
  EXPECT_FALSE(next_deadline(tcb_, now_).has_value());
}

TEST_F(KeepAlive, ASilentPeerIsProbedWithAnOldSequenceNumber) {
  Expired expired;
  EXPECT_TRUE(about(wait(expired), 75));
  ASSERT_TRUE(expired.keep_alive);
  ASSERT_TRUE(wants_ack(tcb_));
  const Segment probe = make_ack(tcb_, now_);
  EXPECT_EQ(probe.seq, tcb_.snd_nxt - 1U);
  EXPECT_EQ(probe.ack, tcb_.rcv_nxt);
  EXPECT_EQ(probe.flags, kAck);
  EXPECT_EQ(probe.length(), 0U);
  EXPECT_FALSE(wants_ack(tcb_)) << "one at a time";
}

TEST_F(KeepAlive, AnAnswerBeginsTheSilenceAnew) {
  Expired expired;
  (void)wait(expired);
  (void)make_ack(tcb_, now_);
  (void)segment_arrives(tcb_, segment_of(kAck, tcb_.rcv_nxt.raw, tcb_.snd_nxt.raw), now_);
  EXPECT_EQ(tcb_.keep_alive_probes, 0U);
  EXPECT_TRUE(about(wait(expired), 75));
}

TEST_F(KeepAlive, FiveProbesWithoutAnAnswerEndTheConnection) {
  Expired expired;
  (void)wait(expired);
  for (int i = 1; i < 5; ++i) {
    (void)make_ack(tcb_, now_);
    EXPECT_TRUE(about(wait(expired), 15)) << i;
    EXPECT_TRUE(expired.keep_alive);
  }
  (void)make_ack(tcb_, now_);
  EXPECT_TRUE(about(wait(expired), 15));
  EXPECT_TRUE(expired.timed_out);
  EXPECT_EQ(tcb_.state, State::closed);
}

TEST_F(KeepAlive, WhatIsInFlightHasATimerOfItsOwn) {
  (void)send_all(tcb_, 100, now_);
  now_ = now_ + from_millis(80'000);
  tcb_.retransmit_at = Stamp{now_ + from_millis(1)};
  EXPECT_FALSE(on_deadline(tcb_, now_).keep_alive);
}

TEST_F(KeepAlive, OurProbeOfAnotherOneIsAnsweredByIt) {
  Conn peer = tcb_in(State::established);
  Segment probe = segment_of(kAck, peer.rcv_nxt.raw - 1, peer.snd_nxt.raw);
  const Arrival a = segment_arrives(peer, probe, now_);
  EXPECT_EQ(a.reply, Reply::challenge_ack);
  EXPECT_EQ(make_ack(peer, now_).ack, peer.rcv_nxt);
}

// --- The receive window --------------------------------------------------------------------------

class TunedWindow : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kMost = 4'194'304;
  TunedWindow() {
    tcb_.rcv_wscale = 8;
    tcb_.window_scaling = true;
    measured(tcb_.rtt, from_millis(100));
    tcb_.tune_end = tcb_.rcv_adv;
    tcb_.tune_begun = Stamp{now_};
  }
  // receive takes `bytes` within `time`, all of it read at once.
  void receive(std::uint32_t bytes, Micros time) {
    const std::uint32_t segments = bytes / kMss + 1;
    for (std::uint32_t i = 0; i < segments; ++i) {
      now_ = now_ + Micros{time.count / segments};
      (void)segment_arrives(tcb_, segment_of(kAck, tcb_.rcv_nxt.raw, tcb_.snd_nxt.raw, kMss), now_);
      set_receive_room(tcb_, receive_window(tcb_, kMost));
      (void)make_ack(tcb_, now_);
    }
  }
  Conn tcb_ = tcb_in(State::established);
  Instant now_ = kStart;
};

TEST_F(TunedWindow, APeerThatFillsItEveryRoundTripGetsMore) {
  EXPECT_EQ(receive_window(tcb_, kMost), 65'536U);
  receive(70'000, from_millis(100));
  EXPECT_EQ(receive_window(tcb_, kMost), 131'072U);
  receive(150'000, from_millis(100));
  EXPECT_EQ(receive_window(tcb_, kMost), 262'144U);
}

TEST_F(TunedWindow, NeverMoreThanTheCallerHas) {
  for (int i = 0; i < 12; ++i) receive(10'000'000, from_millis(100));
  EXPECT_EQ(receive_window(tcb_, kMost), kMost);
  EXPECT_EQ(receive_window(tcb_, 20'000), 20'000U);
  EXPECT_EQ(receive_window(tcb_, 0xffff'ffff), 16'777'216U) << "which the scale can express";
}

TEST_F(TunedWindow, AnUnhurriedPeerGetsNoMore) {
  for (int i = 0; i < 20; ++i) receive(70'000, from_millis(400));
  EXPECT_EQ(receive_window(tcb_, kMost), 65'536U);
}

TEST(QuickAck, TheFirstFullSegmentsAreAcknowledgedOneByOne) {
  Conn tcb = tcb_in(State::established);
  for (int i = 0; i < 10; ++i) {
    (void)segment_arrives(tcb, segment_of(kAck, tcb.rcv_nxt.raw, tcb.snd_nxt.raw, kMss), kStart);
    EXPECT_TRUE(wants_ack(tcb)) << i;
    (void)make_ack(tcb, kStart);
  }
  (void)segment_arrives(tcb, segment_of(kAck, tcb.rcv_nxt.raw, tcb.snd_nxt.raw, kMss), kStart);
  EXPECT_FALSE(wants_ack(tcb)) << "and later ones in pairs";
}

TEST(QuickAck, AShortSegmentWaitsForTheAnswerThatCarriesItsAck) {
  Conn tcb = tcb_in(State::established);
  (void)segment_arrives(tcb, segment_of(kAck, tcb.rcv_nxt.raw, tcb.snd_nxt.raw, 300), kStart);
  EXPECT_FALSE(wants_ack(tcb));
}

}  // namespace
}  // namespace sallyport::tcp::test
