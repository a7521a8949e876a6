// TcpHost: a host of the simulator that speaks TCP through lib/tcp and keeps bytes in plain
// vectors. It is the client and the backend of scenario tests and benchmarks; whoever tests
// Sallyport's TCP against a TCP that nobody here wrote uses the system tests instead.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "lib/base/address.h"
#include "lib/tcp/input.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"
#include "lib/wire/packet.h"
#include "tests/support/bytes.h"
#include "tests/support/chunk_queue.h"

namespace sallyport::testing {

class TcpHost;

// Socket is one connection of a TcpHost.
class Socket {
 public:
  void send(ByteView bytes) {
    unacked_.insert(unacked_.end(), bytes.begin(), bytes.end());
    num_new_ += bytes.size();
  }
  // close sends FIN after what was sent; abort sends RST.
  void close();
  void abort();
  // take_received returns what has arrived in order since the last call.
  [[nodiscard]] Bytes take_received() { return std::exchange(received_, {}); }
  // set_reading(false) leaves received bytes in the window until it is true again.
  void set_reading(bool reading) { reading_ = reading; }

  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] bool peer_closed() const { return peer_closed_; }
  [[nodiscard]] bool was_reset() const { return reset_; }
  // is_over: this socket will never send or receive anything again.
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] std::size_t unacked() const { return unacked_.size(); }
  [[nodiscard]] const FourTuple& tuple() const { return tuple_; }
  [[nodiscard]] const tcp::Tcb& tcb() const { return tcb_; }

 private:
  friend class TcpHost;
  [[nodiscard]] tcp::Segment make_ack(tcp::Instant now);

  TcpHost* host_ = nullptr;
  FourTuple tuple_;
  MacAddress peer_mac_;
  tcp::Tcb tcb_;
  std::deque<std::uint8_t> unacked_;  // from SND.UNA on
  std::size_t num_new_ = 0;           // of them, at the end, those that are in no chunk yet
  ChunkQueue chunks_;
  Bytes received_;
  std::map<std::uint32_t, Bytes> ahead_;  // distance from IRS -> out-of-order text
  std::uint32_t latest_ahead_ = 0;
  bool reading_ = true;
  bool established_ = false;
  bool peer_closed_ = false;
  bool reset_ = false;
  bool over_ = false;
};

class TcpHost {
 public:
  static constexpr std::uint32_t kReceiveBuffer = 256 * 1024;

  using Transmit = std::function<void(Bytes frame)>;
  TcpHost(MacAddress mac, std::uint16_t mtu, Transmit transmit)
      : mac_{mac}, mtu_{mtu}, transmit_{std::move(transmit)} {}

  // set_vlan puts this host behind an 802.1Q tag.
  void set_vlan(std::uint16_t vlan) { vlan_ = vlan; }

  // connect begins an active open; the socket lives as long as the host.
  Socket& connect(const SocketAddress& local, const SocketAddress& remote,
                  const MacAddress& peer_mac, tcp::Instant now);
  // listen accepts connections to `local`; `accepted` is told of each when it is established.
  void listen(const SocketAddress& local, std::function<void(Socket&)> accepted) {
    listeners_[local] = std::move(accepted);
  }
  void stop_listening(const SocketAddress& local) { listeners_.erase(local); }
  // silence makes the host drop everything, as if its cable were cut.
  void silence(bool silent) { silent_ = silent; }

  void receive(ByteView frame, tcp::Instant now);
  // poll runs due timers and sends what may be sent.
  void poll(tcp::Instant now);

  [[nodiscard]] const MacAddress& mac() const { return mac_; }
  [[nodiscard]] std::size_t num_sockets_open() const;
  void send_segment(const FourTuple& tuple, const MacAddress& to, const tcp::Segment& segment,
                    ByteView payload);

 private:
  friend class Socket;
  void on_segment(Socket& s, const wire::Packet& packet, ByteView frame, tcp::Instant now);
  void on_events(Socket& s, tcp::Events events);
  void stray(const wire::Packet& packet, ByteView frame, tcp::Instant now);
  void pump(Socket& s, tcp::Instant now);

  MacAddress mac_;
  std::uint16_t mtu_;
  std::uint16_t vlan_ = 0;
  Transmit transmit_;
  bool silent_ = false;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::map<std::pair<SocketAddress, SocketAddress>, Socket*> by_tuple_;
  std::map<SocketAddress, std::function<void(Socket&)>> listeners_;
  tcp::Instant now_;
};

}  // namespace sallyport::testing
