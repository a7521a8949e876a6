// Link: one direction of a path, in virtual time.  A frame waits in the queue of a bottleneck, is
// sent at its rate, is under way for the propagation delay, and may come to harm.  Same options,
// same seed, same frames: same arrivals.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/base/units.h"
#include "tests/support/bytes.h"
#include "tests/support/virtual_random.h"

namespace sallyport::testing {

// BurstLoss is the Gilbert-Elliott model: a good and a bad state, each frame may change it.
struct BurstLoss {
  double begin = 0;  // probability that a frame finds the good state turned bad; 0: never
  double end = 1;    // ... and the bad one good
  double loss = 1;   // of a frame in the bad state
};

// LinkOptions.  Probabilities are per frame.
struct LinkOptions {
  std::uint64_t rate = 0;  // bit/s of Ethernet frames; 0: infinite, and nothing ever waits
  Nanos delay{0};          // propagation, one way
  std::size_t queue = std::numeric_limits<std::size_t>::max();  // bytes that wait; more: tail drop
  // Packets of ECN-capable transports are marked CE when so many bytes wait; 0: never.
  std::size_t ecn_threshold = 0;
  double loss = 0;
  BurstLoss burst{};
  double duplication = 0;
  double reordering = 0;  // a frame is late by up to reordering_delay, and others overtake it
  Nanos reordering_delay = milliseconds{2};
  double corruption = 0;     // one bit of the frame is flipped
  std::uint16_t mtu = 0;     // larger packets are dropped; 0: no limit
  bool reports_mtu = false;  // ... and their sender is told (RFC 1191, RFC 8201)
};

// LinkCounters.  sent + duplicated == arrived + lost + overflowed + too_big + under way.
struct LinkCounters {
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;
  std::uint64_t arrived_bytes = 0;
  std::uint64_t lost = 0;        // by either kind of loss
  std::uint64_t overflowed = 0;  // the queue was full
  std::uint64_t too_big = 0;
  std::uint64_t marked = 0;  // CE
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;
  std::size_t longest_queue = 0;  // bytes
};

class Link {
 public:
  Link(const LinkOptions& options, std::uint64_t seed) : options_{options}, random_{seed} {}

  // send puts a frame on the link.  The answer is what a router in the path sends back for a packet
  // that is too large, where it says so at all.  `now` never goes back.
  std::optional<Bytes> send(Bytes frame, Nanos now);
  // next_arrival is when receive() has something next; nothing while the link is empty.
  [[nodiscard]] std::optional<Nanos> next_arrival() const;
  // receive takes the next frame that has arrived by `now`.
  [[nodiscard]] std::optional<Bytes> receive(Nanos now);

  [[nodiscard]] std::size_t num_under_way() const { return under_way_.size(); }
  // queued is how many bytes wait, or are being sent.
  [[nodiscard]] std::size_t queued(Nanos now) const;
  [[nodiscard]] const LinkCounters& counters() const { return counters_; }
  [[nodiscard]] const LinkOptions& options() const { return options_; }
  // set_options changes the path for frames that are sent from now on.
  void set_options(const LinkOptions& options) { options_ = options; }

 private:
  struct InFlight {
    Nanos at;
    std::uint64_t order;  // frames that arrive together do so in the order in which they were sent
    Bytes frame;
    friend bool operator>(const InFlight& a, const InFlight& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  [[nodiscard]] bool is_lost();
  void launch(Bytes frame, Nanos sent);

  LinkOptions options_;
  VirtualRandom random_;
  LinkCounters counters_;
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> under_way_;
  std::uint64_t order_ = 0;
  Nanos idle_at_{0};  // when the last frame of the queue will have been sent
  bool is_bad_ = false;
};

// mark_congestion sets CE in an IP packet of an ECN-capable transport and returns true; other
// frames stay as they are (RFC 3168 section 5).
bool mark_congestion(MutableBytes frame);

}  // namespace sallyport::testing
