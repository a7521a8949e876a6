#include "lib/worker/time_wait_table.h"

namespace sallyport::worker {

void TimeWaitTable::enter(const tcp::TimeWait& state, const FourTuple& tuple, FlowTable::Hash hash,
                          FlowRef from) noexcept {
  if (records_.full()) release_oldest();
  Handle<TimeWaitRecord> handle;
  TimeWaitRecord* record = records_.allocate(handle);
  if (record == nullptr) return;
  *record = {state, tuple, {}};
  flows_.replace(hash, from, {FlowRef::Kind::time_wait, handle.index});
  oldest_first_.push_back(handle.index, [this](auto i) -> TimeWaitRecord& { return at(i); });
}

void TimeWaitTable::forget(std::uint32_t index) noexcept {
  TimeWaitRecord& record = at(index);
  flows_.erase(flows_.hash(record.tuple), {FlowRef::Kind::time_wait, index});
  record.tuple = {};
}

void TimeWaitTable::release_oldest() noexcept {
  const std::uint32_t index =
      oldest_first_.pop_front([this](auto i) -> TimeWaitRecord& { return at(i); });
  if (at(index).tuple != FourTuple{}) forget(index);
  records_.release(records_.handle_at(index));
}

void TimeWaitTable::begin_anew(std::uint32_t index) noexcept {
  const TimeWaitRecord record = at(index);
  at(index).tuple = {};
  enter(record.state, record.tuple, flows_.hash(record.tuple), {FlowRef::Kind::time_wait, index});
}

void TimeWaitTable::expire(tcp::Instant now, std::uint32_t budget) noexcept {
  for (; budget > 0 && !oldest_first_.empty(); --budget) {
    const TimeWaitRecord& oldest = at(oldest_first_.front());
    if (oldest.tuple != FourTuple{} && !oldest.state.expires_at.has_come(now)) return;
    release_oldest();
  }
}

}  // namespace sallyport::worker
