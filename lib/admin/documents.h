// Documents: the telemetry of the whole appliance, one function per `sallyctl show` command.  Pure:
// statistics and reports in, a tree of names and numbers out.  Latencies are in nanoseconds, as the
// field names say; who shows them to people chooses the unit.
//
// One telemetry reply holds 16 KiB of JSON.  What may be longer comes in parts: `first` skips
// entries, and the reader asks again until it has seen them all.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "lib/admin/reports.h"
#include "lib/base/document.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::admin {

using StatsOfWorkers = std::span<const stats::WorkerStats* const>;

constexpr std::size_t kConnectionsPerDocument = 20;
constexpr std::size_t kBackendsPerDocument = 40;
constexpr std::size_t kLcoresPerDocument = 7;
constexpr std::size_t kPortsPerDocument = 16;
constexpr std::size_t kFingerprintsPerDocument = 40;

// {stages: {syn_received: {count, p50_nanoseconds, p90_..., p99_..., p999_...}, ...},
//  handshake: {count, p50_nanoseconds, ...}, failures: {reason: count}, cookie_refusals: {...},
//  closes: {...}}; the percentiles are left out where nothing has been measured.
[[nodiscard]] Document handshakes_document(StatsOfWorkers workers);

// {totals: {connections, handshakes, time_wait, ...}, first, shown, list: {"0": {...}, ...}}
[[nodiscard]] Document connections_document(StatsOfWorkers workers,
                                            std::span<const ConnectionReport> connections,
                                            std::size_t first = 0);

// {total, first, shown, lcores: {"0": {lcore, role, idle_permille, ...}, ...}}; regime shares are
// since start.
[[nodiscard]] Document lcores_document(std::span<const LcoreReport> lcores, std::size_t first = 0);
// {total, first, shown, ports: {"0": {...}, ...}}
[[nodiscard]] Document ports_document(std::span<const PortReport> ports, std::size_t first = 0);
// {total, first, shown, backends: {"0": {...}, ...}}
[[nodiscard]] Document backends_document(std::span<const BackendReport> backends,
                                         std::size_t first = 0);

// {clients, total, first, shown, fingerprints: {"0": {ja4, ja3, server_name, clients, error}, ...}}
[[nodiscard]] Document fingerprints_document(const FingerprintsReport& report,
                                             std::size_t first = 0);

// {total, reasons: {reason: {count, help}}}; every reason, also those that never happened.
[[nodiscard]] Document drops_document(StatsOfWorkers workers);

// first_of reads the parameter of a telemetry command: how many entries to skip.  Anything but a
// number is 0.
[[nodiscard]] std::size_t first_of(std::string_view parameters) noexcept;

}  // namespace sallyport::admin
