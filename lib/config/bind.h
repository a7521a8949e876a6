// bind: which member of Config holds which key.  A visitor that reads TOML and one that writes it
// walk the same binding, so neither can forget a key; types, ranges and help stand in the key
// table.
//
//   field(name, member)    a key
//   table(name, member)    a table that stands at most once; of an optional member it matters
//                          whether it stands at all
//   tables(name, members)  an array of tables
#pragma once
#include "lib/config/config.h"

namespace sallyport::config {

template <class Visitor>
void bind(Visitor& v, Dataplane& d) {
  v.field("name", d.name);
  v.field("io_lcores", d.io_lcores);
  v.field("max_connections", d.max_connections);
  v.field("max_sessions", d.max_sessions);
  v.field("huge_pages", d.huge_pages);
  v.field("memory_megabytes", d.memory_megabytes);
  v.field("frames_per_lcore", d.frames_per_lcore);
  v.field("allow_rsa_on_io", d.allow_rsa_on_io);
}

template <class Visitor>
void bind(Visitor& v, Cluster& c) {
  v.field("secret_file", c.secret_file);
}

template <class Visitor>
void bind(Visitor& v, Port& p) {
  v.field("name", p.name);
  v.field("device", p.device);
  v.field("profile", p.profile);
  v.field("mtu", p.mtu);
  v.field("rx_descriptors", p.rx_descriptors);
  v.field("tx_descriptors", p.tx_descriptors);
}

template <class Visitor>
void bind(Visitor& v, Route& r) {
  v.field("to", r.to);
  v.field("via", r.via);
}

template <class Visitor>
void bind(Visitor& v, Interface& i) {
  v.field("port", i.port);
  v.field("vlan", i.vlan);
  v.field("addresses", i.addresses);
  v.field("gateway4", i.gateway4);
  v.field("gateway6", i.gateway6);
  v.field("mtu", i.mtu);
  v.field("reply", i.reply);
  v.field("strays", i.strays);
  v.tables("routes", i.routes);
}

template <class Visitor>
void bind(Visitor& v, CertificateFiles& c) {
  v.field("chain", c.chain);
  v.field("key", c.key);
  v.field("ocsp", c.ocsp);
}

template <class Visitor>
void bind(Visitor& v, AlpnRule& a) {
  v.field("protocol", a.protocol);
  v.field("pool", a.pool);
}

template <class Visitor>
void bind(Visitor& v, Tickets& t) {
  v.field("enabled", t.enabled);
  v.field("lifetime_seconds", t.lifetime_seconds);
  v.field("psk_only", t.psk_only);
  v.field("session_ids", t.session_ids);
}

template <class Visitor>
void bind(Visitor& v, Tls& t) {
  v.field("policy", t.policy);
  v.field("unknown_name", t.unknown_name);
  v.field("suite_preference", t.suite_preference);
  v.field("compress_certificates", t.compress_certificates);
  v.field("client_certificates", t.client_certificates);
  v.field("client_ca", t.client_ca);
  v.field("client_crl", t.client_crl);
  v.field("client_depth", t.client_depth);
  v.field("fingerprints", t.fingerprints);
  v.tables("certificates", t.certificates);
  v.tables("alpn", t.alpn);
  v.table("tickets", t.tickets);
}

template <class Visitor>
void bind(Visitor& v, Limits& l) {
  v.field("handshake_seconds", l.handshake_seconds);
  v.field("client_hello_seconds", l.client_hello_seconds);
  v.field("backend_connect_seconds", l.backend_connect_seconds);
  v.field("idle_seconds", l.idle_seconds);
  v.field("half_close_seconds", l.half_close_seconds);
  v.field("client_receive_buffer_bytes", l.client_receive_buffer_bytes);
  v.field("backend_receive_buffer_bytes", l.backend_receive_buffer_bytes);
  v.field("send_buffer_bytes", l.send_buffer_bytes);
  v.field("max_connections", l.max_connections);
  v.field("max_handshakes", l.max_handshakes);
  v.field("prefix_handshakes", l.prefix_handshakes);
  v.field("prefix_connections_per_second", l.prefix_connections_per_second);
}

template <class Visitor>
void bind(Visitor& v, TcpPolicy& t) {
  v.field("syn_mode", t.syn_mode);
  v.field("congestion_control", t.congestion_control);
  v.field("ecn", t.ecn);
  v.field("keep_alive_seconds", t.keep_alive_seconds);
}

template <class Visitor>
void bind(Visitor& v, Listener& l) {
  v.field("name", l.name);
  v.field("address", l.addresses);
  v.field("pool", l.pool);
  v.table("tcp", l.tcp);
  v.table("tls", l.tls);
  v.table("limits", l.limits);
}

template <class Visitor>
void bind(Visitor& v, Backend& b) {
  v.field("address", b.address);
  v.field("weight", b.weight);
}

template <class Visitor>
void bind(Visitor& v, PoolTls& t) {
  v.field("verify", t.verify);
  v.field("ca", t.ca);
  v.field("server_name", t.server_name);
  v.field("policy", t.policy);
  v.field("alpn", t.alpn);
  v.field("handshake_seconds", t.handshake_seconds);
}

template <class Visitor>
void bind(Visitor& v, Pool& p) {
  v.field("name", p.name);
  v.field("source_addresses", p.source_addresses);
  v.field("local_port_first", p.local_port_first);
  v.field("local_port_last", p.local_port_last);
  v.field("balance", p.balance);
  v.field("proxy_protocol", p.proxy_protocol);
  v.table("tls", p.tls);
  v.tables("backends", p.backends);
}

template <class Visitor>
void bind(Visitor& v, Config& c) {
  v.table("dataplane", c.dataplane);
  v.table("cluster", c.cluster);
  v.tables("port", c.ports);
  v.tables("interface", c.interfaces);
  v.tables("listener", c.listeners);
  v.tables("pool", c.pools);
}

}  // namespace sallyport::config
