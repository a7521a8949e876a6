// What scenarios have in common: data, backends, and what must be left when all is over.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/wire/ethernet.h"
#include "lib/wire/headers.h"
#include "tests/support/openssl_client.h"
#include "tests/support/simulation.h"

namespace sallyport::testing {

inline Bytes pattern(std::size_t len, std::uint32_t seed = 1) {
  Bytes bytes(len);
  std::uint32_t state = seed;
  for (auto& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  return bytes;
}

// Echo answers every byte with itself, on every connection of the backends.
class Echo {
 public:
  explicit Echo(Simulation& sim) {
    for (std::size_t i = 0; i < 2; ++i) {
      sim.backends.listen(sim.backend(i), [this](Socket& s) { sockets_.push_back(&s); });
    }
  }
  void step() {
    for (Socket* s : sockets_) {
      const Bytes bytes = s->take_received();
      received_ += bytes.size();
      s->send(bytes);
      if (s->peer_closed() && s->unacked() == 0) s->close();
    }
  }
  void forget_closed() {
    std::erase_if(sockets_, [](const Socket* s) { return s->is_over(); });
  }
  [[nodiscard]] const std::vector<Socket*>& sockets() const { return sockets_; }
  [[nodiscard]] std::size_t received() const { return received_; }

 private:
  std::vector<Socket*> sockets_;
  std::size_t received_ = 0;
};

// Page answers each request that ends in an empty line with `len` bytes and closes.
class Page {
 public:
  Page(Simulation& sim, std::size_t len) : page_{pattern(len)} {
    for (std::size_t i = 0; i < 2; ++i) {
      sim.backends.listen(sim.backend(i), [this](Socket& s) {
        sockets_.push_back({&s, {}, false});
      });
    }
  }
  void step() {
    for (Exchange& e : sockets_) {
      const Bytes bytes = e.socket->take_received();
      e.request.append(bytes.begin(), bytes.end());
      if (e.answered || e.request.find("\r\n\r\n") == std::string::npos) continue;
      e.answered = true;
      e.socket->send(page_);
      e.socket->close();
    }
  }
  [[nodiscard]] const Bytes& page() const { return page_; }
  [[nodiscard]] std::size_t num_connections() const { return sockets_.size(); }

 private:
  struct Exchange {
    Socket* socket;
    std::string request;
    bool answered;
  };
  Bytes page_;
  std::vector<Exchange> sockets_;
};

inline constexpr MacAddress kStrangerMac{{2, 0, 0, 0, 0, 0x66}};

// frame_from is a whole frame of `source` to the listener.
inline Bytes frame_from(const Simulation& sim, const SocketAddress& source, tcp::Flags flags,
                        std::uint32_t seq, std::uint32_t ack, ByteView payload = {}) {
  wire::TcpHeaders headers;
  headers.ethernet = {kStrangerMac, sim.worker_mac(), 0};
  headers.ip = {.source = source.ip, .destination = sim.listener().ip};
  headers.tcp.source_port = source.port;
  headers.tcp.destination_port = sim.listener().port;
  headers.tcp.sequence_number = seq;
  headers.tcp.acknowledgment_number = ack;
  headers.tcp.flags = flags;
  headers.tcp.window = 1'000;
  const std::size_t total = wire::header_lengths(headers).total();
  Bytes frame(total + payload.size());
  std::ranges::copy(payload, frame.begin() + static_cast<std::ptrdiff_t>(total));
  wire::write_tcp_headers(MutableBytes{frame}.first(total), headers, payload,
                          wire::Completion::software);
  return frame;
}

// Talk is a connection that sends `len` bytes to an Echo and wants them back.
class Talk {
 public:
  Talk(Simulation& sim, std::size_t len, const OpensslClientOptions& options = {})
      : sent_{pattern(len)}, tls_{sim.connect(), options} {
    tls_.write(sent_);
  }
  // done is true when every byte has come back.
  bool done() {
    tls_.step();
    return tls_.received().size() >= sent_.size();
  }
  [[nodiscard]] bool correct() const { return tls_.received() == sent_; }
  void close() {
    tls_.shutdown();
    tls_.step();
    tls_.socket().close();
  }
  OpensslClient& tls() { return tls_; }

 private:
  Bytes sent_;
  OpensslClient tls_;
};

inline constexpr const char* kRequest = "GET / HTTP/1.0\r\n\r\n";

// expect_all_gone: no slot, no frame, nothing is left of any connection but TIME_WAIT records.
// Connections whose both ends have closed go at once, not when some limit of time cleans up.
inline void expect_all_gone(Simulation& sim, Nanos within = seconds{2}) {
  EXPECT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, within));
  sim.run_for(milliseconds{50});
  EXPECT_EQ(sim.frames_in_use(), 0U);
  for (std::size_t i = 0; i < sim.num_workers(); ++i) {
    const stats::WorkerStats& s = sim.stats(i);
    EXPECT_EQ(sim.worker(i).frames_held().rx_held, 0U);
    EXPECT_EQ(sim.worker(i).frames_held().tx_held, 0U);
    EXPECT_EQ(s.gauges.value(stats::Gauge::handshakes), 0U);
    EXPECT_EQ(s.gauges.value(stats::Gauge::jobs), 0U);
    EXPECT_EQ(s.gauges.value(stats::Gauge::timers), 0U);
    EXPECT_EQ(s.drops.value(stats::DropReason::internal_error), 0U);
    EXPECT_EQ(s.failures.value(stats::HandshakeFailure::internal_error), 0U);
    EXPECT_EQ(s.closes.value(stats::CloseCause::internal_error), 0U);
    for (const auto& backend : s.backends) {
      EXPECT_EQ(backend.value(stats::BackendCounter::connections), 0U);
    }
    EXPECT_EQ(sim.pins(i), 0U);
  }
}

// While backends still have to close their side.
inline void expect_all_gone(Simulation& sim, Echo& echo, Nanos within = seconds{2}) {
  sim.run(
      [&] {
        echo.step();
        return sim.num_connections() == 0;
      },
      within);
  expect_all_gone(sim, seconds{0});
}

}  // namespace sallyport::testing
