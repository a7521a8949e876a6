#include "app/sallyport/connection_list.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "app/sallyport/hex_text.h"

namespace sallyport {
namespace {

const char* name_of(worker::Phase phase) {
  switch (phase) {
    case worker::Phase::handshake:
      return "handshake";
    case worker::Phase::connecting:
    case worker::Phase::greeting:
    case worker::Phase::relaying:
      return "established";
    case worker::Phase::ending:
      return "closing";
  }
  return "";
}

const char* name_of(wire::ProtocolVersion version) {
  if (version == wire::ProtocolVersion::tls13) return "1.3";
  return version == wire::ProtocolVersion::tls12 ? "1.2" : "";
}

}  // namespace

void ConnectionList::copy(const worker::Worker& worker, Tsc now) noexcept {
  num_rows_ = 0;
  const std::size_t limit = std::min(kMaxRows, worker.num_connections());
  worker.for_each_connection(limit, [&](const worker::Connection& c) {
    const tcp::Tcb& backend = c.backend.tcb;
    Row& row = rows_[num_rows_++];
    row.client = c.client.tuple;
    row.client_state = c.client.tcb.state;
    row.has_backend = c.backend.in_use;
    row.backend = c.backend.tuple;
    row.backend_state = backend.state;
    row.phase = c.phase;
    row.version = c.tls.version();
    row.age = now - c.accepted;
    row.known_client = {};
    if (const auto* client = worker.client_of(c)) row.known_client = *client;
    const worker::BackendLeg* leg = worker.leg_of(c);
    row.backend_speaks_tls = leg != nullptr;
    row.backend_version = leg == nullptr ? wire::ProtocolVersion::none : leg->tls.version();
    // The backend's sequence numbers count what goes over the wire to it, and the SYN.
    row.to_backend = backend.syn_acked ? tcp::distance(backend.iss, backend.snd_una) - 1 : 0;
    row.to_client = backend.syn_acked ? tcp::distance(backend.irs, backend.rcv_nxt) - 1 : 0;
  });
}

void ConnectionList::append_to(std::vector<admin::ConnectionReport>& reports, std::uint16_t worker,
                               TscRate rate) const {
  for (const Row& row : std::span{rows_}.first(num_rows_)) {
    admin::ConnectionReport& report = reports.emplace_back();
    report.worker = worker;
    report.client = row.client.remote;
    report.listener = row.client.local;
    report.client_state = tcp::name_of(row.client_state);
    report.tls_state = name_of(row.phase);
    report.tls_version = name_of(row.version);
    const auto age = std::chrono::duration_cast<milliseconds>(rate.nanos(row.age));
    report.age_milliseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0));
    if (row.known_client.verdict == crypto::ClientVerdict::ok) {
      report.client_subject = row.known_client.subject();
      report.client_fingerprint = hex_text(row.known_client.fingerprint);
    }
    if (!row.has_backend) continue;
    report.source = row.backend.local;
    report.backend = row.backend.remote;
    report.backend_state = tcp::name_of(row.backend_state);
    if (row.backend_speaks_tls) {
      report.backend_tls = name_of(row.backend_version);
      if (report.backend_tls.empty()) report.backend_tls = "handshake";
    }
    report.client_to_backend_bytes = row.to_backend;
    report.backend_to_client_bytes = row.to_client;
  }
}

}  // namespace sallyport
