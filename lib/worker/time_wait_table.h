// TimeWaitTable: what is left of connections whose close we began, 64 bytes each, oldest first.
// All of them wait equally long, so the queue is the timer.
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/slab.h"
#include "lib/tcp/time_wait.h"
#include "lib/worker/flow_table.h"
#include "lib/worker/index_list.h"

namespace sallyport::worker {

struct TimeWaitRecord {
  tcp::TimeWait state;
  FourTuple tuple;  // all zero: forgotten
  IndexLink link;
};
static_assert(sizeof(TimeWaitRecord) <= 64);

class TimeWaitTable {
 public:
  TimeWaitTable(Arena& arena, std::size_t capacity, FlowTable& flows)
      : records_{arena, capacity}, flows_{flows} {}

  // enter takes over the flow entry of an ended connection.  When the table is full the oldest
  // record goes early: it would be the next to expire, and new ones protect younger data.
  void enter(const tcp::TimeWait& state, const FourTuple& tuple, FlowTable::Hash hash,
             FlowRef from) noexcept;
  // forget removes the flow entry at once; the slot follows when its time is over.
  void forget(std::uint32_t index) noexcept;
  // begin_anew moves a record whose expires_at was moved to the end of the queue.  The old slot is
  // used up until its own time is over, so this is for the owner to ration.
  void begin_anew(std::uint32_t index) noexcept;
  // expire frees what is due, at most `budget` records.
  void expire(tcp::Instant now, std::uint32_t budget) noexcept;

  // Precondition: `index` came from the flow table.
  [[nodiscard]] TimeWaitRecord& at(std::uint32_t index) noexcept {
    return *records_.get(records_.handle_at(index));
  }
  [[nodiscard]] std::size_t size() const noexcept { return records_.live(); }

 private:
  void release_oldest() noexcept;

  Slab<TimeWaitRecord> records_;
  FlowTable& flows_;
  IndexList<TimeWaitRecord, &TimeWaitRecord::link> oldest_first_;
};

}  // namespace sallyport::worker
