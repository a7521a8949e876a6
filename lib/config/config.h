// Config: what the operator's file says, validated.  Plain values: two files that mean the same
// compare equal.  Everything here has passed the checks of lib/config, so whoever reads it need not
// check again; names are already known to refer to something.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/address.h"

namespace sallyport::config {

enum class HugePages : std::uint8_t { automatic, on, off };
enum class ReplyMode : std::uint8_t { source_mac, gateway };
enum class StrayPolicy : std::uint8_t { reset, silence };
enum class UnknownName : std::uint8_t { show_default, refuse };
enum class SuitePreference : std::uint8_t { server, client };
enum class ClientCertificates : std::uint8_t { off, optional, required };
enum class CongestionControl : std::uint8_t { cubic, new_reno };
enum class SynMode : std::uint8_t { cookies, tracked };
enum class Ecn : std::uint8_t { accept, offer, off };
enum class TlsPolicy : std::uint8_t { modern, intermediate, compatible };
enum class VerifyServer : std::uint8_t { on, off };
enum class BalanceMethod : std::uint8_t { round_robin };
enum class ProxyProtocol : std::uint8_t { off, v2 };

struct Dataplane {
  std::string name = "sallyport";  // of this instance: EAL's file prefix, sallyctl --instance
  std::vector<std::uint16_t> io_lcores{1};
  std::uint32_t max_connections = 32'768;  // per appliance
  std::uint32_t max_sessions = 16'384;     // per appliance, under session IDs; 0: none
  HugePages huge_pages = HugePages::automatic;
  std::uint32_t memory_megabytes = 0;       // without huge pages: 0 = as much as the pools need
  std::uint32_t frames_per_lcore = 32'768;  // receive and transmit buffers together
  bool allow_rsa_on_io = false;
  friend bool operator==(const Dataplane&, const Dataplane&) = default;
};

struct Cluster {
  std::string secret_file;  // absolute path; empty: a secret is drawn at start
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

struct Port {
  std::string name;
  std::string device;   // PCI address, or a virtual device with its arguments
  std::string profile;  // file of drivers-config/, without ".toml"; empty: none
  std::uint16_t mtu = 1500;
  std::uint16_t rx_descriptors = 1024;
  std::uint16_t tx_descriptors = 1024;
  friend bool operator==(const Port&, const Port&) = default;
};

struct Route {
  IpPrefix to;
  IpAddress via;
  friend bool operator==(const Route&, const Route&) = default;
};

struct Interface {
  std::string port;
  std::uint16_t vlan = 0;           // 0: untagged
  std::vector<IpPrefix> addresses;  // host part kept
  std::optional<IpAddress> gateway4;
  std::optional<IpAddress> gateway6;
  std::vector<Route> routes;
  std::uint16_t mtu = 0;  // 0 in the file: the port's; never 0 here after validation
  ReplyMode reply = ReplyMode::source_mac;
  StrayPolicy strays = StrayPolicy::reset;
  friend bool operator==(const Interface&, const Interface&) = default;
};

// CertificateFiles: absolute paths.
struct CertificateFiles {
  std::string chain;
  std::string key;
  std::string ocsp;  // empty: nothing is stapled
  friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

struct AlpnRule {
  std::string protocol;
  std::string pool;
  friend bool operator==(const AlpnRule&, const AlpnRule&) = default;
};

struct Tickets {
  bool enabled = true;
  std::uint32_t lifetime_seconds = 7'200;
  bool psk_only = false;
  bool session_ids = true;
  // keeps_sessions: of TLS 1.2, for clients that name them by an ID.
  [[nodiscard]] bool keeps_sessions() const noexcept { return enabled && session_ids; }
  friend bool operator==(const Tickets&, const Tickets&) = default;
};

struct Tls {
  TlsPolicy policy = TlsPolicy::intermediate;
  UnknownName unknown_name = UnknownName::show_default;
  SuitePreference suite_preference = SuitePreference::server;
  bool compress_certificates = true;
  std::vector<CertificateFiles> certificates;  // empty: one is made at start
  std::vector<AlpnRule> alpn;                  // in order of preference
  Tickets tickets;
  ClientCertificates client_certificates = ClientCertificates::off;
  std::string client_ca;   // absolute paths
  std::string client_crl;  // empty: nobody is ever revoked
  std::uint32_t client_depth = 2;
  bool fingerprints = false;
  friend bool operator==(const Tls&, const Tls&) = default;
};

struct Limits {
  std::uint32_t handshake_seconds = 10;
  std::uint32_t client_hello_seconds = 5;
  std::uint32_t backend_connect_seconds = 1;
  std::uint32_t idle_seconds = 300;
  std::uint32_t half_close_seconds = 60;
  std::uint32_t client_receive_buffer_bytes = 4'194'304;
  std::uint32_t backend_receive_buffer_bytes = 4'194'304;
  std::uint32_t send_buffer_bytes = 4'194'304;
  std::uint32_t max_connections = 0;
  std::uint32_t max_handshakes = 0;
  std::uint32_t prefix_handshakes = 0;
  std::uint32_t prefix_connections_per_second = 0;
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct TcpPolicy {
  SynMode syn_mode = SynMode::cookies;
  CongestionControl congestion_control = CongestionControl::cubic;
  Ecn ecn = Ecn::accept;
  std::uint32_t keep_alive_seconds = 0;
  friend bool operator==(const TcpPolicy&, const TcpPolicy&) = default;
};

struct Listener {
  std::string name;
  std::vector<SocketAddress> addresses;
  std::string pool;
  TcpPolicy tcp;
  Tls tls;
  Limits limits;
  friend bool operator==(const Listener&, const Listener&) = default;
};

struct Backend {
  SocketAddress address;
  std::uint32_t weight = 1;  // 0: takes no new connections
  friend bool operator==(const Backend&, const Backend&) = default;
};

// PoolTls stands where backends are spoken to in TLS.
struct PoolTls {
  VerifyServer verify = VerifyServer::on;
  std::string ca;           // absolute path; empty: whom the system trusts
  std::string server_name;  // host name or address; empty only where nothing is verified
  TlsPolicy policy = TlsPolicy::intermediate;
  std::string alpn;  // empty: none is asked for
  std::uint32_t handshake_seconds = 3;
  friend bool operator==(const PoolTls&, const PoolTls&) = default;
};

struct Pool {
  std::string name;
  std::vector<IpAddress> source_addresses;
  std::uint16_t local_port_first = 16'384;
  std::uint16_t local_port_last = 65'535;
  BalanceMethod balance = BalanceMethod::round_robin;
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  std::optional<PoolTls> tls;  // nothing: plaintext
  std::vector<Backend> backends;
  friend bool operator==(const Pool&, const Pool&) = default;
};

struct Config {
  Dataplane dataplane;
  Cluster cluster;
  std::vector<Port> ports;
  std::vector<Interface> interfaces;
  std::vector<Listener> listeners;
  std::vector<Pool> pools;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace sallyport::config
