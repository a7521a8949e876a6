// Snapshot: everything the workers read and never write.  The control thread builds it, publishes
// it by one atomic store, and frees it when no worker can see it any more (design: epochs).  A new
// snapshot shares the parts that did not change.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/balance/plan.h"
#include "lib/base/address.h"
#include "lib/base/cookie_keys.h"
#include "lib/base/units.h"
#include "lib/tls/client_config.h"
#include "lib/tls/server_config.h"
#include "lib/tls/ticket.h"

namespace sallyport::snapshot {

// Indices into the vectors of the snapshot that they came from.
struct InterfaceIndex {
  std::uint16_t value = 0;
  friend constexpr bool operator==(InterfaceIndex, InterfaceIndex) noexcept = default;
};
struct PoolIndex {
  std::uint16_t value = 0;
  friend constexpr bool operator==(PoolIndex, PoolIndex) noexcept = default;
};

// StrayPolicy: what a segment hears that belongs to nothing here.
enum class StrayPolicy : std::uint8_t {
  reset,    // [RFC 9293 3.10.7.1] RST, up to a rate
  silence,  // nothing: scans learn of closed ports by waiting only
};
enum class ReplyMode : std::uint8_t {
  source_mac,  // answer a client to the MAC and VLAN that its last accepted frame came from
  gateway,     // answer through the interface's own next hop
};

// NextHop is where frames for some destination go on the link.
struct NextHop {
  IpAddress ip;
  MacAddress mac;
  bool resolved = false;  // false: nobody has answered yet; frames are dropped and counted
};

struct Route {
  IpPrefix destination;
  std::uint16_t next_hop = 0;  // index into Interface::next_hops
};

// Interface is one {port, VLAN} with its addresses.
struct Interface {
  std::uint8_t port = 0;
  std::uint16_t vlan = 0;  // 0: untagged
  MacAddress mac;
  std::uint16_t mtu = 1500;  // bytes of IP packet
  ReplyMode reply = ReplyMode::source_mac;
  StrayPolicy strays = StrayPolicy::reset;
  std::vector<IpPrefix> addresses;   // with the host part: 198.18.0.1/24
  std::vector<IpAddress> local_ips;  // every address that is ours here: interface addresses,
                                     // listeners and pool sources on-link here
  std::vector<NextHop> next_hops;    // gateways and on-link backends
  std::vector<Route> routes;         // longest prefix first; looked up by control, kept for
                                     // `reply = "gateway"`
};

enum class CongestionControl : std::uint8_t { cubic, new_reno };
// Listeners of a configuration at most, each with any number of addresses.
inline constexpr std::size_t kMaxListenerGroups = 1'024;

enum class SynMode : std::uint8_t {
  cookies,  // nothing is kept for a SYN
  tracked,  // a bounded record, and cookies alone while there are too many
};
enum class EcnPolicy : std::uint8_t {
  accept,  // from clients that offer it
  offer,   // ... and to backends
  off,
};

// TcpPolicy holds for the clients of a listener, and for the connections to backends behind them.
struct TcpPolicy {
  SynMode syn_mode = SynMode::cookies;
  CongestionControl congestion_control = CongestionControl::cubic;
  EcnPolicy ecn = EcnPolicy::accept;
  std::uint16_t keep_alive_seconds = 0;  // of silence, before the peer is probed; 0: never
};

struct Limits {
  TscSpan handshake;                                 // SYN cookie accepted -> TLS established
  TscSpan client_hello;                              // SYN cookie accepted -> complete ClientHello
  TscSpan backend_connect;                           // one attempt
  TscSpan idle;                                      // no byte either way
  TscSpan half_close;                                // one direction closed
  std::uint32_t client_receive_buffer = 4'194'304;   // bytes offered to a client at most
  std::uint32_t backend_receive_buffer = 4'194'304;  // bytes offered to a backend at most
  std::uint32_t send_buffer = 4'194'304;             // bytes waiting for an ACK per side at most
  // One worker's share of the listener's; 0: no limit of its own.
  std::uint32_t max_connections = 0;
  std::uint32_t max_handshakes = 0;                 // of those, with TLS not yet established
  std::uint32_t prefix_handshakes = 0;              // of those, per network of clients
  std::uint32_t prefix_connections_per_second = 0;  // new ones, per network of clients
};

// Listener is one address that clients connect to.
struct Listener {
  std::string name;
  SocketAddress address;
  // Which listener of the configuration the address belongs to, below kMaxListenerGroups: those of
  // one group share its limits.
  std::uint16_t group = 0;
  InterfaceIndex interface;
  PoolIndex pool;  // when ALPN picked no other
  std::shared_ptr<const tls::ServerConfig> tls;
  std::vector<PoolIndex> alpn_pools;  // parallel to tls->alpn_protocols
  // Something of a ClientHello is wanted later: by some pool of the listener, or for counting.
  bool keeps_hello_notes = false;
  TcpPolicy tcp;
  Limits limits;
};

struct Backend {
  SocketAddress address;
  std::uint32_t weight = 1;
  bool healthy = true;
  InterfaceIndex interface;
  std::uint16_t next_hop = 0;  // index into that interface's next_hops
  std::uint16_t counter = 0;   // its place in WorkerStats::backends
  // Where each worker keeps its sessions; kNoSessions: nowhere.
  static constexpr std::uint16_t kNoSessions = 0xffff;
  std::uint16_t sessions = kNoSessions;
};

// BackendTls is how all backends of a pool are spoken to in TLS.
struct BackendTls {
  tls::ClientConfig client;
  TscSpan handshake;  // from the end of TCP's to the end of TLS's, one attempt
};

// ProxyProtocol: whether a backend is told first whose connection it is.
enum class ProxyProtocol : std::uint8_t { off, v2 };

struct Pool {
  std::string name;
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  std::vector<IpAddress> source_addresses;  // at least one per family that its backends use
  std::uint16_t local_port_first = 16'384;  // local ports are drawn from [first, last]
  std::uint16_t local_port_last = 65'535;
  std::shared_ptr<const BackendTls> tls;  // nullptr: plaintext
  std::vector<Backend> backends;
  balance::Plan plan;  // over `backends`, unhealthy ones left out
};

using sallyport::CookieKeys;

struct Snapshot {
  std::uint64_t epoch = 0;          // strictly increasing, one per publication
  std::uint64_t configuration = 0;  // which configuration the parts come from: what handshakes pin
  WallClock wall;
  TscRate tsc_rate;
  bool draining = false;  // accept nothing new; existing connections finish or time out
  CookieKeys cookie_keys;
  // Parts that outlive one snapshot are shared.
  std::shared_ptr<const tls::TicketKeys> ticket_keys;
  std::shared_ptr<const std::vector<Interface>> interfaces;
  std::shared_ptr<const std::vector<Listener>> listeners;  // by address: workers search by halves
  std::shared_ptr<const std::vector<Pool>> pools;
};

}  // namespace sallyport::snapshot
