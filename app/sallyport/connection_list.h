// ConnectionList: some connections of one worker, copied by its lcore when another thread asks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "app/sallyport/request_gate.h"
#include "lib/admin/reports.h"
#include "lib/base/address.h"
#include "lib/base/units.h"
#include "lib/crypto/client_identity.h"
#include "lib/tcp/tcb.h"
#include "lib/wire/tls_types.h"
#include "lib/worker/worker.h"

namespace sallyport {

class ConnectionList {
 public:
  static constexpr std::size_t kMaxRows = 256;

  // --- the lcore ---------------------------------------------------------------------------------
  // answer copies connections if somebody asked since the last time.
  void answer(const worker::Worker& worker, Tsc now) noexcept {
    gate_.answer([&] { copy(worker, now); });
  }

  // --- one other thread at a time ----------------------------------------------------------------
  void request() noexcept { gate_.request(); }
  [[nodiscard]] bool ready() const noexcept { return gate_.ready(); }
  // append_to adds the rows to `reports`.  Precondition: ready(), and nothing requested since.
  void append_to(std::vector<admin::ConnectionReport>& reports, std::uint16_t worker,
                 TscRate rate) const;

 private:
  // Row is what a connection was when it was copied; making text of it is not the lcore's work.
  struct Row {
    FourTuple client;
    FourTuple backend;
    bool has_backend = false;
    tcp::State client_state{};
    tcp::State backend_state{};
    worker::Phase phase{};
    wire::ProtocolVersion version{};
    bool backend_speaks_tls = false;
    wire::ProtocolVersion backend_version{};  // none until it is agreed on
    TscSpan age;
    std::uint32_t to_backend = 0;  // bytes, modulo 2^32
    std::uint32_t to_client = 0;
    crypto::ClientIdentity known_client;  // verdict none: it showed no certificate
  };
  void copy(const worker::Worker& worker, Tsc now) noexcept;

  RequestGate gate_;
  std::size_t num_rows_ = 0;
  std::array<Row, kMaxRows> rows_{};
};

}  // namespace sallyport
