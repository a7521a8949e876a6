// What an operator reads when the configuration is wrong: each message whole, with its place and
// its remedy.
#include <gtest/gtest.h>

#include <string>

#include "lib/config/load.h"
#include "lib/config/text.h"
#include "tests/unit/config/example.h"

namespace sallyport::config {
namespace {

std::string complaints(std::string_view text) { return parse(text, "/s.toml").diagnostics.text(); }

// changed replaces the first `from` of the smallest configuration.
std::string changed(std::string_view from, std::string_view to, std::string_view text = kSmallest) {
  std::string out{text};
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

std::string complaint_after(std::string_view from, std::string_view to) {
  return complaints(changed(from, to));
}

TEST(Diagnostics, ListsEverythingWrongInTheOrderOfLines) {
  EXPECT_EQ(complaints(R"([dataplane]
io_lcores = [1, -1]
max_conections = 5
name = "-x"
crypto_lcores = [3]

[port]
name = "wan0"

[[interface]]
port = "wan0"
addresses = ["198.18.0.1/24", "zz"]
reply = "foo"

[[listener]]
name = "web"
adress = "198.18.0.10:443"
tls.policy = "ancient"
tls.client_auth = { mode = "off" }
limits.handshake_seconds = 0

[[pool]]
name = "web"
balance = "maglev"
backends = []
)"),
            R"(/s.toml:2:17: error: `dataplane.io_lcores` cannot be -1
    Write an array, each item a whole number from 0 to 1023.
/s.toml:3:1: error: unknown key "max_conections" in `dataplane`
    Did you mean `max_connections`?
/s.toml:4:8: error: `dataplane.name` cannot be "-x"
    Write a name of letters, digits, '-', '_' and '.' (at most 32, a letter or digit first).
/s.toml:5:1: error: `dataplane.crypto_lcores` is not available in this version
    Remove it.
/s.toml:7:1: error: `port` may stand several times, so it is an array of tables
    Write [[port]] with double brackets.
/s.toml:12:31: error: `interface.addresses` cannot be "zz"
    Write an address with its prefix length, like "198.18.0.1/24" or "2001:db8::1/64", or an array of them.
/s.toml:13:9: error: `interface.reply` cannot be "foo"
    Write "source_mac" or "gateway".
/s.toml:15:1: error: `listener.address` is missing
    Add address = ...  Where clients connect: "198.18.0.10:443", "[2001:db8::10]:443".
/s.toml:15:1: error: `listener.pool` is missing
    Add pool = ...  Name of the pool that connections go to, unless ALPN picks another.
/s.toml:17:1: error: unknown key "adress" in `listener`
    Did you mean `address`?
/s.toml:18:14: error: `listener.tls.policy` cannot be "ancient"
    Write "modern", "intermediate" or "compatible".
/s.toml:19:5: error: `listener.tls.client_auth` is not available in this version
    Remove it.
/s.toml:20:28: error: `listener.limits.handshake_seconds` cannot be 0
    Write a whole number of seconds from 1 to 300.
/s.toml:24:11: error: `pool.balance` = "maglev" is not available in this version
    Write "round_robin".
/s.toml:25:12: error: there is no `pool.backends`
    Add backends = [{ ... }].  One server.
)");
}

TEST(Diagnostics, AnEmptyFileMissesEverySection) {
  EXPECT_EQ(complaints(""), R"(/s.toml: error: there is no `port`
    Add [[port]].  A network port that Sallyport takes over.
/s.toml: error: there is no `interface`
    Add [[interface]].  Addresses on one VLAN of a port, and the way out of it.
/s.toml: error: there is no `listener`
    Add [[listener]].  Where clients connect, and how TLS is spoken with them.
/s.toml: error: there is no `pool`
    Add [[pool]].  Backends that serve the same content.
)");
}

TEST(Diagnostics, SyntaxErrorsHaveTheirPlace) {
  const std::string text = complaints("[dataplane]\nname = \"x\nio_lcores = [1]\n");
  EXPECT_TRUE(text.starts_with("/s.toml:2:")) << text;
  EXPECT_NE(text.find("Correct the TOML syntax"), std::string::npos) << text;
}

TEST(Diagnostics, AHeaderWithoutNameIsASyntaxError) {
  const std::string text = complaints("[dataplane]\n[[\n[[port]]\n");
  EXPECT_TRUE(text.starts_with("/s.toml:2:3: error: ")) << text;
}

TEST(Diagnostics, AFileThatCannotBeReadIsNamed) {
  const Parsed parsed = parse_file("/nonexistent/sallyport.toml");
  EXPECT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.diagnostics.text(),
            "/nonexistent/sallyport.toml: error: the configuration cannot be read: No such file or "
            "directory\n    Check the path and its permissions.\n");
}

TEST(Diagnostics, WrongTypesAreNamedByWhatStandsThere) {
  EXPECT_EQ(complaint_after("\"wan0\"\ndevice", "7\ndevice"),
            "/s.toml:2:8: error: `port.name` cannot be 7\n"
            "    Write a name of letters, digits, '-', '_' and '.' (at most 32, a letter or digit "
            "first).\n");
  EXPECT_EQ(complaint_after("name = \"web\"\naddress", "tls = 3\nname = \"web\"\naddress"),
            "/s.toml:10:7: error: `listener.tls` must be one table\n"
            "    Write its keys as tls.KEY = VALUE.\n");
  EXPECT_EQ(complaint_after("[{ address = \"198.18.0.20:8080\" }]", "[\"198.18.0.20:8080\"]"),
            "/s.toml:16:13: error: an entry of `pool.backends` is \"198.18.0.20:8080\", not a "
            "table\n    Write { KEY = VALUE, ... }.\n");
}

TEST(Diagnostics, ControlCharactersOfTheFileDoNotReachTheTerminal) {
  const std::string text = complaint_after("\"net_tap0\"", "\"\\u001b[2J\\n\"");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\u001B[2J\\u000A"), std::string::npos) << text;
}

TEST(Diagnostics, AHundredAreEnough) {
  std::string text = "[dataplane]\n";
  for (int i = 0; i < 500; ++i) text += "wrong" + std::to_string(i) + " = 1\n";
  EXPECT_NE(complaints(text).find("... and 404 more\n"), std::string::npos);
}

struct Case {
  std::string_view from;
  std::string_view to;
  std::string_view complaint;
};

class CrossCheck : public testing::TestWithParam<Case> {};

TEST_P(CrossCheck, IsReportedWithPlaceAndRemedy) {
  EXPECT_EQ(complaint_after(GetParam().from, GetParam().to), GetParam().complaint);
}

constexpr std::string_view kEnd = "backends = [{ address = \"198.18.0.20:8080\" }]\n";

INSTANTIATE_TEST_SUITE_P(
    All, CrossCheck,
    testing::Values(
        Case{"[[port]]", "dataplane.io_lcores = [1, 1]\n[[port]]",
             "/s.toml:1:27: error: core 1 is listed twice\n    List each core once.\n"},
        Case{"[[port]]", "dataplane.io_lcores = []\n[[port]]",
             "/s.toml:1:23: error: `dataplane.io_lcores` is empty\n"
             "    List at least one core; packets need one.\n"},
        Case{"[[interface]]",
             "[[port]]\nname = \"wan0\"\ndevice = \"net_tap0,iface=b\"\n[[interface]]",
             "/s.toml:6:8: error: a port named \"wan0\" stands in line 2 already\n"
             "    Give each port a name of its own.\n"
             "/s.toml:7:10: error: device \"net_tap0\" is used by port \"wan0\" already\n"
             "    Name another device; VLANs of one device are [[interface]]s of one port.\n"},
        Case{"pool = \"web\"", "pool = \"web\"\ntls.client_certificates = \"required\"",
             "/s.toml:13:27: error: clients are asked for certificates, but nobody may vouch for "
             "them\n    Set `tls.client_ca` to a PEM file with the authorities.\n"},
        Case{"pool = \"web\"", "pool = \"web\"\ntls.client_ca = \"ca.pem\"",
             "/s.toml:13:17: warning: clients are not asked for certificates, so this file is not "
             "used\n    Set `tls.client_certificates` to \"optional\" or \"required\", or remove "
             "it.\n"},
        Case{"port = \"wan0\"", "port = \"lan0\"",
             "/s.toml:6:8: error: there is no port \"lan0\"\n"
             "    Name one of the [[port]]s, or add it.\n"},
        Case{"port = \"wan0\"", "port = \"wan0\"\nmtu = 9000",
             "/s.toml:7:7: error: `interface.mtu` 9000 is more than the 1500 of port \"wan0\"\n"
             "    Lower it, or raise `mtu` of the port.\n"},
        Case{"port = \"wan0\"\naddresses = \"198.18.0.1/24\"",
             "port = \"wan0\"\nmtu = 1200\naddresses = [\"198.18.0.1/24\", \"2001:db8::1/64\"]",
             "/s.toml:7:7: error: IPv6 needs an MTU of at least 1280 bytes, not 1200\n"
             "    Raise `mtu`, or remove the IPv6 addresses.\n"},
        Case{"[[listener]]",
             "[[interface]]\nport = \"wan0\"\naddresses = \"198.18.1.1/24\"\n[[listener]]",
             "/s.toml:10:8: error: port \"wan0\" with VLAN 0 has an [[interface]] in line 5 "
             "already\n"
             "    List all addresses in one [[interface]], or set another `vlan`.\n"},
        Case{"\"198.18.0.1/24\"", "[\"198.18.0.1/24\", \"127.0.0.1/8\", \"198.18.2.255/24\"]",
             "/s.toml:7:31: error: 127.0.0.1 is no address that a host can have\n"
             "    Write an own unicast address.\n"
             "/s.toml:7:46: error: 198.18.2.255 is the network or broadcast address of "
             "198.18.2.0/24\n    Write the address of a host in that network.\n"},
        Case{"\"198.18.0.1/24\"", "[\"198.18.0.1/24\", \"198.18.0.1/16\"]",
             "/s.toml:7:31: error: address 198.18.0.1 stands in line 7 already\n"
             "    List each address once.\n"},
        Case{
            "[[listener]]",
            "[[interface]]\nport = \"wan0\"\nvlan = 2\naddresses = \"198.18.0.2/24\"\n[[listener]]",
            "/s.toml:12:13: error: network 198.18.0.0/24 is on another interface too, in line 7\n"
            "    Give each interface its own network.\n"},
        Case{"\"198.18.0.1/24\"", "\"198.18.0.1/24\"\ngateway4 = \"198.18.1.254\"",
             "/s.toml:8:12: error: router 198.18.1.254 is in no network of this interface\n"
             "    Add the network to `addresses`, or correct the router's address.\n"},
        Case{"\"198.18.0.1/24\"", "\"198.18.0.1/24\"\ngateway4 = \"2001:db8::1\"",
             "/s.toml:8:12: error: 2001:db8::1 is IPv6\n    Write an IPv4 address.\n"},
        Case{"\"198.18.0.1/24\"", "\"198.18.0.1/24\"\ngateway4 = \"198.18.0.1\"",
             "/s.toml:8:12: error: 198.18.0.1 cannot be a router's address\n"
             "    Write the address of the router on this link.\n"},
        Case{"\"198.18.0.1/24\"",
             "\"198.18.0.1/24\"\nroutes = [{ to = \"0.0.0.0/0\", via = \"198.18.0.254\" }]",
             "/s.toml:8:18: error: a route to every address is a gateway\n"
             "    Write it as `gateway4` or `gateway6` of the interface.\n"},
        Case{"pool = \"web\"", "pool = \"api\"",
             "/s.toml:12:8: error: there is no pool \"api\"\n"
             "    Name one of the [[pool]]s, or add it.\n"
             "/s.toml:15:8: warning: no listener uses pool \"web\"\n"
             "    Name it in a [[listener]], or remove it.\n"},
        Case{"pool = \"web\"",
             "pool = \"web\"\ntls.alpn = [{protocol = \"h2\", pool = \"x\"}, {protocol = \"h2\", "
             "pool "
             "= \"web\"}]",
             "/s.toml:13:38: error: there is no pool \"x\"\n"
             "    Name one of the [[pool]]s, or add it.\n"
             "/s.toml:13:56: error: protocol \"h2\" is listed twice\n"
             "    List each protocol once.\n"},
        Case{
            "pool = \"web\"",
            "pool = \"web\"\nlimits.handshake_seconds = 3\nlimits.client_hello_seconds = 4",
            "/s.toml:14:31: error: `client_hello_seconds` 4 is longer than the whole handshake may "
            "take (3)\n    Lower it, or raise `handshake_seconds`.\n"},
        Case{"198.18.0.10:443", "198.18.1.10:443",
             "/s.toml:11:11: error: 198.18.1.10 is in no network of any [[interface]]\n"
             "    Add it to `addresses` of the interface that clients reach it by, for example "
             "\"198.18.1.10/32\".\n"},
        Case{"198.18.0.10:443", "198.18.0.10:0",
             "/s.toml:11:11: error: a listener cannot have port 0\n"
             "    Write the port that clients connect to.\n"},
        Case{"addresses = \"198.18.0.1/24\"", "addresses = \"198.18.0.1/24\"\nreply = \"gateway\"",
             "/s.toml:12:11: error: answers to clients of 198.18.0.10:443 go to the gateway, but "
             "the "
             "interface has none for IPv4\n"
             "    Set `gateway4` of the interface in line 5, or reply = \"source_mac\".\n"},
        Case{"[[pool]]",
             "[[listener]]\nname = \"two\"\naddress = [\"198.18.0.11:443\", "
             "\"198.18.0.10:443\"]\npool = \"web\"\n[[pool]]",
             "/s.toml:16:31: error: listener \"web\" in line 11 has address 198.18.0.10:443 "
             "already\n"
             "    Use another address or port; certificates of one address are chosen by name.\n"},
        Case{"198.18.0.20:8080", "198.18.0.10:443",
             "/s.toml:16:25: error: backend 198.18.0.10:443 is a listener of this appliance\n"
             "    Write the address of a server; connections would go around in circles.\n"},
        Case{"198.18.0.20:8080", "198.18.0.1:80",
             "/s.toml:16:25: error: backend address 198.18.0.1 belongs to this appliance\n"
             "    Write the address of a server; nothing but listeners runs here.\n"},
        Case{"198.18.0.20:8080", "198.19.0.20:8080",
             "/s.toml:16:25: error: no interface leads to backend 198.19.0.20\n"
             "    Add its network to `addresses` of an [[interface]], or set `gateway4`.\n"},
        Case{"198.18.0.20:8080", "224.0.0.1:8080",
             "/s.toml:16:25: error: 224.0.0.1:8080 is no address that can be connected to\n"
             "    Write the unicast address and the port of a server.\n"},
        Case{kEnd,
             "backends = [{ address = \"198.18.0.20:80\" }, { address = \"198.18.0.20:80\" }]\n",
             "/s.toml:16:57: error: backend 198.18.0.20:80 is listed twice\n"
             "    List it once, with a higher `weight`.\n"},
        Case{kEnd, "backends = [{ address = \"198.18.0.20:80\", weight = 0 }]\n",
             "/s.toml:16:12: error: every backend of pool \"web\" has weight 0\n"
             "    Give at least one backend a weight above 0.\n"},
        Case{"backends =", "source_addresses = [\"198.18.0.2\", \"198.19.0.2\"]\nbackends =",
             "/s.toml:16:35: error: 198.19.0.2 is in no network of any [[interface]]\n"
             "    Use an address of a network that is listed in `addresses` of an [[interface]].\n"
             "/s.toml:17:25: error: source address 198.19.0.2 of pool \"web\" is not on the "
             "interface "
             "that leads to backend 198.18.0.20\n"
             "    Use source addresses of that interface, and one pool per interface.\n"},
        Case{"backends =", "local_port_first = 3000\nlocal_port_last = 2000\nbackends =",
             "/s.toml:16:20: error: `local_port_first` 3000 is above 2000, the last one\n"
             "    Exchange `local_port_first` and `local_port_last`.\n"},
        Case{"backends =", "tls.ca = \"ca.pem\"\nbackends =",
             "/s.toml:16:1: error: the certificates of pool \"web\" are to be verified, but it is "
             "not said whose they have to be\n"
             "    Set `tls.server_name`.\n"},
        Case{"backends =", "tls.server_name = \"app.example:8443\"\nbackends =",
             "/s.toml:16:19: error: \"app.example:8443\" is neither a host name nor an address\n"
             "    Write it as it stands in the certificate, without a port: \"app.example\".\n"},
        Case{"backends =", "tls.server_name = \"app..example\"\nbackends =",
             "/s.toml:16:19: error: \"app..example\" is neither a host name nor an address\n"
             "    Write it as it stands in the certificate, without a port: \"app.example\".\n"},
        Case{"backends =", "tls.verify = \"off\"\ntls.ca = \"ca.pem\"\nbackends =",
             "/s.toml:16:14: warning: the backends of pool \"web\" are not verified: whoever can "
             "redirect packets to them reads everything\n"
             "    Set `tls.ca` and `tls.server_name`, and remove this line.\n"
             "/s.toml:17:10: warning: backends are not verified, so this file is not used\n"
             "    Remove it, or set `tls.verify` to \"on\".\n"},
        Case{"[[port]]", "dataplane.max_connections = 39322\n[[port]]",
             "/s.toml:15:1: error: pool \"web\" can hold 39321 connections (80 % of its local "
             "ports x "
             "source addresses x backends), fewer than max_connections = 39322\n"
             "    Add source addresses, or lower `dataplane.max_connections`.\n"},
        Case{"198.18.0.10:443", "198.18.0.1:20000",
             "/s.toml:14:1: error: listener 198.18.0.1:20000 uses a source address and local port "
             "of "
             "pool \"web\"\n"
             "    Use another source address, or a range of local ports without 20000.\n"}));

TEST(Text, QuotesAndShortensWithoutCuttingACharacter) {
  EXPECT_EQ(in_quotes("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
  const std::string many(59, 'x');
  EXPECT_EQ(shortened(many + "\xe2\x82\xac!"), "\"" + many + "\"...");
}

}  // namespace
}  // namespace sallyport::config
