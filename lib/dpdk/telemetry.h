// Telemetry: our documents as commands of DPDK's telemetry socket, so that sallyctl and
// dpdk-telemetry.py read them alike.
//
// What that socket can carry is less than JSON, so to_telemetry() changes some of it: see there.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "lib/dpdk/eal.h"

namespace sallyport::dpdk {

// DocumentSource makes the document of one command; `parameters` is what followed the comma.  It is
// called on DPDK's telemetry threads.
using DocumentSource = nlohmann::json (*)(void* context, const std::string& parameters);

struct TelemetryCommand {
  const char* path = "";  // "/sallyport/handshakes"
  const char* help = "";
  DocumentSource source = nullptr;
  void* context = nullptr;
};

// add_telemetry_command registers a command for the rest of the process's life.  At most 32.
// Precondition: the Eal has been started as `announced`.
[[nodiscard]] Failure add_telemetry_command(const TelemetryCommand& command);

}  // namespace sallyport::dpdk
