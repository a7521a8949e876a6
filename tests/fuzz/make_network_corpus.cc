// Writes the corpus of the harnesses `frame` and `tcp_options` from the sample frames of the unit
// tests: make_network_corpus tests/fuzz/corpus.  One file per frame, and one per list of options.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/wire/packet.h"
#include "tests/support/sample_frames.h"

namespace {

void write(const std::filesystem::path& path, sallyport::ByteView bytes) {
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                              static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace sallyport;
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_network_corpus DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path root{argv[1]};
  std::filesystem::create_directories(root / "frame");
  std::filesystem::create_directories(root / "tcp_options");
  for (const auto& sample : testing::kSampleFrames) {
    const auto frame = testing::unhex(sample.hex);
    write(root / "frame" / sample.name, frame);
    const auto p = wire::parse_packet(frame, 0, {});
    if (!p || p->kind != wire::PacketKind::tcp) continue;
    const std::size_t begin = p->l4_offset + sizeof(wire::TcpHeader);
    if (begin == p->payload_offset) continue;
    write(root / "tcp_options" / sample.name,
          ByteView{frame}.subspan(begin, p->payload_offset - begin));
  }
  for (const auto& [name, hex] : {
           std::pair{"four_sack_blocks",
                     "01010522000000010000000200000003000000040000000500000006000000070000000800"},
           std::pair{"unknown_then_end", "fe06f98901021e02020405b400ffff"},
           std::pair{"length_zero", "0200"},
           std::pair{"all_of_them", "020405b40402080a112233445566778803030e050a0000000100000002"},
       }) {
    write(root / "tcp_options" / name, testing::unhex(hex));
  }
  return 0;
}
