// Two connections joined by a link that loses, repeats and reorders, in virtual time.  One seed is
// one run.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

struct Faults {
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  unsigned reorder_percent = 0;
};

struct Profile {
  bool timestamps = true;
  bool window_scaling = true;
  bool cookie = true;  // else simultaneous open
  std::size_t bytes = 100'000;
  std::size_t buffer = kWindow;
  std::size_t read_at_once = 1U << 20;
  Micros delay = from_millis(10);
  SeqNum iss_a{0xffff'0000};  // so that both directions wrap around
  SeqNum iss_b{0x7fff'f000};
};

class Simulation {
 public:
  Simulation(unsigned seed, const Faults& faults, const Profile& profile)
      : random_{seed}, faults_{faults}, profile_{profile} {
    a_ = std::make_unique<Endpoint>(active(profile.iss_a, 7'000'000));
    if (!profile.cookie) b_ = std::make_unique<Endpoint>(active(profile.iss_b, 9'000'000));
    text_a_ = stream(profile.bytes);
    text_b_ = stream(profile.bytes);
  }

  // run returns false when time or steps are used up before both sides are done.
  bool run() {
    for (unsigned step = 0; step < 400'000; ++step) {
      pump();
      if (done()) return true;
      if (!advance()) return false;
      if (now_.us > kStart.us + 3'600'000'000ULL) return false;
      check(*a_);
      if (b_) check(*b_);
    }
    return false;
  }

  Endpoint& a() { return *a_; }
  Endpoint& b() { return *b_; }
  [[nodiscard]] Micros took() const { return now_ - kStart; }
  std::string text_a_;
  std::string text_b_;

 private:
  Tcb active(SeqNum iss, std::uint32_t ts_offset) {
    Conn tcb{open_active(kTuple4,
                         {.iss = iss,
                          .ts_offset = ts_offset,
                          .our_mss = kMss,
                          .receive_buffer = static_cast<std::uint32_t>(profile_.buffer)},
                         now_)};
    tcb.timestamps = profile_.timestamps;
    tcb.window_scaling = profile_.window_scaling;
    if (!profile_.window_scaling) tcb.rcv_wscale = 0;
    return tcb;
  }
  std::string stream(std::size_t bytes) {
    std::string s(bytes, '\0');
    for (char& c : s) c = static_cast<char>(random_());
    return s;
  }
  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
  [[nodiscard]] WallTime wall() const { return {now_.us / 1000 + 1'700'000'000'000}; }

  void start_streams(Endpoint& e, const std::string& text, bool& started) {
    if (started || !is_synchronized(e.tcb.state)) return;
    started = true;
    e.limit = profile_.buffer;
    // Chunks of any size, some longer than a segment.
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random_() % 2000, text.size() - i);
      e.write(std::string_view{text}.substr(i, n), n);
      i += n;
    }
    (void)close(e.tcb);
  }

  void pump() {
    for (int side = 0; side < 2; ++side) {
      Endpoint* e = side == 0 ? a_.get() : b_.get();
      if (e == nullptr) continue;
      start_streams(*e, side == 0 ? text_a_ : text_b_, started_[side]);
      if (reads_due(*e)) e->consume(profile_.read_at_once);
      e->pull(now_);
      for (Packet& p : e->out) transmit_packet(side, std::move(p));
      e->out.clear();
    }
  }
  bool reads_due(const Endpoint& e) {
    return profile_.read_at_once >= profile_.buffer || e.received.size() - e.consumed > 0;
  }
  void transmit_packet(int from, Packet p) {
    // The peer is far away before it exists: its listener answers in deliver().
    const unsigned copies = chance(faults_.loss_percent)        ? 0U
                            : chance(faults_.duplicate_percent) ? 2U
                                                                : 1U;
    for (unsigned i = 0; i < copies; ++i) {
      Instant at = now_ + profile_.delay;
      if (chance(faults_.reorder_percent))
        at = at + Micros{static_cast<std::uint32_t>(random_() % 20'000)};
      wire_.emplace(at.us, std::pair{1 - from, p});
    }
  }

  bool advance() {
    std::uint64_t next = ~0ULL;
    if (!wire_.empty()) next = wire_.begin()->first;
    for (Endpoint* e : {a_.get(), b_.get()}) {
      if (e == nullptr || e->is_over()) continue;
      if (const auto at = next_deadline(e->tcb, now_)) next = std::min(next, at->us);
    }
    if (next == ~0ULL) return false;
    now_.us = std::max(now_.us, next);
    while (!wire_.empty() && wire_.begin()->first <= now_.us) {
      auto [to, packet] = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      deliver(to, packet);
    }
    for (Endpoint* e : {a_.get(), b_.get()}) {
      if (e == nullptr) continue;
      const Expired expired = on_deadline(e->tcb, now_);
      EXPECT_FALSE(expired.timed_out);
    }
    return true;
  }

  void deliver(int to, const Packet& packet) {
    Endpoint* e = to == 0 ? a_.get() : b_.get();
    if (e != nullptr) {
      e->receive(packet, now_);
      for (Packet& p : e->out) transmit_packet(to, std::move(p));
      e->out.clear();
      return;
    }
    listen(packet);
  }

  // listen is the worker's side of a passive open: stateless until data proves a cookie.
  void listen(const Packet& packet) {
    const SynAckParameters ours{.our_mss = kMss,
                                .receive_buffer = static_cast<std::uint32_t>(profile_.buffer)};
    const CookieKeys keys{.epoch = 3, .current = {1, 2}, .adjacent = {3, 4}};
    if (packet.header.flags.syn()) {
      transmit_packet(1, {make_syn_ack(kTuple4, packet.header, ours, keys, wall()), {}});
      return;
    }
    const auto cookie = check_cookie(kTuple4, packet.header, keys, wall());
    if (!cookie) {
      EXPECT_TRUE(overtakes(kTuple4, packet.header, keys, wall()) || packet.payload.empty());
      return;
    }
    if (packet.payload.empty()) return;
    b_ = std::make_unique<Endpoint>(open_passive(kTuple4, packet.header, *cookie, ours, now_));
    b_->limit = profile_.buffer;
    b_->receive(packet, now_);
  }

  [[nodiscard]] bool done() const {
    return b_ && a_->is_over() && b_->is_over() && (started_[0] && started_[1]);
  }

  static void check(const Endpoint& e) {
    const Tcb& t = e.tcb;
    ASSERT_TRUE(at_or_before(t.snd_una, t.snd_nxt));
    ASSERT_TRUE(at_or_before(t.snd_nxt, t.snd_max));
    ASSERT_TRUE(at_or_before(t.rcv_nxt, t.rcv_adv) || t.state == State::syn_sent);
    ASSERT_GE(t.congestion.cwnd + 1, 1U);
    // Something unacknowledged is always watched by a timer.
    if (t.snd_una != t.snd_max && !e.is_over()) {
      ASSERT_TRUE(t.timer != SendTimer::none || t.snd_nxt == t.snd_una);
    }
  }

  std::mt19937 random_;
  Faults faults_;
  Profile profile_;
  Instant now_ = kStart;
  std::unique_ptr<Endpoint> a_;
  std::unique_ptr<Endpoint> b_;
  bool started_[2] = {false, false};
  std::multimap<std::uint64_t, std::pair<int, Packet>> wire_;
};

void expect_intact(unsigned seed, const Faults& faults, const Profile& profile) {
  SCOPED_TRACE(::testing::Message() << "seed " << seed << ", loss " << faults.loss_percent);
  Simulation s{seed, faults, profile};
  ASSERT_TRUE(s.run());
  EXPECT_EQ(s.b().received.size(), s.text_a_.size());
  EXPECT_EQ(s.a().received.size(), s.text_b_.size());
  EXPECT_TRUE(s.b().received == s.text_a_);
  EXPECT_TRUE(s.a().received == s.text_b_);
  for (Endpoint* e : {&s.a(), &s.b()}) {
    EXPECT_TRUE(e->events.has(Event::peer_closed));
    EXPECT_EQ(e->queued(), 0U);
  }
}

TEST(Transfer, BothWaysOverAPerfectLinkRepeatsNothing) {
  Simulation s{1, {}, {.bytes = 1'000'000}};
  ASSERT_TRUE(s.run());
  EXPECT_TRUE(s.b().received == s.text_a_);
  EXPECT_TRUE(s.a().received == s.text_b_);
  EXPECT_EQ(s.a().retransmissions, 0U);
  EXPECT_EQ(s.b().retransmissions, 0U);
  EXPECT_LT(s.took(), from_millis(2000));
}

TEST(Transfer, AMegabyteEachWayArrivesIntactWithOnePercentOfEveryFault) {
  for (unsigned seed = 1; seed <= 10; ++seed) expect_intact(seed, {1, 1, 1}, {.bytes = 1'000'000});
}

TEST(Transfer, ArrivesIntactUnderAnyMixOfFaultsAndOptions) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    const Faults faults{seed % 4 * 5, seed % 3 * 7, seed % 5 * 8};
    Profile profile{.timestamps = seed % 2 == 0, .window_scaling = seed % 3 != 0};
    profile.bytes = 20'000 + seed * 101;
    profile.delay = from_millis(seed % 7 * 15);
    expect_intact(seed, faults, profile);
  }
}

TEST(Transfer, SlowReadersWithSmallBuffersCloseTheWindowAndLoseNothing) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Profile profile{.timestamps = seed % 2 == 0, .window_scaling = seed % 3 != 0};
    profile.bytes = 30'000;
    profile.buffer = 3000 + seed * 37;
    profile.read_at_once = 100 + seed * 11;
    expect_intact(seed, {seed % 3 * 4, 2, 10}, profile);
  }
}

TEST(Transfer, ConnectionsOpenedSimultaneouslyWorkLikeOthers) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Profile profile{.timestamps = seed % 2 == 0, .window_scaling = seed % 3 != 0, .cookie = false};
    profile.bytes = 20'000;
    expect_intact(seed, {seed % 4 * 4, 5, 5}, profile);
  }
}

}  // namespace
}  // namespace sallyport::tcp::test
