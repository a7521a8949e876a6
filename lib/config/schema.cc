#include "lib/config/schema.h"

#include <algorithm>
#include <array>

namespace sallyport::config {
namespace {

constexpr auto kSections = std::to_array<Section>({
    {"dataplane", 0, 1, "Cores, memory and names of this instance."},
    {"cluster", 0, 1, "What several appliances share."},
    {"port[]", 1, 16, "A network port that Sallyport takes over."},
    {"interface[]", 1, 256, "Addresses on one VLAN of a port, and the way out of it."},
    {"interface[].routes[]", 0, 256, "A network behind another router than the gateway."},
    {"listener[]", 1, 1024, "Where clients connect, and how TLS is spoken with them."},
    {"listener[].tcp", 0, 1, "TCP of this listener, and of the connections to backends behind it."},
    {"listener[].tls", 0, 1, "TLS of this listener."},
    {"listener[].tls.certificates[]", 0, 65'535,
     "A certificate and its key.  Without any, one is made at start and its fingerprint printed."},
    {"listener[].tls.alpn[]", 0, 16,
     "Application protocols, in order of preference.  None are offered by default."},
    {"listener[].tls.tickets", 0, 1,
     "Resumption: for clients that come back no signature is made.  Tickets are good on every "
     "appliance with the same cluster secret, for the listener of the same name.  Whoever learns "
     "that secret, then or later, can read the TLS 1.2 connections that had tickets; the key "
     "exchange of TLS 1.3 protects against that."},
    {"listener[].limits", 0, 1, "Time and memory that one connection of this listener may use."},
    {"pool[]", 1, 1024, "Backends that serve the same content."},
    {"pool[].tls", 0, 1,
     "TLS towards the backends of this pool, where this table stands.  Nothing that a client says "
     "goes to a backend whose certificate is no good: then another one is tried, as if it had not "
     "answered."},
    {"pool[].backends[]", 1, 1024, "One server."},
});

constexpr auto kKeys = std::to_array<Key>({
    {.path = "dataplane.name",
     .type = KeyType::name,
     .default_text = "\"sallyport\"",
     .help = "Name of this instance; `sallyctl --instance` asks for it, and DPDK's files bear it."},
    {.path = "dataplane.io_lcores",
     .type = KeyType::integer,
     .arity = Arity::many,
     .minimum = 0,
     .maximum = 1023,
     .default_text = "[1]",
     .help = "CPU cores that take packets and own connections; each is fully used by polling."},
    {.path = "dataplane.crypto_lcores",
     .type = KeyType::integer,
     .arity = Arity::many,
     .presence = Presence::planned,
     .help = "CPU cores for private-key operations only."},
    {.path = "dataplane.max_connections",
     .type = KeyType::integer,
     .unit = "connections",
     .minimum = 64,
     .maximum = 16'000'000,
     .default_text = "32768",
     .help = "Connections that the appliance holds at once; their memory is taken at start."},
    {.path = "dataplane.max_sessions",
     .type = KeyType::integer,
     .unit = "sessions",
     .minimum = 0,
     .maximum = 4'000'000,
     .default_text = "16384",
     .help =
         "Sessions of TLS 1.2 that are kept under session IDs, for clients that know no tickets; "
         "512 bytes each, taken at start.  A new one takes the place of some other.  0: none."},
    {.path = "dataplane.huge_pages",
     .type = KeyType::choice,
     .choices = "auto on off",
     .default_text = "\"auto\"",
     .help = "Whether to use huge pages; auto takes them where the system has reserved some."},
    {.path = "dataplane.memory_megabytes",
     .type = KeyType::integer,
     .unit = "MB",
     .minimum = 0,
     .maximum = 1'048'576,
     .default_text = "0",
     .help = "Memory to take from the system; 0 works it out from the pools."},
    {.path = "dataplane.frames_per_lcore",
     .type = KeyType::integer,
     .unit = "frames",
     .minimum = 4'096,
     .maximum = 4'194'304,
     .default_text = "32768",
     .help = "Packet buffers of each I/O core, for receiving and sending together."},
    {.path = "dataplane.allow_rsa_on_io",
     .type = KeyType::boolean,
     .default_text = "false",
     .help = "Let I/O cores sign with RSA keys, although packets wait meanwhile."},

    {.path = "cluster.secret_file",
     .type = KeyType::path,
     .help = "File with at least 32 random bytes, the same on every appliance that shares the "
             "addresses; without it each start draws its own."},

    {.path = "port[].name",
     .type = KeyType::name,
     .presence = Presence::required,
     .help = "Name by which interfaces refer to the port."},
    {.path = "port[].device",
     .type = KeyType::text,
     .presence = Presence::required,
     .minimum = 1,
     .maximum = 120,
     .help = "PCI address, or a DPDK virtual device: \"0000:3b:00.0\", \"net_tap0,iface=sally0\"."},
    {.path = "port[].profile",
     .type = KeyType::name,
     .help = "Tuning of a known device: a file of drivers-config/, without its \".toml\"."},
    {.path = "port[].mtu",
     .type = KeyType::integer,
     .unit = "bytes",
     .minimum = 576,
     .maximum = 9'000,
     .default_text = "1500",
     .help = "Largest IP packet that the link carries."},
    {.path = "port[].rx_descriptors",
     .type = KeyType::integer,
     .unit = "frames",
     .minimum = 64,
     .maximum = 32'768,
     .default_text = "1024",
     .help = "Length of each receive queue; the device may round it."},
    {.path = "port[].tx_descriptors",
     .type = KeyType::integer,
     .unit = "frames",
     .minimum = 64,
     .maximum = 32'768,
     .default_text = "1024",
     .help = "Length of each transmit queue; the device may round it."},

    {.path = "interface[].port",
     .type = KeyType::name,
     .presence = Presence::required,
     .help = "Name of the port."},
    {.path = "interface[].vlan",
     .type = KeyType::integer,
     .minimum = 0,
     .maximum = 4'094,
     .default_text = "0",
     .help = "802.1Q tag; 0 is untagged."},
    {.path = "interface[].addresses",
     .type = KeyType::ip_prefix,
     .arity = Arity::one_or_many,
     .presence = Presence::required,
     .help = "Own addresses with the length of their network: \"198.18.0.1/24\"."},
    {.path = "interface[].gateway4",
     .type = KeyType::ip_address,
     .help = "IPv4 router for everything that is not on this link."},
    {.path = "interface[].gateway6",
     .type = KeyType::ip_address,
     .help = "IPv6 router for everything that is not on this link."},
    {.path = "interface[].mtu",
     .type = KeyType::integer,
     .unit = "bytes",
     .minimum = 576,
     .maximum = 9'000,
     .help = "Largest IP packet on this VLAN; the port's by default."},
    {.path = "interface[].reply",
     .type = KeyType::choice,
     .choices = "source_mac gateway",
     .default_text = "\"source_mac\"",
     .help = "Where answers to clients go: to the sender of their last frame, or to the gateway."},
    {.path = "interface[].strays",
     .type = KeyType::choice,
     .choices = "reset silence",
     .default_text = "\"reset\"",
     .help = "What a TCP segment hears for a closed port or of no connection: RST, or nothing.  A "
             "client "
             "whose connection is lost then waits for its own time-out."},
    {.path = "interface[].routes[].to",
     .type = KeyType::ip_prefix,
     .presence = Presence::required,
     .help = "The network."},
    {.path = "interface[].routes[].via",
     .type = KeyType::ip_address,
     .presence = Presence::required,
     .help = "The router, which must be on this link."},

    {.path = "listener[].name",
     .type = KeyType::name,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Name in statistics."},
    {.path = "listener[].address",
     .type = KeyType::socket_address,
     .arity = Arity::one_or_many,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Where clients connect: \"198.18.0.10:443\", \"[2001:db8::10]:443\"."},
    {.path = "listener[].pool",
     .type = KeyType::name,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Name of the pool that connections go to, unless ALPN picks another."},
    {.path = "listener[].tcp.syn_mode",
     .type = KeyType::choice,
     .choices = "cookies tracked",
     .default_text = "\"cookies\"",
     .reload = Reload::live,
     .help =
         "Whether a SYN is answered by a cookie alone, or remembered as well, so that its answer "
         "is repeated when it was lost; a flood of SYNs ends remembering for as long as it lasts."},
    {.path = "listener[].tcp.congestion_control",
     .type = KeyType::choice,
     .choices = "cubic new_reno",
     .default_text = "\"cubic\"",
     .reload = Reload::live,
     .help = "How fast to send, to clients and to the backends behind them: RFC 9438 or RFC 5681."},
    {.path = "listener[].tcp.ecn",
     .type = KeyType::choice,
     .choices = "accept offer off",
     .default_text = "\"accept\"",
     .reload = Reload::live,
     .help = "Explicit congestion notification: with clients that offer it, or offered to backends "
             "too."},
    {.path = "listener[].tcp.keep_alive_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 0,
     .maximum = 3'600,
     .default_text = "0",
     .reload = Reload::live,
     .help =
         "A client or backend that says nothing for so long is probed every 15 seconds, and given "
         "up after five probes; 0: never, as limits.idle_seconds ends such connections anyway."},
    {.path = "listener[].tls.policy",
     .type = KeyType::choice,
     .choices = "modern intermediate compatible",
     .default_text = "\"intermediate\"",
     .reload = Reload::live,
     .help =
         "modern speaks TLS 1.3 only; intermediate also TLS 1.2 with forward secrecy; compatible "
         "also CBC and RSA key exchange, for clients that have nothing better. sallyport "
         "--explain-policy NAME lists what each allows."},
    {.path = "listener[].tls.unknown_name",
     .type = KeyType::choice,
     .choices = "default refuse",
     .default_text = "\"default\"",
     .reload = Reload::live,
     .help = "A client that names no server, or one that no certificate is for: it is shown the "
             "first certificate, or refused."},
    {.path = "listener[].tls.suite_preference",
     .type = KeyType::choice,
     .choices = "server client",
     .default_text = "\"server\"",
     .reload = Reload::live,
     .help = "Whose order of cipher suites counts.  The server's puts ChaCha20 first for clients "
             "that do so themselves: they have no AES in hardware."},
    {.path = "listener[].tls.compress_certificates",
     .type = KeyType::boolean,
     .default_text = "true",
     .reload = Reload::live,
     .help = "Certificates go compressed to clients of TLS 1.3 that can unpack them (RFC 8879)."},
    {.path = "listener[].tls.client_certificates",
     .type = KeyType::choice,
     .choices = "off optional required",
     .default_text = "\"off\"",
     .reload = Reload::live,
     .help = "Whether clients are asked for a certificate.  Who shows one that is no good is "
             "refused in either case; who has none is served where it is optional."},
    {.path = "listener[].tls.client_ca",
     .type = KeyType::path,
     .reload = Reload::live,
     .help = "PEM file with the authorities that may vouch for clients, roots or not.  It is read "
             "again when it changes."},
    {.path = "listener[].tls.client_crl",
     .type = KeyType::path,
     .reload = Reload::live,
     .help = "PEM file with lists of revoked certificates, one of each authority in a client's "
             "chain.  Clients of an authority without a list that is up to date are refused.  It "
             "is read again when it changes, and tickets of before are then no longer accepted."},
    {.path = "listener[].tls.client_depth",
     .type = KeyType::integer,
     .unit = "certificates",
     .minimum = 0,
     .maximum = 3,
     .default_text = "2",
     .reload = Reload::live,
     .help = "Most certificates between a client's own and the authority that vouches for it."},
    {.path = "listener[].tls.fingerprints",
     .type = KeyType::boolean,
     .default_text = "false",
     .reload = Reload::live,
     .help = "Fingerprints of clients, JA3 and JA4, are taken from each ClientHello, counted for "
             "`sallyctl show fingerprints`, and told to backends by the PROXY protocol."},
    {.path = "listener[].tls.certificates[].chain",
     .type = KeyType::path,
     .presence = Presence::required,
     .reload = Reload::live,
     .help =
         "PEM file: the certificate, then its issuers up to but without the root.  Its keyUsage, "
         "if there is one, has to allow digitalSignature, or keyEncipherment for RSA key "
         "exchange."},
    {.path = "listener[].tls.certificates[].key",
     .type = KeyType::path,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "PEM file with the private key, not encrypted."},
    {.path = "listener[].tls.certificates[].ocsp",
     .type = KeyType::path,
     .presence = Presence::optional,
     .reload = Reload::live,
     .help = "OCSP response in DER, shown to clients that ask (stapling).  The file is read again "
             "when it changes."},
    {.path = "listener[].tls.alpn[].protocol",
     .type = KeyType::text,
     .presence = Presence::required,
     .minimum = 1,
     .maximum = 255,
     .reload = Reload::live,
     .help = "Protocol name as registered with IANA: \"h2\", \"http/1.1\"."},
    {.path = "listener[].tls.alpn[].pool",
     .type = KeyType::name,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Name of a pool whose backends speak that protocol."},
    {.path = "listener[].tls.tickets.enabled",
     .type = KeyType::boolean,
     .default_text = "true",
     .reload = Reload::live,
     .help = "Whether clients are given tickets, and may use them."},
    {.path = "listener[].tls.tickets.lifetime_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 60,
     .maximum = 86'400,
     .default_text = "7200",
     .reload = Reload::live,
     .help = "How long a ticket is good for, and so how long a TLS 1.2 session lives."},
    {.path = "listener[].tls.tickets.psk_only",
     .type = KeyType::boolean,
     .default_text = "false",
     .reload = Reload::live,
     .help = "Let TLS 1.3 clients that offer nothing else resume without a key exchange, as small "
             "devices do; their connections then have no forward secrecy."},
    {.path = "listener[].tls.tickets.session_ids",
     .type = KeyType::boolean,
     .default_text = "true",
     .reload = Reload::live,
     .help =
         "Keep sessions of TLS 1.2 clients that were given no ticket here, under session IDs, "
         "for `lifetime_seconds`.  They are good on this appliance alone, and end when it does.  "
         "Without `enabled` there are none: nothing of a connection outlives it then."},
    {.path = "listener[].tls.client_auth",
     .type = KeyType::text,
     .presence = Presence::planned,
     .help = "Client certificates."},
    {.path = "listener[].limits.handshake_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 300,
     .default_text = "10",
     .reload = Reload::live,
     .help = "From the client's first proven segment to the end of the TLS handshake."},
    {.path = "listener[].limits.client_hello_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 300,
     .default_text = "5",
     .reload = Reload::live,
     .help = "From the client's first proven segment to its complete ClientHello."},
    {.path = "listener[].limits.backend_connect_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 60,
     .default_text = "1",
     .reload = Reload::live,
     .help = "How long a backend may take to answer a SYN before another one is tried."},
    {.path = "listener[].limits.idle_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 86'400,
     .default_text = "300",
     .reload = Reload::live,
     .help = "A connection without a byte either way is closed after this time."},
    {.path = "listener[].limits.half_close_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 86'400,
     .default_text = "60",
     .reload = Reload::live,
     .help = "How long one direction may stay open after the other has closed."},
    {.path = "listener[].limits.client_receive_buffer_bytes",
     .type = KeyType::integer,
     .unit = "bytes",
     // Below one whole TLS record, a record could never complete.
     .minimum = 16'645,
     .maximum = 16'777'216,
     .default_text = "4194304",
     .reload = Reload::live,
     .help = "Largest window offered to a client.  It begins with 64 KiB and grows with what the "
             "client sends in a round trip, as far as frames are left."},
    {.path = "listener[].limits.backend_receive_buffer_bytes",
     .type = KeyType::integer,
     .unit = "bytes",
     .minimum = 4'096,
     .maximum = 16'777'216,
     .default_text = "4194304",
     .reload = Reload::live,
     .help = "Largest window offered to a backend, likewise."},
    {.path = "listener[].limits.send_buffer_bytes",
     .type = KeyType::integer,
     .unit = "bytes",
     // The largest record of a client as one for its backend: with less it would wait for ever.
     .minimum = 16'762,
     .maximum = 67'108'864,
     .default_text = "4194304",
     .reload = Reload::live,
     .help = "Bytes that may wait for an acknowledgement, on each side of a connection, when the "
             "path takes as many; 256 KiB before that is known."},
    {.path = "listener[].limits.max_connections",
     .type = KeyType::integer,
     .unit = "connections",
     .minimum = 0,
     .maximum = 16'000'000,
     .default_text = "0",
     .reload = Reload::live,
     .help =
         "Connections of this listener at once; 0: as many as the appliance holds.  A client that "
         "comes when there are as many gets no answer, and tries again by itself."},
    {.path = "listener[].limits.max_handshakes",
     .type = KeyType::integer,
     .unit = "connections",
     .minimum = 0,
     .maximum = 16'000'000,
     .default_text = "0",
     .reload = Reload::live,
     .help = "Those of them whose TLS handshake is not over; 0: no limit of its own."},
    {.path = "listener[].limits.prefix_handshakes",
     .type = KeyType::integer,
     .unit = "connections",
     .minimum = 0,
     .maximum = 16'000'000,
     .default_text = "0",
     .reload = Reload::live,
     .help =
         "Unfinished TLS handshakes of one /24 (IPv4) or /56 (IPv6) at once; 0: no limit.  Without "
         "one, clients of one network that connect and then wait can hold every place of the "
         "listener.  Each lcore allows its part of them, and three standard deviations more: with "
         "many lcores and a small number that comes to several times as many."},
    {.path = "listener[].limits.prefix_connections_per_second",
     .type = KeyType::integer,
     .unit = "connections",
     .minimum = 0,
     .maximum = 1'000'000,
     .default_text = "0",
     .reload = Reload::live,
     .help =
         "New connections per second from one /24 (IPv4) or /56 (IPv6), as many of them at once; "
         "0: no limit.  Each lcore allows its part, as for `prefix_handshakes`.  Many clients may "
         "share a network with one provider's address translation."},

    {.path = "pool[].name",
     .type = KeyType::name,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Name by which listeners refer to the pool."},
    {.path = "pool[].source_addresses",
     .type = KeyType::ip_address,
     .arity = Arity::one_or_many,
     .reload = Reload::live,
     .help = "Own addresses from which backends are connected to; by default the first address of "
             "the interface that leads to them, per family."},
    {.path = "pool[].local_port_first",
     .type = KeyType::integer,
     .minimum = 1'024,
     .maximum = 65'535,
     .default_text = "16384",
     .reload = Reload::live,
     .help = "Lowest local port for connections to backends."},
    {.path = "pool[].local_port_last",
     .type = KeyType::integer,
     .minimum = 1'024,
     .maximum = 65'535,
     .default_text = "65535",
     .reload = Reload::live,
     .help = "Highest local port for connections to backends."},
    {.path = "pool[].balance",
     .type = KeyType::choice,
     .choices = "round_robin | maglev least_connections",
     .default_text = "\"round_robin\"",
     .reload = Reload::live,
     .help = "How a backend is chosen: round_robin takes turns, by weight."},
    {.path = "pool[].tls.verify",
     .type = KeyType::choice,
     .choices = "on off",
     .default_text = "\"on\"",
     .reload = Reload::live,
     .help = "off takes every backend for the right one, whatever certificate it shows; that "
             "protects against those who listen, and not against those who stand in the way."},
    {.path = "pool[].tls.ca",
     .type = KeyType::path,
     .reload = Reload::live,
     .help = "PEM file with the authorities that may vouch for the backends, roots or not; by "
             "default those that the system trusts.  It is read at start."},
    {.path = "pool[].tls.server_name",
     .type = KeyType::text,
     .minimum = 1,
     .maximum = 253,
     .reload = Reload::live,
     .help = "Host name or IP address that the certificates of the backends have to be for.  A "
             "host name is sent to them, too (SNI).  Required unless verify is off."},
    {.path = "pool[].tls.policy",
     .type = KeyType::choice,
     .choices = "modern intermediate compatible",
     .default_text = "\"intermediate\"",
     .reload = Reload::live,
     .help = "As of listeners: modern speaks TLS 1.3 only.  Towards backends it is always ECDHE "
             "with AES-GCM or ChaCha20-Poly1305."},
    {.path = "pool[].tls.alpn",
     .type = KeyType::text,
     .minimum = 1,
     .maximum = 255,
     .reload = Reload::live,
     .help = "Application protocol that is asked for, \"http/1.1\" or \"h2\"; a backend that does "
             "not agree to it is not used.  None is asked for by default.  It has to be what the "
             "clients speak: nothing is translated."},
    {.path = "pool[].tls.handshake_seconds",
     .type = KeyType::integer,
     .unit = "seconds",
     .minimum = 1,
     .maximum = 60,
     .default_text = "3",
     .reload = Reload::live,
     .help = "How long the TLS handshake with a backend may take before another one is tried."},
    {.path = "pool[].proxy_protocol",
     .type = KeyType::choice,
     .choices = "off v2",
     .default_text = "\"off\"",
     .reload = Reload::live,
     .help = "Whether backends are told, before anything else, whose connection it is: addresses, "
             "server name, TLS version and certificate of the client, in a header of the PROXY "
             "protocol version 2.  They must expect it."},
    {.path = "pool[].health",
     .type = KeyType::text,
     .presence = Presence::planned,
     .help = "Health probes."},
    {.path = "pool[].backends[].address",
     .type = KeyType::socket_address,
     .presence = Presence::required,
     .reload = Reload::live,
     .help = "Where the server listens: \"198.18.0.20:8080\"."},
    {.path = "pool[].backends[].weight",
     .type = KeyType::integer,
     .minimum = 0,
     .maximum = 1'000,
     .default_text = "1",
     .reload = Reload::live,
     .help = "Share of new connections, relative to the other backends; 0 sends none."},
});

std::string joined(const std::vector<std::string_view>& words, std::string_view last_separator) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last_separator : ", ";
    out += '"';
    out += words[i];
    out += '"';
  }
  return out;
}

std::string bounds(const Key& key) {
  return "from " + std::to_string(key.minimum) + " to " + std::to_string(key.maximum);
}

std::string expectation_of_one(const Key& key) {
  switch (key.type) {
    case KeyType::text:
      return "a text of " + std::to_string(key.minimum) + " to " + std::to_string(key.maximum) +
             " printable characters";
    case KeyType::name:
      return "a name of letters, digits, '-', '_' and '.' (at most " +
             std::to_string(kMaxNameLength) + ", a letter or digit first)";
    case KeyType::boolean:
      return "true or false";
    case KeyType::integer:
      return key.unit.empty() ? "a whole number " + bounds(key)
                              : "a whole number of " + std::string{key.unit} + " " + bounds(key);
    case KeyType::choice:
      return joined(choices_of(key).built, " or ");
    case KeyType::ip_address:
      return "an IP address like \"198.18.0.1\" or \"2001:db8::1\"";
    case KeyType::ip_prefix:
      return "an address with its prefix length, like \"198.18.0.1/24\" or \"2001:db8::1/64\"";
    case KeyType::socket_address:
      return "an address with a port, like \"198.18.0.10:443\" or \"[2001:db8::10]:443\"";
    case KeyType::path:
      return "the path of a file";
  }
  return {};
}

// wrap appends `text` to `out`, broken into lines of at most 80 columns that start with `indent`.
void wrap(std::string& out, std::string_view text, std::string_view indent) {
  constexpr std::size_t kColumns = 80;
  std::string line{indent};
  const auto end_line = [&] {
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    line = indent;
  };
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kColumns) {
      end_line();
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  end_line();
}

bool is_direct_child(std::string_view path, std::string_view section) {
  return path.size() > section.size() + 1 && path.starts_with(section) &&
         path[section.size()] == '.' &&
         path.find('.', section.size() + 1) == std::string_view::npos;
}

// heading is how the section is written in a file.
std::string heading(const Section& section) {
  const std::string_view path = section.path;
  const std::size_t dot = path.find('.');
  if (dot != std::string_view::npos) {
    std::string inner{path.substr(dot + 1)};
    std::string outer{path.substr(0, dot)};
    const bool several = inner.ends_with("[]");
    std::erase(inner, '[');
    std::erase(inner, ']');
    std::erase(outer, '[');
    std::erase(outer, ']');
    return several ? inner + " = [{ ... }]   (in [[" + outer + "]])"
                   : inner + ".   (in [[" + outer + "]])";
  }
  if (path.ends_with("[]")) return "[[" + std::string{path.substr(0, path.size() - 2)} + "]]";
  return "[" + std::string{path} + "]";
}

}  // namespace

std::span<const Key> keys() noexcept { return kKeys; }
std::span<const Section> sections() noexcept { return kSections; }

const Key* find_key(std::string_view path) noexcept {
  const auto* found = std::ranges::find(kKeys, path, &Key::path);
  return found == kKeys.end() ? nullptr : found;
}

const Section* find_section(std::string_view path) noexcept {
  const auto* found = std::ranges::find(kSections, path, &Section::path);
  return found == kSections.end() ? nullptr : found;
}

Choices choices_of(const Key& key) {
  Choices choices;
  bool planned = false;
  std::string_view rest = key.choices;
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    if (word == "|") {
      planned = true;
    } else {
      (planned ? choices.planned : choices.built).push_back(word);
    }
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return choices;
}

std::string expectation(const Key& key) {
  switch (key.arity) {
    case Arity::one:
      return expectation_of_one(key);
    case Arity::many:
      return "an array, each item " + expectation_of_one(key);
    case Arity::one_or_many:
      return expectation_of_one(key) + ", or an array of them";
  }
  return {};
}

std::string manual() {
  std::string out =
      "Sallyport reads one TOML file.  Unknown keys are errors.  Paths are relative to the\n"
      "directory of the file.\n";
  for (const Section& section : sections()) {
    out += "\n" + heading(section) + "\n";
    wrap(out, section.help, "  ");
    for (const Key& key : keys()) {
      if (!is_direct_child(key.path, section.path) || key.presence == Presence::planned) continue;
      out += "\n  " + std::string{key.path.substr(section.path.size() + 1)} + "\n";
      wrap(out, key.help, "      ");
      wrap(out, "Value: " + expectation(key) + ".", "      ");
      if (key.presence == Presence::required) {
        wrap(out, "Required.", "      ");
      } else if (!key.default_text.empty()) {
        wrap(out, "Default: " + std::string{key.default_text}, "      ");
      }
    }
  }
  return out;
}

}  // namespace sallyport::config
