#include "lib/tcp/path_mtu.h"

#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

bool too_big(Conn& tcb, std::uint32_t quoted, std::uint32_t mtu) {
  return packet_too_big(tcb, tcb.queue, {quoted}, mtu);
}
std::uint32_t total(const std::vector<Segment>& sent) {
  std::uint32_t bytes = 0;
  for (const Segment& s : sent) bytes += s.payload_len;
  return bytes;
}

TEST(PathMtu, WhatIsTooLargeGoesOutAgainAtOnceInSmallerSegments) {  // [RFC 1191 6.4]
  Conn tcb = tcb_in(State::established);
  EXPECT_EQ(send_all(tcb, 3 * kMss, kStart).size(), 3U);
  const std::uint32_t cwnd = tcb.congestion.cwnd;
  EXPECT_TRUE(too_big(tcb, 1001, 1400));
  EXPECT_EQ(tcb.snd_mss, 1360);
  const auto sent = send_all(tcb, 3 * kMss, kStart);
  EXPECT_EQ(total(sent), 3U * kMss);
  SeqNum at{1001};
  for (const Segment& s : sent) {
    EXPECT_EQ(s.seq, at);
    EXPECT_LE(s.payload_len, 1360U);
    at += s.payload_len;
  }
  EXPECT_EQ(tcb.congestion.cwnd, cwnd);
  EXPECT_EQ(tcb.lost, 0U);
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5001, at.raw), kStart).bytes_acked, 3U * kMss);
  EXPECT_FALSE(next_deadline(tcb, kStart));
}

TEST(PathMtu, NewDataInLargerChunksIsCutToo) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  EXPECT_TRUE(too_big(tcb, 1001, 1400));
  EXPECT_EQ(total(send_all(tcb, 4 * kMss, kStart)), 4U * kMss);
}

TEST(PathMtu, TimestampsAreRoomThatIsTaken) {
  Conn tcb = tcb_in(State::established);
  tcb.timestamps = true;
  tcb.snd_mss = kMss - 12;
  (void)send_all(tcb, 1000, kStart);
  EXPECT_TRUE(too_big(tcb, 1001, 1400));
  EXPECT_EQ(tcb.snd_mss, 1400 - 40 - 12);
}

TEST(PathMtu, OfTheOtherFamilyHasALongerHeader) {
  Conn tcb = tcb_in(State::established);
  tcb.is_v4 = false;
  tcb.snd_mss = 1440;
  (void)send_all(tcb, 1000, kStart);
  EXPECT_TRUE(too_big(tcb, 1001, 1300));
  EXPECT_EQ(tcb.snd_mss, 1240);
  EXPECT_FALSE(too_big(tcb, 1001, 1279)) << "[RFC 8201 4]";
}

TEST(PathMtu, WhoDoesNotKnowWhatIsInFlightIsNotBelieved) {  // [RFC 5927 4.1]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 3 * kMss, kStart);
  EXPECT_FALSE(too_big(tcb, 1000, 1000));
  EXPECT_FALSE(too_big(tcb, 1001 + 3 * kMss, 1000));
  EXPECT_FALSE(too_big(tcb, 0x8000'0000, 1000));
  EXPECT_EQ(tcb.snd_mss, kMss);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001 + 3 * kMss), kStart);
  EXPECT_FALSE(too_big(tcb, 1001, 1000)) << "it has arrived";
}

TEST(PathMtu, NobodyCanMakeUsSendHeadersOnly) {  // [RFC 5927 7.2]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  EXPECT_TRUE(too_big(tcb, 1001, 68));
  EXPECT_EQ(tcb.snd_mss, kLeastPathMtuV4 - 40);
  EXPECT_FALSE(too_big(tcb, 1001, 68));
}

TEST(PathMtu, NeverGrowsByAMessage) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  EXPECT_FALSE(too_big(tcb, 1001, 9000));
  EXPECT_FALSE(too_big(tcb, 1001, 1500));
  EXPECT_EQ(tcb.snd_mss, kMss);
}

TEST(PathMtu, AnOldRouterThatNamesNoSizeLeadsDownThePlateaus) {  // [RFC 1191 7]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  std::vector<unsigned> sizes;
  while (too_big(tcb, 1001, 0)) sizes.push_back(tcb.snd_mss + 40U);
  EXPECT_EQ(sizes, (std::vector<unsigned>{1492, 1400, 1280, 1006, 552}));
}

TEST(BlackHole, RepeatedTimeoutsMakeSegmentsSmallerUntilTheyPass) {  // [RFC 4821 7.7]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 2 * kMss, kStart);
  Instant now = kStart;
  std::vector<std::uint32_t> sizes;
  for (int i = 0; i < 5; ++i) {
    now = *next_deadline(tcb, now);
    (void)on_deadline(tcb, now);
    const auto sent = send_all(tcb, 2 * kMss, now);
    ASSERT_FALSE(sent.empty());
    sizes.push_back(sent[0].payload_len + 40);
  }
  EXPECT_EQ(sizes, (std::vector<std::uint32_t>{1500, 1280, 1280, 552, 552}));
}

TEST(BlackHole, OneTimeoutIsNoReason) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  const Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  (void)send_all(tcb, kMss, now);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001 + kMss), now);
  EXPECT_EQ(tcb.snd_mss, kMss);
}

}  // namespace
}  // namespace sallyport::tcp::test
