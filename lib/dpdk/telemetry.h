// Telemetry: our documents as commands of DPDK's telemetry socket, so that sallyctl and
// dpdk-telemetry.py read them alike.  The socket is for reading; it changes nothing.
#pragma once
#include <cstddef>
#include <string_view>

#include "lib/base/document.h"
#include "lib/dpdk/eal.h"

namespace sallyport::dpdk {

// What the socket carries in one answer, the command's name included; what does not fit would be
// left out silently, so a longer document is answered by {error, bytes} instead.
constexpr std::size_t kMaxTelemetryBytes = 16 * 1024;

// DocumentSource makes the document of one command; `parameters` is what followed the first comma.
// It is called on DPDK's telemetry threads, several at a time.
using DocumentSource = Document (*)(void* context, std::string_view parameters);

struct TelemetryCommand {
  const char* path = "";  // "/sallyport/handshakes", at most 55 bytes
  const char* help = "";  // at most 63 bytes
  DocumentSource source = nullptr;
  void* context = nullptr;
};

// add_telemetry_command registers a command for the rest of the process's life; strings and context
// outlive it.  At most 32.  Control thread only.
[[nodiscard]] Failure add_telemetry_command(const TelemetryCommand& command);

// close_telemetry returns when no source is being called and none will be again: before what they
// read is destroyed.  DPDK itself goes on answering, with null for our commands.
void close_telemetry() noexcept;

}  // namespace sallyport::dpdk
