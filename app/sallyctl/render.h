// render: telemetry documents as people read them.  Pure functions; what a document lacks is left
// out or shown as 0, so that a daemon of another version is still readable.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace sallyport::sallyctl {

using Json = nlohmann::ordered_json;

enum class Detail : std::uint8_t {
  relevant,  // only what has happened
  all,       // also counters that are zero
};

[[nodiscard]] std::string render_handshakes(const Json& document, Detail detail);
[[nodiscard]] std::string render_connections(const Json& document, Detail detail);
[[nodiscard]] std::string render_lcores(const Json& document, Detail detail);
[[nodiscard]] std::string render_ports(const Json& document, Detail detail);
[[nodiscard]] std::string render_backends(const Json& document, Detail detail);
[[nodiscard]] std::string render_fingerprints(const Json& document, Detail detail);
[[nodiscard]] std::string render_drops(const Json& document, Detail detail);

}  // namespace sallyport::sallyctl
