// TcpNetwork: two TcpEndpoints and the two links between them, in virtual time that jumps from
// event to event.  All segments travel as Ethernet frames, so whatever a link does to bytes is done
// to what a NIC would see, and a capture can be read with Wireshark.
//
//   TcpNetwork net{{.seed = 7, .to_server = {.rate = 100'000'000, .delay = milliseconds{10}}}};
//   net.server.listen(Listening::cookie);
//   net.client.open(net.instant());
//   net.client.write(bytes);
//   EXPECT_TRUE(net.run([&] { return net.server.unread() == bytes.size(); }));
//   EXPECT_EQ(net.violation(), "");
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "lib/base/units.h"
#include "lib/tcp/time.h"
#include "tests/support/link.h"
#include "tests/support/pcap.h"
#include "tests/support/tcp_endpoint.h"

namespace sallyport::testing {

struct NetworkOptions {
  std::uint64_t seed = 1;
  LinkOptions to_server{};
  LinkOptions to_client{};
  EndpointOptions client{};
  EndpointOptions server{.iss = tcp::SeqNum{700'000}};
  bool ipv6 = false;
  // When virtual time begins, on the clock that lib/tcp sees: it remembers 32 bits of it.
  tcp::Instant start{3'600'000'000};
};

class TcpNetwork {
 public:
  explicit TcpNetwork(const NetworkOptions& options);
  TcpNetwork(const TcpNetwork&) = delete;
  TcpNetwork& operator=(const TcpNetwork&) = delete;

  // at calls `action` when virtual time has come to `when`.
  void at(Nanos when, std::function<void()> action) { actions_.emplace(when, std::move(action)); }
  // run goes from event to event until done(), at most until `limit` on the virtual clock, and
  // returns done().  It ends early when nothing will ever happen again, and at a violation.
  bool run(const std::function<bool()>& done, Nanos limit = seconds{3600});
  void run_until(Nanos time) {
    (void)run([] { return false; }, time);
    now_ = time;
  }

  [[nodiscard]] Nanos now() const { return now_; }
  [[nodiscard]] tcp::Instant instant() const {
    return {start_.us + static_cast<std::uint64_t>(now_.count() / 1000)};
  }
  // violation is the first invariant that either side saw broken; empty: none.
  [[nodiscard]] std::string violation() const;
  // tap sees every frame as it is put on a link, before the link does anything to it.
  enum class From : std::uint8_t { client, server };
  void set_tap(std::function<void(From, ByteView)> tap) { tap_ = std::move(tap); }
  void set_pcap(PcapWriter pcap) { pcap_ = std::move(pcap); }

  Link to_server;
  Link to_client;
  TcpEndpoint client;
  TcpEndpoint server;

 private:
  void send(From from, const tcp::Segment& segment, ByteView payload);
  void put_on_link(From from, Bytes frame);
  void deliver(Link& link, TcpEndpoint& to);
  [[nodiscard]] bool step(Nanos limit);

  tcp::Instant start_;
  Nanos now_{0};
  bool ipv6_;
  std::multimap<Nanos, std::function<void()>> actions_;
  std::function<void(From, ByteView)> tap_;
  PcapWriter pcap_;
  std::string violation_;
  unsigned steps_without_time_ = 0;
};

}  // namespace sallyport::testing
