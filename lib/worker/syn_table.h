// SynTable: handshakes of listeners that remember theirs (`syn_mode = "tracked"`), at most so many.
//
// A flood of SYNs fills it with records of nobody.  Above three quarters no SYN is remembered any
// more, and each is answered by its cookie alone, at the rate of a cookie; that ends when half of
// the table is free again.  So a flood costs neither memory nor, beyond the first moment, time.
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/arena.h"
#include "lib/base/slab.h"
#include "lib/base/timer_wheel.h"
#include "lib/tcp/syn_received.h"
#include "lib/worker/flow_table.h"
#include "lib/worker/link_peer.h"

namespace sallyport::worker {

struct SynRecord {
  tcp::SynReceived state;
  FourTuple tuple;
  LinkPeer link;
};
static_assert(sizeof(SynRecord) <= 80);

class SynTable {
 public:
  // Precondition: capacity >= 4.
  SynTable(Arena& arena, std::size_t capacity, FlowTable& flows, TscRate rate, Tsc now);

  // is_tracking: SYNs are to be remembered now.
  [[nodiscard]] bool is_tracking() const noexcept { return is_tracking_; }
  // num_suspensions is how often tracking has ended for a while.
  [[nodiscard]] std::uint64_t num_suspensions() const noexcept { return num_suspensions_; }

  // add remembers a handshake whose SYN-ACK is being sent; false: no place, and nothing is lost.
  // Precondition: is_tracking(), and the tuple has no flow entry.
  bool add(const FourTuple& tuple, FlowTable::Hash hash, const LinkPeer& link,
           const tcp::SynReceived& state, Tsc now) noexcept;
  // Preconditions of these: `index` came from the flow table.
  [[nodiscard]] SynRecord& at(std::uint32_t index) noexcept {
    return *records_.get(records_.handle_at(index));
  }
  // rearm is for after a change of the record's time_out().
  void rearm(std::uint32_t index, Tsc now) noexcept;
  void forget(std::uint32_t index) noexcept;

  // expire calls repeat(SynRecord&) for each record whose SYN-ACK is due again, and forgets those
  // that are given up; at most `budget` together.
  template <class Repeat>
  void expire(Tsc now, std::uint32_t budget, Repeat&& repeat) noexcept {
    timers_.expire(now, budget, [&](std::uint32_t index) noexcept {
      if (tcp::is_given_up(at(index).state)) {
        forget(index);
        return;
      }
      repeat(at(index));
      rearm(index, now);
    });
  }
  [[nodiscard]] std::size_t size() const noexcept { return records_.live(); }

 private:
  Slab<SynRecord> records_;
  TimerWheel timers_;
  FlowTable& flows_;
  TscRate rate_;
  bool is_tracking_ = true;
  std::uint64_t num_suspensions_ = 0;
};

}  // namespace sallyport::worker
