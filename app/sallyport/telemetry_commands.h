// The commands under /sallyport on DPDK's telemetry socket: what sallyctl shows.
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "app/sallyport/dataplane.h"
#include "lib/base/document.h"
#include "lib/control/publisher.h"
#include "lib/dpdk/eal.h"

namespace sallyport {

class TelemetryCommands {
 public:
  // All three outlive this object.  `control_mutex` is held by whoever publishes, and by the
  // telemetry threads while they read what is published.
  TelemetryCommands(const Dataplane& dataplane, const control::Publisher& publisher,
                    std::mutex& control_mutex)
      : dataplane_{dataplane}, publisher_{publisher}, control_mutex_{control_mutex} {}
  ~TelemetryCommands();
  TelemetryCommands(const TelemetryCommands&) = delete;
  TelemetryCommands& operator=(const TelemetryCommands&) = delete;

  [[nodiscard]] dpdk::Failure add();

  [[nodiscard]] Document handshakes() const;
  [[nodiscard]] Document connections(std::string_view parameters) const;
  [[nodiscard]] Document lcores(std::string_view parameters) const;
  [[nodiscard]] Document ports(std::string_view parameters) const;
  [[nodiscard]] Document backends(std::string_view parameters) const;
  [[nodiscard]] Document fingerprints(std::string_view parameters) const;
  [[nodiscard]] Document drops() const;

 private:
  template <class ListOf>
  [[nodiscard]] auto answers(ListOf&& list_of) const;
  [[nodiscard]] std::vector<const stats::WorkerStats*> stats_of_workers() const;

  const Dataplane& dataplane_;
  const control::Publisher& publisher_;
  std::mutex& control_mutex_;
  mutable std::mutex list_mutex_;  // lists of lcores answer one thread at a time
};

}  // namespace sallyport
