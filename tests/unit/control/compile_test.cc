#include "lib/control/compile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/config/load.h"
#include "lib/control/identities.h"
#include "lib/control/tls_policy.h"
#include "lib/crypto/key_share_cache.h"
#include "tests/unit/config/example.h"

namespace sallyport::control {
namespace {

constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};

struct Input {
  explicit Input(std::string_view text)
      : parsed{config::parse(text, "/etc/sallyport/sallyport.toml")},
        ports(parsed.config.ports.size(), PortFacts{kMac}),
        credentials(parsed.config.listeners.size(), ListenerCredentials(1)) {
    EXPECT_TRUE(parsed.ok()) << parsed.diagnostics.text();
  }
  [[nodiscard]] Compiled compile() const {
    return control::compile({.config = parsed.config,
                             .ports = ports,
                             .credentials = credentials,
                             .tsc_rate = {.hz = 2'000'000'000},
                             .clients = clients,
                             .missing_groups = missing_groups});
  }
  config::Parsed parsed;
  std::vector<PortFacts> ports;
  std::vector<ListenerCredentials> credentials;
  ClientAuthorities clients;
  std::vector<crypto::NamedGroup> missing_groups;
};

TEST(Compile, AnInterfaceKnowsEveryAddressThatIsOursOnItsLink) {
  const Compiled compiled = Input{config::kComplete}.compile();
  ASSERT_EQ(compiled.interfaces->size(), 1U);
  const snapshot::Interface& interface = compiled.interfaces->at(0);
  EXPECT_EQ(interface.mac, kMac);
  EXPECT_EQ(interface.vlan, 100);
  EXPECT_EQ(interface.mtu, 1500);
  EXPECT_EQ(interface.reply, snapshot::ReplyMode::gateway);
  std::vector<std::string> local;
  for (const IpAddress& ip : interface.local_ips) local.push_back(to_string(ip));
  EXPECT_EQ(local, (std::vector<std::string>{"198.18.0.1", "2001:db8::1", "198.18.0.11",
                                             "198.18.0.12", "198.18.0.10", "2001:db8::10"}));
}

TEST(Compile, NextHopsAreOnLinkBackendsRoutersAndGatewaysOnce) {
  const Compiled compiled = Input{config::kComplete}.compile();
  const snapshot::Interface& interface = compiled.interfaces->at(0);
  std::vector<std::string> hops;
  for (const snapshot::NextHop& hop : interface.next_hops) {
    hops.push_back(to_string(hop.ip));
    EXPECT_FALSE(hop.resolved);
  }
  EXPECT_EQ(hops, (std::vector<std::string>{"198.18.0.253", "198.18.0.254", "fe80::1",
                                            "198.18.0.20", "2001:db8::20", "198.18.0.21"}));
  ASSERT_EQ(interface.routes.size(), 3U);
  EXPECT_EQ(to_string(interface.routes[0].destination), "198.19.0.0/16");
  EXPECT_EQ(interface.routes[1].destination.length, 0);
  const snapshot::Pool& web = compiled.pools->at(0);
  EXPECT_EQ(hops[web.backends[0].next_hop], "198.18.0.20");
  EXPECT_EQ(hops[web.backends[1].next_hop], "198.18.0.253") << "behind the router";
}

TEST(Compile, AListenerWithTwoAddressesSharesOneTlsConfiguration) {
  const Compiled compiled = Input{config::kComplete}.compile();
  ASSERT_EQ(compiled.listeners->size(), 2U);
  const snapshot::Listener& v4 = compiled.listeners->at(0);
  const snapshot::Listener& v6 = compiled.listeners->at(1);
  EXPECT_EQ(v4.tls, v6.tls);
  EXPECT_EQ(to_string(v6.address), "[2001:db8::10]:443");
  EXPECT_EQ(v4.pool.value, 0);
  ASSERT_EQ(v4.alpn_pools.size(), 1U);
  EXPECT_EQ(v4.alpn_pools[0].value, 1);
  EXPECT_EQ(v4.tls->alpn_protocols, std::vector<std::string>{"h2"});
  EXPECT_FALSE(v4.tls->tickets.enabled);
  EXPECT_TRUE(v4.tls->tickets.psk_only);
  EXPECT_FALSE(v4.tls->tickets.session_ids);
  EXPECT_EQ(v4.tls->tickets.lifetime_seconds, 300U);
  EXPECT_EQ(v4.tls->tickets.domain, "web");
  EXPECT_EQ(v4.limits.idle, (TscSpan{30LL * 2'000'000'000}));
  EXPECT_EQ(v4.limits.send_buffer, 100'000U);
}

// Whoever wants nothing of a connection to outlive it says so once.
TEST(Compile, AListenerWithoutTicketsKeepsNoSessionsEither) {
  for (const bool enabled : {false, true}) {
    Input input{config::kComplete};
    auto& tickets = input.parsed.config.listeners[0].tls.tickets;
    tickets.enabled = enabled;
    tickets.session_ids = true;
    EXPECT_EQ(input.compile().listeners->at(0).tls->tickets.session_ids, enabled);
  }
}

TEST(Compile, AWorkerHasItsShareOfALimitAndSomeMore) {
  Input input{config::kComplete};
  input.parsed.config.dataplane.io_lcores = {1, 2, 3, 4, 5, 6, 7, 8};
  config::Limits& limits = input.parsed.config.listeners[0].limits;
  const auto compiled = [&] { return input.compile().listeners->at(0).limits; };
  limits.max_handshakes = 800;
  limits.prefix_handshakes = 200;
  limits.prefix_connections_per_second = 4;
  EXPECT_EQ(compiled().max_handshakes, 126U);
  EXPECT_EQ(compiled().prefix_handshakes, 40U);
  EXPECT_EQ(compiled().prefix_connections_per_second, 3U)
      << "four that meet at one worker are rare";
  limits.prefix_handshakes = 1;
  EXPECT_EQ(compiled().prefix_handshakes, 1U);
  limits.prefix_handshakes = 0;
  EXPECT_EQ(compiled().prefix_handshakes, 0U) << "no limit";
  input.parsed.config.dataplane.io_lcores = {1};
  limits.prefix_handshakes = 200;
  EXPECT_EQ(compiled().prefix_handshakes, 200U);
}

TEST(Compile, ListenersAreInTheOrderOfTheirAddressesWhateverTheFileSays) {
  Input input{config::kComplete};
  config::Listener& first = input.parsed.config.listeners[0];
  std::ranges::reverse(first.addresses);
  config::Listener another = first;
  another.name = "another";
  for (SocketAddress& address : another.addresses) address.port = 80;
  input.parsed.config.listeners.push_back(another);
  input.credentials.resize(input.parsed.config.listeners.size(), ListenerCredentials(1));
  const Compiled compiled = input.compile();
  ASSERT_EQ(compiled.listeners->size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(*compiled.listeners, {}, &snapshot::Listener::address));
}

TEST(Compile, ListenersKeepWhatTheBackendsOfAnyOfTheirPoolsWantToKnow) {
  const auto compiled_with = [](auto change) {
    Input input{config::kComplete};
    for (config::Pool& pool : input.parsed.config.pools) {
      pool.proxy_protocol = config::ProxyProtocol::off;
    }
    input.parsed.config.listeners[0].tls.fingerprints = false;
    change(input.parsed.config);
    return input.compile();
  };
  const Compiled nobody = compiled_with([](config::Config&) {});
  EXPECT_FALSE(nobody.listeners->at(0).keeps_hello_notes);
  EXPECT_EQ(nobody.pools->at(0).proxy_protocol, snapshot::ProxyProtocol::off);
  for (const std::size_t i : {0U, 1U}) {  // its own pool, and that of a protocol
    const Compiled one = compiled_with(
        [&](config::Config& c) { c.pools[i].proxy_protocol = config::ProxyProtocol::v2; });
    EXPECT_TRUE(one.listeners->at(0).keeps_hello_notes) << i;
    EXPECT_EQ(one.pools->at(i).proxy_protocol, snapshot::ProxyProtocol::v2);
    EXPECT_EQ(one.pools->at(1 - i).proxy_protocol, snapshot::ProxyProtocol::off);
    EXPECT_FALSE(one.listeners->at(0).tls->fingerprints);
  }
  const Compiled counting =
      compiled_with([](config::Config& c) { c.listeners[0].tls.fingerprints = true; });
  EXPECT_TRUE(counting.listeners->at(0).keeps_hello_notes) << "until they are counted";
  EXPECT_TRUE(counting.listeners->at(0).tls->fingerprints);
}

TEST(Compile, PoolsHaveTheirSourcesPortsAndPlan) {
  const Compiled compiled = Input{config::kComplete}.compile();
  const snapshot::Pool& web = compiled.pools->at(0);
  EXPECT_EQ(web.source_addresses.size(), 2U);
  EXPECT_EQ(web.local_port_first, 20'000);
  EXPECT_EQ(web.local_port_last, 60'000);
  EXPECT_EQ(web.plan.places().size(), 3U);
  EXPECT_EQ(compiled.pools->at(1).plan.places().size(), 2U);
}

TEST(Compile, PoolsKnowHowToSpeakTlsAndWhoVouches) {
  Input input{config::kComplete};
  input.clients = {.of_listener = {nullptr}, .generation = 5};
  const Compiled compiled = input.compile();
  EXPECT_EQ(compiled.pools->at(0).tls, nullptr);
  EXPECT_EQ(compiled.pools->at(0).backends[0].sessions, snapshot::Backend::kNoSessions);
  const snapshot::Pool& pool = compiled.pools->at(1);
  ASSERT_NE(pool.tls, nullptr);
  const tls::ClientConfig& client = pool.tls->client;
  EXPECT_EQ(client.server_name, "app.example");
  EXPECT_EQ(client.alpn_protocols, std::vector<std::string>{"h2"});
  EXPECT_FALSE(client.tls12) << "modern";
  EXPECT_EQ(client.cipher_suites.size(), 3U);
  EXPECT_EQ(client.groups, (std::vector{crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1,
                                        crypto::NamedGroup::secp384r1}));
  EXPECT_EQ(client.authority, (crypto::AuthorityId{2, 5})) << "one listener, then the second pool";
  EXPECT_EQ(pool.tls->handshake.ticks, 14'000'000'000);
  EXPECT_EQ(pool.backends[0].sessions, 0);
  EXPECT_EQ(pool.backends[1].sessions, 1);
}

TEST(Compile, AnAddressIsNoServerNameToBeSent) {
  std::string text{config::kSmallest};
  text += "tls.server_name = \"2001:db8::20\"\n";
  EXPECT_EQ(Input{text}.compile().pools->at(0).tls->client.server_name, "");
}

TEST(Compile, NoPolicyAsksBackendsForAGroupOfWhichThereAreNoKeyPairs) {
  for (const auto policy : {config::TlsPolicy::modern, config::TlsPolicy::intermediate,
                            config::TlsPolicy::compatible}) {
    tls::ClientConfig client;
    apply_policy(policy, client);
    ASSERT_FALSE(client.groups.empty());
    for (const crypto::NamedGroup group : client.groups) {
      const auto& kept = crypto::KeyShareCache::kGroups;
      EXPECT_NE(std::ranges::find(kept, group), kept.end());
    }
    EXPECT_EQ(client.tls12, policy != config::TlsPolicy::modern);
  }
}

TEST(Compile, PoliciesDoWithoutAGroupThatLibcryptoLacks) {
  using crypto::NamedGroup;
  std::string text{config::kSmallest};
  text.insert(text.find("pool = "), "tls.policy = \"compatible\"\n");
  text += "tls.policy = \"compatible\"\ntls.server_name = \"backend.test\"\n";
  Input input{text};
  const auto groups = [](const Compiled& compiled) {
    return std::pair{compiled.listeners->at(0).tls->groups,
                     compiled.pools->at(0).tls->client.groups};
  };
  auto [of_server, of_client] = groups(input.compile());
  for (auto* const both : {&of_server, &of_client}) {
    EXPECT_EQ(std::erase(*both, NamedGroup::x448), 1U);
    ASSERT_FALSE(both->empty());
  }
  input.missing_groups = {NamedGroup::x448};
  EXPECT_EQ(groups(input.compile()), std::pair(of_server, of_client));
}

TEST(Compile, PoliciesAllowWhatTheirNamesPromise) {
  const auto tls_of = [](std::string_view policy) {
    std::string text{config::kSmallest};
    text.insert(text.find("pool = "), "tls.policy = \"" + std::string{policy} + "\"\n");
    return Input{text}.compile().listeners->at(0).tls;
  };
  using Suites = std::vector<std::uint16_t>;
  const auto modern = tls_of("modern");
  EXPECT_TRUE(modern->tls13);
  EXPECT_FALSE(modern->tls12);
  EXPECT_EQ(modern->cipher_suites, (Suites{0x1301, 0x1302, 0x1303}));
  const auto intermediate = tls_of("intermediate");
  EXPECT_TRUE(intermediate->tls13 && intermediate->tls12);
  EXPECT_EQ(intermediate->cipher_suites, (Suites{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
                                                 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xccaa}));
  EXPECT_EQ(intermediate->groups,
            (std::vector{crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1,
                         crypto::NamedGroup::secp384r1, crypto::NamedGroup::ffdhe2048}));
  const auto compatible = tls_of("compatible");
  EXPECT_TRUE(compatible->tls13 && compatible->tls12);
  EXPECT_GT(compatible->cipher_suites.size(), intermediate->cipher_suites.size());
}

TEST(Compile, TheOrderOfSuitesIsTheServersUnlessTheFileSaysOtherwise) {
  std::string text{config::kSmallest};
  EXPECT_EQ(Input{text}.compile().listeners->at(0).tls->suite_preference,
            tls::SuitePreference::server);
  text.insert(text.find("pool = "), "tls.suite_preference = \"client\"\n");
  EXPECT_EQ(Input{text}.compile().listeners->at(0).tls->suite_preference,
            tls::SuitePreference::client);
}

TEST(Identities, ListenersWithoutCertificateShareAMadeOne) {
  const config::Parsed parsed = config::parse(config::kSmallest, "/s.toml");
  config::LoadedCredentials loaded;
  loaded.of_listener.resize(1);
  constexpr std::int64_t kNow = 1'800'000'000;
  const Identities identities = identify(parsed.config, std::move(loaded), 3, kNow);
  ASSERT_EQ(identities.error, "");
  ASSERT_EQ(identities.self_made.size(), 1U);
  EXPECT_EQ(identities.self_made[0].listeners, std::vector<std::string>{"web"});
  EXPECT_EQ(identities.self_made[0].fingerprint.size(), 32U * 3 - 1);
  EXPECT_TRUE(identities.self_made[0].pem.starts_with("-----BEGIN CERTIFICATE-----"));
  ASSERT_EQ(identities.keys.size(), 1U);
  EXPECT_TRUE(identities.keys[0].key);
  ASSERT_EQ(identities.of_listener.size(), 1U);
  ASSERT_EQ(identities.of_listener[0].size(), 1U);
  const tls::Credential& credential = identities.of_listener[0][0];
  EXPECT_EQ(credential.id, identities.keys[0].id);
  EXPECT_EQ(credential.id.generation, 3U);
  EXPECT_EQ(credential.key_type, crypto::KeyType::ecdsa_p256);
  EXPECT_FALSE(credential.chain.empty());
  // [RFC 8446 4.4.2.2]
  EXPECT_TRUE(credential.may_sign);
  EXPECT_FALSE(credential.may_decrypt);
}

TEST(Identities, EachListenerHasItsOwnCredentialsInOrder) {
  const config::Parsed parsed = config::parse(config::kSmallest, "/s.toml");
  config::LoadedCredentials loaded;
  for (const char* name : {"a.test", "b.test"}) {
    x509::Loaded made =
        x509::make_self_signed({.common_name = name, .dns_names = {}, .now = 1'800'000'000});
    ASSERT_TRUE(made) << made.message;
    loaded.credentials.push_back(std::move(*made.credential));
  }
  loaded.credentials[1].may_sign = false;
  loaded.credentials[1].may_decrypt = true;
  loaded.of_listener = {{1, 0}};
  const Identities identities = identify(parsed.config, std::move(loaded), 1, 1'800'000'000);
  EXPECT_TRUE(identities.self_made.empty());
  ASSERT_EQ(identities.of_listener[0].size(), 2U);
  EXPECT_EQ(identities.of_listener[0][0].names, std::vector<std::string>{"b.test"});
  EXPECT_EQ(identities.of_listener[0][0].id.index, 1U);
  EXPECT_EQ(identities.of_listener[0][1].id.index, 0U);
  EXPECT_FALSE(identities.of_listener[0][0].may_sign);
  EXPECT_TRUE(identities.of_listener[0][0].may_decrypt);
  EXPECT_TRUE(identities.of_listener[0][1].may_sign);
}

}  // namespace
}  // namespace sallyport::control
