// Explicit congestion notification, RFC 3168 section 6.1: both handshakes, and both halves of a
// connection.
#include <gtest/gtest.h>

#include "lib/tcp/syn_cookie.h"
#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

using wire::Ecn;

const CookieKeys kKeys{.epoch = 2, .current = {1, 2}, .adjacent = {3, 4}};
constexpr WallTime kWall{1'700'000'000'000};

Segment ecn_setup_syn() {
  Segment syn = segment_of(kSyn | kEce | kCwr, kPeerIss.raw);
  syn.options.has_timestamps = true;
  syn.options.tsval = 77;
  return syn;
}

// first_data completes the handshake that `syn_ack` answered.
Segment first_data(const Segment& syn_ack) {
  Segment data = segment_of(kAck, kPeerIss.raw + 1, syn_ack.seq.raw + 1, 100);
  data.options.has_timestamps = syn_ack.options.has_timestamps;
  data.options.tsval = 80;
  data.options.tsecr = syn_ack.options.tsval;
  return data;
}

TEST(EcnHandshake, ACookieRemembersThatEcnWasAgreedOn) {
  const Segment syn_ack = make_syn_ack(kTuple4, ecn_setup_syn(), {}, kKeys, kWall);
  EXPECT_EQ(syn_ack.flags, kSyn | kAck | kEce);
  EXPECT_EQ(syn_ack.ecn, Ecn::not_ect);  // [RFC 3168 6.1.1]
  const auto options = check_cookie(kTuple4, first_data(syn_ack), kKeys, kWall);
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->ecn);
  EXPECT_TRUE(open_passive(kTuple4, first_data(syn_ack), *options, {}, kStart).ecn);
}

TEST(EcnHandshake, NothingIsAgreedOnWhenItWasNotOfferedProperly) {
  std::vector<Segment> syns(4, ecn_setup_syn());
  syns[0].flags = kSyn;
  syns[1].flags = kSyn | kEce;
  syns[2].flags = kSyn | kCwr;
  syns[3].ecn = Ecn::ect0;  // a path that plays with these bits
  for (const Segment& syn : syns) {
    const Segment syn_ack = make_syn_ack(kTuple4, syn, {}, kKeys, kWall);
    EXPECT_EQ(syn_ack.flags, kSyn | kAck);
    const auto options = check_cookie(kTuple4, first_data(syn_ack), kKeys, kWall);
    ASSERT_TRUE(options);
    EXPECT_FALSE(options->ecn);
  }
}

TEST(EcnHandshake, WithoutTimestampsThereIsNoRoomToRememberIt) {
  Segment syn = ecn_setup_syn();
  syn.options.has_timestamps = false;
  const Segment syn_ack = make_syn_ack(kTuple4, syn, {}, kKeys, kWall);
  EXPECT_EQ(syn_ack.flags, kSyn | kAck);
  const auto options = check_cookie(kTuple4, first_data(syn_ack), kKeys, kWall);
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->ecn);
}

TEST(EcnHandshake, AListenerMayDeclineIt) {
  const Segment syn_ack = make_syn_ack(kTuple4, ecn_setup_syn(), {.ecn = false}, kKeys, kWall);
  EXPECT_EQ(syn_ack.flags, kSyn | kAck);
}

class EcnActiveOpen : public ::testing::Test {
 protected:
  EcnActiveOpen() { syn_ = send_all(tcb_, 0, kStart); }
  Arrival answer(Flags flags) {
    return segment_arrives(tcb_, segment_of(flags, kPeerIss.raw, kOurIss.raw + 1), kStart);
  }
  Conn tcb_{open_active(kTuple4, {.iss = kOurIss, .ecn = true}, kStart)};
  std::vector<Segment> syn_;
};

TEST_F(EcnActiveOpen, OffersItInTheSynAndTakesThePeersAgreement) {
  ASSERT_EQ(syn_.size(), 1U);
  EXPECT_EQ(syn_[0].flags, kSyn | kEce | kCwr);
  EXPECT_EQ(syn_[0].ecn, Ecn::not_ect);
  (void)answer(kSyn | kAck | kEce);
  EXPECT_TRUE(tcb_.ecn);
}

TEST_F(EcnActiveOpen, AnythingElseThanEceAloneIsNoAgreement) {
  const Tcb before = tcb_;
  for (const Flags flags : {kSyn | kAck, kSyn | kAck | kEce | kCwr, kSyn | kAck | kCwr}) {
    static_cast<Tcb&>(tcb_) = before;
    (void)answer(flags);
    EXPECT_EQ(tcb_.state, State::established);
    EXPECT_FALSE(tcb_.ecn);
  }
}

TEST_F(EcnActiveOpen, ARepeatedSynDoesNotOfferIt) {  // [RFC 3168 6.1.1.1]
  (void)on_deadline(tcb_, *next_deadline(tcb_, kStart));
  const auto again = send_all(tcb_, 0, kStart);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].flags, kSyn);
}

