// Reports: what other modules tell the operator's side about themselves, as plain values.  Whoever
// owns the facts fills them in; lib/admin turns them into documents.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/address.h"
#include "lib/stats/executor_counters.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::admin {

struct PortReport {
  std::string name;
  std::string device;  // as configured
  std::string driver;  // "net_tap"
  MacAddress mac;
  bool link_up = false;
  std::uint32_t link_mbps = 0;  // 0 = unknown
  std::uint16_t mtu = 0;
  std::uint16_t rx_queues = 0;
  std::uint16_t tx_queues = 0;
  std::string steering;               // "rss" or "software"
  std::vector<std::string> offloads;  // done by the device
  std::vector<std::string> emulated;  // done in software because the device cannot
  std::uint64_t rx_frames = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t rx_missed = 0;     // the device had no free descriptor
  std::uint64_t rx_no_buffer = 0;  // the pool had no free frame
  std::uint64_t rx_errors = 0;
  std::uint64_t tx_errors = 0;
};

struct BackendReport {
  std::string pool;
  SocketAddress address;
  std::uint32_t weight = 1;
  bool healthy = true;
  bool next_hop_resolved = false;
  MacAddress next_hop_mac;
  // Summed over all workers.
  std::uint64_t connections = 0;  // now
  std::uint64_t established = 0;  // since start, as the next three
  std::uint64_t refused = 0;
  std::uint64_t timed_out = 0;
  bool speaks_tls = false;  // the next three are of use only then
  std::uint64_t tls_established = 0;
  std::uint64_t tls_resumed = 0;
  std::uint64_t tls_failed = 0;
};

struct ConnectionReport {
  std::uint16_t worker = 0;
  SocketAddress client;
  SocketAddress listener;
  SocketAddress source;            // our end towards the backend; port 0 while there is none
  SocketAddress backend;           // port 0 while there is none
  std::string client_state;        // TCP states by their RFC 9293 names: "ESTABLISHED"
  std::string backend_state;       // empty while there is none
  std::string tls_state;           // "handshake", "established", "closing"
  std::string tls_version;         // "1.3", "1.2", empty before negotiation
  std::string backend_tls;         // version of TLS with the backend; "handshake"; empty: plaintext
  std::string client_subject;      // of its certificate; empty: it showed none
  std::string client_fingerprint;  // SHA-256 of that, in hexadecimal
  std::uint64_t age_milliseconds = 0;
  // As they go over the wire to the backend: plaintext, or records.
  std::uint64_t client_to_backend_bytes = 0;
  std::uint64_t backend_to_client_bytes = 0;
};

// FingerprintReport is one kind of client program: of `count` clients at most, and at least
// `count - error`.
struct FingerprintReport {
  std::string ja4;
  std::string ja3;          // of the last of them
  std::string server_name;  // that it asked for, empty: none
  std::uint64_t count = 0;
  std::uint64_t error = 0;
};

struct FingerprintsReport {
  std::uint64_t total = 0;  // clients, also those that are not in the list
  std::vector<FingerprintReport> list;
};

// LcoreReport is one lcore; `stats` must outlive the call it is handed to.
struct LcoreReport {
  std::uint16_t lcore = 0;
  std::string role = "io";
  const stats::WorkerStats* stats = nullptr;
  std::uint64_t ticks_per_us = 1'000;  // of the TSC, never 0
  std::uint64_t iterations = 0;
  const stats::Counters<stats::ExecutorCounter>* executor = nullptr;  // the same holds for it
};

}  // namespace sallyport::admin
