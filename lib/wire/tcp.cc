#include "lib/wire/tcp.h"

#include <algorithm>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {
namespace {

constexpr std::size_t kTimestampsLength = 10;
constexpr std::size_t kSackBlockLength = 8;
// Two NOPs, kind and length, before the blocks.
constexpr std::size_t kSackOverhead = 4;

// Lengths with the NOPs that bring each option, or pair of options, to a multiple of four.
std::size_t length_without_sack(const TcpOptions& o) noexcept {
  std::size_t length = o.mss != 0 ? 4 : 0;
  if (o.has_timestamps) {
    length += 12;
  } else if (o.sack_permitted) {
    length += 4;
  }
  if (o.has_window_scale) length += 4;
  return length;
}

std::size_t sack_blocks_that_fit(const TcpOptions& o) noexcept {
  const std::size_t room = kMaxTcpOptionsLength - length_without_sack(o);
  if (o.num_sack_blocks == 0 || room < kSackOverhead + kSackBlockLength) return 0;
  return std::min({std::size_t{o.num_sack_blocks}, TcpOptions::kMaxSackBlocks,
                   (room - kSackOverhead) / kSackBlockLength});
}

constexpr std::uint8_t kind(TcpOptionKind k) noexcept { return static_cast<std::uint8_t>(k); }

// The body of one option, read from `body`, whose size is what its length says.
void read_option(TcpOptionKind option, Reader& body, TcpOptions& o) noexcept {
  switch (option) {
    case TcpOptionKind::maximum_segment_size:
      o.mss = body.u16();
      return;
    case TcpOptionKind::window_scale:
      o.window_scale = std::min(body.u8(), TcpOptions::kMaxWindowScale);
      o.has_window_scale = true;
      return;
    case TcpOptionKind::sack_permitted:
      o.sack_permitted = true;
      return;
    case TcpOptionKind::timestamps:
      o.tsval = body.u32();
      o.tsecr = body.u32();
      o.has_timestamps = true;
      return;
    case TcpOptionKind::sack:
      o.num_sack_blocks = 0;
      o.sack_blocks = {};
      if (body.at_end()) body.fail();  // [RFC 2018 3] at least one block
      while (!body.at_end() && o.num_sack_blocks < TcpOptions::kMaxSackBlocks) {
        TcpOptions::SackBlock& block = o.sack_blocks[o.num_sack_blocks++];
        block.left = {body.u32()};
        block.right = {body.u32()};
      }
      return;
    case TcpOptionKind::end_of_list:
    case TcpOptionKind::no_operation:
      return;
  }
  // [RFC 9293 3.1, MUST-6] Unknown options are ignored.
  body.skip(body.remaining());
}

}  // namespace

PacketError read_tcp_options(ByteView list, TcpOptions& o) noexcept {
  // What nearly every segment of an established connection carries: NOP, NOP, timestamps.
  constexpr std::uint32_t kUsual = 0x0101'080a;
  if (list.size() == 2 + kTimestampsLength && load<Be32>(list).host() == kUsual) [[likely]] {
    o.has_timestamps = true;
    o.tsval = load<Be32>(list.subspan(4)).host();
    o.tsecr = load<Be32>(list.subspan(8)).host();
    return PacketError::none;
  }
  Reader r{list};
  while (!r.at_end()) {
    const TcpOptionKind option{r.u8()};
    if (option == TcpOptionKind::end_of_list) break;
    if (option == TcpOptionKind::no_operation) continue;
    // [RFC 9293 3.1, MUST-7] A length that cannot be right, such as 0, must not hold us up.
    const std::uint8_t length = r.u8();
    if (length < 2) return PacketError::tcp_malformed;
    r.within(r.bytes(length - 2U), [option, &o](Reader& body) { read_option(option, body, o); });
  }
  return r.ok() ? PacketError::none : PacketError::tcp_malformed;
}

Result<TcpOptions, PacketError> parse_tcp_options(ByteView list) noexcept {
  Result<TcpOptions, PacketError> result{TcpOptions{}};
  if (const auto e = read_tcp_options(list, *result); e != PacketError::none) result = Err{e};
  return result;
}

std::size_t tcp_options_length(const TcpOptions& options) noexcept {
  const std::size_t blocks = sack_blocks_that_fit(options);
  return length_without_sack(options) +
         (blocks == 0 ? 0 : kSackOverhead + blocks * kSackBlockLength);
}

void write_tcp_options(MutableBytes room, const TcpOptions& o) noexcept {
  Writer w{room};
  const auto nop = [&w] { w.u8(kind(TcpOptionKind::no_operation)); };
  const auto begin = [&w](TcpOptionKind option, std::size_t length) {
    w.u8(kind(option));
    w.u8(static_cast<std::uint8_t>(length));
  };
  if (o.mss != 0) {
    begin(TcpOptionKind::maximum_segment_size, 4);
    w.u16(o.mss);
  }
  // SACK-permitted takes the place of the two NOPs before timestamps.
  if (o.sack_permitted) {
    begin(TcpOptionKind::sack_permitted, 2);
  }
  if (o.sack_permitted != o.has_timestamps) {
    nop();
    nop();
  }
  if (o.has_timestamps) {
    begin(TcpOptionKind::timestamps, kTimestampsLength);
    w.u32(o.tsval);
    w.u32(o.tsecr);
  }
  if (o.has_window_scale) {
    nop();
    begin(TcpOptionKind::window_scale, 3);
    w.u8(o.window_scale);
  }
  const std::size_t blocks = sack_blocks_that_fit(o);
  if (blocks == 0) return;
  nop();
  nop();
  begin(TcpOptionKind::sack, 2 + blocks * kSackBlockLength);
  for (const TcpOptions::SackBlock& block : std::span{o.sack_blocks}.first(blocks)) {
    w.u32(block.left.raw);
    w.u32(block.right.raw);
  }
}

}  // namespace sallyport::wire