class EcnConnection : public ::testing::Test {
 protected:
  EcnConnection() {
    tcb_.ecn = true;
    tcb_.congestion.cwnd = 20 * kMss;
    measured(tcb_.rtt, from_millis(50));
  }
  static std::uint32_t seq(unsigned segment) { return kOurIss.raw + 1 + segment * kMss; }
  std::vector<Segment> send(unsigned until) {
    return send_all(tcb_, distance(tcb_.snd_una, SeqNum{seq(until)}), now_);
  }
  Arrival ack(unsigned next, Flags more = {}) {
    return segment_arrives(tcb_, segment_of(kAck | more, tcb_.rcv_nxt.raw, seq(next)), now_);
  }
  // text is one segment from the peer.
  Arrival text(Ecn mark, Flags more = {}) {
    Segment s = segment_of(kAck | more, tcb_.rcv_nxt.raw, tcb_.snd_una.raw, 100);
    s.ecn = mark;
    return segment_arrives(tcb_, s, now_);
  }
  bool echoes() { return make_ack(tcb_, now_).flags.ece(); }

  Conn tcb_ = tcb_in(State::established);
  Instant now_ = kStart;
};

TEST_F(EcnConnection, OnlyNewTextMayBeMarked) {
  const auto sent = send(3);
  ASSERT_EQ(sent.size(), 3U);
  for (const Segment& s : sent) EXPECT_EQ(s.ecn, Ecn::ect0);
  EXPECT_EQ(make_ack(tcb_, now_).ecn, Ecn::not_ect);  // [RFC 3168 6.1.4]
  now_ = *next_deadline(tcb_, now_);
  (void)on_deadline(tcb_, now_);
  const auto repeated = send(3);
  ASSERT_FALSE(repeated.empty());
  EXPECT_EQ(repeated[0].ecn, Ecn::not_ect);  // [RFC 3168 6.1.5]
}

TEST_F(EcnConnection, AFinAloneIsNotMarked) {
  (void)close(tcb_);
  const auto sent = send(0);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].flags.fin());
  EXPECT_EQ(sent[0].ecn, Ecn::not_ect);
}

TEST_F(EcnConnection, AWindowProbeIsNotMarked) {  // [RFC 3168 6.1.6]
  tcb_.snd_wnd = 0;
  EXPECT_TRUE(send(2).empty());
  now_ = *next_deadline(tcb_, now_);
  (void)on_deadline(tcb_, now_);
  const auto probe = send(2);
  ASSERT_EQ(probe.size(), 1U);
  EXPECT_EQ(probe[0].ecn, Ecn::not_ect);
}

TEST_F(EcnConnection, AMarkIsEchoedUntilThePeerHasReacted) {  // [RFC 3168 6.1.3]
  EXPECT_FALSE(text(Ecn::ect0).events.has(Event::ce_received));
  EXPECT_FALSE(echoes());
  EXPECT_TRUE(text(Ecn::ce).events.has(Event::ce_received));
  EXPECT_TRUE(wants_ack(tcb_)) << "the first echo does not wait";
  EXPECT_TRUE(echoes());
  (void)text(Ecn::ect0);
  EXPECT_TRUE(echoes()) << "an ACK can be lost";
  EXPECT_TRUE(send(1)[0].flags.ece()) << "text carries an ACK, too";
  (void)text(Ecn::ect0, kCwr);
  EXPECT_FALSE(echoes());
  (void)text(Ecn::ce, kCwr);
  EXPECT_TRUE(echoes()) << "a mark on the very segment with CWR is a new one";
}

TEST_F(EcnConnection, MarksOnWhatIsNotTakenMeanNothing) {
  Segment outside = segment_of(kAck, tcb_.rcv_nxt.raw + 2 * kWindow, tcb_.snd_una.raw, 100);
  outside.ecn = Ecn::ce;
  (void)segment_arrives(tcb_, outside, now_);
  EXPECT_FALSE(echoes());
  Segment bare = segment_of(kAck, tcb_.rcv_nxt.raw, tcb_.snd_una.raw);
  bare.ecn = Ecn::ce;  // [RFC 3168 6.1.4] nobody sends such a thing
  (void)segment_arrives(tcb_, bare, now_);
  EXPECT_FALSE(echoes());
}

