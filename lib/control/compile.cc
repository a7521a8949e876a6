#include "lib/control/compile.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/base/check.h"
#include "lib/config/topology.h"
#include "lib/control/client_auth.h"
#include "lib/control/tls_policy.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::control {
namespace {

template <class T>
std::uint16_t index_of(const std::vector<T>& items, const std::string& name) {
  const auto found = std::ranges::find(items, name, &T::name);
  SALLYPORT_CHECK(found != items.end());
  return static_cast<std::uint16_t>(found - items.begin());
}

class Compiler {
 public:
  explicit Compiler(const CompileInput& input) : input_{input}, config_{input.config} {
    SALLYPORT_CHECK(input.ports.size() == config_.ports.size());
    SALLYPORT_CHECK(input.credentials.size() == config_.listeners.size());
  }

  Compiled run() {
    for (const config::Interface& interface : config_.interfaces) add_interface(interface);
    for (std::size_t i = 0; i < config_.pools.size(); ++i) add_pool(i);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) add_listener(i);
    for (snapshot::Interface& interface : interfaces_) {
      std::ranges::stable_sort(interface.routes, std::ranges::greater{},
                               [](const snapshot::Route& r) { return r.destination.length; });
    }
    std::ranges::sort(listeners_, {}, &snapshot::Listener::address);
    return {
        .interfaces =
            std::make_shared<const std::vector<snapshot::Interface>>(std::move(interfaces_)),
        .listeners = std::make_shared<const std::vector<snapshot::Listener>>(std::move(listeners_)),
        .pools = std::make_shared<const std::vector<snapshot::Pool>>(std::move(pools_)),
    };
  }

 private:
  void add_interface(const config::Interface& from) {
    snapshot::Interface& interface = interfaces_.emplace_back();
    const std::uint16_t port = index_of(config_.ports, from.port);
    interface.port = static_cast<std::uint8_t>(port);
    interface.vlan = from.vlan;
    interface.mac = input_.ports[port].mac;
    interface.mtu = from.mtu;
    interface.reply = from.reply == config::ReplyMode::gateway ? snapshot::ReplyMode::gateway
                                                               : snapshot::ReplyMode::source_mac;
    interface.strays = from.strays == config::StrayPolicy::silence ? snapshot::StrayPolicy::silence
                                                                   : snapshot::StrayPolicy::reset;
    interface.addresses = from.addresses;
    for (const IpPrefix& prefix : from.addresses) add_local(interface, prefix.address);
    for (const config::Route& route : from.routes) {
      interface.routes.push_back({route.to, next_hop(interface, route.via)});
    }
    // A gateway is the route to everything else.
    if (from.gateway4) {
      interface.routes.push_back(
          {IpPrefix{IpAddress::v4({}), 0}, next_hop(interface, *from.gateway4)});
    }
    if (from.gateway6) {
      interface.routes.push_back({IpPrefix{IpAddress{}, 0}, next_hop(interface, *from.gateway6)});
    }
  }

  void add_pool(std::size_t index) {
    const config::Pool& from = config_.pools[index];
    snapshot::Pool& pool = pools_.emplace_back();
    pool.name = from.name;
    if (from.proxy_protocol == config::ProxyProtocol::v2) {
      pool.proxy_protocol = snapshot::ProxyProtocol::v2;
    }
    pool.source_addresses = from.source_addresses;
    pool.local_port_first = from.local_port_first;
    pool.local_port_last = from.local_port_last;
    for (const IpAddress& source : from.source_addresses) {
      add_local(interfaces_[*config::link_of(config_, source)], source);
    }
    if (from.tls) pool.tls = backend_tls_of(*from.tls, index);
    std::vector<balance::Candidate> candidates;
    for (const config::Backend& backend : from.backends) {
      const auto way = config::way_to(config_, backend.address.ip);
      SALLYPORT_CHECK(way.has_value());
      pool.backends.push_back({.address = backend.address,
                               .weight = backend.weight,
                               .healthy = true,
                               .interface = {static_cast<std::uint16_t>(way->interface)},
                               .next_hop = next_hop(interfaces_[way->interface], way->next_hop),
                               .counter = num_backends_,
                               .sessions = from.tls ? sessions_of_next() : kNoSessions});
      if (num_backends_ + 1U < stats::kMaxBackends) ++num_backends_;
      candidates.push_back({.weight = backend.weight, .healthy = true});
    }
    pool.plan = balance::Plan{balance::Method::round_robin, candidates};
  }

