#include "lib/control/control_loop.h"

#include <utility>

namespace sallyport::control {

ControlLoop::ControlLoop(const Dependencies& dependencies, Compiled compiled, const WallClock& now)
    : publisher_{dependencies.publisher},
      cookie_keyring_{dependencies.cookie_keyring},
      ticket_keyring_{dependencies.ticket_keyring},
      tsc_rate_{dependencies.tsc_rate},
      start_{now.at},
      listeners_{std::move(compiled.listeners)},
      pools_{std::move(compiled.pools)},
      neighbours_{*compiled.interfaces, dependencies.random, milliseconds{0}} {
  publish(now, 0);
}

void ControlLoop::replace_listeners(
    std::shared_ptr<const std::vector<snapshot::Listener>> listeners) noexcept {
  next_listeners_ = std::move(listeners);
}

milliseconds ControlLoop::since_start(Tsc now) const noexcept {
  return std::chrono::duration_cast<milliseconds>(tsc_rate_.nanos(now - start_));
}

void ControlLoop::on_frame(std::uint8_t port, std::uint16_t stripped_vlan, ByteView frame,
                           Tsc now) {
  neighbours_.on_frame(port, stripped_vlan, frame, since_start(now));
}

void ControlLoop::tick(const WallClock& now, std::vector<ControlFrame>& out) {
  neighbours_.advance(since_start(now.at), out);
  // What cannot be published now stays due.
  // While handshakes pin as many configurations as there may be, new listeners wait, alone.
  const std::uint64_t configuration = current().configuration;
  const bool replaces = next_listeners_ != nullptr && publisher_.can_publish(configuration + 1);
  if (replaces) listeners_ = std::exchange(next_listeners_, nullptr);
  if (replaces || (is_due(now) && publisher_.can_publish(configuration))) {
    publish(now, configuration + (replaces ? 1 : 0));
  }
  publisher_.reclaim();
}

bool ControlLoop::is_due(const WallClock& now) const noexcept {
  const snapshot::Snapshot& last = current();
  return neighbours_.is_changed() || last.draining != draining_ ||
         TicketKeyring::epoch_of(now.unix_ms) != ticket_epoch_ ||
         CookieKeyring::half_epoch_of(now.unix_ms) !=
             CookieKeyring::half_epoch_of(last.wall.unix_ms) ||
         tsc_rate_.nanos(now.at - last.wall.at) > kMaxWallClockAge;
}

void ControlLoop::publish(const WallClock& now, std::uint64_t configuration) {
  if (neighbours_.is_changed()) interfaces_ = neighbours_.take_interfaces();
  if (ticket_keys_ == nullptr || TicketKeyring::epoch_of(now.unix_ms) != ticket_epoch_) {
    ticket_epoch_ = TicketKeyring::epoch_of(now.unix_ms);
    ticket_keys_ = ticket_keyring_.at(now.unix_ms);
  }
  auto next = std::make_unique<snapshot::Snapshot>();
  next->wall = now;
  next->tsc_rate = tsc_rate_;
  next->draining = draining_;
  next->cookie_keys = cookie_keyring_.at(now.unix_ms);
  next->ticket_keys = ticket_keys_;
  next->interfaces = interfaces_;
  next->listeners = listeners_;
  next->pools = pools_;
  next->configuration = configuration;
  publisher_.publish(std::move(next));
}

}  // namespace sallyport::control
