#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {
namespace {

// The same bytes, written and read back in a constant expression: an access out of range in either
// would not compile.
constexpr bool round_trip() {
  std::array<std::uint8_t, 64> room{};
  Writer w{room};
  w.u8(0x01);
  w.u16(0x0203);
  w.u24(0x040506);
  w.u32(0x0708090a);
  w.u64(0x0b0c0d0e0f101112);
  w.vec16([&w] {
    w.vec8([&w] { w.u16(0xbeef); });
    w.zeros(1);
  });
  w.vec24(ByteView{});
  if (!w.ok() || w.size() != 18 + 2 + 3 + 1 + 3) return false;

  Reader r{w.written()};
  bool good = r.u8() == 0x01 && r.u16() == 0x0203 && r.u24() == 0x040506 && r.u32() == 0x0708090a &&
              r.u64() == 0x0b0c0d0e0f101112;
  r.within(r.vec16(0, 0xffff), [&good](Reader& outer) {
    outer.within(outer.vec8(1, 2),
                 [&good](Reader& inner) { good = good && inner.u16() == 0xbeef; });
    good = good && outer.u8() == 0;
  });
  return good && r.vec24(0, 0).empty() && r.done();
}
static_assert(round_trip());

TEST(Reader, FailsForGoodOnTheFirstReadThatDoesNotFit) {
  const std::array<std::uint8_t, 3> three{1, 2, 3};
  Reader r{three};
  EXPECT_EQ(r.u32(), 0U);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0U);
  EXPECT_TRUE(r.bytes(0).empty());
  EXPECT_TRUE(r.at_end());
  EXPECT_FALSE(r.done());
}

TEST(Reader, IsNotDoneWhileBytesAreLeft) {
  const std::array<std::uint8_t, 2> two{1, 2};
  Reader r{two};
  EXPECT_EQ(r.u8(), 1U);
  EXPECT_FALSE(r.done());
  EXPECT_EQ(r.remaining(), 1U);
  r.skip(1);
  EXPECT_TRUE(r.done());
}

TEST(Reader, RefusesAVectorOutsideItsBoundsEvenWhenTheBytesAreThere) {
  const std::array<std::uint8_t, 4> in{3, 0xa, 0xb, 0xc};
  for (const auto& [min, max] : {std::pair{4U, 9U}, std::pair{0U, 2U}}) {
    Reader r{in};
    EXPECT_TRUE(r.vec8(min, max).empty());
    EXPECT_FALSE(r.ok());
  }
  Reader r{in};
  EXPECT_EQ(r.vec8(3, 3).size(), 3U);
  EXPECT_TRUE(r.done());
}

TEST(Reader, AVectorMustNotReachBeyondTheInput) {
  const std::array<std::uint8_t, 4> in{0, 0, 2, 0xa};
  Reader r{in};
  EXPECT_TRUE(r.vec24(0, 0xff'ffff).empty());
  EXPECT_FALSE(r.ok());
}

TEST(Reader, TheInnerReaderMustConsumeItsVectorExactly) {
  const std::array<std::uint8_t, 3> in{2, 0xa, 0xb};
  Reader short_body{in};
  short_body.within(short_body.vec8(0, 9), [](Reader& inner) { inner.skip(1); });
  EXPECT_FALSE(short_body.ok());
  Reader long_body{in};
  long_body.within(long_body.vec8(0, 9), [](Reader& inner) { inner.skip(3); });
  EXPECT_FALSE(long_body.ok());
}

TEST(Reader, ALoopInsideAFailedVectorEnds) {
  const std::array<std::uint8_t, 4> in{3, 1, 1, 1};
  Reader r{in};
  int rounds = 0;
  r.within(r.vec8(0, 9), [&rounds](Reader& inner) {
    while (!inner.at_end()) {
      static_cast<void>(inner.u16());
      ++rounds;
    }
  });
  EXPECT_EQ(rounds, 2);
  EXPECT_FALSE(r.ok());
}

TEST(Writer, WritesNothingBeyondItsRoomAndRemembersIt) {
  std::array<std::uint8_t, 4> room{9, 9, 9, 9};
  Writer w{MutableBytes{room}.first(3)};
  w.u16(0x0102);
  w.u16(0x0304);
  w.u8(5);
  EXPECT_FALSE(w.ok());
  EXPECT_EQ(w.size(), 0U);
  EXPECT_EQ(room, (std::array<std::uint8_t, 4>{1, 2, 9, 9}));
}

TEST(Writer, AVectorLongerThanItsLengthFieldIsAFailure) {
  std::vector<std::uint8_t> room(400);
  Writer w{room};
  w.vec8([&w] { w.zeros(256); });
  EXPECT_FALSE(w.ok());
  Writer fits{room};
  fits.vec8([&fits] { fits.zeros(255); });
  EXPECT_EQ(fits.size(), 256U);
  EXPECT_EQ(room[0], 255);
}

}  // namespace
}  // namespace sallyport::wire
