#include "lib/admin/documents.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

namespace sallyport::admin {
namespace {

using stats::Counters;
using stats::Descriptions;
using stats::WorkerStats;

// fitting cuts what telemetry could not carry.
std::string fitting(std::string_view text) {
  if (text.size() <= Document::kMaxText) return std::string{text};
  return std::string{text.substr(0, Document::kMaxText - 3)} + "...";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return fitting(out);
}

// sum adds one block of counters over all workers.
template <class Enum>
void sum(Counters<Enum>& total, StatsOfWorkers workers, Counters<Enum> WorkerStats::*member) {
  for (const WorkerStats* worker : workers) total.merge(worker->*member);
}

// add_counts lists a block by name; `none` is no reason and is left out.
template <class Enum>
void add_counts(Document& out, const Counters<Enum>& block) {
  for (std::size_t i = 0; i < Counters<Enum>::kSize; ++i) {
    const std::string_view name = Descriptions<Enum>::all[i].name;
    if (name != "none") out.add(name, block.value(static_cast<Enum>(i)));
  }
}

template <class Enum>
Document counts(StatsOfWorkers workers, Counters<Enum> WorkerStats::*member) {
  Counters<Enum> total;
  sum(total, workers, member);
  Document out;
  add_counts(out, total);
  return out;
}

void add_quantiles(Document& out, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  out.add("p50_nanoseconds", histogram.quantile(0.5));
  out.add("p90_nanoseconds", histogram.quantile(0.9));
  out.add("p99_nanoseconds", histogram.quantile(0.99));
  out.add("p999_nanoseconds", histogram.quantile(0.999));
}

std::string address_or_nothing(const SocketAddress& address) {
  return address.port == 0 ? std::string{} : to_string(address);
}

// permille of `part` in `whole`; ticks of a year stay far below the overflow.
std::uint64_t permille(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : part / std::max<std::uint64_t>(1, whole / 1000);
}

Document lcore_document(const LcoreReport& report) {
  Document out;
  out.add("lcore", std::uint64_t{report.lcore}).add("role", report.role);
  out.add("iterations", report.iterations);
  if (report.stats != nullptr) {
    const WorkerStats& s = *report.stats;
    std::uint64_t ticks = 0;
    for (std::size_t i = 0; i < Counters<stats::LcoreRegime>::kSize; ++i) {
      ticks += s.regime_ticks.value(static_cast<stats::LcoreRegime>(i));
    }
    for (std::size_t i = 0; i < Counters<stats::LcoreRegime>::kSize; ++i) {
      const auto regime = static_cast<stats::LcoreRegime>(i);
      out.add(std::string{stats::name_of(regime)} + "_permille",
              std::min<std::uint64_t>(1000, permille(s.regime_ticks.value(regime), ticks)));
    }
    // Those are shares since the start; two readings of this tell what was done between them.
    const std::uint64_t working = ticks - s.regime_ticks.value(stats::LcoreRegime::idle);
    out.add("working_us", working / report.ticks_per_us);
    out.add("established", s.stages.value(stats::HandshakeStage::tls_established));
    add_counts(out, s.gauges);
    add_counts(out, s.traffic);
  }
  if (report.executor != nullptr) add_counts(out, *report.executor);
  return out;
}

Document port_document(const PortReport& port) {
  Document out;
  out.add("name", fitting(port.name));
  out.add("device", fitting(port.device));
  out.add("driver", fitting(port.driver));
  out.add("mac", to_string(port.mac));
  out.add("link", port.link_up ? "up" : "down");
  out.add("link_mbps", std::uint64_t{port.link_mbps});
  out.add("mtu", std::uint64_t{port.mtu});
  out.add("rx_queues", std::uint64_t{port.rx_queues});
  out.add("tx_queues", std::uint64_t{port.tx_queues});
  out.add("steering", fitting(port.steering));
  out.add("offloads", joined(port.offloads));
  out.add("emulated", joined(port.emulated));
  out.add("rx_frames", port.rx_frames).add("rx_bytes", port.rx_bytes);
  out.add("tx_frames", port.tx_frames).add("tx_bytes", port.tx_bytes);
  out.add("rx_missed", port.rx_missed).add("rx_no_buffer", port.rx_no_buffer);
  out.add("rx_errors", port.rx_errors).add("tx_errors", port.tx_errors);
  return out;
}

Document backend_document(const BackendReport& backend) {
  Document out;
  out.add("pool", fitting(backend.pool));
  out.add("address", to_string(backend.address));
  out.add("weight", std::uint64_t{backend.weight});
  out.add("health", backend.healthy ? "up" : "down");
  out.add("next_hop", backend.next_hop_resolved ? to_string(backend.next_hop_mac) : "unresolved");
  out.add("connections", backend.connections);
  out.add("established", backend.established);
  out.add("refused", backend.refused);
  out.add("timed_out", backend.timed_out);
  if (!backend.speaks_tls) return out;
  out.add("tls_established", backend.tls_established);
  out.add("tls_resumed", backend.tls_resumed);
  out.add("tls_failed", backend.tls_failed);
  return out;
}

Document connection_document(const ConnectionReport& connection) {
  Document out;
  out.add("worker", std::uint64_t{connection.worker});
  out.add("client", to_string(connection.client));
  out.add("listener", to_string(connection.listener));
  out.add("source", address_or_nothing(connection.source));
  out.add("backend", address_or_nothing(connection.backend));
  out.add("client_state", fitting(connection.client_state));
  out.add("backend_state", fitting(connection.backend_state));
  if (!connection.backend_tls.empty()) out.add("backend_tls", fitting(connection.backend_tls));
  out.add("tls_state", fitting(connection.tls_state));
  out.add("tls_version", fitting(connection.tls_version));
  if (!connection.client_fingerprint.empty()) {
    out.add("client_subject", fitting(connection.client_subject));
    out.add("client_fingerprint", connection.client_fingerprint);
  }
  out.add("age_milliseconds", connection.age_milliseconds);
  out.add("client_to_backend_bytes", connection.client_to_backend_bytes);
  out.add("backend_to_client_bytes", connection.backend_to_client_bytes);
  return out;
}

Document fingerprint_document(const FingerprintReport& fingerprint) {
  Document out;
  out.add("ja4", fingerprint.ja4);
  out.add("ja3", fingerprint.ja3);
  out.add("server_name", fitting(fingerprint.server_name));
  out.add("clients", fingerprint.count);
  out.add("error", fingerprint.error);
  return out;
}

// add_part lists the reports from number `first` on under "0", "1", ..., at most so many of them.
template <class Report>
void add_part(Document& out, std::string_view name, std::span<const Report> reports,
              std::size_t first, std::size_t at_most, Document (*document_of)(const Report&)) {
  const auto rest = reports.subspan(std::min(first, reports.size()));
  const auto shown = rest.first(std::min(rest.size(), at_most));
  Document list;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    list.add(std::to_string(i), document_of(shown[i]));
  }
  out.add("first", std::uint64_t{first});
  out.add("shown", std::uint64_t{shown.size()});
  out.add(name, std::move(list));
}

}  // namespace

