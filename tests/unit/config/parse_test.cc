#include <gtest/gtest.h>

#include <algorithm>

#include "lib/config/bind.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/tls/record.h"
#include "tests/unit/config/example.h"

namespace sallyport::config {
namespace {

TEST(Parse, ReadsTheSmallestConfigurationAndFillsInTheRest) {
  const Parsed parsed = parse(kSmallest, "/etc/sallyport/sallyport.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics.text();
  const Config& config = parsed.config;
  EXPECT_EQ(config.dataplane, Dataplane{});
  EXPECT_EQ(config.interfaces.at(0).mtu, 1500);
  EXPECT_EQ(config.interfaces.at(0).reply, ReplyMode::source_mac);
  EXPECT_EQ(config.listeners.at(0).addresses.at(0), *parse_socket_address("198.18.0.10:443"));
  EXPECT_EQ(config.listeners.at(0).limits, Limits{});
  EXPECT_TRUE(config.listeners.at(0).tls.certificates.empty());
  // The interface's own address, because the file names no other.
  EXPECT_EQ(config.pools.at(0).source_addresses, std::vector{*parse_ip("198.18.0.1")});
  EXPECT_EQ(config.pools.at(0).backends.at(0).weight, 1U);
}

TEST(Parse, ReadsEveryKey) {
  const Parsed parsed = parse(kComplete, "/etc/sallyport/sallyport.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics.text();
  const Config& config = parsed.config;
  EXPECT_EQ(config.dataplane.name, "edge-1");
  EXPECT_EQ(config.dataplane.io_lcores, (std::vector<std::uint16_t>{1, 2}));
  EXPECT_EQ(config.dataplane.huge_pages, HugePages::off);
  EXPECT_TRUE(config.dataplane.allow_rsa_on_io);
  EXPECT_EQ(config.cluster.secret_file, "/etc/sallyport/cluster.secret");
  EXPECT_EQ(config.ports.at(0).device, "net_tap0,iface=sally0");
  const Interface& interface = config.interfaces.at(0);
  EXPECT_EQ(interface.vlan, 100);
  EXPECT_EQ(interface.addresses.size(), 2U);
  EXPECT_EQ(interface.gateway4, parse_ip("198.18.0.254"));
  EXPECT_EQ(interface.gateway6, parse_ip("fe80::1"));
  EXPECT_EQ(interface.routes.at(0).via, *parse_ip("198.18.0.253"));
  EXPECT_EQ(interface.reply, ReplyMode::gateway);
  EXPECT_EQ(interface.strays, StrayPolicy::silence);
  const Listener& listener = config.listeners.at(0);
  EXPECT_EQ(listener.addresses.size(), 2U);
  EXPECT_EQ(listener.tls.policy, TlsPolicy::modern);
  EXPECT_EQ(listener.tls.certificates.at(0).chain, "/etc/sallyport/site.pem");
  EXPECT_EQ(listener.tls.certificates.at(1).key, "/keys/other.key");
  EXPECT_EQ(listener.tls.alpn.at(0), (AlpnRule{"h2", "web-h2"}));
  EXPECT_EQ(listener.tls.tickets, (Tickets{false, 300, true, false}));
  EXPECT_EQ(listener.limits.idle_seconds, 30U);
  EXPECT_EQ(config.pools.at(0).backends.at(1).weight, 2U);
  EXPECT_EQ(config.pools.at(0).local_port_first, 20'000);
  EXPECT_EQ(config.pools.at(0).tls, std::nullopt);
  const PoolTls expected{.verify = VerifyServer::on,
                         .ca = "/etc/sallyport/backends.pem",
                         .server_name = "app.example",
                         .policy = TlsPolicy::modern,
                         .alpn = "h2",
                         .handshake_seconds = 7};
  EXPECT_EQ(config.pools.at(1).tls, expected);
}

TEST(Parse, RelativePathsStartAtTheDirectoryOfTheFile) {
  std::string text{kSmallest};
  text += "[cluster]\nsecret_file = \"../keys/./cluster\"\n";
  const Parsed parsed = parse(text, "/srv/a/b.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics.text();
  EXPECT_EQ(parsed.config.cluster.secret_file, "/srv/keys/cluster");
}

TEST(Print, WhatIsPrintedParsesBackToTheSame) {
  for (const std::string_view text : {kSmallest, kComplete}) {
    const Parsed first = parse(text, "/etc/sallyport/sallyport.toml");
    ASSERT_TRUE(first.ok()) << first.diagnostics.text();
    const std::string printed = print(first.config);
    const Parsed second = parse(printed, "/elsewhere/printed.toml");
    ASSERT_TRUE(second.ok()) << second.diagnostics.text() << printed;
    EXPECT_TRUE(first.config == second.config) << printed;
    EXPECT_EQ(print(second.config), printed);
  }
}

TEST(Parse, TheTableOfTlsTurnsItOnForItsPool) {
  std::string text{kSmallest};
  text += "[pool.tls]\nserver_name = \"198.18.0.20\"\n";
  const Parsed parsed = parse(text, "/srv/s.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.diagnostics.text();
  PoolTls expected;
  expected.server_name = "198.18.0.20";
  EXPECT_EQ(parsed.config.pools.at(0).tls, expected);
  EXPECT_NE(print(parsed.config).find("tls.verify = \"on\"\n"), std::string::npos);
}

TEST(Parse, BackendsAreNotAskedForAnotherProtocolThanTheirClientsSpeak) {
  std::string text{kComplete};
  const std::string_view alpn = "tls.alpn = \"h2\"";
  text.replace(text.find(alpn), alpn.size(), "tls.alpn = \"http/1.1\"");
  const Parsed parsed = parse(text, "/srv/s.toml");
  EXPECT_FALSE(parsed.ok());
  EXPECT_NE(parsed.diagnostics.text().find("clients that speak \"h2\" go to pool \"web-h2\", whose "
                                           "backends are asked for \"http/1.1\""),
            std::string::npos)
      << parsed.diagnostics.text();
}

TEST(Print, ShowsEffectiveValues) {
  const Parsed parsed = parse(kSmallest, "/etc/sallyport/sallyport.toml");
  EXPECT_EQ(print(parsed.config), R"([dataplane]
name = "sallyport"
io_lcores = [1]
max_connections = 32768
max_sessions = 16384
huge_pages = "auto"
memory_megabytes = 0
frames_per_lcore = 32768
allow_rsa_on_io = false

[[port]]
name = "wan0"
device = "net_tap0"
mtu = 1500
rx_descriptors = 1024
tx_descriptors = 1024

[[interface]]
port = "wan0"
vlan = 0
addresses = ["198.18.0.1/24"]
mtu = 1500
reply = "source_mac"
strays = "reset"

[[listener]]
name = "web"
address = ["198.18.0.10:443"]
pool = "web"
tcp.syn_mode = "cookies"
tcp.congestion_control = "cubic"
tcp.ecn = "accept"
tcp.keep_alive_seconds = 0
tls.policy = "intermediate"
tls.unknown_name = "default"
tls.suite_preference = "server"
tls.compress_certificates = true
tls.client_certificates = "off"
tls.client_depth = 2
tls.fingerprints = false
tls.tickets.enabled = true
tls.tickets.lifetime_seconds = 7200
tls.tickets.psk_only = false
tls.tickets.session_ids = true
limits.handshake_seconds = 10
limits.client_hello_seconds = 5
limits.backend_connect_seconds = 1
limits.idle_seconds = 300
limits.half_close_seconds = 60
limits.client_receive_buffer_bytes = 4194304
limits.backend_receive_buffer_bytes = 4194304
limits.send_buffer_bytes = 4194304
limits.max_connections = 0
limits.max_handshakes = 0
limits.prefix_handshakes = 0
limits.prefix_connections_per_second = 0

[[pool]]
name = "web"
source_addresses = ["198.18.0.1"]
local_port_first = 16384
local_port_last = 65535
balance = "round_robin"
proxy_protocol = "off"
backends = [
  { address = "198.18.0.20:8080", weight = 1 },
]
)");
}

// --- the key table ----------------------------------------------------------------------------

// collect lists every path that the binding visits.
class PathCollector {
 public:
  explicit PathCollector(std::vector<std::string>& out, std::string pattern = {})
      : out_{out}, pattern_{std::move(pattern)} {}
  template <class T>
  void field(std::string_view name, const T&) {
    out_.push_back(pattern_ + std::string{name});
  }
  template <class T>
  void table(std::string_view name, T& value) {
    PathCollector inner{out_, pattern_ + std::string{name} + "."};
    bind(inner, value);
  }
  template <class T>
  void table(std::string_view name, std::optional<T>& value) {
    table(name, value.emplace());
  }
  template <class T>
  void tables(std::string_view name, std::vector<T>& values) {
    PathCollector inner{out_, pattern_ + std::string{name} + "[]."};
    bind(inner, values.emplace_back());
  }

 private:
  std::vector<std::string>& out_;
  std::string pattern_;
};

TEST(KeyTable, NamesExactlyTheKeysThatTheConfigHolds) {
  std::vector<std::string> bound;
  PathCollector collector{bound};
  Config config;
  bind(collector, config);
  std::vector<std::string> listed;
  for (const Key& key : keys()) {
    if (key.presence != Presence::planned) listed.emplace_back(key.path);
  }
  std::ranges::sort(bound);
  std::ranges::sort(listed);
  EXPECT_EQ(bound, listed);
}

TEST(KeyTable, StatesTheDefaultsThatTheConfigHas) {
  const std::string text = std::string{kSmallest} + "tls.server_name = \"app.example\"\n";
  const Parsed parsed = parse(text, "/etc/sallyport/sallyport.toml");
  const std::string printed = print(parsed.config);
  for (const Key& key : keys()) {
    if (key.default_text.empty() || key.path.starts_with("pool[].backends[]")) continue;
    const std::size_t dot = key.path.find('.');
    const std::string line =
        std::string{key.path.substr(dot + 1)} + " = " + std::string{key.default_text} + "\n";
    EXPECT_NE(printed.find("\n" + line), std::string::npos) << line;
  }
}

// A client's record is opened when all of it fits the queue to the backend, sealed anew.
TEST(KeyTable, LetsTheSendBufferTakeTheLargestRecordAtLeast) {
  constexpr std::string_view kPath = "listener[].limits.send_buffer_bytes";
  const auto key = std::ranges::find(keys(), kPath, &Key::path);
  ASSERT_NE(key, keys().end());
  EXPECT_EQ(static_cast<std::size_t>(key->minimum), tls::kMaxRecord + tls::kMaxRecordOverhead);
  for (const bool is_enough : {false, true}) {
    const std::int64_t bytes = is_enough ? key->minimum : key->minimum - 1;
    std::string text{kSmallest};
    text.insert(text.find("[[pool]]"),
                "limits.send_buffer_bytes = " + std::to_string(bytes) + "\n");
    const Parsed parsed = parse(text, "/etc/sallyport/sallyport.toml");
    EXPECT_EQ(parsed.ok(), is_enough);
    if (is_enough) continue;
    EXPECT_NE(parsed.diagnostics.text().find(
                  "`listener.limits.send_buffer_bytes` cannot be 16761\n"
                  "    Write a whole number of bytes from 16762 to 67108864.\n"),
              std::string::npos)
        << parsed.diagnostics.text();
  }
}

TEST(KeyTable, EveryKeyHasASectionAndIsExplained) {
  const std::string text = manual();
  for (const Key& key : keys()) {
    EXPECT_FALSE(key.help.empty()) << key.path;
    const std::size_t dot = key.path.rfind('.');
    EXPECT_NE(find_section(key.path.substr(0, dot)), nullptr) << key.path;
    if (key.presence == Presence::planned) continue;
    EXPECT_NE(text.find("  " + std::string{key.path.substr(dot + 1)} + "\n"), std::string::npos);
  }
}

TEST(KeyTable, ManualFitsATerminal) {
  const std::string text = manual();
  EXPECT_EQ(text.find(" \n"), std::string::npos);
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    EXPECT_LE(end - start, 90U) << text.substr(start, end - start);
    start = end + 1;
  }
}

}  // namespace
}  // namespace sallyport::config
