// TelemetryClient: asks a running DPDK process over its telemetry socket.
#pragma once
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace sallyport::sallyctl {

// Json keeps the order in which the daemon wrote things.
using Json = nlohmann::ordered_json;

// Unreachable: nothing answers.  what() is for the operator.
class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TelemetryClient {
 public:
  // Connects to instance `name` in the directory that DPDK uses for this user.
  explicit TelemetryClient(const std::string& name);
  // Connects to a socket by its path.
  static TelemetryClient at_path(const std::string& path, const std::string& name);
  ~TelemetryClient();
  TelemetryClient(TelemetryClient&& other) noexcept;
  TelemetryClient(const TelemetryClient&) = delete;
  TelemetryClient& operator=(const TelemetryClient&) = delete;
  TelemetryClient& operator=(TelemetryClient&&) = delete;

  // ask sends "/sallyport/drops" or "/sallyport/connections,32" and returns the document in the
  // answer.
  [[nodiscard]] Json ask(const std::string& command);

  // socket_path is where DPDK puts the socket of a process with that file prefix.
  [[nodiscard]] static std::string socket_path(const std::string& name);

 private:
  TelemetryClient(const std::string& path, const std::string& name);
  [[nodiscard]] std::string receive();

  std::string name_;
  int socket_ = -1;
  std::size_t max_answer_ = 16'384;
};

}  // namespace sallyport::sallyctl
