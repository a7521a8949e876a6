#include "app/sallyport/telemetry_commands.h"

#include <chrono>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#include "lib/admin/documents.h"
#include "lib/admin/reports.h"
#include "lib/dpdk/telemetry.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport {

TelemetryCommands::~TelemetryCommands() { dpdk::close_telemetry(); }

dpdk::Failure TelemetryCommands::add() {
  const dpdk::TelemetryCommand all[] = {
      {"/sallyport/handshakes", "Handshakes by stage, failures, times. Takes no parameters",
       [](void* self, std::string_view) {
         return static_cast<TelemetryCommands*>(self)->handshakes();
       },
       this},
      {"/sallyport/connections", "Connections. Parameters: int number of the first to list",
       [](void* self, std::string_view parameters) {
         return static_cast<TelemetryCommands*>(self)->connections(parameters);
       },
       this},
      {"/sallyport/lcores",
       "What lcores spend their time on. Parameters: int number of the first to list",
       [](void* self, std::string_view parameters) {
         return static_cast<TelemetryCommands*>(self)->lcores(parameters);
       },
       this},
      {"/sallyport/ports",
       "Ports, their offloads and counters. Parameters: int number of the first to list",
       [](void* self, std::string_view parameters) {
         return static_cast<TelemetryCommands*>(self)->ports(parameters);
       },
       this},
      {"/sallyport/backends", "Backends. Parameters: int number of the first to list",
       [](void* self, std::string_view parameters) {
         return static_cast<TelemetryCommands*>(self)->backends(parameters);
       },
       this},
      {"/sallyport/fingerprints",
       "Kinds of client programs. Parameters: int number of the first to list",
       [](void* self, std::string_view parameters) {
         return static_cast<TelemetryCommands*>(self)->fingerprints(parameters);
       },
       this},
      {"/sallyport/drops", "Frames dropped, by reason. Takes no parameters",
       [](void* self, std::string_view) { return static_cast<TelemetryCommands*>(self)->drops(); },
       this},
  };
  for (const dpdk::TelemetryCommand& command : all) {
    if (dpdk::Failure failure = dpdk::add_telemetry_command(command)) return failure;
  }
  return {};
}

std::vector<const stats::WorkerStats*> TelemetryCommands::stats_of_workers() const {
  std::vector<const stats::WorkerStats*> all;
  for (const auto& worker : dataplane_.workers()) all.push_back(&worker->processor->stats());
  return all;
}

Document TelemetryCommands::handshakes() const {
  return admin::handshakes_document(stats_of_workers());
}

Document TelemetryCommands::drops() const { return admin::drops_document(stats_of_workers()); }

// answers asks all workers for a list of theirs, and returns those that came.
template <class ListOf>
auto TelemetryCommands::answers(ListOf&& list_of) const {
  using List = std::remove_reference_t<decltype(list_of(*dataplane_.workers()[0]->processor))>;
  struct Answer {
    std::uint16_t index;
    const List* list;
  };
  // Lcores answer within an iteration; one that does not is left out.
  constexpr milliseconds kPatience{200};
  for (const auto& worker : dataplane_.workers()) list_of(*worker->processor).request();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::vector<Answer> all;
  for (const auto& worker : dataplane_.workers()) {
    const List& list = list_of(*worker->processor);
    while (!list.ready() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(microseconds{100});
    }
    if (list.ready()) all.push_back({worker->index, &list});
  }
  return all;
}

Document TelemetryCommands::connections(std::string_view parameters) const {
  const std::lock_guard lock{list_mutex_};
  std::vector<admin::ConnectionReport> reports;
  for (const auto& worker : answers([](auto& p) -> auto& { return p.connections(); })) {
    worker.list->append_to(reports, worker.index, dpdk::Eal::tsc_rate());
  }
  return admin::connections_document(stats_of_workers(), reports, admin::first_of(parameters));
}

