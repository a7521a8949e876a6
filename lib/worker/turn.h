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
  Tsc now;
  frame::Outbox& out;
  FrameAccount& held;
};

}  // namespace sallyport::worker
