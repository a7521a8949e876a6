#include "lib/control/control_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "lib/config/load.h"
#include "lib/wire/arp.h"
#include "tests/unit/config/example.h"

namespace sallyport::control {
namespace {

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kBackendMac{{2, 0, 0, 0, 0, 0x20}};
constexpr MacAddress kStrangerMac{{2, 0, 0, 0, 0, 0x66}};
constexpr TscRate kRate{.hz = 1'000'000};  // one tick is a microsecond
constexpr std::uint64_t kStartMs = 1'800'000'000'000;

void same_key(ByteView, std::string_view, std::uint64_t epoch, MutableBytes out) noexcept {
  std::ranges::fill(out, static_cast<std::uint8_t>(epoch));
}

// arp builds a frame as a station on the link would send it.
std::vector<std::uint8_t> arp(const MacAddress& from, wire::ArpOperation operation,
                              const IpAddress& sender, const IpAddress& target) {
  std::vector<std::uint8_t> frame(64);
  const std::size_t length =
      wire::write_arp(frame, {.source = from, .destination = kOurMac, .vlan = 0},
                      {operation, from, sender, kOurMac, target});
  frame.resize(length);
  return frame;
}

class Loop : public testing::Test {
 protected:
  Loop() {
    const config::Parsed parsed = config::parse(config::kSmallest, "/s.toml");
    EXPECT_TRUE(parsed.ok()) << parsed.diagnostics.text();
    const std::array<PortFacts, 1> ports{PortFacts{kOurMac}};
    const std::array<ListenerCredentials, 1> credentials{ListenerCredentials(1)};
    loop_ =
        std::make_unique<ControlLoop>(ControlLoop::Dependencies{.publisher = publisher_,
                                                                .cookie_keyring = keyring_,
                                                                .ticket_keyring = ticket_keyring_,
                                                                .random = random_,
                                                                .tsc_rate = kRate},
                                      compile({.config = parsed.config,
                                               .ports = ports,
                                               .credentials = credentials,
                                               .tsc_rate = kRate}),
                                      at(0));
  }
  [[nodiscard]] static WallClock at(std::uint64_t ms) {
    return {.at = {ms * 1000}, .unix_ms = kStartMs + ms};
  }
  // run_until ticks every 5 ms, with a reader that keeps up.
  void run_until(std::uint64_t ms) {
    for (; now_ < ms; now_ += 5) {
      loop_->tick(at(now_), sent_);
      static_cast<void>(publisher_.reader(0).enter(publisher_.source()));
      for (NeighbourEvent& event : loop_->take_events()) events_.push_back(event);
    }
  }
  void hear(const std::vector<std::uint8_t>& frame) { loop_->on_frame(0, 0, frame, at(now_).at); }
  [[nodiscard]] const snapshot::Interface& interface() const {
    return loop_->current().interfaces->at(0);
  }
  [[nodiscard]] bool is_local(std::string_view ip) const {
    return std::ranges::count(interface().local_ips, *parse_ip(ip)) == 1;
  }
  // questions_for counts ARP requests sent about `ip` from an address of ours.
  [[nodiscard]] std::size_t questions_for(std::string_view ip) const {
    return static_cast<std::size_t>(std::ranges::count_if(sent_, [&](const ControlFrame& f) {
      const auto heard = neighbour::hear(f.view(), 0);
      return heard && heard->kind == neighbour::Heard::Kind::arp &&
             heard->arp.target_ip == *parse_ip(ip) && !heard->arp.sender_ip.is_unspecified();
    }));
  }
  [[nodiscard]] std::size_t num_events(NeighbourEvent::Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events_, kind, &NeighbourEvent::kind));
  }

  Publisher publisher_{1};
  std::array<std::uint8_t, 32> secret_{};
  CookieKeyring keyring_{secret_, same_key};
  TicketKeyring ticket_keyring_{secret_, same_key};
  Random random_{Random::Seed{}};
  std::unique_ptr<ControlLoop> loop_;
  std::vector<ControlFrame> sent_;
  std::vector<NeighbourEvent> events_;
  std::uint64_t now_ = 0;
};

