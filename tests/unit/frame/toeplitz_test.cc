#include "lib/frame/toeplitz.h"

#include <gtest/gtest.h>

#include <random>

namespace sallyport::frame {
namespace {

// The key and tuples with which Microsoft's documentation of receive-side scaling lets an
// implementation verify itself.
constexpr ToeplitzKey kMicrosoftKey{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Vector {
  const char* source;
  const char* destination;
  std::uint32_t hash;
};

TEST(Toeplitz, GivesThePublishedHashes) {
  for (const Vector& v : {
           Vector{"66.9.149.187:2794", "161.142.100.80:1766", 0x51ccc178},
           Vector{"199.92.111.2:14230", "65.69.140.83:4739", 0xc626b0ea},
           Vector{"24.19.198.95:12898", "12.22.207.184:38024", 0x5c2b394a},
           Vector{"38.27.205.30:48228", "209.142.163.6:2217", 0xafc7327f},
           Vector{"153.39.163.191:44251", "202.188.127.2:1303", 0x10e828a2},
           Vector{"[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", 0x40207d3d},
           Vector{"[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0xdde51bbf},
           Vector{"[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251", "[fe80::200:f8ff:fe21:67cf]:38024",
                  0x02d1feef},
       }) {
    EXPECT_EQ(toeplitz(kMicrosoftKey, *parse_socket_address(v.source),
                       *parse_socket_address(v.destination)),
              v.hash)
        << v.source;
  }
}

SocketAddress random_address(std::mt19937& draw, bool v4) {
  IpAddress::Bytes16 raw;
  for (auto& byte : raw) byte = static_cast<std::uint8_t>(draw());
  const auto port = static_cast<std::uint16_t>(draw());
  if (v4) return {IpAddress::v4({raw[0], raw[1], raw[2], raw[3]}), port};
  return {IpAddress::v6(raw), port};
}

TEST(Toeplitz, BothDirectionsFallOnTheSameWorkerWithTheSymmetricKey) {
  std::mt19937 draw{1};
  bool differ_with_other_key = false;
  for (int i = 0; i < 1000; ++i) {
    const bool v4 = i % 2 == 0;
    const SocketAddress a = random_address(draw, v4);
    const SocketAddress b = random_address(draw, v4);
    EXPECT_EQ(toeplitz(symmetric_toeplitz_key(), a, b), toeplitz(symmetric_toeplitz_key(), b, a));
    differ_with_other_key |= toeplitz(kMicrosoftKey, a, b) != toeplitz(kMicrosoftKey, b, a);
  }
  EXPECT_TRUE(differ_with_other_key);
}

TEST(Toeplitz, TheShortCutForTheSymmetricKeyGivesWhatTheNicGives) {
  std::mt19937 draw{2};
  for (int i = 0; i < 1000; ++i) {
    const bool v4 = i % 2 == 0;
    const SocketAddress a = random_address(draw, v4);
    const SocketAddress b = random_address(draw, v4);
    std::array<std::uint8_t, 36> input;
    auto end = std::ranges::copy(a.ip.octets(), input.begin()).out;
    end = std::ranges::copy(b.ip.octets(), end).out;
    end = std::ranges::copy(Be16::of(a.port).bytes, end).out;
    end = std::ranges::copy(Be16::of(b.port).bytes, end).out;
    EXPECT_EQ(toeplitz(symmetric_toeplitz_key(), a, b),
              toeplitz(symmetric_toeplitz_key(), ByteView{input.begin(), end}));
  }
}

TEST(Toeplitz, SpreadsPortsOverWorkers) {
  for (const std::size_t workers : {2U, 3U, 8U}) {
    const Reta reta{workers};
    std::array<unsigned, 8> load{};
    SocketAddress client = *parse_socket_address("198.18.0.5:1024");
    const SocketAddress server = *parse_socket_address("198.18.0.10:443");
    for (; client.port < 1024 + 8000; ++client.port) {
      ++load[reta.owner(toeplitz(symmetric_toeplitz_key(), client, server))];
    }
    for (std::size_t w = 0; w < workers; ++w) EXPECT_GT(load[w], 8000 / workers / 2);
  }
}

TEST(Reta, EveryWorkerOwnsEntriesAndNobodyElseDoes) {
  const Reta reta{3};
  std::array<unsigned, 3> owned{};
  for (const std::uint8_t owner : reta.entries()) ++owned.at(owner);
  for (const unsigned n : owned) EXPECT_GE(n, kRetaSize / 3);
}

}  // namespace
}  // namespace sallyport::frame
