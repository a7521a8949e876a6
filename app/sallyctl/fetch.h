// fetch: a document of the daemon, put together where it comes in parts.
#pragma once
#include <cstddef>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace sallyport::sallyctl {

using Json = nlohmann::ordered_json;

// Ask sends a command and returns the document in the answer.
using Ask = std::function<Json(const std::string& command)>;

constexpr std::size_t kAllEntries = std::numeric_limits<std::size_t>::max();

// fetch asks for a document and, as long as there are more and no `limit` is reached, for the rest
// of the entries in its `list`: {"0": {...}, "1": {...}, ...}.  `list` is empty for documents that
// come whole.
[[nodiscard]] Json fetch(const Ask& ask, const std::string& command, const std::string& list,
                         std::size_t limit = kAllEntries);

}  // namespace sallyport::sallyctl