Document handshakes_document(StatsOfWorkers workers) {
  Counters<stats::HandshakeStage> total;
  sum(total, workers, &WorkerStats::stages);
  Document stages;
  for (std::size_t i = 0; i < Counters<stats::HandshakeStage>::kSize; ++i) {
    Histogram merged;
    for (const WorkerStats* worker : workers) merged.merge(worker->stage_nanoseconds[i]);
    Document stage;
    stage.add("count", total.value(static_cast<stats::HandshakeStage>(i)));
    add_quantiles(stage, merged);
    stages.add(Descriptions<stats::HandshakeStage>::all[i].name, std::move(stage));
  }
  Histogram merged;
  for (const WorkerStats* worker : workers) merged.merge(worker->handshake_nanoseconds);
  Document handshake;
  handshake.add("count", merged.count());
  add_quantiles(handshake, merged);

  Document out;
  out.add("stages", std::move(stages));
  out.add("handshake", std::move(handshake));
  out.add("failures", counts(workers, &WorkerStats::failures));
  out.add("cookie_refusals", counts(workers, &WorkerStats::cookie_refusals));
  out.add("resumptions", counts(workers, &WorkerStats::resumptions));
  out.add("ticket_refusals", counts(workers, &WorkerStats::ticket_refusals));
  out.add("closes", counts(workers, &WorkerStats::closes));
  out.add("backend_tls_failures", counts(workers, &WorkerStats::backend_tls_failures));
  return out;
}

Document connections_document(StatsOfWorkers workers, std::span<const ConnectionReport> connections,
                              std::size_t first) {
  Document out;
  out.add("totals", counts(workers, &WorkerStats::gauges));
  add_part(out, "list", connections, first, kConnectionsPerDocument, connection_document);
  return out;
}

Document lcores_document(std::span<const LcoreReport> lcores, std::size_t first) {
  Document out;
  out.add("total", std::uint64_t{lcores.size()});
  add_part(out, "lcores", lcores, first, kLcoresPerDocument, lcore_document);
  return out;
}

Document ports_document(std::span<const PortReport> ports, std::size_t first) {
  Document out;
  out.add("total", std::uint64_t{ports.size()});
  add_part(out, "ports", ports, first, kPortsPerDocument, port_document);
  return out;
}

Document backends_document(std::span<const BackendReport> backends, std::size_t first) {
  Document out;
  out.add("total", std::uint64_t{backends.size()});
  add_part(out, "backends", backends, first, kBackendsPerDocument, backend_document);
  return out;
}

Document fingerprints_document(const FingerprintsReport& report, std::size_t first) {
  Document out;
  out.add("clients", report.total);
  out.add("total", std::uint64_t{report.list.size()});
  add_part(out, "fingerprints", std::span{report.list}, first, kFingerprintsPerDocument,
           fingerprint_document);
  return out;
}

Document drops_document(StatsOfWorkers workers) {
  Counters<stats::DropReason> drops;
  sum(drops, workers, &WorkerStats::drops);
  std::uint64_t total = 0;
  Document reasons;
  for (std::size_t i = 0; i < Counters<stats::DropReason>::kSize; ++i) {
    const auto reason = static_cast<stats::DropReason>(i);
    if (reason == stats::DropReason::none) continue;
    Document entry;
    entry.add("count", drops.value(reason));
    entry.add("help", fitting(Descriptions<stats::DropReason>::all[i].help));
    reasons.add(stats::name_of(reason), std::move(entry));
    total += drops.value(reason);
  }
  Document out;
  out.add("total", total);
  out.add("reasons", std::move(reasons));
  return out;
}

std::size_t first_of(std::string_view parameters) noexcept {
  std::size_t first = 0;
  for (const char c : parameters) {
    constexpr std::size_t kMost = 100'000'000;
    if (c < '0' || c > '9' || first > kMost) return 0;
    first = first * 10 + static_cast<std::size_t>(c - '0');
  }
  return first;
}

}  // namespace sallyport::admin
