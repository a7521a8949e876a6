#include "app/sallyctl/fetch.h"

#include <algorithm>
#include <utility>

namespace sallyport::sallyctl {

Json fetch(const Ask& ask, const std::string& command, const std::string& list, std::size_t limit) {
  Json document = ask(command);
  if (list.empty() || !document.contains(list) || !document[list].is_object()) return document;
  const Json first_part = std::move(document[list]);
  Json& entries = document[list] = Json::object();
  const auto take = [&](const Json& part) {
    for (const auto& [name, entry] : part.items()) {
      if (entries.size() < limit) entries[std::to_string(entries.size())] = entry;
    }
  };
  take(first_part);
  const std::size_t wanted = std::min(limit, document.value("total", kAllEntries));
  while (!entries.empty() && entries.size() < wanted) {
    const std::size_t first = entries.size();
    const Json next = ask(command + "," + std::to_string(first));
    // Who does not say that this is the part that was asked for would send the first one forever.
    if (!next.contains(list) || next.value("first", std::size_t{0}) != first) break;
    take(next[list]);
    if (entries.size() == first) break;
  }
  document["shown"] = entries.size();
  return document;
}

}  // namespace sallyport::sallyctl