TEST_F(EcnConnection, AnEchoHalvesTheWindowOnceAndRepeatsNothing) {  // [RFC 3168 6.1.2]
  EXPECT_EQ(send(20).size(), 20U);
  now_ = now_ + from_millis(50);
  const Arrival a = ack(2, kEce);
  EXPECT_TRUE(a.events.has(Event::ecn_reduction));
  EXPECT_FALSE(a.events.has(Event::fast_retransmit));
  EXPECT_EQ(tcb_.congestion.cwnd, 10U * kMss);
  EXPECT_EQ(tcb_.congestion.ssthresh, 10U * kMss);
  EXPECT_EQ(tcb_.lost, 0U);
  // The rest of the window says the same again, because the peer has not seen CWR yet.
  for (unsigned next = 4; next <= 20; next += 2) {
    EXPECT_FALSE(ack(next, kEce).events.has(Event::ecn_reduction)) << next;
    for (const Segment& s : send(21)) EXPECT_TRUE(s.flags.cwr());
  }
  EXPECT_EQ(tcb_.congestion.cwnd, 10U * kMss) << "and an echo lets nothing grow";
}

// More than the window is in flight when it was reduced a moment ago, or when new segments took the
// place of those that SACK reports: half of all that would be no reduction.
TEST_F(EcnConnection, AnEchoNeverLeavesMoreThanHalfOfTheWindow) {  // [RFC 5681 3.2]
  EXPECT_EQ(send(20).size(), 20U);
  tcb_.congestion.cwnd = 8 * kMss;
  EXPECT_TRUE(ack(2, kEce).events.has(Event::ecn_reduction));
  EXPECT_EQ(tcb_.congestion.cwnd, 4U * kMss);
}

TEST_F(EcnConnection, CwrIsSaidOnceWithNewText) {
  (void)send(20);
  (void)ack(12, kEce);
  const auto sent = send(25);
  ASSERT_GE(sent.size(), 2U);
  EXPECT_TRUE(sent[0].flags.cwr());
  for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_FALSE(sent[i].flags.cwr()) << i;
}

TEST_F(EcnConnection, TheNextWindowMayBeReducedAgain) {
  (void)send(20);
  (void)ack(12, kEce);
  (void)send(24);
  EXPECT_FALSE(ack(20, kEce).events.has(Event::ecn_reduction));
  (void)send(28);
  EXPECT_TRUE(ack(22, kEce).events.has(Event::ecn_reduction));
}

TEST_F(EcnConnection, ALossInTheSameWindowIsRepairedWithoutASecondReduction) {
  tcb_.sack = true;
  tcb_.rack.min_rtt = from_millis(50);
  (void)send(20);
  now_ = now_ + from_millis(50);
  (void)ack(2, kEce);
  const std::uint32_t ssthresh = tcb_.congestion.ssthresh;
  Segment s = segment_of(kAck | kEce, tcb_.rcv_nxt.raw, seq(2));
  s.options.num_sack_blocks = 1;
  s.options.sack_blocks[0] = {{seq(3)}, {seq(8)}};
  EXPECT_TRUE(segment_arrives(tcb_, s, now_).events.has(Event::fast_retransmit));
  EXPECT_EQ(tcb_.congestion.ssthresh, ssthresh);
  const auto repaired = send(20);
  ASSERT_FALSE(repaired.empty());
  EXPECT_EQ(repaired[0].seq.raw, seq(2));
  EXPECT_EQ(repaired[0].ecn, Ecn::not_ect);
}

TEST_F(EcnConnection, WithoutSackThreeDuplicatesStillRepairAfterAnEcho) {
  (void)send(20);
  (void)ack(2, kEce);
  (void)ack(2);
  (void)ack(2);
  EXPECT_TRUE(ack(2).events.has(Event::fast_retransmit));
}

TEST_F(EcnConnection, ALossTellsThePeerThatTheWindowWasReduced) {
  tcb_.sack = true;
  tcb_.rack.min_rtt = from_millis(50);
  (void)send(20);
  now_ = now_ + from_millis(50);
  Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(2));
  s.options.num_sack_blocks = 1;
  s.options.sack_blocks[0] = {{seq(3)}, {seq(19)}};
  (void)segment_arrives(tcb_, s, now_);
  EXPECT_TRUE(tcb_.cwr_due);
  const auto sent = send(40);
  ASSERT_GE(sent.size(), 2U);
  EXPECT_FALSE(sent[0].flags.cwr()) << "not with what is repeated";
  EXPECT_TRUE(sent[1].flags.cwr());
}

TEST_F(EcnConnection, ThePeersWordsMeanNothingWhereEcnWasNotAgreedOn) {
  tcb_.ecn = false;
  (void)send(20);
  const std::uint32_t cwnd = tcb_.congestion.cwnd;
  EXPECT_FALSE(ack(2, kEce).events.has(Event::ecn_reduction));
  EXPECT_GE(tcb_.congestion.cwnd, cwnd);
  EXPECT_FALSE(text(Ecn::ce).events.has(Event::ce_received));
  EXPECT_FALSE(echoes());
  for (const Segment& s : send(22)) EXPECT_EQ(s.ecn, Ecn::not_ect);
}

}  // namespace
}  // namespace sallyport::tcp::test
