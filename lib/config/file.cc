#include "lib/config/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sallyport::config {

std::optional<std::string> slurp(const std::string& path, std::size_t most, std::string& problem) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    problem = std::strerror(errno);
    return std::nullopt;
  }
  std::string text;
  std::array<char, 16'384> chunk{};
  ssize_t got = 0;
  while ((got = read(descriptor, chunk.data(), chunk.size())) > 0 && text.size() <= most) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  if (got < 0) problem = std::strerror(errno);
  close(descriptor);
  if (got < 0) return std::nullopt;
  if (text.size() > most) {
    problem = "longer than " + std::to_string(most) + " bytes";
    return std::nullopt;
  }
  return text;
}

}  // namespace sallyport::config