  [[nodiscard]] std::shared_ptr<const snapshot::BackendTls> backend_tls_of(
      const config::PoolTls& from, std::size_t pool) const {
    auto tls = std::make_shared<snapshot::BackendTls>();
    apply_policy(from.policy, tls->client);
    leave_out_missing(tls->client.groups);
    // [RFC 6066 3] names hosts, not their addresses.
    if (!parse_ip(from.server_name)) tls->client.server_name = from.server_name;
    if (!from.alpn.empty()) tls->client.alpn_protocols = {from.alpn};
    tls->client.authority = {
        .index = static_cast<std::uint32_t>(input_.clients.of_listener.size() + pool),
        .generation = input_.clients.generation};
    tls->handshake = input_.tsc_rate.ticks(seconds{from.handshake_seconds});
    return tls;
  }
  void leave_out_missing(std::vector<crypto::NamedGroup>& groups) const {
    std::erase_if(groups, [this](crypto::NamedGroup group) {
      return std::ranges::find(input_.missing_groups, group) != input_.missing_groups.end();
    });
  }
  [[nodiscard]] std::uint16_t sessions_of_next() noexcept {
    return num_session_places_ < config::kMaxSessionPlaces ? num_session_places_++ : kNoSessions;
  }

  void add_listener(std::size_t index) {
    const config::Listener& from = config_.listeners[index];
    SALLYPORT_CHECK(!input_.credentials[index].empty());
    auto tls = std::make_shared<tls::ServerConfig>();
    tls->credentials = input_.credentials[index];
    tls->unknown_name = from.tls.unknown_name == config::UnknownName::refuse
                            ? tls::UnknownName::refuse
                            : tls::UnknownName::show_default;
    apply_policy(from.tls.policy, *tls);
    leave_out_missing(tls->groups);
    tls->fingerprints = from.tls.fingerprints;
    if (from.tls.suite_preference == config::SuitePreference::client) {
      tls->suite_preference = tls::SuitePreference::client;
    }
    // Appliances know a listener by its name, so that names the domain of its tickets.
    tls->tickets = {.enabled = from.tls.tickets.enabled,
                    .session_ids = from.tls.tickets.keeps_sessions(),
                    .psk_only = from.tls.tickets.psk_only,
                    .lifetime_seconds = from.tls.tickets.lifetime_seconds,
                    .domain = from.name};
    if (index < input_.clients.of_listener.size()) {
      const crypto::AuthorityId id{static_cast<std::uint32_t>(index), input_.clients.generation};
      ask_clients(from.tls.client_certificates, input_.clients.of_listener[index].get(), id, *tls);
    }
    std::vector<snapshot::PoolIndex> alpn_pools;
    for (const config::AlpnRule& rule : from.tls.alpn) {
      tls->alpn_protocols.push_back(rule.protocol);
      alpn_pools.push_back({index_of(config_.pools, rule.pool)});
    }
    const auto wants_header = [this](snapshot::PoolIndex pool) {
      return pools_[pool.value].proxy_protocol != snapshot::ProxyProtocol::off;
    };
    const snapshot::PoolIndex own_pool{index_of(config_.pools, from.pool)};
    const bool keeps_hello_notes = from.tls.fingerprints || wants_header(own_pool) ||
                                   std::ranges::any_of(alpn_pools, wants_header);
    for (const SocketAddress& address : from.addresses) {
      const std::size_t interface = *config::link_of(config_, address.ip);
      add_local(interfaces_[interface], address.ip);
      listeners_.push_back({.name = from.name,
                            .address = address,
                            .group = static_cast<std::uint16_t>(index),
                            .interface = {static_cast<std::uint16_t>(interface)},
                            .pool = own_pool,
                            .tls = tls,
                            .alpn_pools = alpn_pools,
                            .keeps_hello_notes = keeps_hello_notes,
                            .tcp = tcp_policy_of(from.tcp),
                            .limits = limits_of(from.limits)});
    }
  }

