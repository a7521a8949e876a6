// LocalResponder: ARP requests, neighbour solicitations and echo requests, answered by whichever
// worker gets them, without state and within a rate.  What others claim about addresses goes to the
// control thread, which alone remembers it.
#pragma once
#include "lib/base/token_bucket.h"
#include "lib/frame/frame.h"
#include "lib/snapshot/snapshot.h"
#include "lib/stats/worker_stats.h"
#include "lib/wire/packet.h"
#include "lib/worker/turn.h"

namespace sallyport::worker {

class LocalResponder {
 public:
  LocalResponder(TscRate rate, std::uint32_t replies_per_second, stats::WorkerStats& stats) noexcept
      : replies_{rate, replies_per_second, replies_per_second / 10 + 1},
        reports_{rate, replies_per_second, replies_per_second / 10 + 1},
        stats_{stats} {}

  // handle takes a packet that is not TCP, on the interface where it arrived.  Returns `none` when
  // it was answered or passed on, else why not.  Uses up to one frame of credit.
  [[nodiscard]] stats::DropReason handle(const frame::Frame& f, const wire::Packet& packet,
                                         const snapshot::Interface& interface, Turn& turn) noexcept;

 private:
  [[nodiscard]] stats::DropReason handle_arp(const frame::Frame& f, const wire::Packet& packet,
                                             const snapshot::Interface& interface,
                                             Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason handle_icmp6(const frame::Frame& f, const wire::Packet& packet,
                                               const snapshot::Interface& interface,
                                               Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason echo(const frame::Frame& f, const wire::Packet& packet,
                                       const snapshot::Interface& interface, Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason report(const frame::Frame& f, const wire::Packet& packet,
                                         const snapshot::Interface& interface, Turn& turn) noexcept;

  TokenBucket replies_;
  TokenBucket reports_;
  stats::WorkerStats& stats_;
};

// is_local tells whether `ip` is one of the interface's own addresses.
[[nodiscard]] bool is_local(const snapshot::Interface& interface, const IpAddress& ip) noexcept;

// drop_reason_of is the counter of a packet that lib/wire refused.
[[nodiscard]] stats::DropReason drop_reason_of(wire::PacketError error) noexcept;

}  // namespace sallyport::worker
