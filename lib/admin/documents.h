// Documents: the telemetry of the whole appliance, one function per `sallyctl show` command.  Pure:
// statistics and reports in, a tree of names and numbers out.  Latencies are in nanoseconds, as the
// field names say; who shows them to people chooses the unit.
#pragma once
#include <cstddef>
#include <span>

#include "lib/admin/reports.h"
#include "lib/base/document.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::admin {

using StatsOfWorkers = std::span<const stats::WorkerStats* const>;

// One telemetry reply holds 16 KiB of JSON: this many connections fit beside everything else.
constexpr std::size_t kConnectionsPerDocument = 32;

// {stages: {syn_received: {count, help, p50_nanoseconds, ...}, ...}, handshake: {...},
//  failures: {reason: count}, cookie_refusals: {...}, closes: {...}}
[[nodiscard]] Document handshakes_document(StatsOfWorkers workers);

// {totals: {connections, handshakes, time_wait, ...}, first, shown, list: {"0": {...}, ...}}
// `connections` is what the workers offered; `first` skips as many of them.
[[nodiscard]] Document connections_document(StatsOfWorkers workers,
                                            std::span<const ConnectionReport> connections,
                                            std::size_t first = 0);

// {"0": {lcore, role, idle_permille, ...}, ...}; regime shares are since start.
[[nodiscard]] Document lcores_document(std::span<const LcoreReport> lcores);
[[nodiscard]] Document ports_document(std::span<const PortReport> ports);
[[nodiscard]] Document backends_document(std::span<const BackendReport> backends);

// {total, reasons: {reason: {count, help}}}; every reason, also those that never happened.
[[nodiscard]] Document drops_document(StatsOfWorkers workers);

}  // namespace sallyport::admin
