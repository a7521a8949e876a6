// Configurations that the tests start from.
#pragma once
#include <string_view>

namespace sallyport::config {

inline constexpr std::string_view kSmallest = R"([[port]]
name = "wan0"
device = "net_tap0"

[[interface]]
port = "wan0"
addresses = "198.18.0.1/24"

[[listener]]
name = "web"
address = "198.18.0.10:443"
pool = "web"

[[pool]]
name = "web"
backends = [{ address = "198.18.0.20:8080" }]
)";

inline constexpr std::string_view kComplete = R"([dataplane]
name = "edge-1"
io_lcores = [1, 2]
max_connections = 20_000
max_sessions = 1000
huge_pages = "off"
memory_megabytes = 512
frames_per_lcore = 16384
allow_rsa_on_io = true

[cluster]
secret_file = "cluster.secret"

[[port]]
name = "wan0"
device = "net_tap0,iface=sally0"
mtu = 9000
rx_descriptors = 512
tx_descriptors = 256

[[interface]]
port = "wan0"
vlan = 100
addresses = ["198.18.0.1/24", "2001:db8::1/64"]
gateway4 = "198.18.0.254"
gateway6 = "fe80::1"
routes = [{ to = "198.19.0.0/16", via = "198.18.0.253" }]
mtu = 1500
reply = "gateway"
strays = "silence"

[[listener]]
name = "web"
address = ["198.18.0.10:443", "[2001:db8::10]:443"]
pool = "web"
tcp.syn_mode = "tracked"
tcp.congestion_control = "new_reno"
tcp.ecn = "offer"
tcp.keep_alive_seconds = 75
tls.policy = "modern"
tls.unknown_name = "refuse"
tls.suite_preference = "client"
tls.compress_certificates = false
tls.fingerprints = true
tls.certificates = [
  { chain = "site.pem", key = "site.key", ocsp = "site.ocsp" },
  { chain = "/keys/other.pem", key = "/keys/other.key" },
]
tls.alpn = [{ protocol = "h2", pool = "web-h2" }]
tls.tickets = { enabled = false, lifetime_seconds = 300, psk_only = true, session_ids = false }
limits.handshake_seconds = 20
limits.client_hello_seconds = 3
limits.backend_connect_seconds = 2
limits.idle_seconds = 30
limits.half_close_seconds = 15
limits.client_receive_buffer_bytes = 131072
limits.backend_receive_buffer_bytes = 32768
limits.send_buffer_bytes = 100000
limits.max_connections = 5000
limits.max_handshakes = 600
limits.prefix_handshakes = 40
limits.prefix_connections_per_second = 70

[[pool]]
name = "web"
source_addresses = ["198.18.0.11", "198.18.0.12"]
local_port_first = 20_000
local_port_last = 60_000
balance = "round_robin"
proxy_protocol = "v2"
backends = [
  { address = "198.18.0.20:8080" },
  { address = "198.19.3.4:8080", weight = 2 },
]

[[pool]]
name = "web-h2"
tls.verify = "on"
tls.ca = "backends.pem"
tls.server_name = "app.example"
tls.policy = "modern"
tls.alpn = "h2"
tls.handshake_seconds = 7
backends = [{ address = "[2001:db8::20]:8443" }, { address = "198.18.0.21:80" }]
)";

}  // namespace sallyport::config