TEST_F(Loop, ASnapshotIsThereBeforeTheFirstTick) {
  ASSERT_NE(publisher_.source().load(), nullptr);
  EXPECT_EQ(loop_->current().epoch, 1U);
  EXPECT_EQ(loop_->current().wall.unix_ms, kStartMs);
  EXPECT_FALSE(interface().next_hops.at(0).resolved);
  EXPECT_FALSE(is_local("198.18.0.10")) << "somebody else could have it";
}

TEST_F(Loop, AddressesAreOursWithinASecond) {
  EXPECT_FALSE(loop_->is_settled());
  run_until(1000);
  EXPECT_TRUE(loop_->is_settled());
  EXPECT_TRUE(is_local("198.18.0.1"));
  EXPECT_TRUE(is_local("198.18.0.10"));
  EXPECT_TRUE(events_.empty());
}

TEST_F(Loop, ABackendThatAnswersIsPublishedWithItsMac) {
  run_until(100);
  EXPECT_EQ(questions_for("198.18.0.20"), 1U);
  const auto epoch = loop_->current().epoch;
  hear(arp(kBackendMac, wire::ArpOperation::reply, *parse_ip("198.18.0.20"),
           *parse_ip("198.18.0.1")));
  run_until(110);
  EXPECT_EQ(loop_->current().epoch, epoch + 1);
  EXPECT_TRUE(interface().next_hops.at(0).resolved);
  EXPECT_EQ(interface().next_hops.at(0).mac, kBackendMac);
  EXPECT_EQ(num_events(NeighbourEvent::Kind::next_hop_resolved), 1U);
  EXPECT_EQ(loop_->current().configuration, 0U) << "no handshake has to end for that";
}

