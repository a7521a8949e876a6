// RandomTransfer: everything that one seed decides about a connection between two TCPs: the paths,
// what both sides offer, how the applications write, read and close.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/support/tcp_network.h"
#include "tests/support/virtual_random.h"

namespace sallyport::testing {

// Application is one side's: what it sends and how it behaves.
struct Application {
  std::size_t len = 0;    // bytes to send
  std::size_t piece = 0;  // of one write
  Nanos pause{0};         // between two writes
  std::size_t read_at_once = SIZE_MAX;
  Nanos read_pause{0};       // 0: reads whatever is there, at once
  bool closes_last = false;  // only after the peer has closed: it was half-open until then
};

enum class Opening : std::uint8_t { cookie, tracked, simultaneous };

struct TransferPlan {
  NetworkOptions network;
  Opening opening = Opening::cookie;
  std::array<Application, 2> applications;  // client, server
  bool aborts = false;                      // somebody resets the connection in the middle
  bool server_aborts = false;
  Nanos abort_at{0};
};

// draw_plan is what `seed` stands for.
[[nodiscard]] TransferPlan draw_plan(std::uint64_t seed);
[[nodiscard]] std::string describe(const TransferPlan& plan);

// Transfer runs a plan and says what went wrong, if anything did.
class Transfer {
 public:
  explicit Transfer(const TransferPlan& plan, PcapWriter pcap = {});
  // run returns the first thing that is wrong; empty: everything is as it should be.
  [[nodiscard]] std::string run();
  [[nodiscard]] TcpNetwork& network() { return network_; }

 private:
  struct Side {
    TcpEndpoint* tcp = nullptr;
    TcpEndpoint* peer = nullptr;
    Application application;
    std::size_t num_written = 0;
    std::size_t num_read = 0;
    std::size_t expected = 0;  // of the peer
    std::uint8_t key = 0;
    std::uint8_t peer_key = 0;
    bool closed = false;
    bool garbled = false;
  };
  void begin_side(Side& side);
  void write_piece(Side& side);
  void read_some(Side& side);
  void read_all(Side& side);
  void close_if_done(Side& side);
  [[nodiscard]] std::string judge() const;

  TransferPlan plan_;
  TcpNetwork network_;
  std::array<Side, 2> sides_;
};

}  // namespace sallyport::testing
