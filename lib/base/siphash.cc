#include "lib/base/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "lib/base/sip_state.h"

namespace sallyport {

static_assert(std::endian::native == std::endian::little, "words are read in little-endian order");

std::uint64_t siphash(const SipKey& key, ByteView message) noexcept {
  SipState state{key};
  while (message.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data(), sizeof word);
    state.absorb(word);
    message = message.subspan(sizeof word);
  }
  std::uint64_t tail = 0;
  for (std::size_t i = 0; i < message.size(); ++i) tail |= std::uint64_t{message[i]} << (8 * i);
  return state.finish(tail, static_cast<unsigned>(message.size()));
}

}  // namespace sallyport
