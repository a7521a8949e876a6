#include "lib/config/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/config/text.h"
#include "lib/config/topology.h"

namespace sallyport::config {
namespace {

std::string item(std::string_view name, std::size_t index) {
  return std::string{name} + "[" + std::to_string(index) + "]";
}

std::string_view family_of(const IpAddress& ip) { return ip.is_v4() ? "IPv4" : "IPv6"; }

// is_host: an address that one machine can have and that packets can be sent to.
bool is_host(const IpAddress& ip) {
  return !ip.is_unspecified() && !ip.is_multicast_or_broadcast() && !ip.is_loopback() &&
         !(ip.is_v4() && ip.octets4()[0] == 0);
}

// is_host_name: [RFC 1123 2.1] labels of letters, digits and hyphens, which some write underscores
// into.
bool is_host_name(std::string_view name) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::size_t label = 0;
  char before = '.';
  for (const char c : name) {
    const bool is_between = is_inner(before);
    if (c == '.' ? !is_between : !is_inner(c) && (c != '-' || before == '.')) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
    before = c;
  }
  return is_inner(before);
}

class Checker {
 public:
  Checker(Config& config, const Positions& positions, Diagnostics& diagnostics)
      : config_{config}, positions_{positions}, diagnostics_{diagnostics} {}

  void run() {
    check_dataplane();
    check_ports();
    check_names(config_.listeners, "listener");
    check_names(config_.pools, "pool");
    for (std::size_t i = 0; i < config_.interfaces.size(); ++i) check_interface(i);
    check_networks();
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) check_listener(i);
    check_listener_addresses();
    for (std::size_t i = 0; i < config_.pools.size(); ++i) check_pool(i);
    check_local_ports();
    check_unused();
  }

 private:
  void error(const std::string& path, std::string message, std::string remedy) {
    diagnostics_.error(positions_.of(path), std::move(message), std::move(remedy));
  }
  void warning(const std::string& path, std::string message, std::string remedy) {
    diagnostics_.warning(positions_.of(path), std::move(message), std::move(remedy));
  }
  // line_of says where something stands, for messages that name two places.
  [[nodiscard]] std::string line_of(const std::string& path) const {
    return "line " + std::to_string(positions_.of(path).line);
  }

