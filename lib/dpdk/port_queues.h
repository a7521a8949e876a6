// PortQueues: one lcore's queues on all ports, and the rings by which it exchanges frames with
// other lcores.  Input that belongs to another worker is handed on before anyone has looked into
// it; output waits here, for at most a millisecond, while a port takes none.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "lib/base/units.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/dpdk/port.h"
#include "lib/dpdk/steering.h"
#include "lib/frame/frame.h"
#include "lib/frame/outbox.h"
#include "lib/frame/toeplitz.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::dpdk {

struct PortQueuesOptions {
  std::uint16_t worker = 0;      // our number among the workers, and our queue on every port
  std::span<Port* const> ports;  // by PortIndex; outlives us
  SteeringMesh* mesh = nullptr;  // may be null with one worker
  frame::Reta reta{1};
  stats::WorkerStats* stats = nullptr;
  TscRate tsc_rate;
};

class PortQueues {
 public:
  static constexpr std::size_t kMaxPorts = 16;
  // A port that has taken nothing for this long loses what waits for it: output never holds up
  // input for longer.
  static constexpr Nanos kPatience = milliseconds{1};

  explicit PortQueues(const PortQueuesOptions& options);

  // flush offers waiting output again.  False: too much still waits, so that what one more call of
  // process() may send would not fit.
  [[nodiscard]] bool flush(Tsc now) noexcept;
  // receive fills `frames` from the front: first what other lcores handed us, then the ports in
  // turn.  Returns how many.
  [[nodiscard]] std::size_t receive(std::span<frame::Frame*> frames) noexcept;
  // send takes the references of all `frames`, at most Outbox::kMaxFrames.
  void send(std::span<frame::Frame* const> frames, Tsc now) noexcept;
  // release_all gives back what waits: at the end of the lcore.
  void release_all() noexcept;
  [[nodiscard]] bool output_waits() const noexcept;

 private:
  struct Output {
    std::array<frame::Frame*, 2 * frame::Outbox::kMaxFrames> waiting{};  // prepared, in order
    std::size_t num_waiting = 0;
    Tsc moved;            // last time that the port took a frame, or was idle
    bool stands = false;  // patience is over; until it moves again nothing waits for it
  };
  struct Outgoing {
    std::array<frame::Frame*, 64> frames{};
    std::size_t size = 0;
  };

  [[nodiscard]] std::size_t transmit(std::size_t port, std::span<frame::Frame* const> frames,
                                     Tsc now) noexcept;
  void drop(std::span<frame::Frame* const> frames) noexcept;
  void drop_portless(std::span<frame::Frame* const> frames) noexcept;
  [[nodiscard]] std::size_t keep_own(Port& port, std::span<frame::Frame*> frames) noexcept;
  [[nodiscard]] std::uint16_t owner_of(Port& port, const frame::Frame& f) noexcept;
  void hand_over(std::uint16_t to) noexcept;

  // How many frames of a port are compared with our own hash before it is trusted.
  static constexpr std::uint32_t kFramesToVerify = 1024;

  PortQueuesOptions options_;
  TscSpan patience_;
  std::size_t next_port_ = 0;
  std::array<std::uint32_t, kMaxPorts> num_verified_{};
  std::unique_ptr<Output[]> outputs_;
  std::unique_ptr<Outgoing[]> outgoing_;  // by worker
};

}  // namespace sallyport::dpdk
