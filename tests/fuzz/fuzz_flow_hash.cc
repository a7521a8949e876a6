// Any bytes as a received frame: the hash never reads beyond them, does not depend on what follows
// the tuple, and is the same for both directions of a TCP segment over IPv4.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/dpdk/steering.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport::dpdk;
  constexpr std::size_t kIp = 14;
  constexpr std::size_t kAddresses = kIp + 12;
  // Exactly as long as the input, so that a sanitizer sees a read beyond its end.
  std::vector<std::uint8_t> frame(data, data + size);
  const auto flow = flow_hash(frame);
  if (!flow || flow->source != FlowSource::tcp) return 0;
  std::vector<std::uint8_t> longer = frame;
  longer.push_back(0xff);
  if (flow_hash(longer)->hash != flow->hash) std::abort();
  if (frame[12] != 0x08 || frame[13] != 0x00) return 0;
  const std::size_t ports = kIp + (frame[kIp] & 0x0fU) * std::size_t{4};
  std::swap_ranges(&frame[kAddresses], &frame[kAddresses + 4], &frame[kAddresses + 4]);
  std::swap_ranges(&frame[ports], &frame[ports + 2], &frame[ports + 2]);
  if (flow_hash(frame)->hash != flow->hash) std::abort();
  return 0;
}
