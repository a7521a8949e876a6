// Reading whole files.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

namespace sallyport::config {

// slurp reads a file of at most `most` bytes; when it cannot, `problem` says why.
[[nodiscard]] std::optional<std::string> slurp(const std::string& path, std::size_t most,
                                               std::string& problem);

}  // namespace sallyport::config