Document TelemetryCommands::fingerprints(std::string_view parameters) const {
  const std::lock_guard lock{list_mutex_};
  std::vector<const FingerprintList*> lists;
  for (const auto& worker : answers([](auto& p) -> auto& { return p.fingerprints(); })) {
    lists.push_back(worker.list);
  }
  return admin::fingerprints_document(FingerprintList::merge(lists), admin::first_of(parameters));
}

Document TelemetryCommands::lcores(std::string_view parameters) const {
  std::vector<admin::LcoreReport> reports;
  for (const auto& worker : dataplane_.workers()) {
    admin::LcoreReport& report = reports.emplace_back();
    report.lcore = static_cast<std::uint16_t>(worker->place.lcore);
    report.stats = &worker->processor->stats();
    report.ticks_per_us = dpdk::Eal::tsc_rate().hz / 1'000'000;
    report.iterations = worker->lcore->num_iterations();
    report.executor = &worker->processor->executor().counters();
  }
  return admin::lcores_document(reports, admin::first_of(parameters));
}

Document TelemetryCommands::ports(std::string_view parameters) const {
  std::vector<admin::PortReport> reports;
  for (const auto& port : dataplane_.ports()) {
    const dpdk::PortReport from = port->report();
    const dpdk::PortCounters counters = port->counters();
    const dpdk::LinkState link = port->link();
    admin::PortReport& to = reports.emplace_back();
    to.name = from.name;
    to.device = from.device;
    to.driver = from.driver;
    to.mac = from.mac;
    to.link_up = link.up;
    to.link_mbps = link.megabits;
    to.mtu = from.mtu;
    to.rx_queues = to.tx_queues = from.num_queues;
    to.steering = dpdk::name_of(from.steering);
    for (const dpdk::Choice& choice : from.choices) {
      if (choice.provider == dpdk::Provider::hardware) to.offloads.emplace_back(choice.offload);
      if (choice.provider == dpdk::Provider::software) to.emulated.emplace_back(choice.offload);
    }
    to.rx_frames = counters.rx_frames;
    to.rx_bytes = counters.rx_bytes;
    to.tx_frames = counters.tx_frames;
    to.tx_bytes = counters.tx_bytes;
    to.rx_missed = counters.rx_missed;
    to.rx_no_buffer = counters.rx_no_buffer;
    to.rx_errors = counters.rx_errors;
    to.tx_errors = counters.tx_errors;
  }
  return admin::ports_document(reports, admin::first_of(parameters));
}

Document TelemetryCommands::backends(std::string_view parameters) const {
  std::vector<admin::BackendReport> reports;
  const std::lock_guard lock{control_mutex_};
  const snapshot::Snapshot* now = publisher_.current();
  if (now == nullptr) return admin::backends_document(reports, admin::first_of(parameters));
  const std::vector<const stats::WorkerStats*> workers = stats_of_workers();
  for (const snapshot::Pool& pool : *now->pools) {
    for (const snapshot::Backend& backend : pool.backends) {
      const snapshot::NextHop& hop =
          (*now->interfaces)[backend.interface.value].next_hops[backend.next_hop];
      admin::BackendReport& report = reports.emplace_back();
      report.pool = pool.name;
      report.address = backend.address;
      report.weight = backend.weight;
      report.speaks_tls = pool.tls != nullptr;
      report.healthy = backend.healthy;
      report.next_hop_resolved = hop.resolved;
      report.next_hop_mac = hop.mac;
      for (const stats::WorkerStats* worker : workers) {
        using stats::BackendCounter;
        const auto& counters = worker->backends[backend.counter];
        report.connections += counters.value(BackendCounter::connections);
        report.established += counters.value(BackendCounter::established);
        report.refused += counters.value(BackendCounter::refused);
        report.timed_out += counters.value(BackendCounter::timed_out);
        report.tls_established += counters.value(BackendCounter::tls_established);
        report.tls_resumed += counters.value(BackendCounter::tls_resumed);
        report.tls_failed += counters.value(BackendCounter::tls_failed);
      }
    }
  }
  return admin::backends_document(reports, admin::first_of(parameters));
}

}  // namespace sallyport
