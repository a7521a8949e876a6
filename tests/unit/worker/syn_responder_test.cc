#include "lib/worker/syn_responder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "lib/base/internet_sum.h"
#include "lib/wire/headers.h"
#include "lib/worker/worker.h"
#include "tests/support/frame_pool.h"

namespace sallyport::worker {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr TscRate kRate{1'000'000'000};
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kGatewayMac{{2, 0, 0, 0, 0, 3}};

IpAddress v6(std::uint8_t host) {
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}
IpAddress v4(std::uint8_t host) { return IpAddress::v4({198, 18, 0, host}); }

// One interface untagged with replies to where frames came from, one in a VLAN with replies through
// gateways, of which one is not known; 40 listeners of either family, more than paths are kept for.
snapshot::Snapshot make_snapshot(
    snapshot::StrayPolicy strays_in_vlan = snapshot::StrayPolicy::reset) {
  snapshot::Snapshot s;
  s.tsc_rate = kRate;
  s.wall = {Tsc{1'000}, 1'700'000'000'000};
  s.cookie_keys = {.epoch = 5, .current = {1, 2}, .adjacent = {3, 4}};
  snapshot::Interface plain;
  plain.port = 1;
  plain.mac = kOurMac;
  plain.local_ips = {v4(10), v4(11), v6(10), v6(11)};
  snapshot::Interface tagged = plain;
  tagged.vlan = 7;
  tagged.strays = strays_in_vlan;
  tagged.mtu = 9000;
  tagged.reply = snapshot::ReplyMode::gateway;
  tagged.next_hops = {{v4(254), kGatewayMac, true}, {v6(254), {}, false}};
  tagged.routes = {{.destination = {IpAddress::v4({100, 0, 0, 0}), 8}, .next_hop = 1},
                   {.destination = {IpAddress::v4({0, 0, 0, 0}), 1}, .next_hop = 0},
                   {.destination = {v6(0), 32}, .next_hop = 1}};
  s.interfaces = std::make_shared<const std::vector<snapshot::Interface>>(
      std::vector<snapshot::Interface>{plain, tagged});
  std::vector<snapshot::Listener> listeners;
  for (std::uint16_t i = 0; i < 40; ++i) {
    for (const IpAddress& ip : {v4(10), v6(10)}) {
      snapshot::Listener listener;
      listener.address = {ip, static_cast<std::uint16_t>(443 + i)};
      listener.limits.client_receive_buffer = i % 2 == 0 ? 65'536 : 20'000;
      if (i % 5 == 1) listener.tcp.ecn = snapshot::EcnPolicy::off;
      listeners.push_back(listener);
    }
  }
  std::ranges::sort(listeners, {}, &snapshot::Listener::address);
  s.listeners = std::make_shared<const std::vector<snapshot::Listener>>(std::move(listeners));
  s.pools = std::make_shared<const std::vector<snapshot::Pool>>();
  return s;
}

// Side is a worker and what is around it.
struct Side {
  explicit Side(std::uint32_t resets = 1'000'000'000) : resets_per_second{resets} {}

  std::uint32_t resets_per_second;
  Arena arena;
  snapshot::Reader pins;
  std::unique_ptr<stats::WorkerStats> stats = std::make_unique<stats::WorkerStats>();
  testing::FramePool pool{1024};
  frame::Outbox out{testing::FramePool::flush, &pool};
  Worker worker{
      {.tsc_rate = kRate, .resets_per_second = resets_per_second}, arena, pins, *stats, Tsc{1'000}};
  std::size_t turned_around = 0;

  struct Answer {
    Bytes bytes;
    std::uint16_t vlan = 0;
    std::uint8_t port = 0;
    std::array<std::uint8_t, 4> tx{};
    auto operator<=>(const Answer&) const = default;
  };
  // answers gives frames to the worker; those with more references than one it must not change.
  std::multiset<Answer> answers(const std::vector<Bytes>& frames, std::mt19937_64 random,
                                std::uint16_t references, Tsc now) {
    std::vector<frame::Frame*> rx;
    for (const Bytes& bytes : frames) {
      frame::Frame* f = pool.take_copy(bytes);
      f->port = {1};
      f->vlan = random() % 3 == 0 ? std::uint16_t{7} : std::uint16_t{0};
      f->checksum = random() % 3 == 0 ? frame::ChecksumState::unknown : frame::ChecksumState::good;
      *f->references = references;
      rx.push_back(f);
    }
    pool.refill(out);
    worker.process(rx, {}, now, out);
    std::multiset<Answer> answers;
    for (frame::Frame* f : out.tx()) {
      answers.insert({{f->bytes().begin(), f->bytes().end()},
                      f->vlan,
                      f->port.value,
                      {f->tx.l2_len, f->tx.l3_len, f->tx.ip_checksum, f->tx.l4_checksum}});
      pool.give_back(*f);
    }
    for (frame::Frame* f : rx) {
      if (f->kept) ++turned_around;
      if (references > 1) *f->references = 1;
      if (!f->kept) pool.give_back(*f);
    }
    out.clear();
    return answers;
  }
  template <class Enum>
  static void expect_same(const stats::Counters<Enum>& a, const stats::Counters<Enum>& b) {
    for (std::size_t i = 0; i < stats::Counters<Enum>::kSize; ++i) {
      const auto e = static_cast<Enum>(i);
      EXPECT_EQ(a.value(e), b.value(e)) << stats::name_of(e);
    }
  }
};

// options draws a list as stacks send it, as they might, or broken.
Bytes options(std::mt19937_64& random) {
  const auto byte = [&random] { return static_cast<std::uint8_t>(random()); };
  const Bytes mss{2, 4, static_cast<std::uint8_t>(random() % 3 == 0 ? byte() : 5), byte()};
  const Bytes scale{3, 3, static_cast<std::uint8_t>(random() % 18)};
  const Bytes timestamps{8, 10, byte(), byte(), byte(), byte(), 0, 0, 0, 0};
  const auto join = [](std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  switch (random() % 8) {
    case 0:
      return {};
    case 1:
    case 2:  // Linux
      return join({mss, {4, 2}, timestamps, {1}, scale});
    case 3:  // Windows
      return join({mss, {1}, scale, {1, 1, 4, 2}});
    case 4:  // macOS
      return join({mss, {1}, scale, {1, 1}, timestamps, {4, 2, 0, 0}});
    case 5:  // one off from the usual
    {
      Bytes list = join({mss, {4, 2}, timestamps, {1}, scale});
      list[random() % list.size()] = byte();
      return list;
    }
    default:
      break;
  }
  Bytes list;
  while (random() % 4 != 0) {
    const Bytes* const choices[] = {&mss, &scale, &timestamps};
    const Bytes& next = *choices[random() % 3];
    if (list.size() + next.size() > 36) break;
    list.insert(list.end(), next.begin(), next.end());
    if (random() % 3 == 0) list.insert(list.end(), {4, 2});
    if (random() % 3 == 0) list.push_back(1);
  }
  while (list.size() % 4 != 0) list.push_back(random() % 2 == 0 ? 1 : 0);
  if (list.size() > 40) list.resize(40);
  return list;
}

Bytes syn(std::mt19937_64& random) {
  const auto one_in = [&random](unsigned n) { return random() % n == 0; };
  const bool is_v4 = !one_in(2);
  std::array<std::uint8_t, 16> source{};
  for (auto& b : source) b = static_cast<std::uint8_t>(random());
  wire::TcpHeaders h;
  h.ethernet = {one_in(50) ? kOurMac : kPeerMac, one_in(50) ? MacAddress::broadcast() : kOurMac, 0};
  if (is_v4) {
    if (one_in(30)) source[0] = one_in(2) ? 127 : std::uint8_t{224};
    if (one_in(30)) source[0] = 0;
    h.ip.source = IpAddress::v4({source[0], source[1], source[2], source[3]});
    if (one_in(60)) h.ip.source = v4(one_in(2) ? 10 : 11);
    h.ip.destination = v4(one_in(30) ? 99 : 10);
  } else {
    if (one_in(30)) source.fill(0);
    if (one_in(30)) source[0] = 0xff;
    h.ip.source = IpAddress::v6(source);
    if (h.ip.source.is_v4()) source[0] = 0x20;
    if (one_in(4)) h.ip.source = v6(static_cast<std::uint8_t>(random()));
    h.ip.destination = v6(one_in(30) ? 99 : 10);
  }
  h.tcp.source_port = static_cast<std::uint16_t>(random());
  h.tcp.destination_port = static_cast<std::uint16_t>(443 + (one_in(2) ? 0 : random() % 41));
  h.tcp.sequence_number = static_cast<std::uint32_t>(random());
  h.tcp.acknowledgment_number = one_in(2) ? 0 : static_cast<std::uint32_t>(random());
  h.tcp.flags = {one_in(10) ? static_cast<std::uint8_t>(random()) : std::uint8_t{2}};
  if (one_in(3)) h.tcp.flags = {0xc2};  // offers ECN
  if (one_in(10)) h.ip.ecn = wire::Ecn{static_cast<std::uint8_t>(random() & 3U)};
  h.tcp.window = static_cast<std::uint16_t>(random());
  const Bytes list = options(random);
  const Bytes payload(one_in(20) ? random() % 40 : 0, 0x5a);
  // Options of any kind: the header is written without, and made longer.
  Bytes text = list;
  text.insert(text.end(), payload.begin(), payload.end());
  Bytes frame(wire::header_lengths(h).total());
  wire::write_tcp_headers(frame, h, text, wire::Completion::software);
  const std::size_t l4 = frame.size() - sizeof(wire::TcpHeader);
  frame.insert(frame.end(), text.begin(), text.end());
  frame[l4 + 12] = static_cast<std::uint8_t>((5 + list.size() / 4) << 4);
  // The sum over the header as it is now.
  const MutableBytes segment = MutableBytes{frame}.subspan(l4);
  store(segment.subspan(16), Be16{});
  store(segment.subspan(16), InternetSum{}
                                 .add_pseudo_header(h.ip.source, h.ip.destination, 6,
                                                    static_cast<std::uint32_t>(segment.size()))
                                 .add(segment)
                                 .checksum());
  if (one_in(20)) frame.resize(frame.size() + random() % 20);  // padding of Ethernet
  if (one_in(25)) {                                            // anything
    std::uint8_t& one = frame[random() % frame.size()];
    one = static_cast<std::uint8_t>(one ^ 1U << random() % 8);
  }
  if (one_in(50)) frame.resize(random() % frame.size() + 1);
  return frame;
}

TEST(SynResponder, AnswersWhatTheUsualWayAnswers) {
  snapshot::Snapshot snapshot = make_snapshot();
  Side fast;
  Side slow;
  fast.worker.use(snapshot);
  slow.worker.use(snapshot);
  std::mt19937_64 random{20'260};
  Tsc now{1'000};
  std::size_t syns = 0;
  for (int burst = 0; burst < 1'000; ++burst) {
    // Now and then the end of a period is near, where TSvals decide which one a cookie names.
    now = now + kRate.ticks(burst % 7 == 0 ? milliseconds{8'192 - burst % 13} : milliseconds{3});
    std::vector<Bytes> frames(1 + random() % 100);
    for (Bytes& frame : frames) frame = syn(random);
    syns += frames.size();
    const std::mt19937_64 same = random;
    ASSERT_EQ(fast.answers(frames, same, 1, now), slow.answers(frames, same, 2, now)) << burst;
    random.discard(200);
  }
  Side::expect_same(fast.stats->drops, slow.stats->drops);
  Side::expect_same(fast.stats->stages, slow.stats->stages);
  Side::expect_same(fast.stats->traffic, slow.stats->traffic);
  EXPECT_EQ(slow.turned_around, 0U);
  // Both ways were taken often.
  EXPECT_GT(fast.turned_around, syns / 4);
  EXPECT_LT(fast.turned_around, slow.stats->stages.value(stats::HandshakeStage::syn_received));
  for (Side* side : {&fast, &slow}) EXPECT_EQ(side->pool.in_use(), side->out.frame_credit());
}

// ack draws a bare ACK that may complete the handshake of `syn_ack`, or comes near it.
// With PSH, which means nothing in it, it takes the usual way.
Bytes ack(const Bytes& syn_ack, std::mt19937_64& random, std::uint8_t flags) {
  const auto one_in = [&random](unsigned n) { return random() % n == 0; };
  const auto packet = wire::parse_packet(syn_ack, 0, {.ip = false, .tcp = false, .icmp = false});
  wire::TcpHeaders h;
  h.ethernet = {kPeerMac, kOurMac, 0};
  h.ip = {.source = packet->destination, .destination = packet->source};
  h.tcp.source_port = packet->tcp.destination_port;
  h.tcp.destination_port = packet->tcp.source_port;
  h.tcp.sequence_number = packet->tcp.acknowledgment_number;
  h.tcp.acknowledgment_number = packet->tcp.sequence_number + 1;
  h.tcp.flags = {one_in(20) ? static_cast<std::uint8_t>(flags | 1U) : flags};
  h.tcp.window = 500;
  h.tcp.options.has_timestamps = packet->tcp.options.has_timestamps;
  h.tcp.options.tsval = 5;
  h.tcp.options.tsecr = packet->tcp.options.tsval;
  if (one_in(4)) h.tcp.sequence_number += 1;
  if (one_in(4)) h.tcp.acknowledgment_number ^= 1U << random() % 32;
  if (one_in(8)) h.tcp.options.tsecr ^= 1U << random() % 32;
  if (one_in(10)) h.tcp.options.has_timestamps ^= true;
  if (one_in(10)) h.tcp.options.num_sack_blocks = 1;
  if (one_in(20)) h.tcp.source_port ^= 1;
  Bytes frame(wire::header_lengths(h).total());
  wire::write_tcp_headers(frame, h, {}, wire::Completion::software);
  return frame;
}

// With a RST now and then, which of the refused ACKs gets it may differ: eight are judged together.
class RefusedAcks : public ::testing::TestWithParam<snapshot::StrayPolicy> {};

TEST_P(RefusedAcks, AreThoseThatTheUsualWayRefuses) {
  snapshot::Snapshot snapshot = make_snapshot(GetParam());
  Side fast{1};
  Side slow{1};
  fast.worker.use(snapshot);
  slow.worker.use(snapshot);
  std::mt19937_64 random{4};
  Tsc now{1'000};
  std::vector<Bytes> syn_acks;
  for (int burst = 0; burst < 1'000; ++burst) {
    now = now + kRate.ticks(milliseconds{burst % 50 == 0 ? 20'000 : 3});
    // Cookies of the epoch before are accepted, those from before that are not.
    if (burst % 100 == 99) {
      snapshot.cookie_keys.adjacent = snapshot.cookie_keys.current;
      snapshot.cookie_keys.current = {random(), random()};
      ++snapshot.cookie_keys.epoch;
    }
    std::vector<Bytes> syns(8);
    for (Bytes& one : syns) one = syn(random);
    for (const Side::Answer& answer : slow.answers(syns, random, 1, now)) {
      const bool is_reset = (answer.bytes[answer.tx[0] + answer.tx[1] + 13U] & 4U) != 0;
      if (!is_reset) syn_acks.push_back(answer.bytes);
    }
    (void)fast.answers(syns, random, 1, now);
    std::vector<Bytes> frames;
    std::vector<Bytes> pushed;
    for (std::size_t n = 1 + random() % 70; n > 0 && !syn_acks.empty(); --n) {
      const std::size_t recent = std::min<std::size_t>(syn_acks.size(), 200);
      const Bytes& syn_ack = syn_acks[syn_acks.size() - 1 - random() % recent];
      std::mt19937_64 twin = random;
      frames.push_back(ack(syn_ack, random, 0x10));
      pushed.push_back(ack(syn_ack, twin, 0x18));
    }
    const std::mt19937_64 same = random;
    (void)fast.answers(frames, same, 1, now);
    (void)slow.answers(pushed, same, 1, now);
    random.discard(200);
  }
  // Whether its next hop is known depends on that, too.
  using stats::DropReason;
  fast.stats->drops.set(DropReason::no_next_hop, 0);
  slow.stats->drops.set(DropReason::no_next_hop, 0);
  Side::expect_same(fast.stats->drops, slow.stats->drops);
  Side::expect_same(fast.stats->cookie_refusals, slow.stats->cookie_refusals);
  Side::expect_same(fast.stats->traffic, slow.stats->traffic);
  using stats::CookieRefusal;
  EXPECT_GT(fast.stats->cookie_refusals.value(CookieRefusal::bad_mac), 1'000U);
  EXPECT_GT(fast.stats->cookie_refusals.value(CookieRefusal::expired), 10U);
  EXPECT_GT(fast.stats->drops.value(DropReason::tcp_early_overtake), 1'000U);
  // Each refused ACK is one drop; the RST that it did not get is none.
  EXPECT_GT(fast.stats->traffic.value(stats::Traffic::rst_rate_limited), 1'000U);
  EXPECT_EQ(fast.stats->drops.value(DropReason::tcp_cookie_refused),
            fast.stats->cookie_refusals.value(CookieRefusal::bad_mac) +
                fast.stats->cookie_refusals.value(CookieRefusal::expired));
}

INSTANTIATE_TEST_SUITE_P(SynResponder, RefusedAcks,
                         ::testing::Values(snapshot::StrayPolicy::reset,
                                           snapshot::StrayPolicy::silence));

TEST(SynResponder, LeavesSynsToTheUsualWayWhileDraining) {
  snapshot::Snapshot snapshot = make_snapshot();
  snapshot.draining = true;
  Side side;
  side.worker.use(snapshot);
  std::mt19937_64 random{1};
  std::vector<Bytes> frames(64);
  for (Bytes& frame : frames) frame = syn(random);
  (void)side.answers(frames, random, 1, Tsc{2'000});
  EXPECT_EQ(side.turned_around, 0U);
  EXPECT_EQ(side.stats->stages.value(stats::HandshakeStage::syn_ack_sent), 0U);
  EXPECT_GT(side.stats->drops.value(stats::DropReason::draining), 0U);
}

}  // namespace
}  // namespace sallyport::worker
