// ControlLoop: what the control thread does every few milliseconds, as one pure step.  It keeps the
// snapshot up to date: next hops, keys of cookies and tickets, calendar time, draining.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/units.h"
#include "lib/control/compile.h"
#include "lib/control/cookie_keyring.h"
#include "lib/control/neighbour_service.h"
#include "lib/control/publisher.h"
#include "lib/control/ticket_keyring.h"

namespace sallyport::control {

class ControlLoop {
 public:
  // Calendar time in the snapshot is never older than this, so that a clock that is set, or drifts
  // from the time-stamp counter, reaches the workers.
  static constexpr seconds kMaxWallClockAge{10};

  struct Dependencies {
    Publisher& publisher;
    const CookieKeyring& cookie_keyring;
    const TicketKeyring& ticket_keyring;
    Random& random;
    TscRate tsc_rate;
  };

  // Publishes the first snapshot, so that readers may start.  `now` ties the counter to calendar
  // time; what is referred to must outlive the loop.
  ControlLoop(const Dependencies& dependencies, Compiled compiled, const WallClock& now);

  // on_frame takes the bytes of a worker's message to the control thread.
  void on_frame(std::uint8_t port, std::uint16_t stripped_vlan, ByteView frame, Tsc now);
  // tick appends frames to be sent, and publishes when something has changed and there is room.
  void tick(const WallClock& now, std::vector<ControlFrame>& out);

  // replace_listeners: from the next tick on, new handshakes see these.  They are as many as
  // before, in the same order, and differ in their TLS only.
  void replace_listeners(std::shared_ptr<const std::vector<snapshot::Listener>> listeners) noexcept;

  // drain: from the next tick on, snapshots say that nothing new is accepted.
  void drain() noexcept { draining_ = true; }

  [[nodiscard]] std::vector<NeighbourEvent> take_events() { return neighbours_.take_events(); }
  [[nodiscard]] bool is_settled() const noexcept { return neighbours_.is_settled(); }
  [[nodiscard]] const snapshot::Snapshot& current() const noexcept { return *publisher_.current(); }

 private:
  [[nodiscard]] milliseconds since_start(Tsc now) const noexcept;
  [[nodiscard]] bool is_due(const WallClock& now) const noexcept;
  void publish(const WallClock& now, std::uint64_t configuration);

  Publisher& publisher_;
  const CookieKeyring& cookie_keyring_;
  const TicketKeyring& ticket_keyring_;
  TscRate tsc_rate_;
  Tsc start_;
  std::shared_ptr<const std::vector<snapshot::Listener>> listeners_;
  std::shared_ptr<const std::vector<snapshot::Listener>> next_listeners_;  // wait to be published
  std::shared_ptr<const std::vector<snapshot::Pool>> pools_;
  std::shared_ptr<const NeighbourService::Interfaces> interfaces_;
  NeighbourService neighbours_;
  std::shared_ptr<const tls::TicketKeys> ticket_keys_;
  std::uint64_t ticket_epoch_ = 0;  // of those
  bool draining_ = false;
};

}  // namespace sallyport::control
