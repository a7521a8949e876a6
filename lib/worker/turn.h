// Turn: what one call of Worker::process hands to everything below it.
#pragma once
#include <cstdint>

#include "lib/base/units.h"
#include "lib/frame/outbox.h"

namespace sallyport::worker {

// FrameAccount counts the frames that connections hold beyond one call of process(), so that a
// worker can stop taking more before its pools run dry.
struct FrameAccount {
  std::uint32_t rx_held = 0;
  std::uint32_t tx_held = 0;
};

struct Turn {
  // So many records are opened: they are the one thing of which a frame can bring hundreds.  Four
  // megabytes in full ones.
  static constexpr std::uint32_t kRecords = 256;

  Tsc now;
  frame::Outbox& out;
  FrameAccount& held;
  std::uint32_t records = kRecords;  // that may still be opened
};

// RecordBudget is how many records of a client or a backend one visit may open, before it is the
// turn of others.
class RecordBudget {
 public:
  // A window holds thousands of records that carry a byte each: without a bound one peer could have
  // the worker for milliseconds at a time.  Half a megabyte in full ones.
  static constexpr std::uint32_t kPerVisit = 32;

  explicit RecordBudget(Turn& turn) noexcept : turn_{turn} {}

  [[nodiscard]] bool may_open() const noexcept { return left_ > 0 && turn_.records > 0; }
  // count takes one that was opened.  One that is read again, because it needed something that was
  // lent meanwhile, is not: nothing is lent twice.  Precondition: may_open().
  void count() noexcept {
    --left_;
    --turn_.records;
  }

 private:
  Turn& turn_;
  std::uint32_t left_ = kPerVisit;
};

}  // namespace sallyport::worker
