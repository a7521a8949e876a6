#include <gtest/gtest.h>

#include <vector>

#include "lib/wire/tcp.h"
#include "tests/support/hex.h"

namespace sallyport::wire {
namespace {

using ::sallyport::testing::hex;
using ::sallyport::testing::unhex;

Result<TcpOptions, PacketError> parse(std::string_view text) {
  return parse_tcp_options(unhex(text));
}

TEST(TcpOptions, ReadsTheOptionsOfASyn) {
  const auto o = parse("020405b4 0402 080a1122334455667788 01 030307");
  ASSERT_TRUE(o);
  EXPECT_EQ(o->mss, 1460);
  EXPECT_TRUE(o->sack_permitted);
  EXPECT_TRUE(o->has_timestamps);
  EXPECT_EQ(o->tsval, 0x11223344U);
  EXPECT_EQ(o->tsecr, 0x55667788U);
  EXPECT_TRUE(o->has_window_scale);
  EXPECT_EQ(o->window_scale, 7);
}

TEST(TcpOptions, TheUsualTimestampsAreReadAlikeOnTheShortAndOnTheLongWay) {
  const auto quick = parse("0101080a0000000700000009");
  const auto slow = parse("080a00000007000000090101");
  ASSERT_TRUE(quick && slow);
  EXPECT_EQ(*quick, *slow);
  EXPECT_EQ(quick->tsval, 7U);
  EXPECT_EQ(quick->tsecr, 9U);
}

TEST(TcpOptions, ReadsUpToFourSackBlocks) {
  const auto o = parse(
      "0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 0000");
  ASSERT_TRUE(o);
  ASSERT_EQ(o->num_sack_blocks, 4);
  EXPECT_EQ(o->sack()[3], (TcpOptions::SackBlock{7, 8}));
}

// [RFC 7323 2.3] A shift above 14 counts as 14.
TEST(TcpOptions, AWindowScaleAbove14CountsAs14) {
  EXPECT_EQ(parse("03030f01")->window_scale, 14);
  EXPECT_EQ(parse("0303ff01")->window_scale, 14);
}

// [RFC 9293 3.1, MUST-6] Unknown options are skipped, whatever they hold.
TEST(TcpOptions, SkipsUnknownOptionsAndStopsAtTheEndOfTheList) {
  const auto o = parse("fe06f9890102 1e02 020405b4 00 020f ffff");
  ASSERT_TRUE(o);
  EXPECT_EQ(o->mss, 1460);
  EXPECT_TRUE(parse("00ffffff"));
  EXPECT_TRUE(parse(""));
}

// [RFC 9293 3.1, MUST-7] Illegal lengths.
TEST(TcpOptions, RefusesLengthsThatCannotBeRight) {
  for (const char* text : {
           "02",                      // no length
           "0200", "0201",            // shorter than kind and length
           "fe00", "fe01",            // the same for an option that we do not know
           "02040 5",                 // cut
           "0203050101", "020505b4",  // MSS of another length
           "030201", "03040701",      // window scale
           "040301",                  // SACK permitted
           "0809000000010000000001",  // timestamps
           "0502", "050600000001",    // SACK without a whole block
           "050c0000000100000002ffff",
           "fe0801",  // reaches beyond the list
       }) {
    EXPECT_EQ(parse(text).error(), PacketError::tcp_malformed) << text;
  }
}

TEST(TcpOptions, RefusesFiveSackBlocks) {
  std::vector<std::uint8_t> five(42);
  five[0] = 5;
  five[1] = 42;
  EXPECT_FALSE(parse_tcp_options(five));
}

std::string written(const TcpOptions& o) {
  std::vector<std::uint8_t> room(tcp_options_length(o));
  write_tcp_options(room, o);
  return hex(room);
}

TEST(TcpOptions, WritesWithTheUsualPadding) {
  TcpOptions o;
  EXPECT_EQ(written(o), "");
  o.mss = 1440;
  EXPECT_EQ(written(o), "020405a0");
  o.sack_permitted = true;
  EXPECT_EQ(written(o), "020405a004020101");
  o.has_window_scale = true;
  o.window_scale = 8;
  EXPECT_EQ(written(o), "020405a00402010101030308");
  o.has_timestamps = true;
  o.tsval = 1;
  o.tsecr = 2;
  EXPECT_EQ(written(o), "020405a00402080a000000010000000201030308");
}

TEST(TcpOptions, SackBlocksGiveWayToTheOtherOptions) {
  TcpOptions o;
  o.num_sack_blocks = 4;
  for (std::uint32_t i = 0; i < 4; ++i) o.sack_blocks[i] = {2 * i + 1, 2 * i + 2};
  EXPECT_EQ(tcp_options_length(o), 36U);
  o.has_timestamps = true;
  EXPECT_EQ(tcp_options_length(o), 40U);
  std::vector<std::uint8_t> room(40);
  write_tcp_options(room, o);
  const auto back = parse_tcp_options(room);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->num_sack_blocks, 3);
  EXPECT_EQ(back->sack()[2], (TcpOptions::SackBlock{5, 6}));
  o.num_sack_blocks = 255;  // nonsense from a caller stays inside the room
  EXPECT_EQ(tcp_options_length(o), 40U);
}

TEST(TcpOptions, EveryCombinationIsReadBackAsWritten) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    for (std::uint8_t blocks = 0; blocks <= 2; ++blocks) {
      TcpOptions o;
      if ((bits & 1U) != 0) o.mss = 1220;
      if ((bits & 2U) != 0) o.has_window_scale = true, o.window_scale = 14;
      if ((bits & 4U) != 0) o.sack_permitted = true;
      if ((bits & 8U) != 0) o.has_timestamps = true, o.tsval = 0xffffffff, o.tsecr = 1;
      o.num_sack_blocks = blocks;
      for (std::uint32_t i = 0; i < blocks; ++i) o.sack_blocks[i] = {i, 0xffffffff - i};
      std::vector<std::uint8_t> room(tcp_options_length(o));
      EXPECT_EQ(room.size() % 4, 0U);
      write_tcp_options(room, o);
      const auto back = parse_tcp_options(room);
      ASSERT_TRUE(back);
      EXPECT_EQ(*back, o) << bits << " " << int{blocks};
    }
  }
}

}  // namespace
}  // namespace sallyport::wire