TEST_F(Loop, NewListenersAreANewConfiguration) {
  run_until(100);
  const auto listeners =
      std::make_shared<const std::vector<snapshot::Listener>>(*loop_->current().listeners);
  loop_->replace_listeners(listeners);
  run_until(110);
  EXPECT_EQ(loop_->current().listeners, listeners);
  EXPECT_EQ(loop_->current().configuration, 1U);
  run_until(1'000);
  EXPECT_EQ(loop_->current().configuration, 1U) << "once";
}

TEST_F(Loop, NewListenersWaitWhileHandshakesPinTheOldOnes) {
  run_until(100);
  const auto next = [&] {
    return std::make_shared<const std::vector<snapshot::Listener>>(*loop_->current().listeners);
  };
  snapshot::Reader& reader = publisher_.reader(0);
  for (std::uint64_t i = 0; i + 1 < snapshot::kMaxConfigurations; ++i) {
    reader.pin(loop_->current().configuration);
    loop_->replace_listeners(next());
    run_until(now_ + 100);
    EXPECT_EQ(loop_->current().configuration, i + 1);
  }
  reader.pin(loop_->current().configuration);
  const auto waiting = next();
  loop_->replace_listeners(waiting);
  run_until(now_ + 100);
  EXPECT_NE(loop_->current().listeners, waiting);
  // What else changes does not wait with them.
  const auto epoch = loop_->current().epoch;
  hear(arp(kBackendMac, wire::ArpOperation::reply, *parse_ip("198.18.0.20"),
           *parse_ip("198.18.0.1")));
  run_until(now_ + 10);
  EXPECT_GT(loop_->current().epoch, epoch);
  EXPECT_TRUE(interface().next_hops.at(0).resolved);
  reader.unpin(0);
  run_until(now_ + 100);
  EXPECT_EQ(loop_->current().listeners, waiting);
}

TEST_F(Loop, ABackendThatFallsSilentKeepsItsLastMac) {
  run_until(100);
  hear(arp(kBackendMac, wire::ArpOperation::reply, *parse_ip("198.18.0.20"),
           *parse_ip("198.18.0.1")));
  run_until(120'000);
  EXPECT_EQ(num_events(NeighbourEvent::Kind::next_hop_stale), 1U);
  EXPECT_TRUE(interface().next_hops.at(0).resolved);
  EXPECT_EQ(interface().next_hops.at(0).mac, kBackendMac);
  EXPECT_GT(questions_for("198.18.0.20"), 4U);
}

TEST_F(Loop, FramesThatNobodyAskedForChangeNothing) {
  run_until(5000);
  const auto epoch = loop_->current().epoch;
  hear(arp(kStrangerMac, wire::ArpOperation::reply, *parse_ip("198.18.0.99"),
           *parse_ip("198.18.0.1")));
  hear(std::vector<std::uint8_t>(7));
  loop_->on_frame(3, 9, {}, at(now_).at);
  run_until(5200);
  EXPECT_EQ(loop_->current().epoch, epoch);
  EXPECT_TRUE(events_.empty());
}

TEST_F(Loop, AnAddressThatAnotherStationHadFirstIsGivenUpAndComesBack) {
  run_until(100);
  hear(arp(kStrangerMac, wire::ArpOperation::reply, *parse_ip("198.18.0.10"),
           *parse_ip("198.18.0.1")));
  run_until(1000);
  EXPECT_TRUE(loop_->is_settled());
  EXPECT_FALSE(is_local("198.18.0.10"));
  EXPECT_TRUE(is_local("198.18.0.1"));
  ASSERT_EQ(num_events(NeighbourEvent::Kind::address_lost), 1U);
  const auto lost =
      std::ranges::find(events_, NeighbourEvent::Kind::address_lost, &NeighbourEvent::kind);
  EXPECT_EQ(to_string(*lost),
            "address conflict: 198.18.0.10 belongs to 02:00:00:00:00:66 already; it is not used "
            "here until that station gives it up");
  // Nobody answers the later probes.
  run_until(90'000);
  EXPECT_TRUE(is_local("198.18.0.10"));
  EXPECT_EQ(num_events(NeighbourEvent::Kind::address_lost), 1U);
  EXPECT_EQ(num_events(NeighbourEvent::Kind::address_regained), 1U);
}

TEST_F(Loop, AnAddressThatIsOursIsKeptAndTheConflictToldOnce) {
  run_until(15'000);
  for (int i = 0; i < 100; ++i) {
    hear(arp(kStrangerMac, wire::ArpOperation::reply, *parse_ip("198.18.0.10"),
             *parse_ip("198.18.0.1")));
    run_until(now_ + 10);
  }
  EXPECT_TRUE(is_local("198.18.0.10"));
  EXPECT_EQ(num_events(NeighbourEvent::Kind::address_conflict), 1U);
}

TEST_F(Loop, CookieKeysAndWallClockAreRenewedInTime) {
  for (unsigned half = 1; half <= 4; ++half) {
    run_until(CookieKeyring::kEpochMilliseconds / 2 * half + 20);
    const CookieKeys expected = keyring_.at(kStartMs + now_);
    const CookieKeys& published = loop_->current().cookie_keys;
    EXPECT_EQ(published.epoch, expected.epoch);
    EXPECT_EQ(published.adjacent.k0, expected.adjacent.k0);
  }
  const snapshot::Snapshot& s = loop_->current();
  EXPECT_LE(kStartMs + now_ - s.wall.unix_ms, 10'010U);
}

TEST_F(Loop, TicketKeysChangeWithTheirEpochAndAreSharedUntilThen) {
  const auto first = loop_->current().ticket_keys;
  ASSERT_NE(first, nullptr);
  constexpr std::uint64_t kEpoch = TicketKeyring::kEpochMilliseconds;
  const std::uint64_t boundary = kEpoch - kStartMs % kEpoch;
  const auto tick_at = [this](std::uint64_t ms) {
    now_ = ms;
    run_until(ms + 20);
  };
  tick_at(boundary - 1'000);
  EXPECT_EQ(loop_->current().ticket_keys, first);
  tick_at(boundary);
  EXPECT_NE(loop_->current().ticket_keys, first);
  EXPECT_EQ(loop_->current().ticket_keys->previous.name, first->current.name);
  EXPECT_EQ(loop_->current().ticket_keys->current.name, first->next.name);
}

TEST_F(Loop, DrainingReachesTheWorkers) {
  run_until(50);
  EXPECT_FALSE(loop_->current().draining);
  loop_->drain();
  run_until(60);
  EXPECT_TRUE(loop_->current().draining);
}

TEST_F(Loop, AReaderThatStandsStillDelaysChangesAndLosesNone) {
  run_until(50);
  std::uint64_t ms = now_;
  for (std::uint8_t i = 0; i < 10; ++i) {
    // A new MAC each time: the worker that has stalled sees only the last one afterwards.
    const MacAddress mac{{2, 0, 0, 0, 1, i}};
    loop_->on_frame(
        0, 0,
        arp(mac, wire::ArpOperation::reply, *parse_ip("198.18.0.20"), *parse_ip("198.18.0.1")),
        at(ms).at);
    for (int n = 0; n < 3'000; ++n) loop_->tick(at(ms += 5), sent_);
  }
  EXPECT_LE(publisher_.reclaim(), Publisher::kMaxRetired);
  now_ = ms;
  run_until(ms + 20);
  EXPECT_LE(kStartMs + now_ - loop_->current().wall.unix_ms, 10'010U);
  EXPECT_EQ(publisher_.reclaim(), 0U);
}

TEST(NeighbourService, OnAVlanTheTagStandsInTheBytesAndNothingIsLeftToInsert) {
  snapshot::Interface tagged;
  tagged.vlan = 100;
  tagged.mac = kOurMac;
  tagged.addresses = {*parse_prefix("198.18.0.1/24")};
  tagged.local_ips = {*parse_ip("198.18.0.1")};
  tagged.next_hops = {{.ip = *parse_ip("198.18.0.20"), .mac = {}, .resolved = false}};
  Random random{Random::Seed{}};
  NeighbourService service{{tagged}, random, milliseconds{0}};
  std::vector<ControlFrame> sent;
  for (int ms = 0; ms < 1000; ms += 5) service.advance(milliseconds{ms}, sent);
  ASSERT_FALSE(sent.empty());
  for (const ControlFrame& frame : sent) {
    EXPECT_EQ(frame.vlan, 0);
    const auto heard = neighbour::hear(frame.view(), 0);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->ethernet.vlan, 100);
  }
  // The port strips the tag of what it receives.
  service.on_frame(0, 100,
                   arp(kBackendMac, wire::ArpOperation::reply, *parse_ip("198.18.0.20"),
                       *parse_ip("198.18.0.1")),
                   seconds{1});
  EXPECT_TRUE(service.take_interfaces()->at(0).next_hops.at(0).resolved);
}

TEST(NeighbourService, AFloodOfConflictsTellsEachAddressOnce) {
  snapshot::Interface interface;
  interface.mac = kOurMac;
  interface.addresses = {*parse_prefix("198.18.0.1/24")};
  for (int i = 1; i < 200; ++i) {
    interface.local_ips.push_back(*parse_ip("198.18.0." + std::to_string(i)));
  }
  Random random{Random::Seed{}};
  NeighbourService service{{interface}, random, milliseconds{0}};
  std::vector<ControlFrame> sent;
  milliseconds now{0};
  for (int round = 0; round < 100; ++round, now += seconds{1}) {
    service.advance(now, sent);
    for (const IpAddress& ip : interface.local_ips) {
      service.on_frame(0, 0, arp(kStrangerMac, wire::ArpOperation::reply, ip, ip), now);
    }
    EXPECT_LE(sent.size(), NeighbourService::kMaxFramesPerCall);
    sent.clear();
  }
  EXPECT_EQ(service.take_events().size(), interface.local_ips.size());
  EXPECT_TRUE(service.take_events().empty());
}

}  // namespace
}  // namespace sallyport::control
