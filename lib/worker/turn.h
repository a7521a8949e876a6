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

  // open_record takes one of them; false: it is the turn of the next call.
  [[nodiscard]] bool open_record() noexcept {
    if (records == 0) return false;
    --records;
    return true;
  }
};

// One visit opens so many records of a client or a backend, and then it is the turn of others.  A
// window holds thousands of those that carry a byte each: without a bound one peer could have the
// worker for milliseconds at a time.  Half a megabyte in full ones.
constexpr std::uint32_t kRecordsPerVisit = 32;

}  // namespace sallyport::worker
