#include "lib/base/sip_lanes.h"

#include <gtest/gtest.h>

#include <random>

#include "lib/base/sip_state.h"

namespace sallyport {
namespace {

TEST(SipLanes, GiveInEachLaneWhatOneHashGives) {
  std::mt19937_64 random{1};
  for (std::size_t num_words = 0; num_words <= 6; ++num_words) {
    for (unsigned tail_len = 0; tail_len < 8; ++tail_len) {
      const SipKey key{random(), random()};
      std::array<SipLanes::Words, 6> words;
      SipLanes::Words tail;
      for (auto& word : words) {
        for (auto& lane : word.lane) lane = random();
      }
      for (auto& lane : tail.lane) lane = random() & ((std::uint64_t{1} << (8 * tail_len)) - 1);
      SipLanes lanes{key};
      lanes.absorb(words.data(), num_words);
      const SipLanes::Words got = lanes.finish(tail, tail_len);
      EXPECT_EQ(lanes.finish(tail, tail_len).lane, got.lane) << "finish() changed the state";
      for (std::size_t i = 0; i < SipLanes::kLanes; ++i) {
        SipState one{key};
        for (std::size_t w = 0; w < num_words; ++w) one.absorb(words[w].lane[i]);
        EXPECT_EQ(got.lane[i], one.finish(tail.lane[i], tail_len));
      }
    }
  }
}

// The tests run on whatever processor there is; it may have either kernel to show.
TEST(SipLanes, BothKernelsAgree) {
  if (!sip_lanes::has_avx512()) GTEST_SKIP() << "no AVX-512 here";
  std::mt19937_64 random{2};
  std::array<SipLanes::Words, 4> a;
  std::array<SipLanes::Words, 3> words;
  for (auto& v : a) {
    for (auto& lane : v.lane) lane = random();
  }
  for (auto& v : words) {
    for (auto& lane : v.lane) lane = random();
  }
  auto b = a;
  sip_lanes::absorb_avx2(a.data(), words.data(), words.size());
  sip_lanes::absorb_avx512(b.data(), words.data(), words.size());
  SipLanes::Words from_a;
  SipLanes::Words from_b;
  sip_lanes::finish_avx2(a.data(), words[0], 27, from_a);
  sip_lanes::finish_avx512(b.data(), words[0], 27, from_b);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].lane, b[i].lane);
  EXPECT_EQ(from_a.lane, from_b.lane);
}

}  // namespace
}  // namespace sallyport
