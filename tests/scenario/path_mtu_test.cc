// Paths that carry less than both ends believe: with a router that says so, and with one that does
// not.
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/base/internet_sum.h"
#include "lib/wire/packet.h"
#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"

namespace sallyport::testing {
namespace {

constexpr std::size_t kEthernet = 14;

// too_big_message is what a router answers to `frame` of ours: RFC 792 type 3 code 4.
Bytes too_big_message(ByteView frame, std::uint16_t mtu) {
  const ByteView packet = frame.subspan(kEthernet);
  Bytes m(frame.begin(), frame.begin() + kEthernet);
  std::swap_ranges(m.begin(), m.begin() + 6, m.begin() + 6);
  const std::size_t quoted = 28;
  const auto total = static_cast<std::uint16_t>(20 + 8 + quoted);
  Bytes ip{0x45,
           0,
           static_cast<std::uint8_t>(total >> 8U),
           static_cast<std::uint8_t>(total),
           0,
           0,
           0,
           0,
           64,
           1,
           0,
           0,
           198,
           18,
           0,
           77};
  ip.insert(ip.end(), packet.begin() + 12, packet.begin() + 16);  // to its source: us
  store(MutableBytes{ip}.subspan(10), InternetSum{}.add(ip).checksum());
  Bytes icmp{
      3, 4, 0, 0, 0, 0, static_cast<std::uint8_t>(mtu >> 8U), static_cast<std::uint8_t>(mtu)};
  icmp.insert(icmp.end(), packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(quoted));
  store(MutableBytes{icmp}.subspan(2), InternetSum{}.add(icmp).checksum());
  m.insert(m.end(), ip.begin(), ip.end());
  m.insert(m.end(), icmp.begin(), icmp.end());
  return m;
}

bool is_from_listener(ByteView frame) {
  const auto packet = wire::parse_packet(frame, 0, {});
  return packet && packet->kind == wire::PacketKind::tcp && packet->tcp.source_port == 443;
}

// Download fetches a page over a path of `mtu` bytes from us to the client.
void download(std::uint16_t mtu, bool router_tells, Nanos within) {
  Simulation sim{{}};
  Page page{sim, 300'000};
  std::vector<Bytes> answers;
  std::size_t swallowed = 0;
  sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
    if (to == Simulation::To::worker || !is_from_listener(frame)) return Nanos{0};
    if (frame.size() <= kEthernet + mtu) return Nanos{0};
    ++swallowed;
    if (router_tells) answers.push_back(too_big_message(frame, mtu));
    return std::nullopt;
  });
  OpensslClient client{sim.connect()};
  client.write(kRequest);
  EXPECT_TRUE(sim.run(
      [&] {
        page.step();
        client.step();
        for (const Bytes& answer : std::exchange(answers, {})) sim.inject(answer);
        return client.got_close_notify();
      },
      within))
      << client.received().size();
  EXPECT_TRUE(client.received() == page.page());
  EXPECT_GT(swallowed, 0U);
  const auto told = sim.stats().traffic.value(stats::Traffic::path_mtu_reductions);
  EXPECT_EQ(told > 0, router_tells);
}

TEST(PathMtu, ARouterThatSaysSoCostsARoundTrip) { download(1'400, true, seconds{1}); }
TEST(PathMtu, ATunnelOfTheLeastSizeStillCarriesThePage) { download(576, true, seconds{2}); }
TEST(PathMtu, ABlackHoleCostsTimeoutsAndNoConnection) { download(1'300, false, seconds{5}); }

}  // namespace
}  // namespace sallyport::testing
