#include "lib/config/diagnostic.h"

#include <algorithm>
#include <utility>

namespace sallyport::config {
namespace {

// A file that is wrong in more places than this is shown the first ones; nobody reads the rest.
constexpr std::size_t kMaxShown = 100;

}  // namespace

void Diagnostics::error(Position at, std::string message, std::string remedy) {
  has_errors_ = true;
  insert({Severity::error, at, std::move(message), std::move(remedy)});
}

void Diagnostics::warning(Position at, std::string message, std::string remedy) {
  insert({Severity::warning, at, std::move(message), std::move(remedy)});
}

void Diagnostics::insert(Diagnostic diagnostic) {
  if (all_.size() == kMaxShown) {
    ++num_hidden_;
    return;
  }
  const auto place = std::ranges::upper_bound(all_, diagnostic.at, {}, &Diagnostic::at);
  all_.insert(place, std::move(diagnostic));
}

std::string Diagnostics::text() const {
  std::string out;
  for (const Diagnostic& d : all_) {
    out += file_;
    if (d.at.line != 0) {
      out += ":" + std::to_string(d.at.line) + ":" + std::to_string(d.at.column);
    }
    out += d.severity == Severity::error ? ": error: " : ": warning: ";
    out += d.message + "\n";
    if (!d.remedy.empty()) out += "    " + d.remedy + "\n";
  }
  if (num_hidden_ > 0) out += "... and " + std::to_string(num_hidden_) + " more\n";
  return out;
}

Position Positions::of(std::string_view path) const {
  while (!path.empty()) {
    const auto found = at_.find(path);
    if (found != at_.end() && found->second.line != 0) return found->second;
    const std::size_t end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {};
}

}  // namespace sallyport::config