  template <class T>
  void check_names(const std::vector<T>& items, std::string_view kind) {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto [first, is_new] = seen.emplace(items[i].name, i);
      if (is_new) continue;
      error(item(kind, i) + ".name",
            "a " + std::string{kind} + " named " + in_quotes(items[i].name) + " stands in " +
                line_of(item(kind, first->second) + ".name") + " already",
            "Give each " + std::string{kind} + " a name of its own.");
    }
  }

  void check_dataplane() {
    std::set<std::uint16_t> seen;
    for (std::size_t i = 0; i < config_.dataplane.io_lcores.size(); ++i) {
      const std::uint16_t lcore = config_.dataplane.io_lcores[i];
      if (seen.insert(lcore).second) continue;
      error(item("dataplane.io_lcores", i), "core " + std::to_string(lcore) + " is listed twice",
            "List each core once.");
    }
    if (config_.dataplane.io_lcores.empty()) {
      error("dataplane.io_lcores", "`dataplane.io_lcores` is empty",
            "List at least one core; packets need one.");
    }
  }

  void check_ports() {
    check_names(config_.ports, "port");
    std::map<std::string_view, std::size_t> devices;
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      // "net_tap0,iface=a" and "net_tap0,iface=b" are one device.
      const std::string_view device = config_.ports[i].device;
      const auto [first, is_new] = devices.emplace(device.substr(0, device.find(',')), i);
      if (is_new) continue;
      error(item("port", i) + ".device",
            "device " + in_quotes(first->first) + " is used by port " +
                in_quotes(config_.ports[first->second].name) + " already",
            "Name another device; VLANs of one device are [[interface]]s of one port.");
    }
  }

  [[nodiscard]] const Port* find_port(std::string_view name) const {
    const auto found = std::ranges::find(config_.ports, name, &Port::name);
    return found == config_.ports.end() ? nullptr : &*found;
  }
  [[nodiscard]] const Pool* find_pool(std::string_view name) const {
    const auto found = std::ranges::find(config_.pools, name, &Pool::name);
    return found == config_.pools.end() ? nullptr : &*found;
  }

  void check_interface(std::size_t index) {
    Interface& interface = config_.interfaces[index];
    const std::string path = item("interface", index);
    const Port* port = find_port(interface.port);
    if (port == nullptr) {
      error(path + ".port", "there is no port " + in_quotes(interface.port),
            "Name one of the [[port]]s, or add it.");
    } else {
      if (interface.mtu == 0) interface.mtu = port->mtu;
      if (interface.mtu > port->mtu) {
        error(path + ".mtu",
              "`interface.mtu` " + std::to_string(interface.mtu) + " is more than the " +
                  std::to_string(port->mtu) + " of port " + in_quotes(port->name),
              "Lower it, or raise `mtu` of the port.");
      }
    }
    for (std::size_t i = 0; i < index; ++i) {
      const Interface& other = config_.interfaces[i];
      if (other.port != interface.port || other.vlan != interface.vlan) continue;
      error(path + ".port",
            "port " + in_quotes(interface.port) + " with VLAN " + std::to_string(interface.vlan) +
                " has an [[interface]] in " + line_of(item("interface", i)) + " already",
            "List all addresses in one [[interface]], or set another `vlan`.");
    }
    bool has_v6 = false;
    for (std::size_t i = 0; i < interface.addresses.size(); ++i) {
      check_own_address(item(path + ".addresses", i), interface.addresses[i]);
      has_v6 = has_v6 || !interface.addresses[i].address.is_v4();
    }
    constexpr std::uint16_t kSmallestIpv6Mtu = 1280;  // [RFC 8200 5]
    if (has_v6 && interface.mtu != 0 && interface.mtu < kSmallestIpv6Mtu) {
      error(path + ".mtu",
            "IPv6 needs an MTU of at least 1280 bytes, not " + std::to_string(interface.mtu),
            "Raise `mtu`, or remove the IPv6 addresses.");
    }
    check_router(path + ".gateway4", interface.gateway4, index, true);
    check_router(path + ".gateway6", interface.gateway6, index, false);
    for (std::size_t i = 0; i < interface.routes.size(); ++i) {
      const Route& route = interface.routes[i];
      const std::string route_path = item(path + ".routes", i);
      if (route.to.length == 0) {
        error(route_path + ".to", "a route to every address is a gateway",
              "Write it as `gateway4` or `gateway6` of the interface.");
      }
      check_router(route_path + ".via", route.via, index, route.to.address.is_v4());
    }
  }

  void check_own_address(const std::string& path, const IpPrefix& prefix) {
    const IpAddress& ip = prefix.address;
    if (!is_host(ip)) {
      error(path, to_string(ip) + " is no address that a host can have",
            "Write an own unicast address.");
      return;
    }
    if (prefix.length == 0) {
      error(path, to_string(prefix) + " would make every address a neighbour",
            "Write the length of the network's prefix, for example /24.");
      return;
    }
    // [RFC 1122 3.2.1.3] all-zero and all-one host parts are the network and its broadcast; a /31
    // has neither (RFC 3021).
    if (!ip.is_v4() || prefix.length > 30) return;
    const auto octets = ip.octets4();
    const std::uint32_t value = (std::uint32_t{octets[0]} << 24U) |
                                (std::uint32_t{octets[1]} << 16U) |
                                (std::uint32_t{octets[2]} << 8U) | octets[3];
    const std::uint32_t host_mask = 0xffff'ffffU >> prefix.length;
    if ((value & host_mask) == 0 || (value & host_mask) == host_mask) {
      error(path,
            to_string(ip) + " is the network or broadcast address of " +
                to_string(network_of(prefix)),
            "Write the address of a host in that network.");
    }
  }

  void check_router(const std::string& path, const std::optional<IpAddress>& router,
                    std::size_t interface, bool is_v4) {
    if (!router) return;
    if (router->is_v4() != is_v4) {
      error(path, to_string(*router) + " is " + std::string{family_of(*router)},
            std::string{"Write an "} + (is_v4 ? "IPv4" : "IPv6") + " address.");
      return;
    }
    if (!is_host(*router) || owner_of(config_, *router)) {
      error(path, to_string(*router) + " cannot be a router's address",
            "Write the address of the router on this link.");
      return;
    }
    const auto& addresses = config_.interfaces[interface].addresses;
    const bool on_link = std::ranges::any_of(
        addresses, [&](const IpPrefix& prefix) { return prefix.contains(*router); });
    const bool link_local =
        router->is_link_local_v6() &&
        std::ranges::any_of(addresses, [](const IpPrefix& p) { return !p.address.is_v4(); });
    if (!on_link && !link_local) {
      error(path, "router " + to_string(*router) + " is in no network of this interface",
            "Add the network to `addresses`, or correct the router's address.");
    }
  }

  // check_networks: an address or a network on two interfaces would leave the way out to chance.
  void check_networks() {
    std::map<IpAddress, std::string> owners;
    std::map<std::pair<IpAddress, std::uint8_t>, std::pair<std::size_t, std::string>> networks;
    for (std::size_t i = 0; i < config_.interfaces.size(); ++i) {
      for (std::size_t j = 0; j < config_.interfaces[i].addresses.size(); ++j) {
        const IpPrefix& prefix = config_.interfaces[i].addresses[j];
        const std::string path = item(item("interface", i) + ".addresses", j);
        const auto [owner, is_new] = owners.emplace(prefix.address, path);
        if (!is_new) {
          error(path,
                "address " + to_string(prefix.address) + " stands in " + line_of(owner->second) +
                    " already",
                "List each address once.");
          continue;
        }
        const IpPrefix network = network_of(prefix);
        const auto [first, is_new_network] =
            networks.emplace(std::pair{network.address, network.length}, std::pair{i, path});
        if (is_new_network || first->second.first == i || network.address.is_link_local_v6()) {
          continue;
        }
        error(path,
              "network " + to_string(network) + " is on another interface too, in " +
                  line_of(first->second.second),
              "Give each interface its own network.");
      }
    }
  }

  void check_listener(std::size_t index) {
    const Listener& listener = config_.listeners[index];
    const std::string path = item("listener", index);
    if (find_pool(listener.pool) == nullptr) {
      error(path + ".pool", "there is no pool " + in_quotes(listener.pool),
            "Name one of the [[pool]]s, or add it.");
    }
    check_client_certificates(listener.tls, path + ".tls");
    std::set<std::string_view> protocols;
    for (std::size_t i = 0; i < listener.tls.alpn.size(); ++i) {
      const AlpnRule& rule = listener.tls.alpn[i];
      const std::string rule_path = item(path + ".tls.alpn", i);
      if (!protocols.insert(rule.protocol).second) {
        error(rule_path + ".protocol", "protocol " + in_quotes(rule.protocol) + " is listed twice",
              "List each protocol once.");
      }
      const Pool* const pool = find_pool(rule.pool);
      if (pool == nullptr) {
        error(rule_path + ".pool", "there is no pool " + in_quotes(rule.pool),
              "Name one of the [[pool]]s, or add it.");
      } else if (pool->tls && !pool->tls->alpn.empty() && pool->tls->alpn != rule.protocol) {
        error(rule_path + ".pool",
              "clients that speak " + in_quotes(rule.protocol) + " go to pool " +
                  in_quotes(rule.pool) + ", whose backends are asked for " +
                  in_quotes(pool->tls->alpn),
              "Name a pool whose backends speak it, or correct `tls.alpn` of the pool.");
      }
    }
    if (listener.limits.client_hello_seconds > listener.limits.handshake_seconds) {
      error(path + ".limits.client_hello_seconds",
            "`client_hello_seconds` " + std::to_string(listener.limits.client_hello_seconds) +
                " is longer than the whole handshake may take (" +
                std::to_string(listener.limits.handshake_seconds) + ")",
            "Lower it, or raise `handshake_seconds`.");
    }
    for (std::size_t i = 0; i < listener.addresses.size(); ++i) {
      check_listener_address(address_path(index, i), listener.addresses[i]);
    }
  }

  // A single address may stand in the file without an array.
  [[nodiscard]] static std::string address_path(std::size_t listener, std::size_t i) {
    return item(item("listener", listener) + ".address", i);
  }

  void check_listener_address(const std::string& path, const SocketAddress& address) {
    if (address.port == 0) {
      error(path, "a listener cannot have port 0", "Write the port that clients connect to.");
      return;
    }
    if (!is_host(address.ip) || address.ip.is_link_local_v6()) {
      error(path, to_string(address.ip) + " is no address that clients can connect to",
            "Write an own unicast address.");
      return;
    }
    const auto link = link_of(config_, address.ip);
    if (!link) {
      error(path, to_string(address.ip) + " is in no network of any [[interface]]",
            "Add it to `addresses` of the interface that clients reach it by, for example \"" +
                to_string(address.ip) + (address.ip.is_v4() ? "/32\"." : "/128\"."));
      return;
    }
    const Interface& interface = config_.interfaces[*link];
    const auto& gateway = address.ip.is_v4() ? interface.gateway4 : interface.gateway6;
    if (interface.reply == ReplyMode::gateway && !gateway) {
      error(path,
            "answers to clients of " + to_string(address) +
                " go to the gateway, but the interface has none for " +
                std::string{family_of(address.ip)},
            std::string{"Set `"} + (address.ip.is_v4() ? "gateway4" : "gateway6") +
                "` of the interface in " + line_of(item("interface", *link)) +
                ", or reply = \"source_mac\".");
    }
  }

  void check_client_certificates(const Tls& tls, const std::string& path) {
    if (tls.client_certificates != ClientCertificates::off) {
      if (!tls.client_ca.empty()) return;
      error(path + ".client_certificates",
            "clients are asked for certificates, but nobody may vouch for them",
            "Set `tls.client_ca` to a PEM file with the authorities.");
    } else if (!tls.client_ca.empty() || !tls.client_crl.empty()) {
      warning(path + (tls.client_ca.empty() ? ".client_crl" : ".client_ca"),
              "clients are not asked for certificates, so this file is not used",
              "Set `tls.client_certificates` to \"optional\" or \"required\", or remove it.");
    }
  }

  void check_listener_addresses() {
    std::map<SocketAddress, std::pair<std::size_t, std::size_t>> seen;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      for (std::size_t j = 0; j < config_.listeners[i].addresses.size(); ++j) {
        const SocketAddress& address = config_.listeners[i].addresses[j];
        const auto [first, is_new] = seen.emplace(address, std::pair{i, j});
        if (is_new) continue;
        error(address_path(i, j),
              "listener " + in_quotes(config_.listeners[first->second.first].name) + " in " +
                  line_of(address_path(first->second.first, first->second.second)) +
                  " has address " + to_string(address) + " already",
              "Use another address or port; certificates of one address are chosen by name.");
      }
    }
    for (const auto& [address, where] : seen) listener_addresses_.insert(address);
  }

  void check_pool(std::size_t index) {
    Pool& pool = config_.pools[index];
    const std::string path = item("pool", index);
    if (pool.local_port_first > pool.local_port_last) {
      error(path + ".local_port_first",
            "`local_port_first` " + std::to_string(pool.local_port_first) + " is above " +
                std::to_string(pool.local_port_last) + ", the last one",
            "Exchange `local_port_first` and `local_port_last`.");
      return;
    }
    check_sources(pool, path);
    if (pool.tls) check_pool_tls(pool, path + ".tls");
    std::set<SocketAddress> seen;
    bool usable = true;
    for (std::size_t i = 0; i < pool.backends.size(); ++i) {
      const Backend& backend = pool.backends[i];
      const std::string backend_path = item(path + ".backends", i) + ".address";
      if (!seen.insert(backend.address).second) {
        error(backend_path, "backend " + to_string(backend.address) + " is listed twice",
              "List it once, with a higher `weight`.");
      }
      usable = check_backend(pool, backend.address, backend_path) && usable;
    }
    if (std::ranges::all_of(pool.backends, [](const Backend& b) { return b.weight == 0; })) {
      error(path + ".backends", "every backend of pool " + in_quotes(pool.name) + " has weight 0",
            "Give at least one backend a weight above 0.");
      usable = false;
    }
    if (usable) check_capacity(pool, path);
  }

  void check_pool_tls(const Pool& pool, const std::string& path) {
    const PoolTls& tls = *pool.tls;
    if (!tls.server_name.empty() && !parse_ip(tls.server_name) && !is_host_name(tls.server_name)) {
      error(path + ".server_name",
            in_quotes(tls.server_name) + " is neither a host name nor an address",
            "Write it as it stands in the certificate, without a port: \"app.example\".");
    }
    if (tls.verify == VerifyServer::on) {
      if (!tls.server_name.empty()) return;
      error(path,
            "the certificates of pool " + in_quotes(pool.name) +
                " are to be verified, but it is not said whose they have to be",
            "Set `tls.server_name`.");
      return;
    }
    warning(path + ".verify",
            "the backends of pool " + in_quotes(pool.name) +
                " are not verified: whoever can redirect packets to them reads everything",
            "Set `tls.ca` and `tls.server_name`, and remove this line.");
    if (!tls.ca.empty()) {
      warning(path + ".ca", "backends are not verified, so this file is not used",
              "Remove it, or set `tls.verify` to \"on\".");
    }
  }

  void check_sources(const Pool& pool, const std::string& path) {
    std::set<IpAddress> seen;
    for (std::size_t i = 0; i < pool.source_addresses.size(); ++i) {
      const IpAddress& source = pool.source_addresses[i];
      const std::string source_path = item(path + ".source_addresses", i);
      if (!seen.insert(source).second) {
        error(source_path, "source address " + to_string(source) + " is listed twice",
              "List each address once.");
      } else if (!is_host(source) || source.is_link_local_v6()) {
        error(source_path, to_string(source) + " is no address that backends can answer to",
              "Write an own unicast address.");
      } else if (!link_of(config_, source)) {
        error(source_path, to_string(source) + " is in no network of any [[interface]]",
              "Use an address of a network that is listed in `addresses` of an [[interface]].");
      }
    }
  }

  // check_backend also draws the pool's default source address for the backend's family.
  bool check_backend(Pool& pool, const SocketAddress& backend, const std::string& path) {
    if (backend.port == 0 || !is_host(backend.ip) || backend.ip.is_link_local_v6()) {
      error(path, to_string(backend) + " is no address that can be connected to",
            "Write the unicast address and the port of a server.");
      return false;
    }
    if (listener_addresses_.contains(backend)) {
      error(path, "backend " + to_string(backend) + " is a listener of this appliance",
            "Write the address of a server; connections would go around in circles.");
      return false;
    }
    if (is_own(backend.ip)) {
      error(path, "backend address " + to_string(backend.ip) + " belongs to this appliance",
            "Write the address of a server; nothing but listeners runs here.");
      return false;
    }
    const auto way = way_to(config_, backend.ip);
    if (!way) {
      error(path, "no interface leads to backend " + to_string(backend.ip),
            std::string{"Add its network to `addresses` of an [[interface]], or set `"} +
                (backend.ip.is_v4() ? "gateway4`." : "gateway6`."));
      return false;
    }
    const Interface& interface = config_.interfaces[way->interface];
    std::size_t num_sources = 0;
    for (const IpAddress& source : pool.source_addresses) {
      if (source.is_v4() != backend.ip.is_v4()) continue;
      ++num_sources;
      if (link_of(config_, source) == way->interface) continue;
      error(path,
            "source address " + to_string(source) + " of pool " + in_quotes(pool.name) +
                " is not on the interface that leads to backend " + to_string(backend.ip),
            "Use source addresses of that interface, and one pool per interface.");
      return false;
    }
    if (num_sources > 0) return true;
    const auto own = std::ranges::find_if(interface.addresses, [&](const IpPrefix& prefix) {
      return prefix.address.is_v4() == backend.ip.is_v4() && !prefix.address.is_link_local_v6();
    });
    if (own == interface.addresses.end()) {
      error(path,
            "pool " + in_quotes(pool.name) + " has no " + std::string{family_of(backend.ip)} +
                " source address for backend " + to_string(backend.ip),
            "Add one to `source_addresses`, or to `addresses` of the interface.");
      return false;
    }
    pool.source_addresses.push_back(own->address);
    return true;
  }

  [[nodiscard]] bool is_own(const IpAddress& ip) const {
    if (owner_of(config_, ip)) return true;
    const auto is_source = [&](const Pool& pool) {
      return std::ranges::find(pool.source_addresses, ip) != pool.source_addresses.end();
    };
    // Any port: what is ours on one port answers ARP on all of them.
    const auto listener = listener_addresses_.lower_bound(SocketAddress{ip, 0});
    return (listener != listener_addresses_.end() && listener->ip == ip) ||
           std::ranges::any_of(config_.pools, is_source);
  }

  // A connection to a backend is told from others by its source address and local port, and finding
  // a free one takes ever more draws as they run out.
  void check_capacity(const Pool& pool, const std::string& path) {
    std::uint64_t pairs = 0;
    for (const Backend& backend : pool.backends) {
      if (backend.weight == 0) continue;
      pairs += static_cast<std::uint64_t>(std::ranges::count_if(
          pool.source_addresses,
          [&](const IpAddress& source) { return source.is_v4() == backend.address.ip.is_v4(); }));
    }
    const std::uint64_t num_ports = pool.local_port_last - pool.local_port_first + 1U;
    const std::uint64_t most = pairs * num_ports * 8 / 10;
    if (config_.dataplane.max_connections <= most) return;
    error(path + ".source_addresses",
          "pool " + in_quotes(pool.name) + " can hold " + std::to_string(most) +
              " connections (80 % of its local ports x source addresses x backends), fewer than "
              "max_connections = " +
              std::to_string(config_.dataplane.max_connections),
          "Add source addresses, or lower `dataplane.max_connections`.");
  }

  // check_local_ports: a listener on an address and port that is also drawn for backend connections
  // would take answers of backends for clients.
  void check_local_ports() {
    for (std::size_t i = 0; i < config_.pools.size(); ++i) {
      const Pool& pool = config_.pools[i];
      for (const IpAddress& source : pool.source_addresses) {
        const auto taken =
            listener_addresses_.lower_bound(SocketAddress{source, pool.local_port_first});
        if (taken == listener_addresses_.end() || taken->ip != source ||
            taken->port > pool.local_port_last) {
          continue;
        }
        error(item("pool", i) + ".source_addresses",
              "listener " + to_string(*taken) + " uses a source address and local port of pool " +
                  in_quotes(pool.name),
              "Use another source address, or a range of local ports without " +
                  std::to_string(taken->port) + ".");
      }
    }
  }

  void check_unused() {
    std::set<std::string_view> used;
    for (const Listener& listener : config_.listeners) {
      used.insert(listener.pool);
      for (const AlpnRule& rule : listener.tls.alpn) used.insert(rule.pool);
    }
    for (std::size_t i = 0; i < config_.pools.size(); ++i) {
      if (used.contains(config_.pools[i].name)) continue;
      warning(item("pool", i) + ".name",
              "no listener uses pool " + in_quotes(config_.pools[i].name),
              "Name it in a [[listener]], or remove it.");
    }
  }

  Config& config_;
  const Positions& positions_;
  Diagnostics& diagnostics_;
  std::set<SocketAddress> listener_addresses_;
};

}  // namespace

void check(Config& config, const Positions& positions, Diagnostics& diagnostics) {
  Checker{config, positions, diagnostics}.run();
}

}  // namespace sallyport::config
