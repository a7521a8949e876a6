#include "tests/support/tcp_network.h"

#include <algorithm>
#include <optional>

#include "lib/wire/icmp.h"
#include "lib/wire/packet.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0x0c}};
constexpr MacAddress kServerMac{{0x02, 0, 0, 0, 0, 0x05}};
// An instant at which so much happens is one at which it never ends.
constexpr unsigned kMaxStepsWithoutTime = 10'000;

FourTuple tuple_of_client(bool ipv6) {
  if (ipv6) return {{*parse_ip("2001:db8::99"), 50'000}, {*parse_ip("2001:db8::10"), 443}};
  return {{IpAddress::v4({198, 18, 0, 99}), 50'000}, {IpAddress::v4({198, 18, 0, 10}), 443}};
}
FourTuple reversed(const FourTuple& tuple) { return {tuple.remote, tuple.local}; }

}  // namespace

TcpNetwork::TcpNetwork(const NetworkOptions& options)
    : to_server{options.to_server, options.seed * 2},
      to_client{options.to_client, options.seed * 2 + 1},
      client{tuple_of_client(options.ipv6), options.client,
             [this](const tcp::Segment& segment, ByteView payload) {
               send(From::client, segment, payload);
             }},
      server{reversed(tuple_of_client(options.ipv6)), options.server,
             [this](const tcp::Segment& segment, ByteView payload) {
               send(From::server, segment, payload);
             }},
      start_{options.start},
      ipv6_{options.ipv6} {}

void TcpNetwork::send(From from, const tcp::Segment& segment, ByteView payload) {
  const FourTuple tuple = tuple_of_client(ipv6_);
  if (from == From::client) {
    put_on_link(from, tcp_frame({kClientMac, kServerMac}, tuple, segment, payload));
  } else {
    put_on_link(from, tcp_frame({kServerMac, kClientMac}, reversed(tuple), segment, payload));
  }
}

void TcpNetwork::put_on_link(From from, Bytes frame) {
  if (tap_) tap_(from, frame);
  pcap_.write(frame, now_);
  Link& link = from == From::client ? to_server : to_client;
  Link& back = from == From::client ? to_client : to_server;
  if (auto answer = link.send(std::move(frame), now_)) {
    pcap_.write(*answer, now_);
    (void)back.send(std::move(*answer), now_);
  }
}

void TcpNetwork::deliver(Link& link, TcpEndpoint& to) {
  const MacAddress& mac = &to == &client ? kClientMac : kServerMac;
  while (const auto frame = link.receive(now_)) {
    const auto packet = wire::parse_packet(*frame, 0, {});
    if (!packet || packet->ethernet.destination != mac) continue;
    if (packet->kind == wire::PacketKind::tcp) {
      const auto received = read_tcp_frame(*frame);
      const FourTuple expected =
          &to == &client ? tuple_of_client(ipv6_) : reversed(tuple_of_client(ipv6_));
      if (!received || received->tuple != expected) continue;
      to.receive(received->segment, received->payload, instant());
    } else if (packet->kind != wire::PacketKind::arp) {
      const auto error = wire::parse_icmp_error(*packet, *frame);
      if (!error || error->kind != wire::IcmpErrorKind::packet_too_big) continue;
      to.packet_too_big({error->sequence_number}, error->mtu);
    }
  }
}

bool TcpNetwork::step(Nanos limit) {
  std::optional<Nanos> next;
  const auto consider = [&](std::optional<Nanos> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(to_server.next_arrival());
  consider(to_client.next_arrival());
  if (!actions_.empty()) consider(actions_.begin()->first);
  for (const TcpEndpoint* e : {&client, &server}) {
    const auto deadline = e->next_deadline(instant());
    if (!deadline) continue;
    const auto us = static_cast<std::int64_t>(deadline->us - start_.us);
    consider(Nanos{us * 1000});
  }
  if (!next) return false;
  if (*next > limit) {
    now_ = limit;
    return false;
  }
  steps_without_time_ = *next > now_ ? 0 : steps_without_time_ + 1;
  if (steps_without_time_ > kMaxStepsWithoutTime) {
    violation_ = "time stands still | " + client.describe() + " | " + server.describe();
    return false;
  }
  now_ = std::max(now_, *next);
  deliver(to_server, server);
  deliver(to_client, client);
  while (!actions_.empty() && actions_.begin()->first <= now_) {
    const auto action = std::move(actions_.begin()->second);
    actions_.erase(actions_.begin());
    action();
  }
  client.pump(instant());
  server.pump(instant());
  return true;
}

bool TcpNetwork::run(const std::function<bool()>& done, Nanos limit) {
  client.pump(instant());
  server.pump(instant());
  while (violation().empty()) {
    if (done()) return true;
    if (!step(limit)) return done();
  }
  return done();
}

std::string TcpNetwork::violation() const {
  if (!violation_.empty()) return violation_;
  if (!client.violation().empty()) return "client: " + client.violation();
  if (!server.violation().empty()) return "server: " + server.violation();
  return {};
}

}  // namespace sallyport::testing
