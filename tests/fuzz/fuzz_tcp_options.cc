// Any bytes as the options of a TCP header.  Properties: what is understood stays within its
// bounds, and written again and parsed again it is the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/wire/tcp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  using namespace sallyport::wire;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto options = parse_tcp_options(ByteView{data, std::min(size, kMaxTcpOptionsLength)});
  if (!options) {
    require(options.error() == PacketError::tcp_malformed);
    return 0;
  }
  require(options->num_sack_blocks <= TcpOptions::kMaxSackBlocks);
  require(options->window_scale <= TcpOptions::kMaxWindowScale);
  const std::size_t length = tcp_options_length(*options);
  require(length <= kMaxTcpOptionsLength && length % 4 == 0);
  std::vector<std::uint8_t> room(length);
  write_tcp_options(room, *options);
  const auto again = parse_tcp_options(room);
  require(again.has_value());
  TcpOptions expected = *options;
  require(again->num_sack_blocks <= expected.num_sack_blocks);
  expected.num_sack_blocks = again->num_sack_blocks;
  for (std::size_t i = again->num_sack_blocks; i < TcpOptions::kMaxSackBlocks; ++i) {
    expected.sack_blocks[i] = {};
  }
  require(*again == expected);
  return 0;
}
