#include "lib/tcp/syn_cookie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "lib/tcp/cookie_lanes.h"
#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

using stats::CookieRefusal;

const CookieKeys kKeys{.epoch = 6, .current = {0x1111, 0x2222}, .adjacent = {0x3333, 0x4444}};
const SynAckParameters kOurs{.our_mss = 1460, .receive_buffer = 65'536};
constexpr WallTime kNow{1'700'000'004'321};
constexpr std::uint64_t kPeriod = 1ULL << kCookiePeriodBits;

Segment syn(std::uint16_t mss = 1460, int scale = 7, bool sack = true, bool timestamps = true) {
  Segment s = segment_of(kSyn, kPeerIss.raw, 0, 0, 64'240);
  s.options.mss = mss;
  s.options.has_window_scale = scale >= 0;
  s.options.window_scale = static_cast<std::uint8_t>(scale >= 0 ? scale : 0);
  s.options.sack_permitted = sack;
  s.options.has_timestamps = timestamps;
  s.options.tsval = 777'777;
  return s;
}

// first_data is what the client sends after `syn_ack`.
Segment first_data(const Segment& syn_ack) {
  Segment s = segment_of(kAck | kPsh, kPeerIss.raw + 1, syn_ack.seq.raw + 1, 517, 501);
  s.options.has_timestamps = syn_ack.options.has_timestamps;
  s.options.tsval = 777'800;
  s.options.tsecr = syn_ack.options.tsval;
  return s;
}

WallTime later_by(std::int64_t ms) { return {kNow.unix_ms + static_cast<std::uint64_t>(ms)}; }

TEST(SynCookie, EveryOptionSurvivesWithAndWithoutTimestamps) {
  // [RFC 4987 3.6] [RFC 7323 2.2]
  for (const FourTuple* tuple : {&kTuple4, &kTuple6}) {
    for (const bool timestamps : {false, true}) {
      for (const bool sack : {false, true}) {
        for (int scale = -1; scale <= 14; ++scale) {
          for (const int mss : {536, 1219, 1220, 1299, 1300, 1380, 1420, 1439, 1440, 1460, 8960}) {
            const Segment reply =
                make_syn_ack(*tuple, syn(static_cast<std::uint16_t>(mss), scale, sack, timestamps),
                             kOurs, kKeys, kNow);
            const auto cookie = check_cookie(*tuple, first_data(reply), kKeys, later_by(30));
            ASSERT_TRUE(cookie);
            EXPECT_EQ(cookie->has_window_scale, scale >= 0);
            EXPECT_EQ(cookie->window_scale, std::max(scale, 0));
            EXPECT_EQ(cookie->sack_permitted, sack);
            EXPECT_EQ(cookie->has_timestamps, timestamps);
            const int smallest = tuple->local.ip.is_v4() ? 536 : 1220;
            EXPECT_LE(cookie->mss, std::max(mss, smallest));
          }
        }
      }
    }
  }
}

TEST(SynCookie, CommonSegmentSizesAreCarriedExactlyOrNearly) {
  const auto carried = [](const FourTuple& tuple, std::uint16_t mss, bool timestamps) {
    const Segment reply = make_syn_ack(tuple, syn(mss, 7, true, timestamps), kOurs, kKeys, kNow);
    const auto cookie = check_cookie(tuple, first_data(reply), kKeys, kNow);
    return cookie ? cookie->mss : 0;
  };
  EXPECT_EQ(carried(kTuple4, 1460, false), 1460);
  EXPECT_EQ(carried(kTuple4, 1440, false), 1440);
  EXPECT_EQ(carried(kTuple6, 1440, false), 1440);
  EXPECT_EQ(carried(kTuple6, 1220, false), 1220);
  EXPECT_EQ(carried(kTuple4, 1400, false), 1300);
  EXPECT_EQ(carried(kTuple4, 1400, true), 1387);
  EXPECT_EQ(carried(kTuple4, 1452, true), 1452);
  EXPECT_EQ(carried(kTuple4, 8960, true), 8960);
  EXPECT_EQ(carried(kTuple4, 0, false), 536);  // [RFC 9293 3.7.1] none named
}

TEST(SynCookie, TheSynAckOffersOnlyWhatTheClientOffered) {
  const Segment bare = make_syn_ack(kTuple4, syn(1460, -1, false, false), kOurs, kKeys, kNow);
  EXPECT_EQ(bare.flags, kSyn | kAck);
  EXPECT_EQ(bare.ack, kPeerIss + 1);
  EXPECT_EQ(bare.options.mss, 1460);
  EXPECT_FALSE(bare.options.has_window_scale);
  EXPECT_FALSE(bare.options.sack_permitted);
  EXPECT_FALSE(bare.options.has_timestamps);
  EXPECT_EQ(bare.window, 65'535);  // [RFC 7323 2.2] not scaled

  const Segment full = make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow);
  EXPECT_TRUE(full.options.has_window_scale);
  EXPECT_EQ(full.options.window_scale, kOurWindowScale);
  EXPECT_TRUE(full.options.sack_permitted);
  EXPECT_TRUE(full.options.has_timestamps);
  EXPECT_EQ(full.options.tsecr, 777'777U);
}

TEST(SynCookie, AShiftAboveFourteenIsTakenAsFourteen) {  // [RFC 7323 2.3]
  const Segment reply = make_syn_ack(kTuple4, syn(1460, 200), kOurs, kKeys, kNow);
  EXPECT_EQ(check_cookie(kTuple4, first_data(reply), kKeys, kNow)->window_scale, 14);
}

TEST(SynCookie, ABareAckProvesItAsWellAsTheFirstData) {
  Segment ack = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  ack.payload_len = 0;
  EXPECT_TRUE(check_cookie(kTuple4, ack, kKeys, kNow));
}

TEST(SynCookie, RejectsAckFromAnotherTuple) {
  for (const bool timestamps : {false, true}) {
    const Segment data =
        first_data(make_syn_ack(kTuple4, syn(1460, 7, true, timestamps), kOurs, kKeys, kNow));
    FourTuple other = kTuple4;
    other.remote.port ^= 1;
    EXPECT_EQ(check_cookie(other, data, kKeys, kNow).error(), CookieRefusal::bad_mac);
    other = kTuple4;
    other.remote.ip = IpAddress::v4({198, 18, 0, 98});
    EXPECT_EQ(check_cookie(other, data, kKeys, kNow).error(), CookieRefusal::bad_mac);
    other = kTuple4;
    other.local.ip = IpAddress::v4({198, 18, 0, 11});
    EXPECT_EQ(check_cookie(other, data, kKeys, kNow).error(), CookieRefusal::bad_mac);
    std::swap(other.local, other.remote);
    EXPECT_EQ(check_cookie(other, data, kKeys, kNow).error(), CookieRefusal::bad_mac);
  }
}

TEST(SynCookie, RejectsAnotherClientSequenceNumber) {
  Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  data.seq += 517;
  EXPECT_EQ(check_cookie(kTuple4, data, kKeys, kNow).error(), CookieRefusal::bad_mac);
}

TEST(SynCookie, EveryFlippedBitOfTheSequenceNumberIsNoticed) {
  for (const bool timestamps : {false, true}) {
    const Segment data =
        first_data(make_syn_ack(kTuple4, syn(1460, 7, true, timestamps), kOurs, kKeys, kNow));
    for (unsigned bit = 0; bit < 32; ++bit) {
      Segment forged = data;
      forged.ack.raw = ((data.ack.raw - 1) ^ (1U << bit)) + 1;
      EXPECT_FALSE(check_cookie(kTuple4, forged, kKeys, kNow)) << bit;
    }
  }
}

TEST(SynCookie, TimestampsCannotBeAddedOrLeftOut) {  // [RFC 7323 3.2]
  Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  data.options.has_timestamps = false;
  EXPECT_FALSE(check_cookie(kTuple4, data, kKeys, kNow));
  data = first_data(make_syn_ack(kTuple4, syn(1460, 7, true, false), kOurs, kKeys, kNow));
  data.options.has_timestamps = true;
  data.options.tsecr = static_cast<std::uint32_t>(kNow.unix_ms);
  EXPECT_FALSE(check_cookie(kTuple4, data, kKeys, kNow));
}

TEST(SynCookie, LivesForSixPeriodsAndDies) {
  for (const bool timestamps : {false, true}) {
    const Segment data =
        first_data(make_syn_ack(kTuple4, syn(1460, 7, true, timestamps), kOurs, kKeys, kNow));
    for (std::int64_t ms = 0; ms <= static_cast<std::int64_t>(6 * kPeriod); ms += 512) {
      EXPECT_TRUE(check_cookie(kTuple4, data, kKeys, later_by(ms))) << ms;
    }
    for (std::int64_t periods = 7; periods < 40; ++periods) {
      const WallTime late = later_by(periods * static_cast<std::int64_t>(kPeriod));
      // Only a timestamp can tell an old cookie from a forged one.
      EXPECT_EQ(check_cookie(kTuple4, data, kKeys, late).error(),
                timestamps ? CookieRefusal::expired : CookieRefusal::bad_mac)
          << periods;
    }
  }
}

TEST(SynCookie, AnOldOneWithTimestampsIsReportedAsExpired) {
  const Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  EXPECT_EQ(check_cookie(kTuple4, data, kKeys, later_by(70'000)).error(), CookieRefusal::expired);
}

TEST(SynCookie, AClockThatIsSomewhatBehindAcceptsIt) {
  for (const bool timestamps : {false, true}) {
    const Segment data =
        first_data(make_syn_ack(kTuple4, syn(1460, 7, true, timestamps), kOurs, kKeys, kNow));
    const auto cookie = check_cookie(kTuple4, data, kKeys, later_by(-5000));
    ASSERT_TRUE(cookie);
    // [RFC 7323 5.2] Our TSval still does not go back.
    if (timestamps) {
      EXPECT_EQ(cookie->tsval, data.options.tsecr);
    }
    EXPECT_FALSE(check_cookie(kTuple4, data, kKeys, later_by(-20'000)));
  }
}

TEST(SynCookie, SurvivesOneKeyRotationAndNotTwo) {
  const Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  CookieKeys keys{.epoch = 7, .current = {5, 6}, .adjacent = kKeys.current};
  EXPECT_TRUE(check_cookie(kTuple4, data, keys, kNow));
  keys = {.epoch = 8, .current = {7, 8}, .adjacent = {5, 6}};
  EXPECT_FALSE(check_cookie(kTuple4, data, keys, kNow));
}

TEST(SynCookie, OurTimestampContinuesWhereTheSynAckLeftOff) {  // [RFC 7323 5.2]
  for (unsigned ms = 0; ms < 64; ++ms) {
    const Segment reply = make_syn_ack(kTuple4, syn(), kOurs, kKeys, later_by(ms));
    const Segment data = first_data(reply);
    const auto cookie = check_cookie(kTuple4, data, kKeys, later_by(ms + 1));
    ASSERT_TRUE(cookie);
    EXPECT_GE(static_cast<std::int32_t>(cookie->tsval - reply.options.tsval), 0);
    EXPECT_LT(cookie->tsval - reply.options.tsval, 64U);
    Conn tcb{open_passive(kTuple4, data, *cookie, kOurs, kStart)};
    EXPECT_EQ(make_ack(tcb, kStart).options.tsval, cookie->tsval);
  }
}

TEST(SynCookie, TimestampOffsetsOfTuplesAreUnrelated) {  // [RFC 7323 5.4]
  FourTuple other = kTuple4;
  other.remote.port ^= 1;
  const auto a = make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow).options.tsval;
  const auto b = make_syn_ack(other, syn(), kOurs, kKeys, kNow).options.tsval;
  EXPECT_GT(std::abs(static_cast<std::int32_t>(a - b)), 100'000);
}

// Expected are 2^-21 each, and with timestamps 2^-40.  Eight at a time, which is what a flood
// meets.
TEST(SynCookie, OfTenMillionRandomAcksFivePassAndWithTimestampsNone) {
  std::mt19937_64 random{4711};
  AckLanes acks;
  unsigned passed = 0;
  unsigned passed_with_timestamps = 0;
  for (const bool timestamps : {false, true}) {
    for (unsigned i = 0; i < 10'000'000 / AckLanes::kLanes; ++i) {
      for (std::size_t lane = 0; lane < AckLanes::kLanes; ++lane) {
        acks.tuple.addresses[0].lane[lane] = random();
        acks.tuple.ports.lane[lane] = random() & 0xffff'ffff;
        acks.seq.lane[lane] = random() & 0xffff'ffff;
        const std::uint64_t drawn = random();
        acks.ack[lane] = static_cast<std::uint32_t>(drawn);
        acks.tsecr[lane] = static_cast<std::uint32_t>(drawn >> 32);
        acks.timestamps[lane] = timestamps;
      }
      std::array<AckLanes::Verdict, AckLanes::kLanes> verdicts;
      acks.check(kKeys, kNow, AckLanes::kLanes, verdicts);
      const auto accepted = std::ranges::count(verdicts, AckLanes::Verdict::accepted);
      (timestamps ? passed_with_timestamps : passed) += static_cast<unsigned>(accepted);
    }
  }
  EXPECT_GE(passed, 1U);
  EXPECT_LE(passed, 12U);
  EXPECT_EQ(passed_with_timestamps, 0U);
}

TEST(SynCookie, SequenceNumbersOfSynsThatDifferLittleDifferMuch) {
  // [RFC 6528 3] The MAC covers the client's ISN and both ports.
  const SeqNum a = make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow).seq;
  Segment next = syn();
  next.seq += 1;
  const SeqNum b = make_syn_ack(kTuple4, next, kOurs, kKeys, kNow).seq;
  EXPECT_GT(std::abs(a - b), 1 << 12);
}

// --- the second half of a ClientHello that overtakes the first ---------------------------------

TEST(Overtaking, DataWithAFreshEchoIsRecognisedUnderBothKeys) {
  Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  data.seq += 1200;
  ASSERT_FALSE(check_cookie(kTuple4, data, kKeys, kNow));
  EXPECT_TRUE(overtakes(kTuple4, data, kKeys, later_by(100)));
  const CookieKeys rotated{.epoch = 7, .current = {5, 6}, .adjacent = kKeys.current};
  EXPECT_TRUE(overtakes(kTuple4, data, rotated, later_by(100)));
  // A duplicate SYN-ACK makes the client send such an ACK without data.
  data.payload_len = 0;
  EXPECT_TRUE(overtakes(kTuple4, data, kKeys, later_by(100)));
}

TEST(Overtaking, AStaleOrForeignEchoIsNot) {
  Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  data.seq += 1200;
  EXPECT_FALSE(overtakes(kTuple4, data, kKeys, later_by(70'000)));
  EXPECT_FALSE(overtakes(kTuple4, data, kKeys, later_by(-20'000)));
  FourTuple other = kTuple4;
  other.remote.port ^= 1;
  EXPECT_FALSE(overtakes(other, data, kKeys, kNow));
}

TEST(Overtaking, WithoutTimestampsDataIsBelievedAndABareAckIsNot) {
  Segment data = first_data(make_syn_ack(kTuple4, syn(1460, 7, true, false), kOurs, kKeys, kNow));
  data.seq += 1200;
  EXPECT_TRUE(overtakes(kTuple4, data, kKeys, kNow));
  data.payload_len = 0;
  EXPECT_FALSE(overtakes(kTuple4, data, kKeys, kNow));
  data.flags = kFin | kAck;
  EXPECT_FALSE(overtakes(kTuple4, data, kKeys, kNow));
}

TEST(Overtaking, SynAndRstNeverDo) {
  Segment data = first_data(make_syn_ack(kTuple4, syn(), kOurs, kKeys, kNow));
  for (const Flags flags : {kSyn, kSyn | kAck, kRst, kRst | kAck, kFin, Flags{}}) {
    data.flags = flags;
    EXPECT_FALSE(overtakes(kTuple4, data, kKeys, kNow)) << unsigned{flags.bits};
  }
}

}  // namespace
}  // namespace sallyport::tcp::test