  static snapshot::TcpPolicy tcp_policy_of(const config::TcpPolicy& from) {
    const auto ecn_policy = [](config::Ecn ecn) {
      switch (ecn) {
        case config::Ecn::accept:
          break;
        case config::Ecn::offer:
          return snapshot::EcnPolicy::offer;
        case config::Ecn::off:
          return snapshot::EcnPolicy::off;
      }
      return snapshot::EcnPolicy::accept;
    };
    return {.syn_mode = from.syn_mode == config::SynMode::tracked ? snapshot::SynMode::tracked
                                                                  : snapshot::SynMode::cookies,
            .congestion_control = from.congestion_control == config::CongestionControl::new_reno
                                      ? snapshot::CongestionControl::new_reno
                                      : snapshot::CongestionControl::cubic,
            .ecn = ecn_policy(from.ecn),
            .keep_alive_seconds = static_cast<std::uint16_t>(from.keep_alive_seconds)};
  }

  [[nodiscard]] snapshot::Limits limits_of(const config::Limits& from) const {
    const auto ticks = [&](std::uint32_t n) { return input_.tsc_rate.ticks(seconds{n}); };
    return {.handshake = ticks(from.handshake_seconds),
            .client_hello = ticks(from.client_hello_seconds),
            .backend_connect = ticks(from.backend_connect_seconds),
            .idle = ticks(from.idle_seconds),
            .half_close = ticks(from.half_close_seconds),
            .client_receive_buffer = from.client_receive_buffer_bytes,
            .backend_receive_buffer = from.backend_receive_buffer_bytes,
            .send_buffer = from.send_buffer_bytes,
            .max_connections = share(from.max_connections),
            .max_handshakes = share(from.max_handshakes),
            .prefix_handshakes = share_of_prefix(from.prefix_handshakes),
            .prefix_connections_per_second = share_of_prefix(from.prefix_connections_per_second)};
  }
  // share is what one worker may have of `total`, with a quarter more because clients do not spread
  // evenly; 0 stays 0, which is no limit.
  [[nodiscard]] std::uint32_t share(std::uint32_t total) const {
    const auto num_workers = static_cast<std::uint32_t>(config_.dataplane.io_lcores.size());
    if (total == 0 || num_workers == 1) return total;
    return total / num_workers + total / num_workers / 4 + 1;
  }

  // share_of_prefix is the same for limits that are small numbers, which come to workers as dice
  // fall: what is expected of one and three standard deviations.
  [[nodiscard]] std::uint32_t share_of_prefix(std::uint32_t total) const {
    const double expected =
        static_cast<double>(total) / static_cast<double>(config_.dataplane.io_lcores.size());
    return std::min(total,
                    static_cast<std::uint32_t>(std::ceil(expected + 3 * std::sqrt(expected))));
  }

  static void add_local(snapshot::Interface& interface, const IpAddress& ip) {
    if (std::ranges::find(interface.local_ips, ip) == interface.local_ips.end()) {
      interface.local_ips.push_back(ip);
    }
  }

  // next_hop returns the index of `ip` among the next hops, and adds it when it is new.
  static std::uint16_t next_hop(snapshot::Interface& interface, const IpAddress& ip) {
    auto& hops = interface.next_hops;
    const auto found = std::ranges::find(hops, ip, &snapshot::NextHop::ip);
    const auto index = static_cast<std::uint16_t>(found - hops.begin());
    if (found == hops.end()) hops.push_back({.ip = ip, .mac = {}, .resolved = false});
    return index;
  }

  static constexpr std::uint16_t kNoSessions = snapshot::Backend::kNoSessions;

  const CompileInput& input_;
  const config::Config& config_;
  std::vector<snapshot::Interface> interfaces_;
  std::vector<snapshot::Listener> listeners_;
  std::vector<snapshot::Pool> pools_;
  std::uint16_t num_backends_ = 0;
  std::uint16_t num_session_places_ = 0;
};

}  // namespace

Compiled compile(const CompileInput& input) { return Compiler{input}.run(); }

}  // namespace sallyport::control
