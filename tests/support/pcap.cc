#include "tests/support/pcap.h"

#include <array>
#include <cstdint>
#include <cstdlib>

namespace sallyport::testing {
namespace {

constexpr std::uint32_t kMagicNanoseconds = 0xa1b2'3c4d;
constexpr std::uint32_t kVersion = 4U << 16U | 2U;  // 2.4, two little-endian halves
constexpr std::uint32_t kSnapLength = 65'535;
constexpr std::uint32_t kEthernet = 1;

template <std::size_t N>
void put(std::FILE* file, const std::array<std::uint32_t, N>& words) {
  (void)std::fwrite(words.data(), sizeof(std::uint32_t), N, file);
}

}  // namespace

PcapWriter::PcapWriter(const std::string& path) : file_{std::fopen(path.c_str(), "wb")} {
  if (file_ == nullptr) {
    (void)std::fprintf(stderr, "cannot write %s\n", path.c_str());
    return;
  }
  put<6>(file_.get(), {kMagicNanoseconds, kVersion, 0, 0, kSnapLength, kEthernet});
}

PcapWriter PcapWriter::from_environment() {
  const char* path = std::getenv("SALLYPORT_PCAP");
  return path == nullptr || *path == '\0' ? PcapWriter{} : PcapWriter{path};
}

void PcapWriter::write(ByteView frame, Nanos at) {
  if (!is_open()) return;
  const auto ns = static_cast<std::uint64_t>(at.count());
  const auto len = static_cast<std::uint32_t>(frame.size());
  put<4>(file_.get(), {static_cast<std::uint32_t>(ns / 1'000'000'000),
                       static_cast<std::uint32_t>(ns % 1'000'000'000), len, len});
  (void)std::fwrite(frame.data(), 1, frame.size(), file_.get());
}

}  // namespace sallyport::testing
